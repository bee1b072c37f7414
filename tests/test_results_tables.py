"""Tables on the screen: names are printed as they stand."""

import pytest
from rich.table import Table

from common.results.tables import print_table


@pytest.mark.parametrize("name", ["PASS [short]", "[/x]", "[bold]x[/bold]", ":smile:", "a" * 150])
def test_text_is_text(capsys, name):
    table = Table("class", name, title=f"{name}, test")
    table.add_row(name, "1")
    print_table(table)
    out = capsys.readouterr().out
    assert out.count(name) >= 2 and f"{name}, test"[:40] in out
