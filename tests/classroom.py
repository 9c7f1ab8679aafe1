"""A tiny exercise and tiny notebooks, for tests of whole batches: nothing in them trains."""

from __future__ import annotations

from pathlib import Path

import nbformat

TINY = """\
title = "A tiny exercise"
words = ["tiny"]

[criteria.runs]
title  = "The notebook runs from top to bottom"
points = 10
check  = "cells_run"
"""


def write_assignment(folder: Path, id: str = "tiny", text: str = TINY) -> Path:
    """Write an assignment into a folder of assignments; its own folder."""
    own = folder / id
    own.mkdir(parents=True, exist_ok=True)
    (own / "assignment.toml").write_text(text, encoding="utf-8")
    return own


def write_notebook(path: Path, *sources: str) -> Path:
    """Write a notebook with these code cells; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    return path


def write_unreadable(path: Path) -> Path:
    """Write a file that cannot be read as a notebook, so that no kernel is started for it; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path
