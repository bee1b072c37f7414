"""Where a training stands, and the settings that lead it: plain values, kept in last.pth.tar."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import UserError

_DECISIVE = ("learning_rate", "batch_size", "patience", "evaluation_frequency", "seed")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How long, how large, from which seed. `batch_size` is over all processes together."""

    learning_rate: float
    batch_size: int
    max_epochs: int
    patience: int  # bad epochs (no relative gain of 1e-4 in validation loss) to wait
    evaluation_frequency: int  # epochs between thorough validations
    seed: int
    workers: int = 0  # threads that read ahead

    def refuse_others(self, then: Mapping[str, Any], source: Path) -> None:
        """Raises UserError if a training with the settings `then` of `source` cannot go on so."""
        for name in _DECISIVE:
            if then[name] != (now := getattr(self, name)):
                raise UserError(
                    f"{source} was trained with {name} {then[name]}, found {now}; resume with the "
                    "same"
                )


@dataclass
class Progress:
    """Where training stands, beside weights, optimiser and schedule."""

    epoch: int = 0  # complete epochs
    best_loss: float = 9e99  # lowest validation loss
    best_score: float | None = None  # highest validation score, where there is one
    best_epoch: int = 0  # whose weights are the best so far
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    length: int = 0  # items that an epoch trains on; 0 if no epoch has begun
    data: dict[str, str] = field(default_factory=dict)  # digests of what it trains and selects on
    # An epoch that was stopped half-way: its batches, their items and sums of losses.
    batch: int = 0
    items: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def begin_on(self, data: Mapping[str, str], source: Path) -> None:
        """Training begins, or goes on, on data of these digests, by what they are for.

        Raises UserError if those of `source` were others. Earlier versions had none.
        """
        for purpose, digest in data.items():
            if self.data.get(purpose, digest) != digest:
                raise UserError(
                    f"the run of {source} began with other games: the {purpose} data have changed "
                    "(games, their spots or their frames); bring back those of its start, or train "
                    "anew with --overwrite"
                )
        self.data = {**self.data, **data}

    def begin_epoch(self, length: int) -> None:
        """An epoch on so many items begins, or goes on.

        Raises UserError if there were another number in the epochs before.
        """
        if self.length not in (0, length):
            raise UserError(
                f"the run has trained on {self.length} items per epoch so far, and here are "
                f"{length}: the training data have changed; bring back those of its start, or "
                "train anew with --overwrite"
            )
        self.length = length

    def improves(self, valid_loss: float, score: float | None) -> bool:
        """Whether these are the best weights so far; notes that they are."""
        lower = valid_loss < self.best_loss
        self.best_loss = min(valid_loss, self.best_loss)
        if score is None:
            return lower and self.best_score is None
        higher = self.best_score is None or score > self.best_score
        if higher:
            self.best_score = score
        return higher

    def close_epoch(self, row: dict[str, float], improved: bool = False) -> None:
        """An epoch is complete; `row` is its line of the curves."""
        self.epoch += 1
        self.best_epoch = self.epoch if improved else self.best_epoch
        self.batch, self.items, self.sums = 0, 0, {}
        self.history.append(row)
