"""The grades of a class as a page: who needs a person, how the class did, and which mistakes were made."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.assignment import Assignment, Criterion
from grader.checks import DIAGNOSES
from grader.evidence import Ending
from grader.feedback.templating import render, script
from grader.feedback.words import (
    ENDINGS,
    count,
    data_word,
    ending_word,
    number,
    percent,
    person_reasons,
    sign,
    status_word,
)
from grader.judging import Grade, Status, Verdict

WIDTH, HEIGHT = 520, 210
LEFT, RIGHT, TOP, BOTTOM = 18, 18, 24, 44
"""The drawing of the distribution and its margins, in units of the SVG's own."""

BINS = 10
"""Bars of the distribution, each a tenth of the points; full marks stand in the last."""

OPEN = 6
"""Up to so many students a list of names stands open."""


@dataclass(frozen=True)
class Attention:
    """A student to look at first, and the sentences that say why."""

    student: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Students to look at for one kind of reason."""

    title: str
    students: tuple[Attention, ...]


@dataclass(frozen=True)
class Bar:
    """One bar of the distribution, placed in the drawing."""

    label: str
    students: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Distribution:
    """How scores are spread, drawn and in one sentence."""

    bars: tuple[Bar, ...]
    description: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Mistake:
    """A diagnosis and the students behind it; `open` when their names are few enough to show at once."""

    title: str
    students: tuple[str, ...]
    open: bool


@dataclass(frozen=True)
class CriterionReport:
    """How a class did on one criterion; `shares` are widths for a bar, of one."""

    criterion: Criterion
    rate: str
    told: str
    shares: tuple[tuple[str, float], ...]
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class Mark:
    """One criterion of one student as the table shows it."""

    look: str
    sign: str
    title: str
    rank: float


@dataclass(frozen=True)
class Row:
    """One student of the table."""

    grade: Grade
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Shared:
    """Something the runs had in common, and how many."""

    text: str
    submissions: int


def class_page(assignment: Assignment, grades: Sequence[Grade]) -> str:
    """The class page: one HTML file, complete without its script, linking to `<student>/feedback.html`."""
    text, allowed = script("sort.js")
    return render(
        "class.html",
        assignment=assignment,
        grades=grades,
        summary=class_summary(grades),
        attention=attention(grades),
        distribution=distribution(grades),
        criteria=[criterion_report(c, grades) for c in assignment.criteria],
        rows=[_row(assignment, grade) for grade in grades],
        data=_counted(_data(g) for g in grades),
        active=_counted(_list(g.protections, "none") for g in grades if _ran(g)),
        missing=_counted(_list(g.missing_protections, "none") for g in grades if _ran(g)),
        unprotected=sum(_ran(g) and not g.protections for g in grades),
        seconds=[g.seconds for g in grades if g.seconds],
        script=text,
        script_hash=allowed,
    )


def class_summary(grades: Sequence[Grade]) -> str:
    """The scores of a class in one or two sentences."""
    scores = [g.score for g in grades if g.score is not None]
    if not scores:
        return "There is no score yet."
    highest = max(g.max_score for g in grades)
    told = f"Of {number(highest)} points, half of the class has {number(statistics.median(scores))} or more"
    full = sum(g.score is not None and g.score >= g.max_score for g in grades)
    open_scores = len(grades) - len(scores)
    rest = f" {count(open_scores, 'score is', 'scores are')} open." if open_scores else ""
    return f"{told}; the mean is {number(statistics.fmean(scores))}, {full} with full marks.{rest}"


# Who needs a person ---------------------------------------------------------------------------------


def attention(grades: Sequence[Grade]) -> tuple[Group, ...]:
    """Students to look at, the most pressing kind first; a student may stand in several groups."""
    stopped = (
        g for g in grades if g.ending not in (Ending.FINISHED, Ending.UNREADABLE) and not g.ending.ours
    )
    groups = (
        Group(
            "Needs a person", tuple(Attention(g.student, person_reasons(g)) for g in grades if g.needs_person)
        ),
        Group("Could not be read", tuple(_ended(g) for g in grades if g.ending is Ending.UNREADABLE)),
        Group("Flagged", tuple(Attention(g.student, g.flags) for g in grades if g.flags)),
        Group("Did not run to the end", tuple(_ended(g) for g in stopped)),
    )
    return tuple(group for group in groups if group.students)


def _ended(grade: Grade) -> Attention:
    return Attention(grade.student, (grade.problem or ENDINGS[grade.ending].sentence,))


# Distribution ---------------------------------------------------------------------------------------


def distribution(grades: Sequence[Grade]) -> Distribution | None:
    """The scores in tenths of the points; None when there is no score."""
    shares = [g.score / g.max_score for g in grades if g.score is not None and g.max_score > 0]
    if not shares:
        return None
    counts = Counter(min(int(share * BINS + 1e-9), BINS - 1) for share in shares)
    most = max(counts.values())
    told = [f"{_bin_label(i)} %: {counts[i]}" for i in range(BINS) if counts[i]]
    return Distribution(
        bars=tuple(_bar(i, counts[i], most) for i in range(BINS)),
        description=f"Number of submissions by share of the points: {'; '.join(told)}.",
    )


def _bin_label(i: int) -> str:
    low, high = i * 100 // BINS, (i + 1) * 100 // BINS
    return f"{low}–{high if i == BINS - 1 else high - 1}"


def _bar(i: int, students: int, most: int) -> Bar:
    step = (WIDTH - LEFT - RIGHT) / BINS
    height = round((HEIGHT - TOP - BOTTOM) * students / most, 1)
    top = HEIGHT - BOTTOM - height
    return Bar(_bin_label(i), students, round(LEFT + i * step + 2, 1), round(top, 1), step - 4, height)


# Criteria -------------------------------------------------------------------------------------------


def criterion_report(criterion: Criterion, grades: Sequence[Grade]) -> CriterionReport:
    """Pass rate of one criterion among those judged, and its diagnoses, the commonest first."""
    verdicts = [(g.student, v) for g in grades if (v := _verdict(g, criterion.id)) is not None]
    judged = [v for _, v in verdicts if v.points is not None]
    statuses = Counter(v.status for v in judged)
    behind: dict[str, list[str]] = {}
    for student, verdict in verdicts:
        if verdict.diagnosis and verdict.status is not Status.MET:
            behind.setdefault(verdict.diagnosis, []).append(student)
    return CriterionReport(
        criterion=criterion,
        rate=percent(statuses[Status.MET] / len(judged)) if judged else "–",
        told=_told(judged, statuses, len(verdicts)),
        shares=tuple((s.value, statuses[s] / len(judged)) for s in Status if statuses[s]),
        mistakes=tuple(_mistake(id, behind[id]) for id in sorted(behind, key=lambda id: -len(behind[id]))),
    )


def _verdict(grade: Grade, criterion: str) -> Verdict | None:
    return next((v for v in grade.verdicts if v.criterion == criterion), None)


def _told(judged: Sequence[Verdict], statuses: Mapping[Status, int], verdicts: int) -> str:
    if not judged:
        return "Nobody was judged on it."
    outcomes = ", ".join(f"{statuses[s]} {status_word(s)}" for s in Status if statuses[s])
    mean = statistics.fmean(v.points for v in judged if v.points is not None)
    open_verdicts = verdicts - len(judged)
    rest = f" {count(open_verdicts, 'verdict is', 'verdicts are')} open." if open_verdicts else ""
    return f"{outcomes}; on average {number(mean)} of {number(judged[0].max_points)} points.{rest}"


def _mistake(diagnosis: str, students: Sequence[str]) -> Mistake:
    known = DIAGNOSES.get(diagnosis)
    return Mistake(known.title if known else diagnosis, tuple(students), len(students) <= OPEN)


# Table, data, protections ---------------------------------------------------------------------------


def _row(assignment: Assignment, grade: Grade) -> Row:
    return Row(grade, tuple(_mark(_verdict(grade, c.id), c) for c in assignment.criteria))


def _mark(verdict: Verdict | None, criterion: Criterion) -> Mark:
    if verdict is None:
        return Mark("none", "", f"{criterion.id}: no verdict", -2)
    if verdict.points is None:
        return Mark("needs-person", "?", f"{criterion.id}: needs a person", -1)
    points = f"{number(verdict.points)} of {number(verdict.max_points)}"
    title = f"{criterion.id}: {status_word(verdict.status)}, {points} points"
    rank = -0.5 if verdict.status is Status.NOT_ASSESSED else verdict.points / verdict.max_points
    return Mark(verdict.status.value, sign(verdict.status), title, rank)


def _ran(grade: Grade) -> bool:
    return grade.ending is not Ending.UNREADABLE and sum((grade.cells.ran, grade.cells.failed)) > 0


def _data(grade: Grade) -> str:
    if grade.ending is Ending.UNREADABLE:
        return f"none ({ending_word(grade.ending)})"
    return _list([f"{name} ({data_word(kind)})" for name, kind in grade.data.items()], "none")


def _list(texts: Iterable[str], empty: str) -> str:
    return "; ".join(texts) or empty


def _counted(texts: Iterable[str]) -> tuple[Shared, ...]:
    return tuple(Shared(text, n) for text, n in Counter(texts).most_common())
