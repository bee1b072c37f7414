"""The invented data set: official layout, honest proportions, the same bytes every time."""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from common.data.events import SOCCERNET_V1, SOCCERNET_V2, V2_NAMES
from common.data.features import open_half
from common.data.games import OFFICIAL_SPLITS, list_games, read_splits
from common.data.labels import read_labels
from common.errors import UserError
from common.synthetic.__main__ import main
from common.synthetic.data_set import FEATURE_FILE, labels_v2, write_data_set
from common.synthetic.game import ANNOTATIONS, draw_game
from common.synthetic.signals import SIGNATURES, draw_codebook, draw_features

GAMES = (3, 1, 2, 1)
MINUTES, DIM, FRAMERATE = 3, 16, 2
GAME_NAME = re.compile(r"^\d{4}-\d{2}-\d{2} - \d{2}-\d{2} .+ \d+ - \d+ .+$")


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "data"
    write_data_set(out, GAMES, MINUTES, DIM)
    return out


def digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def full_games(count: int, split: int = 0) -> list:
    return [draw_game(seed=0, split=split, index=i, minutes=45) for i in range(count)]


def test_layout(data_set: Path) -> None:
    splits = read_splits(data_set)
    assert tuple(splits) == OFFICIAL_SPLITS
    assert tuple(map(len, splits.values())) == GAMES
    games = list_games(data_set, OFFICIAL_SPLITS)
    assert len(set(games)) == sum(GAMES)
    for game in games:
        championship, season, name = game.split("/")
        assert game.isascii() and championship and re.fullmatch(r"\d{4}-\d{4}", season)
        assert GAME_NAME.match(name)
        expected = {f"1_{FEATURE_FILE}", f"2_{FEATURE_FILE}"}
        if game not in splits["challenge"]:
            expected |= {"Labels-v2.json", "Labels.json"}
        assert {path.name for path in (data_set / game).iterdir()} == expected


def test_labels_of_version_1_are_the_goals_cards_and_substitutions_of_version_2(
    data_set: Path,
) -> None:
    events = {"card": (14, 15, 16), "subs": (3,), "soccer": (2,)}
    for game in list_games(data_set, ["train", "valid", "test"]):
        first = read_labels(data_set / game / "Labels.json", SOCCERNET_V1)
        second = read_labels(data_set / game / "Labels-v2.json", SOCCERNET_V2)
        assert not first.unknown and len(first)
        for number, name in enumerate(SOCCERNET_V1.names):
            ours, theirs = first.event == number, np.isin(second.event, events[name])
            assert np.array_equal(first.half[ours], second.half[theirs])
            assert np.array_equal(first.seconds[ours], second.seconds[theirs])
        assert (first.milliseconds == -1).all() and first.visible.all()


def test_label_files_follow_the_official_schema(data_set: Path) -> None:
    for game in list_games(data_set, ("train", "valid", "test")):
        content = json.loads((data_set / game / "Labels-v2.json").read_text())
        keys = "UrlLocal UrlYoutube annotations gameAwayTeam gameDate gameHomeTeam gameScore"
        assert " ".join(content) == keys
        assert content["UrlLocal"] == f"{game}/" and content["UrlYoutube"] == ""
        name = f"{content['gameHomeTeam']} {content['gameScore']} {content['gameAwayTeam']}"
        assert game.endswith(name)
        assert re.fullmatch(r"\d\d/\d\d/\d{4} - \d\d:\d\d", content["gameDate"])
        for spot in content["annotations"]:
            assert " ".join(spot) == "gameTime label position team visibility"
            assert all(isinstance(value, str) for value in spot.values())
            seconds = int(spot["position"]) // 1000
            clock = f"{seconds // 60:02d}:{seconds % 60:02d}"
            assert spot["gameTime"] in (f"1 - {clock}", f"2 - {clock}")
            assert spot["label"] in V2_NAMES
            assert spot["team"] in ("home", "away", "not applicable")
            assert (spot["team"] == "not applicable") == (spot["label"] == "Ball out of play")
            assert spot["visibility"] in ("visible", "not shown")


