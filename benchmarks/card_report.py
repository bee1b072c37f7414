"""The report of `card.py`: one Markdown and one JSON file."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def machine(device: str) -> dict[str, str]:
    """What is measured on, in words. Asks the driver: torch would take memory of the card."""
    import torch

    found = {
        "device": device,
        "torch": torch.__version__,
        "CUDA of torch": str(torch.version.cuda),
        "python": platform.python_version(),
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
    }
    if device == "cuda":
        query = [
            "nvidia-smi",
            "--query-gpu=name,driver_version,memory.total",
            "--format=csv,noheader",
        ]
        try:
            told = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout
            found |= zip(
                ("card", "driver", "memory"), told.splitlines()[0].split(", "), strict=True
            )
        except (OSError, subprocess.SubprocessError, IndexError, ValueError):
            found["card"] = "nvidia-smi does not answer"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "")


def write_report(out: Path, parts: Sequence[dict[str, Any]], about: Mapping[str, str]) -> None:
    """Writes card.md and card.json, anew after each part; `about` the machine."""
    (out / "card.json").write_text(json.dumps({"machine": about, "parts": parts}, indent=1) + "\n")
    lines = ["# Card", "", *_table([about]), "", "| part | seconds | outcome |", "|---|---|---|"]
    for part in parts:
        wrong = [c["name"] for c in part["checks"] if c["right"] is False]
        outcome = "; ".join(filter(None, [part["trouble"], ", ".join(wrong)])) or "all right"
        lines.append(f"| {part['part']} | {part['seconds']} | {outcome} |")
    for part in parts:
        lines += ["", f"## {part['part']}", ""]
        if part["checks"]:
            lines += ["| check | outcome | detail |", "|---|---|---|"]
            words = {True: "right", False: "**wrong**", None: "left out"}
            for check in part["checks"]:
                detail = check["detail"].replace("\n", " ").replace("|", "/")
                lines.append(f"| {check['name']} | {words[check['right']]} | {detail} |")
            lines.append("")
        lines += _tables(part["rows"])
    (out / "card.md").write_text("\n".join(lines) + "\n")


def _tables(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A table for each run of rows with the same columns."""
    lines: list[str] = []
    group: list[dict[str, Any]] = []
    for row in [*rows, None]:
        if group and (row is None or row.keys() != group[0].keys()):
            lines += [*_table(group), ""]
            group = []
        if row is not None:
            group.append(row)
    return lines


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    head = [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
    return head + [f"| {' | '.join(str(value) for value in row.values())} |" for row in rows]
