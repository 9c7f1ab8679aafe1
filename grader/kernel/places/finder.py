"""Puts course data in its places, and later finds it where a notebook misplaces it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import channel
from . import copies
from .finding import DataSet, Meant, is_foreign, meant, only_set


class Finder:
    """Knows the data sets of this run, the places they were put, and the paths it has answered for.

    `mapped` turns a path of the notebook into the real one, `may_write` says whether it is the
    notebook's own (they differ from "yes" only without a sandbox).
    """

    def __init__(
        self,
        sets: list[DataSet],
        mapped: Callable[[str], str] = str,
        may_write: Callable[[str], bool] = lambda path: True,
    ) -> None:
        self.sets = sets
        self.mapped = mapped
        self.may_write = may_write
        self.placed: dict[str, tuple[DataSet, str, str]] = {}
        self.fresh: set[str] = set()
        self.made: set[str] = set()
        self.noted: set[str] = set()
        self._own = threading.local()

    def place_all(self) -> None:
        """Copy each set to its places; what the submission brought along is never touched."""
        wanted = [(self._real(path), path, kind, data) for data in self.sets for path, kind in data.places]
        folders = {real for real, _, kind, _ in wanted if kind == "folder"}
        taken = {real for real, _, kind, _ in wanted if _is_taken(real, kind)}
        for real, path, kind, data in wanted:
            inside_other = kind == "folder" and any(_is_below(real, other) for other in folders)
            if real not in taken and real not in self.placed and not inside_other:
                self._place(data, kind, path, real)

    def _place(self, data: DataSet, kind: str, path: str, real: str) -> None:
        try:
            if self.may_write(real) and self._copy(data, Meant(data, kind).source, kind, real):
                self.placed[real] = (data, kind, path)
                self.made.add(real)
                if kind == "folder":
                    self.fresh.add(real)
        except OSError:
            return

    def _copy(self, data: DataSet, source: str, kind: str, real: str) -> bool:
        if not os.path.exists(source):
            return False
        large = copies.size(source) > copies.LINK_ABOVE
        whole = source in (data.folder, data.archive)
        first = self._first_place(data, kind) if large and whole else None
        copies.copy(source, real, first[0] if first else None)
        return True

    def _first_place(self, data: DataSet, kind: str) -> tuple[str, str] | None:
        """Where the set was put first: the real path and the path as the course writes it."""
        for real, (owner, its_kind, path) in self.placed.items():
            if owner is data and its_kind == kind and os.path.exists(real):
                return real, path
        return None

    def find(self, path: Any, question: bool = False) -> str | None:
        """The path to use in place of one that does not exist, or None when it means no data set.

        A question ("does it exist?") is answered with yes only where the path names the set itself,
        and only to the notebook, so that a notebook which makes its own folders is not disturbed.
        """
        text = _text(path)
        if text is None or self.is_busy:
            return None
        with self.busy():
            found = meant(text, self.sets)
            if found is None or (question and not _is_plain(found, text)):
                return None
            return self._provide(found, text)

    def for_loader(self, path: Any) -> Any:
        """The folder a directory loader is to read: the one asked for, unless it is missing or empty."""
        text = _text(path)
        if text is None or self.is_busy:
            return path
        with self.busy():
            real = self._real(text)
            if os.path.lexists(real) and (not os.path.isdir(real) or copies.holds_files(real)):
                return path
            found = meant(text, self.sets)
            if found is None or found.kind != "folder":
                found = only_set(text, self.sets)
            return (found and self._provide(found, text, refill=os.path.isdir(real))) or path

    def heal(self, path: Any) -> str | None:
        """The path of an archive to read; a broken or empty file of an archive's name is written anew."""
        text = _text(path)
        if text is None or self.is_busy:
            return None
        with self.busy():
            found = meant(text, self.sets)
            real = self._real(text)
            if found is None or found.kind != "archive":
                return None
            if os.path.isfile(real):
                os.remove(real)
            self.made.discard(real)
            return self._provide(found, text)

    def made_again(self, path: Any) -> bool:
        """Whether the notebook just made a folder that lies ready: the first time that is no error."""
        text = _text(path)
        if text is None or not self.fresh:
            return False
        real = self._real(text)
        known = real in self.fresh
        self.fresh.discard(real)
        return known

    def _provide(self, found: Meant, text: str, refill: bool = False) -> str | None:
        """Let the path as written exist, or else name the copy to read in its place."""
        real = self._real(text)
        root = _root(real, found)
        removed = not refill and any(p in self.made and not os.path.exists(p) for p in (real, root))
        if removed or not os.path.exists(found.source):
            return None
        first = self._first_place(found.data, found.kind)
        below = any(kind == "folder" and _is_below(root, p) for p, (_, kind, _) in self.placed.items())
        new = text if not below and self._materialise(found, real, root) else None
        tail = found.tail.split("/") if found.tail else []
        if new is None and first is not None:
            new = os.path.join(first[0], *tail)
        shown = os.path.join(first[1], *tail) if first else found.data.name
        if not {real, root} & self.noted:
            channel.note("relocated-data", old=text, new=shown)
        self.noted.update((real, root))
        return new or found.source

    def _materialise(self, found: Meant, real: str, root: str) -> bool:
        """Make a private copy at the path itself: everything that reads it later finds it there.

        Above a class the whole set is made, so that the parent folder shows both classes. Nothing is made
        at the top of the file system, nor where the notebook may not write, nor a folder named like an
        archive.
        """
        data = found.data
        names = {name.lower() for name in data.archive_names}
        odd = found.kind == "folder" and Path(root).name.lower() in names
        if odd or not self.may_write(real) or _nearest(real) == Path(real).anchor:
            return False
        try:
            if found.kind == "archive":
                self._copy(data, str(data.archive), "archive", real)
            elif root != real and (not os.path.exists(root) or not copies.holds_files(root)):
                self._copy(data, str(data.folder), "folder", root)
            else:
                self._copy(data, found.source, "folder", real)
            self.made.update(p for p in (real, root) if os.path.exists(p))
            return os.path.exists(real)
        except OSError:
            return False

    def _real(self, path: str) -> str:
        return os.path.normpath(os.path.abspath(self.mapped(path)))

    @property
    def is_busy(self) -> bool:
        """Whether we are at work ourselves, so that our own look at a path asks nobody."""
        return bool(getattr(self._own, "busy", False))

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Mark our own work on files in this thread."""
        self._own.busy = True
        try:
            yield
        finally:
            self._own.busy = False


def _nearest(path: str) -> str:
    """The nearest folder above a path that exists."""
    folder = Path(path).parent
    while not folder.exists():
        folder = folder.parent
    return str(folder)


def _is_plain(found: Meant, text: str) -> bool:
    """Whether a path names the set itself, or comes from another machine and ends in a class."""
    return found.named or is_foreign(text)


def _is_taken(real: str, kind: str) -> bool:
    return copies.holds_files(real) if kind == "folder" and os.path.isdir(real) else os.path.lexists(real)


def _is_below(path: str, folder: str) -> bool:
    return path != folder and path.startswith(folder.rstrip(os.sep) + os.sep)


def _root(real: str, found: Meant) -> str:
    """The folder that holds the classes, or the path itself where its parts are not the system's."""
    root = Path(real)
    for part in reversed(found.tail.split("/") if found.tail else []):
        if root.name.lower() != part.lower():
            return real
        root = root.parent
    return str(root)


def _text(path: Any) -> str | None:
    try:
        path = os.fspath(path)
    except TypeError:
        return None
    return os.fsdecode(path) or None
