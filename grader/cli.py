"""The commands of `grader`: each reads its words, ends in one call, and answers with an exit code.

Only light modules are imported here; what a command needs, it imports itself, so that `--help` is quick.
"""

from __future__ import annotations

import difflib
import errno
import io
import json
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from grader import __version__
from grader.errors import GraderError, ProtectionError

if TYPE_CHECKING:
    from grader.assignment import Assignment, Limits
    from grader.batch import Conditions, Outcome
    from grader.doctor import Examination
    from grader.execution.sandbox import Protection
    from grader.judging import Grade
    from grader.submission import Submission

DONE, NOT_ALL, REFUSED, FAILED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: done; some could not be graded, or marks below `--min`; refused; our own failure; Ctrl-C."""

# Click's class for wrong use; Typer gives it no public name, and newer ones bring a Click of their own.
UsageError: Any = typer.BadParameter.__bases__[0]


class _Commands(TyperGroup):
    """A group of commands that says which one was probably meant."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is None:
            near = difflib.get_close_matches(cmd_name, self.commands, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self.commands)}."
            raise GraderError(f"There is no command {cmd_name!r}; {meant} See: {ctx.command_path} --help")
        return command


def _examples(*lines: str) -> str:
    return "\n".join(("Examples:", "", "\b", *(f"  {line}" for line in lines)))


def _group(purpose: str, *examples: str) -> typer.Typer:
    return typer.Typer(
        cls=_Commands,
        help=purpose,
        epilog=_examples(*examples),
        add_completion=False,
        rich_markup_mode=None,  # Rich would double the time of --help
        pretty_exceptions_enable=False,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _group(
    "Grade TensorFlow/Keras notebooks: run them isolated, judge what they did, write feedback pages.",
    "grader demo",
    "grader grade happy-or-sad submissions/ --out results",
    "grader check my-notebook.ipynb",
)
data_app = _group(
    "List, download or draw the data sets that notebooks train on.",
    "grader data list",
    "grader data fetch happy-or-sad",
    "grader data make happy-or-sad --into data",
)
app.add_typer(data_app, name="data")

OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder with the real data sets. [default: $GRADER_DATA, what was fetched, else drawn ones]",
    ),
]
AssignmentsOption = Annotated[
    Path | None,
    typer.Option(
        "--assignments",
        metavar="DIR",
        help="Folder of assignments. [default: $GRADER_ASSIGNMENTS, ./assignments, the installed ones]",
    ),
]
AssignmentOption = Annotated[
    str | None,
    typer.Option("--assignment", metavar="ID", help="The assignment, by name or path. [default: found out]"),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        metavar="N",
        help="Notebooks that run side by side. [default: the cores, 2 GiB of memory for each]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs, nothing else on stdout.")]


