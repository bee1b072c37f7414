"""The download command against an invented SoccerNet package; nothing here uses the network."""

import io
import json
import subprocess
import sys
import types
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from common.data import wanted_files as data_files
from common.data.fetching import open_downloader
from common.data.wanted_files import faulty_files, how_to_get, require_files, split_files
from common.download import download, main
from common.errors import UserError
from common.results.json_tree import JsonTree

LABELS = "Labels-v2.json"
FEATURES = ["ResNET_TF2.npy"]
GAMES = {
    "train": [f"league/season/train {n}" for n in range(25)],
    "valid": [f"league/season/valid {n}" for n in range(3)],
    "test": ["league/season/test"],
    "challenge": ["league/season/challenge"],
}


def array_bytes(rows=4):
    file = io.BytesIO()
    np.save(file, np.zeros((rows, 8), np.float32))
    return file.getvalue()


def sound(path):
    return array_bytes() if path.suffix == ".npy" else b'{"annotations": []}'


class Hub:
    """Stands for the server. `content(path)` gives a file's bytes, None, or raises."""

    def __init__(self):
        self.calls = []
        self.content = sound

    def fetch(self, root, games, files):
        for path in [root / game / file for game in games for file in files]:
            # As the package: what lies there is kept.
            if not path.is_file() and (content := self.content(path)) is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


@pytest.fixture
def hub(monkeypatch):
    hub = Hub()

    class SoccerNetDownloader:
        def __init__(self, LocalDirectory):
            self.root = Path(LocalDirectory)

        def downloadGames(self, files, split, source):  # noqa: N802
            assert source == "HuggingFace"
            hub.calls.append(("split", *split, *files))
            hub.fetch(self.root, GAMES[split[0]], files)

        def downloadGame(self, game, files, spl, source):  # noqa: N802
            assert source == "HuggingFace" and game in GAMES[spl]
            hub.calls.append(("game", game, *files))
            hub.fetch(self.root, [game], files)

    fake = types.ModuleType("SoccerNet.Downloader")
    fake.SoccerNetDownloader = SoccerNetDownloader
    hub.package = SoccerNetDownloader
    monkeypatch.setitem(sys.modules, "SoccerNet.Downloader", fake)
    monkeypatch.setattr("common.data.games.official_splits", lambda: GAMES)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return hub


def run_main(*arguments):
    return main([*map(str, arguments)])


