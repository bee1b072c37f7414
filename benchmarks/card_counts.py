"""How many bytes and operations a training step takes, by formula, and what a device can do.

Operations are multiplications and additions of matrix products and convolutions; a layer counts
three times (forward, gradient of its input, gradient of its weights), the first one of a network
twice, and what is computed anew in the backward pass once more. Bytes are those of single
precision, whatever the precision of products:

| what | passes over memory |
|---|---|
| features of a batch | 4: gathered and written, read forward, read for the gradient of weights |
| outputs of a layer | 5: written, read; read backward; their gradient written, read |
| weights | 9: read forth and back, gradient written, and Adam reads four and writes three |
| pooled vectors of VLAD, [B, K·E] | 8: made, normalised, dropped, classified; the same backward |
| a resGCN layer, per node and channel | 160: about 40 in the forward pass of today, and the same |
|  | for computing it anew; twice as many backward |

What is fused or stays in a cache takes fewer, so a share above 1 is no mistake of the clock.
"""

from dataclasses import dataclass

_FLOAT = 4
_FEATURES, _OUTPUTS, _WEIGHTS, _POOLED, _GRAPH_LAYER = 4, 5, 9, 8, 160


@dataclass(frozen=True)
class Counts:
    """Of a step: bytes, operations that run at the precision asked for, and always in single."""

    traffic: float
    cast: float
    exact: float = 0.0


@dataclass(frozen=True)
class Ceilings:
    """Of a device: bytes per second copied, read and written; operations per second."""

    bandwidth: float
    fp32: float
    bf16: float

    def shortest(self, counts: Counts, precision: str) -> tuple[float, str]:
        """The seconds that a step cannot be shorter than, and what binds it."""
        moving = counts.traffic / self.bandwidth
        peak = self.bf16 if precision == "bf16" else self.fp32
        computing = counts.cast / peak + counts.exact / self.fp32
        return max((moving, "bytes"), (computing, "flops"))


def of_vlad(
    *, batch: int, frames: int, features: int, reduced: int, clusters: int, seen: int,
    outputs: int, parameters: int,
) -> Counts:  # fmt: skip
    """NetVLAD of either pooling baseline.

    Args:
        clusters: K of all layers; each frame sees `seen` of them.
        reduced: E; equal to the features: nothing is reduced.
    """
    rows = batch * frames
    reduce = 2 * rows * features * reduced if reduced != features else 0
    assign = 2 * rows * reduced * seen
    classify = 2 * batch * clusters * reduced * outputs
    floats = (
        _FEATURES * rows * features
        + _OUTPUTS * rows * (reduced + seen)
        + _POOLED * batch * clusters * reduced
        + _WEIGHTS * parameters
    )
    # The residuals are summed up forward, anew backward, and have two gradients. That of features
    # which no layer has touched is not asked for.
    asked = reduced != features
    exact = (3 + asked) * assign + 3 * classify
    # What lies along the residuals: inner products of a clip's frames, and frames with centres.
    pairs = 2 * rows * frames * seen // clusters * (reduced + seen)
    exact += (2 + asked) * assign + (1 + asked) * pairs + 4 * batch * clusters * reduced
    return Counts(_FLOAT * floats, 2 * reduce + (2 + asked) * assign, exact)


def _pyramid(rows: int, width: int) -> int:
    """Operations of the four reaches in time, direct, over rows of 16 · width channels."""
    taps = sum(channels * width * k for channels, k in ((4, 12), (8, 27), (16, 40), (32, 80)))
    return 2 * rows * 16 * width * taps


def of_chunks(
    *, batch: int, frames: int, features: int, classes: int, width: int, branches: int,
    parameters: int,
) -> Counts:  # fmt: skip
    """CALF: the feature branch of a width, and the head over all branches of that width."""
    rows = batch * frames
    first, second = 64 * width, 16 * width
    maps, capsules = 76 * width, 16 * classes
    cast = (
        2 * (2 * rows * features * first)
        + 3 * (2 * rows * first * second + _pyramid(rows, width))
        + 3 * (2 * rows * 3 * maps * branches * capsules)
        + 3 * (2 * rows // 2 * 3 * 17 * classes * 32)
    )
    floats = (
        _FEATURES * rows * features
        + _OUTPUTS * rows * (first + second + 2 * maps * branches)
        + _OUTPUTS * rows * (3 * capsules + 4 * classes)  # normalised, squeezed, compared
        + _WEIGHTS * parameters
    )
    return Counts(_FLOAT * floats, cast)


def of_pictures(*, batch: int, frames: int, width: int) -> Counts:
    """What top views of 32 by 64 add: two convolutions, then a pyramid at each of five places."""
    rows, inner = batch * frames, 16 * width
    first = 2 * rows * 28 * 60 * 16 * 75  # computed again backward, no gradient of its input
    second = 2 * rows * 3 * 11 * inner * 16 * 25
    pixels = 32 * 64 * 3
    floats = _OUTPUTS * rows * (7 * 15 * 16 + 3 * 11 * inner + 5 * (inner + 76 * width))
    # The first layer's output [28, 60, 16] is written and read, and so again backward.
    floats += 6 * rows * 28 * 60 * 16
    return Counts(
        _FLOAT * floats + 6 * rows * pixels, 3 * _pyramid(5 * rows, width), 3 * (first + second)
    )


def of_graphs(*, batch: int, frames: int, nodes: float, layers: int) -> Counts:
    """What a resGCN adds: perceptrons 64 - 128 - 64 over nodes, forward twice and backward."""
    rows = batch * frames * nodes
    cast = layers * 4 * 2 * (2 * rows * 64 * 128)
    exact = layers * 4 * 2 * rows * nodes * 128  # sums over neighbours, as dense products
    return Counts(layers * _GRAPH_LAYER * _FLOAT * rows * 64, cast, exact)


def together(*parts: Counts) -> Counts:
    """The sum."""
    return Counts(
        sum(part.traffic for part in parts),
        sum(part.cast for part in parts),
        sum(part.exact for part in parts),
    )
