"""Training clips: chunks of --chunk_size seconds, cut without overlap.

Reading is shared with the other pooling baseline.
"""

from common.pooling.clip_data import ClipDataset, training_clips

__all__ = ["ClipDataset", "training_clips"]
