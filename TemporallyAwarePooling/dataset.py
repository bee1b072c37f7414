"""Training clips: as long as the window that the network sees, 15 s, cut without overlap.

They are not centred on events, although the network tells past from future: an event may fall
anywhere into its clip. Reading is shared with the other pooling baseline.
"""

from common.pooling.clip_data import ClipDataset, training_clips

__all__ = ["ClipDataset", "training_clips"]
