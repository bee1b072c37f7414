"""Graph networks: recordings, printed numbers, literal formulas, sizes far apart, blocks."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from CALF_Calibration_GCN.graph_batch import FrameGraphs, GraphBatch
from CALF_Calibration_GCN.graph_networks import SoftmaxAggregation, graph_network
from CALF_Calibration_GCN.model import GraphBranch, PlayerGraphModel
from common.calf.chunk_shape import ChunkShape
from common.calibration.branches import branch_width
from common.calibration.picture_branch import PictureBranch
from common.errors import UserError
from common.training.optimisation import adam

pytestmark = pytest.mark.usefixtures("one_thread")

NETWORKS = ["GCN", "EdgeConvGCN", "DynamicEdgeConvGCN", "resGCN-3"]
RECORDED = {
    "gcn_model_GCN": ("GCN", True, 8),
    "gcn_model_EdgeConvGCN": ("EdgeConvGCN", True, 8),
    "gcn_model_resGCN-2": ("resGCN-2", True, 8),
    "gcn_model_DynamicEdgeConvGCN": ("DynamicEdgeConvGCN", True, 8),
    "gcn_model_GCN_conf_only": ("GCN", False, 9),
}


def usual_model(name, classes=8, multiplier=2, features=8, **settings):
    width = branch_width(
        multiplier, features=settings.get("feature_branch", True), players=name is not None
    )
    branch = graph_branch(name, features, width) if name else None
    return PlayerGraphModel(
        512, classes, ChunkShape(240, 80), multiplier=multiplier, player_branch=branch, **settings
    )


def graph_branch(name, features=8, width=1):
    return GraphBranch(graph_network(name, features, width))


def parameters_of(model):
    """Parameters by their published names."""
    return {
        name: tensor
        for name, tensor in model.state_dict(keep_vars=True).items()
        if isinstance(tensor, torch.nn.Parameter)
    }


def random_graphs(frames=30, features=8, seed=0, largest=9, density=0.4):
    """Nodes, nodes per frame, edges inside frames (both ways), edges per frame."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, largest + 1, frames)
    edges, edge_counts = [], []
    for count in counts:
        i, j = np.nonzero(np.tril(rng.random((count, count)) < density, -1))
        both = np.concatenate([np.stack([i, j]), np.stack([j, i])], axis=1)
        edges.append(both)
        edge_counts.append(both.shape[1])
    nodes = torch.from_numpy(rng.standard_normal((counts.sum(), features)))
    return (
        nodes,
        torch.from_numpy(counts),
        torch.from_numpy(np.concatenate(edges, axis=1).astype(np.int16)),
        torch.tensor(edge_counts),
    )


def frames_of(nodes, counts, edges, edge_counts):
    """Each frame's nodes and neighbour lists."""
    for x, own in zip(
        nodes.split(counts.tolist()), edges.long().split(edge_counts.tolist(), dim=1), strict=True
    ):
        yield x, [own[0][own[1] == i] for i in range(len(x))]


def published_names(recorded, model):
    """Weights that a newer library has named, under the names of the original."""
    weights = {}
    for name, tensor in recorded.items():
        name = name.replace("conv.aggr_module.t", "conv.t")
        if name.startswith("r_conv") and name.endswith(".lin.weight"):
            name, tensor = name.replace(".lin.weight", ".weight"), tensor.T
        weights[name] = tensor
    for name, tensor in model.state_dict().items():
        if name not in weights:  # recorded without biases in the convolutions
            assert ".conv.mlp." in name
            assert name.endswith("bias")
            weights[name] = torch.zeros_like(tensor)
    return weights


