"""Files made of plainer bytes, where a changed byte of the file itself would only be a damage."""

import io
import json
import warnings
import zipfile
from collections.abc import Sequence
from typing import Any

import torch

BETWEEN = b"\xff"  # no byte of a text in UTF-8
_METHODS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def archive_of(content: bytes, methods: Sequence[int] = _METHODS) -> bytes:
    """A zip of names and contents in turn, with `BETWEEN` between them.

    A name's length decides by which of the methods its content is packed.
    """
    parts = content.split(BETWEEN)
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w") as archive:
        warnings.simplefilter("ignore", UserWarning)  # of a name that is there twice
        for name, member in zip(parts[::2], parts[1::2], strict=False):
            info = zipfile.ZipInfo(name.decode(errors="replace") or "-")
            info.compress_type = methods[len(name) % len(methods)]
            archive.writestr(info, member)
    return packed.getvalue()


def recipe_of(members: dict[str, bytes]) -> bytes:
    """What `archive_of` makes such a zip of."""
    return BETWEEN.join(part for name, each in members.items() for part in (name.encode(), each))


def toml_of(tree: dict[str, Any]) -> bytes:
    """A tree of JSON as TOML, which has no null: it becomes false."""
    lines = (f"{json.dumps(key)} = {_toml(value)}\n" for key, value in tree.items())
    return "".join(lines).encode(errors="replace")


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value or False) if value is None else json.dumps(value, ensure_ascii=False)


_KINDS = {
    name: getattr(torch, name)
    for name in ("float32", "float64", "float16", "bfloat16", "int64", "uint8", "bool", "complex64")
}


def plain(tree: Any) -> Any:
    """A tree of JSON with {"tensor": shape, "of": kind} as tensors, and numbers as such keys."""
    if isinstance(tree, list):
        return [plain(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if "tensor" in tree:
        return _tensor(tree)
    return {int(k) if k.isdecimal() and len(k) < 9 else k: plain(v) for k, v in tree.items()}


def with_tensors(value: Any) -> Any:
    """What `plain` makes such a value of; tensors keep shape and kind."""
    if isinstance(value, torch.Tensor):
        return {"tensor": [*value.shape], "of": str(value.dtype).removeprefix("torch.")}
    if isinstance(value, dict):
        return {str(k): with_tensors(v) for k, v in value.items()}
    return [with_tensors(each) for each in value] if isinstance(value, list | tuple) else value


def _tensor(tree: dict[str, Any]) -> Any:
    sizes = tree["tensor"] if isinstance(tree["tensor"], list) else [tree["tensor"]]
    shape = [size % 9 if type(size) is int else 1 for size in sizes[:5]]
    kind = tree.get("of")
    values = torch.ones(shape, dtype=_KINDS.get(str(kind), torch.float32))
    if kind == "meta":
        return values.to("meta")
    if kind == "sparse":
        return values.to_sparse()
    if kind == "quantized":
        return torch.quantize_per_tensor(values, 0.1, 0, torch.qint8)
    return values * float("nan") if kind == "nan" else values
