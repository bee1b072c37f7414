"""The spots of a run in the files of other tools, and as clips.

python -m common.export models/NetVLAD++ --format sportscode csv webvtt
python -m common.export models/Films --format clips reel
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import counted, run_cli
from common.training.argument_types import moment, place, rate, threshold
from common.training.flags import new_parser

if TYPE_CHECKING:
    from common.export.texts import Screening, Subject

TEXTS = ("sportscode", "csv", "webvtt", "srt", "youtube", "labelstudio", "soccernet")
FILMS = ("clips", "reel")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.export", __doc__ or "", usage="%(prog)s RUN --format F [F …] [flags]"
    )
    add = parser.add_argument
    # fmt: off
    add("run", type=place, metavar="RUN",
        help="run folder models/<model_name>, a zip or folder of results, or a single file: "
        "results, labels, spots.json of common.spot, or corrections")
    add("--format", nargs="+", required=True, choices=(*TEXTS, *FILMS), metavar="F",
        help=f"one or several of {', '.join((*TEXTS, *FILMS))}")
    add("--output", type=place, metavar="FOLDER",
        help="where to write [exports in the run's folder, else <name>_exports beside RUN]")
    add("--split", help="of a run, or the name of files that it spotted in [test, or the only one]")
    add("--game", nargs="+", default=[], metavar="TEXT",
        help="only games with one of these in their path [all]")
    add("--annotations", action="store_true", help="the games' annotations instead of detections")
    add("--threshold", type=threshold,
        help="lowest confidence; auto: those that common.operating_point has saved in the run "
        "[auto if there are any, else 0.5]")
    add("--SoccerNet_path", type=place, help="data root [that of the run]")
    add("--version", type=int, choices=(1, 2),
        help="SoccerNet version: 1 (3 classes) or 2 (17) [that of the run, else 2]")
    add = parser.add_argument_group("videos").add_argument
    add("--lead", type=moment, metavar="S",
        help="seconds shown before a spot [10; of subtitles 0]")
    add("--lag", type=moment, metavar="S", help="seconds shown after a spot [10; of subtitles 4]")
    add("--kick_off", type=moment, nargs="+", default=[], metavar="S",
        help="second of its video at which each half begins; if each is behind the last spot of "
        "the half before, one video holds all halves [0, and a video for each half]")
    add("--video", type=place, nargs="+", default=[], metavar="FILE",
        help="video of a game, or one for each half, the folder that holds the games, or a "
        "template such as '{game}/{half}_224p.mkv', for clips and reels, and to be named in tasks "
        "[for clips and reels those beside the data, or that were spotted in]")
    add("--cut", choices=("exact", "keyframes"), default="exact",
        help="encode clips anew, exact to the picture, or copy from the key frame before [exact]")
    add("--frame_rate", type=rate, default=25, metavar="FPS",
        help="frames per second of videos in Label Studio [25]")
    # fmt: on
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the spots game by game, and writes the files of each."""
    args = parse_arguments(argv)
    from tqdm import tqdm  # these behind the flags: --help is quick

    from common.export.earlier import tell_texts
    from common.export.screened import find_videos, screened
    from common.export.texts import Screening, Subject
    from common.spots.file_names import file_names
    from common.spots.moments import above
    from common.spots.run_games import find_games, thresholds_of

    found = find_games(args.run, args.split, games=args.game, SoccerNet_path=args.SoccerNet_path,
                       version=args.version)  # fmt: skip
    thresholds, origin = thresholds_of(found, args.threshold)
    cut = next((each for each in args.format if each in FILMS), None)
    filmed = find_videos(found, args.video, args.kick_off, cut)
    screening = Screening(
        kick_off_ms=tuple(round(1000 * each) for each in args.kick_off),
        lead_ms=milliseconds(args.lead),
        lag_ms=milliseconds(args.lag),
        videos={},
        frame_rate=args.frame_rate,
    )
    folder, names = args.output or default_folder(args.run), file_names(found.games)
    spots = written = 0
    for game in tqdm(found.games, desc="export", unit="game", delay=1, leave=False, disable=None):
        read = found.read(game)
        moments = read.annotations if args.annotations else above(read.detections, thresholds)
        subject = Subject(game, names[game], found.classes, moments, found.name)
        shown = screened(screening, filmed[game]) if game in filmed else screening
        told = shown if args.video else screening
        texts = write_texts(folder, subject, told, args.format, found.root)
        tell_texts(folder, subject.name, args.format, texts, {*names.values()} - {subject.name})
        written += len(texts)
        written += write_films(folder, subject, shown, args.format, args.cut)
        spots += len(moments)
    if "labelstudio" in args.format:
        written += write_labelling(folder, found.classes.names, args.frame_rate)
    kind, where = ("annotation", "") if args.annotations else ("spot", f" {origin}")
    print(f"{counted(spots, kind)} of {counted(len(found.games), 'game')}{where}")
    print(f"{counted(written, 'file')}: {folder}")


