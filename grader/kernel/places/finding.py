"""Says what a missing path was meant to be: which data set, and which class or picture of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_DRIVE = re.compile(r"^[A-Za-z]:($|[\\/])")
# What a folder's name may hold beside the set's word and still be nothing but the set.
_BESIDE_WORD = {"", "data", "dataset", "images", "pictures", "train", "training"}


@dataclass(frozen=True)
class DataSet:
    """A registered data set as notebooks see it; `archive` and `folder` are our pristine copies."""

    name: str
    archive_names: tuple[str, ...]
    words: tuple[str, ...]
    classes: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    archive: str | None
    folder: str | None


def data_sets(manifest: Iterable[Mapping[str, Any]]) -> list[DataSet]:
    """The data sets of a manifest, in its order."""
    return [
        DataSet(
            name=str(entry.get("name", "")),
            archive_names=tuple(entry.get("archive_names") or ()),
            words=tuple(w.lower() for w in entry.get("words") or ()),
            classes=tuple(entry.get("classes") or ()),
            places=tuple((p["path"], p["kind"]) for p in entry.get("places") or ()),
            archive=entry.get("archive") and str(entry["archive"]),
            folder=entry.get("folder") and str(entry["folder"]),
        )
        for entry in manifest
    ]


@dataclass(frozen=True)
class Meant:
    """What a path means: the archive of a set, or its folder with a tail ("", "happy", "happy/a.png").

    `named` tells whether the path names the set itself and nothing more: "h-or-s" and "h-or-s/happy",
    but not "happy_model" or "h-or-s/train".
    """

    data: DataSet
    kind: str
    tail: str = ""
    named: bool = False

    @property
    def source(self) -> str:
        """Our pristine copy of what was meant."""
        if self.kind == "archive":
            return str(self.data.archive)
        return os.path.join(str(self.data.folder), *self.tail.split("/")).rstrip(os.sep)


def meant(path: str, sets: Iterable[DataSet]) -> Meant | None:
    """What a path that does not exist was meant to be, or None when nothing speaks for a data set.

    A path may be of any system: "D:/wk4/h-or-s/happy" is read like one with backslashes. Among
    several sets the one named by the longest word wins ("validation-horse-or-human" before
    "horse-or-human"), then the one registered first.
    """
    parts = components(path)
    if not parts:
        return None
    sets = list(sets)
    for data in sets:
        if data.archive and parts[-1].lower() in {n.lower() for n in data.archive_names}:
            return Meant(data, "archive", named=True)
    readings = [(_word_length(parts, data), _as_folder(parts, data)) for data in sets if data.folder]
    found = [(length, reading) for length, reading in readings if reading is not None]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def only_set(path: str, sets: Iterable[DataSet]) -> Meant | None:
    """What a folder handed to a directory loader means when one set is registered: that set, or its class."""
    with_folder = [data for data in sets if data.folder]
    if len(with_folder) != 1:
        return None
    parts = components(path)
    data = with_folder[0]
    name = _class_named(parts[-1], data) if parts else None
    return Meant(data, "folder", tail=name or "")


def components(path: str) -> list[str]:
    """The parts of a path of any system, without drive, dots and empty parts."""
    text = path.replace("\\", "/")
    if _DRIVE.match(path):
        text = text[2:]
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def is_foreign(path: str) -> bool:
    """Whether a path can only be from another machine: a Windows path, or one whose parents are not here.

    Nobody creates such a folder in this run, so saying that it exists contradicts nothing.
    """
    if _DRIVE.match(path) or "\\" in path:
        return True
    if not os.path.isabs(path):
        return False
    parent = Path(os.path.normpath(path)).parent
    while not parent.exists():
        parent = parent.parent
    return str(parent) in ("/", "/home") or not os.access(parent, os.W_OK)


def _as_folder(parts: list[str], data: DataSet) -> Meant | None:
    """The path read as the set's folder, one class of it, or one picture of a class."""
    at = _class_position(parts, data)
    word = _word_position(parts[:at] if at is not None else parts, data)
    if at is None:
        if word is None or (word < len(parts) - 1 and _SUFFIX.search(parts[-1])):
            return None
        return Meant(data, "folder", named=word == len(parts) - 1 and _is_exact(parts[word], data))
    tail = "/".join([str(_class_named(parts[at], data)), *parts[at + 1 :]])
    named = word is not None and word == at - 1 and _is_exact(parts[word], data)
    reading = Meant(data, "folder", tail, named)
    return reading if os.path.exists(reading.source) else None


def _class_position(parts: list[str], data: DataSet) -> int | None:
    """Where the class is: the last part, or the part before a picture."""
    for at in (len(parts) - 1, len(parts) - 2):
        if at >= 0 and _class_named(parts[at], data) and (at == len(parts) - 1 or _SUFFIX.search(parts[-1])):
            return at
    return None


def _class_named(part: str, data: DataSet) -> str | None:
    return next((c for c in data.classes if c.lower() == part.lower()), None)


def _word_position(parts: list[str], data: DataSet) -> int | None:
    """The last part that names the set and can be a folder (a picture or a saved model cannot)."""
    archives = {n.lower() for n in data.archive_names}
    for at in range(len(parts) - 1, -1, -1):
        part = parts[at].lower()
        can_be_folder = part in archives or not _SUFFIX.search(part)
        if can_be_folder and any(word in part for word in data.words):
            return at
    return None


def _is_exact(part: str, data: DataSet) -> bool:
    """Whether a folder's name is a word of the set, give or take "_data" or "-images"."""
    name = part.lower()
    beside = (name.replace(word, "", 1) for word in data.words if word in name)
    return any(re.sub(r"[\W_\d]+", "", rest) in _BESIDE_WORD for rest in beside)


def _word_length(parts: list[str], data: DataSet) -> int:
    return max((len(w) for w in data.words if any(w in p.lower() for p in parts)), default=0)