@pytest.mark.parametrize("case", RECORDED)
def test_recorded_networks(shared, device, case):
    path = shared(f"golden/{case}.pt")
    recorded = torch.load(path, weights_only=True, map_location=device)
    name, with_features, D = RECORDED[case]
    chunks = recorded["input"].float()[:, 0]
    B, T, _ = chunks.shape
    classes, slots = recorded["seg"].shape[2], recorded["spot"].shape[1]
    capsule = len(recorded["state_dict"]["conv_seg.weight"]) // classes
    width = branch_width(1, features=with_features, players=True)
    model = PlayerGraphModel(
        20, classes, ChunkShape(T, 8, slots), capsule=capsule, multiplier=1,
        feature_branch=with_features, player_branch=graph_branch(name, D, width),
    ).eval()  # fmt: skip
    model.to(device)
    model.load_state_dict(published_names(recorded["state_dict"], model))
    frame, edges = recorded["batch"], recorded["edge_index"]
    counts = torch.bincount(frame, minlength=B * T)
    of_edge = frame[edges[0]]
    order = torch.argsort(of_edge, stable=True)
    within = (edges - (counts.cumsum(0) - counts)[of_edge])[:, order]
    edge_counts = torch.bincount(of_edge, minlength=B * T)
    players = recorded["x"], counts.view(B, T), within, edge_counts.view(B, T)
    seen = model.player_branch.reduce(*players)  # [B, T, E]
    assert torch.allclose(seen.transpose(1, 2)[..., None], recorded["player"], rtol=1e-5, atol=1e-5)
    segmentation, spots = model(chunks, *players)
    assert torch.allclose(segmentation, recorded["seg"], rtol=1e-5, atol=1e-5)
    assert torch.allclose(spots, recorded["spot"], rtol=1e-5, atol=1e-5)
    (segmentation.sum() + spots.sum()).backward()
    norms = {k.replace("aggr_module.", "").replace("lin.weight", "weight") if "conv" in k else k: v
             for k, v in recorded["grad_norms"].items()}  # fmt: skip
    assert norms.keys() <= parameters_of(model).keys()
    for key, parameter in parameters_of(model).items():
        # The sum of a softmax has no gradient: what is recorded of it is rounding.
        if key in norms and parameter.grad is not None and "conv_class" not in key:
            assert float(parameter.grad.norm()) == pytest.approx(float(norms[key]), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "settings", "parameters", "entries"),
    [
        ("resGCN-14", {}, 741_828, 159),
        ("resGCN-14", {"classes": 9}, 765_043, 159),
        ("resGCN-14", {"classes": 17}, 950_763, 159),
        ("resGCN-14", {"features": 9}, 741_956, 159),
        ("resGCN-14", {"multiplier": 1}, 476_268, 159),
        ("resGCN-14", {"feature_branch": False}, 460_100, 147),
        ("resGCN-28", {}, 979_282, 285),
        ("GCN", {}, 506_022, 35),
        ("EdgeConvGCN", {}, 518_438, 35),
        ("DynamicEdgeConvGCN", {}, 518_438, 35),
    ],
)
def test_published_numbers_of_parameters_and_entries(name, settings, parameters, entries):
    model = usual_model(name, **settings)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert len(model.state_dict()) == entries


def test_published_names():
    names = list(usual_model("resGCN-2").state_dict())
    assert names[12:29] == [
        "node_encoder.weight", "node_encoder.bias", "edge_encoder.weight", "edge_encoder.bias",
        "layers.0.conv.t", "layers.0.conv.mlp.0.weight", "layers.0.conv.mlp.0.bias",
        "layers.0.conv.mlp.1.weight", "layers.0.conv.mlp.1.bias", "layers.0.conv.mlp.4.weight",
        "layers.0.conv.mlp.4.bias", "layers.0.norm.weight", "layers.0.norm.bias",
        "layers.1.conv.t", "layers.1.conv.mlp.0.weight", "layers.1.conv.mlp.0.bias",
        "layers.1.conv.mlp.1.weight",
    ]  # fmt: skip
    shapes = {n: tuple(t.shape) for n, t in usual_model("GCN").state_dict().items()}
    assert [shapes[f"r_conv_{i}.weight"] for i in (1, 2, 3, 4)] == [
        (8, 16), (16, 32), (32, 64), (64, 152)
    ]  # fmt: skip
    edge = usual_model("EdgeConvGCN").state_dict()
    assert tuple(edge["r_conv_4.nn.0.weight"].shape) == (152, 128)


def test_the_unused_encoder_is_kept_and_never_optimised():
    model = usual_model("resGCN-2")
    optimised = {id(p) for group in adam(model, 1e-3).param_groups for p in group["params"]}
    named = parameters_of(model)
    assert id(named["edge_encoder.weight"]) not in optimised
    assert id(named["node_encoder.weight"]) in optimised
    assert len(optimised) == len(named) - 2


