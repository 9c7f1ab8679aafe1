"""The command line: exit codes, refusals that say what to do, and what each command prints."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from builders import cell
from builders import run as made_run
from classroom import TINY, write_assignment, write_notebook, write_unreadable

from grader import __version__
from grader.cli import run
from grader.evidence import read_run, write_run
from grader.execution.sandbox import find_protection
from grader.execution.watch import is_alive
from grader.judging import read_grade

ROOT = Path(__file__).parents[1]
COMMANDS = ["grade", "judge", "check", "validate", "doctor", "demo", "data list", "data fetch", "data make"]
EMPTY = "The file is empty; hand in the notebook itself (.ipynb)."

unprotected = pytest.mark.skipif(
    sys.platform == "win32", reason="signals and search paths as on POSIX systems"
)


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


Grader = Callable[..., Said]


@pytest.fixture
def grader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Grader:
    """Runs a command in an empty folder, beside a folder with the tiny assignment."""
    write_assignment(tmp_path / "assignments")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GRADER_ASSIGNMENTS", str(tmp_path / "assignments"))
    monkeypatch.delenv("COLUMNS", raising=False)

    def said(*words: object) -> Said:
        code = run([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return said


def words_of_shell(command: str, path: Path | None = None) -> Said:
    """A command in a process of its own, with another search path if one is given."""
    words = [sys.executable, "-m", "grader.cli", *shlex.split(command)]
    env = {**os.environ, "PATH": str(path)} if path else None
    done = subprocess.run(words, capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


# Help and wrong use ---------------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    """`grader --help` needs Typer and the list of commands, not TensorFlow, nor anything that is slow."""
    code = (
        "import sys\n"
        "from grader.cli import run\n"
        "code = run(['--help'])\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'nbformat', 'nbclient', 'msgspec', 'rich', 'PIL'}\n"
        "print(code, sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "0 []" == done.stdout.splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, grader: Grader) -> None:
    """A purpose in one line, and examples that are right use."""
    said = grader(*command.split(), "--help")
    examples = re.findall(r"^ +grader (.+)$", said.out.partition("Examples:")[2], re.MULTILINE)
    assert 0 == said.code
    assert examples
    for example in examples:
        assert example.startswith(command)
        assert (0, "") == grader(*shlex.split(example), "--help")[::2]


def test_every_command_is_listed(grader: Grader) -> None:
    """With its whole purpose, not cut short."""
    told = grader("--help").out.partition("Commands:")[2].partition("Examples:")[0]
    listed = dict(re.findall(r"^  (\w+) +(\S.*)$", told, re.MULTILINE))
    assert {command.split()[0] for command in COMMANDS} == set(listed)
    assert [] == [purpose for purpose in listed.values() if not purpose.endswith(".") or "..." in purpose]


def test_no_command_is_answered_with_help(grader: Grader) -> None:
    """The exit code says that nothing was done."""
    said = grader()
    assert 2 == said.code
    assert said.out.startswith("Usage: grader")


def test_the_version(grader: Grader) -> None:
    """One line, for bug reports."""
    assert (0, f"grader {__version__}\n", "") == grader("--version")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gade"], "There is no command 'gade'; did you mean 'grade'? See: grader --help"),
        (["data", "lst"], "There is no command 'lst'; did you mean 'list'? See: grader data --help"),
        (["grade", "tiny"], "Missing argument 'PATHS'. See: grader grade --help"),
        (["grade", "tiny", "x.ipynb"], "Missing option '--out'. See: grader grade --help"),
        (["check"], "Missing argument 'NOTEBOOK'. See: grader check --help"),
        (
            ["grade", "tiney", "x", "--out", "out"],
            "There is no assignment 'tiney'; did you mean 'tiny'? Known: happy-or-sad, tiny.",
        ),
        (
            ["grade", "tiny", "nowhere.ipynb", "--out", "out"],
            "There is no file or folder nowhere.ipynb; check the path.",
        ),
        (
            ["grade", "tiny", ".", "--out", "out", "--wall", "soon"],
            "--wall or --memory: 'soon' is not a time such as '90 s' or '10 min'.",
        ),
        (
            ["grade", "tiny", ".", "--out", "out", "--assignments", "nowhere"],
            "--assignments: there is no folder nowhere.",
        ),
        (
            ["judge", "nowhere"],
            "nowhere does not say which assignment it is of; if it holds results, add --assignment ID.",
        ),
        (["data", "make", "hapy-or-sad"], 'There is no data set "hapy-or-sad"; did you mean "happy-or-sad"?'),
    ],
)
def test_wrong_use_is_refused_with_what_to_do(words: list[str], sentence: str, grader: Grader) -> None:
    """Exit code 2, one sentence on stderr, nothing on stdout."""
    assert (2, "", f"error: {sentence}\n") == grader(*words)


def test_an_unknown_option_is_refused_with_the_nearest(grader: Grader) -> None:
    """Typer finds it; its wording differs between versions."""
    said = grader("grade", "tiny", ".", "--oot", "x")
    assert 2 == said.code
    assert "--oot" in said.err
    assert "--out" in said.err
    assert said.err.endswith("See: grader grade --help\n")


def test_a_file_that_looks_like_an_option(grader: Grader) -> None:
    """A name with a leading dash is taken for options; the refusal says how to write it, and that works."""
    write_unreadable(Path("-ada.ipynb"))
    said = grader("grade", "tiny", "-ada.ipynb", "--out", "out")
    assert 2 == said.code
    assert "If you mean the file '-ada.ipynb', write ./-ada.ipynb." in said.err
    assert 1 == grader("grade", "tiny", "./-ada.ipynb", "--out", "out", "--unprotected").code


def test_a_typo_in_a_rubric_is_refused(grader: Grader, tmp_path: Path) -> None:
    """The file, the place, the problem, and what was probably meant."""
    own = write_assignment(tmp_path / "assignments", text=TINY.replace("cells_run", "cell_run"))
    said = grader("grade", "tiny", ".", "--out", "out")
    place = f"{own / 'assignment.toml'}, [criteria.runs]"
    assert (
        2,
        "",
        f"error: {place}: there is no check 'cell_run'; did you mean 'cells_run'?\n",
    ) == said


def test_our_own_failure_is_one_sentence_and_a_file(grader: Grader, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback on the terminal; the whole story in a file, and an exit code of its own."""

    def fail(data: Path | None) -> None:
        raise ZeroDivisionError("never mind")

    monkeypatch.setattr("grader.doctor.examine", fail)
    said = grader("doctor")
    assert (3, "") == said[:2]
    assert said.err.startswith("error: The grader itself failed (ZeroDivisionError). ")
    assert 1 == said.err.count("\n")
    log = Path(said.err.rpartition(": ")[2].strip())
    assert "never mind" in log.read_text(encoding="utf-8")
    log.unlink()


