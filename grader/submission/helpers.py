"""The files that a notebook may use: what it imports, or whatever lies in its folder."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from grader.submission.folders import File, Folder, walk
from grader.submission.names import display
from grader.submission.reading import MEGABYTE, HelperFile, code_of, read_notebook

MAX_HELPERS = 50 * MEGABYTE
"""Bytes of all helper files of one submission."""

_IMPORT = re.compile(
    r"^[ \t]*(?:import[ \t]+(?P<several>[^#;\n]+)|from[ \t]+(?P<one>\w+)|%run[ \t]+(?P<run>\w+))",
    re.MULTILINE,
)


def modules_in(code: Iterable[str]) -> set[str]:
    """The top-level names of the modules that code imports or runs by `%run`, parsing or not."""
    found = (match for source in code for match in _IMPORT.finditer(source))
    return {name for match in found for name in _names(match)}


def files_imported(code: Iterable[str], folder: Folder, but: str) -> tuple[HelperFile, ...]:
    """The Python files and packages of a folder that code imports, directly or by one another.

    A file named like an installed module is none: in a folder shared by a class it would stand in for the
    real one. Nor is the file `but`, the notebook itself.
    """
    files: dict[str, HelperFile] = {}
    waiting = modules_in(code)
    while waiting:
        for name, file in _module(waiting.pop(), folder):
            if name not in files and name != but and not file.problem:
                files[name] = HelperFile(name, file.path)
                if file.kind == "script":
                    waiting |= modules_in(code_of(read_notebook(file.path, name)))
    return tuple(files[name] for name in sorted(files))


def files_around(folder: Folder, but: str) -> tuple[tuple[HelperFile, ...], tuple[str, ...]]:
    """All files in a notebook's folder and below but itself, at most 50 MB; remarks say what was left out."""
    helpers: dict[str, HelperFile] = {}
    unusable, too_much, room = [], [], MAX_HELPERS
    for size, name, file in sorted(_sized(folder), key=lambda entry: entry[:2]):
        if name == but:
            continue
        if file.problem or name.casefold() in helpers or display(name) != name:
            unusable.append(name)
        elif size > room:
            too_much.append(name)
        else:
            helpers[name.casefold()] = HelperFile(name, file.path)
            room -= size
    remarks = left_out(too_much, "all files together are bigger than 50 MB")
    remarks += left_out(
        unusable, "links, closed or damaged files and names alike but for their case cannot be used"
    )
    return tuple(sorted(helpers.values(), key=lambda helper: helper.name)), remarks


def left_out(names: Iterable[str], why: str) -> tuple[str, ...]:
    """The remark that files beside a notebook were left out, if there are any."""
    names = list(names)
    return (f"Left out of the files beside the notebook, since {why}: {some(names)}.",) if names else ()


def some(names: Iterable[str]) -> str:
    """Names for a sentence, at most three of them in full."""
    shown = [display(name) for name in sorted(names)]
    if len(shown) > 3:
        shown[3:] = [f"{len(shown) - 3} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _names(match: re.Match[str]) -> list[str]:
    parts = (match["several"] or match["one"] or match["run"]).split(",")
    return [name[0] for part in parts if (name := re.findall(r"\w+", part))]


def _module(name: str, folder: Folder) -> Iterator[tuple[str, File]]:
    if _is_installed(name):
        return
    if file := folder.files.get(f"{name}.py"):
        yield f"{name}.py", file
    package = folder.folders.get(name)
    if package and "__init__.py" in package.files:
        yield from ((inner, file) for inner, file in walk(package, f"{name}/", archives=False))


def _is_installed(name: str) -> bool:
    """Whether Python has a module of this name, without looking into the folder we were started in."""
    places = [place for place in sys.path if place not in ("", str(Path.cwd()))]
    return name in sys.stdlib_module_names or PathFinder.find_spec(name, places) is not None


def _sized(folder: Folder) -> Iterator[tuple[int, str, File]]:
    for name, file in walk(folder, archives=False):
        yield 0 if file.problem else file.path.stat().st_size, name, file
