"""The players of a frame as a graph: nodes with colour, size and place, edges between near ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.calibration.pitch import near_pitch, to_pitch
from common.calibration.players import CONFIDENT, TEACHER_CONFIDENT, Players

_PAIRS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class PlayerGraphs:
    """Graphs of consecutive frames, one after another.

    `nodes` are the features [K, 8] or [K, 9] of all frames, `offsets` [n + 1] where each frame's
    begin; `edges` [2, E] are numbers inside their frame, `edge_offsets` [n + 1] where they begin.
    """

    nodes: NDArray[np.float32]
    offsets: NDArray[np.int64]
    edges: NDArray[np.int16]
    edge_offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of_arrays(
        cls, arrays: Mapping[str, NDArray], frames: int, features: int
    ) -> "PlayerGraphs | None":
        """Graphs of so many frames, of nodes of so many features; None if the arrays are not."""
        try:
            graphs = cls(**arrays)
            counts = _counts(graphs.offsets, frames, len(graphs.nodes))
            edges = _counts(graphs.edge_offsets, frames, graphs.edges.shape[1])
            inside = (graphs.edges >= 0) & (graphs.edges < np.repeat(counts, edges))
        except (IndexError, TypeError, ValueError):
            return None
        right = graphs.nodes.shape[1:] == (features,) and graphs.edges.shape == (2, edges.sum())
        return graphs if right and graphs.edges.dtype == np.int16 and inside.all() else None

    def cut(self, start: int, length: int) -> "PlayerGraphs":
        """The graphs of frames start…start + length - 1; past the end the last frame's again."""
        inside = min(length, len(self) - start)
        nodes = slice(self.offsets[start], self.offsets[start + inside])
        edges = slice(self.edge_offsets[start], self.edge_offsets[start + inside])
        part = PlayerGraphs(
            self.nodes[nodes],
            self.offsets[start : start + inside + 1] - nodes.start,
            self.edges[:, edges],
            self.edge_offsets[start : start + inside + 1] - edges.start,
        )
        if inside == length:
            return part
        return joined([part, *[part.cut(inside - 1, 1)] * (length - inside)])


def _counts(offsets: NDArray[np.int64], frames: int, end: int) -> NDArray[np.int64]:
    """How many lie between the offsets. Raises ValueError unless they lead from 0 to the end."""
    counts = np.diff(offsets)
    whole = offsets.dtype == np.int64 and offsets.shape == (frames + 1,)
    if not (whole and offsets[0] == 0 and offsets[-1] == end and (counts >= 0).all()):
        raise ValueError("not the offsets of these frames")
    return counts


def joined(graphs: "list[PlayerGraphs]") -> PlayerGraphs:
    """The graphs of several pieces, in order."""
    return PlayerGraphs(
        np.concatenate([each.nodes for each in graphs]),
        _stacked([each.offsets for each in graphs]),
        np.concatenate([each.edges for each in graphs], axis=1),
        _stacked([each.edge_offsets for each in graphs]),
    )


