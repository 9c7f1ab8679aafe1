"""A batch runs what is new, judges all, and keeps every result as it comes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import cell, run
from classroom import TINY, write_assignment, write_notebook, write_unreadable

from grader.assignment import Assignment, CourseCall, Limits, load_assignment
from grader.batch import (
    Conditions,
    Outcome,
    earlier_run,
    grade_all,
    grade_one,
    job_fingerprint,
    judge_again,
    lowered,
)
from grader.datasets import ProvidedData
from grader.errors import GraderError
from grader.evidence import Ending, read_run, write_run
from grader.execution.sandbox import Protection, find_protection
from grader.judging import read_grade
from grader.submission import Submission, find_submissions, read_notebook

NO_PROTECTION = Protection("none", (), ())
EMPTY = "The file is empty; hand in the notebook itself (.ipynb)."


@pytest.fixture
def exercise(tmp_path: Path) -> Assignment:
    """An assignment that asks only that a notebook runs."""
    return load_assignment(write_assignment(tmp_path / "assignments"))


@pytest.fixture
def conditions(exercise: Assignment) -> Conditions:
    """How it is graded where no kernel needs to be started."""
    return Conditions(exercise, (), NO_PROTECTION, exercise.limits, jobs=2)


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    """A notebook of one cell."""
    return read_notebook(write_notebook(tmp_path / "handed-in" / "ada.ipynb", "x = 1"))


def keep_run(out: Path, conditions: Conditions, submission: Submission, ending: Ending) -> Path:
    """Write the run that an earlier batch would have left: one cell of two failed; its path."""
    folder = out / submission.student
    folder.mkdir(parents=True)
    cells = (cell(0), cell(1, "failed", error="NameError", message="name 'y' is not defined"))
    kept = run(
        student=submission.student,
        file=submission.name,
        sha256=submission.sha256,
        cells=cells,
        ending=ending,
        problem="It was interrupted." if ending.ours else None,
        fingerprint=job_fingerprint(conditions, submission),
    )
    write_run(kept, folder / "run.json")
    return folder / "run.json"


def state(path: Path) -> tuple[int, int]:
    """What changes when a file is written again."""
    return path.stat().st_ino, path.stat().st_mtime_ns


# The fingerprint ------------------------------------------------------------------------------------


def test_the_fingerprint_is_stable(conditions: Conditions, submission: Submission, tmp_path: Path) -> None:
    """The same notebook under another name and student, read again, is the same job."""
    elsewhere = write_notebook(tmp_path / "copies" / "bela.ipynb", "x = 1")
    assert job_fingerprint(conditions, submission) == job_fingerprint(conditions, read_notebook(elsewhere))


def _other_data(conditions: Conditions) -> Conditions:
    data = ProvidedData("happy-or-sad", "drawn", Path("a.zip"), Path("a"), "0" * 64)
    return dataclasses.replace(conditions, data=(data,))


def _other_calls(conditions: Conditions) -> Conditions:
    assignment = dataclasses.replace(conditions.assignment, calls=(CourseCall("train()", ("train",)),))
    return dataclasses.replace(conditions, assignment=assignment)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda c: dataclasses.replace(c, limits=Limits(wall=30)), id="wall"),
        pytest.param(lambda c: dataclasses.replace(c, limits=Limits(memory=2**30)), id="memory"),
        pytest.param(_other_data, id="data"),
        pytest.param(_other_calls, id="calls"),
        pytest.param(
            lambda c: dataclasses.replace(c, protection=Protection("bubblewrap", (), ())), id="protection"
        ),
    ],
)
def test_what_affects_a_run_changes_the_fingerprint(
    change: Callable[[Conditions], Conditions], conditions: Conditions, submission: Submission
) -> None:
    """Limits, data, the course's calls and the protection are part of what names a run."""
    assert job_fingerprint(conditions, submission) != job_fingerprint(change(conditions), submission)


def test_helper_files_change_the_fingerprint(conditions: Conditions, tmp_path: Path) -> None:
    """An edited helper file makes another job, though the notebook itself is the same."""
    folder = tmp_path / "ada"
    write_notebook(folder / "main.ipynb", "import helper")
    (folder / "helper.py").write_text("x = 1\n")
    (before,) = find_submissions([folder], tmp_path / "unpacked")
    told = job_fingerprint(conditions, before)
    (folder / "helper.py").write_text("x = 2\n")
    (after,) = find_submissions([folder], tmp_path / "unpacked")
    assert before.sha256 == after.sha256
    assert told != job_fingerprint(conditions, after)


def test_the_rubric_does_not_change_the_fingerprint(
    exercise: Assignment, conditions: Conditions, submission: Submission
) -> None:
    """Points and titles belong to judging, so that a changed rubric runs nothing again."""
    write_assignment(exercise.folder.parent, text=TINY.replace("points = 10", "points = 20"))
    edited = dataclasses.replace(conditions, assignment=load_assignment(exercise.folder))
    assert job_fingerprint(conditions, submission) == job_fingerprint(edited, submission)


