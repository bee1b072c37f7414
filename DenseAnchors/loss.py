"""Losses of dense anchors: few are near an event, so those that are weigh more.

Each class counts alike: its weights are such that their mean over all anchors is 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from common.training.device import at_least_single
from DenseAnchors.targets import anchor_targets

POSITIVE_SHARE = 0.03  # of a class's weight that lies on anchors near its events
HUBER_DELTA = 0.5  # in shares of the radius


class AnchorTargets(NamedTuple):
    """What is true of chunks that are sums of K chunks each: K = 1, or 2 where they are mixed."""

    offsets: Tensor  # [K, B, T, C], in frames, from each anchor to the nearest event
    shares: Tensor  # [K, B], that add up to 1 over K


@dataclass(frozen=True)
class Criterion:
    """What is to be minimised.

    Attributes:
        radius, displacement_radius: frames around an event within which anchors are to be
            confident of it, and are to know how far it is.
        positive, negative: weights of anchors within `radius` and of the others, [C].
        near: weight of anchors within `displacement_radius`, [C].
    """

    radius: int
    displacement_radius: int
    positive: Tensor
    negative: Tensor
    near: Tensor

    @classmethod
    def weighted_by(
        cls,
        within: Callable[[int], NDArray[np.int64]],
        anchors: int,
        *,
        radius: int,
        displacement_radius: int,
        device: torch.device,
    ) -> "Criterion":
        """The criterion for a training set.

        Args:
            within: radius -> number of its anchors of each class within it, [C].
            anchors: how many it has of each class.
        """
        positives, near = (
            torch.from_numpy(within(each)).double() for each in (radius, displacement_radius)
        )
        weights = (
            _share(POSITIVE_SHARE * anchors, positives),
            _share((1 - POSITIVE_SHARE) * anchors, anchors - positives),
            _share(anchors, near),
        )
        return cls(radius, displacement_radius, *(each.float().to(device) for each in weights))

    def __call__(self, outputs: tuple[Tensor, Tensor], targets: AnchorTargets) -> dict[str, Tensor]:
        """Means over all anchors.

        Confidence: weighted binary cross-entropy. Displacement: Huber's loss, in units of δ.

        Args:
            outputs: logits and displacements, [B, T, C] each.

        Returns:
            {"confidence": scalar, "displacement": scalar}
        """
        logits, displacements = map(at_least_single, outputs)
        confident, _, _ = wanted = anchor_targets(
            targets.offsets, self.radius, self.displacement_radius
        )
        _, way, known = wanted
        shares = targets.shares[:, :, None, None]  # [K, B, 1, 1]
        confident = (confident * shares).sum(dim=0)  # [B, T, C]: the loss is linear in it
        cross_entropy = -(
            self.positive * confident * F.logsigmoid(logits)
            + self.negative * (1 - confident) * F.logsigmoid(-logits)
        )
        error = F.huber_loss(
            displacements.expand_as(way), way.to(displacements.dtype), reduction="none",
            delta=HUBER_DELTA,
        )  # fmt: skip
        error = (error * (self.near * known) * shares).sum(dim=0) / HUBER_DELTA
        return {"confidence": cross_entropy.mean(), "displacement": error.mean()}


def _share(weight: float, among: Tensor) -> Tensor:
    """The weight of each of so many; 0 where there is none to have it."""
    return torch.where(among > 0, weight / among.clamp(min=1), 0)
