"""How well clips are classified, for the curves of a training."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score


def clip_map(scores: NDArray, targets: NDArray) -> float:
    """Mean over the classes, background left out, of the average precision of clips [N, 1 + C].

    It classifies clips and does not spot. A class without clips counts 0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about classes without clips
        return float(np.mean(average_precision_score(targets[:, 1:], scores[:, 1:], average=None)))
