"""What the baselines share: data, metric, training loop, result files."""

import os
import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from common.missing import require_python, tell_what_is_missing

require_python()  # the annotations below end an older one in a traceback
tell_what_is_missing()

# OpenMP threads that wait for work by spinning take the core from whoever has some: on a machine
# that is also busy with something else, small operations become a hundred times slower. Read when
# torch is first imported, so it has to be set here; a setting of the user's wins.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Modules that lay here before there were rooms.
_ROOMS = {
    "data": "array_file events features frame_rows games label_quirks labels windows",
    "metric": "average_map bootstrap matching thresholds",
    "results": "kept_detections predictions run_record scored_run split_results tables",
    "training": "argument_types batches checkpoints device distributed flags run_folder",
    "pooling": "clips vlad",
}
MOVED = {
    f"common.{name}": f"common.{room}.{name}"
    for room, names in _ROOMS.items()
    for name in names.split()
} | {
    "common.comparison": "common.compare.paired",
    "common.lanes": "common.training.lanes",
    "common.pooling.lanes": "common.training.lanes",
    "common.nms": "common.results.suppression",
}


class _Moved(MetaPathFinder, Loader):
    """Imports them under their old names, too."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(MOVED[spec.name])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state  # its own, under its new name


sys.meta_path.append(_Moved())