def test_spots_are_sorted_and_inside_the_features(data_set: Path) -> None:
    for game in list_games(data_set, ("train", "valid", "test")):
        labels = read_labels(data_set / game / "Labels-v2.json", SOCCERNET_V2)
        order = np.lexsort((labels.milliseconds, labels.half))
        assert np.array_equal(order, np.arange(len(labels)))
        frames = labels.frames(FRAMERATE, "position")
        for half in (1, 2):
            features = open_half(data_set / game, half, [FEATURE_FILE], DIM)
            assert MINUTES * 60 * FRAMERATE <= features.frames <= 1.05 * MINUTES * 60 * FRAMERATE
            assert features.arrays[0].dtype == np.float32
            assert (frames[labels.half == half] < features.frames).all()
            features.rows(0, features.frames)  # raises where a value is not finite


def test_score_counts_the_goals() -> None:
    for game in full_games(5):
        goals = [s["team"] for s in labels_v2(game)["annotations"] if s["label"] == "Goal"]
        assert game.score == f"{goals.count('home')} - {goals.count('away')}"


def test_class_proportions_are_the_real_ones() -> None:
    games = full_games(60)
    event = np.concatenate([game.events.event for game in games])
    visible = np.concatenate([game.events.visible for game in games])
    assert len(event) / len(games) == pytest.approx(223, abs=6)
    total = sum(n for n, _ in ANNOTATIONS.values())
    assert total == 110458 and sum(n for _, n in ANNOTATIONS.values()) == 19677
    for number, (annotations, not_shown) in enumerate(ANNOTATIONS[name] for name in V2_NAMES):
        here = event == number
        expected = len(event) * annotations / total
        if annotations > 1000:  # the floor moves the rarer ones
            assert abs(here.sum() - expected) < 5 * np.sqrt(expected) + 5
        share = not_shown / annotations
        assert abs((~visible[here]).mean() - share) < 5 * np.sqrt(share / here.sum()) + 0.01


def test_every_full_game_has_every_class() -> None:
    for split in range(4):
        for game in full_games(4, split):
            assert set(game.events.event) == set(range(17))
            assert np.diff(game.events.milliseconds[game.events.half == 1]).min() >= 2000


def test_short_games_take_turns_to_have_every_class() -> None:
    games = [draw_game(seed=0, split=0, index=i, minutes=2) for i in range(5)]
    assert all(len(game.events.event) < 34 for game in games)
    assert set(np.concatenate([game.events.event for game in games])) == set(range(17))


def test_paths_stay_apart_in_large_data_sets() -> None:
    paths = [draw_game(0, split, i, minutes=1).path for split in range(4) for i in range(100)]
    assert len(set(paths)) == len(paths)


def test_same_bytes_on_every_run(data_set: Path, tmp_path: Path) -> None:
    write_data_set(tmp_path / "again", GAMES, MINUTES, DIM)
    assert digests(tmp_path / "again") == digests(data_set)


def test_a_game_does_not_depend_on_the_other_splits(data_set: Path, tmp_path: Path) -> None:
    write_data_set(tmp_path / "fewer", (1, 0, 2, 0), MINUTES, DIM)
    fewer, all_games = digests(tmp_path / "fewer"), digests(data_set)
    del fewer["splits.json"]
    assert fewer.items() <= all_games.items()
    assert len(fewer) == 12


def test_labels_depend_on_neither_dim_nor_framerate(data_set: Path, tmp_path: Path) -> None:
    write_data_set(tmp_path / "other", (1, 0, 0, 0), MINUTES, 24, framerate=5)
    (game,) = list_games(tmp_path / "other", ["train"])
    labels = (tmp_path / "other" / game / "Labels-v2.json").read_bytes()
    assert labels == (data_set / game / "Labels-v2.json").read_bytes()


def test_another_seed_is_another_data_set(data_set: Path, tmp_path: Path) -> None:
    write_data_set(tmp_path / "other", GAMES, MINUTES, DIM, seed=1)
    assert not set(digests(tmp_path / "other").values()) & set(digests(data_set).values())


