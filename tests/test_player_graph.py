"""Graphs of players: recordings in all options, printed numbers, slices, a literal loop."""

import json
from dataclasses import replace

import numpy as np
import pytest

from CALF_Calibration_GCN.player_graph import GraphOptions, PlayerGraphs, build_graphs, joined
from common.calibration.pitch import image_to_pitch
from common.calibration.player_json import parse_players
from common.calibration.players import BOX_FILES, CALIBRATION_FILES, Players

CAMERA = 2 * np.array([[12, -5.12, 640], [0, 3, 330], [0, -0.008, 1]])
OPTIONS = {
    "near25": {"calibration": True},
    "near10_conf_cone": {"calibration": True, "distance": 10, "cone": True, "confidence": True},
    "image": {},
}
ON_PITCH = GraphOptions(calibration=True)


def make_players(frames, confidences):
    counts = [len(boxes) for boxes, _ in frames]
    boxes = [box for boxes, _ in frames for box in boxes]
    colours = [colour for _, colours in frames for colour in colours]
    return Players(
        np.append(0, np.cumsum(counts)),
        np.array(boxes, float).reshape(-1, 4),
        np.array(colours, float).reshape(-1, 3),
        image_to_pitch(np.repeat(CAMERA[None], len(confidences), axis=0)),
        np.array(confidences, float),
        (720, 1280),
        (720, 1280),
    )


@pytest.fixture
def printed():
    boxes = [[600, 300, 620, 345], [640, 320, 650, 350], [900.3, 210.2, 921.9, 260.7],
             [650, 330, 662, 352]]  # fmt: skip
    colours = [(200, 30.5, 40.9), (10, 220, 15), (254.9, 255, 0), (90, 91, 92)]
    return make_players([(boxes, colours)], [0.9])


@pytest.fixture(scope="module")
def recorded_players(golden):
    files = golden("calibration_files.json")
    players = {}
    for half in (1, 2):
        names = f"{half}_{BOX_FILES[0]}", f"{half}_{CALIBRATION_FILES[0]}"
        contents = [files[n] if isinstance(files[n], str) else json.dumps(files[n]) for n in names]
        players[half] = Players.of_arrays(
            *parse_players([c.encode() for c in contents], ["b", "c"])
        )
    return players


@pytest.fixture
def crowd():
    """Frames of all sizes, some of them unsure or without boxes."""
    rng = np.random.default_rng(0)
    frames, confidences = [], []
    for _ in range(40):
        count = int(rng.choice([0, 1, 2, 5, 13, 26]))
        corner = rng.uniform((100, 250), (1100, 600), (count, 2))
        boxes = np.concatenate([corner, corner + np.array([20, 50])], axis=1)
        frames.append((boxes.tolist(), rng.uniform(0, 255, (count, 3)).tolist()))
        confidences.append(float(rng.choice([0.2, 0.75, 0.9])))
    return make_players(frames, confidences)


@pytest.mark.parametrize("half", [1, 2])
@pytest.mark.parametrize("case", OPTIONS)
def test_recorded_graphs(golden, recorded_players, case, half):
    recorded = golden("graphs.npz")
    frames = {1: 96, 2: 90}[half]
    # The original keeps frames on the threshold in half 1 and drops them in half 2.
    options = GraphOptions(**OPTIONS[case], published=True)
    graphs = build_graphs(recorded_players[half], frames, options, half=half, training=True)
    prefix = f"{case}_h{half}_"
    assert np.array_equal(graphs.nodes, recorded[prefix + "x"])
    assert np.array_equal(np.diff(graphs.offsets), recorded[prefix + "nodes"])
    assert np.array_equal(graphs.edges, recorded[prefix + "edge_index"])
    assert np.array_equal(np.diff(graphs.edge_offsets), recorded[prefix + "edges"])


@pytest.mark.parametrize("case", OPTIONS)
def test_recorded_batches(golden, recorded_players, case):
    options = GraphOptions(**OPTIONS[case], published=True)
    halves = [
        build_graphs(recorded_players[half], frames, options, half=half, training=True)
        for half, frames in ((1, 96), (2, 90))
    ]
    batch = joined([halves[0].cut(4, 40), halves[1].cut(40, 40)])
    sizes = [len(batch.nodes), batch.edges.shape[1], len(batch)]
    assert sizes == golden("graphs.npz")[f"{case}_batch_sizes"].tolist()


