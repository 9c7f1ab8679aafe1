"""Puts course data where notebooks look for it, and finds it where they misplace it.

Places come first: each registered set is copied to the paths that the course's notebooks use. A path
that is missing nevertheless is read by its words (an archive's name, a folder's name, a class): where it
clearly means a registered set it comes into being as a private copy, and a note "relocated-data" says so.
Nothing happens as long as a path exists.

Without a sandbox `roots` leads the course's absolute paths into the work folder, see `rooted.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ..hooks import quietly
from . import reading, rooted
from .finder import Finder
from .finding import DataSet, data_sets
from .rooted import Rooted

__all__ = ["data_sets_here", "install", "install_shell"]

_state: dict[str, Any] = {}


def install(manifest: Iterable[Mapping[str, Any]], roots: Mapping[str, str] | None = None) -> None:
    """Copy the data sets to their places and wrap what reads files.

    Relative places start at the working directory. `roots` is None in a sandbox, where /tmp and /content
    are private and really there; else it maps such prefixes into the work folder, and writing anywhere
    else raises PermissionError.
    """
    entries = list(manifest)
    found = Rooted(roots, _exempt(entries)) if roots else None
    sets = data_sets(entries)
    finder = Finder(sets, found.mapped, found.may_write) if found else Finder(sets)
    _state.update(finder=finder, rooted=found)
    with finder.busy():
        quietly(finder.place_all)
    if found:
        rooted.install(found)
    reading.install(finder)


def install_shell(ip: Any) -> None:
    """Wrap what IPython captured or does by itself: its `open` and, without a sandbox, its commands."""
    from IPython.core import interactiveshell

    if hasattr(interactiveshell, "io_open"):
        interactiveshell.io_open = open
    if _state.get("rooted"):
        rooted.install_shell(_state["rooted"], ip)


def data_sets_here() -> list[DataSet]:
    """The data sets of this run; none before `install`."""
    finder = _state.get("finder")
    return list(finder.sets) if finder else []


def _exempt(entries: list[Mapping[str, Any]]) -> list[str]:
    """Folders that are read as they are although they may lie under a root: Python's, ours, the data."""
    data = [str(entry[key]) for entry in entries for key in ("archive", "folder") if entry.get(key)]
    given = os.environ.get("GRADER_MANIFEST", "")
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    started_with = [a for a in sys.argv[1:] if os.path.isabs(a)]
    return [sys.prefix, sys.base_prefix, *sys.path, ours, given, *started_with, *data]
