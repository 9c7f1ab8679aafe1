"""An assignment and a run make a grade: a verdict for each criterion, with points and reasons."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct, field

from grader.assignment import Assignment, Criterion
from grader.checks import CHECKS, DIAGNOSES, Diagnosis, Finding
from grader.checks.training import best_accuracy
from grader.evidence import Ending, Note, Run, Training, read_kept, write_whole

FORMAT = 1
"""Format of `grade.json`. 1: first."""


class Status(enum.Enum):
    """The four outcomes of a criterion."""

    MET = "met"
    PARTLY_MET = "partly-met"
    NOT_MET = "not-met"
    NOT_ASSESSED = "not-assessed"


class PartVerdict(Struct, frozen=True, kw_only=True):
    """One named part of a criterion: `share` of its `weight` that was shown."""

    name: str
    weight: float
    share: float
    saw: str


class Verdict(Struct, frozen=True, kw_only=True):
    """The outcome of one criterion; `points` is None when the reason it is not assessed is ours."""

    criterion: str
    title: str
    status: Status
    points: float | None
    max_points: float
    saw: str
    hint: str = ""
    read: str = ""
    diagnosis: str | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[PartVerdict, ...] = ()


class SubmissionInfo(Struct, frozen=True, kw_only=True):
    """Which file was graded."""

    file: str
    sha256: str


class CellCounts(Struct, frozen=True, kw_only=True):
    """How many code cells ran, failed, or never got their turn."""

    ran: int = 0
    failed: int = 0
    not_run: int = 0


class Grade(Struct, frozen=True, kw_only=True):
    """What one submission earned, as `grade.json` keeps it."""

    format: int = FORMAT
    assignment: str
    title: str
    student: str
    submission: SubmissionInfo
    ending: Ending
    problem: str | None = None
    cells: CellCounts = CellCounts()
    score: float | None
    score_so_far: float
    max_score: float
    needs_person: bool = False
    verdicts: tuple[Verdict, ...] = ()
    training: int | None = None
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    protections: tuple[str, ...] = ()
    missing_protections: tuple[str, ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    fingerprint: str = ""


def judge(assignment: Assignment, run: Run) -> Grade:
    """The grade of a run: never starts anything, never raises for what a student did.

    Each training is judged on all training-bound criteria; the one with most points gives all their
    verdicts (ties: the last). A crash of a check of ours makes that criterion "needs a person".
    """
    bound = [c for c in assignment.criteria if c.looks_at == "training"]
    focused, verdicts = _best_training(run, bound)
    verdicts |= {c.id: _verdict(c, focused) for c in assignment.criteria if c.looks_at == "notebook"}
    ordered = tuple(verdicts[c.id] for c in assignment.criteria)
    return _grade(assignment, focused, ordered)


def _best_training(run: Run, criteria: list[Criterion]) -> tuple[Run, dict[str, Verdict]]:
    views = [run.focused(training) for training in run.trainings] or [run.focused(None)]
    judged = [(view, {c.id: _verdict(c, view) for c in criteria}) for view in views]
    best = max(range(len(judged)), key=lambda i: (_points(judged[i][1]), i))
    return judged[best]


def _points(verdicts: Mapping[str, Verdict]) -> float:
    return sum(verdict.points or 0 for verdict in verdicts.values())


def _verdict(criterion: Criterion, run: Run) -> Verdict:
    if run.ending.ours or run.ending is Ending.UNREADABLE:
        return _not_judged(criterion, run)
    try:
        finding = CHECKS[criterion.check].function(run, **criterion.settings)
    except Exception as problem:
        what = f"{type(problem).__name__}: {problem}"
        saw = f"The check {criterion.check!r} of the grader itself failed ({what})."
        return _made(criterion, Status.NOT_ASSESSED, None, Finding(None, saw))
    return _from_finding(criterion, finding)


def _not_judged(criterion: Criterion, run: Run) -> Verdict:
    points = None if run.ending.ours else 0.0
    saw = run.problem or "The submission was not run."
    return _made(criterion, Status.NOT_ASSESSED, points, Finding(None, saw))


def _from_finding(criterion: Criterion, finding: Finding) -> Verdict:
    if finding.share is None:
        return _made(criterion, Status.NOT_ASSESSED, 0.0, finding)
    share = min(max(finding.share, 0.0), 1.0)
    points = round(share * criterion.points, 2)
    if share > 1 - 1e-9:
        return _made(criterion, Status.MET, points, finding)
    return _made(criterion, Status.PARTLY_MET if points > 0 else Status.NOT_MET, points, finding)


def _made(criterion: Criterion, status: Status, points: float | None, finding: Finding) -> Verdict:
    known = DIAGNOSES.get(finding.diagnosis or "")
    return Verdict(
        criterion=criterion.id,
        title=criterion.title,
        status=status,
        points=points,
        max_points=criterion.points,
        saw=finding.saw,
        hint="" if status is Status.MET else _hint(criterion, known),
        read=criterion.read,
        diagnosis=finding.diagnosis,
        notes=finding.notes,
        parts=tuple(
            PartVerdict(name=p.name, weight=p.weight, share=p.share, saw=p.saw) for p in finding.parts
        ),
    )


def _hint(criterion: Criterion, known: Diagnosis | None) -> str:
    """The diagnosis's hint with the rubric's own numbers; without a diagnosis, the criterion's."""
    settings = {"above": "the value that is asked for", **criterion.settings}
    return known.hint.format_map(settings) if known else criterion.hint


