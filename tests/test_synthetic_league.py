"""The filmed data set: real files in the official layout, the same bytes every time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from common.calibration.players import CONFIDENT, player_files, read_players
from common.data.games import OFFICIAL_SPLITS, list_games, read_splits
from common.errors import UserError
from common.synthetic.__main__ import main, parse_arguments
from common.synthetic.camera import PICTURE
from common.synthetic.data_set import labels_v1, labels_v2
from common.synthetic.film.camera_crew import CameraCrew
from common.synthetic.film.filming import VIDEO_FILE
from common.synthetic.film.match_half import MatchHalf
from common.synthetic.film.video_file import write_video
from common.synthetic.game import CLOSEST_SEEN_MS, part_generator
from common.synthetic.league import League, write_league
from common.video.sampling import counted_frames

av = pytest.importorskip("av")

GAMES = (1, 1, 0, 1)
FPS = 5
LEAGUE = League(minutes=0.3, video_fps=FPS, spots_per_minute=10)
ROOT = Path(__file__).resolve().parents[1]


def pictures_of(path):
    """All pictures of a film, decoded, and the rate in its header."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        pictures = [frame.to_ndarray(format="bgr24") for frame in file.decode(stream)]
        return np.array(pictures), stream.average_rate, stream.codec_context.name


