"""The list of data sets that assignments may ask for, as registry.toml describes them."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grader.errors import DataError


@dataclass(frozen=True)
class Place:
    """A path where notebooks expect a data set, unpacked (folder) or as a zip (archive)."""

    path: str
    kind: Literal["folder", "archive"]


@dataclass(frozen=True)
class DataSet:
    """One entry of the registry; registry.toml says what each field means."""

    name: str
    title: str
    urls: tuple[str, ...]
    archive: str
    archive_names: tuple[str, ...]
    sha256: tuple[str, ...]
    size: int | None
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    image_size: tuple[int, int]
    channels: int
    words: tuple[str, ...]
    places: tuple[Place, ...]


def registry() -> dict[str, DataSet]:
    """Every known data set by its name."""
    text = Path(__file__).with_name("registry.toml").read_text(encoding="utf-8")
    return {name: _data_set(name, entry) for name, entry in tomllib.loads(text).items()}


def known(name: str) -> DataSet:
    """The data set of that name; DataError, with the nearest name, when there is none."""
    sets = registry()
    if name not in sets:
        near = difflib.get_close_matches(name, sets, n=1)
        meant = f'did you mean "{near[0]}"?' if near else f"known are: {', '.join(sets)}."
        raise DataError(f'There is no data set "{name}"; {meant}')
    return sets[name]


def _data_set(name: str, entry: dict[str, Any]) -> DataSet:
    width, height = entry["image_size"]
    return DataSet(
        name=name,
        title=entry["title"],
        urls=tuple(entry["urls"]),
        archive=entry["archive"],
        archive_names=tuple(entry["archive_names"]),
        sha256=tuple(entry["sha256"]),
        size=entry.get("size"),
        classes=tuple(entry["classes"]),
        counts=tuple(entry["counts"]),
        image_size=(width, height),
        channels=entry["channels"],
        words=tuple(entry["words"]),
        places=tuple(Place(**place) for place in entry["places"]),
    )
