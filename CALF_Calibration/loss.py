"""The older form of the context-aware loss, in which the published models were trained.

`legacy_context_loss` says how it differs from CALF's. The spotting loss is CALF's own.
"""

from common.calf.legacy_context_loss import legacy_context_loss
from common.calf.spotting_loss import spotting_loss

__all__ = ["legacy_context_loss", "spotting_loss"]