def test_printed_graph(printed):
    graphs = build_graphs(printed, 1, ON_PITCH)
    expected = [
        [0.574803, -0.759843, -0.677953, 0.090000, -0.048958, 0.052083, 0, 0],
        [-0.921260, 0.732283, -0.881890, 0.030000, 0.008103, 0.068966, 0, 0],
        [1.007087, 1.007874, -1, 0.109080, 0.500905, -0.272534, 0, 0],
        [-0.291339, -0.283465, -0.275591, 0.026400, 0.025860, 0.075653, 0, 0],
    ]
    assert np.allclose(graphs.nodes, expected, rtol=0, atol=1e-6)
    assert graphs.edges.tolist() == [[1, 0, 3, 0, 3, 1], [0, 1, 0, 3, 1, 3]]


def test_printed_options(printed):
    more = build_graphs(
        printed, 1, GraphOptions(calibration=True, cone=True, confidence=True)
    ).nodes
    assert np.allclose(more[:, 6:], [0, 0.102041, 0.9], atol=1e-6)
    flat = build_graphs(printed, 1, GraphOptions())
    assert np.allclose(flat.nodes[:, 4:6], [(12.2, 6.9), (12.9, 7), (18.222, 5.214), (13.12, 7.04)])
    assert flat.edges.shape == (2, 0)


def test_edges_are_those_of_a_literal_loop(crowd):
    graphs = build_graphs(crowd, 40, GraphOptions(calibration=True, distance=15))
    for frame in range(40):
        graph = graphs.cut(frame, 1)
        place, expected = 50.0 * graph.nodes[:, 4:6].astype(np.float64), []
        for i in range(len(place)):
            for j in range(i):
                if np.linalg.norm(place[i] - place[j]) < 15:
                    expected += [(i, j), (j, i)]
        assert graph.edges.T.tolist() == [list(edge) for edge in expected]


