"""Keeps data sets on this machine between runs: one folder each, made whole and checked when used."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.datasets.pictures import Pictures, digest, write_archive, write_folder
from grader.datasets.registry import DataSet
from grader.errors import DataError

FORMAT = 1
RECORD = "record.json"


Kind = Literal["real", "drawn"]
"""The official pictures, or the stand-in that we draw."""


@dataclass(frozen=True)
class ProvidedData:
    """A data set on this machine, to be copied for each notebook and never written to.

    `kind` is "real" or "drawn". `archive` is a zip with the class folders at its top level and `folder` the
    same unpacked. `sha256` is over the names and bytes of all pictures: the same data gives the same value,
    whether it came as a zip or as a folder.
    """

    name: str
    kind: Kind
    archive: Path
    folder: Path
    sha256: str


def cache_folder() -> Path:
    """The folder for data sets, made if need be: $GRADER_CACHE, else the system's place for caches.

    Where that place cannot be written to (a read-only home), a folder among the temporary files is used and
    a warning logged. Raises DataError when $GRADER_CACHE cannot be written to.
    """
    chosen = os.environ.get("GRADER_CACHE")
    if not chosen:
        return _usual_cache()
    folder = Path(chosen).expanduser().absolute()
    if not _writable(folder):
        raise DataError(f"The folder {folder} cannot be written to; set GRADER_CACHE to one that can.")
    return folder


def keep(home: Path, data: DataSet, kind: Kind, pictures: Callable[[], Pictures]) -> ProvidedData:
    """The data set kept in the folder `home`; `pictures` is asked for it when it is missing or damaged.

    Any number of processes may do this at once. Raises DataError when the folder cannot be written.
    """
    for _ in range(3):  # more than one round only when others replace the same damaged folder
        if kept := _whole(home, data, kind):
            return kept
        with staging(home) as part:
            write(part, data, pictures())
            _move(part, home, data, kind)
    raise DataError(f"The data set kept in {home} is damaged; delete that folder and try again.")


def write(folder: Path, data: DataSet, pictures: Pictures) -> None:
    """Writes the set into an empty folder: its archive, its pictures, and a record to check them by."""
    archive = folder / data.archive
    write_archive(pictures, archive)
    write_folder(pictures, folder / data.name)
    record = {"format": FORMAT, "sha256": digest(pictures), "archive_sha256": file_sha256(archive)}
    (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def staging(goal: Path) -> Iterator[Path]:
    """An empty folder beside `goal`, to be filled and then moved there; what is left in it is removed.

    A full disk or a read-only folder becomes a DataError.
    """
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=goal.parent))
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as problem:
        raise DataError(
            f"Cannot write to {goal.parent} ({problem.strerror}); choose a folder with room."
        ) from problem


def _whole(home: Path, data: DataSet, kind: Kind) -> ProvidedData | None:
    """What is kept in `home`, or None when any of it is missing or differs from its record."""
    archive, folder = home / data.archive, home / data.name
    try:
        record = json.loads((home / RECORD).read_text(encoding="utf-8"))
        sha256 = str(record["sha256"])
        if record["format"] != FORMAT or record["archive_sha256"] != file_sha256(archive):
            return None
        if _sums_packed(archive) != _sums_unpacked(folder):
            return None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
    return ProvidedData(data.name, kind, archive, folder, sha256)


def _move(part: Path, home: Path, data: DataSet, kind: Kind) -> None:
    """Puts a finished folder in its place, unless another process did so in the meantime."""
    for _ in range(3):
        try:
            part.rename(home)
        except OSError as problem:
            trouble = problem
        else:
            return
        if _whole(home, data, kind):
            return
        with staging(home) as aside, suppress(FileNotFoundError):
            home.rename(aside / "damaged")
    raise trouble


def _sums_packed(archive: Path) -> dict[str, int]:
    """Each file's CRC-32, as the archive records it."""
    with zipfile.ZipFile(archive) as packed:
        return {entry.filename: entry.CRC for entry in packed.infolist()}


def _sums_unpacked(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {file.relative_to(folder).as_posix(): zlib.crc32(file.read_bytes()) for file in files}


def _usual_cache() -> Path:
    import pooch  # not at the top: it loads a web client

    usual = Path(pooch.os_cache("grader"))
    return usual if _writable(usual) else _temporary_cache(usual)


def _temporary_cache(usual: Path) -> Path:
    """One folder for each user among the temporary files; refused when somebody else made it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"grader-cache-{user}"
    if not _own(folder, user):
        raise DataError(
            f"Neither {usual} nor {folder} can keep data sets; set GRADER_CACHE to a folder of yours."
        )
    _remark(
        f"{usual} cannot be written to, so data sets are kept in {folder}; GRADER_CACHE names another folder."
    )
    return folder


def _own(folder: Path, user: int) -> bool:
    """Makes the folder, and answers whether nobody else can have put anything into it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError:
        return False
    return state.st_uid == user and not folder.is_symlink() and _writable(folder)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@functools.cache
def _remark(text: str) -> None:
    """Logs each text once."""
    logging.getLogger("grader").warning(text)
