"""Zips opened like folders: nothing is written outside the given place, and not more than fits.

Members are written under numbers; their own names only become names in the Folder. So `../`, absolute
paths, links, doubles, names for other systems and names too long for this one can do no harm.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import struct
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError
from grader.submission.folders import MAX_DEPTH, File, Folder, is_ignored, kind_of
from grader.submission.helpers import some
from grader.submission.reading import MEGABYTE

MAX_UNPACKED = 500 * MEGABYTE
"""Bytes that one zip and the zips in it may unpack to."""
MAX_MEMBERS = 20_000
"""Files in one zip and the zips in it."""
MAX_RATIO = 200
"""Bytes unpacked for one packed: text and pictures stay well below, bombs come near 1,000."""
DENSE = 50 * MEGABYTE
"""Bytes up to which the ratio does not matter."""
MAX_NAME = 1000
"""Characters of a member's path."""

DAMAGED = "The zip is damaged and cannot be opened; zip the work again, or hand in the notebook itself."
DAMAGED_MEMBER = "The file is damaged or packed in an unusual way in its zip; hand in the notebook itself."
ENCRYPTED = "The zip is protected by a password; hand it in without one."
BOMB = "The zip is too big to be opened ({} MB unpacked, {}); hand in the notebook itself."

_WORK = re.compile(r"\.(ipynb(\.txt)?|json|py|zip)$", re.IGNORECASE)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass
class _Room:
    """What may still be unpacked."""

    size: int = MAX_UNPACKED
    members: int = MAX_MEMBERS


class _MemberError(Exception):
    pass


def open_zips(folder: Folder, into: Path) -> None:
    """Adds what each zip in the folder and below holds to the folder's folders; unpacks below `into`."""
    for inner in folder.folders.values():
        open_zips(inner, into)
    for name, file in folder.files.items():
        if file.kind == "zip" and not file.problem:
            folder.folders[name] = open_zip(file.path, name, into)


def open_zip(path: Path, name: str, into: Path) -> Folder:
    """What a zip holds, and the zips in it, as a folder; one without any notebook or script stays packed.

    A zip that cannot be opened, or that is a bomb, is a folder with a problem. Raises GraderError if there
    is no place to unpack to.
    """
    room = _Room()
    folder = _opened(path, name, into, room)
    for holder in list(_folders(folder)):
        for inner, file in holder.files.items():
            if file.kind == "zip" and not file.problem:
                holder.folders[inner] = _opened(file.path, inner, into, room)
    return folder


def _folders(folder: Folder) -> Iterator[Folder]:
    yield folder
    for inner in folder.folders.values():
        yield from _folders(inner)


def _opened(path: Path, name: str, into: Path, room: _Room) -> Folder:
    folder = Folder(name, archive=path)
    try:
        if _directory_entries(path) > 10 * MAX_MEMBERS or path.stat().st_size > MAX_UNPACKED:
            folder.problem = BOMB.format("more than 500", "or far too many files")
            return folder
        with zipfile.ZipFile(path) as archive:
            _unpack(archive, folder, into, room, path.stat().st_size)
    except _DAMAGE:
        folder.problem = DAMAGED
    return folder


def _directory_entries(path: Path) -> int:
    """How many members the zip can have at most, without building a list of them."""
    count, tail = 0, b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            count += (tail + block).count(b"PK\1\2")
            tail = block[-3:]
    return count


def _unpack(archive: zipfile.ZipFile, folder: Folder, into: Path, room: _Room, packed: int) -> None:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if not any(_WORK.search(_name(member)) for member in members):
        return
    size = sum(member.file_size for member in members)
    if size > room.size or len(members) > room.members or size > max(MAX_RATIO * packed, DENSE):
        folder.problem = BOMB.format(
            f"{size // MEGABYTE:,}", "1 file" if len(members) == 1 else f"{len(members):,} files"
        )
        return
    room.size -= size
    room.members -= len(members)
    folder.remarks += _remarks(members)
    place = _new_place(into)
    for n, member in enumerate(members):
        if _is_inside(_name(member)) and _is_plain(member):
            _add(archive, member, folder, place / f"{n:05}")


def _remarks(members: list[zipfile.ZipInfo]) -> Iterator[str]:
    """What the student should know of members that are left out."""
    names = Counter(_name(member) for member in members)
    outside = [name for name in names if not _is_inside(name)]
    links = [_name(member) for member in members if not _is_plain(member)]
    doubles = [name for name, count in names.items() if count > 1]
    if outside:
        yield f"Left out of the zip, since it leads out of the zip or its name is too long: {some(outside)}."
    if links:
        yield f"Left out of the zip, since it is a link and not a file: {some(links)}."
    if doubles:
        yield f"The zip holds files of one name, of which the last was read: {some(doubles)}."


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def _is_inside(name: str) -> bool:
    """Whether the name is a path below the zip, of a length and depth that files have."""
    parts = _parts(name)
    absolute = name.startswith("/") or re.match(r"[A-Za-z]:", name)
    return not absolute and ".." not in parts and 0 < len(parts) <= MAX_DEPTH and len(name) <= MAX_NAME


def _is_plain(member: zipfile.ZipInfo) -> bool:
    return stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)


def _new_place(into: Path) -> Path:
    try:
        into.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="zip-", dir=into))
    except OSError as error:
        raise GraderError(f"Nothing can be unpacked into {into} ({error.strerror}); free it.") from error


def _add(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Folder, target: Path) -> None:
    *above, name = _parts(_name(member))
    if any(map(is_ignored, [*above, name])):
        return
    suffix = Path(name).suffix
    target = target.with_suffix(suffix if re.fullmatch(r"\.[a-z0-9]{1,10}", suffix) else "")
    problem = _write(archive, member, target)
    _descend(folder, above).files[name] = File(kind_of(name, target), target, problem)


def _descend(folder: Folder, parts: list[str]) -> Folder:
    for part in parts:
        folder = folder.folders.setdefault(part, Folder(part))
    return folder


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> str | None:
    """Writes a member with its time; the problem if it cannot be read."""
    try:
        with target.open("wb") as file:
            for block in _blocks(archive, member):
                file.write(block)
        os.utime(target, (_time(member), _time(member)))
    except _MemberError:
        return ENCRYPTED if member.flag_bits & 1 else DAMAGED_MEMBER
    except OSError as error:
        raise GraderError(f"Nothing more can be unpacked into {target.parent} ({error.strerror}).") from error
    return None


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's bytes, never more than it declares: `zipfile` stops there.

    Only the two usual methods: for the others it unpacks a block of any size at once.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _MemberError
    try:
        with archive.open(member) as source:
            while block := source.read(1 << 20):
                yield block
    except _DAMAGE as error:
        raise _MemberError from error


def _time(member: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*member.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0


def _name(member: zipfile.ZipInfo) -> str:
    """The member's name with `/` between folders; UTF-8 even where the zip forgot to say so (macOS)."""
    name = member.filename
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")
