"""What the CALF family minimises: segmentation and spots, summed over the batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from common.calf.spotting_loss import spotting_loss

# Loss of segmentation [B, T, C] against shifts [B, T, C], given K parameters [4, C] in frames.
SegmentationLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Criterion:
    """Called on outputs and targets it returns the weighted losses by name.

    Both are sums, so that the learning rate means another thing at another batch size; the weights
    were published for batches of 32.
    """

    segmentation_loss: SegmentationLoss
    k_frames: Tensor  # [4, C], on the device
    weight_segmentation: float = 0.000367
    weight_detection: float = 1.0
    lambda_coord: float = 5.0
    lambda_noobj: float = 0.5
    published: bool = False  # see `match_predictions`

    def __call__(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> dict[str, Tensor]:
        """{"segmentation": …, "spotting": …} from (segmentation, spots) and (shifts, targets)."""
        (segmentation, spots), (shifts, wanted) = outputs, targets
        segmented = self.segmentation_loss(segmentation, shifts, self.k_frames)
        spotted = spotting_loss(spots, wanted, self.lambda_coord, self.lambda_noobj, self.published)
        return {
            "segmentation": self.weight_segmentation * segmented,
            "spotting": self.weight_detection * spotted,
        }
