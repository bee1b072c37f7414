"""Losses of dense anchors: few are near an event, so those that are weigh more.

Weights are such that their mean over all anchors is 1. They are the same for all classes: one with
a dozen spots would else be learnt by heart, at the cost of the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

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
        positive, negative: weights of anchors within `radius` and of the others.
        near: weight of anchors within `displacement_radius`.
        displacement_weight: of their loss beside that of confidences.
    """

    radius: int
    displacement_radius: int
    positive: float
    negative: float
    near: float
    displacement_weight: float = 1.0

    @classmethod
    def weighted_by(
        cls,
        within: Callable[[int], int],
        anchors: int,
        *,
        radius: int,
        displacement_radius: int,
        displacement_weight: float = 1.0,
    ) -> "Criterion":
        """The criterion for a training set.

        Args:
            within: radius -> number of its anchors that are within it of an event.
            anchors: how many it has.
        """
        positives, near = within(radius), within(displacement_radius)
        return cls(
            radius,
            displacement_radius,
            positive=POSITIVE_SHARE * anchors / max(1, positives),
            negative=(1 - POSITIVE_SHARE) * anchors / max(1, anchors - positives),
            near=anchors / max(1, near),
            displacement_weight=displacement_weight,
        )

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
        return {
            "confidence": cross_entropy.mean(),
            "displacement": self.displacement_weight * error.mean(),
        }
