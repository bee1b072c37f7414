"""How well scores rank the positive among items that are classified one by one."""

import numpy as np
from numpy.typing import NDArray


def average_precision(scores: NDArray, positive: NDArray[np.bool_]) -> float:
    """Mean precision of a ranking over the positive items: scores [N], positive [N] -> 0…1.

    AP = Σ_n (R_n - R_{n-1}) P_n over the distinct scores from the highest down; equal scores are
    one step, so their order does not matter. 0 where nothing is positive. Unlike the metric of
    spotting (`average_map`), nothing is matched in time and precision is not interpolated.

    Scores 3, 2, 1 of which the first and last are positive: (1 + 2/3) / 2 = 0.83.
    """
    if not positive.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    # The last place of each group of equal scores.
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    found = np.cumsum(positive[order])[last]
    precision, recall = found / (last + 1), found / found[-1]
    # Summed from the lowest score up, as scikit-learn does, whose bits older curves hold.
    steps = -np.diff(np.append(recall[::-1], 0))
    return float(np.sum(steps * precision[::-1]))
