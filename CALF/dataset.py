"""Training chunks of two minutes, drawn around spots of each class in turn, or far from all.

Drawing and reading is shared with the calibration baselines.
"""

from common.calf.chunk_data import ChunkDataset, DrawnChunks, drawn_epochs, training_chunks

__all__ = ["ChunkDataset", "DrawnChunks", "drawn_epochs", "training_chunks"]