# Where results may go -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "out", "better"),
    [
        ("class", "class", "class/results"),
        ("class", ".", "results"),
        ("class", "class/team", "class/team/results"),
        ("class/team/ada.ipynb", "class", "class/results"),
    ],
)
def test_results_do_not_go_where_submissions_are(given: str, out: str, better: str, grader: Grader) -> None:
    """A student's folder would become a folder of results; the refusal names a place that works."""
    write_unreadable(Path("class/team/ada.ipynb"))
    said = grader("grade", "tiny", given, "--out", out)
    reason = (
        f"The results cannot go into {out}, where the submissions are; choose a folder of its own, "
        f"e.g. --out {better}"
    )
    assert (2, "", f"error: {reason}\n") == said
    assert 1 == grader("grade", "tiny", given, "--out", better, "--unprotected").code


def test_results_are_not_graded_as_submissions(grader: Grader) -> None:
    """Results inside the folder of submissions are passed over when it is graded again."""
    write_unreadable(Path("class/ada.ipynb"))
    write_unreadable(Path("class/bela.ipynb"))
    words = ("grade", "tiny", "class", "--out", "class/results", "--unprotected", "--json")
    first = json.loads(grader(*words).out)["students"]
    write_notebook(Path("class/results/ada/executed.ipynb"), "x = 1")
    assert first == json.loads(grader(*words).out)["students"]


