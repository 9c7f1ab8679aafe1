"""An assignment proves itself: reference, starter and every mistake get exactly the marks they should."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.batch import Conditions, Outcome, grade_all
from grader.checks import DIAGNOSES
from grader.errors import AssignmentError
from grader.judging import Grade, Status, Verdict
from grader.submission import find_submissions

EDIT_KEYS = {"id", "title", "replace", "fails", "may"}

NOTHING = ""
"""Stands for the diagnosis of a criterion that had nothing to look at."""


@dataclass(frozen=True)
class Case:
    """A notebook whose marks are known beforehand.

    `expected` maps each criterion that must not be met to its diagnosis; every other one must be met,
    but for those in `may`, which chance decides.
    """

    name: str
    title: str
    expected: Mapping[str, str]
    may: tuple[str, ...] = ()
    replace: tuple[tuple[str, str], ...] = ()
    gives_away: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Proof:
    """A case and the grade it got; `problems` is empty when the grade is what it should be."""

    case: Case
    grade: Grade
    problems: tuple[str, ...]


def validate(
    conditions: Conditions,
    out: Path,
    only: Sequence[str] = (),
    on_proof: Callable[[Proof], None] = lambda proof: None,
) -> list[Proof]:
    """Run reference, starter and mistakes into `out` and hold each grade against what it should be.

    Args:
        conditions: assignment, data, protection and limits.
        out: folder for notebooks (`out/cases`) and results; unchanged cases are not run again.
        only: names of cases; all when empty.
        on_proof: hears of each proof as it comes.

    Raises:
        AssignmentError: the reference or mistakes.toml is missing or wrong.

    """
    cases = {case.name: case for case in read_cases(conditions.assignment)}
    unknown = [name for name in only if name not in cases]
    if unknown:
        raise AssignmentError(f"There is no case {unknown[0]!r}. Known: {', '.join(cases)}.")
    chosen = [case for case in cases.values() if not only or case.name in only]
    paths = [write_case(conditions.assignment, case, out / "cases") for case in chosen]
    proofs: dict[str, Proof] = {}

    def heard(outcome: Outcome) -> None:
        case = cases[outcome.submission.student]
        proofs[case.name] = Proof(case, outcome.grade, tuple(problems(case, outcome.grade)))
        on_proof(proofs[case.name])

    submissions = [s for path in paths for s in find_submissions([path], out / "unpacked")]
    grade_all(conditions, submissions, out, heard)
    return [proofs[case.name] for case in chosen]


def problems(case: Case, grade: Grade) -> Iterator[str]:
    """What keeps a grade from proving its case, one sentence each."""
    for verdict in grade.verdicts:
        if case.gives_away is not None:
            yield from _given_away(case, verdict)
        elif verdict.criterion in case.expected:
            yield from _as_expected(verdict, case.expected[verdict.criterion])
        elif verdict.status is not Status.MET and verdict.criterion not in case.may:
            yield f"{verdict.criterion} should be met, but: {verdict.saw}"


def _given_away(case: Case, verdict: Verdict) -> Iterator[str]:
    if verdict.points and verdict.criterion not in (case.gives_away or ()):
        yield f"{verdict.criterion} earns {verdict.points:g} points before any work is done: {verdict.saw}"


def _as_expected(verdict: Verdict, diagnosis: str) -> Iterator[str]:
    if verdict.status is Status.MET:
        yield f"{verdict.criterion} should not be met, but: {verdict.saw}"
    elif (verdict.diagnosis or NOTHING) != diagnosis:
        yield f"{verdict.criterion} should name {diagnosis!r}, not {verdict.diagnosis!r}: {verdict.saw}"


# Reading the cases ----------------------------------------------------------------------------------


def read_cases(assignment: Assignment) -> list[Case]:
    """Reference, starter, then every alternative and every mistake of mistakes.toml.

    Raises:
        AssignmentError: mistakes.toml is missing, or names what does not exist.

    """
    path = assignment.folder / "mistakes.toml"
    table = _read_toml(path)
    _refuse_keys(table, {"starter", "samples", "alternatives", "mistakes"}, str(path))
    gives_away = tuple(table.get("starter", {}).get("gives_away", ()))
    cases = [
        Case("reference", "The reference solution", {}),
        Case("starter", "The starter, as students get it", {}, gives_away=gives_away),
        *(_edit(assignment, entry, {"id", "title", "replace"}) for entry in table.get("alternatives", ())),
        *(_edit(assignment, entry, EDIT_KEYS) for entry in table.get("mistakes", ())),
    ]
    names = [case.name for case in cases]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise AssignmentError(f"{path}: the id {twice!r} is used twice.")
    return cases


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise AssignmentError(f"{path} cannot be read: {problem.strerror}.") from None
    except tomllib.TOMLDecodeError as problem:
        raise AssignmentError(f"{path} is not valid TOML: {problem}.") from None


def _refuse_keys(table: Mapping[str, Any], known: set[str], place: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else "."
            raise AssignmentError(f"{place}: unknown key {key!r}{meant}")


def _edit(assignment: Assignment, entry: Mapping[str, Any], keys: set[str]) -> Case:
    place = f"{assignment.folder / 'mistakes.toml'}, {entry.get('id')!r}"
    _refuse_keys(entry, keys, place)
    missing = next(
        (key for key in ("id", "title", "replace", "fails") if key in keys and key not in entry), None
    )
    if missing:
        raise AssignmentError(f"{place}: {missing!r} is missing.")
    known = {criterion.id for criterion in assignment.criteria}
    fails, may = dict(entry.get("fails", {})), tuple(entry.get("may", ()))
    for criterion in (*fails, *may):
        if criterion not in known:
            raise AssignmentError(f"{place}: there is no criterion {criterion!r}. Known: {', '.join(known)}.")
    for diagnosis in fails.values():
        if diagnosis != NOTHING and diagnosis not in DIAGNOSES:
            raise AssignmentError(f"{place}: there is no diagnosis {diagnosis!r}.")
    return Case(entry["id"], entry["title"], fails, may, _pairs(entry["replace"], place))


def _pairs(replace: Any, place: str) -> tuple[tuple[str, str], ...]:
    """The (text, new text) pairs of an edit."""
    try:
        return tuple((str(old), str(new)) for old, new in replace)
    except (TypeError, ValueError):
        raise AssignmentError(f'{place}: replace must be pairs of texts: [["old", "new"], …].') from None


# Writing the notebooks ------------------------------------------------------------------------------


def reference_path(assignment: Assignment) -> Path:
    """Where the reference solution lies: `reference/<id>.ipynb` beside the folder of assignments."""
    return assignment.folder.resolve().parents[1] / "reference" / f"{assignment.id}.ipynb"


def write_case(assignment: Assignment, case: Case, folder: Path) -> Path:
    """Write the notebook of a case, named for it, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    source = (
        assignment.folder / "starter.ipynb" if case.gives_away is not None else reference_path(assignment)
    )
    path = folder / f"{case.name}.ipynb"
    path.write_text(
        nbformat.writes(edited(_read_notebook(source), case.replace, case.name)), encoding="utf-8"
    )
    return path