def test_pairs_of_classes_differ_in_the_order_alone() -> None:
    counts = Counter(SIGNATURES.values())
    assert set(counts.values()) == {1} and set(SIGNATURES) == set(V2_NAMES)
    assert sum((after, before) in counts for before, after in counts) == 12


@pytest.mark.parametrize("label", V2_NAMES)
def test_signature_stands_before_and_after_its_event(label: str) -> None:
    """The mean row of 2 s before and after an event points along the two codewords."""
    codebook = draw_codebook(np.random.default_rng(0), 512)
    seconds = np.arange(15.0, 300, 30)
    event = np.full(len(seconds), V2_NAMES.index(label))
    visible = np.ones(len(seconds), bool)
    rng = np.random.default_rng(1)
    features = draw_features(
        rng, codebook, rows=600, framerate=2, seconds=seconds, event=event, visible=visible
    )
    rows = (2 * seconds).astype(int)[:, None]
    sides = [features[rows + np.arange(*span)].mean((0, 1)) for span in ((-4, 0), (0, 4))]
    found = tuple(int((codebook @ side).argmax()) for side in sides)
    assert found == SIGNATURES[label]


def test_what_is_not_shown_is_weaker() -> None:
    codebook = draw_codebook(np.random.default_rng(0), 512)
    event, seconds = np.array([0]), np.array([30.0])
    shown, hidden = (
        draw_features(
            np.random.default_rng(1),
            codebook,
            rows=120,
            framerate=2,
            seconds=seconds,
            event=event,
            visible=np.array([v]),
        )
        for v in (True, False)
    )
    away = np.abs(np.arange(120) - 60) > 16
    assert np.array_equal(shown[away], hidden[away])
    word = codebook[SIGNATURES[V2_NAMES[0]][1]]
    assert (shown[60] - hidden[60]) @ word > 0.4 * (shown[60] @ word)


@pytest.mark.parametrize(
    ("dim", "framerate"), [(16, 1), (100, 25), (2048, 2), (16, 12.5), (16, 25 / 16), (16, 0.5)]
)
def test_other_sizes(tmp_path: Path, dim: int, framerate: float) -> None:
    write_data_set(tmp_path, (1, 0, 0, 1), 0.5, dim, framerate=framerate)
    for game in list_games(tmp_path, ["train", "challenge"]):
        features = open_half(tmp_path / game, 2, [FEATURE_FILE])
        assert features.dimension == dim
        assert 30 * framerate - 1 < features.frames <= 31.5 * framerate + 1


def test_players_may_stand_beside_fewer_features(tmp_path: Path) -> None:
    write_data_set(tmp_path, (1, 0, 0, 0), 0.5, 2, players=True)
    (game,) = list_games(tmp_path, ["train"])
    assert open_half(tmp_path / game, 1, [FEATURE_FILE]).dimension == 2


