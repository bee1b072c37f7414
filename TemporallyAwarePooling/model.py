"""NetVLAD++ and its seven relatives: reduce the features, pool past and future apart, classify."""

from collections.abc import Callable

from torch import Tensor, nn

from common.errors import UserError
from common.pooling.window_model import MaxPool, Part, WindowModel
from TemporallyAwarePooling.pooling import AveragePool, NetVLAD

POOLS = ("NetVLAD", "NetVLAD++", "NetRVLAD", "NetRVLAD++", "MAX", "MAX++", "AVG", "AVG++")
PROJECTED = 512  # features of this size are taken as already reduced

Pool = MaxPool | AveragePool | NetVLAD


class TemporallyAwareModel(WindowModel):
    """Classifies a window of frames, whose past and future are pooled apart (paper, section 3).

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

    def reduce(self, frames: Tensor) -> Tensor:
        """The learned linear reduction, unless the features came reduced: […, D] -> […, E]."""
        return self.feature_extractor(frames) if hasattr(self, "feature_extractor") else frames

    def parts(self) -> list[Part]:
        """Past and future with a layer each, or the whole window.

        Checkpoints store the classifier's weight feature by feature (column e·n + k). It is turned
        round here, since it is small, so that the long pooled vectors can lie cluster by cluster.
        """
        past, L = self.past_frames, self.window_frames
        if self.split:
            layers = [self.pool_layer_before, self.pool_layer_after]
            rows = [(0, past), (past, L - past)]
        else:
            layers, rows = [self.pool_layer], [(0, L)]
        weights = [
            weight.unflatten(1, (-1, layer.size)).transpose(1, 2)  # [1 + C, E, n] -> [1 + C, n, E]
            for layer, weight in zip(layers, self.fc.weight.chunk(len(layers), dim=1), strict=True)
        ]
        return [
            Part(layer, weight, first, length)
            for layer, weight, (first, length) in zip(layers, weights, rows, strict=True)
        ]


def _pooling(pool: str, features: int, clusters: int) -> Pool:
    layers: dict[str, Callable[[], Pool]] = {
        "MAX": MaxPool,
        "AVG": AveragePool,
        "NetVLAD": lambda: NetVLAD(features, clusters),
        "NetRVLAD": lambda: NetVLAD(features, clusters, with_centres=False),
    }
    return layers[pool.removesuffix("++")]()
