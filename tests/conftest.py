"""What several test files share: paths, the skip when outside data is absent, small file trees.

`shared("golden/nms_pooling.npz")` is a path in the folder `shared` beside the repository, which
holds recorded outputs of the original implementation (`golden/`) and real labels and predictions
(`data/`). It is no part of the repository; a test that asks for it is skipped where it is absent.
`golden("nms_pooling.npz")` reads such a recording: arrays from .npz, parsed .json.

Two environment variables serve machines with a card: SHARED_DATA names another folder instead of
`shared`; with TEST_DEVICE (cuda) only the tests that take `device` run, and on it.
"""

import json
import os
import signal
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("SHARED_DATA") or ROOT.parent / "shared")


def pytest_configure() -> None:
    """No test is timed, invented examples neither: a busy machine is no fault."""
    with suppress(ImportError):  # a machine with a card may lack it
        from hypothesis import settings

        settings.register_profile("untimed", deadline=None)
        settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With TEST_DEVICE leaves those out that would run on the CPU all the same."""
    if not os.environ.get("TEST_DEVICE"):
        return
    others = [item for item in items if "device" not in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]


@pytest.fixture(scope="session")
def device() -> Any:
    """Where networks and losses are compared with their recordings, to the same tolerances."""
    import torch

    from common.training.device import choose_device

    name = os.environ.get("TEST_DEVICE") or "cpu"
    return torch.device("cpu") if name == "cpu" else choose_device(name)  # single is not TF32


@pytest.fixture(scope="session", autouse=True)
def signals_as_in_a_terminal() -> None:
    """Under nohup, or behind &, some are ignored, and so they would be in programs under test."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs {path}: recordings and real data that are not in the repository")
        return path

    return find


@pytest.fixture(scope="session")
def golden(shared: Callable[[str], Path]) -> Callable[[str], Any]:
    def read(name: str) -> Any:
        path = shared(f"golden/{name}")
        if path.suffix == ".json":
            return json.loads(path.read_text())
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)

    return read


@pytest.fixture(scope="session")
def real_labels(shared: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the `Labels-v2.json` of all 500 SoccerNet-v2 games."""
    root = tmp_path_factory.mktemp("labels")
    with tarfile.open(shared("data/labels_v2.tar.xz")) as archive:
        for member in archive:
            if (file := archive.extractfile(member)) is not None:
                path = root / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())
    return root


@pytest.fixture(scope="session")
def write_tree() -> Callable[..., Path]:
    """Writes one JSON file per game below `root`, or into the zip file `root`; returns `root`.

    `games` maps a game to its annotations (for a file named Labels…) or its predictions.
    """

    def write(root: Path, games: Mapping[str, Sequence[Any]], file: str) -> Path:
        key = "annotations" if file.startswith("Labels") else "predictions"
        texts = {f"{game}/{file}": json.dumps({key: list(e)}) for game, e in games.items()}
        if root.suffix == ".zip":
            with zipfile.ZipFile(root, "w") as archive:
                for name, text in texts.items():
                    archive.writestr(name, text)
        else:
            for name, text in texts.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
        return root

    return write


@pytest.fixture(scope="session")
def printed_noise() -> Callable[[str, int], np.ndarray]:
    """The generator of the numbers printed in the tests: U_i in [-1/2, 1/2) for a name."""

    def noise(name: str, count: int) -> np.ndarray:
        angle = 12.9898 * np.arange(1, count + 1) + 0.1 * sum(name.encode())
        return np.abs(np.sin(angle) * 43758.5453) % 1 - 0.5

    return noise


@pytest.fixture(scope="session")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tab of chromium; tests that ask for it are skipped where it is not installed."""
    from chromium import Chromium, installed

    binary = installed()
    if binary is None:
        pytest.skip("needs a browser: chromium is not installed")
    browser = Chromium(binary, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def one_thread():
    """Keeps torch to one core: small tensors gain nothing from more, and tests run side by side."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
