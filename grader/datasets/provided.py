"""Hands out a data set: the real one from a folder or a download, else the drawn stand-in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from grader.datasets.cache import Kind, ProvidedData, cache_folder, keep, staging, write
from grader.datasets.fetched import fetched_folder
from grader.datasets.pictures import Pictures, are_drawn, digest, read_pictures
from grader.datasets.registry import DataSet, known
from grader.errors import DataError


def provide(
    name: str, data_dir: Path | None = None, kind: Literal["auto", "real", "drawn"] = "auto"
) -> ProvidedData:
    """The data set `name` from the first place that has it, ready in the cache.

    The places are `data_dir`, the folder $GRADER_DATA, what `fetch` downloaded and, with kind "auto", the
    drawn stand-in. A folder has the set when it holds its zip, a folder of its name, or its class folders.
    Raises DataError for an unknown name, a folder that does not exist, files that are not the data set, and
    with kind "real" when no place has it.
    """
    data = known(name)
    if kind == "drawn":
        return _drawn(data)
    for pictures in _found(data, data_dir):
        found: Kind = "drawn" if are_drawn(pictures) else "real"
        if found == "real" or kind == "auto":
            return _read(data, found, pictures)
    if kind == "real":
        raise DataError(
            f"The real data set {name} is not on this machine; give the folder that holds {data.archive} "
            f"with --data DIR, or fetch it with: grader data fetch {name}"
        )
    return _drawn(data)


def make_drawn(name: str, folder: Path) -> ProvidedData:
    """Draws the stand-in into `folder`: its zip, and beside it a folder of the set's name.

    Nothing is overwritten: DataError when something else has one of the two names.
    """
    data, archive = known(name), folder / known(name).archive
    with staging(archive) as part:
        pictures = _draw(data)
        made = ProvidedData(name, "drawn", archive, folder / name, digest(pictures))
        missing = [goal for goal in (made.archive, made.folder) if not _has(goal, data, made.sha256)]
        write(part, data, pictures)
        for goal in missing:
            (part / goal.name).rename(goal)
    return made


def manifest(provided: Sequence[ProvidedData]) -> list[dict[str, Any]]:
    """What a kernel is told of each data set, as plain JSON values; `archive` and `folder` are host paths."""
    return [_described(known(one.name), one) for one in provided]


def _described(data: DataSet, one: ProvidedData) -> dict[str, Any]:
    return {
        "name": data.name,
        "urls": list(data.urls),
        "archive_names": list(data.archive_names),
        "words": list(data.words),
        "classes": list(data.classes),
        "counts": list(data.counts),
        "places": [{"path": place.path, "kind": place.kind} for place in data.places],
        "archive": str(one.archive),
        "folder": str(one.folder),
    }


def _found(data: DataSet, data_dir: Path | None) -> Iterator[Pictures]:
    """The pictures in each folder that has the set, read one after the other."""
    for folder in _folders(data, data_dir):
        if source := _source(folder, data):
            yield read_pictures(source, data)


def _folders(data: DataSet, data_dir: Path | None) -> Iterator[Path]:
    for chosen in (data_dir, os.environ.get("GRADER_DATA")):
        if chosen:
            folder = Path(chosen).expanduser().absolute()
            if not folder.is_dir():
                raise DataError(f"There is no folder {folder}; name the folder that holds {data.archive}.")
            yield folder
    yield fetched_folder()


def _source(folder: Path, data: DataSet) -> Path | None:
    """The zip or folder inside `folder` that is the set by its name, or `folder` when it has the classes."""
    for name in (*data.archive_names, data.name):
        if (folder / name).exists():
            return folder / name
    inside = {path.name.lower() for path in folder.iterdir()} if folder.is_dir() else set()
    return folder if inside.issuperset(data.classes) else None


def _read(data: DataSet, kind: Kind, pictures: Pictures) -> ProvidedData:
    home = cache_folder() / kind / f"{data.name}-{digest(pictures)[:16]}"
    return keep(home, data, kind, lambda: pictures)


def _drawn(data: DataSet) -> ProvidedData:
    from grader.datasets import drawn  # not at the top: it loads Pillow

    home = cache_folder() / "drawn" / f"{data.name}-{drawn.version()}"
    return keep(home, data, "drawn", lambda: _draw(data))


def _draw(data: DataSet) -> Pictures:
    from grader.datasets import drawn  # not at the top: it loads Pillow

    return dict(drawn.pictures(data.name))


def _has(goal: Path, data: DataSet, sha256: str) -> bool:
    """Whether the same pictures are there already; DataError when anything else is."""
    if not goal.exists():
        return False
    try:
        same = digest(read_pictures(goal, data)) == sha256
    except DataError:
        same = False
    if not same:
        raise DataError(f"{goal} exists and holds something else; choose another folder.")
    return True