def test_edges_of_long_halves_are_those_of_their_parts(crowd):
    times = 300  # more pairs of players than are compared at once
    counts = np.tile(np.diff(crowd.offsets), times)
    longer = replace(
        crowd,
        offsets=np.append(0, np.cumsum(counts)),
        boxes=np.tile(crowd.boxes, (times, 1)),
        colours=np.tile(crowd.colours, (times, 1)),
        inverses=np.tile(crowd.inverses, (times, 1, 1)),
        confidences=np.tile(crowd.confidences, times),
    )
    assert (counts * (counts - 1) // 2).sum() > 1 << 19
    options = GraphOptions(calibration=True, distance=15)
    part = build_graphs(crowd, 40, options)
    found, expected = build_graphs(longer, 40 * times, options), joined([part] * times)
    for name in ("nodes", "offsets", "edges", "edge_offsets"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


def test_frames_without_players_are_one_node_of_zeros(crowd):
    graphs = build_graphs(crowd, 45, ON_PITCH)
    boxes = np.diff(crowd.offsets)
    for frame in range(45):
        known = frame < 40 and crowd.confidences[frame] >= 0.75 and boxes[frame] > 0
        graph = graphs.cut(frame, 1)
        assert len(graph.nodes) == (boxes[frame] if known else 1)
        assert bool(graph.nodes.any()) == known


@pytest.fixture(params=[False, True], ids=["usual", "teacher"])
def on_the_threshold(request):
    """Frames of one player below, on and above a threshold, and whether it is the teacher's."""
    threshold = 0.45 if request.param else 0.75
    box = ([[600, 300, 620, 345]], [(200, 30, 40)])
    sure = [np.nextafter(threshold, 0), threshold, np.nextafter(threshold, 1)]
    return make_players([box] * 3, sure), request.param


def known_frames(players, options, **where):
    graphs = build_graphs(players, len(players.confidences), options, **where)
    return [bool(graphs.cut(frame, 1).nodes.any()) for frame in range(len(graphs))]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("half", [1, 2])
def test_the_threshold_belongs_to_the_usable_ones(on_the_threshold, half, training):
    players, teacher = on_the_threshold
    options = GraphOptions(calibration=True, teacher=teacher)
    assert known_frames(players, options, half=half, training=training) == [False, True, True]


@pytest.mark.parametrize(
    ("half", "training", "known"),
    [(1, True, True), (2, True, False), (1, False, False), (2, False, False)],
)
def test_the_original_keeps_the_threshold_in_first_halves_of_training_only(
    on_the_threshold, half, training, known
):
    players, teacher = on_the_threshold
    options = GraphOptions(calibration=True, teacher=teacher, published=True)
    assert known_frames(players, options, half=half, training=training) == [False, known, True]
    least = options.least_confidence(half, training=training)
    threshold = 0.45 if teacher else 0.75
    assert least == threshold if known else threshold < least <= np.nextafter(threshold, 1)


def test_the_protocol_changes_nothing_but_frames_on_the_threshold(crowd):
    graphs = {
        (published, half, training): build_graphs(
            crowd, 40, GraphOptions(calibration=True, published=published),
            half=half, training=training,
        )
        for published in (False, True) for half in (1, 2) for training in (False, True)
    }  # fmt: skip
    usual = graphs[False, 1, True]
    on_it = (crowd.confidences == 0.75) & (np.diff(crowd.offsets) > 0)
    assert on_it.any()
    for (published, half, training), found in graphs.items():
        lacking = published and not (half == 1 and training)
        for frame in range(40):
            expected = [[0] * 8] if lacking and on_it[frame] else usual.cut(frame, 1).nodes.tolist()
            assert found.cut(frame, 1).nodes.tolist() == expected


def test_options_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        GraphOptions(True)


@pytest.mark.parametrize(("start", "length"), [(0, 40), (7, 5), (39, 1), (36, 9), (39, 4)])
def test_a_slice_is_the_graphs_of_its_frames_the_last_one_repeated(crowd, start, length):
    graphs = build_graphs(crowd, 40, GraphOptions(calibration=True, confidence=True))
    part = graphs.cut(start, length)
    assert len(part) == length
    for place in range(length):
        one, other = part.cut(place, 1), graphs.cut(min(start + place, 39), 1)
        assert np.array_equal(one.nodes, other.nodes)
        assert np.array_equal(one.edges, other.edges)


def test_no_players_at_all():
    graphs = build_graphs(make_players([([], [])], [0.9]), 3, ON_PITCH)
    assert graphs.nodes.tolist() == [[0] * 8] * 3
    assert graphs.edges.shape == (2, 0)


def test_who_stands_off_the_pitch_can_be_left_out(crowd):
    whole, near = (
        build_graphs(crowd, 20, GraphOptions(calibration=True, margin=m)) for m in (None, 2)
    )
    x, y = 50 * np.abs(whole.nodes[:, 4:6]).T
    inside = (x <= 54.5) & (y <= 36)
    assert 0 < inside.sum() < len(inside)
    kept = whole.nodes[inside & whole.nodes.any(axis=1)]
    assert np.array_equal(near.nodes[near.nodes.any(axis=1)], kept)
    assert len(near) == len(whole) == 20
    assert (near.edges.max(initial=0) < np.diff(near.offsets).max()).all()


def test_places_in_the_picture_can_be_relative(printed):
    graph = build_graphs(printed, 1, GraphOptions(relative=True))
    assert np.allclose(graph.nodes[0, 4:6], [610 / 640 - 1, 345 / 360 - 1], atol=1e-6)


def test_no_calibration_at_all_is_a_node_of_zeros(printed):
    players = make_players([([[600, 300, 620, 345]], [(1, 2, 3)])], [])
    for published in (False, True):
        options = GraphOptions(calibration=True, published=published)
        graph = build_graphs(players, 2, options, half=2)
        assert graph.nodes.tolist() == [[0] * 8] * 2


def test_arrays_are_graphs_only_as_they_were_built(crowd):
    graphs = build_graphs(crowd, 40, ON_PITCH)
    arrays = vars(graphs)
    found = PlayerGraphs.of_arrays(arrays, 40, 8)
    assert all(np.array_equal(vars(found)[name], arrays[name]) for name in arrays)
    assert PlayerGraphs.of_arrays(arrays, 39, 8) is None
    assert PlayerGraphs.of_arrays(arrays, 40, 9) is None
    others = {
        "nodes": [arrays["nodes"][1:], arrays["nodes"][:, :7], np.float32(0)],
        "offsets": [arrays["offsets"] + 1, arrays["offsets"][::-1], arrays["offsets"].astype("f8")],
        "edges": [arrays["edges"] + np.int16(99), -arrays["edges"], arrays["edges"].T, np.int16(0)],
        "edge_offsets": [arrays["edge_offsets"][None], np.zeros(41, np.int64), np.array(0)],
        "more": [np.zeros(1)],
    }
    for name, values in others.items():
        for value in values:
            assert PlayerGraphs.of_arrays({**arrays, name: value}, 40, 8) is None, name
    assert PlayerGraphs.of_arrays({"nodes": arrays["nodes"]}, 40, 8) is None
