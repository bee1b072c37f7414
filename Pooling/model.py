"""MaxPool and NetVLAD: one pooling layer over the window, one linear layer."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from common.errors import UserError
from common.pooling.half_windows import check_windows, padded_half
from common.pooling.max_pooling import MaxPool
from common.training.device import at_least_single
from Pooling.netvlad import NetVLAD

DROPOUT = 0.4  # of the pooled vector
CLUSTERS = 64


class PoolingModel(nn.Module):
    """Classifies a window of frames by one vector (SoccerNet paper, section 5).

    Multi-label, with background as class 0.

    Args:
        features: D.
        classes: C, without background.
        window_frames: L, rows per window.
        pool: MAX or NetVLAD.
    """

    def __init__(
        self, features: int, classes: int, window_frames: int, *, pool: str = "MAX"
    ) -> None:
        super().__init__()
        if pool not in ("MAX", "NetVLAD"):
            raise UserError(f"unknown pooling {pool!r}; choose of MAX, NetVLAD")
        self.features, self.window_frames = features, window_frames
        self.pool_layer = MaxPool() if pool == "MAX" else NetVLAD(features, CLUSTERS)
        self.fc = nn.Linear(features * self.pool_layer.size, classes + 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits of windows or clips: [B, L, D] -> [B, 1 + C]. Sigmoid makes them confidences."""
        check_windows(windows, self.window_frames, self.features)
        dropout = DROPOUT if self.training else 0.0
        return self.fc.bias + self.pool_layer(windows, self.classifier(), dropout)

    def score_half(self, blocks: Iterable[Tensor]) -> Tensor:
        """Confidences of the windows around every frame of a half: [T, 1 + C].

        Equals `forward` on the T windows of `padded_half`, none of which is built.

        Args:
            blocks: the rows of the half in order, tensors [n, D].
        """
        padded = padded_half(torch.cat(list(blocks)), self.window_frames)  # [T + L - 1, D]
        logits = self.pool_layer.slide(padded, self.classifier(), self.window_frames)
        return torch.sigmoid(self.fc.bias + at_least_single(logits))

    def classifier(self) -> Tensor:
        """The classifier's weight, cluster by cluster as checkpoints store it: [1 + C, n, D]."""
        return self.fc.weight.unflatten(1, (self.pool_layer.size, -1))


def trained_features(weights: Mapping[str, Tensor], pool: str) -> int:
    """D of the features that a network was trained on; 1 if its weights do not tell.

    Then loading says what does not fit.

    Args:
        weights: by their names in the checkpoint.
        pool: MAX or NetVLAD.
    """
    classifier = weights.get("fc.weight")
    if classifier is None or classifier.ndim != 2:
        return 1
    return max(1, classifier.shape[1] // (1 if pool == "MAX" else CLUSTERS))
