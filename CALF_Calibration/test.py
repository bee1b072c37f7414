"""From a half to detections, and from a split to result files: overlapping chunks, put together."""

from collections.abc import Sequence
from pathlib import Path

import torch

from CALF_Calibration.dataset import Players, blocks_of_half
from CALF_Calibration.model import TopViewModel
from common.calf.detections import HalfScores, detect, put_together
from common.calf.half_rows import chunk_starts
from common.calf.plots import draw_classes, draw_half
from common.data.data_set import DataSet
from common.data.features import Half
from common.data.frame_rows import window_rows
from common.errors import log
from common.results.given_files import VIDEOS, GivenFiles
from common.results.predictions import RESULT_FILE, format_game, write_game
from common.results.split_results import publish_split
from common.results.suppression import Peaks, Suppression
from common.training.distributed import Processes
from common.training.run import Run

_BLOCK_CHUNKS = 64  # of a half that go through the network at a time


@torch.inference_mode()
def score_half(run: Run, players: Players, model: TopViewModel, half: Half) -> HalfScores:
    """Segmentation and spots of the frames of a half, [n, C] each."""
    shape, frames = model.shape, half.features.frames
    starts = chunk_starts(frames, shape, run.published)
    rows = torch.from_numpy(window_rows(starts, shape.frames, frames).T)  # [T, M]
    segmentations, lists = [], []
    with run.autocast():
        blocks = [model.reduce(*block) for block in blocks_of_half(half, players, run.device)]
        parts = [torch.cat(part, 1)[0] for part in zip(*blocks, strict=True)]  # [1, n, …] -> [n, …]
        for chunks in rows.split(_BLOCK_CHUNKS, dim=1):
            index = chunks.to(run.device)  # [T, M']
            segmentation, spots = model.forward_reduced(*(part[index] for part in parts))
            segmentations.append(segmentation.cpu())
            lists.append(spots.cpu())
    segmentation, spots = torch.cat(segmentations), torch.cat(lists)
    return put_together(segmentation.numpy(), spots.numpy(), frames, shape, run.published)


def spot_game(
    run: Run,
    players: Players,
    model: TopViewModel,
    halves: Sequence[Half],
    suppression: Suppression,
) -> list[Peaks]:
    """Detections of each half of a game."""
    return [detect(score_half(run, players, model, half).cells, suppression) for half in halves]


def spot_split(
    run: Run,
    data: DataSet,
    players: Players,
    model: TopViewModel,
    split: str,
    *,
    suppression: Suppression,
    file_names: Sequence[str] = (RESULT_FILE,),
    plots: int = 0,
) -> None:
    """Writes the result files of a split's games, then packs, scores and draws them.

    Args:
        file_names: under which each result file is written.
        plots: how many games to draw, see `draw_game`.
    """
    model.eval()
    games, out = data.games([split]), run.folder / f"outputs_{split}"
    for game in run.processes.deal_out(games, out.name):
        peaks = spot_game(run, players, model, data.open_game(game), suppression)
        detections = [(number, *found) for number, found in enumerate(peaks, 1)]
        names = data.classes.names
        text = format_game(game, detections, names, data.framerate, run.published)
        for name in file_names:
            write_game(out, game, text, name)
    run.processes.wait_for_all()
    if not run.processes.is_main:
        return
    publish_split(run.folder, split, data, games)
    for game in Processes().deal_out(games[:plots], f"{split} plots"):
        draw_game(run, data, players, model, out=out, game=game, suppression=suppression)
    if plots:
        log.info("%s: drawn below %s", split, out / games[0])


def draw_game(
    run: Run,
    data: DataSet,
    players: Players,
    model: TopViewModel,
    *,
    out: Path,
    game: str,
    suppression: Suppression,
) -> None:
    """Draws each half of a game below `out`, with annotations and players where there are any."""
    labels = data.labels(game)
    for half in data.open_game(game):
        annotated = None
        if labels is not None:
            ours = labels.half == half.number
            annotated = labels.frames(data.framerate, data.gt_time)[ours], labels.event[ours]
        segmentation, cells = score_half(run, players, model, half)
        peaks = detect(cells, suppression)
        draw_half(
            out / game / f"{half.number}_segmentation.png",
            1 - segmentation,  # in the older loss it is low where an action is
            peaks,
            names=data.classes.names,
            framerate=data.framerate,
            title=f"{game}, half {half.number}" if data.classes.halves > 1 else game,
            annotated=annotated,
        )
        if players is not None:
            names = data.classes.names
            players.draw_moments(out / game, half, peaks, names, data.framerate)


def spot_files(
    run: Run,
    data: DataSet,
    model: TopViewModel,
    given: GivenFiles,
    halves: Sequence[Half],
    suppression: Suppression,
    *,
    file_names: Sequence[str] = (RESULT_FILE,),
) -> list[Path]:
    """Spots in halves of any length that are outside any split and have no labels; draws them.

    The model sees features alone. Of videos there is a picture of each class, too, as published.

    Returns the paths of what it wrote.
    """
    model.eval()
    folder, detections, figures = run.folder / f"outputs_{given.name}", [], []
    names, framerate = data.classes.names, data.framerate
    for half in halves:
        segmentation, cells = score_half(run, None, model, half)
        score, peaks = 1 - segmentation, detect(cells, suppression)
        detections.append((half.number, *peaks))
        figures.append(draw_half(
            folder / f"{half.number}_segmentation.png", score, peaks, names=names,
            framerate=framerate, title=given.path_of(half.number).name,
        ))  # fmt: skip
        if given.flag == VIDEOS:
            by_class = folder / f"classes_{half.number}"
            figures.append(draw_classes(by_class, score, peaks, names=names, framerate=framerate))
    text = format_game(None, detections, names, framerate, run.published)
    written = [write_game(folder.parent, folder.name, text, name) for name in file_names]
    return [*written, *figures]
