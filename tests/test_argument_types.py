"""Numbers on the command line: bounds of the field, and a sentence beyond them."""

import argparse
from pathlib import Path

import pytest

from common.training.argument_types import (
    MOST,
    confidence,
    file_to_write,
    finite,
    framerate,
    not_negative,
    place,
    positive,
    rate,
    seconds,
    seed,
    share,
    threads,
    weight,
    whole,
)

TYPES = [
    whole(1, 10), positive, not_negative, seed, threads, finite, confidence, rate, share, weight,
]  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("text", ["", "x", "1e999", "nan", "inf", "-inf", "9" * 5000, "1,5", "0x1"])
def test_what_is_no_number_or_beyond_all_measure_is_refused_in_short(kind, text):
    with pytest.raises(argparse.ArgumentTypeError, match=r"expected a .*number.*, found ") as error:
        kind(text)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        (whole(3, 10), 3, 10), (positive, 1, MOST), (not_negative, 0, MOST), 
        (seed, 0, 2**63 - 1), (threads, 0, 1024),
    ],
)  # fmt: skip
def test_whole_numbers_from_to(kind, least, most):
    assert (kind(str(least)), kind(str(most))) == (least, most)
    for beyond in (least - 1, most + 1):
        with pytest.raises(
            argparse.ArgumentTypeError, match=f"from {least} to {most}, found {beyond}"
        ):
            kind(str(beyond))
    with pytest.raises(argparse.ArgumentTypeError):
        kind("3.5")


def test_rates_and_confidences():
    assert (rate("0.001"), rate(str(MOST)), finite("-2.5"), confidence("1")) == (
        0.001,
        MOST,
        -2.5,
        1,
    )
    for text in ("0", "-1", "1e10"):
        with pytest.raises(argparse.ArgumentTypeError, match="above 0, at most"):
            rate(text)
    with pytest.raises(argparse.ArgumentTypeError, match="up to 1, found 50"):
        confidence("50")


def test_weights_may_be_nothing():
    assert [weight(text) for text in ("0", "0.5", str(MOST))] == [0, 0.5, MOST]
    for text in ("-0.1", "1e10"):
        with pytest.raises(argparse.ArgumentTypeError, match="a number from 0 to"):
            weight(text)


def test_seconds_need_not_be_whole():
    assert [seconds(text) for text in ("15", "1.5", "2.0", "7200")] == [15, 1.5, 2, 7200]
    assert type(seconds("2.0")) is int
    for text in ("0", "-1", "7201", "1e20", "nan", ""):
        with pytest.raises(argparse.ArgumentTypeError):
            seconds(text)


@pytest.mark.parametrize("kind", [place, file_to_write])
def test_an_empty_path_is_not_the_working_folder(kind):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a path, found an empty word"):
        kind("")
    assert kind("a b/c") == Path("a b/c")


def test_a_folder_is_no_file_to_write(tmp_path):
    assert place(str(tmp_path)) == tmp_path
    with pytest.raises(argparse.ArgumentTypeError, match="name of a file to write, found the fold"):
        file_to_write(str(tmp_path))


def test_every_flag_that_is_a_path_refuses_an_empty_word(repo_root):
    """`type=Path` would take it for the working folder."""
    folders = ["common", *(path.parent.name for path in repo_root.glob("*/main.py"))]
    files = [file for folder in folders for file in (repo_root / folder).rglob("*.py")]
    assert [file.name for file in files if "type=Path" in file.read_text("utf-8")] == []


def test_frames_per_second_to_make_are_bounded_and_need_not_be_whole():
    assert [framerate(text) for text in ("0.5", "2", "100")] == [0.5, 2, 100]
    for text in ("100.1", "1e6"):
        with pytest.raises(argparse.ArgumentTypeError, match="frames per second up to 100, found"):
            framerate(text)


def test_a_share_is_from_0_to_below_1():
    assert [share(text) for text in ("0", ".5", "0.999")] == [0, 0.5, 0.999]
    for text in ("1", "-0.1"):
        with pytest.raises(argparse.ArgumentTypeError, match="from 0 to below 1"):
            share(text)