def main() -> None:
    """Run the command that the command line names; the process ends with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run the command that these words name; its exit code. Here, and nowhere else, errors become codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")  # names and signs, whatever the locale
    try:
        code = app(list(words), prog_name="grader", standalone_mode=False)
    except UsageError as problem:
        return _refused(_usage(problem, words))
    except GraderError as problem:
        return _refused(str(problem))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as problem:
        return _refused(_no_room(problem)) if problem.errno in NO_ROOM else _failed(words)
    except Exception:
        return _failed(words)
    if code == INTERRUPTED:
        _say("Interrupted. What is finished is kept; to go on from there, run the same command again.")
    return int(code or DONE)


def _refused(sentence: str) -> int:
    _say(f"error: {sentence}")
    return REFUSED


def _usage(problem: Any, words: Iterable[str]) -> str:
    """What was wrong with the words, and where the right ones are listed."""
    path = problem.ctx.command_path if problem.ctx else "grader"
    dashed = next((word for word in words if word.startswith("-") and Path(word).exists()), None)
    file = f" If you mean the file {dashed!r}, write ./{dashed}." if dashed else ""
    said = problem.format_message()
    end = "" if said.endswith((".", "?", ")")) else "."
    return f"{said}{end}{file} See: {path} --help"


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


def _no_room(problem: OSError) -> str:
    what = problem.filename or "A file"
    return (
        f"{what} cannot be written ({problem.strerror}); make room or choose another folder, "
        "then run the same command again."
    )


def _failed(words: Sequence[str]) -> int:
    """Our own failure: the whole story goes to a file, one sentence to the terminal."""
    story = f"grader {__version__}, Python {sys.version}\n{list(words)}\n\n{traceback.format_exc()}"
    _say(
        f"error: The grader itself failed ({type(sys.exception()).__name__}). This is not your fault; "
        f"please report it with this file: {_logged(story, words)}"
    )
    return FAILED


def _logged(story: str, words: Sequence[str]) -> Path:
    out = next((words[i + 1] for i, word in enumerate(words[:-1]) if word == "--out"), "")
    for folder in (Path(out) if out else None, None):
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", prefix="grader-error-", suffix=".log", dir=folder, delete=False
            ) as file:
                file.write(story)
            return Path(file.name)
        except OSError:
            continue
    return Path("(nowhere: no folder could be written to)")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


@app.callback()
def _grader(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is, and end.")] = False,
) -> None:
    if version:
        print(f"grader {__version__}")
        raise typer.Exit
    _need_command(context)


@data_app.callback()
def _data(context: typer.Context) -> None:
    _need_command(context)


def _need_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(REFUSED)


# Grading a class ------------------------------------------------------------------------------------


@app.command(
    epilog=_examples(
        "grader grade happy-or-sad submissions/ --out results",
        "grader grade happy-or-sad ana.ipynb moodle.zip --out results --jobs 2",
        "grader grade happy-or-sad submissions/ --out results --wall '5 min' --memory '2 GiB'",
    )
)
def grade(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="Its name, or its folder.")],
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATHS", help="Notebooks, folders or zips with submissions.")
    ],
    out: OutOption,
    jobs: JobsOption = None,
    wall: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Time for one notebook; only lowers what the assignment allows."),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Memory for one notebook; only lowers what the assignment allows."),
    ] = None,
    unprotected: Annotated[
        bool,
        typer.Option("--unprotected", help="Run even where nothing protects this machine from notebooks."),
    ] = False,
    data: DataOption = None,
    assignments: AssignmentsOption = None,
    as_json: JsonOption = False,
) -> int:
    """Run, judge and report a class of submissions.

    What is finished is kept: the same command again goes on where it stopped, and runs only what changed.
    """
    from grader.assignment import find_assignment
    from grader.submission import find_submissions

    exercise = find_assignment(assignment, _places(assignments))
    limits = _limits(exercise, wall, memory)
    _refuse_other_results(out, exercise)
    with _unpacked() as folder:
        submissions = find_submissions(paths, folder)
        _refuse_place(out, paths, submissions)
        _refuse_results(submissions)
        conditions = _conditions(exercise, _protection(unprotected), data, limits, jobs)
        outcomes = _graded(conditions, submissions, out)
    _show_class(outcomes, out, as_json)
    return _code(outcome.grade for outcome in outcomes)


def _places(assignments: Path | None) -> list[Path]:
    if assignments is not None and not assignments.is_dir():
        raise GraderError(f"--assignments: there is no folder {assignments}.")
    return [assignments] if assignments else []


def _limits(exercise: Assignment, wall: str | None, memory: str | None) -> Limits:
    from grader.assignment import bytes_of, seconds
    from grader.batch import lowered

    try:
        asked = seconds(wall) if wall else None, bytes_of(memory) if memory else None
    except ValueError as problem:
        raise GraderError(f"--wall or --memory: {problem}") from None
    for option, wish, allowed in zip(
        ("--wall", "--memory"), asked, (exercise.limits.wall, exercise.limits.memory), strict=True
    ):
        if wish and wish > allowed:
            _say(f"{option} is more than the assignment allows, so the assignment's limit holds.")
    return lowered(exercise.limits, *asked)


def _refuse_place(out: Path, paths: Iterable[Path], submissions: Iterable[Submission]) -> None:
    """A student's folder must not become a folder of results: the next call would pass it over."""
    goal = out.resolve()
    folders = [path for path in paths if path.is_dir()]
    files = [submission.path for submission in submissions if submission.path]
    for path in (*folders, *files):
        if path.resolve().is_relative_to(goal):
            raise GraderError(
                f"The results cannot go into {out}, where the submissions are; choose a folder of its own, "
                f"e.g. --out {out / 'results'}"
            )


def _refuse_other_results(out: Path, exercise: Assignment) -> None:
    earlier = _recorded_assignment(out)
    if earlier not in (None, exercise.id):
        raise GraderError(f"{out} holds results of the assignment {earlier!r}; choose another --out.")


def _refuse_results(submissions: Iterable[Submission]) -> None:
    for submission in submissions:
        folder = submission.path.parent if submission.path else Path()
        if submission.path and (folder / "run.json").is_file() and (folder / "grade.json").is_file():
            raise GraderError(
                f"{folder} holds results of grading, not submissions; name the submissions one by one, "
                "or move the results elsewhere."
            )