def _read_notebook(path: Path) -> NotebookNode:
    if not path.is_file():
        raise AssignmentError(
            f"{path} is missing. References are part of a clone of the project, not of an installed package."
        )
    return nbformat.read(path, as_version=4)


def edited(notebook: NotebookNode, replace: Sequence[tuple[str, str]], name: str) -> NotebookNode:
    """The notebook with each text replaced wherever it occurs in code.

    Raises:
        AssignmentError: a text does not occur, so that the edit would change nothing.

    """
    for old, new in replace:
        cells = [c for c in notebook.cells if c.cell_type == "code" and old in c.source]
        if not cells:
            raise AssignmentError(f"mistake {name!r}: the reference does not contain {old!r}.")
        for cell in cells:
            cell.source = cell.source.replace(old, new)
    return notebook


def demo_class(assignment: Assignment, folder: Path) -> list[Path]:
    """Write the sample submissions that mistakes.toml lists under [samples]; their files, in order.

    Raises:
        AssignmentError: the reference is not there.

    """
    samples = _read_toml(assignment.folder / "mistakes.toml").get("samples", {})
    mistakes = {case.name: case for case in read_cases(assignment)}
    unknown = next((name for names in samples.values() for name in names if name not in mistakes), None)
    if unknown is not None:
        raise AssignmentError(f"{assignment.folder / 'mistakes.toml'}, [samples]: there is no {unknown!r}.")
    return [
        write_case(assignment, _combined(student, [mistakes[name] for name in names]), folder)
        for student, names in samples.items()
    ]


def _combined(student: str, cases: Sequence[Case]) -> Case:
    return Case(student, "", {}, replace=tuple(pair for case in cases for pair in case.replace))
