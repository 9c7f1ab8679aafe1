"""Many submissions: runs what is new, judges all, writes every result as it comes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import nbformat
from nbformat import NotebookNode

from grader.assignment import Assignment, Limits
from grader.datasets import ProvidedData, manifest
from grader.errors import EvidenceError, GraderError
from grader.evidence import Attempt, DataUsed, Ending, Run, read_run, write_run, write_whole
from grader.execution.fingerprint import fingerprint, hash_files, seed_of
from grader.execution.runner import Job, run_submission
from grader.execution.sandbox import Protection
from grader.feedback import feedback_page
from grader.gradebook import write_gradebook
from grader.judging import Grade, best_reached, chance_decides, judge, read_grade, write_grade
from grader.submission import Submission

TRIES = 3
"""How often a notebook is run when only chance kept it from full marks: once, and up to twice more."""


@dataclass(frozen=True)
class Conditions:
    """What all runs of a batch have in common."""

    assignment: Assignment
    data: tuple[ProvidedData, ...]
    protection: Protection
    limits: Limits
    jobs: int = 1


@dataclass(frozen=True)
class Outcome:
    """One submission, graded; `reused` says that its earlier run was taken as it was."""

    submission: Submission
    grade: Grade
    reused: bool = False


def grade_all(
    conditions: Conditions,
    submissions: Sequence[Submission],
    out: Path,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Grade every submission into `out`, in parallel, and write the gradebook and class page.

    Each result is on disk before `on_outcome` hears of it. What was run before and has not changed is not
    run again. On KeyboardInterrupt running kernels are ended, what is finished stays, and the same call
    later goes on from there.

    Raises:
        GraderError: `out` cannot be written to.

    """
    _check_writable(out)
    outcomes: dict[str, Outcome] = {}
    stop = threading.Event()
    try:
        for outcome in _as_completed(conditions, submissions, out, stop):
            outcomes[outcome.submission.student] = outcome
            on_outcome(outcome)
    finally:
        done = [outcomes[s.student] for s in submissions if s.student in outcomes]
        write_gradebook(conditions.assignment, _all_grades([o.grade for o in done], out), out)
    return done


def _all_grades(now: Sequence[Grade], out: Path) -> list[Grade]:
    """The grades of this call and, behind them, those that earlier calls left in `out`."""
    here = {grade.student for grade in now}
    earlier = (
        _grade_before(path.parent)
        for path in sorted(out.glob("*/grade.json"))
        if path.parent.name not in here
    )
    return [*now, *(grade for grade in earlier if grade is not None)]


def _check_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".grader-writes-here"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as problem:
        raise GraderError(
            f"Results cannot be written to {out}: {problem.strerror}. Choose another --out."
        ) from None


def _as_completed(
    conditions: Conditions, submissions: Sequence[Submission], out: Path, stop: threading.Event
) -> Iterator[Outcome]:
    with ThreadPoolExecutor(conditions.jobs) as pool:
        waiting: set[Future[Outcome]] = {
            pool.submit(grade_one, conditions, submission, out, stop) for submission in submissions
        }
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BaseException:
            stop.set()
            for future in waiting:
                future.cancel()
            raise


def grade_one(
    conditions: Conditions, submission: Submission, out: Path, stop: threading.Event | None = None
) -> Outcome:
    """Run (or reuse), judge and report one submission.

    Nothing is raised for what a student did. A failure of ours becomes a row that asks for a person, so
    that it costs neither this student a mark nor the others their grades.
    """
    try:
        return _graded(conditions, submission, out, stop)
    except Exception as problem:
        what = f"The grader itself failed ({type(problem).__name__}: {problem})."
        run = _not_run(submission, Ending.GRADER_FAILED, what)
        grade = judge(conditions.assignment, run)
        with contextlib.suppress(OSError):
            write_run(run, out / submission.student / "run.json")
            write_grade(grade, out / submission.student / "grade.json")
        return Outcome(submission, grade)


def _graded(
    conditions: Conditions, submission: Submission, out: Path, stop: threading.Event | None
) -> Outcome:
    folder = out / submission.student
    folder.mkdir(parents=True, exist_ok=True)
    print_ = job_fingerprint(conditions, submission)
    earlier = earlier_run(folder, print_)
    if earlier is not None:
        run = msgspec.structs.replace(earlier, student=submission.student, file=submission.name)
        return Outcome(submission, report(conditions.assignment, run, folder), reused=True)
    run, executed = run_with_tries(conditions, submission, print_, (out.resolve(),), stop)
    if executed is not None:
        write_whole(folder / "executed.ipynb", nbformat.writes(executed).encode())
    write_run(run, folder / "run.json")
    return Outcome(submission, report(conditions.assignment, run, folder))


def report(assignment: Assignment, run: Run, folder: Path) -> Grade:
    """Judge a run and write grade.json and feedback.html into its folder."""
    grade = judge(assignment, run)
    write_grade(grade, folder / "grade.json")
    write_whole(folder / "feedback.html", feedback_page(assignment, run, grade).encode())
    return grade