PRINTED = {
    "resGCN-14": (12939.145, 1.05072, (-0.585580, -0.642329, 0.087396), 2113.701,
                  (0.314078, 0.367685, 0.334528), 0.565970, 14.26250, 20.78118,
                  (0.092336, 0.097156, 0.047625, 2.21e-4)),
    "GCN": (3830.773, 0.08025, (0.207296, 0, 0), 1809.964, (0.293112, 0.337395, 0.324073),
            0.455013, 14.21089, 19.07635, (0.080761, 0.079114, 0.022919, 2.17e-4)),
    "EdgeConvGCN": (148970.33, 2.05638, (3.688798, 8.057089, 2.661993), 2809.104,
                    (0.322701, 0.506295, 0.359118), 0.623210, 14.73728, 19.07907,
                    (0.018196, 0.006660, 1e-6, 1e-6)),
    "DynamicEdgeConvGCN": (91919.848, 1.22858, (2.518110, 0.529606, 1.969874), 2450.481,
                           (0.304109, 0.433637, 0.339316), 0.436072, 14.23976, 19.60368,
                           (0.057646, 0.432388, 1.38e-4, 1.20e-4)),
}  # fmt: skip


@pytest.mark.parametrize("name", PRINTED)
def test_printed_numbers(printed_noise, device, name):
    model = usual_model(name).eval()
    for key, tensor in model.state_dict().items():
        if tensor.dtype.is_floating_point:
            noise = printed_noise(key, tensor.numel())
            if tensor.dim() > 1:
                noise = 5 * noise / math.sqrt(tensor.numel() / len(tensor))
            elif key.endswith("running_var") or key.endswith(".t"):
                noise = 1 + noise
            else:
                noise = 1 + 0.2 * noise if key.endswith(".weight") else 0.2 * noise
            tensor.copy_(torch.from_numpy(noise.reshape(tensor.shape)))
    chunks = torch.from_numpy(4 * printed_noise("input", 2 * 240 * 512)).float().view(2, 240, 512)
    counts = 1 + (7 * torch.arange(480)) % 6
    nodes = torch.from_numpy(2 * printed_noise("nodes", 1680 * 8)).float().view(1680, 8)
    pairs = [[(a, b) for a in range(c) for b in range(c) if a != b and (a + b) % 2] for c in counts]
    edges = torch.tensor([pair for own in pairs for pair in own]).T
    assert edges.shape == (2, 3520)
    edge_counts = torch.tensor([len(own) for own in pairs])
    players = nodes, counts.view(2, 240), edges, edge_counts.view(2, 240)
    model, chunks = model.to(device), chunks.to(device)
    players = tuple(part.to(device) for part in players)
    total, deviation, some, sum_s, first, last, conf, time, spot = PRINTED[name]
    with torch.no_grad():
        seen = model.player_branch.reduce(*players)
        segmentation, spots = model(chunks, *players)
    assert float(seen.sum()) == pytest.approx(total, rel=1e-5)
    assert float(seen.std()) == pytest.approx(deviation, abs=1e-5)
    assert seen[1, 100, :3].tolist() == pytest.approx(some, abs=1e-5)
    assert float(segmentation.sum()) == pytest.approx(sum_s, rel=1e-5)
    assert segmentation[0, 0, :3].tolist() == pytest.approx(first, abs=5e-6)
    assert float(segmentation[1, 120, -1]) == pytest.approx(last, abs=5e-6)
    assert float(spots[..., 0].sum()) == pytest.approx(conf, rel=1e-5)
    assert float(spots[..., 1].sum()) == pytest.approx(time, rel=1e-5)
    assert spots[1, 3, :4].tolist() == pytest.approx(spot, abs=5e-6)


# Literal formulas.


def aggregated(layer, x, neighbours):
    """Softmax aggregation of one frame, node by node."""
    message = F.relu(x) + 1e-7
    out = torch.zeros_like(x)
    for i, near in enumerate(neighbours):
        if len(near):
            weight = torch.softmax(layer.t * message[near], dim=0)
            out[i] = (weight * message[near]).sum(dim=0)
    return layer.mlp(x + out)