def _grade(assignment: Assignment, run: Run, verdicts: tuple[Verdict, ...]) -> Grade:
    so_far = round(sum(v.points or 0 for v in verdicts), 2)
    ours = any(v.points is None for v in verdicts)
    return Grade(
        assignment=assignment.id,
        title=assignment.title,
        student=run.student,
        submission=SubmissionInfo(file=run.file, sha256=run.sha256),
        ending=run.ending,
        problem=run.problem,
        cells=_cell_counts(run),
        score=None if ours else so_far,
        score_so_far=so_far,
        max_score=assignment.max_score,
        needs_person=ours,
        verdicts=verdicts,
        training=run.focus,
        notes=(*run.remarks, *_attempt_notes(run), *(_sentence(note) for note in run.notes)),
        flags=run.flags,
        protections=run.protections,
        missing_protections=run.missing_protections,
        data={used.name: used.kind for used in run.data},
        seconds=run.seconds,
        fingerprint=run.fingerprint,
    )


def _cell_counts(run: Run) -> CellCounts:
    count = [cell.status for cell in run.cells].count
    return CellCounts(ran=count("ran"), failed=count("failed"), not_run=count("not-run"))


def _sentence(note: Note) -> str:
    where = f"Cell {note.cell + 1}" if note.cell is not None else "The notebook"
    line = f", line {note.line}" if note.line else ""
    return f"{where}{line}: {note.old} → {note.new}"


def _attempt_notes(run: Run) -> tuple[str, ...]:
    if len(run.attempts) < 2:
        return ()
    reached = ", ".join("none" if a.best_accuracy is None else f"{a.best_accuracy:.4g}" for a in run.attempts)
    return (
        f"Training depends on chance, so the notebook was run {len(run.attempts)} times with different seeds "
        f"(best training accuracy: {reached}); the best run counts.",
    )


def chance_decides(assignment: Assignment, run: Run, grade: Grade) -> bool:
    """Whether only chance kept this run from full marks, so that it deserves another try.

    True when a criterion marked `chance` in the rubric was not met and no other that looks at training fell
    short, but for the part "ended training". A cell that fails elsewhere must not hand the mark to chance.
    """
    if run.ending is not Ending.FINISHED or not run.trainings:
        return False
    chance = {c.id for c in assignment.criteria if c.evidence_of_chance}
    short = [v for v in grade.verdicts if v.status is not Status.MET]
    bound = {c.id for c in assignment.criteria if c.looks_at == "training"}
    others = [v for v in short if v.criterion in bound - chance and not _only_ended_short(v)]
    return not others and any(v.criterion in chance and v.status is Status.NOT_MET for v in short)


def _only_ended_short(verdict: Verdict) -> bool:
    return bool(verdict.parts) and all(p.share == 1 or p.name == "ended training" for p in verdict.parts)


def best_reached(run: Run, grade: Grade) -> float | None:
    """The best training accuracy of the training that was judged."""
    judged: Training | None = next((t for t in run.trainings if t.id == grade.training), None)
    return best_accuracy(run.focused(judged))


def write_grade(grade: Grade, path: Path) -> None:
    """Write `grade.json` whole: a reader never sees half of it."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(grade), indent=1))


_grade_decoder = msgspec.json.Decoder(Grade)


def read_grade(path: Path) -> Grade:
    """The grade kept at `path`.

    Raises:
        EvidenceError: the file is missing, damaged, or of another format.

    """
    grade: Grade = read_kept(path, _grade_decoder, FORMAT, "judge this run again")
    return grade
