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

LINKED_FILE = (
    "This is a link to a file outside the given folder, which is not followed; hand in the file itself."
)
LINKED_FOLDER = "This is a link to a folder, which is not followed; give the folder itself."

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


def look(path: Path, name: str, root: Path | None = None, depth: int = 0) -> Folder:
    """What lies in a folder and below; `root`, by default the folder itself, is what links must not leave."""
    root = root or path.resolve()
    folder = Folder(name)
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        folder.problem = f"The folder cannot be opened ({error.strerror}); change its permissions."
        return folder
    if depth > MAX_DEPTH:
        return folder
    for entry in entries:
        if not is_ignored(entry.name):
            _add(folder, entry, root, depth)
    return folder


def look_beside(path: Path, name: str) -> Folder:
    """The Python files and packages beside a file that was handed in by itself."""
    root = path.parent.resolve()
    folder = Folder(name)
    entries: list[os.DirEntry[str]] = []
    with contextlib.suppress(OSError):
        entries = sorted(os.scandir(path.parent), key=lambda entry: entry.name)
    for entry in entries:
        is_package = Path(entry, "__init__.py").is_file()
        if not is_ignored(entry.name) and (is_package or entry.name.endswith(".py")):
            _add(folder, entry, root, depth=0)
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


def _add(folder: Folder, entry: os.DirEntry[str], root: Path, depth: int) -> None:
    path = Path(entry.path)
    if entry.is_symlink():
        _add_link(folder, path, root)
    elif entry.is_dir() and not Path(path, "pyvenv.cfg").exists():
        folder.folders[entry.name] = look(path, entry.name, root, depth + 1)
    elif entry.is_file():
        folder.files[entry.name] = File(kind_of(entry.name, path), path)


def _add_link(folder: Folder, link: Path, root: Path) -> None:
    target = Path(os.path.realpath(link))
    if target.is_dir():
        folder.folders[link.name] = Folder(link.name, problem=LINKED_FOLDER)
    elif target.is_relative_to(root) and target.is_file():
        folder.files[link.name] = File(kind_of(link.name, target), link)
    else:
        folder.files[link.name] = File(kind_of(link.name, Path(os.devnull)), link, problem=LINKED_FILE)


def _holds_cells(path: Path) -> bool:
    try:
        if path.stat().st_size > MAX_NOTEBOOK:
            return False
        raw = path.read_bytes()
    except OSError:
        return False
    return b'"cell_type"' in raw and b'"nbformat"' in raw
