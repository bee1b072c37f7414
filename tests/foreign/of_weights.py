"""Readers of weights: checkpoints, the PCA of features, old pickles, Keras' file."""

import io
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch

from common.calf.given_weights import require_classes, trained_features
from common.convert_checkpoint import TARGETS
from common.data.events import V2_NAMES
from common.training.checkpoints import LAST_FILE, load_weights, read_checkpoint, save_checkpoint
from common.training.optimisation import plateau_schedule
from common.training.resumption import (
    checked_last,
    checked_progress,
    restore_optimizer,
    restore_schedule,
    told_of,
)  # fmt: skip
from common.training.run_folder import complete_best, tidy_folder
from common.video.old_pickles import read_pickle, read_published
from common.video.reduction import Reduction, read_reduction, write_reduction
from common.video.resnet_weights import read_state
from foreign.reader import Reader, put, told
from foreign.recipes import archive_of, plain, recipe_of, with_tensors


def _checkpoint(content: bytes, folder: Path) -> None:
    _read_checkpoint(put(folder / "run" / LAST_FILE, content))


def _read_checkpoint(path: Path) -> None:
    """What all that take weights make of a file."""
    content = told(read_checkpoint, path)
    if content is None:
        return
    weights = content["state_dict"]
    told(trained_features, weights)
    told(require_classes, weights, V2_NAMES, path)
    for convert in TARGETS.values():
        told(convert, weights)
    told(_resumed, path)
    tidy_folder(path.parent)


def _resumed(path: Path) -> None:
    """As a training takes up its last checkpoint."""
    model, optimizer = _network()
    content = load_weights(model, path, ("Goal",))
    checked_last(content, path)
    with told_of(path):
        restore_optimizer(optimizer, content["optimizer"])
        restore_schedule(plateau_schedule(optimizer, 3), content["scheduler"])
        checked_progress(content["progress"])
    complete_best(path.parent, content)


def _network() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = torch.nn.Linear(2, 1)
    return model, torch.optim.Adam(model.parameters())


def _last() -> dict[str, Any]:
    """A checkpoint of a run that has trained an epoch."""
    model, optimizer = _network()
    model(torch.ones(3, 2)).sum().backward()
    optimizer.step()
    progress = {"epoch": 1, "best_loss": 0.5, "best_score": None, "best_epoch": 1,
                "finished": False, "history": [{"epoch": 1, "train_loss": 0.5}], "length": 3,
                "batch": 0, "items": 0, "sums": {"train": 0.5}}  # fmt: skip
    return {
        "epoch": 1, "state_dict": model.state_dict(), "best_loss": 0.5, "classes": ["Goal"],
        "optimizer": optimizer.state_dict(), "progress": progress, "settings": {"seed": 0},
        "scheduler": plateau_schedule(optimizer, 3).state_dict(),
    }  # fmt: skip


def _netvlad() -> dict[str, Any]:
    shapes = {"pool_layer.centroids": (2, 3), "pool_layer.conv.weight": (2, 3, 1, 1),
              "fc.weight": (2, 6), "fc.bias": (2,)}  # fmt: skip
    return {"state_dict": {name: torch.ones(shape) for name, shape in shapes.items()}}


def _family() -> dict[str, Any]:
    shapes = {"conv_1.weight": (2, 1, 1, 4), "conv_class.bias": (34,), "conv_conf.bias": (4,)}
    return {f"module.{name}": torch.ones(shape) for name, shape in shapes.items()}


def _checkpoints(folder: Path) -> Sequence[bytes]:
    for number, content in enumerate((_last(), _netvlad(), _family())):
        save_checkpoint(folder / str(number), content)
    old = io.BytesIO()
    torch.save(_netvlad(), old, _use_new_zipfile_serialization=False)
    return [*((folder / str(number)).read_bytes() for number in range(3)), old.getvalue()]


def _checkpoint_tree(content: bytes, folder: Path) -> None:
    try:
        tree = orjson.loads(content)
    except orjson.JSONDecodeError:
        return
    archive = io.BytesIO()
    torch.save(plain(tree), archive)
    _checkpoint(archive.getvalue(), folder)


def _checkpoint_trees(folder: Path) -> Sequence[bytes]:
    trees = (_last(), _netvlad(), _family())
    return [orjson.dumps(with_tensors(each)) for each in trees]


def _checkpoint_pickle(content: bytes, folder: Path) -> None:
    """The pickle in a checkpoint, whose tensors all lie in one piece."""
    members = {"a/data.pkl": content, "a/byteorder": b"little", "a/version": b"3\n"}
    members |= {f"a/data/{number}": bytes(32) for number in range(4)}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, each in members.items():
            file.writestr(name, each)
    _checkpoint(archive.getvalue(), folder)


