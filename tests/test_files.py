"""Files are whole or absent, whatever stops the writer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common.errors import UserError
from common.files import make_folder, parse_json, read_json, write_bytes, write_json, written_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_bytes_arrive_and_parents_are_made(tmp_path):
    path = tmp_path / "deep" / "er" / "file.bin"
    write_bytes(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert names(path.parent) == ["file.bin"]


@pytest.mark.parametrize("write", [lambda path: write_bytes(path, b"x"), make_folder])
def test_folders_that_are_made_are_synced_in_those_above_them(tmp_path, monkeypatch, write):
    """Else a power cut could lose a folder whose files were synced, and them with it."""
    fsync, synced = os.fsync, []

    def note(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write(tmp_path / "deep" / "er" / "name")
    assert {tmp_path, tmp_path / "deep"} <= set(synced)


def test_new_content_replaces_the_old_at_once(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"a long old content")
    with path.open("rb") as reader:
        write_bytes(path, b"new")
        assert reader.read() == b"a long old content"  # whoever has it open never sees a mixture
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_exception_inside_keeps_the_old_file_and_leaves_no_other(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error), written_whole(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_exception_inside_leaves_an_absent_file_absent(tmp_path):
    with pytest.raises(ValueError), written_whole(tmp_path / "file") as temporary:
        temporary.write_bytes(b"half")
        raise ValueError
    assert names(tmp_path) == []


def test_file_appears_only_when_the_block_has_ended(tmp_path):
    path = tmp_path / "file"
    with written_whole(path) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
        assert temporary.parent == tmp_path  # the same file system, so that a rename is enough
    assert path.read_bytes() == b"whole"


def test_two_writers_at_once_do_not_share_a_temporary_file(tmp_path):
    path = tmp_path / "file"
    with written_whole(path) as first, written_whole(path) as second:
        assert first != second
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert path.read_bytes() == b"first"  # closed last
    assert names(tmp_path) == ["file"]


def test_killed_writer_leaves_the_old_file(tmp_path, repo_root):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = (
        "import os, pathlib, signal; from common.files import written_whole\n"
        f"with written_whole(pathlib.Path({str(path)!r})) as temporary:\n"
        "    temporary.write_bytes(b'half of the n')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repo_root, timeout=120)
    assert done.returncode != 0
    assert path.read_bytes() == b"old"


def test_json_round_trip_with_arrays_and_other_keys(tmp_path):
    value = {"a": np.arange(3), "b": np.float64(0.1), 5: [None, True, "ü"], "c": np.int64(7)}
    write_json(tmp_path / "file.json", value)
    expected = {"a": [0, 1, 2], "b": 0.1, "5": [None, True, "ü"], "c": 7}
    assert read_json(tmp_path / "file.json") == expected
    text = (tmp_path / "file.json").read_text(encoding="utf-8")
    assert json.loads(text) == expected
    assert text.endswith("}\n") and '\n  "b": 0.1,\n' in text


def test_json_keeps_floats_exactly(tmp_path):
    values = np.random.default_rng(0).random(1000)
    write_json(tmp_path / "file.json", values)
    assert read_json(tmp_path / "file.json") == values.tolist()


def test_what_is_no_json_value_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "file.json", {"a": object()})
    assert names(tmp_path) == []


def test_what_is_no_file_is_named_and_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for path, kind in (("pipe", "a named pipe"), ("zeros", "a device"), (".", "a folder")):
        with pytest.raises(UserError, match=f"expected a JSON file at .*, found {kind}"):
            read_json(tmp_path / path)


def test_missing_json_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"expected a JSON file at .*nowhere\.json, found no such"):
        read_json(tmp_path / "nowhere.json")


@pytest.mark.parametrize("content", [b"", b"{", b"{'a': 1}", b"\xff", b"[1,]", b"[NaN]"])
def test_broken_json_is_named(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"file\.json is not valid JSON"):
        read_json(path)
    with pytest.raises(UserError, match="the source is not valid JSON"):
        parse_json(content, "the source")


def test_lenient_reads_what_python_reads():
    found = parse_json(b'[NaN, -Infinity, 1e400, "\\ud800"]', "the source", lenient=True)
    assert found[0] != found[0] and found[1:] == [-np.inf, np.inf, "\ud800"]
    for content in (b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(UserError, match="the source is not valid JSON"):
            parse_json(content, "the source", lenient=True)


def test_what_is_there_instead_of_json_is_told():
    with pytest.raises(UserError, match=r"x is not valid JSON \(a pointer of Git LFS"):
        parse_json(b"version https://git-lfs.github.com/spec/v1\n", "x")
    with pytest.raises(UserError, match=r"x is not valid JSON \(a web page"):
        parse_json(b"<!DOCTYPE html><html></html>", "x")


def test_a_folder_is_no_place_to_write_to(tmp_path):
    for path in (tmp_path, tmp_path / ".", type(tmp_path)(".")):
        with pytest.raises(UserError, match="expected the name of a file to write, found the fold"):
            write_bytes(path, b"x")
    assert names(tmp_path) == []


def test_json_with_a_byte_order_mark_is_read_and_utf16_named(tmp_path):
    assert parse_json('{"é": 1}'.encode("utf-8-sig"), "file") == {"é": 1}
    for encoding in ("utf-16", "utf-16-be"):
        content = "\ufeff{}".encode(encoding) if encoding != "utf-16" else "{}".encode(encoding)
        with pytest.raises(UserError, match="UTF-16: save it as UTF-8"):
            parse_json(content, "file")


@pytest.mark.parametrize("name", ["a folder", ".", ".."])
def test_a_folder_is_never_written_over_and_no_temporary_name_is_shown(tmp_path, monkeypatch, name):
    (tmp_path / "a folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"found the folder (a folder|\.|\.\.)$"):
        write_json(Path(name), {})
    assert [path.name for path in tmp_path.iterdir()] == ["a folder"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"a": 1}'.encode("utf-16"), "text in UTF-16: save it as UTF-8"),
        ('{"a": "Málaga"}'.encode("latin-1"), "byte 8 is not UTF-8: save it as UTF-8"),
        (b'{"a": 1,}', "trailing comma"),
    ],
)
def test_json_in_another_encoding_is_told_as_that(content, told):
    with pytest.raises(UserError, match=f"^x is not valid JSON .*{told}"):
        parse_json(content, "x")
