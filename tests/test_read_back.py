"""What a run wrote is compared with what it meant to write; what was lost on the way is named."""

import zipfile

import numpy as np
import pytest

from common.errors import UserError
from common.files import write_json
from common.results.predictions import RESULT_FILE, write_game, write_zip
from common.results.read_back import read_back_archive, read_back_scores

GAMES = ["league/season/first", "league/season/Málaga - sécond"]


@pytest.fixture
def packed(tmp_path):
    """An archive and the folder that it was packed of."""
    for number, game in enumerate(GAMES):
        write_game(tmp_path / "outputs", game, b'{"predictions": [%d]}' % number)
    write_zip(tmp_path / "results.zip", tmp_path / "outputs", GAMES)
    return tmp_path / "results.zip", tmp_path / "outputs"


def test_scores_of_all_kinds_of_numbers_pass_and_no_others(tmp_path):
    content = {"mAP": np.float64(0.1), "none": float("nan"), "list": np.arange(3), 1: None}
    write_json(tmp_path / "scores.json", content)
    read_back_scores(tmp_path / "scores.json", content)
    with pytest.raises(UserError, match="does not hold the scores"):
        read_back_scores(tmp_path / "scores.json", content | {"list": np.arange(1, 4)})


@pytest.mark.parametrize("games", [GAMES, []])
def test_the_games_of_an_archive_pass_and_no_others(tmp_path, packed, games):
    archive = tmp_path / "own.zip"
    write_zip(archive, packed[1], games)
    read_back_archive(archive, packed[1], games)
    with pytest.raises(UserError, match="does not hold the files"):
        read_back_archive(archive, packed[1], [] if games else GAMES)


@pytest.mark.parametrize("at", range(12))
def test_a_bit_that_turned_over_is_found_wherever_it_is(packed, at):
    archive, folder = packed
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as members:
        begin = members.getinfo(f"{GAMES[0]}/{RESULT_FILE}").header_offset
    body = begin + 30 + len(GAMES[0]) + 1 + len(RESULT_FILE)
    content[body + at] ^= 0x10
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"results\.zip"):
        read_back_archive(archive, folder, GAMES)


def test_a_result_file_that_is_other_than_in_the_archive_is_named(packed):
    archive, folder = packed
    (folder / GAMES[1] / RESULT_FILE).write_bytes(b"{}")
    with pytest.raises(UserError, match=r"sécond/.* in .*results\.zip is not as in .*--test_only"):
        read_back_archive(archive, folder, GAMES)


@pytest.mark.parametrize("games", [GAMES[:1], GAMES[::-1], [*GAMES, "league/season/third"]])
def test_an_archive_of_other_games_is_named(packed, games):
    with pytest.raises(UserError, match="does not hold the files that it was packed of"):
        read_back_archive(*packed, games)


def test_an_archive_that_was_cut_is_named(packed):
    archive, folder = packed
    archive.write_bytes(archive.read_bytes()[:-10])
    with pytest.raises(UserError, match="no whole zip file"):
        read_back_archive(archive, folder, GAMES)


@pytest.mark.parametrize("other", [{"mAP": 0.2}, {"mAP": 0.1, "more": 1}, {}, []])
def test_scores_that_are_others_are_named(tmp_path, other):
    write_json(tmp_path / "scores.json", other)
    with pytest.raises(UserError, match=r"scores\.json does not hold the scores"):
        read_back_scores(tmp_path / "scores.json", {"mAP": 0.1})
