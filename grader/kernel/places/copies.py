"""Makes private, writable copies of course data, fast."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# Above this a set is copied once and its other places are hard links to that copy: a set of
# 150 MB in six places would fill the memory that holds the sandbox's folders.
LINK_ABOVE = 32 * 1024 * 1024


def copy(source: str, target: str, first: str | None = None) -> None:
    """Copy a file or a folder; what is already at the target stays. Raises OSError.

    `first` is an earlier copy of the same source by us: a large set is linked to it.
    """
    if Path(source).is_file():
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        _file(source, target, first)
        return
    os.makedirs(target, exist_ok=True)
    for folder, names, files in os.walk(source):
        inside = os.path.relpath(folder, source)
        for name in names:
            os.makedirs(os.path.join(target, inside, name), exist_ok=True)
        for name in files:
            earlier = os.path.join(first, inside, name) if first else None
            _file(os.path.join(folder, name), os.path.join(target, inside, name), earlier)


def size(source: str) -> int:
    """The bytes of a file or of all files in a folder."""
    if Path(source).is_file():
        return os.path.getsize(source)
    return sum(os.path.getsize(os.path.join(f, name)) for f, _, names in os.walk(source) for name in names)


def holds_files(folder: str) -> bool:
    """Whether any file is in a folder or below it."""
    return any(files for _, _, files in os.walk(folder))


def _file(source: str, target: str, first: str | None) -> None:
    if os.path.lexists(target):
        return
    if first is not None:
        try:
            os.link(first, target)
            return
        except OSError:
            pass
    shutil.copyfile(source, target)