def test_a_result_that_is_given_by_name_is_refused(grader: Grader) -> None:
    """An executed notebook is not what a student handed in."""
    keep_results(Path("old/ada"))
    executed = write_notebook(Path("old/ada/executed.ipynb"), "x = 1")
    said = grader("grade", "tiny", executed, "--out", "out", "--unprotected")
    assert 2 == said.code
    assert f"{Path('old/ada').absolute()} holds results of grading, not submissions" in said.err


def test_results_of_another_assignment_are_not_overwritten(grader: Grader, tmp_path: Path) -> None:
    """One folder holds the results of one assignment."""
    write_unreadable(Path("ada.ipynb"))
    write_assignment(tmp_path / "assignments", "other")
    assert 1 == grader("grade", "tiny", "ada.ipynb", "--out", "out", "--unprotected").code
    said = grader("grade", "other", "ada.ipynb", "--out", "out", "--unprotected")
    assert (2, "", "error: out holds results of the assignment 'tiny'; choose another --out.\n") == said


def test_a_folder_that_cannot_be_written_is_refused(grader: Grader) -> None:
    """Here its parent is a file, which stops even root."""
    write_unreadable(Path("ada.ipynb"))
    said = grader("grade", "tiny", "ada.ipynb", "--out", "ada.ipynb/out", "--unprotected")
    reason = "Results cannot be written to ada.ipynb/out: Not a directory. Choose another --out."
    assert (2, f"error: {reason}") == (said.code, said.err.strip())


@unprotected
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is there to be missing")
def test_without_protection_nothing_is_run(tmp_path: Path) -> None:
    """The sentence names what is missing, what to install, and the option for those who know better."""
    write_assignment(tmp_path / "assignments")
    write_unreadable(tmp_path / "ada.ipynb")
    command = (
        f"grade tiny '{tmp_path}/ada.ipynb' --out '{tmp_path}/out' --assignments '{tmp_path}/assignments'"
    )
    said = words_of_shell(command, path=tmp_path)
    assert (2, "") == said[:2]
    assert "bubblewrap is not there (install the package bubblewrap)" in said.err
    assert "--unprotected" in said.err
    assert not (tmp_path / "out").exists()
    assert 1 == words_of_shell(f"{command} --unprotected", path=tmp_path).code


# Grading --------------------------------------------------------------------------------------------


def test_a_class_that_cannot_be_read(grader: Grader) -> None:
    """Exit code 1; a line for each on stderr, a table with the reasons and the pages on stdout."""
    for name in ("ada", "bela"):
        write_unreadable(Path(f"class/{name}.ipynb"))
    said = grader("grade", "tiny", "class", "--out", "out", "--unprotected")
    assert 1 == said.code
    assert 2 == said.err.count("0 of 10 (unreadable)")
    assert re.search(rf"ada +0 +– +{re.escape(EMPTY)}", said.out)
    assert "2 of 2 could not be graded, please look yourself: ada, bela." in said.out
    assert "The class: out/index.html and out/gradebook.csv" in said.out
    assert Path("out/index.html").is_file()
    assert Path("out/bela/feedback.html").is_file()


def test_reused_runs_are_said(grader: Grader) -> None:
    """The second call says how many were not run again."""
    write_unreadable(Path("ada.ipynb"))
    grader("grade", "tiny", "ada.ipynb", "--out", "out", "--unprotected")
    said = grader("grade", "tiny", "ada.ipynb", "--out", "out", "--unprotected")
    assert "1 of 1 unchanged, not run again." in said.out


