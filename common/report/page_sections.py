"""The sections of the page, as HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from common.errors import counted
from common.metric.average_map import UNSHOWN_FACTOR
from common.metric.bootstrap import FEW_GAMES, FEW_GAMES_WARNING
from common.report.errors_by_kind import ERROR_KINDS, NEAR_SECONDS, confusions, count_kinds
from common.report.measures import CURVE_TOLERANCES
from common.report.moments import WatchPage
from common.report.page_tables import (
    breakable,
    class_table,
    confusion_table,
    error_table,
    headline,
    settings_list,
)
from common.report.run import ReportedRun

KIND_WORDS = {
    "correct": "taken by a spot of its class",
    "early": f"its class's nearest spot comes at most {NEAR_SECONDS} s later",
    "late": f"its class's nearest spot was at most {NEAR_SECONDS} s before",
    "duplicate": "a spot of its class in reach, which another detection took",
    "wrong class": "a spot of another class in reach",
    "background": "none of these",
    "missed": "a spot that no detection took",
}

GAP_WARNING = (
    "It is no score: detections near confidence 0 are many, nearly all wrong, and have a gap near "
    "0, so a run that makes more of them has the smaller gap, also where it is the worse one."
)
LOSS_WARNING = (
    "Each run's loss has a panel and a scale of its own: losses of two programs are sums of other "
    "terms, so that only their shape can be compared."
)

_MARKS = [
    ("ink", "annotated", "circle"),
    ("ink", "annotated, not shown", "diamond"),
    ("paper", "missed", "ring"),
    *((kind.replace(" ", "-"), f"detected: {kind}", "triangle") for kind in ERROR_KINDS),
]


@dataclass(frozen=True)
class RunReport:
    """What the page shows: one run or two, of the same games.

    `counted_from` says which thresholds the counted detections reach. `figures` holds <svg>
    elements by name, `panels` one of each class; `timelines` is of the first run. `resamples` is 0
    where there are no intervals. `watch` is the page with the videos, if there is one.
    """

    runs: Sequence[ReportedRun]
    split: str
    classes: Sequence[str]
    tolerance: float
    counted_from: str
    framerate: float
    resamples: int
    figures: Mapping[str, str]
    panels: Sequence[str]
    timelines: Sequence[Mapping[str, Any]]
    watch: WatchPage | None = None


def all_sections(report: RunReport) -> str:
    """All of them, in their order."""
    parts = (_scores, _classes, _curves, _precision_recall, _errors, _games, _settings)
    return "\n".join(part(report) for part in parts)


def heading(names: Sequence[str]) -> str:
    """The runs' names, in the colours of their curves if there are two."""
    if len(names) == 1:
        return breakable(names[0])
    one, two = map(breakable, names)
    return f'<span class="one">{one}</span> and <span class="two">{two}</span>'


def facts(report: RunReport) -> str:
    """Split, games, spots and detections in a line."""
    scores = report.runs[0].measures.by_tolerance
    found = [f"{run.measures.by_tolerance.detections[0].sum():,}" for run in report.runs]
    return (
        f"{escape(report.split)}: {counted(len(report.timelines), 'game')}, "
        f"{scores.spots[0].sum():,} annotated spots, {' and '.join(found)} detections, scored at "
        f"{report.framerate:g} frames per second"
    )


def _section(name: str, title: str, *parts: str) -> str:
    return f'<section id="{name}"><h2>{title}</h2>\n' + "\n".join(parts) + "\n</section>"


def _note(words: str) -> str:
    return f'<p class="note">{words}</p>'


def _figure(report: RunReport, name: str, words: str) -> str:
    return f"<figure>{report.figures[name]}<figcaption>{words}</figcaption></figure>"


def _scores(report: RunReport) -> str:
    note = "Loose averages the tolerances 5 to 60 s, tight 1 to 5 s. "
    if report.runs[0].measures.by_tolerance.spots[2].any():
        note += f"Unshown is scaled by 17/13 = {UNSHOWN_FACTOR:.2f}, as published. "
    if report.resamples:
        note += (
            f"Ranges are 95 % intervals over {report.resamples:,} resamples of the "
            f"{counted(len(report.timelines), 'game')}: what other games of this kind would give. "
            "They hold nothing of what another seed would change. "
        )
        if len(report.timelines) < FEW_GAMES:
            note += f"Beware, {FEW_GAMES_WARNING}. "
    if len(report.runs) == 2:
        note += "The difference is second minus first, on the same resamples."
    return _section("scores", "Scores", headline(report.runs), _note(note))


def _classes(report: RunReport) -> str:
    words = "Loose average precision of each class, filled, and tight, hollow."
    words += " Bars are 95 % intervals of loose." if report.resamples else ""
    return _section(
        "classes",
        "Classes",
        _note(
            f"In %. Precision, recall and F1 are of the detections at or "
            f"above {escape(report.counted_from)}; tolerance {report.tolerance:g} s. A click on a "
            "title sorts."
        ),
        class_table(report.runs, report.classes),
        f'<div class="figures" style="margin-top: 24px">{_figure(report, "classes", words)}'
        f"{_figure(report, 'errors', _error_words(report))}</div>",
    )


def _error_words(report: RunReport) -> str:
    whose = f" of {escape(report.runs[0].name)}" if len(report.runs) == 2 else ""
    return f"What the counted detections{whose} are, and how many spots are missed."


