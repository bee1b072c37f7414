"""Binary cross-entropy over classes and background, from logits."""

from torch import Tensor
from torch.nn import functional as F

from common.training.device import at_least_single


def clip_loss(logits: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Mean over batch and classes of -[z log y + (1 - z) log(1 - y)], y = sigmoid(logits).

    The original takes y itself, which is 0 or 1 for large logits and makes the loss infinite or
    NaN. From logits it is finite for all, and equal elsewhere to 2e-9.

    Args:
        logits: [B, 1 + C]
        targets: [B, 1 + C], 0 or 1

    Returns:
        {"bce": scalar}
    """
    logits = at_least_single(logits)
    return {"bce": F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))}
