"""All readers of foreign bytes, by name."""

from foreign import of_data, of_results, of_spots, of_videos, of_weights

MODULES = (of_data, of_results, of_spots, of_weights, of_videos)
READERS = {name: reader for module in MODULES for name, reader in module.READERS.items()}


def module_of(name: str) -> str:
    """The module that a reader is in."""
    return next(module.__name__ for module in MODULES if name in module.READERS)
