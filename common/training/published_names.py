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
        # All are taken out before any is put back: their order stays, and names may change places.
        own = {name: state.pop(name) for name in list(state) if name.startswith(prefix)}
        state.update({prefix + published(n.removeprefix(prefix)): own[n] for n in own})

    def on_loading(module: nn.Module, state: dict[str, Any], prefix: str, *further: Any) -> None:
        own = {f"{prefix}{published(name)}": prefix + name for name in _names(module)}
        theirs = {name: state.pop(name) for name in own if name in state}
        state.update({own[name]: tensor for name, tensor in theirs.items()})

    model.register_state_dict_post_hook(on_saving)
    model.register_load_state_dict_pre_hook(on_loading)


def _names(module: nn.Module) -> list[str]:
    """Names of parameters and buffers, as the network's parts have them."""
    return [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