@pytest.mark.parametrize("scale", [1.0, 50.0, 3000.0])
@pytest.mark.parametrize("t", [1.0, -2.0, 0.0])
def test_softmax_aggregation_whatever_the_range_of_the_exponentials(device, scale, t):
    torch.manual_seed(0)
    layer = SoftmaxAggregation(6).double().to(device)
    with torch.no_grad():
        layer.t.fill_(t)
    nodes, *rest = (part.to(device) for part in random_graphs(features=6))
    nodes = scale * nodes
    graphs = GraphBatch.build(FrameGraphs(nodes, *rest))
    found = graphs.most(layer(graphs.nodes, graphs))
    expected = torch.stack(
        [aggregated(layer, x, near).amax(dim=0) for x, near in frames_of(nodes, *rest)]
    )
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert torch.isfinite(torch.autograd.grad(found.sum(), layer.t)[0])


def literal_network(network, name, x, near):
    for layer in network.children():
        if name == "GCN":
            degree = torch.tensor([1.0 + len(n) for n in near], dtype=x.dtype, device=x.device)
            y = x @ layer.weight
            around = [[i, *near[i].tolist()] for i in range(len(x))]
            x = torch.stack([
                layer.bias + sum(y[j] / (degree[i] * degree[j]).sqrt() for j in around[i])
                for i in range(len(x))
            ])  # fmt: skip
        else:
            if name.startswith("Dynamic"):
                distance = (x[:, None] - x[None]).square().sum(dim=2)
                near = [d.argsort(stable=True)[:3] for d in distance]
            x = torch.stack([
                layer.nn(torch.stack([torch.cat([x[i], x[j] - x[i]]) for j in near[i]])).amax(dim=0)
                if len(near[i]) else x.new_zeros(layer.nn[0].out_features)
                for i in range(len(x))
            ])  # fmt: skip
        x = F.relu(x)
    return x.amax(dim=0)


@pytest.mark.parametrize("name", ["GCN", "EdgeConvGCN", "DynamicEdgeConvGCN"])
def test_plain_networks_node_by_node(device, name):
    torch.manual_seed(1)
    network = graph_network(name, 8, 1).double().to(device)
    arguments = [part.to(device) for part in random_graphs(12)]
    graphs = GraphBatch.build(FrameGraphs(*arguments))
    found = graphs.most(network(graphs))
    expected = torch.stack(
        [literal_network(network, name, x, near) for x, near in frames_of(*arguments)]
    )
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-9)


# Batches.


@pytest.mark.parametrize("name", NETWORKS)
def test_frames_do_not_know_of_each_other(name):
    torch.manual_seed(0)
    branch = graph_branch(name).eval()
    nodes, counts, edges, edge_counts = random_graphs(20)
    nodes = nodes.float()
    whole = branch.reduce(nodes, counts, edges, edge_counts)
    alone = [
        branch.reduce(x, counts[i : i + 1], e, edge_counts[i : i + 1])[0]
        for i, (x, e) in enumerate(zip(
            nodes.split(counts.tolist()), edges.split(edge_counts.tolist(), dim=1), strict=True
        ))
    ]  # fmt: skip
    assert torch.allclose(whole, torch.stack(alone), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_without_any_edge(name):
    torch.manual_seed(0)
    branch = graph_branch(name).train()
    counts = torch.tensor([[1, 3], [2, 1]])
    nodes, none = torch.randn(7, 8), torch.zeros(2, 2, dtype=torch.long)
    edges = torch.empty(2, 0, dtype=torch.int16)
    seen = branch.reduce(nodes, counts, edges, none)
    assert seen.shape == (2, 2, 76)
    assert torch.isfinite(seen).all()
    seen.sum().backward()


def test_blocks_and_recomputation_change_nothing(device):
    graphs = (part.to(device) for part in random_graphs(1200))  # three blocks
    nodes, counts, edges, edge_counts = graphs
    nodes = nodes.float()
    torch.manual_seed(0)
    branch = graph_branch("resGCN-3").eval().to(device)
    found = branch.reduce(nodes, counts, edges, edge_counts)
    # A literal one: all frames at once, and nothing computed again.
    graphs = GraphBatch.build(FrameGraphs(nodes, counts, edges, edge_counts))
    expected = graphs.most(branch.network(graphs))
    with torch.no_grad():
        untrained = branch.reduce(nodes, counts, edges, edge_counts)
    weights = [p for p in branch.network.parameters() if p.requires_grad]
    results = [
        [seen, *torch.autograd.grad(seen.square().sum(), weights)] for seen in (found, expected)
    ]
    for one, other in zip(*results, strict=True):
        scale = float(other.detach().abs().max())
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4 * max(1, scale))
    assert torch.allclose(untrained, expected, rtol=1e-5, atol=1e-5)


