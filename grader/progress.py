"""What the terminal shows: how a batch goes on, and what came of it."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from grader.batch import Outcome
from grader.checks import DIAGNOSES
from grader.evidence import Ending
from grader.feedback.words import (
    ENDINGS,
    clean,
    count,
    data_word,
    duration,
    number,
    person_reasons,
    sign,
    status_word,
)
from grader.judging import Grade, Status, Verdict
from grader.validation import Proof

PIPED_WIDTH = 120
"""Columns of a table that goes to a file or another program."""

COLOURS = {
    Status.MET: "green",
    Status.PARTLY_MET: "yellow",
    Status.NOT_MET: "red",
    Status.NOT_ASSESSED: "dim",
}


# While a batch runs ---------------------------------------------------------------------------------


class Tell(Protocol):
    """What is told of each finished submission."""

    def __call__(self, line: str, ran: bool = True) -> None:
        """Tell of one, in one line; `ran` is false if it took no time."""


@contextmanager
def counted(total: int, keep_lines: bool = False) -> Iterator[Tell]:
    """A function that is told of each finished submission; all that it shows goes to stderr.

    On a terminal a bar counts them and says how much time is left, with the lines above it if `keep_lines`;
    elsewhere each becomes a numbered line.
    """
    if _is_terminal():
        with _bar() as progress:
            yield _on_bar(progress, total, keep_lines)
    else:
        numbers = itertools.count(1)
        yield lambda line, ran=True: print(f"[{next(numbers)}/{total}] {line}", file=sys.stderr, flush=True)


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _bar() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True))


def _on_bar(progress: Progress, total: int, keep_lines: bool) -> Tell:
    id, ran_so_far = progress.add_task("", total=total), 0

    def tell(line: str, ran: bool = True) -> None:
        nonlocal ran_so_far
        ran_so_far += ran
        if keep_lines:
            progress.console.print(Text(line))
        task = next(task for task in progress.tasks if task.id == id)
        left = time_left(int(total - task.completed - 1), ran_so_far, task.elapsed or 0)
        progress.update(id, advance=1, description=left)

    return tell


def time_left(remaining: int, ran: int, elapsed: float) -> str:
    """How long the remaining submissions will take if each needs what the others needed; "" if unknown."""
    return f"about {duration(remaining * elapsed / ran)} left" if ran and remaining else ""


@contextmanager
def waiting(sentence: str) -> Iterator[None]:
    """Shows on stderr that something goes on which cannot be counted."""
    if _is_terminal():
        with Console(stderr=True).status(Text(sentence)):
            yield
    else:
        print(sentence, file=sys.stderr, flush=True)
        yield


def outcome_line(outcome: Outcome) -> str:
    """One finished submission: "ada: 87.5 of 100 (48 s)"."""
    grade = outcome.grade
    how = "unchanged, not run again" if outcome.reused else duration(grade.seconds)
    if grade.ending is Ending.UNREADABLE:
        how = "unreadable"
    return f"{grade.student}: {score(grade)} of {number(grade.max_score)} ({how})"


def ran(outcome: Outcome) -> bool:
    """Whether a kernel was started for it this time."""
    return not outcome.reused and outcome.grade.ending is not Ending.UNREADABLE


def proof_line(proof: Proof) -> str:
    """One case of an assignment, proved or not: "✗ threshold-99: 85 of 100, expected callback to fail"."""
    told = f"{proof.case.name}: {score(proof.grade)} of {number(proof.grade.max_score)}"
    if not proof.problems:
        return f"{sign(Status.MET)} {told}"
    return clean("\n".join((f"{sign(Status.NOT_MET)} {told}", *(f"    {text}" for text in proof.problems))))


def score(grade: Grade) -> str:
    """The score; where a person has to look, a question mark and the points so far."""
    return number(grade.score) if grade.score is not None else f"? ({number(grade.score_so_far)} so far)"


# When it is done ------------------------------------------------------------------------------------


def console() -> Console:
    """The terminal, or a file that is wide enough for a table."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(width=width, highlight=False)


