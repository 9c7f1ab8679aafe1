"""An assignment proves itself by cases whose marks are known; a case that proves nothing is refused."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest
from builders import grade, verdict, verdicts
from classroom import write_assignment, write_notebook
from nbformat import NotebookNode

from grader.assignment import Assignment, load_assignment
from grader.batch import Conditions
from grader.checks import DIAGNOSES
from grader.errors import AssignmentError
from grader.execution.sandbox import Protection
from grader.judging import Grade, Status
from grader.validation import (
    Case,
    demo_class,
    edited,
    problems,
    read_cases,
    reference_path,
    validate,
    write_case,
)

HAPPY = load_assignment(Path(__file__).parents[1] / "assignments" / "happy-or-sad")

EDIT = '[[mistakes]]\nid = "wrong"\ntitle = "Wrong"\nreplace = [["a", "b"]]\n'
FAILS = 'fails = { runs = "cell-fails" }\n'


def wrong(criterion: str, diagnosis: str | None, status: Status = Status.NOT_MET) -> Grade:
    """A grade that falls short in one criterion."""
    return grade(verdict(criterion, status, diagnosis=diagnosis, saw="Seen."))


def case(expected: Mapping[str, str] | None = None, **changes: object) -> Case:
    """A case that expects this."""
    return Case("made-up", "Made up", expected or {}, **changes)  # type: ignore[arg-type]


# Holding a grade against a case ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proves", "graded"),
    [
        pytest.param(case(), grade(), id="full marks"),
        pytest.param(case({"loss": "categorical-loss"}), wrong("loss", "categorical-loss"), id="as named"),
        pytest.param(
            case({"loss": "categorical-loss"}),
            wrong("loss", "categorical-loss", Status.PARTLY_MET),
            id="partly met is not met",
        ),
        pytest.param(case({"loss": ""}), wrong("loss", None, Status.NOT_ASSESSED), id="nothing to look at"),
        pytest.param(case(may=("accuracy",)), grade(), id="chance was kind"),
        pytest.param(case(may=("accuracy",)), wrong("accuracy", "accuracy-not-reached"), id="chance was not"),
        pytest.param(
            case(gives_away=("runs",)),
            grade(verdicts=(verdict("runs"), verdict("loss", Status.NOT_MET))),
            id="a starter that gives away what it may",
        ),
        pytest.param(
            case(gives_away=()),
            grade(verdicts=(verdict("loss", Status.NOT_ASSESSED, points=None),)),
            id="a starter whose points are open",
        ),
    ],
)
def test_a_grade_that_proves_its_case(proves: Case, graded: Grade) -> None:
    """Exactly the named criteria fail, with the named diagnosis; chance may do as it likes."""
    assert [] == list(problems(proves, graded))


@pytest.mark.parametrize(
    ("proves", "graded", "told"),
    [
        pytest.param(
            case(),
            wrong("loss", "categorical-loss"),
            ["loss should be met, but: Seen."],
            id="the reference falls short",
        ),
        pytest.param(
            case(),
            wrong("loss", "categorical-loss", Status.PARTLY_MET),
            ["loss should be met, but: Seen."],
            id="the reference falls short in part",
        ),
        pytest.param(
            case({"loss": "categorical-loss"}),
            grade(),
            ["loss should not be met, but: The loss is binary_crossentropy."],
            id="a mistake is not caught",
        ),
        pytest.param(
            case({"loss": "categorical-loss"}),
            wrong("loss", "unknown-loss"),
            ["loss should name 'categorical-loss', not 'unknown-loss': Seen."],
            id="another diagnosis",
        ),
        pytest.param(
            case({"loss": "categorical-loss"}),
            wrong("loss", None, Status.NOT_ASSESSED),
            ["loss should name 'categorical-loss', not None: Seen."],
            id="no diagnosis",
        ),
        pytest.param(
            case({"loss": ""}),
            wrong("loss", "categorical-loss"),
            ["loss should name '', not 'categorical-loss': Seen."],
            id="something where there should be nothing",
        ),
        pytest.param(
            case({"loss": "categorical-loss"}),
            grade(
                verdict("loss", Status.NOT_MET, diagnosis="categorical-loss"),
                verdict("output", Status.NOT_MET, saw="Other units."),
            ),
            ["output should be met, but: Other units."],
            id="more fails than should",
        ),
        pytest.param(
            case({"accuracy": "accuracy-not-reached"}, may=("accuracy",)),
            grade(),
            ["accuracy should not be met, but: The best training accuracy was 1 in 7 epoch(s)."],
            id="what must fail may not be left to chance",
        ),
        pytest.param(
            case(gives_away=("runs",)),
            grade(verdicts=(verdict("runs"), verdict("loss", Status.PARTLY_MET))),
            ["loss earns 7.5 points before any work is done: The loss is binary_crossentropy."],
            id="a starter gives away too much",
        ),
    ],
)
def test_a_grade_that_does_not_prove_its_case(proves: Case, graded: Grade, told: list[str]) -> None:
    """Each thing that is not as it should be is one sentence with what was seen."""
    assert told == list(problems(proves, graded))


def test_all_that_is_wrong_is_told() -> None:
    """Every criterion that is not as it should be is told, in the order of the rubric."""
    failing = tuple(verdict(v.criterion, Status.NOT_MET) for v in verdicts())

    assert [f"{c.id} should be met, but" for c in HAPPY.criteria] == [
        told.split(":")[0] for told in problems(case(), grade(*failing))
    ]


# The shipped cases ----------------------------------------------------------------------------------

CASES = read_cases(HAPPY)
MISTAKES = [c for c in CASES if c.expected]
REFERENCE: NotebookNode = nbformat.read(reference_path(HAPPY), as_version=4)


def sources(notebook: NotebookNode) -> list[str]:
    """The code of a notebook, cell by cell."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def parses(source: str) -> bool:
    """Whether this is Python."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def test_the_shipped_cases_are_enough() -> None:
    """Reference and starter come first, there are at least 20 mistakes, and no name stands twice."""
    names = [c.name for c in CASES]

    assert ["reference", "starter"] == names[:2]
    assert len(MISTAKES) >= 20
    assert sorted(set(names)) == sorted(names)
    assert ("runs",) == CASES[1].gives_away


def test_every_criterion_has_a_mistake() -> None:
    """Each criterion of the assignment is failed by some mistake, with a diagnosis."""
    failed = {c for mistake in MISTAKES for c, diagnosis in mistake.expected.items() if diagnosis}

    assert {c.id for c in HAPPY.criteria} == failed


@pytest.mark.parametrize("case", [c for c in CASES if c.replace], ids=lambda c: c.name)
def test_every_edit_changes_the_reference(case: Case) -> None:
    """Each text occurs in the reference; what comes out is Python, but for the mistake about just that."""
    changed = sources(edited(nbformat.from_dict(REFERENCE), case.replace, case.name))
    broken = [source for source in changed if not parses(source)]

    assert sources(nbformat.read(reference_path(HAPPY), as_version=4)) != changed
    assert ("cell-does-not-parse" == case.expected.get("runs")) == bool(broken)


def test_every_mistake_names_diagnoses_that_exist() -> None:
    """The diagnoses in mistakes.toml are ids of DIAGNOSES, or nothing."""
    named = {diagnosis for mistake in MISTAKES for diagnosis in mistake.expected.values()}

    assert set() == named - set(DIAGNOSES) - {""}


def test_the_sample_class_is_six_and_each_is_its_own(tmp_path: Path) -> None:
    """`grader demo` has six submissions, no two of them alike, and one is the reference."""
    written = demo_class(HAPPY, tmp_path)
    code = ["\n".join(sources(nbformat.read(path, as_version=4))) for path in written]

    assert (6, 6) == (len(written), len(set(code)))
    assert ["ada", "bela", "chandra", "dorte", "emeka", "farid"] == [path.stem for path in written]
    assert "\n".join(sources(nbformat.read(reference_path(HAPPY), as_version=4))) == code[0]


# Reading mistakes.toml ------------------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path) -> Assignment:
    """A tiny assignment with one criterion and no mistakes.toml yet."""
    return load_assignment(write_assignment(tmp_path / "assignments"))


def with_mistakes(assignment: Assignment, text: str) -> Assignment:
    """The assignment, with this mistakes.toml beside it."""
    (assignment.folder / "mistakes.toml").write_text(text, encoding="utf-8")
    return assignment


def test_cases_are_read(tiny: Assignment) -> None:
    """Reference, starter, alternatives and mistakes come in this order, with what they expect."""
    text = (
        '[starter]\ngives_away = ["runs"]\n'
        + (EDIT + FAILS + 'may = ["runs"]\n')
        + EDIT.replace("mistakes", "alternatives").replace("wrong", "other")
    )

    assert [
        Case("reference", "The reference solution", {}),
        Case("starter", "The starter, as students get it", {}, gives_away=("runs",)),
        Case("other", "Wrong", {}, (), (("a", "b"),)),
        Case("wrong", "Wrong", {"runs": "cell-fails"}, ("runs",), (("a", "b"),)),
    ] == read_cases(with_mistakes(tiny, text))


def test_a_starter_gives_nothing_away_unless_it_says_so(tiny: Assignment) -> None:
    """Without [starter] no criterion may earn points before any work is done."""
    assert () == read_cases(with_mistakes(tiny, ""))[1].gives_away


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (EDIT + 'fails = { run = "cell-fails" }', ", 'wrong': there is no criterion 'run'. Known: runs."),
        (EDIT + FAILS + 'may = ["luck"]', ", 'wrong': there is no criterion 'luck'. Known: runs."),
        (EDIT + 'fails = { runs = "cell-failed" }', ", 'wrong': there is no diagnosis 'cell-failed'."),
        (EDIT + FAILS.replace("fails", "fail"), ", 'wrong': unknown key 'fail'; did you mean 'fails'?"),
        (EDIT + "zzz = 1\n", ", 'wrong': unknown key 'zzz'."),
        ("[[mistake]]\n", ": unknown key 'mistake'; did you mean 'mistakes'?"),
        (EDIT, ", 'wrong': 'fails' is missing."),
        ("[[mistakes]]\nid = 'wrong'\ntitle = 'Wrong'\n" + FAILS, ", 'wrong': 'replace' is missing."),
        ("[[mistakes]]\nid = 'wrong'\nreplace = []\n" + FAILS, ", 'wrong': 'title' is missing."),
        ("[[mistakes]]\ntitle = 'Wrong'\nreplace = []\n" + FAILS, ", None: 'id' is missing."),
        (2 * (EDIT + FAILS), ": the id 'wrong' is used twice."),
        (EDIT.replace("wrong", "starter") + FAILS, ": the id 'starter' is used twice."),
        (
            EDIT.replace('[["a", "b"]]', '["a", "b"]') + FAILS,
            """, 'wrong': replace must be pairs of texts: [["old", "new"], …].""",
        ),
        (
            EDIT.replace('[["a", "b"]]', "3") + FAILS,
            """, 'wrong': replace must be pairs of texts: [["old", "new"], …].""",
        ),
    ],
)
def test_a_case_that_names_what_does_not_exist_is_refused(text: str, message: str, tiny: Assignment) -> None:
    """An unknown criterion or diagnosis, or a missing field, is refused with file and case."""
    with pytest.raises(AssignmentError) as refused:
        read_cases(with_mistakes(tiny, text))
    assert f"{tiny.folder}/mistakes.toml{message}" == str(refused.value)


def test_missing_cases_are_refused(tiny: Assignment) -> None:
    """An assignment without mistakes.toml cannot be validated, and says so."""
    with pytest.raises(AssignmentError) as refused:
        read_cases(tiny)
    assert f"{tiny.folder}/mistakes.toml cannot be read: No such file or directory." == str(refused.value)


def test_cases_that_are_no_toml_are_refused(tiny: Assignment) -> None:
    """A slip of the pen in mistakes.toml is refused with its line."""
    with pytest.raises(AssignmentError, match=r"mistakes\.toml is not valid TOML: .*line 1"):
        read_cases(with_mistakes(tiny, "[[mistakes]"))


def test_an_unknown_case_is_refused_before_anything_runs(tiny: Assignment, tmp_path: Path) -> None:
    """--only with a name that is no case says which there are."""
    conditions = Conditions(with_mistakes(tiny, EDIT + FAILS), (), Protection("none", (), ()), tiny.limits)

    with pytest.raises(AssignmentError) as refused:
        validate(conditions, tmp_path / "out", only=["wrong", "wrnog"])
    assert "There is no case 'wrnog'. Known: reference, starter, wrong." == str(refused.value)
    assert not (tmp_path / "out").exists()


# Editing and writing --------------------------------------------------------------------------------


def notebook(*code: str) -> NotebookNode:
    """A notebook with a text cell and these code cells."""
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(code)]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("x = 1", id="text"), *cells])


def test_an_edit_is_made_wherever_its_text_occurs() -> None:
    """Every place in every code cell is changed, text cells are not, and edits follow each other."""
    changed = edited(notebook("x = 1\nx = 1", "y = 2", "x = 1"), [("x = 1", "x = 2"), ("= 2", "= 3")], "n")

    assert ["x = 3\nx = 3", "y = 3", "x = 3"] == sources(changed)
    assert "x = 1" == changed.cells[0].source


def test_an_edit_that_changes_nothing_is_refused() -> None:
    """A text that the reference does not contain, or no longer after an earlier edit, is refused."""
    with pytest.raises(AssignmentError) as refused:
        edited(notebook("x = 1"), [("x = 1", "x = 2"), ("x = 1", "x = 3")], "twice")
    assert "mistake 'twice': the reference does not contain 'x = 1'." == str(refused.value)


def test_a_case_is_written_under_its_name(tiny: Assignment, tmp_path: Path) -> None:
    """The reference is edited into a file named for the case; starter and reference go as they are."""
    write_notebook(tmp_path / "reference" / "tiny.ipynb", "x = 1")
    write_notebook(tiny.folder / "starter.ipynb", "x = None")
    out = tmp_path / "out" / "cases"
    written = [
        write_case(tiny, Case("reference", "", {}), out),
        write_case(tiny, Case("starter", "", {}, gives_away=()), out),
        write_case(tiny, Case("off-by-one", "", {}, replace=(("1", "2"),)), out),
    ]

    assert ["reference.ipynb", "starter.ipynb", "off-by-one.ipynb"] == [path.name for path in written]
    assert [["x = 1"], ["x = None"], ["x = 2"]] == [
        sources(nbformat.read(path, as_version=4)) for path in written
    ]
    assert ["x = 1"] == sources(nbformat.read(tmp_path / "reference" / "tiny.ipynb", as_version=4))


def test_a_missing_reference_is_refused(tiny: Assignment, tmp_path: Path) -> None:
    """An installed package has no references; what is missing and why is said."""
    with pytest.raises(AssignmentError) as refused:
        write_case(tiny, Case("reference", "", {}), tmp_path / "out")
    assert (
        f"{tmp_path.resolve()}/reference/tiny.ipynb is missing. "
        "References are part of a clone of the project, not of an installed package."
    ) == str(refused.value)
