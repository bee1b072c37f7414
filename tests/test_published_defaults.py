"""What programs do without flags: the published values, and those of the dense anchors' README."""

import pytest

from CALF import main as calf
from CALF_Calibration import main as calibration
from CALF_Calibration_GCN import main as graphs
from DenseAnchors import main as dense

FAMILY = {
    "features": ["ResNET_TF2_PCA512.npy"], "max_epochs": 1000, "load_weights": None,
    "test_only": False, "challenge": False, "k_params": None, "feature_dim": None,
    "chunks_per_epoch": 18000, "evaluation_frequency": 20, "dim_capsule": 16, "framerate": 2,
    "chunk_size": 120, "receptive_field": 40, "num_detections": 15, "lambda_coord": 5.0,
    "lambda_noobj": 0.5, "loss_weight_segmentation": 0.000367, "loss_weight_detection": 1.0,
    "batch_size": 32, "LR": 1e-3, "patience": 25, "GPU": -1, "max_num_worker": 4,
    "loglevel": "INFO", "tiny": None, "NMS": "hard", "NMS_window": 20, "NMS_threshold": 0.0,
    "split_train": ["train"], "split_valid": ["valid"], "label_time": "gameTime", "version": 2,
}  # fmt: skip
PLAYERS = {
    "mode": 0, "teacher": False, "class_split": None, "feature_multiplier": 1,
    "backbone_player": None, "backbone_feature": None, "calibration": False,
    "calibration_field": False, "calibration_cone": False, "dim_representation_w": 64,
    "dim_representation_h": 32, "dim_representation_c": 3, "dim_representation_player": 2,
    "dist_graph_player": 25, "with_dropout": 0.0,
}  # fmt: skip
TOP_VIEWS = {"calibration_physic": False, "with_resnet": 0, "with_dense": False, "with_trail": 0}
OF_PROGRAM = {
    calf: {**FAMILY, "model_name": "CALF", "segmentation_loss": "clean"},
    calibration: {**FAMILY, **PLAYERS, **TOP_VIEWS, "model_name": "CALF_Calibration"},
    graphs: {**FAMILY, **PLAYERS, "calibration_confidence": False,
             "model_name": "CALF_Calibration_GCN"},
    dense: {
        "features": ["ResNET_TF2_PCA512.npy"], "label_time": "position", "radius": 3,
        "displacement_radius": 6, "displacement_weight": 0.1, "chunk_size": 112,
        "chunks_per_epoch": 8192, "trunk_channels": 256, "networks": "joint", "scale": "auto",
        "dropout": 0.0, "mixup": 0, "weight_decay": 2e-4, "LR": 1e-3, "batch_size": 32,
        "max_epochs": 100, "evaluation_frequency": 10, "select_by": "tight", "border": 14,
        "displace": "yes", "NMS": "soft", "NMS_window": 8, "NMS_threshold": 0.005,
    },
}  # fmt: skip


@pytest.mark.parametrize("program", OF_PROGRAM, ids=lambda program: program.__name__)
def test_defaults_are_the_published_ones(program):
    expected, found = OF_PROGRAM[program], vars(program.parse_arguments([]))
    assert {name: found[name] for name in expected} == expected


def test_the_program_of_graphs_has_no_flags_of_top_views_alone():
    assert not TOP_VIEWS.keys() & vars(graphs.parse_arguments([])).keys()
