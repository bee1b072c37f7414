"""A PCA recovered or fitted from features: it is the one that made them, in bounded memory."""

import numpy as np
import pytest

from common.data.features import HalfFeatures
from common.errors import UserError
from common.video.pca_fitting import Moments, Pair, error_of, fit, recover
from common.video.reduction import Reduction


def features(rng, T, D, mixed):
    """Rows as a network gives them: not below 0, related to each other."""
    rows = rng.standard_normal((T, D), np.float32) @ mixed.astype(np.float32)
    rows += rng.standard_normal(D) * 0.3
    return np.maximum(rows, 0).astype(np.float32)


def mixing(rng, D, least=0.05):
    return rng.standard_normal((D, D)) * np.geomspace(1, least, D)[:, None] / np.sqrt(D)


def some_reduction(rng, D, E):
    directions = np.linalg.qr(rng.standard_normal((D, E)))[0].T
    return Reduction(rng.random(D), rng.normal(0, 0.01, D), directions)


def pairs(reduction, *files):
    return [
        Pair(HalfFeatures.of_rows(rows), HalfFeatures.of_rows(reduction(rows))) for rows in files
    ]


@pytest.mark.parametrize(("D", "E", "T"), [(2048, 512, 2000), (60, 12, 200), (1, 1, 30)])
def test_the_published_reduction_is_recovered(D, E, T):
    rng = np.random.default_rng(0)
    truth, mixed = some_reduction(rng, D, E), mixing(rng, D)
    game = pairs(truth, *(features(rng, T, D, mixed) for _ in range(2)))
    found = recover(game)
    assert found.undetermined == 0
    assert found.rows == 2 * (T - T // 10)
    assert np.abs(found.reduction.components - truth.components).max() < 1e-5
    assert found.error < 1e-5
    other = features(np.random.default_rng(1), 100, D, mixed)
    expected = truth(other)
    assert np.abs(found.reduction(other) - expected).max() < 1e-5 * expected.std()
    assert error_of(found.reduction, pairs(truth, other)) < 1e-5


def test_the_average_is_that_of_the_rows_and_the_mean_the_smallest():
    rng = np.random.default_rng(0)
    truth, rows = some_reduction(rng, 30, 5), features(rng, 400, 30, mixing(rng, 30))
    found = recover(pairs(truth, rows)).reduction
    seen = rows[np.arange(400) % 10 != 9]
    assert np.allclose(found.average, seen.mean(axis=0), atol=1e-6)
    # The smallest mean lies in the span of the components.
    onto = np.linalg.lstsq(found.components.T, found.mean, rcond=None)[0]
    assert np.allclose(found.components.T @ onto, found.mean, atol=1e-5)


def test_values_that_never_move_are_counted_and_left_alone():
    rng = np.random.default_rng(0)
    truth, rows = some_reduction(rng, 30, 5), features(rng, 400, 30, mixing(rng, 30))
    rows[:, 7], rows[:, 9] = 0, rows[:, 8]
    found = recover(pairs(truth, rows))
    assert found.undetermined == 2
    assert found.error < 1e-5
    assert not found.reduction.components[:, 7].any()
    other = features(rng, 50, 30, mixing(rng, 30))
    assert error_of(found.reduction, pairs(truth, other)) > 1e-3


def test_pairs_that_do_not_belong_together_are_refused():
    rng = np.random.default_rng(0)
    mixed = mixing(rng, 30)
    truth, rows = some_reduction(rng, 30, 5), features(rng, 400, 30, mixed)
    other = HalfFeatures.of_rows(truth(rows[::-1]), "2_reduced.npy")
    with pytest.raises(UserError, match=r"2_reduced\.npy is no affine map of features in memory"):
        recover([Pair(HalfFeatures.of_rows(rows), other)])
    with pytest.raises(UserError, match=r"has 400 rows and .* has 399; give the two forms"):
        recover([Pair(HalfFeatures.of_rows(rows), HalfFeatures.of_rows(truth(rows[1:])))])
    with pytest.raises(UserError, match="a map of 30 values cannot be told from 27 rows"):
        recover(pairs(truth, rows[:30]))
    with pytest.raises(UserError, match="have 5 values a row, the PCA gives 4"):
        error_of(some_reduction(rng, 30, 4), pairs(truth, rows))
    two = pairs(truth, rows) + pairs(
        some_reduction(rng, 31, 5), features(rng, 9, 31, mixing(rng, 31))
    )
    with pytest.raises(UserError, match="have 31 and 5 values a row, the files before"):
        recover(two)


def test_a_fitted_pca_is_that_of_all_rows_at_once():
    rng = np.random.default_rng(0)
    mixed = mixing(rng, 24)
    files = [features(rng, T, 24, mixed) + 1000 for T in (700, 1, 513)]
    found = fit([HalfFeatures.of_rows(rows) for rows in files], 6)
    rows = np.concatenate(files).astype(float)
    average = rows.mean(axis=0)
    _, singular, directions = np.linalg.svd(rows - average, full_matrices=False)
    signs = np.sign((found.reduction.components * directions[:6]).sum(axis=1))
    assert np.allclose(found.reduction.components, directions[:6] * signs[:, None], atol=1e-5)
    assert np.allclose(found.reduction.average, average)
    assert not found.reduction.mean.any()
    assert found.rows == 1214
    assert found.kept == pytest.approx((singular[:6] ** 2).sum() / (singular**2).sum())
    largest = np.abs(found.reduction.components).argmax(axis=1)
    assert (found.reduction.components[np.arange(6), largest] > 0).all()


def test_what_cannot_be_fitted():
    rows = np.random.default_rng(0).random((50, 8)).astype(np.float32)
    one = HalfFeatures.of_rows(rows)
    with pytest.raises(UserError, match="have 8 values a row; give --dim up to 8"):
        fit([one], 9)
    with pytest.raises(UserError, match="7 rows do not tell 8 directions"):
        fit([HalfFeatures.of_rows(rows[:7])], 8)
    with pytest.raises(UserError, match=r"2\.npy has 7 values a row and features in memory has 8"):
        fit([one, HalfFeatures.of_rows(rows[:, :7], "2.npy")], 3)
    bad = rows.copy()
    bad[20, 3] = np.nan
    with pytest.raises(UserError, match="row 20 holds NaN"):
        fit([HalfFeatures.of_rows(bad)], 3)
    still = fit([HalfFeatures.of_rows(np.ones((50, 8), np.float32))], 3)
    assert still.kept == 1
    assert np.isfinite(still.reduction.components).all()


def test_sums_do_not_depend_on_the_blocks():
    rng = np.random.default_rng(0)
    x, y = rng.random((90, 5)) + 1e6, rng.random((90, 2)) - 1e6
    for parts in ([90], [1, 89], [30, 0, 60]):
        moments = Moments(5, 2)
        for a, b in zip(np.split(x, np.cumsum(parts)[:-1]), np.split(y, np.cumsum(parts)[:-1]),
                        strict=True):  # fmt: skip
            moments.add(a, b)
        expected = np.cov(np.hstack([x, y]).T, bias=True)
        xx, xy = moments.covariances()
        assert np.allclose(xx, expected[:5, :5], atol=1e-8)
        assert np.allclose(xy, expected[:5, 5:], atol=1e-8)
        assert np.allclose(moments.mean, np.hstack([x, y]).mean(axis=0), rtol=1e-14)
