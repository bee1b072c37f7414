"""NetVLAD weights in the layout of one pooling baseline and of the other.

`Pooling` stores the layer cluster by cluster (`conv.weight`, `centroids`), `TemporallyAwarePooling`
feature by feature (`clusters`, `clusters2`), and so the classifier's columns stand in another
order. The network is the same: both give the same confidences, to rounding.
"""

from collections.abc import Mapping

from torch import Tensor

from common.errors import UserError

StateDict = dict[str, Tensor]

_CLUSTER_MAJOR = ("pool_layer.centroids", "pool_layer.conv.weight", "fc.weight", "fc.bias")
_FEATURE_MAJOR = ("pool_layer.clusters", "pool_layer.clusters2", "fc.weight", "fc.bias")


def to_temporally_aware_pooling(state_dict: StateDict) -> StateDict:
    """Weights of `Pooling --pool NetVLAD` as those of `TemporallyAwarePooling --pool NetVLAD`.

    clusters[d, k] = conv.weight[k, d, 0, 0], clusters2[0, d, k] = centroids[k, d], and column
    k·D + d of the classifier becomes column d·K + k. Raises UserError for other weights.
    """
    _require(state_dict, _CLUSTER_MAJOR, "Pooling --pool NetVLAD")
    centroids = state_dict["pool_layer.centroids"]  # [K, D]
    _require_shapes(state_dict, {
        "pool_layer.centroids": ("K", "D"), "pool_layer.conv.weight": ("K", "D", 1, 1),
        "fc.weight": ("C", "KD"), "fc.bias": ("C",),
    })  # fmt: skip
    return {
        "pool_layer.clusters": state_dict["pool_layer.conv.weight"][:, :, 0, 0].T.contiguous(),
        "pool_layer.clusters2": centroids.T[None].contiguous(),
        "fc.weight": _turn(state_dict["fc.weight"], *centroids.shape),
        "fc.bias": state_dict["fc.bias"],
    }


def to_pooling(state_dict: StateDict) -> StateDict:
    """The inverse of `to_temporally_aware_pooling`.

    Raises UserError for weights that have no counterpart there: another pooling, or a learned
    reduction of the features.
    """
    _require(
        state_dict, _FEATURE_MAJOR, "TemporallyAwarePooling --pool NetVLAD without a reduction"
    )
    clusters = state_dict["pool_layer.clusters"]  # [D, K]
    _require_shapes(state_dict, {
        "pool_layer.clusters": ("D", "K"), "pool_layer.clusters2": (1, "D", "K"),
        "fc.weight": ("C", "KD"), "fc.bias": ("C",),
    })  # fmt: skip
    return {
        "pool_layer.centroids": state_dict["pool_layer.clusters2"][0].T.contiguous(),
        "pool_layer.conv.weight": clusters.T[:, :, None, None].contiguous(),
        "fc.weight": _turn(state_dict["fc.weight"], *clusters.shape),
        "fc.bias": state_dict["fc.bias"],
    }


def _turn(weight: Tensor, rows: int, columns: int) -> Tensor:
    """Column r·columns + c of each class becomes column c·rows + r."""
    return weight.unflatten(1, (rows, columns)).transpose(1, 2).flatten(1)


def _require(state_dict: StateDict, names: tuple[str, ...], expected: str) -> None:
    if set(state_dict) != set(names):
        raise UserError(
            f"expected the weights of {expected} ({', '.join(names)}), found "
            f"{', '.join(state_dict)}"
        )


def _require_shapes(state_dict: StateDict, shapes: Mapping[str, tuple[int | str, ...]]) -> None:
    """Raises UserError unless all shapes agree; letters stand for one number each, KD for K * D."""
    sizes: dict[int | str, int] = {1: 1}
    for name, expected in shapes.items():
        shape = tuple(state_dict[name].shape)
        if len(shape) == len(expected):
            for letter, size in zip(expected, shape, strict=True):
                sizes.setdefault(letter, size)
        if "K" in sizes and "D" in sizes:
            sizes["KD"] = sizes["K"] * sizes["D"]
        if shape != tuple(sizes.get(letter, 0) for letter in expected):
            wanted = " x ".join(str(sizes.get(letter, letter)) for letter in expected)
            raise UserError(
                f"{name} is {' x '.join(map(str, shape))}, expected {wanted}; these are not the "
                "weights of one network"
            )
