"""The page: one HTML file that works offline and asks nothing of any server."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from common.results.inert_json import inert_json

PAGE_FILE = "watch.html"
SCRIPTS = (
    "model.js", "judge.js", "player.js", "marks.js", "lanes.js", "pointer.js", "gutter.js",
    "list.js", "chooser.js", "store.js", "video.js", "formats.js", "edit_lists.js", "save.js",
    "panel.js", "keys.js", "app.js", "correct.js", "main.js",
)  # fmt: skip


def page(data: Mapping[str, Any]) -> str:
    """The HTML file of what `page_data` gave, with style, script and data inside."""
    style, script = _part("page.css"), "".join(map(_part, SCRIPTS))
    return Template(_part("page.html")).substitute(
        title=escape(f"{data['run']}: spots"),
        heading=escape(data["run"]),
        style=style,
        style_hash=_hash(style),
        save_dialog=_part("save.html"),
        data=inert_json(data),
        script=script,
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _part(name: str) -> str:
    return (files("common.watch") / name).read_text(encoding="utf-8")
