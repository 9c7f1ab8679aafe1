"""What the programs share: the data sets of this run, their options, and files written whole."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ..sources import Source, sources


def known_sources() -> list[Source]:
    """The data sets named by the JSON file in GRADER_MANIFEST; none without it."""
    path = os.environ.get("GRADER_MANIFEST")
    if not path:
        return []
    try:
        return sources(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []


@dataclass
class Arguments:
    """A command line: flags, options with their last value, and the other words."""

    flags: set[str] = field(default_factory=set)
    options: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def arguments(argv: list[str], with_value: Collection[str]) -> Arguments:
    """Read a command line as GNU programs do: `-qO file`, `-Ofile`, `--name=value`, `--name value`, `--`."""
    found = Arguments()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            found.words += rest
            break
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            if name in with_value:
                found.options[name] = value if equals else (rest.pop(0) if rest else "")
            else:
                found.flags.add(name)
        elif word.startswith("-") and word != "-":
            _letters(word[1:], rest, with_value, found)
        else:
            found.words.append(word)
    return found


def _letters(letters: str, rest: list[str], with_value: Collection[str], found: Arguments) -> None:
    """The letters of one word: flags up to the first that takes a value, which is what follows."""
    for at, letter in enumerate(letters):
        name = "-" + letter
        if name in with_value:
            found.options[name] = letters[at + 1 :] or (rest.pop(0) if rest else "")
            return
        found.flags.add(name)


def give(source: str, target: str) -> None:
    """Write a copy of a local file to the target ("-" is standard output); the target appears whole."""
    if target == "-":
        with Path(source).open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    if path.exists() and not path.is_file():
        with path.open("wb") as out, Path(source).open("rb") as file:
            shutil.copyfileobj(file, out)
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".download-")
    os.close(descriptor)
    try:
        shutil.copyfile(source, temporary)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def say(text: str) -> None:
    """A line for the person who looks at the cell's output."""
    print(text, file=sys.stderr)
