"""Inputs that reach much of a reader, and those that once broke one: kept in tests/fuzzed.

A file for each reader: {"corpus": [input], "found": {what it did: input}}, where an input's bytes
are characters up to 255.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "fuzzed"
_MOST_BYTES = 6000  # of the corpus of a reader, as it is kept
_LONGEST = 1000  # bytes of an input of a corpus


def file_of(name: str) -> Path:
    """Where the inputs of a reader are kept."""
    return FOLDER / f"{re.sub(r'[^a-z0-9]+', '_', name.lower())}.json"


def _kept(name: str) -> tuple[list[str], dict[str, str]]:
    path = file_of(name)
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content.get("corpus", []), content.get("found", {})


def corpus_of(name: str) -> list[bytes]:
    """The inputs of a reader, those that broke it among them."""
    corpus, found = _kept(name)
    return [each.encode("latin-1") for each in (*corpus, *found.values())]


def keep(name: str, inputs: Sequence[bytes], wrong: Mapping[str, bytes]) -> None:
    """Replaces the corpus of a reader by the smallest of these inputs, as many as there is room.

    Args:
        wrong: those that broke it, fault -> input, which are added to the others that did.
    """
    _, found = _kept(name)
    for fault, content in wrong.items():
        text = content.decode("latin-1")
        if text not in found.values():
            number = sum(each.partition(" (")[0] == fault for each in found)
            found[f"{fault} ({number + 1})" if number else fault] = text
    chosen: list[str] = []
    room = _MOST_BYTES
    for content in sorted(set(inputs), key=lambda each: (len(each), each)):
        text = content.decode("latin-1")
        room -= len(json.dumps(text, ensure_ascii=False).encode())
        if room < 0 or len(content) > _LONGEST:
            break
        chosen.append(text)
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"corpus": chosen, "found": found}, indent=1, ensure_ascii=False)
    file_of(name).write_text(text + "\n", encoding="utf-8")
