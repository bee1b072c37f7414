"""Turns the top views of all frames into vectors with a frozen ImageNet network, once.

    python -m CALF_Calibration.extract_top_view --SoccerNet_path DATA --with_resnet 34 \\
        --calibration --calibration_field --calibration_cone

Writes an array [frames, 512] (1792 for --with_resnet 4) per half into the game folders. It can be
stopped and run again: halves that are there are left as they are. Train and test with the same
flags.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from CALF_Calibration.drawn_record import drawn_otherwise, note_drawing, note_of
from CALF_Calibration.flags import add_player_flags
from CALF_Calibration.frozen_features import FrozenNetwork
from CALF_Calibration.main import drawn_view, frozen_network
from common.calibration.players import open_players
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import PlayersByTopView
from common.data.data_set import DataSet
from common.data.events import event_classes
from common.data.features import open_array
from common.data.games import OFFICIAL_SPLITS, read_splits
from common.errors import UserError, counted, run_cli
from common.files import written_whole
from common.training.argument_types import whole
from common.training.device import choose_device, describe
from common.training.flags import (
    PROTOCOLS,
    add_data_flags,
    add_device_flags,
    new_parser,
    parse_flags,
)


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """How top views become vectors.

    Attributes:
        view: what is drawn.
        frozen, network: what sees it.
        name: of a half's file, without its number.
        batch: pictures at a time.
        cache_dir: see `open_players`.
    """

    view: TopView
    frozen: FrozenNetwork
    network: torch.nn.Module
    device: torch.device
    name: str
    batch: int = 64
    cache_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise UserError(f"--batch_size must be 1 picture or more, found {self.batch}")

    def half(self, folder: Path, half: int, frames: int) -> Path:
        """Writes the vectors of a half to <half>_<name>, wholly or not at all; its path."""
        players = open_players(folder, half, self.cache_dir, self.view.teacher).first(frames)
        vectors = np.empty((frames, self.frozen.dimension), np.float32)
        for start in range(0, frames, self.batch):
            block = np.arange(start, min(start + self.batch, frames))
            block_vectors = self.frozen.see(
                self.network, self.view.draw(players, block), self.device
            )
            vectors[start : start + len(block)] = block_vectors.cpu().numpy()
        path = folder / f"{half}_{self.name}"
        path.unlink(missing_ok=True)  # no note may stand beside vectors of another drawing
        note_of(path).unlink(missing_ok=True)
        if self.view.published:  # whose names do not tell
            note_drawing(path, self.view)
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


def splits_at_hand(root: Path) -> list[str]:
    """The usual splits that have games here; all of them, which is then an error, if none has."""
    known, own = read_splits(root), (root / "splits.json").is_file()
    here = [
        split
        for split in OFFICIAL_SPLITS
        if any(own or (root / game).is_dir() for game in known.get(split, ()))
    ]
    return here or [*OFFICIAL_SPLITS]


def main() -> None:
    """Extracts what is missing."""
    args = parse_arguments()
    view, frozen = drawn_view(args), frozen_network(args)
    name = frozen.file_name(view)  # once: it reads the weights
    device = choose_device(args.device, args.GPU)
    data = DataSet(
        root=args.SoccerNet_path,
        features=tuple(args.features),
        classes=event_classes(args.SoccerNet_path, args.version),
    )
    splits = args.splits or splits_at_hand(args.SoccerNet_path)
    halves = [half for game in data.games(splits) for half in data.open_game(game)]
    paths = [half.folder / f"{half.number}_{name}" for half in halves]
    otherwise = [bool(drawn_otherwise(path, view)) for path in paths]
    if any(otherwise):
        print(f"{counted(sum(otherwise), 'half', 'halves')} drawn with other flags: made anew")
    lacking = [
        half
        for half, path, other in zip(halves, paths, otherwise, strict=True)
        if other or not is_extracted(path, half.features.frames, frozen.dimension)
    ]
    there = len(halves) - len(lacking)
    print(f"{there} of {len(halves)} halves are there; device: {describe(device)}")
    if not lacking:
        return
    players, unfinished = PlayersByTopView(view, args.cache_dir), {half.folder for half in lacking}
    data.require_further(
        splits,
        lambda folder, count: players.missing_files(folder, count) if folder in unfinished else (),
        players.files,
    )
    extract = Extraction(
        view=view, frozen=frozen, network=frozen.load(device), device=device, name=name,
        batch=args.batch_size, cache_dir=args.cache_dir,
    )  # fmt: skip
    for half in tqdm(lacking, unit="half", disable=None):
        extract.half(half.folder, half.number, half.features.frames)


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags, from `argv` or the command line."""
    parser = new_parser("python -m CALF_Calibration.extract_top_view", __doc__ or "")
    add_data_flags(parser, features="ResNET_TF2_PCA512.npy")
    add_device_flags(parser)
    add_player_flags(parser)
    add = parser.add_argument
    add("--splits", nargs="+", metavar="SPLIT",
        help="which games; else train, valid, test and challenge, as far as there")  # fmt: skip
    add("--batch_size", type=whole(1, 65_536), default=64, help="pictures at a time")
    add("--protocol", choices=PROTOCOLS, default="corrected",
        help="published: draw, crop and name as the original")  # fmt: skip
    args = parse_flags(parser, argv)
    if not args.with_resnet:
        raise UserError("give --with_resnet 18, 34 or 4: the network that makes the vectors")
    return args


if __name__ == "__main__":
    run_cli(main)
