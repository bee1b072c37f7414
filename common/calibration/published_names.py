"""The published parameter names of networks that see the players beside the features."""

import re

_PARTS = re.compile(r"^(feature_branch|player_branch|head)\.(network\.)?")


def flat_name(name: str) -> str:
    """Name of a parameter without the part of the network that it belongs to.

    Example: player_branch.network.layers.0.norm.weight is layers.0.norm.weight.
    """
    return _PARTS.sub("", name)


def flat_name_of_twins(name: str) -> str:
    """The same where both branches have CALF's layers: those about players end in _copy.

    Example: player_branch.conv_p_1.bias is conv_p_1_copy.bias.
    """
    layer = flat_name(name)
    return re.sub(r"^([^.]+)", r"\1_copy", layer) if name.startswith("player_branch.") else layer
