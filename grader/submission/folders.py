"""A folder of submissions as found on disk: the files that matter, links never followed out of it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from grader.submission.reading import MAX_NOTEBOOK

Kind = Literal["notebook", "script", "zip", "other"]

MAX_DEPTH = 50
"""Folders inside folders; what lies deeper is ignored."""

CLOSED_FILE = "The file cannot be opened; change its permissions."
LINKED_FILE = (
    "This is a link to a file outside the given folder, which is not followed; hand in the file itself."
)
LINKED_FOLDER = "This is a link to a folder, which is not followed; give the folder itself."

_MADE = (("pyvenv.cfg",), ("gradebook.csv", "gradebook.json"), ("executed.ipynb", "run.json"))
_IGNORED = {"__MACOSX", "__pycache__", "node_modules", "site-packages"}


@dataclass(frozen=True)
class File:
    """One file: what it is by its name, where it lies, and why it cannot be used if it cannot."""

    kind: Kind
    path: Path
    problem: str | None = None


@dataclass
class Folder:
    """A folder, or a zip that was opened like one (`archive` is the zip then).

    `problem` says why its content is unknown; `remarks` say what was skipped.
    """

    name: str
    files: dict[str, File] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)
    archive: Path | None = None
    problem: str | None = None
    remarks: list[str] = field(default_factory=list)


def look(path: Path, name: str, but: Path, root: Path | None = None, depth: int = 0) -> Folder:
    """What lies in a folder and below, but for the folder `but` and others that are nobody's work.

    Links must not leave `root`, by default the folder itself.
    """
    root = root or path.resolve()
    folder = Folder(name)
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        folder.problem = f"The folder cannot be opened ({error.strerror}); change its permissions."
        return folder
    for inner in inside:
        if not is_ignored(inner.name):
            _add(folder, inner, root, but, depth)
    return folder


def look_beside(path: Path, name: str) -> Folder:
    """The Python files and packages beside a file that was handed in by itself."""
    root = path.parent.resolve()
    folder = Folder(name)
    for inner in _listed(path.parent):
        if not is_ignored(inner.name) and (inner.suffix == ".py" or _has(inner, "__init__.py")):
            _add(folder, inner, root, path, depth=0)
    return folder


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is never anybody's work."""
    return name.startswith(".") or name in _IGNORED


def kind_of(name: str, path: Path) -> Kind:
    """What a file is, by its name; a `.json` is a notebook if it looks like one inside."""
    if re.search(r"(?i)\.ipynb(\.txt|\.json)?$", name):
        return "notebook"
    match Path(name).suffix.lower():
        case ".json" if _holds_cells(path):
            return "notebook"
        case ".py":
            return "script"
        case ".zip":
            return "zip"
    return "other"


def holds(folder: Folder, *kinds: Kind) -> bool:
    """Whether a file of one of these kinds lies anywhere in the folder."""
    return any(file.kind in kinds for _, file in walk(folder))


def walk(folder: Folder, prefix: str = "", archives: bool = True) -> Iterator[tuple[str, File]]:
    """Each file with its POSIX path from the folder; with `archives`, those in opened zips, too.

    A folder that cannot be looked into comes as a file with a problem.
    """
    for name, file in folder.files.items():
        yield f"{prefix}{name}", file
    for name, inner in folder.folders.items():
        if inner.problem and not inner.archive:
            yield f"{prefix}{name}/", File("other", Path(), inner.problem)
        elif archives or not inner.archive:
            yield from walk(inner, f"{prefix}{name}/", archives)


def _add(folder: Folder, path: Path, root: Path, but: Path, depth: int) -> None:
    try:
        if path.is_symlink() or path.is_file():
            _add_file(folder, path, root)
        elif path.is_dir() and depth < MAX_DEPTH and path.resolve() != but.resolve() and not _is_made(path):
            folder.folders[path.name] = look(path, path.name, but, root, depth + 1)
    except OSError:
        folder.files[path.name] = File(kind_of(path.name, Path(os.devnull)), path, problem=CLOSED_FILE)


def _is_made(folder: Path) -> bool:
    """Whether programs made the folder: a virtual environment, or results of an earlier grading."""
    return any(all(_has(folder, name) for name in names) for names in _MADE)


def _has(folder: Path, name: str) -> bool:
    with contextlib.suppress(OSError):
        return (folder / name).is_file()
    return False


def _listed(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _add_file(folder: Folder, path: Path, root: Path) -> None:
    """Adds a file or a link; links to folders and out of the root get a problem."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        folder.folders[path.name] = Folder(path.name, problem=LINKED_FOLDER)
    elif target.is_relative_to(root) and target.is_file():
        problem = None if os.access(target, os.R_OK) else CLOSED_FILE
        folder.files[path.name] = File(kind_of(path.name, target), path, problem)
    else:
        folder.files[path.name] = File(kind_of(path.name, Path(os.devnull)), path, problem=LINKED_FILE)


def _holds_cells(path: Path) -> bool:
    try:
        if path.stat().st_size > MAX_NOTEBOOK:
            return False
        raw = path.read_bytes()
    except OSError:
        return False
    return b'"cell_type"' in raw and b'"nbformat"' in raw
