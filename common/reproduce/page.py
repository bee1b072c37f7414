"""A reproduced table as one self-contained page: no script, nothing fetched."""

from collections.abc import Sequence
from html import escape

from common.reproduce.outcome import RowOutcome
from common.reproduce.report import TableReport, class_rows

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 80rem;
  padding: 0 1rem; color: #1d2433; background: #fff }
h1 { font-size: 1.35rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { padding: .35rem .5rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #dfe3ea; font-variant-numeric: tabular-nums }
th { color: #5b6577; font-weight: 600 }
th:first-child, td:first-child { text-align: left; min-width: 11rem }
.note { display: block; white-space: normal; color: #5b6577; font-size: .85em; max-width: 26rem }
.agrees, .reached { color: #1b7f4d } .lower, .not-reached { color: #b3261e }
.higher { color: #2a6f97 } .remark { background: #fff6e0; padding: .6rem .9rem }
svg { vertical-align: middle } figcaption { color: #5b6577; font-size: .9em }
@media (prefers-color-scheme: dark) { body { background: #14171d; color: #e4e8f0 }
  th, td { border-color: #333a46 } .remark { background: #3a3320 } }
"""
_WIDTH, _HEIGHT = 150, 20  # of a row's picture, in pixels


def page(report: TableReport) -> str:
    """The table as HTML, with a picture per row and the classes below."""
    top = max((number for each in report.outcomes for number in _numbers(each)), default=1.0)
    rows = "\n".join(map(_row, report.outcomes, report.rows(), [top] * len(report.outcomes)))
    columns = "".join(f"<th>{escape(name)}</th>" for name in (*report.columns, "picture"))
    remarks = "\n".join(f'<p class="remark">{escape(each)}</p>' for each in report.remarks)
    steps = "".join(f"<li>{escape(str(step))}</li>" for step in report.steps)
    classes = "\n".join(map(_classes, report.outcomes))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(report.title)}</h1>
{remarks}
<div class="wide"><table><thead><tr>{columns}</tr></thead>
<tbody>
{rows}
</tbody></table></div>
<figcaption>Average-mAP in %. Ours: mean ± standard deviation over seeds (runs, best). Picture, from
0 to {top:.1f}: dots are our runs, the bar is the 95 % interval over games, the ring is published.
Data: {escape(report.data)}.</figcaption>
{f"<ul>{steps}</ul>" if steps else ""}
{classes}
</body></html>
"""


def _numbers(outcome: RowOutcome) -> list[float]:
    published = [] if outcome.row.published is None else [outcome.row.published]
    return [*published, *outcome.scores.values(), *(outcome.interval or ())]


def _row(outcome: RowOutcome, texts: tuple[str, ...], top: float) -> str:
    notes = ". ".join(filter(None, (outcome.row.source, outcome.row.note)))
    below = f'<span class="note">{escape(notes)}</span>' if notes else ""
    first, *middle, last = map(escape, texts)
    css = outcome.verdict.replace(" ", "-") if last == outcome.verdict else ""
    return (
        f"<tr><td>{first}{below}</td>{''.join(f'<td>{text}</td>' for text in middle)}"
        f'<td class="{css}">{last}</td><td>{_picture(outcome, top)}</td></tr>'
    )


def _picture(outcome: RowOutcome, top: float) -> str:
    """Published and ours on a line from 0 to `top`, as SVG."""
    if not (numbers := _numbers(outcome)):
        return ""
    middle = _HEIGHT / 2

    def x(value: float) -> str:
        return f"{5 + (_WIDTH - 10) * value / (top or 1):.1f}"

    shapes = [f'<path d="M5 {middle}H{_WIDTH - 5}" stroke="#c5ccd8"/>']
    if outcome.interval is not None:
        low, high = map(x, outcome.interval)
        shapes.append(f'<path d="M{low} {middle}H{high}" stroke="#2a6f97" stroke-width="4"/>')
    shapes += [
        f'<circle cx="{x(score)}" cy="{middle}" r="3" fill="#2a6f97"/>'
        for score in outcome.scores.values()
    ]
    if outcome.row.published is not None:
        ring = 'r="5" fill="none" stroke="#e07a5f" stroke-width="2"'
        shapes.append(f'<circle cx="{x(outcome.row.published)}" cy="{middle}" {ring}/>')
    spoken = ", ".join(f"{number:.2f}" for number in numbers)
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{spoken}">'
        f"{''.join(shapes)}</svg>"
    )


def _classes(outcome: RowOutcome) -> str:
    if not outcome.row.per_class or not outcome.per_class:
        return ""
    lines = "\n".join(_cells("td", cells) for cells in class_rows(outcome))
    head = _cells("th", ("class", "published", "ours", "difference"))
    return (
        f"<h2>{escape(outcome.row.name)}, by class</h2>\n"
        f'<div class="wide"><table><thead>{head}</thead>\n<tbody>\n{lines}\n</tbody></table></div>'
    )


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts) + "</tr>"