@contextmanager
def _unpacked() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="grader-unpacked-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _protection(unprotected: bool) -> Protection:
    """The protection of this machine; refused where there is none, unless that was said to be fine."""
    from grader.doctor import remedy
    from grader.execution.sandbox import find_protection

    protection = find_protection()
    if protection.name == "none" and not unprotected:
        raise ProtectionError(
            f"Nothing protects this machine from the notebooks: {protection.missing[0]}. {remedy()} "
            "Or run them all the same with --unprotected, if you trust every one of them."
        )
    return protection


def _conditions(
    exercise: Assignment,
    protection: Protection,
    data: Path | None,
    limits: Limits | None = None,
    jobs: int | None = None,
    kind: Literal["auto", "drawn"] = "auto",
) -> Conditions:
    import psutil

    from grader.batch import Conditions
    from grader.datasets import provide
    from grader.doctor import cores, require_tensorflow, usual_jobs

    require_tensorflow()
    return Conditions(
        assignment=exercise,
        data=tuple(provide(name, data, kind) for name in exercise.data),
        protection=protection,
        limits=limits or exercise.limits,
        jobs=jobs or usual_jobs(cores(), psutil.virtual_memory().available),
    )


def _graded(conditions: Conditions, submissions: Sequence[Submission], out: Path) -> list[Outcome]:
    from grader.batch import grade_all
    from grader.progress import counted, outcome_line, ran

    with counted(len(submissions)) as tell:
        return grade_all(
            conditions, submissions, out, lambda outcome: tell(outcome_line(outcome), ran(outcome))
        )


def _show_class(outcomes: Sequence[Outcome], out: Path, as_json: bool = False) -> None:
    from grader.gradebook import gradebook_json
    from grader.progress import batch_sentences, print_class

    grades = [outcome.grade for outcome in outcomes]
    if as_json:
        reused = [outcome.grade.student for outcome in outcomes if outcome.reused]
        _print_json(json.loads(gradebook_json(grades)) | {"out": str(out), "reused": reused})
        return
    print_class(grades)
    for sentence in batch_sentences(outcomes):
        print(sentence)
    _show_pages(out)


def _show_pages(out: Path) -> None:
    print(f"The class: {out / 'index.html'} and {out / 'gradebook.csv'}")
    print(f"Feedback for each student: {out / '<student>' / 'feedback.html'}")


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))


def _code(grades: Iterable[Grade]) -> int:
    from grader.progress import is_graded

    return DONE if all(is_graded(grade) for grade in grades) else NOT_ALL


# Judging again --------------------------------------------------------------------------------------


@app.command(epilog=_examples("grader judge results", "grader judge results --assignment happy-or-sad"))
def judge(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `grade` was told as --out.")],
    assignment: AssignmentOption = None,
    assignments: AssignmentsOption = None,
) -> int:
    """Judge all runs in a folder again, without running anything.

    This is for a changed rubric: it says which marks changed, and writes all pages anew.
    """
    from grader.assignment import find_assignment
    from grader.batch import judge_again
    from grader.progress import print_changes

    id = assignment or _recorded_assignment(folder)
    if id is None:
        raise GraderError(
            f"{folder} does not say which assignment it is of; if it holds results, add --assignment ID."
        )
    pairs = judge_again(find_assignment(id, _places(assignments)), folder)
    print_changes(pairs)
    _show_pages(folder)
    return _code(now for _, now in pairs)


def _recorded_assignment(folder: Path) -> str | None:
    """The id of the assignment whose results lie in a folder, if any do."""
    for path in (folder / "gradebook.json", *sorted(folder.glob("*/grade.json"))):
        try:
            id = json.loads(path.read_bytes()).get("assignment")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(id, str):
            return id
    return None


# A student's own check ------------------------------------------------------------------------------


@app.command(
    epilog=_examples(
        "grader check my-notebook.ipynb",
        "grader check my-notebook.ipynb --assignment happy-or-sad --min 80%",
    )
)
def check(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="The notebook, or its folder or zip.")],
    assignment: AssignmentOption = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the page and what belongs to it.")
    ] = Path("grader-feedback"),
    minimum: Annotated[
        str | None,
        typer.Option(
            "--min", metavar="POINTS|PERCENT%", help="Exit with 1 below this score, e.g. 80 or 80%."
        ),
    ] = None,
    data: DataOption = None,
    assignments: AssignmentsOption = None,
    as_json: JsonOption = False,
) -> int:
    """Check your own notebook: what is met, what is missing, and why.

    It is run from top to bottom in a kernel of its own. The exit code is 1 when it could not be judged or
    has fewer points than --min.
    """
    from grader.assignment import find_assignment
    from grader.execution.sandbox import find_protection

    with _unpacked() as folder:
        submission = _the_one(notebook, folder)
        places = _places(assignments)
        exercise = find_assignment(assignment, places) if assignment else _guessed(submission, places)
        wanted = _points(minimum, exercise.max_score)
        outcome = _checked(_conditions(exercise, find_protection(), data, jobs=1), submission, out)
    _show_check(outcome, exercise, out, as_json)
    score = outcome.grade.score
    return max(_code([outcome.grade]), NOT_ALL if score is None or score < wanted else DONE)


