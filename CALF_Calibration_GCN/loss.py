"""What is minimised: the older form of the context-aware loss, and CALF's loss of the spots.

`legacy_context_loss` says how it differs from CALF's own; the published models were trained in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from common.calf.legacy_context_loss import legacy_context_loss
from common.calf.spotting_loss import spotting_loss


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """Segmentation and spots; called on outputs and targets it returns weighted losses by name.

    Both are sums over the batch, so that the learning rate means another thing at another batch
    size; the weights were published for batches of 32.

    Attributes:
        k_frames: context parameters [4, C], on the device.
        published: match spots as the original, see `match_predictions`.
    """

    k_frames: Tensor
    weight_segmentation: float = 0.000367
    weight_detection: float = 1.0
    lambda_coord: float = 5.0
    lambda_noobj: float = 0.5
    published: bool = False

    def __call__(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> dict[str, Tensor]:
        """{"segmentation": …, "spotting": …} from (segmentation, spots) and (shifts, targets)."""
        (segmentation, spots), (shifts, wanted) = outputs, targets
        segmented = legacy_context_loss(segmentation, shifts, self.k_frames)
        spotted = spotting_loss(spots, wanted, self.lambda_coord, self.lambda_noobj, self.published)
        return {
            "segmentation": self.weight_segmentation * segmented,
            "spotting": self.weight_detection * spotted,
        }
