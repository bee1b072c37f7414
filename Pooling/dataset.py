"""Training clips: chunks of --chunk_size seconds, cut without overlap.

Reading is shared with the other pooling baseline.
"""

from common.clip_data import ClipDataset, ResidentClips, resident_if_it_fits, training_clips

__all__ = ["ClipDataset", "ResidentClips", "resident_if_it_fits", "training_clips"]
