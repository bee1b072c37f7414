"""A small run, what it is compared by, and whether what lies in its folder can be read."""

import csv
import hashlib
import shutil
import zipfile
from pathlib import Path

import torch

from common.errors import UserError
from common.files import read_json
from common.synthetic.data_set import FEATURE_FILE, write_data_set
from common.training.checkpoints import BEST_FILE, LAST_FILE, read_checkpoint

RUN = "run"
_FAKE = b"epoch 1"  # what the baseline that trains nothing saves


def make_data(root: Path) -> Path:
    """A data set of five games of a minute and 16 features."""
    write_data_set(root / "data", (2, 1, 1, 1), minutes=1, dim=16)
    return root / "data"


def training_words(data: Path, *further: object) -> list[object]:
    """The flags of a training in four batches, and of its test."""
    return [
        "--SoccerNet_path", data, "--features", FEATURE_FILE, "--pool", "MAX", "--proj-dim", "none",
        "--window_size", 5, "--batch_size", 20, "--max_num_worker", 0, "--device", "cpu",
        "--model_name", RUN, *further,
    ]  # fmt: skip


def copied(source: Path | None, target: Path) -> Path:
    """A new folder with the content of another; empty without one."""
    if source is None:
        target.mkdir()
    else:
        shutil.copytree(source, target)
    return target


def bits(folder: Path) -> dict[str, str]:
    """What must be the same of two runs, by name: weights, moments, results and exports."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or path.name.startswith(".") or path.suffix == ".log":
            continue
        if path.name in (BEST_FILE, LAST_FILE):
            found[name] = _digest_of_checkpoint(path)
        elif path.name.startswith("results_") or "exports" in path.parts:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.name == "curves.csv":
            found[name] = str(len(path.read_text().splitlines()))
    return found


def _digest_of_checkpoint(path: Path) -> str:
    if path.read_bytes() == _FAKE:
        return "fake"
    content = read_checkpoint(path)
    digest = hashlib.sha256(repr((content["epoch"], content["best_loss"])).encode())
    moments = content["optimizer"]["state"]
    named = [*content["state_dict"].items()]
    named += [(f"{n} {name}", t) for n, each in moments.items() for name, t in each.items()]
    for name, tensor in named:
        digest.update(name.encode() + tensor.to(torch.float64).numpy().tobytes())
    return digest.hexdigest()


def unreadable(folder: Path) -> list[str]:
    """The files of a run that do not read: none may be half of what it should be."""
    bad = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        try:
            if path.name.endswith(".pth.tar"):
                _digest_of_checkpoint(path)
            elif path.suffix == ".json":
                read_json(path)
            elif path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    if archive.testzip():
                        raise ValueError("damaged")
            elif path.suffix == ".csv" and not list(csv.reader(path.open(newline=""))):
                raise ValueError("empty")
            elif path.suffix == ".png" and not path.read_bytes().endswith(b"IEND\xaeB`\x82"):
                raise ValueError("cut off")
        except (UserError, ValueError, zipfile.BadZipFile) as error:
            bad.append(f"{path.name}: {error}")
    return bad
