"""Which backbone gives the features that a network needs, and when features are made anew."""

import os
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import torch

from common.errors import UserError
from common.results.given_files import VIDEOS, given_files
from common.video.own_videos import (
    VideoFeatures,
    cached_name,
    choose_video_features,
    facts_of,
    open_videos,
)

CPU = torch.device("cpu")
LITE = VideoFeatures(backbone="efficientnet-lite0")


class Reduction:
    """Of 2048 features to 5."""

    average, mean, components = np.zeros(2048), np.zeros(2048), np.ones((5, 2048))


@pytest.fixture
def reduction(monkeypatch, tmp_path):
    """Path of a reduction of 2048 features to 5."""
    fake = types.ModuleType("reduction")
    fake.read_reduction = lambda path: Reduction()
    monkeypatch.setitem(sys.modules, "common.video.reduction", fake)
    path = tmp_path / "pca.npz"
    path.write_bytes(b"numbers")
    return path


def choose(needed, run, **flags):
    words = {"backbone": None, "weights": None, "pca": None, "framerate": 2, "precision": "fp32"}
    return choose_video_features(needed, run, **{**words, **flags})


def test_the_backbone_is_the_one_that_fits(tmp_path, reduction):
    assert choose(2048, tmp_path).backbone == "resnet152"
    assert choose(1280, tmp_path).backbone == "efficientnet-lite0"
    assert choose(1280, tmp_path, backbone="efficientnet-lite0", framerate=5).framerate == 5
    found = choose(5, tmp_path, pca=reduction)
    assert (found.backbone, found.pca) == ("resnet152", reduction)


@pytest.mark.parametrize(
    ("needed", "flags", "told"),
    [
        (512, {}, "was trained on 512 features per frame, and no backbone gives these: "),
        (512, {"backbone": "resnet152"}, "512 features per frame, and --backbone resnet152 gives"),
        (6, {"pca": True}, r"trained on 6 features per frame, and .*pca\.npz gives 5: "),
        (
            5,
            {"pca": True, "backbone": "efficientnet-lite0"},
            r"pca\.npz reduces 2048 features per frame, and --backbone efficientnet-lite0 gives",
        ),
    ],
)
def test_what_does_not_fit_is_answered_with_what_gives_how_many(
    tmp_path, reduction, needed, flags, told
):
    flags = {**flags, "pca": reduction} if "pca" in flags else flags
    with pytest.raises(UserError, match=told) as error:
        choose(needed, tmp_path, **flags)
    assert "resnet152 gives 2048, --backbone efficientnet-lite0 gives 1280" in str(error.value)
    assert "--pca FILE reduces them" in str(error.value)


def test_the_name_of_a_video_may_have_letters_of_many_bytes(tmp_path):
    video = tmp_path / ("汉" * 80 + ".mkv")
    video.write_bytes(b"pictures")
    name = cached_name(video, facts_of(LITE))
    assert name.startswith("汉" * 53 + "_efficientnet-lite0_") and len(name.encode()) < 220


def test_features_are_those_of_one_video_and_one_setting(tmp_path):
    video, weights = tmp_path / "1.mkv", tmp_path / "weights.h5"
    video.write_bytes(bytes(5_000_000))
    weights.write_bytes(b"a" * 3_000_000)
    name = cached_name(video, facts_of(LITE))
    assert name.startswith("1_efficientnet-lite0_") and name.endswith(".npy")
    others = [
        replace(LITE, framerate=5), replace(LITE, precision="bf16"),
        replace(LITE, backbone="resnet152"), replace(LITE, weights=weights),
        replace(LITE, pca=weights),
    ]  # fmt: skip
    names = [cached_name(video, facts_of(each)) for each in others]
    assert len({name, *names}) == len(others) + 1
    weights.write_bytes(b"a" * 2_999_999 + b"b")
    assert cached_name(video, facts_of(others[3])) != names[3]
    moved = video.rename(tmp_path / "moved.mkv")
    assert cached_name(moved, facts_of(LITE)).split("_")[-1] == name.split("_")[-1]
    times = (moved.stat().st_atime_ns, moved.stat().st_mtime_ns)
    for place in (0, 2_400_000, 4_999_999):  # looked at, though its size and time are the same
        content = bytearray(5_000_000)
        content[place] = 1
        moved.write_bytes(content)
        os.utime(moved, ns=times)
        assert cached_name(moved, facts_of(LITE)).split("_")[-1] != name.split("_")[-1]