def test_json_is_all_there_is_on_stdout(grader: Grader) -> None:
    """A program reads the gradebook, and which runs were reused."""
    write_unreadable(Path("ada.ipynb"))
    said = grader("grade", "tiny", "ada.ipynb", "--out", "out", "--unprotected", "--json")
    told = json.loads(said.out)
    assert ("tiny", "out", []) == (told["assignment"], told["out"], told["reused"])
    assert [("ada", "unreadable")] == [(s["student"], s["ending"]) for s in told["students"]]


def test_names_of_all_kinds(grader: Grader) -> None:
    """Spaces, quotes, emoji, brackets and a leading dash: each is a row, and a folder of its own."""
    names = ["Ana Silva", "Bo O'Neill", '"q"', "😀", "[red]", "-dash", "José"]
    for name in names:
        write_unreadable(Path("class") / f"{name}.ipynb")
    said = grader("grade", "tiny", "class", "--out", "out", "--unprotected", "--json")
    told = json.loads(said.out)["students"]
    assert {f"{name}.ipynb" for name in names} == {Path(s["file"]).name for s in told}
    assert len(names) == len({s["student"] for s in told})
    assert all(Path("out", s["student"], "feedback.html").is_file() for s in told)


def test_two_students_of_one_name(grader: Grader) -> None:
    """Both are in the table, told apart by their folders."""
    paths = [write_unreadable(Path(team) / "hw.ipynb") for team in ("red", "blue")]
    said = grader("grade", "tiny", *paths, "--out", "out", "--unprotected")
    assert "red-hw " in said.out
    assert "blue-hw " in said.out


def test_limits_are_only_lowered(grader: Grader) -> None:
    """Asking for more than the assignment allows is said, and not done."""
    write_unreadable(Path("ada.ipynb"))
    said = grader("grade", "tiny", "ada.ipynb", "--out", "out", "--unprotected", "--wall", "20 min")
    assert "--wall is more than the assignment allows, so the assignment's limit holds." in said.err


# Judging again --------------------------------------------------------------------------------------


def keep_results(folder: Path, student: str = "ada") -> None:
    """What grading left: a run of two cells, one of which failed, and a grade of another rubric."""
    folder.mkdir(parents=True)
    cells = (cell(0), cell(1, "failed", error="NameError", message="name 'y' is not defined"))
    write_run(made_run(student=student, cells=cells), folder / "run.json")
    (folder / "grade.json").write_text(json.dumps({"assignment": "tiny"}), encoding="utf-8")


def test_judging_again_says_which_marks_changed(grader: Grader, tmp_path: Path) -> None:
    """First all are new, then none changes, then the rubric's new points are seen: student, from, to."""
    keep_results(Path("out/ada"))
    assert "1 mark of 1 student changed; 1 run judged." in grader("judge", "out").out
    assert "0 marks of 0 students changed; 1 run judged." in grader("judge", "out").out
    write_assignment(tmp_path / "assignments", text=TINY.replace("points = 10", "points = 20"))
    said = grader("judge", "out")
    assert 0 == said.code
    assert re.search(r"ada +runs +5 of 10 +10 of 20", said.out)
    assert 10.0 == read_grade(Path("out/ada/grade.json")).score


def test_judging_again_keeps_its_exit_code(grader: Grader) -> None:
    """What could not be graded still cannot."""
    write_unreadable(Path("ada.ipynb"))
    grader("grade", "tiny", "ada.ipynb", "--out", "out", "--unprotected")
    assert 1 == grader("judge", "out").code


# A student's own check ------------------------------------------------------------------------------


def test_checking_what_cannot_be_read(grader: Grader) -> None:
    """Exit code 1, the reason, and a page."""
    write_unreadable(Path("ada.ipynb"))
    said = grader("check", "ada.ipynb", "--assignment", "tiny")
    assert 1 == said.code
    assert EMPTY in said.out
    assert "Score: 0 of 10 points." in said.out
    assert "The page: grader-feedback/ada/feedback.html" in said.out
    assert Path("grader-feedback/ada/feedback.html").is_file()