def test_the_backward_pass_keeps_a_fraction_of_what_the_network_makes():
    nodes, *rest = random_graphs(300)
    branch = graph_branch("resGCN-3").eval()
    kept = []

    def keep(tensor):
        kept.append(tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        branch.reduce(nodes.float(), *rest)
    hidden_of_one_layer = 4 * 64 * len(nodes)
    assert sum(kept) < hidden_of_one_layer


def test_dropout_acts_in_training_and_is_the_same_when_recomputed():
    torch.manual_seed(0)
    branch = graph_branch("resGCN-2")
    arguments = random_graphs(30)
    arguments = (arguments[0].float(), *arguments[1:])
    quiet = [branch.eval().reduce(*arguments) for _ in range(2)]
    assert torch.equal(*quiet)
    torch.manual_seed(1)
    noisy = branch.train().reduce(*arguments)
    assert not torch.allclose(noisy, quiet[0])
    weight = branch.network.lin.weight
    found = torch.autograd.grad(noisy.sum(), weight)[0]
    torch.manual_seed(1)
    again = torch.autograd.grad(branch.reduce(*arguments).sum(), weight)[0]
    assert torch.equal(found, again)
    # The gradient of the noise that was shown, not of another draw: without recomputation.
    torch.manual_seed(1)
    nodes, counts, *edges = arguments
    order = torch.argsort(counts, stable=True)
    graphs = GraphBatch.build(FrameGraphs(nodes, counts, *edges).take(order))
    literal = graphs.most(branch.network(graphs))
    assert torch.allclose(literal, noisy[order], rtol=1e-5, atol=1e-5)
    expected = torch.autograd.grad(literal.sum(), weight)[0]
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_tenth_is_dropped_before_the_last_layer():
    torch.manual_seed(0)
    network = graph_network("resGCN-1", 8, 1)
    network.lin = torch.nn.Identity()
    nodes, *rest = random_graphs(200)
    graphs = GraphBatch.build(FrameGraphs(nodes.float(), *rest))
    quiet, noisy = network.eval()(graphs), network.train()(graphs)
    kept = noisy[quiet > 0] > 0
    assert torch.allclose(noisy[quiet > 0][kept], quiet[quiet > 0][kept] / 0.9)
    assert float(kept.float().mean()) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("name", ["GCN2", "resGCN", "resGCN-0", "resGCN-x", "Conv", ""])
def test_names_of_no_network_are_refused(name):
    with pytest.raises(UserError, match="--backbone_player must be 3DConv, GCN"):
        graph_network(name, 8, 1)


# What is refused.


def small_model(name, **settings):
    width = branch_width(1, features=settings.get("feature_branch", True), players=name is not None)
    branch = PictureBranch(width, 8) if name == "3DConv" else graph_branch(name, 8, width)
    return PlayerGraphModel(6, 3, ChunkShape(40, 8, 4), capsule=4, player_branch=branch, **settings)


def players_of(name):
    if name == "3DConv":
        return (torch.randint(0, 256, (2, 40, 28, 28, 3), dtype=torch.uint8),)
    nodes, counts, edges, edge_counts = random_graphs(80)
    return nodes.float(), counts.view(2, 40), edges, edge_counts.view(2, 40)


@pytest.mark.parametrize("size", [(2, 39, 6), (2, 41, 6), (2, 40, 5), (40, 6)])
@pytest.mark.parametrize("name", [*NETWORKS, "3DConv"])
def test_chunks_of_other_sizes_are_refused(name, size):
    with pytest.raises(ValueError, match=r"expected chunks \[B, 40, 6\]"):
        small_model(name)(torch.randn(size), *players_of(name))


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("name", [*NETWORKS, "3DConv"])
def test_players_that_are_missing_are_told(name, features):
    model = small_model(name, feature_branch=features)
    with pytest.raises(ValueError, match="expected graphs, or top views, beside the features"):
        model(torch.randn(2, 40, 6))


def test_pictures_that_are_not_bytes_are_refused():
    with pytest.raises(ValueError, match="expected top views as bytes"):
        small_model("3DConv")(torch.randn(2, 40, 6), players_of("3DConv")[0].float())