def print_class(grades: Sequence[Grade]) -> None:
    """Print a class as a table: score, a sign for each criterion, and what is wrong most."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("student", overflow="fold")
    table.add_column("score", justify="right", overflow="fold")
    table.add_column("criteria", no_wrap=True)
    table.add_column("what is wrong most", overflow="fold")
    for grade in grades:
        table.add_row(Text(grade.student), score(grade), _signs(grade), Text(most_wrong(grade)))
    console().print(table)
    if grades:
        console().print(Text(legend(grades[0])))


def _signs(grade: Grade) -> Text:
    return Text(" ").join(Text(sign(v.status), COLOURS[v.status]) for v in grade.verdicts)


def legend(grade: Grade) -> str:
    """What the signs of a class table mean, and which criterion each stands for."""
    signs = ", ".join(f"{sign(status)} {status_word(status)}" for status in Status)
    return f"Criteria, from left to right: {', '.join(v.criterion for v in grade.verdicts)}.\n{signs}."


def most_wrong(grade: Grade) -> str:
    """Why a person has to look, or how the run ended, or the criterion that lost most points."""
    if grade.needs_person:
        return clean(f"needs a person: {person_reasons(grade)[0]}")
    if grade.ending is Ending.UNREADABLE:
        return clean(grade.problem or ENDINGS[grade.ending].sentence)
    short = [v for v in grade.verdicts if v.status is not Status.MET]
    if not short:
        return ""
    worst = max(short, key=lambda verdict: verdict.max_points - (verdict.points or 0))
    more = f" (and {len(short) - 1} more)" if len(short) > 1 else ""
    ended = "" if grade.ending is Ending.FINISHED else f"{grade.ending.value.replace('-', ' ')}; "
    return clean(f"{ended}{worst.criterion}: {_what(worst)}{more}")


def _what(verdict: Verdict) -> str:
    known = DIAGNOSES.get(verdict.diagnosis or "")
    return known.title if known else verdict.saw


def print_verdicts(grade: Grade) -> None:
    """Print one grade: what was seen for each criterion, a hint for what is not met, notes, the score."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("criterion")
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("what was seen, and what helps", overflow="fold")
    for verdict in grade.verdicts:
        table.add_row(*_cells(verdict))
    console().print(table)
    for note in (*grade.notes, *(note for v in grade.verdicts for note in v.notes), *grade.flags):
        console().print(Text(clean(f"Note: {note}")))
    console().print(Text(f"Score: {score(grade)} of {number(grade.max_score)} points."), style="bold")


def _cells(verdict: Verdict) -> tuple[Text, Text, Text, Text]:
    points = "?" if verdict.points is None else number(verdict.points)
    seen = Text(clean(verdict.saw))
    if verdict.hint:
        seen.append(f"\nHint: {verdict.hint}", "bold")
    return (
        Text(sign(verdict.status), COLOURS[verdict.status]),
        Text(verdict.criterion),
        Text(f"{points} of {number(verdict.max_points)}"),
        seen,
    )


def print_changes(pairs: Sequence[tuple[Grade | None, Grade]]) -> None:
    """Print which marks differ between earlier grades and those of now, and how many."""
    rows = [(now.student, *change) for before, now in pairs for change in changes(before, now)]
    students = count(len({student for student, *_ in rows}), "student")
    print(f"{count(len(rows), 'mark')} of {students} changed; {count(len(pairs), 'run')} judged.")
    if rows:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for title in ("student", "criterion", "from", "to"):
            table.add_column(title, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        console().print(table)


def changes(before: Grade | None, now: Grade) -> list[tuple[str, str, str]]:
    """The marks that differ, as (criterion, from, to); a dash where there was or is none."""
    old = {v.criterion: v for v in before.verdicts} if before else {}
    new = {v.criterion: v for v in now.verdicts}
    both = ((id, _mark(old.get(id)), _mark(new.get(id))) for id in {**old, **new})
    return [change for change in both if change[1] != change[2]]


def _mark(verdict: Verdict | None) -> str:
    if verdict is None:
        return sign(Status.NOT_ASSESSED)
    points = "?" if verdict.points is None else number(verdict.points)
    return f"{points} of {number(verdict.max_points)}"


def batch_sentences(outcomes: Sequence[Outcome]) -> list[str]:
    """What to know of a batch beside its table: what was reused, the data, the protection, who is to look."""
    grades = [outcome.grade for outcome in outcomes]
    return [
        *_reused(outcomes),
        *_data(grades),
        *dict.fromkeys(text for grade in grades for text in _protection(grade)),
        *_left_to_people(grades),
    ]


def check_sentences(outcome: Outcome) -> list[str]:
    """What to know of one checked notebook beside its verdicts."""
    told = ["The notebook is unchanged, so it was not run again."] if outcome.reused else []
    told += [*_data([outcome.grade]), *_protection(outcome.grade)]
    if outcome.grade.missing_protections:
        told.append("That is fine for a notebook of your own.")
    return told


def _reused(outcomes: Sequence[Outcome]) -> Iterator[str]:
    if reused := sum(outcome.reused for outcome in outcomes):
        yield f"{reused} of {len(outcomes)} unchanged, not run again."


def _data(grades: Sequence[Grade]) -> Iterator[str]:
    used = dict.fromkeys((name, kind) for grade in grades for name, kind in grade.data.items())
    if used:
        yield f"Data: {', '.join(f'{name} ({data_word(kind)})' for name, kind in used)}."


def _protection(grade: Grade) -> Iterator[str]:
    if grade.protections:
        yield f"Protected by: {', '.join(text.partition(':')[0] for text in grade.protections)}."
    if grade.missing_protections:
        yield f"Not protected: {'; '.join(grade.missing_protections)}."


def _left_to_people(grades: Sequence[Grade]) -> Iterator[str]:
    left = [grade.student for grade in grades if not is_graded(grade)]
    if left:
        names = ", ".join(left[:10]) + (f" and {len(left) - 10} more" if len(left) > 10 else "")
        yield f"{len(left)} of {len(grades)} could not be graded, please look yourself: {names}."


def is_graded(grade: Grade) -> bool:
    """Whether the grade stands: the file could be read, and nothing of ours failed."""
    return not (grade.needs_person or grade.ending.ours or grade.ending is Ending.UNREADABLE)
