"""NetVLAD++ and its seven relatives: reduce the features, pool past and future apart, classify."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from common.errors import UserError
from TemporallyAwarePooling.pooling import AveragePool, MaxPool, NetVLAD

POOLS = ("NetVLAD", "NetVLAD++", "NetRVLAD", "NetRVLAD++", "MAX", "MAX++", "AVG", "AVG++")
PROJECTED = 512  # features of this size are taken as already reduced
DROPOUT = 0.4  # of the pooled vector

Pool = MaxPool | AveragePool | NetVLAD


class TemporallyAwareModel(nn.Module):
    """Classifies a window of frames: multi-label, with background as class 0 (paper, section 3).

    Args:
        features: D, size of the input features.
        classes: C, without background.
        window_frames: L, rows per window; the first ⌊L/2⌋ are the past.
        pool: one of `POOLS`; with "++" past and future have a layer each, of K/2 clusters.
        clusters: K, for the VLAD layers.
        project_to: size E of a learned linear reduction; None for no reduction. The default is
            the published rule: reduce to 512 whatever is not 512 already.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        window_frames: int,
        pool: str = "NetVLAD++",
        clusters: int = 64,
        project_to: int | None = PROJECTED,
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise UserError(f"unknown pooling {pool!r}; choose of {', '.join(POOLS)}")
        self.split = pool.endswith("++")
        if window_frames < 2 and self.split:
            raise UserError(f"{pool} needs windows of at least 2 frames, found {window_frames}")
        if "VLAD" in pool and (clusters < 1 or (self.split and clusters % 2)):
            raise UserError(
                f"{pool} needs {'an even' if self.split else 'a positive'} number of clusters, "
                f"found --vocab_size {clusters}"
            )
        self.features, self.window_frames = features, window_frames
        self.past_frames = window_frames // 2
        reduced = features
        # Built in the original's order, so that one seed draws the same weights.
        if project_to is not None and features != project_to:
            self.feature_extractor = nn.Linear(features, project_to)
            reduced = project_to
        size = reduced * (clusters if "VLAD" in pool else 1)
        if self.split:
            self.pool_layer_before = _pooling(pool, reduced, clusters // 2)
            self.pool_layer_after = _pooling(pool, reduced, clusters // 2)
            size = size if "VLAD" in pool else 2 * size
        else:
            self.pool_layer = _pooling(pool, reduced, clusters)
        self.fc = nn.Linear(size, classes + 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits of windows or clips: [B, L, D] -> [B, 1 + C]. Sigmoid makes them confidences."""
        frames = self.reduce(windows)  # [B, L, E]
        dropout = DROPOUT if self.training else 0.0
        parts = (
            (frames[:, : self.past_frames], frames[:, self.past_frames :])
            if self.split
            else (frames,)
        )
        logits = [
            layer(part, weight, dropout)
            for layer, part, weight in zip(self.layers, parts, self._part_weights(), strict=True)
        ]
        return sum(logits, self.fc.bias)

    def reduce(self, frames: Tensor) -> Tensor:
        """The learned reduction of each frame: […, D] -> […, E]."""
        return self.feature_extractor(frames) if hasattr(self, "feature_extractor") else frames

    def score_half(self, blocks: Iterable[Tensor]) -> Tensor:
        """Confidences of the windows around every frame of a half: [T, 1 + C].

        The window of frame i has rows i - ⌊L/2⌋ … i + ⌈L/2⌉ - 1, rows outside the half replaced by
        its first or last. Equals `forward` on all T windows, none of which is built.

        Args:
            blocks: the rows of the half in order, tensors [n, D].
        """
        frames = torch.cat([self.reduce(block) for block in blocks])  # [T, E]
        T, L, past = len(frames), self.window_frames, self.past_frames
        inside = torch.arange(-past, T - 1 + L - past, device=frames.device).clamp(0, T - 1)
        padded = frames[inside]  # [T + L - 1, E]
        parts = [(padded, L)]
        if self.split:
            parts = [(padded[: T - 1 + past], past), (padded[past:], L - past)]
        logits = [
            layer.slide(part, weight, length).float()
            for layer, (part, length), weight in zip(
                self.layers, parts, self._part_weights(), strict=True
            )
        ]
        return torch.sigmoid(sum(logits, self.fc.bias))

    @property
    def layers(self) -> list[Pool]:
        """The pooling layers: of past and future, or the only one."""
        if self.split:
            return [self.pool_layer_before, self.pool_layer_after]
        return [self.pool_layer]

    def _part_weights(self) -> list[Tensor]:
        """The classifier's weight for each layer: [1 + C, n, E].

        Checkpoints store it feature by feature (column e·n + k). It is turned round here, since
        it is small, so that the long pooled vectors can lie cluster by cluster.
        """
        return [
            part.unflatten(1, (-1, layer.size)).transpose(1, 2)
            for part, layer in zip(
                self.fc.weight.chunk(len(self.layers), dim=1), self.layers, strict=True
            )
        ]


def _pooling(pool: str, features: int, clusters: int) -> Pool:
    layers: dict[str, Callable[[], Pool]] = {
        "MAX": MaxPool,
        "AVG": AveragePool,
        "NetVLAD": lambda: NetVLAD(features, clusters),
        "NetRVLAD": lambda: NetVLAD(features, clusters, with_centres=False),
    }
    return layers[pool.removesuffix("++")]()
