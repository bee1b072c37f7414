"""The program that makes features of videos, with a backbone of a few numbers."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from shell import assert_one_sentence, caller, environment, python
from small_videos import write_video

from common.errors import UserError
from common.extract_features import main, parse_arguments
from common.video.flags import DIMENSIONS

TINY = '''
import os, sys, time, types
import numpy as np

class Tiny:
    """Means of 2 x 2 fields."""
    dimension = 12

    def __init__(self, name, device, *, weights=None, download=False, precision="fp32"):
        self.name = name
        OPENED.append((name, str(device), weights, download, precision))

    def __call__(self, frames):
        time.sleep(float(os.environ.get("TINY_SECONDS", 0)))
        fields = frames.reshape(len(frames), 2, 112, 2, 112, 3).mean(axis=(2, 4), dtype=np.float64)
        return fields.reshape(len(frames), 12).astype(np.float32)

class Reduction:
    average, components, dimension = np.zeros(12), np.zeros((3, 12)), 3

    def __init__(self, path):
        self.digest = str(path)

    def __call__(self, rows):
        return rows[:, :3]

OPENED = []
backbones, reduction = types.ModuleType("backbones"), types.ModuleType("reduction")
backbones.open_backbone, reduction.read_reduction = Tiny, Reduction
'''
IN_PLACE = """
sys.modules["common.video.backbones"] = backbones
from common.errors import run_cli
from common.errors import UserError
from common.extract_features import main
run_cli(main)
"""


@pytest.fixture
def tiny(monkeypatch):
    """The tiny backbone and reduction, instead of the real ones; returns how it was opened."""
    module = types.ModuleType("tiny")
    exec(TINY, vars(module))
    monkeypatch.setitem(sys.modules, "common.video.backbones", module.backbones)
    monkeypatch.setitem(sys.modules, "common.video.reduction", module.reduction)
    monkeypatch.setitem(DIMENSIONS, "resnet152", 12)
    return module.OPENED


@pytest.fixture
def program(tmp_path, monkeypatch, capsys, tiny):
    return caller(tmp_path, monkeypatch, capsys, main)


def tree(root, games=2, count=300):
    """A data root of games with two halves each, of 24 rows and more."""
    names = [f"league/season/game {number}" for number in range(games)]
    root.mkdir()
    (root / "splits.json").write_text(json.dumps({"train": names[:1], "test": names[1:]}))
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for half in (1, 2):
            write_video(
                root / name / f"{half}_224p.mkv", count + 50 * half + 25 * number, size=(64, 48)
            )
    return root


def digests(root):
    files = sorted(path for path in root.rglob("*") if path.suffix in (".npy", ".tmp", ".lock"))
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_one_video_in_the_published_way(tmp_path, capsys, tiny):
    video = write_video(tmp_path / "v.mkv", 100)
    out = tmp_path / "new" / "features.npy"
    words = ["--path_video", str(video), "--path_features", str(out), "--device", "cpu"]
    assert main(words) == 0
    assert np.load(out).shape == (8, 12)
    assert capsys.readouterr().out == f"{out}: 8 rows extracted\n"
    assert tiny == [("resnet152", "cpu", None, False, "fp32")]
    before = out.stat().st_mtime_ns
    assert main(words) == 0
    assert capsys.readouterr().out == f"{out}: 8 rows kept; --overwrite replaces them\n"
    with pytest.raises(UserError, match=r"features.npy is there and .*: start 0.0, now 1.0; --ov"):
        main([*words, "--start", "1"])
    assert out.stat().st_mtime_ns == before and len(tiny) == 1
    rest = ["--start", "1", "--duration", "2", "--overwrite", "--transform", "resize", "--FPS", "5"]
    assert main([*words, *rest, "--backbone", "efficientnet-lite0", "--precision", "bf16"]) == 0
    assert capsys.readouterr().out == f"{out}: 11 rows extracted\n"
    assert tiny[1:] == [("efficientnet-lite0", "cpu", None, False, "bf16")]


def test_reduced_rows(tmp_path, capsys, tiny):
    video, out = write_video(tmp_path / "v.mkv", 100), tmp_path / "f.npy"
    words = ["--path_video", str(video), "--path_features", str(out), "--device", "cpu",
             "--pca", "pca.npz"]  # fmt: skip
    main(words)
    assert np.load(out).shape == (8, 3)
    main([*words, "--both", "--overwrite"])
    assert np.load(out).shape == (8, 12) and np.load(tmp_path / "f_PCA3.npy").shape == (8, 3)
    assert f"{out} and {tmp_path / 'f_PCA3.npy'}: 8 rows" in capsys.readouterr().out


def test_a_tree_and_again(tmp_path, capsys, tiny):
    root = tree(tmp_path / "data")
    words = ["--SoccerNet_path", str(root), "--device", "cpu"]
    assert main([*words, "--split", "test"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "league/season/game 1 half 1: 30 rows extracted",
        "league/season/game 1 half 2: 34 rows extracted",
        "2 extracted, 0 kept, 0 failed",
    ]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "league/season/game 0 half 1: 28 rows extracted",
        "league/season/game 0 half 2: 32 rows extracted",
        "league/season/game 1 half 1: 30 rows kept",
        "league/season/game 1 half 2: 34 rows kept",
        "2 extracted, 2 kept, 0 failed",
    ]
    assert {path.name for path in root.rglob("*.npy")} == {"1_ResNET_TF2.npy", "2_ResNET_TF2.npy"}
    opened = len(tiny)
    assert main([*words, "--split", "all"]) == 0 and len(tiny) == opened  # nothing to open it for
    assert main([*words, "--backbone", "efficientnet-lite0", "--pca", "p.npz", "--both"]) == 0
    names = {path.name for path in root.rglob("1_e*.npy")}
    assert names == {"1_efficientnet-lite0.npy", "1_efficientnet-lite0_PCA3.npy"}
    assert main([*words, "--name", "mine", "--pca", "p.npz"]) == 0
    assert len([*root.rglob("?_mine_PCA3.npy")]) == 4


def test_features_of_other_settings_are_told(tmp_path, capsys, tiny):
    root = tree(tmp_path / "data", games=1)
    words = ["--SoccerNet_path", str(root), "--device", "cpu"]
    assert main([*words, "--pca", "one.npz", "--both"]) == 0
    before, opened = digests(root), len(tiny)
    assert main([*words, "--pca", "one.npz", "--both"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 extracted, 2 kept, 0 failed"
    for flags, told in (
        (["--pca", "one.npz", "--FPS", "4"], "--FPS 2.0, now 4.0"),
        (["--pca", "two.npz"], "of another PCA"),
        (["--transform", "resize"], "--transform crop, now resize"),
        (["--precision", "bf16"], "--precision fp32, now bf16"),
        (["--backbone", "efficientnet-lite0", "--name", "ResNET_TF2"], "--backbone resnet152, now"),
    ):
        assert main([*words, *flags]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert all("failed: " in line and told in line for line in lines[:-1])
        assert all("--overwrite replaces it" in line for line in lines[:-1])
        assert lines[-1] == "0 extracted, 0 kept, 2 failed"
    write_video(root / "league/season/game 0/1_224p.mkv", 340, size=(64, 48))
    assert main(words) == 1
    assert "of another video" in capsys.readouterr().out
    assert (digests(root), len(tiny)) == (before, opened)


def test_one_of_two_files_of_other_settings_is_not_replaced(tmp_path, capsys, tiny):
    root = tree(tmp_path / "data", games=1)
    words = ["--SoccerNet_path", str(root), "--device", "cpu", "--pca", "one.npz"]
    assert main([*words, "--FPS", "4"]) == 0
    before = digests(root)
    assert main([*words, "--both"]) == 1
    assert "--FPS 4.0, now 2.0" in capsys.readouterr().out
    assert digests(root) == before


def test_released_features_are_kept_if_they_fit(tmp_path, capsys, tiny):
    root = tree(tmp_path / "data", games=1)
    for half, rows in ((1, 28), (2, 33)):
        np.save(root / f"league/season/game 0/{half}_ResNET_TF2.npy", np.zeros((rows, 12), "f4"))
    words = ["--SoccerNet_path", str(root), "--device", "cpu"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "of 2 kept nothing tells how they were made; they are as long and as wide as those that "
        "were asked for",
        "0 extracted, 2 kept, 0 failed",
    ]
    assert main([*words, "--FPS", "4"]) == 1
    assert "has 28 rows, expected about 56" in capsys.readouterr().out
    np.save(root / "league/season/game 0/1_ResNET_TF2.npy", np.zeros((28, 7), "f4"))
    assert main(words) == 1
    assert "has 7 features per frame, expected 12" in capsys.readouterr().out
    assert main([*words, "--pca", "one.npz", "--both"]) == 1
    assert "2_ResNET_TF2_PCA3.npy is there, and nothing tells how" in capsys.readouterr().out
    assert len(np.load(root / "league/season/game 0/2_ResNET_TF2.npy")) == 33
    for path in root.rglob("*.mkv"):
        path.write_bytes(b"no video")
    assert main(words) == 1 and "1 kept, 1 failed" in capsys.readouterr().out


def test_a_note_of_another_file_says_nothing(tmp_path, capsys, tiny):
    root = tree(tmp_path / "data", games=1)
    words = ["--SoccerNet_path", str(root), "--device", "cpu"]
    assert main([*words, "--precision", "bf16"]) == 0
    note = root / "league/season/game 0/.1_ResNET_TF2.npy.json"
    assert json.loads(note.read_text())["precision"] == "bf16"
    np.save(root / "league/season/game 0/1_ResNET_TF2.npy", np.zeros((28, 12), "f4"))
    note_2 = note.with_name(".2_ResNET_TF2.npy.json")
    for content in ("[]", "{", "{}", json.dumps({**json.loads(note_2.read_text()), "file": 3})):
        note_2.write_text(content)
        assert main(words) == 0
        assert "of 2 kept nothing tells" in capsys.readouterr().out


def test_parts_of_the_large_videos(tmp_path, capsys, tiny):
    root = tree(tmp_path / "data", games=1)
    game = root / "league/season/game 0"
    (game / "1_224p.mkv").rename(game / "1_HQ.mkv")
    (game / "video.ini").write_text(
        "[1_HQ.mkv]\nstart_time_second = 2\nduration_second = 5\n"
        "[2_HQ.mkv]\nstart_time_second = 0\nduration_second = 5\n"
    )
    assert main(["--SoccerNet_path", str(root), "--video", "HQ", "--device", "cpu"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "league/season/game 0 half 1: 11 rows extracted"
    assert re.search("half 2: failed: expected a video at .*2_HQ.mkv, found no such file", lines[1])
    assert lines[-1] == "1 extracted, 0 kept, 1 failed"


def test_one_bad_file_does_not_end_the_rest(tmp_path, capsys, tiny):
    root = tree(tmp_path / "data", games=3)
    (root / "league/season/game 0/1_224p.mkv").write_bytes(b"no video")
    (root / "league/season/game 1/2_ResNET_TF2.npy").write_bytes(b"no features")
    for path in (root / "league/season/game 2").iterdir():
        path.unlink()
    assert main(["--SoccerNet_path", str(root), "--device", "cpu"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[2].split()[0] for line in lines[:-1]] == [
        "failed:", "32", "30", "failed:", "failed:"
    ]  # fmt: skip
    assert "is cut off or is not a .npy array" in lines[3]
    assert lines[4].endswith("no 224p video is there: expected 1_224p.mkv or 1.mkv")
    assert lines[-1] == "2 extracted, 0 kept, 3 failed"
    assert not [*root.rglob("*.tmp")] and not [*root.rglob(".lock")]


def test_a_game_without_a_folder_is_named(tmp_path, capsys, tiny):
    root = tree(tmp_path / "data", games=1)
    splits = {"mine": ["data/league/season/game 0", "league/season/game 0"]}
    (root / "splits.json").write_text(json.dumps(splits))
    assert main(["--SoccerNet_path", str(root), "--split", "mine", "--device", "cpu"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"failed: there is no folder {root}/data/league/season/game 0; check splits" in lines[0]
    assert lines[-1] == "2 extracted, 0 kept, 1 failed"


def start(root, **more):
    words = ["--SoccerNet_path", str(root), "--device", "cpu"]
    code = TINY + IN_PLACE
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], env=environment() | more, cwd=root.parent,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def test_killed_in_the_middle_and_started_again_gives_the_same_bits(tmp_path, tiny):
    whole, killed = tree(tmp_path / "whole"), tree(tmp_path / "killed")
    assert main(["--SoccerNet_path", str(whole), "--device", "cpu"]) == 0
    expected = digests(whole)
    assert len(expected) == 4
    process = start(killed, TINY_SECONDS="0.5")  # a half has one batch or two
    try:
        for line in process.stdout:  # the first half is there
            assert line == "league/season/game 0 half 1: 28 rows extracted\n"
            break
        deadline = time.monotonic() + 60
        while not [*killed.rglob("*.tmp")]:  # the second is being written
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    left = digests(killed)
    assert [name for name in left if name.endswith(".npy")] == [
        "league/season/game 0/1_ResNET_TF2.npy"
    ]
    again = start(killed)
    told, _ = again.communicate(timeout=120)
    assert again.returncode == 0
    assert told.splitlines()[-1] == "3 extracted, 1 kept, 0 failed"
    assert digests(killed) == expected  # and nothing else


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give either --path_video and --path_features, or --SoccerNet_path"),
        (["--path_video", "v", "--SoccerNet_path", "d"], "give either"),
        (["--path_video", "v"], "belong together"),
        (["--SoccerNet_path", "d", "--path_features", "f"], "belong together"),
        (["--SoccerNet_path", "d", "--start", "3"], "stand in video.ini"),
        (["--path_video", "v", "--path_features", "f", "--start", "-1"], "from 0 on, found -1"),
        (["--path_video", "v", "--path_features", "f", "--both"], "--both needs --pca"),
        (["--SoccerNet_path", "d", "--name", "../x"], "for --name, found '../x'"),
        (["--SoccerNet_path", "d", "--FPS", "0"], "above 0"),
        (["--path_video", "v", "--path_features", "."], "found the folder ."),
    ],
)
def test_flags_that_do_not_fit(words, told, capsys):
    with pytest.raises(SystemExit):
        parse_arguments(words)
    assert told in capsys.readouterr().err


def test_complaints_are_one_sentence(tmp_path, program, tiny):
    (tmp_path / "v.txt").write_text("hello")
    words = ["--path_features", "f.npy", "--device", "cpu"]
    assert_one_sentence(program("--path_video", "v.txt", *words), tmp_path, "as a video", "hello")
    assert_one_sentence(program("--path_video", "none", *words), tmp_path, "no such file")
    assert tiny == []  # no weights were fetched for it
    assert_one_sentence(
        program("--SoccerNet_path", tmp_path / "no"), tmp_path, "expected the data folder"
    )
    assert not (tmp_path / "f.npy").exists()


def test_a_reduction_of_another_backbone_is_refused(tmp_path, program, monkeypatch):
    reduction = types.SimpleNamespace(
        average=np.zeros(7), components=np.zeros((3, 7)), digest="", dimension=3
    )
    module = types.SimpleNamespace(read_reduction=lambda path: reduction)
    monkeypatch.setitem(sys.modules, "common.video.reduction", module)
    video = write_video(tmp_path / "v.mkv", 30, size=(64, 48))
    result = program("--path_video", video, "--path_features", "f.npy", "--pca", "p.npz",
                     "--device", "cpu")  # fmt: skip
    assert_one_sentence(result, tmp_path, "p.npz reduces rows of 7 features", "gives 12")


def test_help_says_the_rules_and_waits_for_nothing(repo_root):
    program = """
import runpy, sys
sys.argv = ["common.extract_features", "--help"]
try:
    runpy.run_module("common.extract_features", run_name="__main__")
except SystemExit as end:
    assert not end.code
sys.exit(f"imported {found}" if (found := {"torch", "av", "cv2"} & set(sys.modules)) else 0)
"""
    done = python(repo_root, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
    assert "i mod r < 1" in done.stdout and "second (k + 1) / 2" in done.stdout
