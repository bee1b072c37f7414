"""Which code a program is: a digest of its own sources and of those it imports from here."""

import ast
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


def code_digest(program: Path, root: Path) -> str:
    """Digest of `program` and of all modules below `root` that it imports, however deep.

    So a change in a module that the program does not use keeps its finished runs.
    """
    digest = hashlib.sha256()
    for path in sorted(sources(program, root)):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sources(program: Path, root: Path) -> set[Path]:
    """`program` and the modules below `root` that it imports, also those imported in functions."""
    found: set[Path] = set()
    waiting = [program]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [
                file
                for name in _imported(ast.parse(path.read_bytes()))
                for file in _files(name, root)
            ]
    return found


def _imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names of what a module imports; of `from a import b` both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str, root: Path) -> Iterator[Path]:
    """Files below `root` that importing a dotted name runs: its packages and itself."""
    path = root
    for part in name.split("."):
        path = path / part
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                yield file


def commit(root: Path) -> str:
    """The git commit of `root`, with a + if files have changed since; empty without git."""
    words = ["git", "-C", str(root), "describe", "--always", "--abbrev=12", "--dirty=+"]
    try:
        described = subprocess.run(words, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return described.stdout.strip() if described.returncode == 0 else ""
