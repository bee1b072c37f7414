"""A whole published row: NetVLAD++ on 2048 features, trained, tested on 100 games, scored.

The baseline's own `train` and `spot_split` run, on rows in memory instead of files: those of the
training and validation split lie on the device, and the games of the test split are one game again
and again. As many epochs and games are taken as fit into the time, and scaled to 81 and 100.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import card_work
import numpy as np
from card_notes import Notes, Setting
from card_speed import seconds_of
from measure import CLASSES, ROWS

import TemporallyAwarePooling
import TemporallyAwarePooling.dataset
import TemporallyAwarePooling.loss
import TemporallyAwarePooling.main
import TemporallyAwarePooling.test
import TemporallyAwarePooling.train
from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2, V2_NAMES
from common.data.features import Half
from common.results.suppression import Suppression
from common.training.device import choose_device
from common.training.run import Run
from common.training.training import TrainingSettings

_EPOCHS, _TESTED, _VALIDATED = 81, 100, 100  # of the published run
_DIMENSION = 2048


class OneGameAgain(DataSet):
    """A data set each of whose games has the same features, in memory."""

    def open_game(self, game: str) -> list[Half]:
        """See `DataSet`."""
        return self.in_memory

    in_memory: Sequence[Half] = ()


def row(setting: Setting, notes: Notes) -> None:
    """Trains a few epochs, tests a few games, and scales both."""
    device = choose_device(setting.device)
    full = device.type == "cuda" and not setting.tiny
    games = (card_work.GAMES, _VALIDATED) if full else (1, 1) if setting.tiny else (6, 2)
    rows = 480 if setting.tiny else ROWS  # of a half
    with tempfile.TemporaryDirectory(dir=setting.folder) as folder:
        run = Run(folder=Path(folder) / "run", device=device, classes=tuple(V2_NAMES))
        run.folder.mkdir()
        args = TemporallyAwarePooling.main.parse_arguments([])
        model = TemporallyAwarePooling.main.build_model(args, _DIMENSION, CLASSES).to(device)
        parts = [
            card_work.invented_clips(
                TemporallyAwarePooling, model.window_frames, _DIMENSION, count, rows, device
            )
            for count in games
        ]
        epochs, epoch = _train(
            run, model, parts, seconds=setting.seconds * 0.5, most=1 if setting.tiny else _EPOCHS
        )
        epoch *= (card_work.GAMES + _VALIDATED) / sum(games)
        del parts
        tested = 40 if full else 2
        game = _test(run, Path(folder) / "data", model, tested, rows)
    notes.row(
        epochs=epochs, epoch_s=round(epoch, 3), of_games=f"{games[0]} + {games[1]}",
        tested=tested, game_ms=round(1000 * game, 1),
        row_s=round(_EPOCHS * epoch + _TESTED * game, 1),
    )  # fmt: skip


def _train(run: Run, model: object, parts: list, *, seconds: float, most: int) -> tuple[int, float]:
    """How many epochs fit into the time, and the seconds of one; the first two are left out."""
    settings = {
        "learning_rate": 1e-3, "batch_size": 256, "patience": _EPOCHS, "seed": 0,
        "evaluation_frequency": 10, "workers": 4,
    }  # fmt: skip

    nothing = DataSet(root=run.folder, features=(), classes=SOCCERNET_V2)

    def train(epochs: int) -> None:
        clips = iter(parts)
        with patch.object(TemporallyAwarePooling.train, "read_clips", lambda *_: next(clips)):
            TemporallyAwarePooling.train.train(
                run, nothing, model, TrainingSettings(max_epochs=epochs, **settings),
                train_on=[], select_on=[], resident="no",
            )  # fmt: skip

    train(1)  # warms up
    begun = time.monotonic()
    train(1)
    fitting = int(seconds / (time.monotonic() - begun) / 2)
    epochs = max(1, min(most, fitting))
    return epochs, seconds_of(lambda: train(epochs), run.device) / epochs


def _test(run: Run, root: Path, model: object, games: int, rows: int) -> float:
    """Seconds per game, to spot, write, pack, score and draw."""
    names = [f"league/season/game {number}" for number in range(games)]
    rng = np.random.default_rng(0)
    for name in names:
        (root / name).mkdir(parents=True)
        entries = [
            {"gameTime": f"{half} - {s // 60:02}:{s % 60:02}", "position": str(1000 * s),
             "label": V2_NAMES[event], "visibility": "visible"}
            for half in (1, 2)
            for s, event in zip(rng.integers(0, rows // 2, 110).tolist(),
                                rng.integers(0, CLASSES, 110).tolist(), strict=True)
        ]  # fmt: skip
        (root / name / "Labels-v2.json").write_text(json.dumps({"annotations": entries}))
    (root / "splits.json").write_text(json.dumps({"test": names}))
    data = OneGameAgain(root=root, features=("F.npy",), classes=SOCCERNET_V2, dimension=_DIMENSION)
    object.__setattr__(data, "in_memory", card_work.game_in_memory(_DIMENSION, rows))
    spot = TemporallyAwarePooling.test.spot_split
    return (
        seconds_of(lambda: spot(run, data, model, "test", Suppression(60, 0.0)), run.device) / games
    )
