"""The top view of a frame: pitch lines, the camera's footprint, players.

The graph baseline can draw it, too, so the code is shared.
"""

from common.calibration.pitch_drawing import exact_field, published_field
from common.calibration.top_view import TopView

__all__ = ["TopView", "exact_field", "published_field"]