@pytest.mark.parametrize(
    ("wrong", "flag"),
    [
        ({"games": (1, 1, 1)}, "--games"),
        ({"games": (1, 1, -1, 1)}, "--games"),
        ({"games": (0, 0, 0, 0)}, "--games"),
        ({"minutes": 0}, "--minutes"),
        ({"minutes": 100}, "--minutes"),
        ({"minutes": float("nan")}, "--minutes"),
        ({"dim": 15}, "--dim"),
        ({"dim": 1, "players": True}, "--dim"),
        ({"framerate": 0}, "--framerate"),
        ({"framerate": 0.09}, "--framerate"),
        ({"framerate": float("nan")}, "--framerate"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_wrong_settings(tmp_path: Path, wrong: dict, flag: str) -> None:
    right = {"games": (1, 0, 0, 0), "minutes": 1, "dim": 16, "seed": 0, "framerate": 2}
    with pytest.raises(UserError, match=flag):
        write_data_set(tmp_path / "out", **{**right, **wrong})
    assert not (tmp_path / "out").exists()


def test_refuses_a_folder_in_use(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        write_data_set(tmp_path, (1, 0, 0, 0), 1, 16)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
    with pytest.raises(UserError, match="is a file"):
        write_data_set(note, (1, 0, 0, 0), 1, 16, overwrite=True)
    assert note.read_text() == "mine"


def test_games_that_no_split_names_any_more_are_told(tmp_path, capsys) -> None:
    words = ["--out", str(tmp_path / "data"), "--minutes", "1", "--dim", "16", "--overwrite"]
    main([*words, "--games", "2", "1", "0", "0"])
    assert "note: " not in capsys.readouterr().out
    (tmp_path / "data" / "splits.json").unlink()  # as an interruption leaves it
    main([*words, "--games", "1", "0", "0", "0"])
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith("note: 2 folders with games of an earlier run, which no split names, ")
    game = told.rpartition("such as ")[2]
    assert (tmp_path / "data" / game / "Labels-v2.json").is_file()
    splits = json.loads((tmp_path / "data" / "splits.json").read_text())
    assert game not in [each for games in splits.values() for each in games]


def test_overwrite_keeps_what_is_not_ours(tmp_path: Path) -> None:
    write_data_set(tmp_path, (1, 0, 0, 0), 1, 16)
    before = digests(tmp_path)
    (tmp_path / "note.txt").write_text("mine")
    write_data_set(tmp_path, (1, 0, 0, 0), 1, 16, overwrite=True)
    after = digests(tmp_path)
    assert after.pop("note.txt") and after == before


def test_overwrite_spares_another_data_set(tmp_path: Path) -> None:
    (tmp_path / "splits.json").write_text('{"train": ["league/season/game"]}')
    before = digests(tmp_path)
    with pytest.raises(UserError, match="another data set"):
        write_data_set(tmp_path, (1, 0, 0, 0), 1, 16, overwrite=True)
    assert digests(tmp_path) == before


def test_interrupted_run_leaves_no_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_data_set(tmp_path, (2, 0, 0, 0), 1, 16)

    def full_disk(*_: object) -> None:
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr("common.synthetic.data_set.labels_v2", full_disk)
        with pytest.raises(OSError, match="no space"):
            write_data_set(tmp_path, (2, 0, 0, 0), 1, 16, overwrite=True)
    assert not (tmp_path / "splits.json").exists()
    assert not list(tmp_path.rglob("*.tmp"))


def test_program(tmp_path: Path, repo_root: Path) -> None:
    out = tmp_path / "my data"
    command = [sys.executable, "-m", "common.synthetic", "--out", str(out)]
    command += ["--games", "1", "1", "1", "1", "--minutes", "1", "--dim", "16"]
    first = subprocess.run(command, cwd=repo_root, capture_output=True, text=True)
    assert first.returncode == 0 and first.stderr == ""
    assert f"--SoccerNet_path '{out}' --features {FEATURE_FILE}" in first.stdout
    assert (out / "splits.json").is_file()
    second = subprocess.run(command, cwd=repo_root, capture_output=True, text=True)
    assert second.returncode == 2 and "--overwrite" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_whole_rate_writes_the_same_bytes_whatever_its_type(tmp_path: Path) -> None:
    write_data_set(tmp_path / "a", (1, 0, 0, 0), 0.5, 16, framerate=3)
    write_data_set(tmp_path / "b", (1, 0, 0, 0), 0.5, 16, framerate=3.0)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


@pytest.mark.parametrize("rate", ["12.5", "0.5", "25"])
def test_the_printed_command_reads_the_data_as_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str
) -> None:
    words = ["--minutes", "0.5", "--dim", "16", "--framerate", rate, "--players"]
    main([*words, "--out", str(tmp_path / "a"), "--games", "1", "1", "0", "0"])
    assert f" --framerate {rate}" in capsys.readouterr().out
    main([*words, "--out", str(tmp_path / "b"), "--games", "1", "0", "1", "0"])
    told = capsys.readouterr().out
    assert "a training needs games of train and of valid" in told and "-m" not in told
