"""The grades of an assignment as files for the instructor: a table, the same for programs, a page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.evidence import write_whole
from grader.feedback import class_page
from grader.feedback.words import number, person_reasons
from grader.judging import Grade

FORMAT = 1
"""Format of `gradebook.json`. 1: first."""

BEFORE = ("student", "file", "score", "max_score", "needs_person", "why_empty", "ending")
AFTER = ("diagnoses",)
"""The columns around those of the criteria."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the start of a formula, wide forms too (OWASP, "CSV Injection")."""


def gradebook_csv(grades: Sequence[Grade]) -> str:
    """A table for people: one row per student, points of each criterion in a column of its id.

    A score or points that a person still has to settle are an empty cell; `why_empty` says why. A text
    that a spreadsheet would take for a formula begins with an apostrophe; numbers of ours stay numbers.
    """
    criteria = _criteria(grades)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*BEFORE, *(safe_text(_column(id)) for id in criteria), *AFTER])
    writer.writerows(_row(grade, list(criteria)) for grade in grades)
    return text.getvalue()


def _criteria(grades: Sequence[Grade]) -> dict[str, dict[str, Any]]:
    """The criteria of all grades by id, in the order of their first mention."""
    return {
        v.criterion: {"id": v.criterion, "title": v.title, "max_points": v.max_points}
        for grade in grades
        for v in grade.verdicts
    }


def _column(criterion: str) -> str:
    """A criterion's id; one that is also the name of another column says that it means points."""
    return f"{criterion}_points" if criterion in (*BEFORE, *AFTER) else criterion


def _row(grade: Grade, criteria: Sequence[str]) -> list[str]:
    points = {v.criterion: v.points for v in grade.verdicts}
    diagnoses = dict.fromkeys(v.diagnosis for v in grade.verdicts if v.diagnosis)
    return [
        safe_text(grade.student),
        safe_text(grade.submission.file),
        _number(grade.score),
        _number(grade.max_score),
        "yes" if grade.needs_person else "no",
        safe_text(why_empty(grade)),
        grade.ending.value,
        *(_number(points.get(id)) for id in criteria),
        safe_text("; ".join(diagnoses)),
    ]


def _number(value: float | None) -> str:
    return "" if value is None else number(value)


def safe_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def why_empty(grade: Grade) -> str:
    """Why there is no score yet, and the points so far; nothing where there is a score."""
    if grade.score is not None:
        return ""
    reasons = " ".join(person_reasons(grade))
    so_far = f"{number(grade.score_so_far)} of {number(grade.max_score)} points so far."
    return f"Needs a person: {reasons} {so_far}"


def gradebook_json(grades: Sequence[Grade]) -> str:
    """The same for programs, with outcomes, flags and what each run was protected by."""
    book = {
        "format": FORMAT,
        "assignment": grades[0].assignment if grades else None,
        "criteria": list(_criteria(grades).values()),
        "students": [_student(grade) for grade in grades],
    }
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def _student(grade: Grade) -> dict[str, Any]:
    return {
        "student": grade.student,
        "file": grade.submission.file,
        "sha256": grade.submission.sha256,
        "score": grade.score,
        "score_so_far": grade.score_so_far,
        "max_score": grade.max_score,
        "needs_person": grade.needs_person,
        "why_empty": why_empty(grade) or None,
        "ending": grade.ending.value,
        "points": {v.criterion: v.points for v in grade.verdicts},
        "statuses": {v.criterion: v.status.value for v in grade.verdicts},
        "diagnoses": {v.criterion: v.diagnosis for v in grade.verdicts if v.diagnosis},
        "flags": list(grade.flags),
        "data": dict(grade.data),
        "protections": list(grade.protections),
        "missing_protections": list(grade.missing_protections),
        "seconds": grade.seconds,
    }


def write_gradebook(assignment: Assignment, grades: Sequence[Grade], out: Path) -> None:
    """Write `gradebook.csv`, `gradebook.json` and `index.html` into `out`, each of them whole.

    Raises:
        OSError: `out` cannot be written to.

    """
    out.mkdir(parents=True, exist_ok=True)
    # Excel reads a CSV file as UTF-8 only when it begins with a byte order mark; names have accents.
    write_whole(out / "gradebook.csv", gradebook_csv(grades).encode("utf-8-sig", "replace"))
    write_whole(out / "gradebook.json", gradebook_json(grades).encode("utf-8", "replace"))
    write_whole(out / "index.html", class_page(assignment, grades).encode("utf-8", "replace"))