def _curves(report: RunReport) -> str:
    bins = (
        "How often a detection of some confidence is right, at a tolerance of "
        f"{report.tolerance:g} s. On the dashed line confidence would be a probability; the mean "
        "gap is the distance from it, over all detections. " + GAP_WARNING
    )
    single = len(report.runs) == 1
    kinds = "Visible and unshown are means over the classes that have such spots. "
    parts = [
        _figure(report, "tolerances", "mAP against the tolerance. " + kinds * single
                + "Loose is the mean of 5, 10, … 60 s, tight that of the grey part."),
        _figure(report, "reliability", bins),
    ]  # fmt: skip
    if "offsets" in report.figures:
        words = "How far counted detections lie from the nearest spot of their class, or the one "
        parts.append(_figure(report, "offsets", words + "that took them; left is early."))
    if "training" in report.figures:
        words = "Training. Dots are the epochs whose weights are tested."
        words += "" if single else f" {LOSS_WARNING}"
        parts.append(_figure(report, "training", words))
    none = (
        ""
        if "offsets" in report.figures
        else _note(
            "No counted detection lies near a spot of its class, so there are no distances to show."
        )
    )
    return _section("curves", "Curves", none, f'<div class="figures">{"".join(parts)}</div>')


def _precision_recall(report: RunReport) -> str:
    if len(report.runs) == 1:
        inks = zip(("light", "one", "ink"), CURVE_TOLERANCES, strict=True)
        entries = [(ink, f"{seconds} s") for ink, seconds in inks]
        words = "Precision (upwards) against recall, in %, at three tolerances."
    else:
        entries = [
            (ink, escape(run.name)) for ink, run in zip(("one", "two"), report.runs, strict=True)
        ]
        words = f"Precision (upwards) against recall, in %, at {CURVE_TOLERANCES[1]} s."
    panels = "".join(f"<figure>{panel}</figure>" for panel in report.panels)
    return _section(
        "precision-recall",
        "Precision and recall",
        _note(words),
        _key(entries),
        f'<div class="panels">{panels}</div>',
    )


def _key(entries: Sequence[tuple[str, ...]]) -> str:
    """Inks and what they mean; a third word is the shape of the mark."""
    items = (
        f'<li><i class="{" ".join(shape)}" style="background: var(--{ink})"></i>{words}</li>'
        for ink, words, *shape in entries
    )
    return f'<ul class="key">{"".join(items)}</ul>'


def _errors(report: RunReport) -> str:
    parts = []
    for run in report.runs:
        judged, n = run.measures.judged, len(report.classes)
        if len(report.runs) == 2:
            parts.append(f"<h3>{breakable(run.name)}</h3>")
        parts.append(error_table(count_kinds(judged, n), report.classes))
        parts.append("<h3>Most frequent wrong classes</h3>")
        parts.append(confusion_table(confusions(judged, n), report.classes))
    note = (
        f"Counted are detections at or above {escape(report.counted_from)}. In reach means at most "
        f"{report.tolerance / 2:g} s away: half the tolerance of {report.tolerance:g} s, as in "
        "the metric. The first of these that fits is what a detection is:"
    )
    entries = [(kind.replace(" ", "-"), f"{kind}: {words}") for kind, words in KIND_WORDS.items()]
    return _section("errors", "Errors", _note(note), _key(entries), *parts)


def _games(report: RunReport) -> str:
    whose = f"Detections of {escape(report.runs[0].name)}. " if len(report.runs) == 2 else ""
    note = (
        f"{whose}A click opens a game: annotated spots above detections, one lane per class. "
        "Drag to move, pinch, double-click or Ctrl and wheel to zoom."
    )
    if report.watch is not None:
        note += (
            " Below it each error leads to its moment in the video: "
            f'<a href="{report.watch.page}" target="watch">{report.watch.page}</a>.'
        )
    games = "".join(_game(number, game) for number, game in enumerate(report.timelines))
    legend = f'<template id="legend">{_key(_MARKS)}</template>'
    search = '<input type="search" id="search" placeholder="find a game" aria-label="find a game">'
    return _section("games", "Games", _note(note), legend, search, games)


def _game(number: int, game: Mapping[str, Any]) -> str:
    folder, _, name = game["name"].rpartition("/")
    spots = sum(len(half["spots"][0]) for half in game["halves"])
    missed = sum(half["spots"][3].count(-1) for half in game["halves"])
    found = sum(len(half["found"][0]) for half in game["halves"])
    tally = f"{spots - missed} of {counted(spots, 'spot')}, {counted(found, 'detection')}"
    return (
        f'<details class="game" id="game-{number}"><summary><span>'
        f'<span class="where">{escape(folder)}</span>{escape(name)}</span>'
        f'<span class="tally">{tally}</span></summary><div class="timeline"></div></details>'
    )


def _settings(report: RunReport) -> str:
    parts = []
    for run in report.runs:
        if len(report.runs) == 2:
            parts.append(f"<h3>{breakable(run.name)}</h3>")
        parts.append(settings_list(run.origin, css="origin"))
        parts.append("<h3>Flags</h3>")
        parts.append(settings_list(run.settings) if run.settings else _note("Not recorded."))
    return _section("settings", "Settings", *parts)
