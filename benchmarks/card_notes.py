"""What a part of `card.py` is told, and what it writes down."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Setting:
    """Of a part.

    Attributes:
        device: cpu or cuda.
        tiny: small sizes, to prove the script.
        folder: where parts may leave things for each other.
        seconds: the part may take.
    """

    device: str
    tiny: bool
    folder: Path
    seconds: float


class Notes:
    """What a part found, printed and filed line by line: one that is ended keeps its lines.

    Attributes:
        all_right: whether no check has failed so far.
    """

    def __init__(self, part: str, file: Path) -> None:
        self._file, self._begun = file, time.monotonic()
        self._found: dict[str, list[dict[str, Any]]] = {"checks": [], "rows": []}
        self.all_right = True

    def check(self, name: str, right: bool, detail: str = "") -> None:
        """Notes whether something holds."""
        self.all_right = self.all_right and right
        self._found["checks"].append({"name": name, "right": right, "detail": detail})
        self._keep(f"{'right' if right else 'WRONG'}: {name}{f': {detail}' if detail else ''}")

    def skip(self, name: str, reason: str) -> None:
        """Notes that something was not looked at."""
        self._found["checks"].append({"name": name, "right": None, "detail": reason})
        self._keep(f"left out: {name}: {reason}")

    def row(self, **values: Any) -> None:
        """Notes a measurement: a row of a table whose columns are the names."""
        self._found["rows"].append(values)
        self._keep(", ".join(f"{name} {value}" for name, value in values.items()))

    @property
    def seconds(self) -> float:
        """Since the part began."""
        return time.monotonic() - self._begun

    def _keep(self, line: str) -> None:
        print(f"{self.seconds:6.1f} s  {line}", flush=True)
        self._file.write_text(json.dumps(self._found))


def read_notes(file: Path, part: str, trouble: str, seconds: float) -> dict[str, Any]:
    """What a part has filed, and what became of it."""
    found = {"checks": [], "rows": []}
    if file.is_file():
        try:
            found = json.loads(file.read_text())
        except json.JSONDecodeError:  # ended while it wrote
            trouble = trouble or "left half a file"
    return {"part": part, "trouble": trouble, "seconds": round(seconds, 1), **found}
