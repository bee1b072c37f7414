"""The body of both calibration baselines' `main`: CALF's, with a branch that sees the players."""

import argparse
from collections.abc import Callable

from common.calf.chunk_shape import ChunkShape
from common.calf.half_inputs import Sight
from common.calf.legacy_context_loss import legacy_context_loss
from common.calf.program import run_calf_baseline
from common.calibration.both_splits import run_both_splits
from common.calibration.flags import seen
from common.calibration.two_branches import BuildBranch, TwoBranchModel


def run_calibration_baseline(
    args: argparse.Namespace,
    player_branch: Callable[[argparse.Namespace], BuildBranch | None],
    sight: Callable[[argparse.Namespace], Sight | None],
) -> None:
    """Trains and tests as the flags ask: one model, or one for each class split.

    Args:
        player_branch: how the network sees the players; None: it does not.
        sight: how its inputs are read; None: features alone.
    """

    def build_model(
        args: argparse.Namespace, shape: ChunkShape, features: int, classes: int
    ) -> TwoBranchModel:
        return TwoBranchModel(
            features,
            classes,
            shape,
            args.dim_capsule,
            args.feature_multiplier,
            args.backbone_feature is not None,
            player_branch(args),
            args.with_dropout,
        )

    def run(args: argparse.Namespace) -> None:
        losses = {"legacy": legacy_context_loss}
        run_calf_baseline(args, build_model, losses, sight(args), args.class_split, seen(args))

    args.segmentation_loss = "legacy"
    if args.class_split == "both":
        run_both_splits(args, run)
    else:
        run(args)
