"""What the terminal shows of a batch: lines, tables, and the sentences beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import SHA, grade, mixed_grade, small_class, unjudged, verdict

from grader.batch import Outcome
from grader.evidence import Ending
from grader.judging import Grade, Status
from grader.progress import (
    batch_sentences,
    changes,
    check_sentences,
    counted,
    is_graded,
    legend,
    most_wrong,
    outcome_line,
    print_class,
    print_verdicts,
    proof_line,
    time_left,
)
from grader.submission import Submission
from grader.validation import Case, Proof

SOFTMAX = verdict("output", Status.NOT_MET, diagnosis="softmax-on-one-unit")
LATE = verdict("callback", Status.PARTLY_MET, points=16.25, diagnosis="threshold-lowered")
CRASH = verdict("loss", Status.NOT_ASSESSED, points=None, saw="The check failed.")


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are as wide as in a file, whatever terminal the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)


def outcome(grade: Grade, reused: bool = False) -> Outcome:
    """A grade as a batch hands it out."""
    return Outcome(Submission(grade.student, grade.submission.file, Path(), SHA, None), grade, reused)


# While it runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grade", "reused", "line"),
    [
        (grade(), False, "Ana Silva: 100 of 100 (48 s)"),
        (grade(), True, "Ana Silva: 100 of 100 (unchanged, not run again)"),
        (grade(CRASH), False, "Ana Silva: ? (85 so far) of 100 (48 s)"),
        (unjudged(Ending.UNREADABLE, "It is empty."), False, "Ana Silva: 0 of 100 (unreadable)"),
    ],
)
def test_a_finished_submission_in_one_line(grade: Grade, reused: bool, line: str) -> None:
    """Score, and how long it took or why it took no time."""
    assert line == outcome_line(outcome(grade, reused))


def test_a_case_that_is_not_proved_says_why() -> None:
    """Each problem stands below the case, on a line of its own."""
    case = Case("softmax", "Softmax", {"output": "softmax-on-one-unit"})
    assert "✓ softmax: 85 of 100" == proof_line(Proof(case, grade(SOFTMAX), ()))
    assert "✗ softmax: 100 of 100\n    output should not be met." == proof_line(
        Proof(case, grade(), ("output should not be met.",))
    )


def test_without_a_terminal_each_is_a_numbered_line(capsys: pytest.CaptureFixture[str]) -> None:
    """They go to stderr, so that stdout has the results only."""
    with counted(2) as tell:
        tell("ada: 10 of 10")
        tell("bela: 5 of 10", ran=False)
    assert ("", "[1/2] ada: 10 of 10\n[2/2] bela: 5 of 10\n") == capsys.readouterr()


@pytest.mark.parametrize(
    ("remaining", "ran", "elapsed", "expected"),
    [(20, 10, 60.0, "about 2 min left"), (20, 0, 60.0, ""), (0, 10, 60.0, "")],
)
def test_the_time_left(remaining: int, ran: int, elapsed: float, expected: str) -> None:
    """As long for each as for those that ran; those that were reused do not count."""
    assert expected == time_left(remaining, ran, elapsed)


# When it is done ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        (grade(), ""),
        (grade(SOFTMAX), "output: softmax on a single unit"),
        (grade(SOFTMAX, LATE), "output: softmax on a single unit (and 1 more)"),
        (
            grade(LATE, ending=Ending.TIMED_OUT),
            "timed out; callback: the callback stops too early",
        ),
        (unjudged(Ending.UNREADABLE, "The file is empty."), "The file is empty."),
        (
            grade(CRASH),
            f"needs a person: The criterion “{CRASH.title}” could not be judged: The check failed.",
        ),
    ],
)
def test_what_is_wrong_most(grade: Grade, expected: str) -> None:
    """The criterion that lost most points, by its diagnosis; before that, what kept it from being judged."""
    assert expected == most_wrong(grade)


def test_the_class_table_names_everybody(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each student, and signs with their meaning below."""
    print_class(small_class())
    told = capsys.readouterr().out
    assert all(grade.student in told for grade in small_class())
    assert "✓ ✓ ✓ ✗ ✓ ✓ ✓" in told
    assert " ".join(legend(grade()).split()) in " ".join(told.split())


def test_strangers_text_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets are no markup, and terminal codes do nothing."""
    saw = "It found \x1b[2J[red]'a'[/red]."
    print_verdicts(grade(verdict("images", Status.NOT_MET, saw=saw)))
    told = capsys.readouterr().out
    assert "It found [red]'a'[/red]." in told
    assert "\x1b" not in told


def test_notes_are_shown_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the grade, of its verdicts, and what was odd."""
    print_verdicts(mixed_grade())
    told = " ".join(capsys.readouterr().out.split())
    for note in (
        "Note: Cell 6, line 14: RMSprop(lr=0.001) → RMSprop(learning_rate=0.001)",
        "Note: Cell 3 does not count: it needs a feature of Colab.",
        "Note: 3 lines of evidence were refused",
    ):
        assert 1 == told.count(note)


def test_sentences_beside_the_table() -> None:
    """What was reused, the data, what protected us and what did not, and whom to look at."""
    outcomes = [outcome(one, reused=n == 0) for n, one in enumerate(small_class())]
    assert [
        "1 of 6 unchanged, not run again.",
        "Data: happy-or-sad (drawn stand-in pictures).",
        "Protected by: network off, memory limit 4 GiB.",
        "Not protected: own processes: other processes of this machine are in sight.",
        "2 of 6 could not be graded, please look yourself: Çağla, Ö., Eve.",
    ] == batch_sentences(outcomes)


def test_a_check_says_once_what_was_not_protected() -> None:
    """And that it does not matter for one's own work."""
    told = check_sentences(outcome(mixed_grade(), reused=True))
    assert "The notebook is unchanged, so it was not run again." == told[0]
    assert "That is fine for a notebook of your own." == told[-1]
    assert 1 == sum(sentence.startswith("Not protected: ") for sentence in told)


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        (grade(), True),
        (grade(ending=Ending.TIMED_OUT), True),
        (grade(CRASH), False),
        (unjudged(Ending.UNREADABLE, "It is empty."), False),
        (unjudged(Ending.INTERRUPTED, "It was interrupted."), False),
    ],
)
def test_which_grades_stand(grade: Grade, expected: bool) -> None:
    """A bad notebook is graded; a file that cannot be read, or a failure of ours, is not."""
    assert expected == is_graded(grade)


def test_changes_of_marks() -> None:
    """Criterion, from, to; a dash where there was no mark, a question mark where a person must look."""
    assert [("output", "15 of 15", "0 of 15")] == changes(grade(), grade(SOFTMAX))
    assert [("loss", "15 of 15", "? of 15")] == changes(grade(), grade(CRASH))
    assert [] == changes(grade(LATE), grade(LATE))
    assert ("runs", "–", "10 of 10") == changes(None, grade())[0]
