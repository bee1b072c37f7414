"""Changes of JSON as a tree: what random bytes would only spoil stays JSON, and becomes odd."""

import random
from collections.abc import Callable
from typing import Any

import orjson

from foreign.recipes import BETWEEN

_ODD = (
    None, True, False, 0, -1, 1, 9, 0.5, -0.5, 1e308, -1e308, 5e-324, 2**31, 2**53, 2**63,
    2**64 - 1, -(2**63), "", "0", "-1", "nan", "inf", "1e999", "1e18", " 5", "5.0", "\u0663",
    "\x00", "a\x00b", "../x", "/", ".", "é", "\U0001f600", "\u2028", "x" * 300, "9" * 400, [], {},
    [[]], [None], [0] * 20, {"": None}, [1e200] * 9,
    {"tensor": []}, {"tensor": [2]}, "1 - 00:00", "9 - 999:59",
)  # fmt: skip


def changed_tree(content: bytes, longest: int, seed: int, plain: Callable[[bytes, int], bytes]
                 ) -> bytes:  # fmt: skip
    """Content with a change or a few; of parts with `BETWEEN` between them, one is changed.

    Args:
        longest: bytes of the result at most.
        plain: changes bytes as bytes: what is no JSON, and one in three of what is.
    """
    chance = random.Random(seed)
    parts = content.split(BETWEEN)
    number = chance.randrange(len(parts))
    tree = _tree_of(parts[number]) if chance.random() < 2 / 3 else None
    if tree is None:
        return plain(content, longest)
    for _ in range(chance.choice((1, 1, 2, 4))):
        tree = _changed(tree, chance)
    parts[number] = orjson.dumps(tree)
    found = BETWEEN.join(parts)
    return found if len(found) <= longest else plain(content, longest)


def _tree_of(content: bytes) -> Any:
    try:
        tree = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return tree if isinstance(tree, dict | list) and tree else None


def _changed(tree: Any, chance: random.Random) -> Any:
    """The tree with a change at one of its places, each as likely as the others."""
    places = [(tree, key) for key in _keys(tree)]
    for holder, key in places:  # grows while it is gone through
        places += [(holder[key], below) for below in _keys(holder[key])]
    if not places:
        return chance.choice(_ODD)
    holder, key = chance.choice(places)
    other, other_key = chance.choice(places)
    what = chance.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif what == 2:
        holder[key] = _copied(other[other_key])
    elif what == 3 and isinstance(holder, dict):
        holder[
            chance.choice([str(other_key), *(each for each in _ODD if isinstance(each, str))])
        ] = holder.pop(key)
    elif what == 4 and type(holder[key]) in (int, float, str):
        holder[key] = _near(holder[key], chance)
    else:
        holder[key] = _copied(chance.choice(_ODD))
    return tree


def _keys(tree: Any) -> list[Any]:
    if isinstance(tree, list):
        return [*range(len(tree))]
    return [*tree] if isinstance(tree, dict) else []


def _copied(tree: Any) -> Any:
    return orjson.loads(orjson.dumps(tree))


def _near(value: Any, chance: random.Random) -> Any:
    """Another value of the same kind, or the same value of another kind."""
    if isinstance(value, str):
        return chance.choice((value * 2, value[:-1], f" {value}", f"-{value}", [value], len(value)))
    if abs(value) > 1e15:
        return str(value)
    return chance.choice((value + 1, -value, float(value), int(value), str(value), [value]))
