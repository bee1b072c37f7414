"""Checkpoints keep the flat parameter names of the original releases, whatever a network's parts.

An adapter at loading and saving: `state_dict()` gives the published names, `load_state_dict()`
takes them, and inside the network a layer has the name of the part that it belongs to.
"""

from collections.abc import Callable
from typing import Any

from torch import nn


def keep_published_names(model: nn.Module, published: Callable[[str], str]) -> None:
    """Makes a network's state dict speak in published names.

    Args:
        published: name in the network -> published name, one to one.
    """

    def on_saving(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
        own = [name for name in state if name.startswith(prefix)]
        for name in own:  # all in turn, so that their order stays
            state[prefix + published(name.removeprefix(prefix))] = state.pop(name)

    def on_loading(module: nn.Module, state: dict[str, Any], prefix: str, *further: Any) -> None:
        own = {f"{prefix}{published(name)}": prefix + name for name in _names(module)}
        for name in [name for name in state if name in own]:
            state[own[name]] = state.pop(name)

    model.register_state_dict_post_hook(on_saving)
    model.register_load_state_dict_pre_hook(on_loading)


def _names(module: nn.Module) -> list[str]:
    """Names of parameters and buffers, as the network's parts have them."""
    return [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
