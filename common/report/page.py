"""The page: one HTML file that works offline and asks nothing of any server."""

import base64
import hashlib
from dataclasses import asdict
from html import escape
from importlib.resources import files
from string import Template

from common.report.errors_by_kind import ERROR_KINDS
from common.report.page_sections import RunReport, all_sections, facts, heading
from common.results.inert_json import inert_json

SCRIPTS = ("timeline.js", "gestures.js", "page.js")
MOMENTS = "moments.js"  # where there is a page with the videos


def page(report: RunReport) -> str:
    """The HTML file, with its style, script and data inside."""
    names = [run.name for run in report.runs]
    script = "".join(map(_part, SCRIPTS if report.watch is None else (*SCRIPTS, MOMENTS)))
    data = {
        "classes": report.classes,
        "kinds": ERROR_KINDS,
        "framerate": report.framerate,
        "games": report.timelines,
    }
    if report.watch is not None:
        data["watch"] = asdict(report.watch)
    return Template(_part("page.html")).substitute(
        title=escape(f"{' and '.join(names)}, {report.split}"),
        heading=heading(names),
        facts=facts(report),
        style=_part("page.css"),
        sections=all_sections(report),
        footer="Made by <code>python -m common.report</code>. Each figure lies beside this file "
        "as PNG and SVG.",
        data=inert_json(data),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _part(name: str) -> str:
    return (files("common.report") / name).read_text(encoding="utf-8")
