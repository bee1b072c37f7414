"""The networks that flags describe, built in this process: sizes, defaults, double precision."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from CALF import main as calf
from CALF.loss import context_aware_loss
from CALF_Calibration import main as calibration
from CALF_Calibration.frozen_features import FrozenNetwork
from CALF_Calibration.model import DenseBranch
from CALF_Calibration_GCN import main as graphs
from CALF_Calibration_GCN.dataset import PlayersByGraph
from CALF_Calibration_GCN.graph_networks import PlainNetwork, ResidualNetwork
from CALF_Calibration_GCN.model import GraphBranch
from CALF_Calibration_GCN.player_graph import GraphOptions
from common.calf.chunk_shape import ChunkShape
from common.calf.legacy_context_loss import legacy_context_loss
from common.calf.pyramid import FeatureBranch
from common.calibration.picture_branch import PictureBranch
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import PlayersByTopView
from common.errors import UserError

SIZES = ["--chunk_size", "24", "--receptive_field", "5", "--dim_capsule", "4",
         "--num_detections", "3"]  # fmt: skip
D, C, T = 12, 3, 48  # features, classes, frames of a chunk
FEATURES = ["--backbone_feature", "2DConv"]
PICTURE = ["--backbone_player", "3DConv"]
VECTORS = [*PICTURE, "--with_resnet", "18"]
# Program, its flags, kind of the player branch.
NETWORKS = {
    "CALF": (calf, [], None),
    "features alone": (calibration, FEATURES, None),
    "pictures alone": (calibration, PICTURE, PictureBranch),
    "pictures": (calibration, [*FEATURES, *PICTURE], PictureBranch),
    "vectors": (calibration, [*FEATURES, *VECTORS], FeatureBranch),
    "dense": (calibration, [*FEATURES, *VECTORS, "--with_dense"], DenseBranch),
    "graph features alone": (graphs, FEATURES, None),
    "graph pictures": (graphs, [*FEATURES, *PICTURE], PictureBranch),
    "GCN": (graphs, [*FEATURES, "--backbone_player", "GCN"], GraphBranch),
    "EdgeConvGCN": (graphs, [*FEATURES, "--backbone_player", "EdgeConvGCN"], GraphBranch),
    "DynamicEdgeConvGCN": (
        graphs, [*FEATURES, "--backbone_player", "DynamicEdgeConvGCN"], GraphBranch
    ),
    "resGCN": (graphs, [*FEATURES, "--backbone_player", "resGCN-3"], GraphBranch),
    "resGCN alone": (
        graphs, ["--backbone_player", "resGCN-2", "--calibration_confidence"], GraphBranch
    ),
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("one_thread")


def built(name, *more):
    program, words, _ = NETWORKS[name]
    return program.build_model(program.parse_arguments([*words, *SIZES, *more]), D, C)


def inputs_of(name, dtype=torch.float32):
    """Two chunks of features and of what the network sees of players."""
    torch.manual_seed(1)
    chunks, branch = torch.randn(2, T, D, dtype=torch.float64).to(dtype), NETWORKS[name][2]
    if branch is None:
        return (chunks,)
    if branch is PictureBranch:
        return chunks, torch.randint(0, 256, (2, T, 32, 64, 3), dtype=torch.uint8)
    if branch is not GraphBranch:
        return chunks, torch.rand(2, T, 512, dtype=torch.float64).to(dtype)
    counts = torch.randint(1, 6, (2, T))
    width = 9 if "--calibration_confidence" in NETWORKS[name][1] else 8
    nodes = torch.randn(int(counts.sum()), width, dtype=torch.float64).to(dtype)
    pairs = [
        [(i, j) for i in range(count) for j in range(count) if (i + j) % 2]
        for count in counts.flatten().tolist()
    ]
    edges = torch.tensor([pair for own in pairs for pair in own], dtype=torch.int16).T
    edge_counts = torch.tensor([len(own) for own in pairs]).view(2, T)
    return chunks, nodes, counts, edges, edge_counts


# Built from flags.


@pytest.mark.parametrize("name", NETWORKS)
def test_flags_build_each_network(name):
    model, branch = built(name), NETWORKS[name][2]
    assert model.shape == ChunkShape(T, 10, 3)
    assert (model.features, model.classes) == (D, C)
    assert model.state_dict()["conv_seg.weight"].shape[0] == 4 * C
    if branch is not None:
        assert type(model.player_branch) is branch
    segmentation, spots = model.eval()(*inputs_of(name))
    assert segmentation.shape == (2, T, C)
    assert spots.shape == (2, 3, 2 + C)
    alone = "alone" in name and branch is not None
    assert ("conv_1.weight" in model.state_dict()) != alone


@pytest.mark.parametrize("name", ["pictures", "vectors", "dense", "GCN", "resGCN"])
def test_the_model_of_the_other_classes_looks_at_features_alone(name):
    program, words, _ = NETWORKS[name]
    args = program.parse_arguments([*words, *SIZES])
    model = program.build_model(args, D, C, with_players=False)
    torch.manual_seed(0)
    expected = program.build_model(program.parse_arguments([*FEATURES, *SIZES]), D, C)
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (model, expected)]
    assert shapes[0] == shapes[1]
    assert model.player_branch is None


@pytest.mark.parametrize("multiplier", ["1", "2", "3"])
@pytest.mark.parametrize("name", [n for n in NETWORKS if n != "CALF"])
def test_all_branches_together_are_as_wide_as_asked_for(name, multiplier):
    model = built(name, "--feature_multiplier", multiplier)
    assert model.state_dict()["conv_seg.weight"].shape[1] == 152 * int(multiplier)
    model(*inputs_of(name))


@pytest.mark.parametrize(("kind", "size"), [("18", 512), ("34", 512), ("4", 1792)])
def test_vectors_have_the_size_of_their_network(kind, size):
    words = [*FEATURES, *PICTURE, "--with_resnet", kind, *SIZES]
    args = calibration.parse_arguments([*words, "--with_dense"])
    model = calibration.build_model(args, D, C)
    assert model.state_dict()["dense_1.weight"].shape[3] == size
    assert calibration.frozen_network(args).dimension == size
    model = calibration.build_model(calibration.parse_arguments(words), D, C)
    assert model.state_dict()["conv_1_copy.weight"].shape[3] == size


@pytest.mark.parametrize(
    ("name", "kind"), [("GCN", PlainNetwork), ("EdgeConvGCN", PlainNetwork),
                       ("DynamicEdgeConvGCN", PlainNetwork), ("resGCN", ResidualNetwork)],
)  # fmt: skip
def test_graph_networks_are_those_that_are_named(name, kind):
    model = built(name)
    assert type(model.player_branch.network) is kind
    if kind is ResidualNetwork:
        assert len(model.player_branch.network.layers) == 3


@pytest.mark.parametrize("program", [calibration, graphs])
def test_dropout_reaches_the_network(program):
    words = [*FEATURES, *PICTURE, *SIZES]
    for flags, expected in (([], 0.0), (["--with_dropout", "0.25"], 0.25)):
        model = program.build_model(program.parse_arguments([*words, *flags]), D, C)
        assert model.dropout == expected


@pytest.mark.parametrize("program", [calf, calibration, graphs])
def test_the_criterion_is_that_of_the_flags(program):
    weights = {
        "weight_segmentation": ("loss_weight_segmentation", 0.25),
        "weight_detection": ("loss_weight_detection", 0.75),
        "lambda_coord": ("lambda_coord", 3.0),
        "lambda_noobj": ("lambda_noobj", 0.125),
    }
    words = [word for flag, value in weights.values() for word in (f"--{flag}", str(value))]
    k, cpu = np.array([[-4], [-2], [3], [6]]), torch.device("cpu")
    criterion = program.build_criterion(program.parse_arguments(words), k, cpu)
    for name, (_, value) in weights.items():
        assert getattr(criterion, name) == value
    assert criterion.k_frames.tolist() == k.tolist()
    for protocol in ("corrected", "published"):
        args = program.parse_arguments(["--protocol", protocol])
        assert program.build_criterion(args, k, cpu).published == (protocol == "published")


def test_the_form_of_the_segmentation_loss_is_that_of_the_flag():
    k, cpu = np.array([[-4], [-2], [3], [6]]), torch.device("cpu")
    for form, loss in (("clean", context_aware_loss), ("legacy", legacy_context_loss)):
        args = calf.parse_arguments(["--segmentation_loss", form])
        assert calf.build_criterion(args, k, cpu).segmentation_loss is loss


@pytest.mark.parametrize("program", [calibration, graphs])
def test_a_network_without_a_branch_is_refused(program):
    with pytest.raises(UserError, match="needs a branch"):
        program.build_model(program.parse_arguments(SIZES), D, C)


def test_the_published_sizes_are_the_defaults():
    words = [*FEATURES, *PICTURE]
    for model in (
        calf.build_model(calf.parse_arguments([]), 512, 17),
        calibration.build_model(calibration.parse_arguments(words), 512, 17),
        graphs.build_model(graphs.parse_arguments(words), 512, 17),
    ):
        assert model.shape == ChunkShape(240, 80, 15)
        assert model.state_dict()["conv_seg.weight"].shape[:2] == (16 * 17, 152)
        assert model.state_dict()["conv_conf.weight"].shape[0] == 2 * 15


# Defaults: what a class is without settings is what a program does without flags.


@pytest.mark.parametrize("program", [calibration, graphs])
def test_defaults_of_the_top_view_are_those_of_the_flags(program):
    assert program.drawn_view(program.parse_arguments([])) == TopView()
    players = program.build_players(program.parse_arguments(PICTURE))
    assert players == PlayersByTopView(TopView())


@pytest.mark.parametrize("words", [[], ["--protocol", "published"]])
@pytest.mark.parametrize("program", [calibration, graphs])
def test_of_both_originals_that_of_top_views_alone_tests_on_grey(program, words):
    players = program.build_players(program.parse_arguments([*PICTURE, *words]))
    assert players.grey_tests == (program is calibration and bool(words))


def test_defaults_of_graphs_are_those_of_the_flags():
    assert graphs.graph_options(graphs.parse_arguments([])) == GraphOptions()
    players = graphs.build_players(graphs.parse_arguments(["--backbone_player", "GCN"]))
    assert players == PlayersByGraph(GraphOptions())


TOP_VIEW_FLAGS = {
    "width": (["--dim_representation_w", "96"], 96),
    "height": (["--dim_representation_h", "48"], 48),
    "player": (["--dim_representation_player", "4"], 4),
    "calibration": (["--calibration"], True),
    "field": (["--calibration_field"], True),
    "cone": (["--calibration_cone"], True),
    "physic": (["--calibration_physic"], True),
    "trail": (["--with_trail", "3"], 3),
    "teacher": (["--teacher"], True),
    "published": (["--protocol", "published"], True),
    "margin": (["--pitch_margin", "4"], 4),
}
GRAPH_FLAGS = {
    "calibration": (["--calibration"], True),
    "distance": (["--dist_graph_player", "10"], 10),
    "cone": (["--calibration_cone"], True),
    "confidence": (["--calibration_confidence"], True),
    "teacher": (["--teacher"], True),
    "published": (["--protocol", "published"], True),
    "margin": (["--pitch_margin", "4"], 4),
    "relative": (["--relative_positions"], True),
}


@pytest.mark.parametrize("option", [field.name for field in fields(TopView)])
def test_each_option_of_the_top_view_has_its_flag(option):
    words, value = TOP_VIEW_FLAGS[option]
    expected = TopView(**{option: value})
    assert expected != TopView()
    assert calibration.drawn_view(calibration.parse_arguments(words)) == expected
    if option not in ("physic", "trail"):  # which the graph baseline never had
        assert graphs.drawn_view(graphs.parse_arguments(words)) == expected


@pytest.mark.parametrize("option", [field.name for field in fields(GraphOptions)])
def test_each_option_of_graphs_has_its_flag(option):
    words, value = GRAPH_FLAGS[option]
    expected = GraphOptions(**{option: value})
    assert expected != GraphOptions()
    assert graphs.graph_options(graphs.parse_arguments(words)) == expected


def test_the_original_crops_what_the_frozen_network_sees():
    for words, cropped in (([], False), (["--protocol", "published"], True)):
        args = calibration.parse_arguments([*VECTORS, *words])
        assert calibration.frozen_network(args) == FrozenNetwork(18, cropped=cropped)


# Double precision.


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_double_precision_is_kept_forth_and_back_and_near_single(name, training):
    torch.manual_seed(0)
    single = built(name)
    double = built(name).double()
    double.load_state_dict(single.state_dict())
    found = {}
    for model, dtype in ((single, torch.float32), (double, torch.float64)):
        # Fixed draws of dropout, whatever the precision: none.
        for layer in model.modules():
            layer.train(training and isinstance(layer, type(model.head)))
        segmentation, spots = model(*inputs_of(name, dtype))
        assert segmentation.dtype == spots.dtype == dtype
        (segmentation.square().sum() + spots.square().sum()).backward()
        parameters = {
            key: tensor for key, tensor in model.state_dict(keep_vars=True).items()
            if isinstance(tensor, torch.nn.Parameter) and tensor.requires_grad
        }  # fmt: skip
        gradients = {key: tensor.grad for key, tensor in parameters.items()}
        assert all(gradient.dtype == dtype for gradient in gradients.values())
        assert model.head.batch_seg.running_var.dtype == dtype
        found[dtype] = {"segmentation": segmentation.detach(), "spots": spots.detach(), **gradients}
    exact = found[torch.float64]
    assert found[torch.float32].keys() == exact.keys()
    for key, tensor in found[torch.float32].items():
        scale = max(1.0, float(exact[key].abs().max()))
        assert float((tensor - exact[key]).abs().max()) < 1e-4 * scale, key


@pytest.mark.parametrize("name", NETWORKS)
def test_double_precision_is_not_single_in_disguise(name):
    """Values differ from those of single precision by its rounding: nothing inside rounds them."""
    torch.manual_seed(0)
    model = built(name).double().eval()
    inputs = inputs_of(name, torch.float64)
    with torch.inference_mode():
        first = model(*inputs)[0]
        parameter = model.state_dict()["conv_seg.bias"]
        parameter += 1e-12
        assert 0 < float((model(*inputs)[0] - first).abs().max()) < 1e-10
        parts = model.reduce(*inputs)
        for part in parts if isinstance(parts, list) else [parts]:
            assert part.dtype == torch.float64
            assert not torch.equal(part, part.float().double())


@pytest.mark.parametrize("name", NETWORKS)
def test_inputs_as_they_are_read_go_through_a_network_in_double_precision(name):
    """Features, vectors and nodes are read in single precision."""
    torch.manual_seed(0)
    model = built(name).double().eval()
    single = inputs_of(name)
    exact = [tensor.double() if tensor.dtype == torch.float32 else tensor for tensor in single]
    with torch.inference_mode():
        for found, expected in zip(model(*single), model(*exact), strict=True):
            assert found.dtype == torch.float64
            assert torch.equal(found, expected)
