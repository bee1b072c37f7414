"""JSON inside an HTML page."""

from typing import Any

import orjson


def inert_json(value: Any) -> str:
    """JSON that cannot end the <script> element it stands in."""
    text = orjson.dumps(value).decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