def _the_one(notebook: Path, unpack_into: Path) -> Submission:
    from grader.submission import find_submissions

    found = find_submissions([notebook], unpack_into)
    if len(found) != 1:
        raise GraderError(
            f"{notebook} holds {len(found)} submissions; name one, or grade all with: grader grade"
        )
    return found[0]


def _guessed(submission: Submission, places: Sequence[Path]) -> Assignment:
    """The only assignment there is, or the one whose words and starter the notebook has most of."""
    from grader.assignment import assignment_folders, assignment_ids, find_assignment

    known = [find_assignment(id, places) for id in assignment_ids(assignment_folders(places))]
    if not known:
        raise GraderError("There are no assignments here; say where they are with --assignments DIR.")
    if len(known) == 1:
        return known[0]
    alike = sorted(((_likeness(submission, one), one) for one in known), key=lambda pair: pair[0])
    if alike[-1][0] == alike[-2][0]:
        ids = ", ".join(one.id for one in known)
        raise GraderError(
            f"Which assignment is {submission.name}? Say it with --assignment ID. Known: {ids}."
        )
    _say(f"Taken for the assignment {alike[-1][1].id!r}; another one is named with --assignment.")
    return alike[-1][1]


def _likeness(submission: Submission, exercise: Assignment) -> float:
    """How much a notebook has of an assignment: the share of its words and that of its starter's lines."""
    from grader.submission import read_notebook

    text = f"{submission.name}\n{_text(submission)}".lower()
    words = [word.lower() in text for word in exercise.words]
    starter = exercise.folder / "starter.ipynb"
    lines = _text(read_notebook(starter)).lower().splitlines() if starter.is_file() else []
    long = [line.strip() in text for line in lines if len(line.strip()) > 20]
    return sum(sum(hits) / len(hits) for hits in (words, long) if hits)


def _text(submission: Submission) -> str:
    return "\n".join(cell.source for cell in submission.notebook.cells) if submission.notebook else ""


