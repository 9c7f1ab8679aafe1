"""The one-way pipe to the parent: one JSON line for each fact."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from types import FrameType
from typing import Any

_lock = threading.Lock()
_pipe: int | None = None
_cells: dict[str, int] = {}
_current: int | None = None
_noted: set[tuple[str, str, int | None, int | None]] = set()


def connect(descriptor: int) -> None:
    """Send everything from now on through this file descriptor; programs we start do not inherit it."""
    global _pipe
    os.set_inheritable(descriptor, False)
    _pipe = descriptor


def send(event: str, **fields: Any) -> None:
    """Send one event; never raises, since a lost fact must not fail the student's cell."""
    if _pipe is None:
        return
    try:
        line = json.dumps({"event": event, **plain(fields)}, allow_nan=False).encode() + b"\n"
        with _lock:
            written = 0
            while written < len(line):
                written += os.write(_pipe, line[written:])
    except Exception:
        return


def plain(value: Any, depth: int = 0) -> Any:
    """The same value as JSON knows it; NaN and infinities become None, long texts are cut."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)[:4000]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > 12:
        return None
    if isinstance(value, dict):
        return {str(k)[:200]: plain(v, depth + 1) for k, v in list(value.items())[:2000]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v, depth + 1) for v in list(value)[:10000]]
    if hasattr(value, "item"):
        return plain(value.item(), depth + 1)
    return str(value)[:200]


def note(code: str, old: str, new: str) -> None:
    """Say that old API was bridged: `old` → `new`, at the line of the student's cell that used it.

    One use at one line is said once. `code` is a stable id such as "lr-argument".
    """
    cell, line = place()
    key = (code, old, cell, line)
    if key not in _noted:
        _noted.add(key)
        send("note", note={"code": code, "old": old, "new": new, "cell": cell, "line": line})


def cell_starts(raw_cell: str, count: int) -> None:
    """Remember the cell that begins, so that a line of it can be named later."""
    global _current
    from ipykernel.compiler import get_file_name

    _current = count
    _cells[get_file_name(raw_cell)] = count


def current_cell() -> int | None:
    """Which of the cells run so far runs now, counted from 1 (the parent knows which cell that was)."""
    return _current


def place() -> tuple[int | None, int | None]:
    """The student's cell (counted as it ran) and line, innermost first, from which we were called."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        cell = _cells.get(frame.f_code.co_filename)
        if cell is not None:
            return cell, frame.f_lineno
        frame = frame.f_back
    return _current, None