@pytest.mark.parametrize(("file", "id"), [("my-tiny-work", "tiny"), ("happy_sad", "happy-or-sad")])
def test_the_assignment_is_guessed(file: str, id: str, grader: Grader) -> None:
    """By the words of each assignment, here in the file's name; and it says so."""
    write_unreadable(Path(f"{file}.ipynb"))
    said = grader("check", f"{file}.ipynb")
    assert f"Taken for the assignment '{id}'; another one is named with --assignment." in said.err
    assert f"({id})" in said.out


def test_an_assignment_that_cannot_be_guessed(grader: Grader) -> None:
    """The refusal names all there are."""
    write_unreadable(Path("homework.ipynb"))
    said = grader("check", "homework.ipynb")
    ask = "Which assignment is homework.ipynb? Say it with --assignment ID. Known: happy-or-sad, tiny."
    assert (2, "", f"error: {ask}\n") == said


def test_the_starter_tells_the_assignment(grader: Grader, tmp_path: Path) -> None:
    """Where words do not help, the starter's own lines in the notebook do."""
    line = "Fill in the gap below, then run the cell and look at what it prints"
    for id, text in (("other", "x"), ("tiny", line)):
        own = write_assignment(tmp_path / "assignments", id, TINY.replace('words = ["tiny"]', ""))
        write_notebook(own / "starter.ipynb", f"# {text}")
    write_notebook(Path("homework.ipynb"), f"# {line}")
    assert "'tiny'" in grader("check", "homework.ipynb", "--min", "-1").err


def test_a_check_takes_one_notebook(grader: Grader) -> None:
    """A class is graded, not checked."""
    for name in ("ada", "bela"):
        write_unreadable(Path(f"class/{name}.ipynb"))
    said = grader("check", "class")
    assert (2, "") == said[:2]
    assert "class holds 2 submissions; name one, or grade all with: grader grade" in said.err


@pytest.mark.parametrize("minimum", ["much", "-1", "11", "101%", "%"])
def test_a_minimum_that_makes_no_sense(minimum: str, grader: Grader) -> None:
    """Before anything is run."""
    write_unreadable(Path("ada.ipynb"))
    said = grader("check", "ada.ipynb", "--assignment", "tiny", "--min", minimum)
    told = f"--min takes points from 0 to 10 or a share such as 80%, not {minimum!r}."
    assert (2, "", f"error: {told}\n") == said


@pytest.mark.kernel
def test_a_check_from_end_to_end(grader: Grader) -> None:
    """What was seen, a hint, the score; the exit code follows the minimum; then nothing runs again."""
    write_notebook(Path("ada.ipynb"), "x = 1", "x.y")
    said = grader("check", "ada.ipynb", "--assignment", "tiny", "--min", "60%")
    assert 1 == said.code
    assert "AttributeError" in said.out
    assert "Hint: " in said.out
    assert "Score: 5 of 10 points." in said.out
    assert said.out.count("rotected") == bool(find_protection().active) + bool(find_protection().missing)
    again = grader("check", "ada.ipynb", "--assignment", "tiny", "--min", "5", "--json")
    assert (0, 5.0) == (again.code, json.loads(again.out)["score"])
    assert "not run again" in grader("check", "ada.ipynb", "--assignment", "tiny").out


# Ctrl-C ---------------------------------------------------------------------------------------------


@pytest.mark.kernel
@unprotected
def test_ctrl_c_in_the_middle(tmp_path: Path) -> None:
    """Exit code 130 and what to do; finished work is whole, no process is left, the next call goes on."""
    write_assignment(tmp_path / "assignments")
    write_notebook(tmp_path / "class" / "quick.ipynb", "x = 1")
    write_notebook(tmp_path / "class" / "slow.ipynb", "import time; time.sleep(300)")
    command = (
        f"grade tiny '{tmp_path}/class' --out '{tmp_path}/out' --assignments '{tmp_path}/assignments' "
        "--jobs 2 --wall 12 --unprotected"
    )
    interrupted = interrupt(command, tmp_path / "out" / "quick" / "grade.json")
    assert (130, "") == interrupted[:2]
    assert "Interrupted. What is finished is kept; to go on from there, run the same command again." in (
        interrupted.err
    )
    assert 10.0 == read_grade(tmp_path / "out" / "quick" / "grade.json").score
    quick = read_run(tmp_path / "out" / "quick" / "run.json")
    assert (tmp_path / "out" / "gradebook.csv").is_file()
    assert [] == list(tmp_path.rglob("*.tmp"))
    again = words_of_shell(command)
    assert "1 of 2 unchanged, not run again." in again.out
    assert quick == read_run(tmp_path / "out" / "quick" / "run.json")
    assert "timed-out" == read_grade(tmp_path / "out" / "slow" / "grade.json").ending.value