def _checkpoint_pickles(folder: Path) -> Sequence[bytes]:
    found = []
    for content in (_netvlad(), _family()):
        save_checkpoint(folder / "it", content)
        with zipfile.ZipFile(folder / "it") as archive:
            name = next(each for each in archive.namelist() if each.endswith("data.pkl"))
            found.append(archive.read(name))
    return found


def _reduction(content: bytes, folder: Path) -> None:
    reduction = read_reduction(put(folder / "pca.npz", content))
    reduction(np.ones((2, len(reduction.average)), np.float32))


def _reductions(folder: Path) -> Sequence[bytes]:
    rng = np.random.default_rng(0)
    shapes = ((3,), (3,), (2, 3))
    write_reduction(folder / "pca.npz", Reduction(*(rng.random(shape) for shape in shapes)))
    return [(folder / "pca.npz").read_bytes()]


def _reduction_arrays(content: bytes, folder: Path) -> None:
    _reduction(archive_of(content, (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)), folder)


def _reduction_recipes(folder: Path) -> Sequence[bytes]:
    members = {}
    for name, shape in (("average", (3,)), ("mean", (3,)), ("components", (1, 3))):
        file = io.BytesIO()
        np.save(file, np.full(shape, 1, "<f4"))
        members[f"{name}.npy"] = file.getvalue()
    return [recipe_of(members)]


def _pickle(content: bytes, folder: Path) -> None:
    path = put(folder / "it.pkl", content)
    told(read_pickle, path)
    average, pca = put(folder / "average.pkl", _AVERAGE), put(folder / "pca.pkl", _PCA)
    told(read_published, path, pca)
    told(read_published, average, path)


# As the library of the original wrote one; its class is named and not needed.
_AVERAGE = pickle.dumps(np.ones(3, np.float32), 2)
_PCA = (
    b"csklearn.decomposition._pca\nPCA\n)\x81}(X\x05\x00\x00\x00mean_"
    + pickle.dumps(np.ones(3, np.float32), 2)[2:-1]
    + b"X\x0b\x00\x00\x00components_"
    + pickle.dumps(np.ones((2, 3), np.float32), 2)[2:-1]
    + b"ub."
)


def _pickles(folder: Path) -> Sequence[bytes]:
    arrays = (np.ones(3, np.float32), np.asfortranarray(np.ones((2, 3), ">f8")), np.float32(1))
    values = [pickle.dumps(each, protocol) for each in arrays for protocol in (0, 2, 5)]
    return [*values, _PCA, pickle.dumps({"a": [1, (2.5, None)], b"b": bytearray(b"x")}, 5)]


_SHAPES = {"embedder.embedder.convolution.weight": torch.empty((2, 3, 1, 1))}


def _keras(content: bytes, folder: Path) -> None:
    read_state(put(folder / "weights.h5", content), _SHAPES)


def _keras_files(folder: Path) -> Sequence[bytes]:
    import h5py

    with h5py.File(folder / "it.h5", "w") as file:
        file["conv1_conv/conv1_conv/kernel:0"] = np.ones((1, 1, 3, 2), np.float32)
        file["conv1_conv/conv1_conv/bias:0"] = np.ones(2, np.float32)
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            file[f"conv1_bn/conv1_bn/{name}:0"] = np.ones(2, np.float32)
    return [(folder / "it.h5").read_bytes()]


_NAMES = (
    "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch\nFloatStorage\n", "ctorch\nSize\n",
    "ccollections\nOrderedDict\n", "cos\nsystem\n", "storage", "cpu", "Q", "R", "\x85", "\x86",
)  # fmt: skip
READERS = {
    "checkpoint": Reader(_checkpoint, _checkpoints),
    "checkpoint, its pickle": Reader(_checkpoint_pickle, _checkpoint_pickles, _NAMES),
    "checkpoint, as a tree": Reader(
        _checkpoint_tree, _checkpoint_trees,
        ("tensor", "meta", "sparse", "quantized", "nan", "float64", "complex64"),
    ),
    "PCA": Reader(_reduction, _reductions, ("PK\x01\x02", "PK\x03\x04", "average.npy")),
    "PCA, its arrays": Reader(
        _reduction_arrays, _reduction_recipes,
        ("descr", "'<f8'", "'|O'", "fortran_order", "True", "shape", "(3, 2), }", "\xff"),
    ),
    "old pickles": Reader(_pickle, _pickles, (
        "cnumpy.core.multiarray\n_reconstruct\n", "cnumpy\nndarray\n", "cnumpy\ndtype\n",
        "c_codecs\nencode\n", "cnumpy.core.multiarray\nscalar\n", "cos\nsystem\n", "R", "b", "\x85",
        "cnumpy.core.numeric\n_frombuffer\n", "\x81", "f8", "O8", "whiten",
    )),
    "Keras' weights": Reader(
        _keras, _keras_files, ("\x89HDF\r\n\x1a\n", "TREE", "SNOD", "HEAP"), ("h5py",)
    ),
}  # fmt: skip
