"""One epoch of training, one of validation: those of both pooling baselines."""

from common.pooling.clip_training import clip_map, train_epoch, validate

__all__ = ["clip_map", "train_epoch", "validate"]
