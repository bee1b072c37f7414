"""The short form of two scripts of `make proof`: metric and archives, by the package and by us."""

import pytest
from shell import long_script

pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")


@pytest.mark.parametrize(
    "words",
    [["metric_difference.py", "--cases", "200"], ["archive_difference.py", "--archives", "60"]],
    ids=lambda words: words[0],
)
def test_some_cases_are_judged_alike(repo_root, words):
    assert long_script(repo_root, *words).splitlines()[-1].endswith("; 0 wrong")