def milliseconds(seconds: float | None) -> int | None:
    """Whole milliseconds; None stays None."""
    return None if seconds is None else round(1000 * seconds)


def default_folder(run: Path) -> Path:
    """exports in a run's folder, else beside what is exported."""
    from common.results.scored_run import splits_with_results

    if run.is_dir() and splits_with_results(run):
        return run / "exports"
    name = run.name.removesuffix(".json").removesuffix(".zip") or "spots"
    return run.with_name(f"{name}_exports")


def write_texts(
    folder: Path,
    subject: "Subject",
    screening: "Screening",
    formats: Sequence[str],
    root: Path | None,
) -> list[str]:
    """Writes a game's text files; their names. Raises UserError before labels are replaced."""
    from common.export.texts import TEXTS as WRITERS
    from common.export.texts import require_other_files
    from common.files import write_bytes

    texts: dict[str, str] = {}
    for kind in formats:
        if kind in WRITERS:
            texts |= WRITERS[kind](subject, screening)
    require_other_files([*texts], folder, root)
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
    return [*texts]


def write_labelling(folder: Path, classes: Sequence[str], frame_rate: float) -> int:
    """Writes Label Studio's interface of these classes: one file."""
    from common.files import write_bytes
    from common.spots.label_studio import labelling

    write_bytes(folder / "labelling.xml", labelling(classes, frame_rate).encode())
    return 1


def write_films(
    folder: Path, subject: "Subject", screening: "Screening", formats: Sequence[str], cut: str
) -> int:
    """Writes a game's clips and its reel. Returns the number of files."""
    films = [each for each in formats if each in FILMS]
    if not films or not screening.videos:
        return 0
    from tqdm import tqdm

    from common.export.earlier import remove_clips
    from common.export.films import joined, pieces_of, sources_of, write_clips
    from common.video.film_writer import write_film
    from common.video.key_cuts import copy_film

    write = write_film if cut == "exact" else copy_film
    sources = sources_of(screening.videos)
    timing = screening.timing(subject.moments, 10_000, 10_000)
    pieces = pieces_of(subject.moments, timing, screening.videos, sources)
    reel = joined(excerpt for _, excerpt in pieces)
    steps = len(pieces) * ("clips" in films) + ("reel" in films)
    with tqdm(total=steps, desc="films", unit="film", delay=1, leave=False, disable=None) as bar:
        written = 0
        if "clips" in films:
            clips = write_clips(folder / subject.name, pieces, sources, write, bar.update)
            remove_clips(folder / subject.name, clips, subject.classes.names)
            written += len(clips)
        if "reel" in films:
            path = folder / f"{subject.name}_reel.mp4"
            if reel:
                write(path, reel, sources)
                written += 1
            else:
                path.unlink(missing_ok=True)  # of an earlier export
            bar.update()
    return written


if __name__ == "__main__":
    run_cli(main)
