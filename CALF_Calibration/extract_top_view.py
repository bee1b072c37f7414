"""Turns the top views of all frames into vectors with a frozen ImageNet network, once.

    python -m CALF_Calibration.extract_top_view --SoccerNet_path DATA --with_resnet 34 \\
        --calibration --calibration_field --calibration_cone

Writes an array [frames, 512] (1792 for --with_resnet 4) per half into the game folders. It can be
stopped and run again: halves that are there are left as they are. Train and test with the same
flags.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from CALF_Calibration.flags import add_player_flags, drawn_view, frozen_network
from CALF_Calibration.frozen_features import FrozenNetwork
from common.calibration.players import open_players
from common.calibration.top_view import TopView
from common.data.events import event_classes
from common.data.features import open_array, open_half
from common.data.games import games_at_hand
from common.errors import UserError, run_cli
from common.files import written_whole
from common.training.device import choose_device, describe
from common.training.flags import add_data_flags, add_device_flags, new_parser


def extract_half(
    folder: Path,
    half: int,
    name: str,
    frames: int,
    view: TopView,
    frozen: FrozenNetwork,
    network: torch.nn.Module,
    device: torch.device,
    batch: int,
    cache_dir: Path | None = None,
) -> Path:
    """Writes the vectors of a half to <half>_<name>, wholly or not at all; returns their path."""
    players = open_players(folder, half, cache_dir, view.teacher)
    vectors = np.empty((frames, frozen.dimension), np.float32)
    for start in range(0, frames, batch):
        block = np.arange(start, min(start + batch, frames))
        seen = frozen.see(network, view.draw(players, block), device)
        vectors[start : start + len(block)] = seen.cpu().numpy()
    path = folder / f"{half}_{name}"
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, vectors)
    return path


def is_extracted(path: Path, frames: int, dimension: int) -> bool:
    """Whether a whole file of the right size is there."""
    if not path.is_file():
        return False
    try:
        return open_array(path).shape == (frames, dimension)
    except UserError:
        return False


def main() -> None:
    """The program."""
    parser = new_parser("python -m CALF_Calibration.extract_top_view", __doc__ or "")
    add_data_flags(parser, features="ResNET_TF2_PCA512.npy")
    add_device_flags(parser)
    add_player_flags(parser)
    add = parser.add_argument
    add("--splits", nargs="+", default=["train", "valid", "test", "challenge"], help="which games")
    add("--batch_size", type=int, default=64, help="pictures at a time")
    add("--protocol", choices=("corrected", "published"), default="corrected",
        help="published: draw, crop and name as the original")  # fmt: skip
    args = parser.parse_args()
    if not args.with_resnet:
        raise UserError("give --with_resnet 18, 34 or 4: the network that makes the vectors")
    run(args)


def run(args: argparse.Namespace) -> None:
    """Extracts what is missing."""
    view, frozen = drawn_view(args), frozen_network(args)
    name = frozen.file_name(view)  # once: it reads the weights
    device = choose_device(args.device, args.GPU)
    classes = event_classes(args.SoccerNet_path, args.version)
    games = [g for split in args.splits for g in games_at_hand(args.SoccerNet_path, [split])]
    halves = [
        (args.SoccerNet_path / game, h) for game in games for h in range(1, classes.halves + 1)
    ]
    lacking = []
    for folder, half in halves:
        frames = open_half(folder, half, args.features).frames
        if not is_extracted(folder / f"{half}_{name}", frames, frozen.dimension):
            lacking.append((folder, half, frames))
    there = len(halves) - len(lacking)
    print(f"{there} of {len(halves)} halves are there; device: {describe(device)}")
    if not lacking:
        return
    network = frozen.load(device)
    batch, cache_dir = args.batch_size, args.cache_dir
    for folder, half, frames in tqdm(lacking, unit="half", disable=None):
        extract_half(folder, half, name, frames, view, frozen, network, device, batch, cache_dir)


if __name__ == "__main__":
    run_cli(main)
