"""The gradebook: a table that no spreadsheet misreads, the same as JSON, and the class page beside them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from builders import CRITERIA, SHA, assignment, grade, mixed_grade, small_class, unjudged, verdict

from grader.evidence import Ending
from grader.feedback import class_page
from grader.gradebook import gradebook_csv, gradebook_json, safe_text, why_empty, write_gradebook
from grader.judging import Grade, Status, SubmissionInfo

IDS = [id for id, *_ in CRITERIA]
HEADER = ["student", "file", "score", "max_score", "needs_person", "why_empty", "ending", *IDS, "diagnoses"]
OPEN = verdict("loss", Status.NOT_ASSESSED, points=None, saw="The check failed.")


def rows(grades: list[Grade]) -> list[dict[str, str]]:
    """The rows of the table as a program reads them."""
    return list(csv.DictReader(io.StringIO(gradebook_csv(grades), newline="")))


# The table ------------------------------------------------------------------------------------------


def test_one_row_per_student_one_column_per_criterion() -> None:
    """The header names the columns; every student has one row, in the order given."""
    table = list(csv.reader(io.StringIO(gradebook_csv(small_class()), newline="")))

    assert HEADER == table[0]
    assert [g.student for g in small_class()] == [row[0] for row in table[1:]]
    assert {len(HEADER)} == {len(row) for row in table}


def test_a_row() -> None:
    """Points are plain numbers without needless decimals; diagnoses are named by id."""
    (row,) = rows([mixed_grade()])

    assert {
        "student": "Ana Silva",
        "file": "happy.ipynb",
        "score": "75",
        "max_score": "100",
        "needs_person": "no",
        "why_empty": "",
        "ending": "finished",
        "runs": "8.75",
        "images": "15",
        "input-shape": "10",
        "output": "0",
        "loss": "15",
        "callback": "16.25",
        "accuracy": "10",
        "diagnoses": "cell-fails; softmax-on-one-unit; threshold-lowered",
    } == row


def test_open_points_are_empty_and_say_why() -> None:
    """Where we are the reason, points and score are empty cells, never zeros."""
    (row,) = rows([grade(OPEN)])

    assert ("", "", "10", "yes") == (row["score"], row["loss"], row["runs"], row["needs_person"])
    assert (
        "Needs a person: The criterion “The loss is made for two classes and fits the output” could not be "
        "judged: The check failed. 85 of 100 points so far."
    ) == row["why_empty"]


def test_an_unreadable_file_has_zeros() -> None:
    """Where the submission is the reason, the points are 0 and nothing is open."""
    (row,) = rows([unjudged(Ending.UNREADABLE, "The file is empty.")])

    assert ("0", "0", "no", "", "unreadable") == tuple(
        row[name] for name in ("score", "loss", "needs_person", "why_empty", "ending")
    )


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending.ours])
def test_endings_of_ours_are_empty_and_say_why(ending: Ending) -> None:
    """An interrupted run and a failure of ours leave every cell of points empty."""
    (row,) = rows([unjudged(ending, "The machine was switched off.")])

    assert {""} == {row[id] for id in [*IDS, "score"]}
    assert row["why_empty"].endswith("The machine was switched off. 0 of 100 points so far.")


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_formulas_are_defused(start: str) -> None:
    """A name or file that a spreadsheet would run begins with an apostrophe."""
    text = f"{start}cmd|' /C calc'!A0"
    (row,) = rows([grade(student=text, submission=SubmissionInfo(file=text, sha256=SHA))])

    assert (f"'{text}", f"'{text}") == (row["student"], row["file"])


@pytest.mark.parametrize("text", ["Ana = Bo", "a-b", "'x", "", "1+1", "x\n=1"])
def test_harmless_text_stays_as_it_is(text: str) -> None:
    """Only the start of a cell makes a formula."""
    assert text == safe_text(text)


def test_numbers_of_ours_stay_numbers() -> None:
    """Points below zero, should there be any, are no text."""
    (row,) = rows([grade(verdict("loss", points=-2.5))])

    assert "-2.5" == row["loss"]


@pytest.mark.parametrize(
    "name",
    [
        "Müller, José",
        'Ann "Bo" O\'Neill',
        "two\nlines",
        "two\r\nlines",
        "tab\there",
        "; semicolon",
        "你好 👩‍🔬",
        " space ",
    ],
)
def test_names_come_back_as_they_were(name: str) -> None:
    """Accents, commas, quotes, line breaks and spaces survive a reader of CSV."""
    (row,) = rows([grade(student=name)])

    assert name == row["student"]


def test_criteria_of_all_grades_have_a_column() -> None:
    """A grade without some criterion leaves its cell empty; the order is that of the first mention."""
    few = grade(verdicts=grade().verdicts[:2], student="Few")
    table = rows([few, grade()])

    assert HEADER == list(table[0])
    assert ("15", "", "15") == (table[0]["images"], table[0]["loss"], table[1]["loss"])


def test_a_criterion_named_like_another_column_is_told_apart() -> None:
    """A criterion called `score` does not hide the score."""
    clash = verdict("loss", criterion="score", points=7.0)
    (row,) = rows([grade(verdicts=(clash,))])

    assert ("7", "7") == (row["score"], row["score_points"])
    assert "score_points" in row


def test_a_criterion_is_no_formula_either() -> None:
    """Headings are texts as well."""
    header = gradebook_csv([grade(verdicts=(verdict("loss", criterion="=1"),))]).split("\r\n")[0]

    assert "'=1" in header.split(",")


def test_no_students_no_rows() -> None:
    """An empty class has a header."""
    assert "student,file,score,max_score,needs_person,why_empty,ending,diagnoses\r\n" == gradebook_csv([])


def test_a_score_needs_no_reason() -> None:
    """A grade that stands says nothing about why it might not."""
    assert "" == why_empty(grade())


# JSON -----------------------------------------------------------------------------------------------


def test_the_shape_of_the_json() -> None:
    """Format, assignment, criteria in order, and one entry per student."""
    book = json.loads(gradebook_json(small_class()))

    assert ["format", "assignment", "criteria", "students"] == list(book)
    assert (1, "happy-or-sad") == (book["format"], book["assignment"])
    assert {"id": "runs", "title": "Every cell runs, from top to bottom", "max_points": 10.0} == book[
        "criteria"
    ][0]
    assert IDS == [criterion["id"] for criterion in book["criteria"]]
    assert [g.student for g in small_class()] == [student["student"] for student in book["students"]]


def test_a_student_of_the_json() -> None:
    """Numbers are numbers, what is open is null; outcomes, diagnoses and flags stand beside the points."""
    (student,) = json.loads(gradebook_json([mixed_grade()]))["students"]

    assert {
        "student": "Ana Silva",
        "file": "happy.ipynb",
        "sha256": SHA,
        "score": 75.0,
        "score_so_far": 75.0,
        "max_score": 100.0,
        "needs_person": False,
        "why_empty": None,
        "ending": "finished",
        "points": dict(zip(IDS, [8.75, 15.0, 10.0, 0.0, 15.0, 16.25, 10.0], strict=True)),
        "statuses": dict(
            zip(IDS, ["partly-met", "met", "met", "not-met", "met", "partly-met", "met"], strict=True)
        ),
        "diagnoses": {
            "runs": "cell-fails",
            "output": "softmax-on-one-unit",
            "callback": "threshold-lowered",
        },
        "flags": ["3 lines of evidence were refused"],
        "data": {"happy-or-sad": "drawn"},
        "protections": ["network off", "memory limit 4 GiB"],
        "missing_protections": ["own processes: other processes of this machine are in sight"],
        "seconds": 48.3,
    } == student


def test_open_points_are_null() -> None:
    """A score that needs a person is null, with the reason and the points so far."""
    (student,) = json.loads(gradebook_json([grade(OPEN)]))["students"]

    assert (None, None, 85.0, True) == (
        student["score"],
        student["points"]["loss"],
        student["score_so_far"],
        student["needs_person"],
    )
    assert "The check failed." in student["why_empty"]


def test_an_empty_class_as_json() -> None:
    """Without grades the lists are empty."""
    assert {"format": 1, "assignment": None, "criteria": [], "students": []} == json.loads(gradebook_json([]))


# On disk --------------------------------------------------------------------------------------------


def test_three_files_are_written_whole(tmp_path: Path) -> None:
    """Table, JSON and class page stand in the folder, and nothing half-written beside them."""
    write_gradebook(assignment(), small_class(), tmp_path / "out")

    assert ["gradebook.csv", "gradebook.json", "index.html"] == sorted(
        p.name for p in (tmp_path / "out").iterdir()
    )
    assert gradebook_json(small_class()) == (tmp_path / "out/gradebook.json").read_text(encoding="utf-8")
    assert class_page(assignment(), small_class()) == (tmp_path / "out/index.html").read_text(
        encoding="utf-8"
    )


def test_the_table_on_disk_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    """The file begins with a byte order mark, ends its lines as CSV does, and keeps line breaks in names."""
    write_gradebook(assignment(), [grade(student="Zoë\nLi")], tmp_path)
    content = (tmp_path / "gradebook.csv").read_bytes()

    assert content.startswith(b"\xef\xbb\xbfstudent,file,")
    assert content.endswith(b"\r\n")
    assert "Zoë\nLi" == next(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))["student"]


def test_names_that_are_no_text_do_not_stop_the_gradebook(tmp_path: Path) -> None:
    """A name with a lone surrogate, as from a damaged file name, is written with a question mark."""
    write_gradebook(assignment(), [grade(student="a\udcffb")], tmp_path)

    assert (
        "a?b"
        == json.loads((tmp_path / "gradebook.json").read_text(encoding="utf-8"))["students"][0]["student"]
    )
    assert b"a?b,happy.ipynb" in (tmp_path / "gradebook.csv").read_bytes()


def test_writing_again_replaces(tmp_path: Path) -> None:
    """A second gradebook takes the place of the first."""
    write_gradebook(assignment(), small_class(), tmp_path)
    write_gradebook(assignment(), [], tmp_path)

    assert [] == json.loads((tmp_path / "gradebook.json").read_text(encoding="utf-8"))["students"]
