"""NetVLAD++ and its seven relatives: reduce the features, pool past and future apart, classify."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from common.errors import UserError
from common.pooling.half_windows import check_windows, padded_half
from common.pooling.max_pooling import MaxPool
from common.training.device import at_least_single
from TemporallyAwarePooling.pooling import AveragePool, NetVLAD

DROPOUT = 0.4  # of the pooled vector
PROJECTED = 512  # features of this size are taken as already reduced

Pool = MaxPool | AveragePool | NetVLAD


class TemporallyAwareModel(nn.Module):
    """Classifies a window of frames, whose past and future are pooled apart (paper, section 3).

    Multi-label, with background as class 0.

    Args:
        features: D, size of the input features.
        classes: C, without background.
        window_frames: L, rows per window; the first ⌊L/2⌋ are the past.
        pool: NetVLAD, NetRVLAD, MAX or AVG; with "++" behind it past and future have a layer
            each, of K/2 clusters.
        clusters: K, for the VLAD layers.
        project_to: size E of a learned linear reduction; None for no reduction. The default is
            the published rule: reduce to 512 whatever is not 512 already.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        window_frames: int,
        *,
        pool: str = "NetVLAD++",
        clusters: int = 64,
        project_to: int | None = PROJECTED,
    ) -> None:
        super().__init__()
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

    def reduce(self, frames: Tensor) -> Tensor:
        """The learned linear reduction, unless the features came reduced: […, D] -> […, E]."""
        return self.feature_extractor(frames) if hasattr(self, "feature_extractor") else frames

    def forward(self, windows: Tensor) -> Tensor:
        """Logits of windows or clips: [B, L, D] -> [B, 1 + C]. Sigmoid makes them confidences."""
        check_windows(windows, self.window_frames, self.features)
        frames = self.reduce(windows)  # [B, L, E]
        dropout = DROPOUT if self.training else 0.0
        if not self.split:
            (whole,) = self.classifiers()
            return self.fc.bias + self.pool_layer(frames, whole, dropout)
        past, future = self.classifiers()
        before = self.pool_layer_before(frames[:, : self.past_frames], past, dropout)
        after = self.pool_layer_after(frames[:, self.past_frames :], future, dropout)
        return self.fc.bias + before + after

    def score_half(self, blocks: Iterable[Tensor]) -> Tensor:
        """Confidences of the windows around every frame of a half: [T, 1 + C].

        Equals `forward` on the T windows of `padded_half`, none of which is built.

        Args:
            blocks: the rows of the half in order, tensors [n, D].
        """
        frames = torch.cat([self.reduce(block) for block in blocks])  # [T, E]
        padded = padded_half(frames, self.window_frames)  # [T + L - 1, E]
        if not self.split:
            (whole,) = self.classifiers()
            logits = at_least_single(self.pool_layer.slide(padded, whole, self.window_frames))
            return torch.sigmoid(self.fc.bias + logits)
        past, future = self.classifiers()
        rest = self.window_frames - self.past_frames
        before = self.pool_layer_before.slide(padded[:-rest], past, self.past_frames)
        after = self.pool_layer_after.slide(padded[self.past_frames :], future, rest)
        return torch.sigmoid(self.fc.bias + at_least_single(before) + at_least_single(after))

    def classifiers(self) -> list[Tensor]:
        """The classifier's weight for each pooling layer, [1 + C, n, E]: past, future, or whole.

        Checkpoints store it feature by feature (column e·n + k). It is turned round here, since it
        is small, so that the long pooled vectors can lie cluster by cluster.
        """
        layers = (
            [self.pool_layer_before, self.pool_layer_after] if self.split else [self.pool_layer]
        )
        return [
            weight.unflatten(1, (-1, layer.size)).transpose(1, 2)  # [1 + C, E, n] -> [1 + C, n, E]
            for layer, weight in zip(layers, self.fc.weight.chunk(len(layers), dim=1), strict=True)
        ]


def _pooling(pool: str, features: int, clusters: int) -> Pool:
    layers: dict[str, Callable[[], Pool]] = {
        "MAX": MaxPool,
        "AVG": AveragePool,
        "NetVLAD": lambda: NetVLAD(features, clusters),
        "NetRVLAD": lambda: NetVLAD(features, clusters, with_centres=False),
    }
    kind = pool.removesuffix("++")
    if kind not in layers:
        names = [name + suffix for name in layers for suffix in ("", "++")]
        raise UserError(f"unknown pooling {pool!r}; choose of {', '.join(names)}")
    return layers[kind]()


def trained_features(weights: Mapping[str, Tensor], pool: str, clusters: int) -> int:
    """D of the features that a network was trained on; 1 if its weights do not tell.

    Then loading says what does not fit.

    Args:
        weights: by their names in the checkpoint.
        pool: as the network's.
        clusters: K, for the VLAD layers.
    """
    reduction, classifier = weights.get("feature_extractor.weight"), weights.get("fc.weight")
    if reduction is not None and reduction.ndim == 2:
        return reduction.shape[1]
    if classifier is None or classifier.ndim != 2:
        return 1
    vectors = clusters if "VLAD" in pool else 2 if pool.endswith("++") else 1
    return max(1, classifier.shape[1] // vectors)
