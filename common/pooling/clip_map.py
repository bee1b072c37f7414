"""How well clips are classified, for the curves of a training."""

import numpy as np
from numpy.typing import NDArray

from common.metric.average_precision import average_precision


def clip_map(scores: NDArray, targets: NDArray) -> float:
    """Mean over the classes, background left out, of the average precision of clips [N, 1 + C].

    It classifies clips and does not spot. A class without clips counts 0.
    """
    classes = zip(scores.T[1:], targets.T[1:] > 0, strict=True)
    return float(np.mean([average_precision(*each) for each in classes]))
