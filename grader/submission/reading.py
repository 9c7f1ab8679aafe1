"""One handed-in file becomes a Submission: a clean notebook, or one sentence saying why not."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError
from grader.submission.contents import AGAIN, Contents, contents_of
from grader.submission.names import display, label_of, student_name
from grader.submission.texts import Cell

if TYPE_CHECKING:
    from nbformat import NotebookNode

MEGABYTE = 1_000_000
MAX_NOTEBOOK = 200 * MEGABYTE
"""Bytes of a notebook; saved outputs of a long training stay well below."""

TOO_BIG = "The file is bigger than 200 MB; clear the outputs of the notebook, save it and hand it in again."

_PYTHON = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True)
class HelperFile:
    """A file that the notebook may use: its POSIX path from the notebook's folder, and where it lies."""

    name: str
    path: Path


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    `student` is unique in a batch and safe as a folder name; `name` is for people, exactly as handed in
    (escape it). `sha256` is of the bytes handed in, empty when there are none. `notebook` is nbformat 4.5:
    unique ids, sources as text, no outputs, no cell metadata, a Python kernel. It is None when the
    submission is unreadable, and then `problem` is one sentence that says why and what to do.
    """

    student: str
    name: str
    path: Path | None
    sha256: str
    notebook: NotebookNode | None
    files: tuple[HelperFile, ...] = ()
    problem: str | None = None
    remarks: tuple[str, ...] = ()


def read_notebook(path: Path, name: str | None = None) -> Submission:
    """The submission in one file, without helper files; its ending is taken from `name` if given.

    Reads nbformat 1 to 4 and later ones that look alike, Python text (exports of Jupyter, Colab, jupytext
    and VS Code, or any script) and Markdown with fenced Python. Raises GraderError if there is no such file.
    """
    if not path.is_file():
        raise GraderError(f"There is no file {display(str(path))}; check the path.")
    name = name or path.name
    sha256, reading = _read(path, name)
    return Submission(
        student=student_name(label_of(name)),
        name=display(name),
        path=path,
        sha256=sha256,
        notebook=None if reading.problem else _notebook(reading.cells),
        problem=reading.problem,
        remarks=reading.remarks,
    )


def code_of(submission: Submission) -> list[str]:
    """The sources of the code cells that hold anything; empty for an unreadable submission."""
    cells = submission.notebook.cells if submission.notebook else []
    return [cell.source for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def hash_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, name: str) -> tuple[str, Contents]:
    try:
        if path.stat().st_size > MAX_NOTEBOOK:
            return hash_of(path), Contents(problem=TOO_BIG)
        raw = path.read_bytes()
    except OSError as error:
        return "", Contents(problem=f"The file cannot be opened ({error.strerror}); {AGAIN}.")
    return hashlib.sha256(raw).hexdigest(), contents_of(raw, is_script=name.lower().endswith(".py"))


def _notebook(cells: Sequence[Cell]) -> NotebookNode:
    from nbformat import from_dict  # slow to import, and not needed for --help

    nodes = [_node(cell, cell_id) for cell, cell_id in zip(cells, _ids(cells), strict=True)]
    node: NotebookNode = from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": _PYTHON, "cells": nodes})
    return node


def _node(cell: Cell, cell_id: str) -> dict[str, Any]:
    node = {"id": cell_id, "cell_type": cell.kind, "metadata": {}, "source": cell.source}
    return node | {"execution_count": None, "outputs": []} if cell.kind == "code" else node


def _ids(cells: Sequence[Cell]) -> list[str]:
    """Valid ids, each once; where the file has none, from the cell's number, so always the same."""
    given = {cell.id for cell in cells}
    ids: dict[str, None] = {}
    for n, cell in enumerate(cells, start=1):
        valid = re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell.id) and cell.id not in ids
        ids[cell.id if valid else _free_id(n, given)] = None
    return list(ids)


def _free_id(n: int, given: set[str]) -> str:
    candidates = itertools.chain([f"cell-{n}"], (f"cell-{n}-{k}" for k in itertools.count(2)))
    return next(candidate for candidate in candidates if candidate not in given)
