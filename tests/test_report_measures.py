"""All measures of a report together, on the released predictions; docs/example_report.md."""

import numpy as np
import pytest

from common.metric.average_map import TOLERANCES_SECONDS, average_map
from common.report.errors_by_kind import count_kinds
from common.report.measures import measure
from common.results.reading import Reading
from common.results.scored_run import read_run


@pytest.fixture(scope="module")
def released(shared, real_labels):
    return read_run(
        shared("data/released/NETVLAD_v2_results_spotting_test.zip"),
        SoccerNet_path=real_labels,
        reading=Reading(gt_time="gameTime"),
    )


def test_numbers_of_the_example(released):
    measures = measure(released.targets, released.detections, 17)
    assert measures.metrics["loose"].a_map() == pytest.approx(0.313653974232528, abs=1e-12)
    assert measures.metrics["tight"].a_map() == pytest.approx(0.042030319780039, abs=1e-12)
    counts = count_kinds(measures.judged, 17)
    assert counts.sum(axis=0).tolist() == [4706, 7624, 9612, 0, 1052, 2696, 17804]
    assert counts[2].tolist() == [51, 51, 230, 0, 38, 71, 275]  # goals
    assert counts[:, :6].sum() == len(measures.judged.detections)
    assert counts[:, [0, 6]].sum() == measures.by_tolerance.spots[0].sum()


def test_outcome_and_verdicts_tell_the_same(released):
    measures = measure(
        released.targets, released.detections, 17, tolerance=30, thresholds=np.full(17, 0.7)
    )
    counts = count_kinds(measures.judged, 17)
    np.testing.assert_array_equal(measures.outcome.correct, counts[:, 0])
    np.testing.assert_array_equal(measures.outcome.found, counts[:, :6].sum(axis=1))
    assert measures.reliability.count.sum() == len(released.detections)


@pytest.mark.parametrize("metric", ["loose", "tight"])
def test_metrics_are_those_of_the_evaluator(released, metric):
    ours = measure(released.targets, released.detections, 17).metrics[metric]
    expected = average_map(released.targets, released.detections, 17, TOLERANCES_SECONDS[metric])
    np.testing.assert_array_equal(ours.ap, expected.ap)
    assert ours.tolerances == expected.tolerances
