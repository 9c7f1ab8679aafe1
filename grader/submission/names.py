"""Names of students: safe as a folder on every system, and no two alike."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePath

MAX_BYTES = 100
"""UTF-8 bytes of a student's name: leaves room within the 255 that file systems allow."""

_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")}
_RESULTS = {"gradebook.csv", "gradebook.json", "index.html"}


def display(name: str) -> str:
    """A file's name for people: as it is, with bytes that are no UTF-8 replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def label_of(name: str) -> str:
    """A file's name without what a download added: `hw.ipynb.txt` and `hw.ipynb` are both `hw`."""
    return PurePath(re.sub(r"(?i)(\.ipynb)\.(txt|json|zip)$", r"\1", name)).stem


def student_name(label: str) -> str:
    """A label as a folder name: letters, digits and `_-.@+` are kept, at most 100 bytes.

    White space and other signs become a dash, control characters vanish, and so do dashes and dots at
    either end. Names that Windows keeps for itself, or that we give to result files, get a leading `_`.
    """
    marked = "".join(_mapped(unicodedata.normalize("NFC", display(label[:1000]))))
    name = unicodedata.normalize("NFC", re.sub(r"-*\0[-\0]*", "-", marked)).strip("-.")
    if name.split(".")[0].upper() in _DEVICES or name.casefold() in _RESULTS:
        name = f"_{name}"
    return _cut(name, MAX_BYTES) or "submission"


def tell_apart(labels: Sequence[tuple[str, str]]) -> list[tuple[str, int | None]]:
    """One name for each (label, parent folder), no two alike whatever their case.

    Labels that clash are led by their parent folder where these differ, and numbered otherwise. With each
    numbered name comes the index of the submission that holds the plain one.
    """
    names = [student_name(label) for label, _ in labels]
    for same in _clashes(names):
        if len({_key(labels[i][1]) for i in same}) > 1:
            for i in same:
                names[i] = student_name(f"{labels[i][1]}-{labels[i][0]}")
    return _numbered(names)


def _mapped(text: str) -> Iterator[str]:
    """Each character as it is, as NUL (a dash is due here) or left away."""
    for char in text:
        category = unicodedata.category(char)
        if category[0] in "LN" or char in "_-.@+" or (category in ("Mn", "Mc") and not _is_selector(char)):
            yield char
        elif char.isspace() or category[0] != "C":
            yield "\0"


def _is_selector(char: str) -> bool:
    """Whether the character only picks the look of an emoji before it."""
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _cut(name: str, size: int) -> str:
    return name.encode()[:size].decode("utf-8", "ignore").rstrip("-.")


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _clashes(names: Sequence[str]) -> list[list[int]]:
    groups = defaultdict(list)
    for i, name in enumerate(names):
        groups[_key(name)].append(i)
    return [group for group in groups.values() if len(group) > 1]


def _numbered(names: Sequence[str]) -> list[tuple[str, int | None]]:
    taken = {_key(name) for name in names}
    holders: dict[str, int] = {}
    numbered: list[tuple[str, int | None]] = []
    for i, name in enumerate(names):
        holder = holders.setdefault(_key(name), i)
        free = name if holder == i else _next_free(name, taken)
        taken.add(_key(free))
        numbered.append((free, None if holder == i else holder))
    return numbered


def _next_free(name: str, taken: set[str]) -> str:
    n = 2
    while _key(free := f"{_cut(name, MAX_BYTES - len(f'-{n}'))}-{n}") in taken:
        n += 1
    return free