# Going on where it stopped --------------------------------------------------------------------------


def test_an_unchanged_submission_is_not_run_again(
    conditions: Conditions, submission: Submission, tmp_path: Path
) -> None:
    """A run of the same fingerprint is taken as it is: its file stays, its grade is made anew."""
    kept = keep_run(tmp_path / "out", conditions, submission, Ending.FINISHED)
    before = state(kept)
    (outcome,) = grade_all(conditions, [submission], tmp_path / "out")
    assert outcome.reused
    assert before == state(kept)
    assert 5.0 == outcome.grade.score == read_grade(kept.with_name("grade.json")).score


@pytest.mark.parametrize("ending", [Ending.INTERRUPTED, Ending.GRADER_FAILED])
def test_a_run_that_failed_for_our_reasons_is_not_reused(
    ending: Ending, conditions: Conditions, submission: Submission, tmp_path: Path
) -> None:
    """What was interrupted, or failed through our fault, gets its run the next time."""
    kept = keep_run(tmp_path / "out", conditions, submission, ending)
    assert earlier_run(kept.parent, job_fingerprint(conditions, submission)) is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 99}', b"[1, 2]"])
def test_a_damaged_run_is_not_reused(
    content: bytes, conditions: Conditions, submission: Submission, tmp_path: Path
) -> None:
    """Half a file, or a file of another format, counts as no run at all."""
    kept = keep_run(tmp_path / "out", conditions, submission, Ending.FINISHED)
    kept.write_bytes(content)
    assert earlier_run(kept.parent, job_fingerprint(conditions, submission)) is None


@pytest.mark.kernel
def test_resuming_with_a_real_kernel(exercise: Assignment, tmp_path: Path) -> None:
    """The second call runs nothing; after an edit the notebook runs again, and only then."""
    conditions = Conditions(exercise, (), find_protection(), exercise.limits)
    path, out = tmp_path / "handed-in" / "ada.ipynb", tmp_path / "out"

    def graded(*sources: str) -> Outcome:
        (outcome,) = grade_all(conditions, [read_notebook(write_notebook(path, *sources))], out)
        return outcome

    first = graded("x = 1")
    assert (10.0, False) == (first.grade.score, first.reused)
    before = state(out / "ada" / "run.json")
    again = graded("x = 1")
    assert (10.0, True) == (again.grade.score, again.reused)
    assert before == state(out / "ada" / "run.json")
    changed = graded("x = 1", "x.y")
    assert (5.0, False) == (changed.grade.score, changed.reused)
    assert ["ran", "failed"] == [c.status for c in read_run(out / "ada" / "run.json").cells]
    assert "AttributeError" in (out / "ada" / "executed.ipynb").read_text(encoding="utf-8")


# Many submissions -----------------------------------------------------------------------------------


def test_an_unreadable_submission_is_a_row(conditions: Conditions, tmp_path: Path) -> None:
    """It gets no points, an ending and a sentence; a page, a row in the gradebook, and no kernel."""
    handed_in = write_unreadable(tmp_path / "handed-in" / "ada.ipynb")
    (outcome,) = grade_all(conditions, [read_notebook(handed_in)], tmp_path / "out")
    grade = outcome.grade
    assert (Ending.UNREADABLE, EMPTY, 0.0) == (grade.ending, grade.problem, grade.score)
    assert not grade.needs_person
    book = json.loads((tmp_path / "out" / "gradebook.json").read_text(encoding="utf-8"))
    assert [("ada", "unreadable", 0.0)] == [(s["student"], s["ending"], s["score"]) for s in book["students"]]
    assert EMPTY in (tmp_path / "out" / "ada" / "feedback.html").read_text(encoding="utf-8")


def test_two_students_of_one_name_get_two_folders(conditions: Conditions, tmp_path: Path) -> None:
    """Each of them has results of their own, told apart by the folder they came from."""
    paths = [write_unreadable(tmp_path / team / "hw.ipynb") for team in ("red", "blue")]
    outcomes = grade_all(conditions, find_submissions(paths, tmp_path / "unpacked"), tmp_path / "out")
    students = [outcome.grade.student for outcome in outcomes]
    assert ["red-hw", "blue-hw"] == students
    assert all((tmp_path / "out" / student / "grade.json").is_file() for student in students)


def test_results_are_in_the_order_of_the_submissions(conditions: Conditions, tmp_path: Path) -> None:
    """Whatever finishes first, the gradebook has the order in which the submissions were given."""
    names = [f"student-{n}" for n in (3, 1, 2)]
    submissions = [read_notebook(write_unreadable(tmp_path / f"{name}.ipynb")) for name in names]
    outcomes = grade_all(conditions, submissions, tmp_path / "out")
    assert names == [outcome.grade.student for outcome in outcomes]