def names(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_fetches_a_new_folder_by_whole_splits_if_the_games_are_many(hub, tmp_path, capsys):
    root = tmp_path / "deep" / "data"
    assert download(root, ["train", "test"], FEATURES, LABELS) == []
    files = {"1_ResNET_TF2.npy", "2_ResNET_TF2.npy", LABELS}
    assert names(root) == {f"{g}/{f}" for g in GAMES["train"] + GAMES["test"] for f in files}
    assert hub.calls == [
        ("split", "train", "1_ResNET_TF2.npy", "2_ResNET_TF2.npy", LABELS),
        ("game", GAMES["test"][0], "1_ResNET_TF2.npy", "2_ResNET_TF2.npy", LABELS),
    ]
    assert "fetching 78 files, about 2.3 GB; " in capsys.readouterr().out


def test_does_nothing_when_all_is_there(hub, tmp_path):
    download(tmp_path, ["valid"], FEATURES, LABELS)
    hub.calls.clear()
    assert download(tmp_path, ["valid"], FEATURES, LABELS) == []
    assert hub.calls == []


def test_asks_only_for_what_a_game_lacks(hub, tmp_path):
    download(tmp_path, ["valid"], FEATURES, LABELS)
    (tmp_path / GAMES["valid"][1] / "2_ResNET_TF2.npy").unlink()
    mine = tmp_path / GAMES["valid"][0] / LABELS
    mine.write_text('{"annotations": [], "corrected": true}')
    hub.calls.clear()
    assert download(tmp_path, ["valid"], FEATURES, LABELS) == []
    assert hub.calls == [("game", GAMES["valid"][1], "2_ResNET_TF2.npy")]
    assert "corrected" in mine.read_text()


def test_challenge_has_no_labels(hub, tmp_path):
    assert download(tmp_path, ["challenge"], FEATURES, LABELS) == []
    assert hub.calls == [("game", GAMES["challenge"][0], "1_ResNET_TF2.npy", "2_ResNET_TF2.npy")]


@pytest.mark.parametrize("label_file", ["Labels.json", None])
def test_labels_of_version_1_or_none(hub, tmp_path, label_file):
    assert download(tmp_path, ["test"], FEATURES, label_file) == []
    assert (LABELS in hub.calls[0], "Labels.json" in hub.calls[0]) == (False, bool(label_file))


def test_lists_what_did_not_arrive(hub, tmp_path, capsys):
    hub.content = lambda path: None if path.name.startswith("2_") else sound(path)
    code = run_main("--SoccerNet_path", tmp_path, "--features", *FEATURES,
                    "--split", "valid")  # fmt: skip
    out, err = capsys.readouterr()
    missing = [tmp_path / game / "2_ResNET_TF2.npy" for game in GAMES["valid"]]
    assert code == 1
    assert [f"missing: {path}" for path in missing] == out.splitlines()[1:4]
    assert out.splitlines()[4].startswith("3 files missing or damaged; run the same command")
    assert err == ""


def test_says_so_when_nothing_arrived(hub, tmp_path, capsys):
    hub.content = lambda path: None
    code = run_main("--SoccerNet_path", tmp_path, "--labels-only", "--split", "test")
    out, err = capsys.readouterr()
    assert code == 1
    assert f"missing: {tmp_path / GAMES['test'][0] / LABELS}" in out
    assert err.startswith("nothing sound arrived") and "connection" in err


def test_complete_download_ends_with_0(hub, tmp_path, capsys):
    arguments = ["--SoccerNet_path", tmp_path, "--labels-only", "--split", "test", "test"]
    assert run_main(*arguments) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"complete: test in {tmp_path}"
    assert len(hub.calls) == 1


@pytest.mark.parametrize("cut", [0, 5, 64, 130, 200])
def test_truncated_arrays_are_told_and_fetched_again(hub, tmp_path, cut):
    bad = tmp_path / GAMES["test"][0] / "1_ResNET_TF2.npy"
    hub.content = lambda path: sound(path)[:cut] if path == bad else sound(path)
    assert download(tmp_path, ["test"], FEATURES, LABELS) == [bad]
    hub.content = sound
    assert download(tmp_path, ["test"], FEATURES, LABELS) == []
    assert bad.read_bytes() == array_bytes()
    assert not list(tmp_path.rglob("*.damaged"))


@pytest.mark.parametrize(
    "content", [b"", b'{"annotations": [', b"<html>busy</html>", b"[]", b'{"annotations": 1}']
)
def test_labels_that_do_not_parse_are_damaged(tmp_path, content):
    path = tmp_path / LABELS
    path.write_bytes(content)
    assert faulty_files([path]) == [path]


@pytest.mark.parametrize(
    ("content", "whole"), [(b'{"a": [1, 2]}\n', True), (b'{"a": [1, ', False), (b"", False)]
)
def test_other_json_needs_its_end(tmp_path, content, whole):
    path = tmp_path / "1_field_calib_ccbv.json"
    path.write_bytes(content)
    assert faulty_files([path]) == ([] if whole else [path])


def test_a_damaged_file_stays_when_no_other_comes(hub, tmp_path):
    path = tmp_path / GAMES["test"][0] / LABELS
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"annotations": [')
    hub.content = lambda path: None
    assert path in download(tmp_path, ["test"], FEATURES, LABELS)
    assert path.read_bytes() == b'{"annotations": ['
    hub.content = raising(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        download(tmp_path, ["test"], FEATURES, LABELS)
    assert names(tmp_path) == {f"{GAMES['test'][0]}/{LABELS}"}


def raising(error, cause=None):
    def content(path):
        raise error from cause

    return content


def http_error(status):
    error = RuntimeError("cause")
    error.response = SimpleNamespace(status_code=status)
    return error


@pytest.mark.parametrize(
    ("error", "cause", "expected"),
    [
        (LocalEntryNotFoundError("no snapshot"), None, "cannot be reached; check connection"),
        (PermissionError("denied (401)"), http_error(401), "run hf auth logout"),
        (PermissionError("denied"), None, "broke off .PermissionError: denied."),
        (PermissionError("slow down"), http_error(429), "wait five minutes"),
        (LocalEntryNotFoundError("slow down"), http_error(429), "wait five minutes"),
        (PermissionError("oops"), http_error(503), "error .HTTP 503.; later run the same"),
        (ConnectionResetError(104, "reset"), None, r"broke off .*reset.; run the same"),
        (ConnectionError("reset"), None, "broke off .ConnectionError: reset.; run the same"),
        (RuntimeError("xet\nmore"), None, "broke off .RuntimeError: xet.; run the same"),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_each_failure_is_one_sentence(hub, tmp_path, error, cause, expected, split):
    hub.content = raising(error, cause)
    with pytest.raises(UserError, match=expected) as caught:
        download(tmp_path, [split], FEATURES, LABELS)
    assert "\n" not in str(caught.value)


def test_trouble_with_the_disk_stays_what_it_is(hub, tmp_path):
    hub.content = raising(OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space"):
        download(tmp_path, ["test"], FEATURES, LABELS)


@pytest.mark.parametrize("name", ["C3D.npy", "ResNET_25fps_TF2.npy", "ResNET.npy", "ResNET_TF2"])
def test_features_that_were_never_moved_are_refused_before_trying(hub, tmp_path, name):
    with pytest.raises(UserError, match="Hugging Face does not have them") as caught:
        download(tmp_path, ["test"], [name], LABELS)
    assert name in str(caught.value) and "ResNET_TF2_PCA512.npy" in str(caught.value)
    assert hub.calls == []


def test_features_of_ones_own_do_not_hinder_the_labels(hub, tmp_path):
    folder = tmp_path / GAMES["test"][0]
    folder.mkdir(parents=True)
    for half in (1, 2):
        (folder / f"{half}_Mine.npy").write_bytes(array_bytes())
    assert download(tmp_path, ["test"], ["Mine.npy"], LABELS) == []
    assert hub.calls == [("game", GAMES["test"][0], LABELS)]


def test_own_splits_cannot_be_downloaded(hub, tmp_path):
    (tmp_path / "splits.json").write_text('{"train": ["a"]}')
    with pytest.raises(UserError, match=r"splits\.json of its own"):
        download(tmp_path, ["train"], FEATURES, LABELS)


def test_unknown_split(hub, tmp_path):
    with pytest.raises(UserError, match=r"unknown split 'tset'; .* and SoccerNet has train, valid"):
        download(tmp_path, ["tset"], FEATURES, LABELS)


def test_offline_switch_is_named(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="unset HF_HUB_OFFLINE"):
        download(tmp_path, ["test"], FEATURES, LABELS)


def test_package_that_is_absent_or_old(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(hub.package, "downloadGames", lambda self, files, split: None)
    with pytest.raises(UserError, match=r"too old; run: pip install SoccerNet==0\.2\.0"):
        download(tmp_path, ["test"], FEATURES, LABELS)
    monkeypatch.setitem(sys.modules, "SoccerNet.Downloader", None)
    with pytest.raises(UserError, match=r"run: pip install SoccerNet==0\.2\.0"):
        download(tmp_path, ["test"], FEATURES, LABELS)


def test_numpys_error_state_survives(hub, tmp_path):
    before = np.geterr()

    def content(path):
        np.seterr(divide="ignore", invalid="ignore")
        return sound(path)

    hub.content = content
    download(tmp_path, ["test"], FEATURES, LABELS)
    assert np.geterr() == before


def test_the_real_package_offers_what_is_called(tmp_path):
    from SoccerNet.Downloader import SoccerNetDownloader

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        downloader = open_downloader(tmp_path, [])
    assert isinstance(downloader, SoccerNetDownloader)
    halves = {f"{half}_{name}" for half in (1, 2) for name in data_files.FEATURE_FILES}
    assert halves == set(downloader._HF_FEATURE_BRANCH_BY_FILE)
    assert set(data_files.LABEL_FILES) <= downloader._HF_LABEL_FILES


def test_importing_the_module_imports_no_package(repo_root):
    code = "import sys, common.download; assert 'SoccerNet' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=repo_root, check=True, timeout=60)


# What training programs call before they start.


def test_require_files_accepts_a_complete_folder(hub, tmp_path):
    download(tmp_path, ["test", "challenge"], FEATURES, LABELS)
    assert require_files(tmp_path, ["test", "challenge"], FEATURES, LABELS) is None


def test_a_part_of_soccernet_is_enough(hub, tmp_path):
    download(tmp_path, ["valid"], FEATURES, LABELS)
    for path in (tmp_path / GAMES["valid"][0]).iterdir():
        path.unlink()
    (tmp_path / GAMES["valid"][0]).rmdir()
    assert require_files(tmp_path, ["valid"], FEATURES, LABELS) is None
    (tmp_path / GAMES["valid"][0]).mkdir()
    with pytest.raises(UserError, match="3 of the 9 files of valid are missing"):
        require_files(tmp_path, ["valid"], FEATURES, LABELS)
    with pytest.raises(UserError, match="3 of the 3 files of test are missing"):
        require_files(tmp_path, ["test"], FEATURES, LABELS)


def test_the_cache_of_the_hub_is_no_part_of_the_data(tmp_path):
    for name in (".cache/huggingface/trees/0.json", f"{GAMES['test'][0]}/{LABELS}"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}")
    assert JsonTree(tmp_path).names() == [f"{GAMES['test'][0]}/{LABELS}"]


def test_require_files_names_number_files_and_command(hub, tmp_path):
    root = tmp_path / "my data"
    download(root, ["train", "test"], FEATURES, LABELS)
    for game in GAMES["train"][:7]:
        (root / game / "1_ResNET_TF2.npy").unlink()
    with pytest.raises(UserError) as caught:
        require_files(root, ["train", "test"], FEATURES, LABELS)
    lines = str(caught.value).splitlines()
    assert lines[0] == "7 of the 78 files of train, test are missing:"
    shown = [root / game / "1_ResNET_TF2.npy" for game in GAMES["train"][:5]]
    assert lines[1:7] == [*(f"  {path}" for path in shown), "  and 2 more"]
    assert lines[-1] == (
        f"  python -m common.download --SoccerNet_path '{root}' --features ResNET_TF2.npy "
        "--split train test"
    )


def test_the_command_that_is_named_works(hub, tmp_path):
    import shlex

    tmp_path.mkdir(exist_ok=True)
    absent = split_files(tmp_path, "test", FEATURES, "Labels.json")
    advice = how_to_get(absent, tmp_path, ["test"], FEATURES, "Labels.json")
    words = shlex.split(advice.splitlines()[-1])
    assert words[:3] == ["python", "-m", "common.download"]
    assert run_main(*words[3:]) == 0
    assert require_files(tmp_path, ["test"], FEATURES, "Labels.json") is None


def test_no_command_where_none_would_help(hub, tmp_path):
    with pytest.raises(UserError, match=r"Mine\.npy cannot be downloaded; check --features"):
        require_files(tmp_path, ["test"], ["Mine.npy"], LABELS)
    (tmp_path / "splits.json").write_text(json.dumps({"test": ["a"]}))
    with pytest.raises(UserError, match=r"take their games out of .*splits\.json"):
        require_files(tmp_path, ["test"], FEATURES, LABELS)


def test_features_or_labels_only_have_to_be_chosen(hub, tmp_path, capsys):
    for arguments in ([], ["--labels-only", "--features", "ResNET_TF2.npy"]):
        with pytest.raises(SystemExit, match="2"):
            run_main("--SoccerNet_path", tmp_path, *arguments)
        assert "either --features NAME … or --labels-only" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Labels-v2.json", "Labels.json"])
def test_labels_are_no_features(hub, tmp_path, name):
    with pytest.raises(UserError, match=f"1_{name}, 2_{name}: Hugging Face does not have them"):
        download(tmp_path, ["test"], [name], None)
    assert not hub.calls
