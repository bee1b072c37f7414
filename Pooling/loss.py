"""Binary cross-entropy over classes and background, the loss of both pooling baselines."""

from common.pooling.clip_loss import clip_loss

__all__ = ["clip_loss"]
