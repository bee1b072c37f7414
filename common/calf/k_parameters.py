"""Context parameters K1 < K2 < 0 < K3 < K4 of each class: how long an action is felt.

Far before an action (up to K1) and far after it (from K4 on) a frame should not know of it; just
after it (0 to K3) it should; just before it (K2 to 0) nobody can tell, and no loss is taken. The
values for SoccerNet-v2 are published (Deliège et al., 2021); they are in seconds.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.data.events import CLASS_SPLITS, V2_NAMES
from common.errors import UserError, log
from common.files import read_json
from common.results.run_record import read_record

MOST_FRAMES = np.iinfo(np.int16).max - 1  # that a parameter may span: shifts are 16 bits

SECONDS: dict[str, tuple[float, float, float, float]] = {
    "Penalty": (-100, -50, 50, 100),
    "Kick-off": (-98, -49, 49, 98),
    "Goal": (-20, -10, 60, 90),
    "Substitution": (-40, -20, 10, 20),
    "Offside": (-96, -48, 48, 96),
    "Shots on target": (-5, -3, 3, 5),
    "Shots off target": (-8, -4, 4, 8),
    "Clearance": (-93, -46, 46, 93),
    "Ball out of play": (-99, -50, 50, 99),
    "Throw-in": (-31, -15, 15, 31),
    "Foul": (-75, -37, 37, 75),
    "Indirect free-kick": (-10, -5, 5, 10),
    "Direct free-kick": (-97, -49, 49, 97),
    "Corner": (-75, -38, 38, 75),
    "Yellow card": (-20, -10, 10, 20),
    "Red card": (-84, -42, 42, 84),
    "Yellow->red card": (-18, -9, 9, 18),
}


def read_k_seconds(path: Path) -> dict[str, tuple[float, float, float, float]]:
    """K parameters of a JSON file: {"class name": [K1, K2, K3, K4], …} in seconds.

    Raises UserError when it holds anything else.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise UserError(f'{path} must look like {{"class name": [K1, K2, K3, K4], …}}, in seconds')
    found = {}
    for name, row in content.items():
        numbers = isinstance(row, list) and all(map(_is_finite, row))
        if not numbers or len(row) != 4 or not row[0] < row[1] < 0 < row[2] < row[3]:
            raise UserError(
                f"{path}: expected four numbers K1 < K2 < 0 < K3 < K4 (seconds) for {name!r}, "
                f"found {row!r}"
            )
        found[name] = tuple(row)
    return found


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def k_frames(names: Sequence[str], framerate: float, path: Path | None = None) -> NDArray[np.int64]:
    """K parameters of the classes in whole frames, [4, C]: rows K1, K2, K3, K4.

    Args:
        names: the classes, in the order of the network's outputs.
        framerate: frames per second.
        path: a file of K parameters; without it the published ones are taken.

    Raises:
        UserError: a class without parameters, one that is longer than shifts can tell, or a
            malformed file.
    """
    known = SECONDS if path is None else read_k_seconds(path)
    unknown = [name for name in names if name not in known]
    if unknown:
        where = "the published table, which is of soccer," if path is None else str(path)
        raise UserError(
            f"no context parameters for {', '.join(unknown)} in {where}; give --k_params a JSON "
            'file {"class name": [K1, K2, K3, K4], …} in seconds'
        )
    with np.errstate(over="ignore"):  # infinity is too far as well
        exact = framerate * np.array([known[name] for name in names], float).T  # [4, C]
    if (far := np.abs(exact).max(axis=0) > MOST_FRAMES).any():
        name = names[int(far.argmax())]
        raise UserError(
            f"{path or 'the published table'}: expected context parameters of at most "
            f"{MOST_FRAMES / framerate:.0f} s at {framerate} frames per second for {name!r}, found "
            f"{list(known[name])}; they are in seconds"
        )
    frames = np.rint(exact).astype(np.int64)
    # Times of less than a frame would make a region empty, and a slope in it infinite.
    frames[2], frames[1] = np.maximum(frames[2], 1), np.minimum(frames[1], -1)
    frames[3] = np.maximum(frames[3], frames[2] + 1)
    frames[0] = np.minimum(frames[0], frames[1] - 1)
    return frames


def kept_k_frames(
    record: Path | None, names: Sequence[str], k: NDArray[np.int64] | None
) -> dict[str, dict[str, list[int]]]:
    """The parameters [4, C] as a run records them beside its flags: the file may be edited.

    Raises UserError if the run's record has others, with which training would not go on.

    Args:
        record: of the run that goes on; None for a new one. Those of earlier versions have none.
        k: in frames; None where nothing is trained.
    """
    if k is None:
        return {}
    now = dict(zip(names, k.T.tolist(), strict=True))
    if record is None or not record.is_file():
        return {"k_frames": now}
    then = read_record(record)["settings"].get("k_frames")
    if isinstance(then, dict) and then != now:
        name = next((name for name in names if then.get(name) != now[name]), names[0])
        raise UserError(
            f"{record.parent} was trained with the context parameters {then.get(name)} frames of "
            f"{name!r}, now {now[name]}; bring back the file of --k_params as it was, or pass "
            "another --model_name"
        )
    return {"k_frames": now}


def tell_k_parameters(names: Sequence[str], path: Path | None = None) -> None:
    """Says in the log where the context parameters of the classes come from.

    A class of other data may bear a name of soccer without lasting as long.
    """
    if path is not None:
        log.info("context parameters of the classes: %s", path)
    elif set(names) in [set(each) for each in (V2_NAMES, *CLASS_SPLITS.values())]:
        log.info("context parameters of the classes: as published for SoccerNet-v2")
    else:
        log.warning(
            "context parameters of %s: those published for soccer (SoccerNet-v2), by name; if this "
            "is another sport, give --k_params a file, such as python -m CALF.fit_k_params makes",
            ", ".join(names),
        )  # fmt: skip