def _stacked(offsets: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    counts = np.concatenate([np.diff(each) for each in offsets])
    return np.append(0, np.cumsum(counts))


@dataclass(frozen=True, kw_only=True)
class GraphOptions:
    """How a graph is built.

    Attributes:
        calibration: on the pitch, in metres; otherwise in the broadcast picture, without edges.
        distance: nodes nearer than so many metres are neighbours.
        cone: nodes know where the middle of the picture lies on the pitch.
        confidence: nodes know how sure the calibration is.
        teacher: the threshold that goes with the teacher network's calibration.
        published: leave out what the original's copies leave out, see `least_confidence`.
        margin: leave out who stands farther than so many metres from the pitch; None keeps all.
        relative: without calibration, places from -1 to 1 instead of pixels / 50.
    """

    calibration: bool = False
    distance: float = 25
    cone: bool = False
    confidence: bool = False
    teacher: bool = False
    published: bool = False
    margin: float | None = None
    relative: bool = False

    @property
    def features(self) -> int:
        """Size of a node's features."""
        return 9 if self.confidence else 8

    @property
    def confident(self) -> float:
        """Confidence from which a calibration is used."""
        return TEACHER_CONFIDENT if self.teacher else CONFIDENT

    def least_confidence(self, half: int, *, training: bool) -> float:
        """Confidence from which a frame's calibration is used.

        The original has the same lines several times: those for whole games, and in training for
        second halves, leave out frames exactly on the threshold, those for first halves keep them.

        Args:
            half: its number, from 1 on.
            training: whether chunks are cut from it, or it is spotted in.
        """
        above = self.published and not (training and half == 1)
        return float(np.nextafter(self.confident, 2)) if above else self.confident


def build_graphs(
    players: Players, frames: int, options: GraphOptions, *, half: int = 1, training: bool = True
) -> PlayerGraphs:
    """Graphs of the first `frames` frames of a half.

    A node per box in the order of the file: colour (c / 127 - 1, three numbers), area of the box
    (10^4 pixels), place (50 metres), middle of the picture (50 metres, or 0), and perhaps the
    confidence. A frame without boxes, or without a usable calibration, has one node of zeros.
    Edges go both ways between each node and every earlier one of its frame that is near.

    Args:
        half, training: see `GraphOptions.least_confidence`; they matter with `published` only.
    """
    frame = np.arange(frames)
    number, place = players.boxes_of(frame)
    if options.calibration:
        usable = players.calibrated(frame, options.least_confidence(half, training=training))
        kept = usable[place]
        number, place = number[kept], place[kept]
    x, y = _places(players, number, place, options)
    if options.calibration and options.margin is not None:
        kept = near_pitch(x, y, options.margin)
        number, place, x, y = number[kept], place[kept], x[kept], y[kept]
    counts = np.bincount(place, minlength=frames)
    empty = counts == 0
    offsets = np.append(0, np.cumsum(np.maximum(counts, 1)))
    within = np.arange(len(place)) - (np.cumsum(counts) - counts)[place]
    nodes = np.zeros((offsets[-1], options.features), np.float32)
    nodes[offsets[place] + within] = _features(players, number, place, x, y, options)
    if not options.calibration:
        none = np.zeros(frames + 1, np.int64)
        return PlayerGraphs(nodes, offsets, np.empty((2, 0), np.int16), none)
    edges, per_frame = _edges(x, y, np.where(empty, 0, counts), options.distance)
    return PlayerGraphs(nodes, offsets, edges, np.append(0, np.cumsum(per_frame)))


def _places(
    players: Players,
    number: NDArray[np.int64],
    place: NDArray[np.int64],
    options: GraphOptions,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where a box's foot stands: metres on the pitch, or pixels in the picture."""
    box = players.boxes[number].astype(np.float64)
    middle, foot = (box[:, 0] + box[:, 2]) / 2, box[:, 3]
    if not options.calibration:
        return middle, foot
    x, y, _ = to_pitch(players.inverses[place], np.trunc(middle), foot)
    return x, y


def _features(
    players: Players,
    number: NDArray[np.int64],
    place: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    options: GraphOptions,
) -> NDArray[np.float32]:
    box = players.boxes[number].astype(np.float64)
    features = np.zeros((len(number), options.features))
    features[:, :3] = players.colours[number].astype(np.float64) / 127 - 1
    features[:, 3] = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) / 10000
    features[:, 4], features[:, 5] = x / 50, y / 50
    if options.relative and not options.calibration:
        height, width = players.box_picture
        features[:, 4], features[:, 5] = 2 * x / width - 1, 2 * y / height - 1
    if options.calibration and options.cone:
        # The original takes the first half's picture for both; they are the same size.
        height, width = players.camera_picture
        middle_x, middle_y, _ = to_pitch(
            players.inverses, *(np.full(len(players.inverses), c / 2) for c in (width, height))
        )
        features[:, 6], features[:, 7] = middle_x[place] / 50, middle_y[place] / 50
    if options.calibration and options.confidence:
        features[:, 8] = players.confidences[place]
    return features.astype(np.float32)


def _edges(
    x: NDArray[np.float64], y: NDArray[np.float64], counts: NDArray[np.int64], distance: float
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Edges [2, E] inside frames of so many nodes, and how many each frame has: [n].

    For each node in order and each earlier one that is nearer than `distance`: there and back.
    """
    begin = np.cumsum(counts) - counts
    earlier = np.arange(len(x)) - np.repeat(begin, counts)  # nodes before each in its frame
    parts, per_node = [], np.zeros(len(x), np.int64)
    ends = np.cumsum(earlier)
    first = 0
    while first < len(x):
        last = int(np.searchsorted(ends, (ends[first - 1] if first else 0) + _PAIRS_AT_ONCE)) + 1
        nodes = np.arange(first, min(last, len(x)))
        count = earlier[nodes]
        i = np.repeat(nodes, count)
        j_within = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
        j = i - np.repeat(count, count) + j_within
        near = np.hypot(x[i] - x[j], y[i] - y[j]) < distance
        i_within = np.repeat(count, count)[near]
        pairs = np.stack([i_within, j_within[near]]).astype(np.int16)  # [2, p]
        both = np.stack([pairs, pairs[::-1]], axis=2).reshape(2, -1)  # (i, j), (j, i), …
        parts.append(both)
        per_node[nodes] = 2 * np.bincount(i[near] - first, minlength=len(nodes))
        first = nodes[-1] + 1
    edges = np.concatenate(parts, axis=1) if parts else np.empty((2, 0), np.int16)
    frame = np.repeat(np.arange(len(counts)), counts)
    return edges, np.bincount(frame, per_node, minlength=len(counts)).astype(np.int64)