def interrupt(command: str, as_soon_as: Path) -> Said:
    """Start a command, send it Ctrl-C as soon as a file is there, and see that its processes end with it."""
    words = [sys.executable, "-m", "grader.cli", *shlex.split(command)]
    pipe = subprocess.PIPE
    # Tests that run in the background inherit an ignored SIGINT; a terminal's foreground does not.
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, preexec_fn=heard) as process:
        while not as_soon_as.is_file() and process.poll() is None:
            time.sleep(0.05)
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert started
    assert [] == [child for child in started if is_alive(child)]
    return Said(process.returncode, out, err)


# Other commands -------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_validating_an_assignment(grader: Grader, tmp_path: Path) -> None:
    """A reference with full marks is proved; a mistake that nothing catches is not: exit code 1."""
    own = write_assignment(tmp_path / "assignments")
    write_notebook(tmp_path / "reference" / "tiny.ipynb", "x = 1")
    (own / "mistakes.toml").write_text(
        '[[mistakes]]\nid = "harmless"\ntitle = "x is 2"\nreplace = [["x = 1", "x = 2"]]\n'
        'fails = { runs = "cell-fails" }\n'
    )
    words = ("validate", "tiny", "--only", "reference", "--only", "harmless", "--out", "proofs")
    said = grader(*words)
    assert 1 == said.code
    assert "✓ reference: 10 of 10" in said.err
    assert "✗ harmless: 10 of 10" in said.err
    assert "runs should not be met" in said.err
    assert "tiny: 1 of 2 cases proved. Pages: proofs/tiny/index.html" in said.out


def test_validating_without_mistakes(grader: Grader, tmp_path: Path) -> None:
    """An assignment without mistakes.toml is refused by the file's name."""
    said = grader("validate", "tiny", "--out", "proofs")
    assert 2 == said.code
    assert "mistakes.toml cannot be read: No such file or directory." in said.err


def test_data_is_drawn_and_listed(grader: Grader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in is drawn into a folder, and the list says which pictures notebooks would get."""
    monkeypatch.setenv("GRADER_CACHE", str(Path("cache").absolute()))
    monkeypatch.delenv("GRADER_DATA", raising=False)
    made = grader("data", "make", "happy-or-sad", "--into", "data")
    assert (0, "Drawn pictures: data/happy-or-sad and data/happy-or-sad.zip\n", "") == made
    assert 40 == len(list(Path("data/happy-or-sad/sad").iterdir()))
    listed = grader("data", "list", "--data", "data")
    assert "happy-or-sad: Happy or sad: 80 cartoon faces; a drawn stand-in" in listed.out


def test_the_doctor_speaks_json(grader: Grader) -> None:
    """The same facts for programs, and whether this machine can grade."""
    said = grader("doctor", "--json")
    told = json.loads(said.out)
    assert (0, True) == (said.code, told["can_grade"])
    assert find_protection().name == told["protection"]


@pytest.mark.kernel
@pytest.mark.full
def test_the_demo(grader: Grader) -> None:
    """Six sample submissions get a table and pages; the second time nothing runs again."""
    said = grader("demo")
    assert 0 == said.code
    assert Path("grader-demo/results/index.html").is_file()
    assert 6 == len(list(Path("grader-demo/results").glob("*/feedback.html")))
    assert "6 of 6 unchanged, not run again." in grader("demo").out
