"""MaxPool and NetVLAD: one pooling layer over the window, one linear layer."""

from torch import nn

from common.errors import UserError
from common.pooling.window_model import MaxPool, Part, WindowModel
from Pooling.netvlad import NetVLAD

POOLS = ("MAX", "NetVLAD")
CLUSTERS = 64


class PoolingModel(WindowModel):
    """Classifies a window of frames by one vector (SoccerNet paper, section 5).

    Args:
        features: D.
        classes: C, without background.
        window_frames: L, rows per window.
        pool: one of `POOLS`.
    """

    def __init__(self, features: int, classes: int, window_frames: int, pool: str = "MAX") -> None:
        super().__init__()
        if pool not in POOLS:
            raise UserError(f"unknown pooling {pool!r}; choose of {', '.join(POOLS)}")
        self.features, self.window_frames = features, window_frames
        self.pool_layer = MaxPool() if pool == "MAX" else NetVLAD(features, CLUSTERS)
        self.fc = nn.Linear(features * self.pool_layer.size, classes + 1)

    def parts(self) -> list[Part]:
        """The whole window. Checkpoints store the classifier cluster by cluster, as we need it."""
        weight = self.fc.weight.unflatten(1, (self.pool_layer.size, -1))  # [1 + C, n, E]
        return [Part(self.pool_layer, weight, 0, self.window_frames)]
