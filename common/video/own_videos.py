"""Videos as the features that a network takes: extracted once, and kept beside the run."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from common.data.features import Half, open_features
from common.errors import UserError
from common.files import locked, open_file, shortened
from common.results.given_files import GivenFiles, require_unclaimed
from common.video.fingerprint import fingerprint
from common.video.flags import DIMENSIONS

if TYPE_CHECKING:
    import torch

    from common.video.backbones import Backbone
    from common.video.reduction import Reduction

CACHE = "videos"  # the folder in a run's
_PIECE_BYTES = 1 << 20
_TRANSFORM = "crop"  # of the released features


@dataclass(frozen=True, kw_only=True)
class VideoFeatures:
    """How videos become features: what their rows depend on, beside the video.

    Attributes:
        backbone: name of one of `DIMENSIONS`.
        weights: its file; None for those that it has itself.
        pca: file of a reduction.
        framerate: rows per second.
        precision: of the backbone's products, fp32 or bf16.
    """

    backbone: str
    weights: Path | None = None
    pca: Path | None = None
    framerate: float = 2
    precision: str = "fp32"


def open_videos(
    given: GivenFiles,
    run: Path,
    how: VideoFeatures,
    device: "torch.device",
    *,
    download: bool = False,
) -> list[Half]:
    """The halves of videos, whose features are extracted unless `run` has them already.

    Args:
        run: folder of the run.
        download: fetch the backbone's weights if they are not there.
    """
    require_unclaimed(run, given)  # before hours are spent
    files = _extracted(given, run / CACHE, how, device, download)
    return [
        Half(path.parent, number, open_features(file))
        for path, number, file in zip(given.paths, given.halves, files, strict=True)
    ]


def choose_video_features(
    needed: int,
    run: Path,
    *,
    backbone: str | None,
    weights: Path | None,
    pca: Path | None,
    framerate: float,
    precision: str,
) -> VideoFeatures:
    """How videos become `needed` features, by the backbone that was named or that fits.

    Args:
        needed: that the network was trained on.
        run: folder of its weights, for the sentence.

    Raises:
        UserError: none fits, or the named one; says what gives how many.
    """
    trained = f"{run} was trained on {needed} features per frame, and"
    taken, given = (needed, needed) if pca is None else _sizes(pca)
    name = backbone or next((name for name, size in DIMENSIONS.items() if size == taken), None)
    if name is None or DIMENSIONS[name] != taken:
        found = f"--backbone {name} gives {DIMENSIONS[name]}" if name else "no backbone gives these"
        what = trained if pca is None else f"{pca} reduces {taken} features per frame, and"
        raise UserError(f"{what} {found}: {_offers()}")
    if given != needed:
        raise UserError(f"{trained} {pca} gives {given}: {_offers()}")
    return VideoFeatures(
        backbone=name, weights=weights, pca=pca, framerate=framerate, precision=precision
    )


def _offers() -> str:
    sizes = ", ".join(f"--backbone {name} gives {size}" for name, size in DIMENSIONS.items())
    return (
        f"{sizes}, and --pca FILE reduces them to as many as the file has components "
        "(python -m common.pca makes one)"
    )


def _sizes(pca: Path) -> tuple[int, int]:
    """How many features a reduction takes, and gives."""
    reduction = _reduction(pca)
    return len(reduction.average), len(reduction.components)


def _reduction(pca: Path) -> "Reduction":
    from common.video.reduction import read_reduction

    return read_reduction(pca)


def _extracted(
    given: GivenFiles, cache: Path, how: VideoFeatures, device: "torch.device", download: bool
) -> list[Path]:
    """Feature files of the videos, whole."""
    settings = facts_of(how)
    files = [cache / cached_name(video, settings) for video in given.paths]
    if not all(file.is_file() for file in files):
        with locked(cache):
            for left in cache.glob(".*.tmp"):  # of a process that died here
                left.unlink(missing_ok=True)
            extract_one = _extractor(how, device, download)
            for video, file in zip(given.paths, files, strict=True):
                if not file.is_file():
                    extract_one(video, file)
    return files


def _extractor(
    how: VideoFeatures, device: "torch.device", download: bool
) -> Callable[[Path, Path], None]:
    """A function that extracts a video's features into a file, with one backbone for all."""
    from common.video.backbones import open_backbone
    from common.video.extraction import extract
    from common.video.frames import Sampling

    backbone: Backbone = open_backbone(
        how.backbone, device, weights=how.weights, download=download, precision=how.precision
    )
    sampling = Sampling(framerate=how.framerate)
    reduction = _reduction(how.pca) if how.pca else None

    def extract_one(video: Path, file: Path) -> None:
        extract(video, file, backbone, sampling=sampling, transform=_TRANSFORM, reduction=reduction)

    return extract_one


def facts_of(how: VideoFeatures) -> dict[str, Any]:
    """What tells these settings from others. Files of weights and reductions are read whole."""
    return {
        "backbone": how.backbone,
        "weights": how.weights and _of_file(how.weights),
        "pca": how.pca and _of_file(how.pca),
        "framerate": float(how.framerate),
        "precision": how.precision,
        "transform": _TRANSFORM,
    }


def cached_name(video: Path, settings: dict[str, Any]) -> str:
    """Name of the file of a video's features: another one for another video, or other settings.

    Videos are told apart by size, time of writing, and a piece of their beginning, middle and end:
    one that was moved keeps its features.

    Args:
        settings: of `facts_of`.
    """
    facts = {"video": _of_video(video), **settings}
    key = hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{shortened(video.stem, 80)}_{settings['backbone']}_{key[:16]}.npy"


def _of_video(video: Path) -> list[Any]:
    size, digest = fingerprint(video, "a video")
    return [size, video.stat().st_mtime_ns, digest]


def _of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with open_file(path, "a file") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