def contents(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    root = tmp_path_factory.mktemp("league") / "data"
    write_league(root, GAMES, LEAGUE)
    return root


def test_layout(out):
    splits = read_splits(out)
    assert tuple(len(splits[split]) for split in OFFICIAL_SPLITS) == GAMES
    for split, games in splits.items():
        for game in games:
            films = {f"1_{VIDEO_FILE}", f"2_{VIDEO_FILE}"}
            labels = set() if split == "challenge" else {"Labels-v2.json", "Labels.json"}
            assert {path.name for path in (out / game).iterdir()} == films | labels


def test_films_have_every_frame_at_their_rate(out):
    for split, count in enumerate(GAMES):
        for index in range(count):
            game = LEAGUE.game(split, index)
            for half, seconds in enumerate(game.half_seconds, 1):
                pictures, rate, codec = pictures_of(out / game.path / f"{half}_{VIDEO_FILE}")
                assert pictures.shape == (seconds * FPS, 224, 398, 3)
                assert rate == FPS and codec == "h264"


def test_films_show_what_was_drawn_and_the_labels_are_of_it(out):
    game = LEAGUE.game(0, 0)
    read = json.loads((out / game.path / "Labels-v2.json").read_text())
    assert read == labels_v2(game)
    assert json.loads((out / game.path / "Labels.json").read_text()) == labels_v1(game)
    rng = part_generator(0, 0, 0, 6)
    match = MatchHalf(rng, game, half=1, framerate=FPS)
    crew = CameraCrew(part_generator(0, 0, 0, 5))
    drawn = np.array([frame.picture for frame in crew.film(rng, match)])
    pictures, _, _ = pictures_of(out / game.path / f"1_{VIDEO_FILE}")
    assert np.abs(drawn.astype(int) - pictures).mean() < 6  # of 255, lost by h264
    times = [play.time for play in match.plays]
    spots = [int(s["position"]) / 1000 for s in read["annotations"] if s["gameTime"][0] == "1"]
    assert times == spots


def test_spots_leave_each_other_time_to_be_seen():
    league = League(minutes=3, spots_per_minute=6)
    for index in range(5):
        events = league.game(0, index).events
        assert set(events.event) == set(range(17))
        for half in (1, 2):
            apart = np.diff(events.milliseconds[events.half == half])
            assert (apart >= min(CLOSEST_SEEN_MS, 180_000 // (2 * (len(apart) + 1)))).all()


def test_files_do_not_depend_on_processes_or_on_other_games(out, tmp_path):
    write_league(tmp_path / "b", (1, 1, 0, 0), LEAGUE, jobs=2)
    fewer, all_files = contents(tmp_path / "b"), contents(out)
    assert fewer.pop("splits.json") != all_files["splits.json"]
    assert len(fewer) == 8 and fewer.items() <= all_files.items()


def test_another_seed_is_another_league(out, tmp_path):
    write_league(tmp_path / "b", (1, 0, 0, 0), League(minutes=0.3, video_fps=FPS, seed=1))
    assert not set(contents(tmp_path / "b").values()) & set(contents(out).values())


def test_player_files_are_of_the_frames_that_features_are_made_of(out, tmp_path):
    league = League(minutes=0.3, video_fps=FPS, spots_per_minute=10, players_framerate=2)
    write_league(tmp_path / "b", (1, 0, 0, 0), league)
    game = league.game(0, 0)
    with_players, without = contents(tmp_path / "b" / game.path), contents(out / game.path)
    assert without.items() <= with_players.items()  # the same films
    assert {name[2:] for name in with_players.keys() - without.keys()} == set(player_files())
    rng = part_generator(0, 0, 0, 6)
    match = MatchHalf(rng, game, half=1, framerate=FPS)
    frames = list(CameraCrew(part_generator(0, 0, 0, 5)).film(rng, match))
    rows = counted_frames(len(frames), FPS / 2).tolist()
    assert len(rows) == 2 * game.half_seconds[0]
    players = read_players(tmp_path / "b" / game.path, 1)
    assert len(players.confidences) == len(players.offsets) - 1 == len(rows)
    assert players.box_picture == players.camera_picture == PICTURE
    scale = PICTURE[1] / 398, PICTURE[0] / 224, PICTURE[1] / 398, PICTURE[0] / 224
    for row, number in enumerate(rows):
        boxes = players.boxes[players.offsets[row] : players.offsets[row + 1]]
        assert np.allclose(boxes, np.array(frames[number].boxes) * scale, atol=0.01)
        homography = frames[number].camera[:, [0, 1, 3]]
        unit = players.inverses[row] @ homography
        assert np.allclose(unit / unit[2, 2], np.eye(3), atol=1e-3)
        if frames[number].shot is not None:
            assert players.confidences[row] < CONFIDENT


def test_a_film_is_written_whole_or_not_at_all(tmp_path):
    def breaks_off():
        yield np.zeros((224, 398, 3), np.uint8)
        raise RuntimeError("the light went out")

    with pytest.raises(RuntimeError, match="light"):
        write_video(tmp_path / "1_224p.mkv", breaks_off(), LEAGUE.game(0, 0).half_seconds[0])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--video", "--dim", "16"], "--dim is of invented features"),
        (["--video", "--framerate", "2"], "--framerate with --video is of the player files"),
        (["--video_fps", "10"], "--video_fps is of films: add --video"),
        (["--spots_per_minute", "4"], "--spots_per_minute is of films"),
        (["--jobs", "2"], "--jobs is of films"),
        (["--video", "--video_fps", "4.9"], "--video_fps must be from 5 to 60"),
        (["--video", "--video_fps", "61"], "--video_fps must be from 5 to 60"),
        (["--video", "--spots_per_minute", "0"], "--spots_per_minute must be above 0"),
        (["--video", "--spots_per_minute", "13"], "at most 12"),
        (["--video", "--players", "--framerate", "50"], r"to --video_fps \(25\), found 50"),
        (["--video", "--minutes", "0"], "--minutes"),
    ],
)
def test_flags_that_make_no_sense_are_refused(tmp_path, words, sentence):
    with pytest.raises(UserError, match=sentence):
        main(["--out", str(tmp_path / "data"), *words])
    assert not (tmp_path / "data").exists()


def test_features_are_invented_unless_films_are_asked_for():
    args = parse_arguments(["--out", "x"])
    assert not args.video and args.dim is args.framerate is args.jobs is None


def test_it_says_what_comes_next(tmp_path, capsys):
    words = ["--video", "--minutes", "0.05", "--games", "1", "0", "0", "0", "--video_fps", "5"]
    main(["--out", str(tmp_path / "data"), *words])
    said = capsys.readouterr().out
    assert "Wrote 1 train, 0 valid, 0 test, 0 challenge games with films of their halves" in said
    assert "common.extract_features --SoccerNet_path" in said and "--video 224p" in said
    assert len(list_games(tmp_path / "data", ["train"])) == 1


@pytest.mark.parametrize("package", ["av", "cv2"])
def test_a_missing_extra_is_one_sentence(tmp_path, package):
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from common.synthetic.__main__ import main\nfrom common.errors import run_cli\n"
        "run_cli(main)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--out", "data", "--video"], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert package in done.stderr and "pip install -e '.[video]'" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_stopped_in_the_middle_it_leaves_no_half_of_a_film(tmp_path, jobs):
    process = subprocess.Popen(
        [sys.executable, "-m", "common.synthetic", "--out", "data", "--video", "--minutes", "20",
         "--games", "2", "2", "0", "0", "--jobs", jobs], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    begun, deadline = [], time.monotonic() + 120
    while len(begun) < int(jobs) and time.monotonic() < deadline:
        begun = list((tmp_path / "data").rglob(".*.tmp"))
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert len(begun) == int(jobs) and process.returncode == 130, said
    assert "Traceback" not in said and "error: stopped by SIGTERM" in said
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []
