"""The command-line flags about files of one's own: features, or videos that become features."""

import argparse

from common.training.argument_types import place

DIMENSIONS = {"resnet152": 2048, "efficientnet-lite0": 1280}  # features of each backbone


def add_given_flags(parser: argparse.ArgumentParser) -> None:
    """What is spotted in outside any split."""
    group = parser.add_argument_group(
        "own files", "spotted in without labels, each as a half of one game, with the settings of "
        "the run whose\nweights they are",
    )  # fmt: skip
    kinds = group.add_mutually_exclusive_group().add_argument
    # fmt: off
    kinds("--features_path", type=place, nargs="+", metavar="FILE",
        help="feature files of any length, a file for each half: 1_… and 2_…, else in their order")
    kinds("--video_path", type=place, nargs="+", metavar="VIDEO",
        help="videos, likewise; one of a whole game counts as one half. Their features are kept in "
        "models/<model_name>/videos/")
    # fmt: on
    add_backbone_flags(group)


def add_backbone_flags(group: argparse._ArgumentGroup) -> None:
    """How a video becomes features."""
    add = group.add_argument
    # fmt: off
    add("--backbone", choices=DIMENSIONS,
        help="network that sees the frames [the one with as many features as were trained on]")
    add("--backbone_weights", type=place, metavar="FILE",
        help="its weights: of resnet152 Keras' .h5 file, which --download fetches otherwise; those "
        "of efficientnet-lite0 are installed with it")
    add("--pca", type=place, metavar="FILE", help="reduce the features by this .npz file of "
        "python -m common.pca")
    # fmt: on
