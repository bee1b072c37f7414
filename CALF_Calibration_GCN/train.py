"""One epoch of training, one of validation: those of the whole family."""

from common.calf.training import train_epoch, validate

__all__ = ["train_epoch", "validate"]
