"""One student's grade as a page: what was earned, what was seen, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from grader.assignment import Assignment
from grader.checks import DIAGNOSES
from grader.checks.notebook import failures
from grader.evidence import Ending, Note, Run
from grader.feedback.cells import cells_report
from grader.feedback.curve import how_it_ended, training_curve
from grader.feedback.layers import path_of_a_picture
from grader.feedback.templating import render
from grader.feedback.words import ENDINGS, count, person_reasons, short, status_word
from grader.judging import Grade, Status, Verdict

NOTES = 60
"""Notes of each kind that are shown; the rest are counted."""


@dataclass(frozen=True)
class NextStep:
    """The one thing to do first, the place of the page that says more, and the points it may bring."""

    text: str
    place: str = ""
    points: float = 0.0


def feedback_page(assignment: Assignment, run: Run, grade: Grade) -> str:
    """The feedback page of one submission: one HTML file that needs nothing else and no script."""
    judged = run.focused(next((t for t in run.trainings if t.id == grade.training), None))
    model = judged.model
    return render(
        "feedback.html",
        assignment=assignment,
        grade=grade,
        run=judged,
        ending=ENDINGS[grade.ending],
        finished=grade.ending is Ending.FINISHED,
        nothing_ran=grade.ending is Ending.UNREADABLE or not run.cells,
        reasons=person_reasons(grade),
        summary=summary(grade),
        next_step=next_step(run, grade),
        cards=one_by_one(grade),
        to_do=[v for v in grade.verdicts if v.status is not Status.MET and v.points is not None],
        undecided=[v for v in grade.verdicts if v.points is None],
        done=[v for v in grade.verdicts if v.status is Status.MET],
        diagnoses=DIAGNOSES,
        cells=cells_report(run),
        which_training=which_training(judged),
        how_it_ended=how_it_ended(judged.training) if judged.training else "",
        curve=training_curve(assignment, judged),
        model=model,
        path=path_of_a_picture(model) if model and model.layers else None,
        bridged=run.notes[:NOTES],
        other_notes=_other_notes(run, grade)[:NOTES],
        notes_left_out=max(0, len(run.notes) - NOTES) + max(0, len(_other_notes(run, grade)) - NOTES),
    )


def summary(grade: Grade) -> str:
    """How many criteria have which outcome, in one sentence."""
    if not grade.verdicts:
        return "There is no verdict on any criterion."
    total = len(grade.verdicts)
    met = sum(v.status is Status.MET for v in grade.verdicts)
    if met == total:
        return f"{'The one criterion is' if total == 1 else f'All {total} criteria are'} met."
    told = [f"{met or 'None'} of {count(total, 'criterion is', 'criteria are')} met"]
    for status in (Status.PARTLY_MET, Status.NOT_MET, Status.NOT_ASSESSED):
        if n := sum(v.status is status for v in grade.verdicts):
            told.append(f"{n} {status_word(status)}")
    return ", ".join(told) + "."


def one_by_one(grade: Grade) -> bool:
    """Whether verdicts differ enough to be told one by one; an unreadable file is one sentence for all."""
    return len({v.saw for v in grade.verdicts}) > 1 or any(
        v.status is not Status.NOT_ASSESSED for v in grade.verdicts
    )


def next_step(run: Run, grade: Grade) -> NextStep | None:
    """The first thing to mend: what kept criteria from being judged, else where most points are missing."""
    if ENDINGS[grade.ending].advice:
        return NextStep(ENDINGS[grade.ending].advice)
    open_verdicts = [v for v in grade.verdicts if v.points is not None and v.status is not Status.MET]
    if not open_verdicts:
        return None
    failed = next((f.cell for f in failures(run) if f.excused is None), None)
    if failed and any(v.status is Status.NOT_ASSESSED for v in open_verdicts):
        number = failed.index + 1
        return NextStep(f"Mend cell {number}, the first that fails; later cells need it.", f"cell-{number}")
    most = max(open_verdicts, key=_missing)
    place = f"criterion-{grade.verdicts.index(most) + 1}" if one_by_one(grade) else ""
    return NextStep(most.hint or most.title, place, _missing(most))


def _missing(verdict: Verdict) -> float:
    return verdict.max_points - (verdict.points or 0)


def which_training(run: Run) -> str:
    """Which training the verdicts speak of, and who started it."""
    training = run.training
    if training is None:
        return "The notebook trained no model."
    where = "" if training.cell is None else f", in cell {training.cell + 1}"
    told = f"The model was trained once{where}."
    if len(run.trainings) > 1:
        stop = "," if where else ""
        place = [t.id for t in run.trainings].index(training.id) + 1
        told = (
            f"The notebook trained {len(run.trainings)} times. Number {place}{where}{stop} earned the most "
            "points, so all verdicts about model and training speak of it."
        )
    if training.called_by_us:
        told += " The notebook defines the function and never calls it, so it was called as the course does."
    return told


def _other_notes(run: Run, grade: Grade) -> list[str]:
    """The grade's notes that say something else than the table of bridged uses."""
    told = {_use(note) for note in run.notes}
    return [short(note, 600) for note in grade.notes if not any(note.endswith(use) for use in told)]


def _use(note: Note) -> str:
    return f"{note.old} → {note.new}"
