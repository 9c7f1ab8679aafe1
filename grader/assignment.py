"""Reads an assignment and refuses, with place and reason, what cannot be judged."""

from __future__ import annotations

import ast
import difflib
import inspect
import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from grader.checks import CHECKS, Check
from grader.errors import AssignmentError

UNITS_OF_TIME = {"s": 1, "sec": 1, "min": 60, "h": 3600}
UNITS_OF_MEMORY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}


@dataclass(frozen=True)
class Criterion:
    """One line of the rubric: what is asked, how it is checked, what it is worth."""

    id: str
    title: str
    points: float
    check: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    hint: str = ""
    read: str = ""
    evidence_of_chance: bool = False

    @property
    def looks_at(self) -> str:
        """What the check looks at: "training" or "notebook"."""
        return CHECKS[self.check].looks_at


@dataclass(frozen=True)
class Limits:
    """What one run may use: `wall` in seconds for the whole notebook, `memory` in bytes."""

    wall: float = 600.0
    memory: int = 4 * 2**30


@dataclass(frozen=True)
class CourseCall:
    """A call that the course makes after the student's cells, e.g. `gen = image_generator()`.

    Made only when the notebook trained nothing itself, every name in `needs` is there, and the function
    called takes these arguments.
    """

    code: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """An exercise and its rubric, as `assignment.toml` says it."""

    id: str
    folder: Path
    title: str
    lesson: str
    criteria: tuple[Criterion, ...]
    data: tuple[str, ...] = ()
    limits: Limits = Limits()
    calls: tuple[CourseCall, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def max_score(self) -> float:
        """The points of all criteria together."""
        return sum(criterion.points for criterion in self.criteria)


def find_assignment(name: str, folders: Sequence[Path] = ()) -> Assignment:
    """The assignment of that name, or the one in the folder of that path.

    Looked for in `folders` (from `--assignments`), `$GRADER_ASSIGNMENTS`, `./assignments`, then the
    installed ones.

    Raises:
        AssignmentError: there is none of that name (names the nearest), or it cannot be judged.

    """
    given = Path(name).parent if Path(name).name == "assignment.toml" else Path(name)
    if (given / "assignment.toml").is_file():
        return load_assignment(given)
    places = assignment_folders(folders)
    for place in places:
        if (place / name / "assignment.toml").is_file():
            return load_assignment(place / name)
    known = assignment_ids(places)
    raise AssignmentError(
        f"There is no assignment {name!r}{_meant(name, known)} Known: {', '.join(known) or 'none'}."
    )


def assignment_folders(folders: Sequence[Path] = ()) -> list[Path]:
    """Where assignments are looked for, in order."""
    variable = os.environ.get("GRADER_ASSIGNMENTS")
    package = Path(__file__).resolve().parent
    installed = [package / "assignments", package.parent / "assignments"]
    return [*folders, *([Path(variable)] if variable else []), Path("assignments"), *installed]


def assignment_ids(places: Iterable[Path]) -> list[str]:
    """The ids of all assignments in these folders, sorted."""
    return sorted({toml.parent.name for place in places for toml in place.glob("*/assignment.toml")})


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else "."


def load_assignment(folder: Path) -> Assignment:
    """The assignment in `folder`.

    Raises:
        AssignmentError: names the file, the place in it, the problem, and what was probably meant.

    """
    path = folder / "assignment.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise AssignmentError(f"{path} cannot be read: {problem.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise AssignmentError(f"{path} is not valid TOML: {problem}.") from None
    return _Reader(path).assignment(table)


@dataclass(frozen=True)
class _Reader:
    """Reads one file; every refusal names it."""

    path: Path

    def refuse(self, place: str, problem: str) -> AssignmentError:
        where = f", {place}" if place else ""
        return AssignmentError(f"{self.path}{where}: {problem}")

    def assignment(self, table: dict[str, Any]) -> Assignment:
        self.keys(table, "", {"title", "lesson", "data", "limits", "criteria", "calls", "words"})
        criteria = self.get(table, "", "criteria", dict)
        if not criteria:
            raise self.refuse("", "there are no [criteria.…], so there is nothing to judge.")
        return Assignment(
            id=self.path.parent.resolve().name,
            folder=self.path.parent,
            title=self.get(table, "", "title", str),
            lesson=self.get(table, "", "lesson", str, ""),
            criteria=tuple(self.criterion(id, c) for id, c in criteria.items()),
            data=tuple(self.strings(table, "", "data")),
            limits=self.limits(self.get(table, "", "limits", dict, {})),
            calls=tuple(self.call(i, c) for i, c in enumerate(self.get(table, "", "calls", list, []))),
            words=tuple(self.strings(table, "", "words")),
        )

    def criterion(self, id: str, table: Any) -> Criterion:
        place = f"[criteria.{id}]"
        if not isinstance(table, dict):
            raise self.refuse(place, "this must be a table of title, points and check.")
        self.keys(table, place, {"title", "points", "check", "with", "hint", "read", "chance"})
        points = self.get(table, place, "points", (int, float))
        if isinstance(points, bool) or not 0 < points < math.inf:
            raise self.refuse(place, f"points must be a number above 0, not {points!r}.")
        check = self.get(table, place, "check", str)
        if check not in CHECKS:
            raise self.refuse(place, f"there is no check {check!r}{_meant(check, CHECKS)}")
        settings = self.get(table, place, "with", dict, {})
        self.settings(CHECKS[check], check, settings, place)
        return Criterion(
            id=id,
            title=self.get(table, place, "title", str),
            points=float(points),
            check=check,
            settings=settings,
            hint=self.get(table, place, "hint", str, ""),
            read=self.get(table, place, "read", str, ""),
            evidence_of_chance=self.get(table, place, "chance", bool, False),
        )

    def settings(self, check: Check, name: str, given: dict[str, Any], place: str) -> None:
        """Hold the given settings against the check's signature."""
        parameters = {
            key: p
            for key, p in inspect.signature(check.function).parameters.items()
            if p.kind is p.KEYWORD_ONLY
        }
        hints = get_type_hints(check.function)
        for key, value in given.items():
            if key not in parameters:
                raise self.refuse(
                    place, f"the check {name!r} has no setting {key!r}{_meant(key, parameters)}"
                )
            if not _fits(value, hints[key]):
                wanted = _said(hints[key])
                raise self.refuse(place, f"the setting {key!r} must be {wanted}, not {value!r}.")
        weights = {k: given.get(k, p.default) for k, p in parameters.items() if k.endswith("_weight")}
        if weights and (min(weights.values()) < 0 or sum(weights.values()) <= 0):
            raise self.refuse(place, "weights must be 0 or more, and one of them above 0.")
        for key, parameter in parameters.items():
            if parameter.default is parameter.empty and key not in given:
                raise self.refuse(place, f"the check {name!r} needs the setting {key!r}.")

    def limits(self, table: dict[str, Any]) -> Limits:
        self.keys(table, "[limits]", {"wall", "memory"})
        usual = Limits()
        wall = table.get("wall", usual.wall)
        memory = table.get("memory", usual.memory)
        try:
            return Limits(wall=seconds(wall), memory=bytes_of(memory))
        except ValueError as problem:
            raise self.refuse("[limits]", str(problem)) from None

    def call(self, index: int, table: Any) -> CourseCall:
        place = f"[[calls]] number {index + 1}"
        if not isinstance(table, dict):
            raise self.refuse(place, "this must be a table with code.")
        self.keys(table, place, {"code", "needs"})
        code = self.get(table, place, "code", str)
        try:
            ast.parse(code)
        except SyntaxError as problem:
            raise self.refuse(place, f"the code is not valid Python: {problem.msg}.") from None
        return CourseCall(code=code, needs=tuple(self.strings(table, place, "needs")))

    def keys(self, table: Mapping[str, Any], place: str, known: set[str]) -> None:
        for key in table:
            if key not in known:
                raise self.refuse(place, f"unknown key {key!r}{_meant(key, known)}")

    def get(self, table: Mapping[str, Any], place: str, key: str, kind: Any, default: Any = None) -> Any:
        if key not in table and default is not None:
            return default
        if key not in table:
            raise self.refuse(place, f"{key!r} is missing.")
        if not isinstance(table[key], kind):
            raise self.refuse(place, f"{key!r} must be {_said(kind)}, not {table[key]!r}.")
        return table[key]

    def strings(self, table: Mapping[str, Any], place: str, key: str) -> list[str]:
        values = self.get(table, place, key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise self.refuse(place, f"{key!r} must be a list of texts, not {values!r}.")
        return list(values)


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(value, list) and all(_fits(v, get_args(hint)[0]) for v in value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _said(hint: Any) -> str:
    if get_origin(hint) is not None:
        return f"a list of {_said(get_args(hint)[0]).split(' ', 1)[1]}s"
    names = {
        str: "a text",
        int: "a number",
        float: "a number",
        bool: "true or false",
        dict: "a table",
        list: "a list",
    }
    return names.get(hint if not isinstance(hint, tuple) else hint[0], "a value of another kind")


def seconds(text: str | float) -> float:
    """Seconds meant by a number or by a text such as "10 min".

    Raises:
        ValueError: says what was not understood.

    """
    return _quantity(text, UNITS_OF_TIME, "a time such as '90 s' or '10 min'")


def bytes_of(text: str | float) -> int:
    """Bytes meant by a number or by a text such as "4 GiB".

    Raises:
        ValueError: says what was not understood.

    """
    return int(_quantity(text, UNITS_OF_MEMORY, "a size such as '512 MiB' or '4 GiB'"))


def _quantity(text: str | float, units: Mapping[str, int], example: str) -> float:
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        raise ValueError(f"{text!r} is not {example}.")
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(text))
    unit = match[2] if match else ""
    if not match or (unit and unit not in units) or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is not {example}.")
    return float(match[1]) * units.get(unit, 1)
