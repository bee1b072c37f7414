"""Results as tables that people read."""

from collections.abc import Mapping, Sequence
from functools import partial

from rich.console import Console
from rich.table import Table

from common.metric.average_map import KINDS, AveragePrecision


def print_table(table: Table) -> None:
    """Prints a table as wide as it is, so that it is whole in a log file, too.

    Text is text: square brackets or :words: in names are printed as they stand.
    """
    plain = partial(Console, markup=False, highlight=False, emoji=False)
    console = plain()
    widest = console.measure(table, options=console.options.update(width=10_000)).maximum
    plain(width=max(console.width, widest)).print(table)


def print_results(
    results: Mapping[str, AveragePrecision], names: Sequence[str], title: str
) -> None:
    """Prints the classes as rows and, per metric, AP in % over all, visible, unshown spots."""
    first = next(iter(results.values()))
    with_visibility = bool(first.spots[2].any())
    kinds = KINDS if with_visibility else KINDS[:1]
    table = Table(title=f"average-mAP (%), {title}", title_justify="left", pad_edge=False)
    table.add_column("class", no_wrap=True)
    for metric in results:
        for kind in kinds:
            table.add_column(metric if kind == "all" else kind, justify="right")
    table.add_column("spots", justify="right")
    table.add_column("detections", justify="right")
    for c, name in enumerate(names):
        cells = [
            f"{100 * result.per_class(kind)[c]:.2f}" if result.spots[KINDS.index(kind), c] else "-"
            for result in results.values()
            for kind in kinds
        ]
        shown, unshown = first.spots[1, c], first.spots[2, c]
        spots = f"{shown} + {unshown}" if with_visibility else f"{shown}"
        table.add_row(name, *cells, spots, str(first.detections[0, c]))
    table.add_section()
    means = [f"{100 * result.a_map(kind):.2f}" for result in results.values() for kind in kinds]
    totals = str(first.spots[0].sum()), str(first.detections[0].sum())
    table.add_row("average", *means, *totals, style="bold")
    print_table(table)
    for metric, result in results.items() if with_visibility else ():
        if len(result.tolerances) > 1:
            print(
                f"{metric}, unshown: {100 * result.a_map('unshown'):.2f} as published (mean x "
                f"17/13), {100 * result.a_map_of_annotated():.2f} over classes that have such spots"
            )