def job_fingerprint(conditions: Conditions, submission: Submission) -> str:
    """What names this run: the notebook and its files, the data, the limits, the calls, our own code."""
    told: dict[str, Any] = {
        "notebook": submission.sha256,
        "files": [(f.name, hash_files([f.path])) for f in submission.files],
        "data": [(d.name, d.kind, d.sha256) for d in conditions.data],
        "limits": [conditions.limits.wall, conditions.limits.memory],
        "calls": [(c.code, list(c.needs)) for c in conditions.assignment.calls],
        "protected": conditions.protection.name,
    }
    return fingerprint(told)


def earlier_run(folder: Path, print_: str) -> Run | None:
    """The run that lies in this folder if it is the very run that would be made now."""
    try:
        run = read_run(folder / "run.json")
    except EvidenceError:
        return None
    return run if run.fingerprint == print_ and not run.ending.ours else None


def run_with_tries(
    conditions: Conditions,
    submission: Submission,
    print_: str,
    hidden: tuple[Path, ...] = (),
    stop: threading.Event | None = None,
) -> tuple[Run, NotebookNode | None]:
    """Run it; where only chance kept it from full marks, again with other seeds; the best counts."""
    if submission.notebook is None:
        return _not_run(submission, Ending.UNREADABLE, submission.problem, print_), None
    attempts: list[tuple[Run, NotebookNode, float | None]] = []
    for attempt in range(TRIES):
        job = _job(conditions, submission, print_, attempt, hidden)
        run, executed = _run_job(job, conditions.protection, stop)
        grade = judge(conditions.assignment, run)
        attempts.append((run, executed, best_reached(run, grade)))
        if not chance_decides(conditions.assignment, run, grade):
            break
    best = max(attempts, key=lambda a: (judge(conditions.assignment, a[0]).score_so_far, a[2] or 0))
    tried = tuple(Attempt(seed=run.seed, best_accuracy=reached) for run, _, reached in attempts)
    return msgspec.structs.replace(best[0], attempts=tried), best[1]


def _run_job(job: Job, protection: Protection, stop: threading.Event | None) -> tuple[Run, NotebookNode]:
    """Run a job; where we failed ourselves (a kernel that did not come up in time), once more."""
    run, executed = run_submission(job, protection, stop)
    if run.ending is Ending.GRADER_FAILED:
        run, executed = run_submission(job, protection, stop)
    return run, executed


def _job(
    conditions: Conditions, submission: Submission, print_: str, attempt: int, hidden: tuple[Path, ...]
) -> Job:
    return Job(
        submission=submission,
        fingerprint=print_,
        seed=seed_of(print_),
        override_seed=seed_of(print_, attempt) if attempt else None,
        limits=conditions.limits,
        calls=conditions.assignment.calls,
        manifest=manifest(conditions.data),
        data=tuple(DataUsed(name=d.name, kind=d.kind, sha256=d.sha256) for d in conditions.data),
        hidden=hidden,
    )


def _not_run(submission: Submission, ending: Ending, problem: str | None, print_: str = "") -> Run:
    """The run of a submission of which no cell ran; the problem says why."""
    return Run(
        student=submission.student,
        file=submission.name,
        sha256=submission.sha256,
        ending=ending,
        problem=problem,
        remarks=submission.remarks,
        fingerprint=print_,
    )


def judge_again(assignment: Assignment, out: Path) -> list[tuple[Grade | None, Grade]]:
    """Judge every run in `out` again without running anything: (grade before, grade now) for each.

    Raises:
        GraderError: there is no run in `out`.

    """
    folders = sorted(path.parent for path in out.glob("*/run.json"))
    if not folders:
        raise GraderError(
            f"{out} holds no runs; make some with: grader grade {assignment.id} PATHS… --out {out}"
        )
    pairs = [(_grade_before(folder), report(assignment, _kept_run(folder), folder)) for folder in folders]
    write_gradebook(assignment, [now for _, now in pairs], out)
    return pairs


def _kept_run(folder: Path) -> Run:
    """The run in a folder of results; a damaged one asks for a person and leaves the others alone."""
    try:
        return read_run(folder / "run.json")
    except EvidenceError as problem:
        ending = Ending.GRADER_FAILED
        return Run(student=folder.name, file=folder.name, sha256="", ending=ending, problem=str(problem))


def _grade_before(folder: Path) -> Grade | None:
    with contextlib.suppress(EvidenceError):
        return read_grade(folder / "grade.json")
    return None


def lowered(limits: Limits, wall: float | None, memory: int | None) -> Limits:
    """The assignment's limits, made stricter where asked; a limit is never raised."""
    return replace(
        limits,
        wall=min(limits.wall, wall or limits.wall),
        memory=min(limits.memory, memory or limits.memory),
    )
