"""Random cases of the metric, drawn so that what is rare in matches happens often."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np

from common.data.events import V1_NAMES, V2_NAMES

HALF_SECONDS = 7200  # where the evaluator's time line ends
_LEVELS = np.linspace(0, 1, 200).tolist()  # the evaluator's thresholds
_V1_LABELS = ("y-card", "r-card", "substitution-in", "soccer-ball", "soccer-ball-own", "corner")
_ODD_CONFIDENCES = (-0.25, -1, "nan", 0, 1, 1.5, 1e-3)


@dataclass(frozen=True)
class Case:
    """Annotations and predictions of each game as files hold them, and how they are scored."""

    annotations: dict[str, list[dict]]
    predictions: dict[str, list[dict]]
    names: tuple[str, ...]  # of the classes
    version: int
    framerate: int
    tolerances: tuple[int, ...]  # seconds


@dataclass(frozen=True)
class _Rules:
    draw: Random
    framerate: int
    reach: int  # whole frames
    confidences: str  # how they are drawn


def draw_case(number: int) -> Case:
    """The case of this number, always the same."""
    draw = Random(number)
    version = 1 if draw.random() < 0.1 else 2
    names = V1_NAMES
    if version == 2:
        sizes = (1, 2, 3, draw.randint(4, 17))
        names = tuple(draw.sample(V2_NAMES, draw.choices(sizes, (86, 9, 3, 2))[0]))
    framerate = draw.choices((1, 2, 5, 10, 25), (40, 50, 6, 2, 2))[0]
    tolerances = _draw_tolerances(draw, len(names) > 3)
    reach = draw.choice(tolerances) * framerate // 2
    confidences = draw.choice(("eighths", "eighths", "thresholds", "equal", "any"))
    rules = _Rules(draw, framerate, reach, confidences)
    barren = {name: draw.choice(_BARREN) for name in names if draw.random() < 0.1}
    annotations: dict[str, list[dict]] = {}
    predictions: dict[str, list[dict]] = {}
    for game in range(draw.choices((1, 2, 3), (60, 30, 10))[0]):
        spots, found = [], []
        for half in (1, 2):
            for name in names:
                scene = _draw_scene(rules, barren.get(name))
                spots += [_annotation(rules, half, time, name, version) for time in scene[0]]
                found += [_prediction(rules, half, time, name, version) for time in scene[1]]
        draw.shuffle(spots)
        draw.shuffle(found)
        annotations[f"g{game}"], predictions[f"g{game}"] = spots, found
    return Case(annotations, predictions, names, version, framerate, tolerances)


def _draw_tolerances(draw: Random, many_classes: bool) -> tuple[int, ...]:
    """Seconds: mostly one, since each costs the package as much as a case."""
    some = tuple(sorted(draw.sample(range(1, 61), draw.randint(2, 3))))
    return draw.choices(
        ((draw.randint(1, 5),), (draw.randint(1, 60),), some, range(1, 6), range(5, 61, 5)),
        (50, 30, 10, 7, 1 if many_classes else 3),
    )[0]


def _draw_scene(rules: _Rules, kind: str | None) -> tuple[list[int], list[int]]:
    """Frames of the spots and of the detections of a class in a half, of any kind without one."""
    draw, reach, end = rules.draw, rules.reach, HALF_SECONDS * rules.framerate
    kind = kind or draw.choices(_SCENES, _SHARES)[0]
    begin = draw.choice((0, draw.randrange(3 * reach + 9), draw.randrange(end - 1000)))
    if kind == "end":
        begin = end - draw.randint(1, 2 * reach + 9)
    if kind in ("crowd", "end", "begin"):
        width = draw.randint(1, 2 * reach + 9)
        if kind == "begin":
            begin = -draw.randint(1, 9)
        return _frames(draw, begin, width, 6), _frames(draw, begin, width, 9)
    if kind == "borders":
        spots = list(_steps(draw, begin, reach + 2, 3))
        off = (-reach - 1, -reach, 0, reach, reach + 1)
        return spots, [draw.choice(spots) + draw.choice(off) for _ in range(draw.randint(1, 8))]
    if kind == "half-way":
        spots = list(_steps(draw, begin, 4 * reach + 5, draw.randint(2, 4)))
        pairs = list(pairwise(spots))
        middle = [sum(draw.choice(pairs)) // 2 for _ in range(draw.randint(1, 6))]
        return spots, [frame + draw.choice((-1, 0, 0, 1)) for frame in middle]
    if kind == "one frame":
        return [begin] * draw.randint(1, 3), [begin] * draw.randint(1, 4)
    apart = _frames(draw, begin, end // 3, 6), _frames(draw, begin, end // 3, 9)
    return {
        "apart": apart,
        "no spots": ([], apart[1]),
        "no detections": (apart[0], []),
        "nothing": ([], []),
    }[kind]


_BARREN = ("no spots", "no detections", "nothing")
_SCENES = ("crowd", "borders", "half-way", "one frame", "end", "begin", "apart", *_BARREN)
_SHARES = (30, 20, 15, 5, 4, 2, 8, 6, 5, 5)


def _frames(draw: Random, begin: int, width: int, most: int) -> list[int]:
    return [begin + draw.randrange(width) for _ in range(draw.randint(1, most))]


def _steps(draw: Random, begin: int, longest: int, number: int) -> Iterator[int]:
    for _ in range(number):
        yield begin
        begin += draw.randint(1, longest)


def _milliseconds(rules: _Rules, frame: int) -> int:
    """A time in the frame, often its first one."""
    first = math.ceil(1000 * frame / rules.framerate)
    return first + (0 if rules.draw.random() < 0.5 else rules.draw.randrange(40))


def _annotation(rules: _Rules, half: int, frame: int, name: str, version: int) -> dict:
    draw, milliseconds = rules.draw, _milliseconds(rules, frame)
    half = 3 if draw.random() < 0.005 else half
    minutes, seconds = divmod(max(0, milliseconds) // 1000, 60)
    label = name if version == 2 else draw.choice(_V1_LABELS)
    entry = {
        "gameTime": f"{half} - {minutes:02}:{seconds:02}",
        "label": "Not a class" if draw.random() < 0.01 else label,
    }
    if draw.random() < (0.95 if version == 2 else 0.1):
        entry["position"] = _written(draw, milliseconds)
    if draw.random() < 0.9:
        entry["visibility"] = draw.choice(("visible", "not shown"))
    return entry


def _prediction(rules: _Rules, half: int, frame: int, name: str, version: int) -> dict:
    draw = rules.draw
    stray = draw.random()
    return {
        "half": _written(draw, 3 if stray < 0.005 else half),
        "position": _written(draw, _milliseconds(rules, frame)),
        "label": "Not a class" if version == 2 and stray > 0.99 else name,
        "confidence": _written(draw, _confidence(rules)),
    }


def _confidence(rules: _Rules) -> float | str:
    draw = rules.draw
    if draw.random() < 0.04:
        return draw.choice(_ODD_CONFIDENCES)
    if rules.confidences == "eighths":  # many are equal
        return draw.randrange(9) / 8
    if rules.confidences == "thresholds":
        level = draw.choice(_LEVELS)
        return draw.choice((level, math.nextafter(level, -1), math.nextafter(level, 2)))
    return 0.5 if rules.confidences == "equal" else draw.random()


def _written(draw: Random, value: float | str) -> float | str:
    """As result files write it; now and then as a number."""
    return value if draw.random() < 0.1 else str(value)
