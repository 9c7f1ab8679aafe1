"""Says which local file stands for a URL of course data; the offline web and the shims both ask here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_DRIVE_HOSTS = ("drive.google.com", "docs.google.com", "drive.usercontent.google.com")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
_DRIVE_ID = re.compile(r"/(?:d|folders)/([\w-]{10,})")


def refusal(url: str) -> str:
    """The sentence for a URL that is not course data."""
    return (
        f"The network is off while grading: {url} cannot be reached; course data is served from local copies."
    )


@dataclass(frozen=True)
class Source:
    """One data set: where it is published, what its archive is called, and our readable copies."""

    name: str
    urls: tuple[str, ...]
    archive_names: tuple[str, ...]
    archive: str | None
    folder: str | None


def sources(manifest: Iterable[Mapping[str, Any]]) -> list[Source]:
    """The data sets of a manifest, in its order."""
    return [
        Source(
            name=str(entry.get("name", "")),
            urls=tuple(entry.get("urls") or ()),
            archive_names=tuple(entry.get("archive_names") or ()),
            archive=_text(entry.get("archive")),
            folder=_text(entry.get("folder")),
        )
        for entry in manifest
    ]


@dataclass(frozen=True)
class Served:
    """A local file that answers a URL; `guessed` when only one data set can have been meant."""

    path: str
    name: str
    guessed: bool = False


def served(url: str, known: Iterable[Source]) -> Served | None:
    """The local file for a URL: registered, or of an archive's name, or a private Drive copy of the only set.

    Scheme, query and host (for a registered file name) do not matter; a Google Drive link is known
    by its id, since its path says nothing.
    """
    known = list(known)
    if is_drive(url):
        for source in known:
            if drive_id(url) in {drive_id(u) for u in source.urls if is_drive(u)} - {None}:
                return _file_of(source, "")
        return private_copy(known)
    name = file_name(url)
    for source in known:
        if _plain(url) in {_plain(u) for u in source.urls if not is_drive(u)}:
            return _file_of(source, name)
    for source in known:
        if name.lower() in {n.lower() for n in source.archive_names}:
            return _file_of(source, name)
    return None


def private_copy(known: Iterable[Source]) -> Served | None:
    """The archive of the only registered set: what a student's own Drive link must have held."""
    known = list(known)
    if len(known) != 1:
        return None
    found = _file_of(known[0], "")
    return found and Served(found.path, found.name, guessed=True)


def is_drive(url: str) -> bool:
    """Whether a URL points into Google Drive."""
    return (urlsplit(url).hostname or "") in _DRIVE_HOSTS


def drive_id(url: str) -> str | None:
    """The id in a Google Drive link, or None."""
    asked = parse_qs(urlsplit(url).query).get("id")
    found = _DRIVE_ID.search(urlsplit(url).path)
    return asked[0] if asked else found.group(1) if found else None


def is_local(url: str) -> bool:
    """Whether a URL stays on this machine."""
    return urlsplit(url).scheme in ("file", "data") or (urlsplit(url).hostname or "") in _LOCAL_HOSTS


def file_name(url: str) -> str:
    """The file name at the end of a URL, without its query; empty when it ends in a slash."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def _plain(url: str) -> str:
    parts = urlsplit(url if "://" in url else "http://" + url)
    return (parts.hostname or "") + unquote(parts.path).rstrip("/")


def _file_of(source: Source, name: str) -> Served | None:
    """A file of that name beside the pictures (the four .gz of MNIST), else the archive."""
    inside = os.path.join(source.folder, name) if source.folder and name else ""
    if inside and os.path.isfile(inside):
        return Served(inside, name)
    if source.archive is None:
        return None
    own = source.archive_names[0] if source.archive_names else os.path.basename(source.archive)
    return Served(source.archive, own)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
