"""Corrected spots as labels that train and score.

python -m common.relabel corrections.json --SoccerNet_path data/own --output data/own_corrected
python -m common.relabel 1.xml --game league/season/game --SoccerNet_path data/own --overwrite
"""

import argparse
from collections.abc import Sequence

from common.errors import UserError, counted, run_cli
from common.training.argument_types import moment, place
from common.training.flags import new_parser


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.relabel", __doc__ or "",
        usage="%(prog)s FILE [FILE …] --SoccerNet_path DATA (--output NEW | --overwrite) [flags]",
    )  # fmt: skip
    add = parser.add_argument
    # fmt: off
    add("files", type=place, nargs="+", metavar="FILE",
        help="corrections, a corrected Labels-v2.json, JSON of Label Studio, or XML edit lists of "
        "Sportscode")
    add("--SoccerNet_path", type=place, required=True, metavar="DATA",
        help="data root that has the games, with labels or without")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--output", type=place, metavar="NEW",
        help="a new data root: the corrected labels, and links to all other files of DATA")
    where.add_argument("--overwrite", action="store_true", help="replace the label files of DATA")
    add("--game", metavar="GAME",
        help="the game of all files, league/season/game [that which each names]")
    add("--version", type=int, choices=(1, 2), default=2,
        help="SoccerNet version: 1 (3 classes) or 2 (17) [2]")
    add("--same", type=moment, default=1.0, metavar="S",
        help="an accepted spot at most S seconds from an annotation of its class is that one [1]")
    add = parser.add_argument_group("edit lists of Sportscode").add_argument
    add("--lead", type=moment, default=10.0, metavar="S",
        help="seconds before a spot, as they were exported [10]")
    add("--lag", type=moment, default=10.0, metavar="S",
        help="seconds after a spot, as they were exported [10]")
    add("--kick_off", type=moment, nargs="+", default=[], metavar="S",
        help="second of its video at which each half begins, as they were exported [0]")
    add("--exported", type=place, nargs="+", default=[], metavar="XML",
        help="the lists that were handed out, by which deleted spots are counted")
    # fmt: on
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the corrections of each game, merges them into its labels, and writes these."""
    args = parse_arguments(argv)
    from tqdm import tqdm  # these behind the flags: --help is quick

    from common.data.events import event_classes
    from common.relabel.labels import relabel, require_new, write_beside, write_labels
    from common.relabel.reading import EditLists, read_corrections
    from common.spots.merging import CorrectionCounts
    from common.spots.timing import Timing, require_kick_offs

    root = args.SoccerNet_path
    if not root.is_dir():
        raise UserError(f"expected the data folder at {root}, found none; check --SoccerNet_path")
    if args.output is not None:
        require_new(args.output, root)
    classes = event_classes(root, args.version)
    require_kick_offs(len(args.kick_off), classes.halves)
    kick_offs, lead, lag = (
        tuple(round(1000 * each) for each in given)
        for given in (args.kick_off, [args.lead], [args.lag])
    )
    lists = EditLists(Timing(kick_offs, *lead, *lag), tuple(args.exported))
    read = read_corrections(args.files, root, classes, args.game, lists)
    labels, total = {}, CorrectionCounts()
    for game in tqdm(read, desc="relabel", unit="game", delay=1, leave=False, disable=None):
        done = relabel(root, game, read[game], classes, round(1000 * args.same))
        labels[f"{game}/{classes.label_file}"] = done.content
        total += done.counts
        print(f"{game}: {done.counts}; annotations: {done.before} before, {done.after} now")
    if len(labels) > 1:
        print(f"{counted(len(labels), 'game')}: {total}")
    if args.overwrite:
        write_labels(root, labels)
    else:
        write_beside(root, args.output, labels)
    print(f"{counted(len(labels), 'label file')} written: {args.output or root}")


if __name__ == "__main__":
    run_cli(main)