def _points(minimum: str | None, max_score: float) -> float:
    """The points meant by `--min`: "80" or "80%"."""
    if minimum is None:
        return 0.0
    try:
        value = float(minimum.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    points = value * max_score / 100 if minimum.strip().endswith("%") else value
    if not 0 <= points <= max_score:
        raise GraderError(
            f"--min takes points from 0 to {max_score:g} or a share such as 80%, not {minimum!r}."
        )
    return points


def _checked(conditions: Conditions, submission: Submission, out: Path) -> Outcome:
    from grader.batch import grade_one
    from grader.progress import waiting

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise GraderError(
            f"Feedback cannot be written to {out}: {problem.strerror}. Choose another --out."
        ) from None
    with waiting(f"Running {submission.name} …"):
        return grade_one(conditions, submission, out)


def _show_check(outcome: Outcome, exercise: Assignment, out: Path, as_json: bool) -> None:
    import msgspec

    from grader.progress import check_sentences, print_verdicts

    page = out / outcome.grade.student / "feedback.html"
    if as_json:
        _print_json(msgspec.to_builtins(outcome.grade) | {"page": str(page)})
        return
    print(f"{exercise.title} ({exercise.id})")
    print_verdicts(outcome.grade)
    for sentence in check_sentences(outcome):
        print(sentence)
    print(f"The page: {page}")


# Proving an assignment ------------------------------------------------------------------------------


@app.command(
    epilog=_examples(
        "grader validate happy-or-sad",
        "grader validate happy-or-sad --only reference --only starter",
    )
)
def validate(
    assignment: Annotated[
        list[str] | None, typer.Argument(metavar="[ASSIGNMENT]...", help="Names or folders. [default: all]")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this case; may be said again. [default: all]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the results. [default: in the cache]"),
    ] = None,
    jobs: JobsOption = None,
    data: DataOption = None,
    assignments: AssignmentsOption = None,
) -> int:
    """Prove assignments by their reference, starter and mistakes.

    Each must get exactly the marks it should, with the right diagnosis. Cases that were run before and
    have not changed are not run again.
    """
    from grader.assignment import assignment_folders, assignment_ids, find_assignment
    from grader.datasets import cache_folder

    places = _places(assignments)
    ids = assignment or assignment_ids(assignment_folders(places))
    exercises = [find_assignment(id, places) for id in ids]
    base = out or cache_folder() / "validated"
    proved = [_validated(exercise, base / exercise.id, only or (), jobs, data) for exercise in exercises]
    return DONE if all(proved) else NOT_ALL


def _validated(
    exercise: Assignment, out: Path, only: Sequence[str], jobs: int | None, data: Path | None
) -> bool:
    """Whether every case of an assignment is proved; a line for each, and how many."""
    from grader.execution.sandbox import find_protection
    from grader.progress import counted, proof_line
    from grader.validation import read_cases, validate

    conditions = _conditions(exercise, find_protection(), data, jobs=jobs)
    total = len(only) or len(read_cases(exercise))
    with counted(total, keep_lines=True) as tell:
        proofs = validate(conditions, out, only, lambda proof: tell(proof_line(proof)))
    proved = sum(not proof.problems for proof in proofs)
    print(f"{exercise.id}: {proved} of {len(proofs)} cases proved. Pages: {out / 'index.html'}")
    return proved == len(proofs)


# Data sets ------------------------------------------------------------------------------------------


@data_app.command("list", epilog=_examples("grader data list", "grader data list --data downloads/"))
def list_(data: DataOption = None) -> int:
    """List the data sets, and whether notebooks would get the real pictures or the drawn stand-in."""
    from grader.datasets import registry
    from grader.doctor import data_state

    for entry in registry().values():
        state = data_state(entry.name, data)
        print(f"{entry.name}: {entry.title}; {_data_words(state.kind)}")
        print(f"    {state.problem or state.folder}")
    return DONE


def _data_words(kind: str | None) -> str:
    return {"real": "the real pictures", "drawn": "a drawn stand-in"}.get(kind or "", "not usable")


@data_app.command(
    epilog=_examples("grader data fetch happy-or-sad", "grader data fetch happy-or-sad --into downloads")
)
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The data set; see: grader data list")],
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the archive. [default: the cache]")
    ] = None,
) -> int:
    """Download a real data set from its official address; from then on notebooks get it."""
    from grader.datasets import fetch

    path = fetch(name, into, progressbar=sys.stderr.isatty())
    print(f"The real pictures: {path}")
    if into:
        print(f"To use them: --data {into}")
    return DONE


@data_app.command(
    epilog=_examples("grader data make happy-or-sad", "grader data make happy-or-sad --into data")
)
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The data set; see: grader data list")],
    into: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the zip and the pictures.")] = Path(),
) -> int:
    """Draw the stand-in of a data set: the same names, sizes and number of pictures, without a download."""
    from grader.datasets import make_drawn

    made = make_drawn(name, into)
    print(f"Drawn pictures: {made.folder} and {made.archive}")
    return DONE


# This machine ---------------------------------------------------------------------------------------


@app.command(epilog=_examples("grader doctor", "grader doctor --json"))
def doctor(data: DataOption = None, as_json: JsonOption = False) -> int:
    """Say what this machine can do, and what it lacks.

    Python, TensorFlow, course packages, cores, memory, protections (each is tried out) and data sets.
    """
    import dataclasses

    from grader.doctor import examine

    found = examine(data)
    if as_json:
        _print_json(dataclasses.asdict(found) | {"can_grade": found.can_grade})
    else:
        _show_examination(found)
    return DONE if found.can_grade else NOT_ALL


def _show_examination(found: Examination) -> None:
    from grader.doctor import lines

    for line in lines(found):
        print(line)


@app.command(epilog=_examples("grader demo", "grader demo --out somewhere-else"))
def demo(out: OutOption = Path("grader-demo"), jobs: JobsOption = None) -> int:
    """Grade a small made-up class, to see how it works.

    Draws the happy and sad faces, makes six sample submissions, and grades them.
    """
    from grader.assignment import find_assignment
    from grader.execution.sandbox import find_protection
    from grader.submission import find_submissions
    from grader.validation import demo_class

    exercise = find_assignment("happy-or-sad")
    conditions = _conditions(exercise, find_protection(), None, jobs=jobs, kind="drawn")
    with _unpacked() as folder:
        submissions = find_submissions(demo_class(exercise, out / "submissions"), folder)
        _say(f"Grading {len(submissions)} sample submissions; the first time takes a minute or two.")
        outcomes = _graded(conditions, submissions, out / "results")
    _show_class(outcomes, out / "results")
    return _code(outcome.grade for outcome in outcomes)


if __name__ == "__main__":
    main()