def students(out: Path) -> list[str]:
    """The students in the gradebook, in its order."""
    book = json.loads((out / "gradebook.json").read_text(encoding="utf-8"))
    return [student["student"] for student in book["students"]]


def test_an_interruption_keeps_what_is_finished(conditions: Conditions, tmp_path: Path) -> None:
    """Ctrl-C goes on to the caller, and whoever was finished by then is in the gradebook."""
    submissions = [read_notebook(write_unreadable(tmp_path / f"{name}.ipynb")) for name in ("ada", "bela")]
    heard: list[str] = []

    def interrupt(outcome: Outcome) -> None:
        heard.append(outcome.grade.student)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_all(conditions, submissions, tmp_path / "out", interrupt)
    assert 1 == len(heard)
    assert set(heard) <= set(students(tmp_path / "out"))


def test_a_class_may_come_in_parts(conditions: Conditions, tmp_path: Path) -> None:
    """The gradebook keeps whom an earlier call graded, behind those of this one."""
    for name in ("ada", "zoe", "bela"):
        grade_all(conditions, [read_notebook(write_unreadable(tmp_path / f"{name}.ipynb"))], tmp_path / "out")
    assert ["bela", "ada", "zoe"] == students(tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_refused(
    conditions: Conditions, submission: Submission, tmp_path: Path
) -> None:
    """Before anything is run, in one sentence."""
    file = write_unreadable(tmp_path / "file")
    with pytest.raises(GraderError) as refusal:
        grade_all(conditions, [submission], file / "out")
    assert f"Results cannot be written to {file / 'out'}: Not a directory. Choose another --out." == str(
        refusal.value
    )


# Judging again --------------------------------------------------------------------------------------


def test_a_changed_rubric_changes_marks_without_running(
    exercise: Assignment, conditions: Conditions, submission: Submission, tmp_path: Path
) -> None:
    """Twice the points make twice the score, from the very run that is there."""
    out = tmp_path / "out"
    kept = keep_run(out, conditions, submission, Ending.FINISHED)
    grade_one(conditions, submission, out)
    before = state(kept)
    write_assignment(exercise.folder.parent, text=TINY.replace("points = 10", "points = 20"))
    ((old, new),) = judge_again(load_assignment(exercise.folder), out)
    assert old is not None
    assert (5.0, 10.0) == (old.score, new.score)
    assert before == state(kept)
    assert 10.0 == read_grade(out / "ada" / "grade.json").score
    assert "10" in (out / "gradebook.csv").read_text(encoding="utf-8-sig").splitlines()[1].split(",")


def test_a_run_without_a_grade_is_judged_for_the_first_time(
    exercise: Assignment, conditions: Conditions, submission: Submission, tmp_path: Path
) -> None:
    """Where no grade can be read there is none to compare with."""
    keep_run(tmp_path / "out", conditions, submission, Ending.FINISHED)
    ((old, new),) = judge_again(exercise, tmp_path / "out")
    assert (None, 5.0) == (old, new.score)


def test_a_folder_without_runs_is_refused(exercise: Assignment, tmp_path: Path) -> None:
    """With the command that makes some."""
    with pytest.raises(GraderError) as refusal:
        judge_again(exercise, tmp_path)
    said = f"{tmp_path} holds no runs; make some with: grader grade tiny PATHS… --out {tmp_path}"
    assert said == str(refusal.value)


@pytest.mark.parametrize(
    ("wall", "memory", "expected"),
    [
        (None, None, Limits(600, 4096)),
        (30.0, None, Limits(30, 4096)),
        (None, 1024, Limits(600, 1024)),
        (9000.0, 8192, Limits(600, 4096)),
    ],
)
def test_limits_are_only_lowered(wall: float | None, memory: int | None, expected: Limits) -> None:
    """What is asked beyond the assignment's own limits changes nothing."""
    assert expected == lowered(Limits(600, 4096), wall, memory)


def test_a_damaged_run_does_not_stop_judging(conditions: Conditions, tmp_path: Path) -> None:
    """Judging again goes on past a damaged run.json; that student needs a person, with the reason."""
    submissions = [read_notebook(write_unreadable(tmp_path / f"{name}.ipynb")) for name in ("ada", "bela")]
    grade_all(conditions, submissions, tmp_path / "out")
    (tmp_path / "out" / "ada" / "run.json").write_bytes(b"{")
    now = {grade.student: grade for _, grade in judge_again(conditions.assignment, tmp_path / "out")}

    assert (True, False) == (now["ada"].needs_person, now["bela"].needs_person)
    assert "is not a run of ours" in (now["ada"].problem or "")