@pytest.fixture
def extractor(monkeypatch):
    """Fakes of what decodes and sees; notes what it was asked for."""
    asked = types.SimpleNamespace(opened=[], extracted=[], stop=False)

    def extract(video, out, backbone, *, sampling, transform, reduction=None):
        if asked.stop:
            raise UserError("the video is broken")
        out.parent.mkdir(parents=True, exist_ok=True)
        size = backbone.dimension if reduction is None else len(reduction.components)
        np.save(out, np.full((3, size), len(asked.extracted), np.float32))
        asked.extracted.append((video.name, sampling.framerate, reduction is not None))
        return 3

    def open_backbone(name, device, **further):
        asked.opened.append((name, further))
        return types.SimpleNamespace(name=name, dimension=2048)

    for module, members in {
        "extraction": {"extract": extract},
        "backbones": {"open_backbone": open_backbone},
        "frames": {"Sampling": types.SimpleNamespace},
    }.items():
        fake = types.ModuleType(module)
        vars(fake).update(members)
        monkeypatch.setitem(sys.modules, f"common.video.{module}", fake)
    return asked


def test_what_is_missing_is_extracted_with_one_backbone(tmp_path, reduction, extractor):
    for half in (1, 2):
        (tmp_path / f"{half}.mkv").write_bytes(b"%d" % half)
    given = given_files([tmp_path / "1.mkv", tmp_path / "2.mkv"], 2, VIDEOS)
    how = VideoFeatures(backbone="resnet152", weights=reduction, pca=reduction, framerate=4)
    run = tmp_path / "run"
    (run / "videos").mkdir(parents=True)
    (run / "videos" / ".1.npy.ab.tmp").write_bytes(b"of a process that died")
    halves = open_videos(given, run, how, CPU, download=True)
    assert [(h.number, h.features.frames, h.features.dimension) for h in halves] == [
        (1, 3, 5), (2, 3, 5)
    ]  # fmt: skip
    assert [half.features.rows(0, 1)[0, 0] for half in halves] == [0, 1]
    assert extractor.extracted == [("1.mkv", 4, True), ("2.mkv", 4, True)]
    further = {"weights": reduction, "download": True, "precision": "fp32"}
    assert extractor.opened == [("resnet152", further)]
    assert all(path.suffix == ".npy" for path in (run / "videos").iterdir())
    open_videos(given, run, how, CPU)
    assert len(extractor.opened) == 1
    (tmp_path / "2.mkv").write_bytes(b"another film")
    open_videos(given, run, how, CPU)
    assert [name for name, *_ in extractor.extracted] == ["1.mkv", "2.mkv", "2.mkv"]


def test_nothing_is_kept_of_what_fails_or_belongs_elsewhere(tmp_path, extractor):
    video = tmp_path / "league.mkv"
    video.write_bytes(b"1")
    given = given_files([video], 2, VIDEOS)
    extractor.stop = True
    with pytest.raises(UserError, match="the video is broken"):
        open_videos(given, tmp_path / "run", LITE, CPU)
    assert list((tmp_path / "run/videos").iterdir()) == []
    extractor.stop = False
    (tmp_path / "run/outputs_league").mkdir()
    with pytest.raises(UserError, match="holds the detections of a split"):
        open_videos(given, tmp_path / "run", LITE, CPU)
    assert extractor.extracted == []
