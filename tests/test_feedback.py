"""The pages for students and instructors: what they say, that they are whole, and that nothing gets out."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from builders import (
    CRITERIA,
    FAILING,
    assignment,
    cell,
    epochs,
    grade,
    mixed_grade,
    mixed_run,
    model,
    run,
    small_class,
    stopping_parts,
    training,
    unjudged,
    verdict,
)

from grader.checks import DIAGNOSES
from grader.evidence import Attempt, CellRun, Ending, Epoch, Layer, Note, Run
from grader.feedback import class_page, feedback_page
from grader.feedback.cells import TRACE_LINES, cells_report, shortened
from grader.feedback.class_report import attention, class_summary, criterion_report, distribution
from grader.feedback.curve import DRAWN, how_it_ended, thresholds, training_curve
from grader.feedback.layers import path_of_a_picture
from grader.feedback.student_report import next_step, summary, which_training
from grader.feedback.templating import student_link
from grader.feedback.words import (
    ENDINGS,
    SIGNS,
    clean,
    count,
    duration,
    number,
    percent,
    person_reasons,
    picture_shape,
    ranges,
    short,
)
from grader.judging import CellCounts, Grade, PartVerdict, Status, SubmissionInfo

GOLD = Path(__file__).parent / "gold"
VOID = {"meta", "br", "link", "img", "input", "hr"}
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 191 }}{% raw %}{# no #}",
    "</title></style><svg onload=alert(1)>",
    "&lt;b&gt; & <b>",
    "<!-- --> ]]> <![CDATA[",
    "👩‍🔬 naïve Ünïcødé 你好",
    "مرحبا بالعالم",
)


# A reader of pages ----------------------------------------------------------------------------------


@dataclass
class Page(HTMLParser):
    """A page as a browser sees it: its text, its tags, and whatever is not balanced."""

    text: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and wait for its end."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that ends itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Hold an end against the tag that is open."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        """Keep visible text."""
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    @property
    def said(self) -> str:
        """All visible text, with single spaces."""
        return " ".join(" ".join(self.text).split())

    def attributes(self, name: str) -> list[str]:
        """All values of one attribute."""
        return [value for _, attrs in self.tags if (value := attrs.get(name)) is not None]

    def headings(self) -> list[int]:
        """The levels of the headings in order."""
        return [int(tag[1]) for tag, _ in self.tags if re.fullmatch(r"h[1-6]", tag)]


def read(page: str) -> Page:
    """A page as a browser reads it."""
    reader = Page()
    reader.feed(page)
    reader.close()
    return reader


def flat(text: str) -> str:
    """Text with single spaces."""
    return " ".join(text.split())


def faults_of(page: str) -> list[str]:
    """What is wrong with a page's structure: tags, ids, references, order of headings."""
    reader = read(page)
    ids = reader.attributes("id")
    refers = [id for value in reader.attributes("aria-labelledby") for id in value.split()]
    refers += [href[1:] for href in reader.attributes("href") if href.startswith("#")]
    levels = reader.headings()
    return [
        *reader.faults,
        *(f"<{tag}> is never closed" for tag in reader.open),
        *(f"id {id!r} stands twice" for id in set(ids) if ids.count(id) > 1),
        *(f"nothing has the id {id!r}" for id in refers if id not in ids),
        *(f"h{b} follows h{a}" for a, b in itertools.pairwise(levels) if b > a + 1),
        *([] if levels.count(1) == 1 else [f"{levels.count(1)} headings of level 1"]),
    ]


def feedback(r: Run, g: Grade) -> str:
    """The feedback page of the happy/sad exercise."""
    return feedback_page(assignment(), r, g)


def student_pages() -> dict[str, tuple[Run, Grade]]:
    """One page of each kind."""
    nothing: dict[str, Any] = {"cells": (), "trainings": (), "models": (), "focus": None, "data": ()}
    pages = {
        "full marks": (run(), grade(verdict("callback", parts=stopping_parts()))),
        "mixed": (mixed_run(), mixed_grade()),
        "nothing at all": (run(**nothing), grade(verdicts=())),
        "no training": (run(trainings=(), focus=None), grade(training=None)),
        "not built": (run(models=(model(input_shape=None),)), grade()),
        "no layers": (run(models=(model(layers=()),)), grade()),
        "ours": (run(), grade(verdict("loss", Status.NOT_ASSESSED, points=None))),
    }
    for ending in Ending:
        pages[ending.value] = (run(ending=ending), grade(ending=ending))
        pages[f"{ending.value}, not run"] = (run(ending=ending, **nothing), unjudged(ending, "Nothing ran."))
    return pages


# Whole pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["feedback.html", "class.html"])
def test_gold(name: str) -> None:
    """A page is, byte for byte, the one kept in tests/gold (its README says how to renew it)."""
    made = (
        feedback(mixed_run(), mixed_grade())
        if name == "feedback.html"
        else class_page(assignment(), small_class())
    )
    if os.environ.get("GRADER_RENEW_GOLD"):
        (GOLD / name).write_bytes(made.encode())

    assert (GOLD / name).read_bytes().decode() == made


@pytest.mark.parametrize("kind", student_pages())
def test_student_pages_are_well_formed(kind: str) -> None:
    """Tags balance, ids are unique, references lead somewhere, headings are in order."""
    r, g = student_pages()[kind]

    assert [] == faults_of(feedback(r, g))


@pytest.mark.parametrize("grades", [[], small_class(), small_class()[2:3]], ids=["none", "six", "unreadable"])
def test_class_pages_are_well_formed(grades: list[Grade]) -> None:
    """The class page is well formed for any number of submissions."""
    assert [] == faults_of(class_page(assignment(), grades))


def test_the_checker_of_pages_finds_faults() -> None:
    """The helper that finds faults does find each kind of fault."""
    page = '<h1 id="a">x</h1><h3 id="a">y</h3><p><b>z</p></b><a href="#nowhere">n</a><div>'

    found = " ".join(faults_of(page))

    for fault in ("</p>", "<div> is never closed", "'a' stands twice", "'nowhere'", "h3 follows h1"):
        assert fault in found


@pytest.mark.parametrize(
    "page",
    [feedback(mixed_run(), mixed_grade()), class_page(assignment(), small_class())],
    ids=["student", "class"],
)
def test_pages_are_self_contained(page: str) -> None:
    """Nothing is loaded from anywhere, and the policy of the page forbids it."""
    reader = read(page)
    policy = next(a["content"] for t, a in reader.tags if t == "meta" and "http-equiv" in a) or ""

    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert [] == reader.attributes("src")
    assert not re.search(r"https?:|url\(|@import|//[a-z]", re.sub(r"(?m)^// .*$", "", page))
    assert "en" == reader.tags[0][1]["lang"]


def test_the_student_page_has_no_script_and_the_class_page_only_its_own() -> None:
    """The policy allows exactly the script that stands in the class page, by its hash."""
    page = class_page(assignment(), small_class())
    (text,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert f"script-src 'sha256-{digest}'" in page
    assert "<script" not in feedback(mixed_run(), mixed_grade())


def test_importing_the_pages_is_cheap() -> None:
    """Neither the templates' library nor TensorFlow is loaded before a page is made."""
    code = "import sys, grader.gradebook; print(sorted({'jinja2', 'tensorflow', 'numpy'} & set(sys.modules)))"

    assert "[]" == subprocess.check_output([sys.executable, "-c", code], text=True).strip()


# Strangers' text ------------------------------------------------------------------------------------


def hostile_pages(text: str) -> dict[str, str]:
    """Both pages with `text` wherever a student's words can come in."""
    broken = cell(3, "failed", source=text, error=text, message=text, traceback=text, line=1)
    layer = Layer(name=text, kind=text, activation=text, output_shape=(None, 2))
    r = run(
        student=text,
        file=text,
        problem=text,
        remarks=(text,),
        cells=(cell(1), broken),
        models=(model(kind=text, layers=(layer,)),),
        trainings=(training(epochs=epochs((0.5, 0.6), name=f"acc{text}"), error=text),),
        notes=(Note(code="x", old=text, new=text, cell=1, line=1),),
        versions={text: text},
        protections=(text,),
        missing_protections=(text,),
    )
    v = verdict("loss", Status.NOT_MET, saw=text, notes=(text,), diagnosis=text)
    parts = (PartVerdict(name=text, weight=1.0, share=0.5, saw=text),)
    callback = verdict("callback", Status.PARTLY_MET, parts=parts, saw=text, hint=text, read=text)
    g = grade(
        v,
        callback,
        student=text,
        submission=SubmissionInfo(file=text, sha256=text),
        problem=text,
        notes=(text,),
        flags=(text,),
        ending=Ending.KERNEL_DIED,
        data={text: "drawn"},
        protections=(text,),
    )
    return {"student": feedback(r, g), "class": class_page(assignment(), [g])}


@pytest.mark.parametrize("kind", ["student", "class"])
@pytest.mark.parametrize("text", HOSTILE)
def test_strangers_text_is_shown_and_does_nothing(text: str, kind: str) -> None:
    """Markup, quotes and Jinja syntax of a student stand on the page as text, and add no tag."""
    page, plain = hostile_pages(text)[kind], hostile_pages("harmless")[kind]

    assert flat(text) in read(page).said
    assert [tag for tag, _ in read(plain).tags] == [tag for tag, _ in read(page).tags]
    assert [] == faults_of(page)
    assert "1337" not in page


@pytest.mark.parametrize("kind", ["student", "class"])
def test_control_characters_are_dropped(kind: str) -> None:
    """Terminal codes, control characters, direction overrides and lone surrogates do not get through."""
    page = hostile_pages("a\x1b[31mb\x1b]8;;http://x\x07c\x00\x07\r\u202ed\ud800e\u2028f")[kind]

    assert "abcdef" in read(page).said
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\u2028\ud800-\udfff]", page)
    page.encode()


def test_long_words_are_cut() -> None:
    """A name of 10,000 characters does not make a page of megabytes."""
    pages = hostile_pages("x" * 10_000)

    assert max(len(page) for page in pages.values()) < 100_000
    assert all(" …" in page for page in pages.values())


@pytest.mark.parametrize(
    ("student", "link"),
    [
        ("Ana Silva", "Ana%20Silva/feedback.html"),
        ("a/b?c#d", "a%2Fb%3Fc%23d/feedback.html"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29/feedback.html"),
        ('"é', "%22%C3%A9/feedback.html"),
    ],
)
def test_links_to_students_are_quoted(student: str, link: str) -> None:
    """A student's name becomes one folder of a relative address, whatever it holds."""
    assert link == student_link(student)
    assert link in read(class_page(assignment(), [grade(student=student)])).attributes("href")


# Size -----------------------------------------------------------------------------------------------


def test_thousands_of_failing_cells_stay_below_a_megabyte() -> None:
    """5,000 cells that fail with long sources full of quotes: some are shown, the others are named."""
    source = "\n".join(['"' * 300] * 200)
    cells = tuple(
        cell(i, "failed", source=source, error="E", message='"' * 4000, traceback=source, line=100)
        for i in range(0, 10_000, 2)
    )

    page = feedback(run(cells=cells), mixed_grade())

    assert len(page.encode()) < 1_000_000
    assert "and 4,952 more" in page


def test_thousands_of_epochs_stay_below_a_megabyte() -> None:
    """A history of 10,000 epochs is drawn in part and listed in part, and the page says so."""
    history = [0.5 + (i % 97) / 200 for i in range(10_000)]
    r = run(trainings=(training(history, epochs_asked=10_000, stopped=False),))

    page = feedback(r, grade())

    assert len(page.encode()) < 100_000
    assert "9,970 epochs left out" in read(page).said
    assert "the lowest and highest of each stretch are drawn" in read(page).said


def test_everything_at_its_limit_stays_below_a_megabyte() -> None:
    """Layers, notes, metrics and words at the limits of the evidence together make no huge page."""
    layer = Layer(name='"' * 200, kind='"' * 200, activation='"' * 200, output_shape=(None, *[2**53] * 11))
    notes = tuple(Note(code="x", old='"' * 4000, new=f"{i}" * 1000, cell=i, line=i) for i in range(200))
    r = run(models=(model(layers=(layer,) * 2000),), notes=notes, versions={'"' * 200: '"' * 200})
    g = grade(
        *(verdict(id, Status.NOT_MET, saw='"' * 8000, notes=('"' * 4000,) * 9) for id, *_ in CRITERIA),
        notes=('"' * 4000,) * 200,
    )

    page = feedback(r, g)

    assert len(page.encode()) < 1_000_000
    assert "1,940 layers left out" in page
    assert "280 further notes are not shown." in page


# Score, summary, next step --------------------------------------------------------------------------


def test_full_marks_are_said_plainly() -> None:
    """Nothing is missing: the page says so at the top and shows what was seen for each criterion."""
    said = read(feedback(run(), grade())).said

    for text in ("100 of 100 points", "All 7 criteria are met.", "Full marks. Nothing is left to do."):
        assert text in said
    assert "What is missing" not in said
    assert "The loss is binary_crossentropy." in said


def test_a_shortfall_is_told_with_value_hint_and_place_to_read() -> None:
    """A criterion that is not met shows value, diagnosis, what to do and where to read."""
    said = read(feedback(mixed_run(), mixed_grade())).said

    for text in (
        "The last layer answers a yes/no question with one sigmoid unit 0 of 15 points ✗ Not met "
        f": {DIAGNOSES['softmax-on-one-unit'].title} The output has 1 unit(s) with softmax activation.",
        "What to do Softmax over one unit is always 1.",
        "Where to read Lesson “Using real-world images”: Key differences: sigmoid for two classes",
    ):
        assert text in said


def test_parts_are_shown_with_their_share_of_the_points() -> None:
    """Each named part of a criterion shows its outcome, what was seen, and its points."""
    said = read(feedback(mixed_run(), mixed_grade())).said

    assert "✓ Right metric , met myCallback watches 'accuracy'. 6.25 of 6.25" in said
    assert (
        "✗ Right point , not met It stops training when accuracy passes 0.9. It should be 0.999. 0 of 8.75"
        in said
    )


def test_weights_that_do_not_add_up_to_one_still_share_all_points() -> None:
    """Parts are worth their weight's share of the whole, whatever the weights add up to."""
    parts = stopping_parts()[:2]
    said = read(feedback(run(), grade(verdict("callback", parts=parts)))).said

    assert "10.42 of 10.42" in said
    assert "14.58 of 14.58" in said


@pytest.mark.parametrize("status", Status)
def test_every_outcome_has_a_sign_and_a_word(status: Status) -> None:
    """An outcome is never told by colour alone, on neither page."""
    g = grade(verdict("loss", status))
    word = status.value.replace("-", " ")

    assert f"{SIGNS[status]} {word.capitalize()}" in read(feedback(run(), g)).said
    assert (
        f"{SIGNS[status]} loss: {word}, {number(g.verdicts[4].points or 0)} of 15 points"
        in read(class_page(assignment(), [g])).said
    )


def test_open_points_are_no_zero() -> None:
    """Where the reason is ours, the page says so, gives the points so far and asks for nothing."""
    g = grade(verdict("loss", Status.NOT_ASSESSED, points=None, saw="The check 'binary_loss' failed."))
    said = read(feedback(run(), g)).said

    for text in (
        "85 of 100 points so far; the score is open",
        "A person needs to look at this , because: The criterion “The loss is made for two classes and fits "
        "the output” could not be judged: The check 'binary_loss' failed. That is no fault of yours",
        "open, of 15 points",
        "What a person decides The loss is made for two classes and fits the output open, of 15 points",
        "the reason is ours, so a person decides",
    ):
        assert text in said
    assert "Do this first" not in said
    assert "What is missing" not in said


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ((), "All 7 criteria are met."),
        ((Status.NOT_MET,), "6 of 7 criteria are met, 1 not met."),
        (
            (Status.PARTLY_MET, Status.NOT_MET, Status.NOT_ASSESSED),
            "4 of 7 criteria are met, 1 partly met, 1 not met, 1 not assessed.",
        ),
        ((Status.NOT_MET,) * 7, "None of 7 criteria are met, 7 not met."),
    ],
)
def test_summary(statuses: tuple[Status, ...], told: str) -> None:
    """One sentence says how many criteria have which outcome."""
    changed = [verdict(id, status) for (id, *_), status in zip(CRITERIA, statuses, strict=False)]

    assert told == summary(grade(*changed))


def test_the_next_step_is_where_most_points_are_missing() -> None:
    """The student is told first what brings most points, with a way to the place that says more."""
    step = next_step(run(), mixed_grade())
    page = feedback(mixed_run(), mixed_grade())

    assert step is not None
    assert ("criterion-4", 15.0) == (step.place, step.points)
    assert "Do this first, for up to 15 more points: Softmax over one unit is always 1." in read(page).said


def test_the_next_step_is_the_failing_cell_when_it_left_nothing_to_look_at() -> None:
    """When criteria could not be assessed and a cell failed, that cell comes first."""
    step = next_step(run(cells=(cell(1), FAILING)), grade(verdict("callback", Status.NOT_ASSESSED)))

    assert step is not None
    assert "Mend cell 10, the first that fails; later cells need it." == step.text
    assert "cell-10" == step.place


# Endings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [e for e in Ending if e is not Ending.FINISHED])
def test_every_ending_has_its_plain_sentence_at_the_top(ending: Ending) -> None:
    """However a run ended, the page says it before it speaks of criteria, with the problem."""
    page = read(
        feedback(run(ending=ending), grade(ending=ending, problem="It said so.", needs_person=ending.ours))
    )
    top = page.said.split("Overview")[0]

    assert ENDINGS[ending].sentence in top
    assert "It said so." in top
    assert ENDINGS[ending].advice in top


def test_a_finished_run_says_nothing_about_its_ending_at_the_top() -> None:
    """No news is good news."""
    assert ENDINGS[Ending.FINISHED].sentence not in read(feedback(run(), grade())).said


def test_an_unreadable_file_is_told_once() -> None:
    """One sentence says it, not one for each criterion, and nothing is claimed about a run that was none."""
    r = run(ending=Ending.UNREADABLE, cells=(), trainings=(), models=(), protections=(), data=(), focus=None)
    said = read(feedback(r, unjudged(Ending.UNREADABLE, "The file is empty."))).said

    assert 1 == said.count("The file is empty.")
    assert "without protection" not in said
    assert "How training went" not in said
    assert "Do this first: Open it in Jupyter or Colab" in said


@pytest.mark.parametrize("ending", [e for e in Ending if e.ours])
def test_reasons_of_ours_are_told_as_ours(ending: Ending) -> None:
    """An interruption or a failure of ours needs a person, and the student need do nothing."""
    g = unjudged(ending, "The machine was switched off.")

    assert (ENDINGS[ending].sentence, "The machine was switched off.") == person_reasons(g)
    assert "That is no fault of yours" in read(feedback(run(ending=ending), g)).said


# Cells ----------------------------------------------------------------------------------------------


def test_a_failed_cell_shows_its_line_error_and_traceback() -> None:
    """Cells are counted from one; the line that failed is marked by more than colour."""
    said = read(feedback(mixed_run(), mixed_grade())).said

    assert "Cell 10 failed in line 3 NameError: name 'epochs' is not defined" in said
    assert "failed here, ▸ 3 plt.plot(epochs, acc)" in said
    assert "Traceback of cell 10" in said


def test_an_excused_cell_says_that_it_costs_nothing() -> None:
    """A cell that fails for want of Colab is told apart from one that costs points."""
    said = read(feedback(mixed_run(), mixed_grade())).said

    assert "This costs no points: it needs a feature of Colab." in said
    assert 1 == said.count("This costs no points")


@pytest.mark.parametrize(
    ("line", "first", "last", "before", "after"),
    [
        (1, 1, 25, 0, 75),
        (50, 38, 62, 37, 38),
        (100, 76, 100, 75, 0),
        (None, 1, 25, 0, 75),
        (999, 76, 100, 75, 0),
    ],
)
def test_a_long_cell_is_cut_around_its_line(
    line: int | None, first: int, last: int, before: int, after: int
) -> None:
    """25 lines are shown around the one that failed, and the lines cut are counted."""
    source = "\n".join(f"line {i}" for i in range(1, 101))
    (shown,) = cells_report(run(cells=(cell(0, "failed", source=source, line=line),))).failed

    assert (first, last) == (shown.source[0].number, shown.source[-1].number)
    assert (before, after) == (shown.lines_before, shown.lines_after)


def test_failures_that_cost_points_are_shown_first() -> None:
    """Twenty excused failures do not hide the one that counts; the rest are named by number."""
    colab = [
        cell(i, "failed", error="ModuleNotFoundError", message="No module named 'google.colab'")
        for i in range(20)
    ]
    report = cells_report(run(cells=(*colab, FAILING)))

    assert [1, 2, 3, 4, 5, 6, 7, 10] == [shown.number for shown in report.failed]
    assert "8–20" == report.failed_too


def test_cells_that_never_ran_are_named() -> None:
    """The page lists the numbers of cells that never got their turn."""
    cells: tuple[CellRun, ...] = (cell(0), *(cell(i, "not-run") for i in (2, 3, 4, 7)))
    said = read(feedback(run(cells=cells), grade())).said

    assert "1 of 5 code cells ran without an error. These cells never ran: 3–5, 8." in said


def test_a_long_traceback_is_shortened() -> None:
    """The head and the tail stay; what lies between is counted."""
    lines = shortened("\n".join(f"frame {i}" for i in range(100))).split("\n")

    assert TRACE_LINES + 1 == len(lines)
    assert ["frame 0", "frame 1", "    … 86 lines left out …", "frame 88"] == lines[:4]
    assert "frame 99" == lines[-1]


# Training curve -------------------------------------------------------------------------------------


def test_the_curve_is_told_in_words() -> None:
    """From where to where, when it passed what was asked, and how it ended, in sentences."""
    curve = training_curve(assignment(), run())
    page = feedback(run(), grade())

    assert curve is not None
    assert (
        "Training accuracy was 0.5125 in epoch 1 and 1 in epoch 7.",
        "It first passed 0.999 in epoch 7.",
        "A callback ended training after epoch 7 of the 15 epochs asked for.",
    ) == curve.description
    assert f'<desc id="curve-says">{" ".join(curve.description)}</desc>' in page
    assert "asked for: above 0.999" in read(page).said
    assert "stopped after epoch 7 of 15" in read(page).said


def test_the_curve_shows_the_epochs_asked_for() -> None:
    """The axis runs to the epochs asked for, so that one sees how early training stopped."""
    curve = training_curve(assignment(), run())

    assert curve is not None
    assert ["1", "3", "5", "7", "9", "11", "13", "15"] == [tick.label for tick in curve.x_ticks]
    assert curve.x_ticks[3].at == curve.end.at


def test_an_axis_of_very_many_epochs_asked_for_ends_where_training_did() -> None:
    """5 epochs of 500 would be a dot; the label tells the number asked for."""
    curve = training_curve(
        assignment(), run(trainings=(training((0.5, 0.6, 0.7, 0.8, 1.0), epochs_asked=500),))
    )

    assert curve is not None
    assert ["1", "2", "3", "4", "5"] == [tick.label for tick in curve.x_ticks]
    assert "stopped after epoch 5 of 500" == curve.end.label


def test_a_threshold_never_passed_is_said_with_the_best() -> None:
    """0.9989 is not rounded up to what was asked for."""
    curve = training_curve(assignment(), run(trainings=(training((0.9, 0.99896, 0.98)),)))

    assert curve is not None
    assert "It never passed 0.999; the best was 0.99896 in epoch 2." == curve.description[1]


def test_reaching_a_threshold_is_not_passing_it() -> None:
    """Accuracy of just the value asked for has not passed it."""
    curve = training_curve(assignment(), run(trainings=(training((0.9, 0.999)),)))

    assert curve is not None
    assert "It never passed 0.999; the best was 0.999 in epoch 2." == curve.description[1]


def test_missing_values_break_the_line() -> None:
    """An epoch without a number leaves a gap; a lone point is a dot; not-a-number counts as missing."""
    curve = training_curve(assignment(), run(trainings=(training((0.5, 0.6, None, float("nan"), 0.8)),)))

    assert curve is not None
    assert 1 == len(curve.lines[0].paths)
    assert 3 == len(curve.lines[0].dots)
    assert ("–", "–") == curve.rows[2].values


def test_a_single_epoch_is_a_dot() -> None:
    """One epoch of one can be drawn."""
    one = training((0.75,), epochs_asked=1, stopped=False)
    curve = training_curve(assignment(), run(trainings=(one,)))

    assert curve is not None
    assert ((), 1) == (curve.lines[0].paths, len(curve.lines[0].dots))
    assert "Training went on for the one epoch asked for." == curve.description[-1]


def test_validation_accuracy_is_a_second_line() -> None:
    """Where validation was measured, it is drawn too, and told apart by its dashes and a key."""
    both = tuple(Epoch(logs={"accuracy": a, "val_accuracy": a - 0.1}) for a in (0.5, 0.7))
    r = run(trainings=(training(epochs=both),))
    curve = training_curve(assignment(), r)

    assert curve is not None
    assert ["training accuracy", "validation accuracy"] == [line.name for line in curve.lines]
    assert ("accuracy", "val_accuracy") == curve.columns
    assert "validation accuracy" in read(feedback(r, grade())).said


@pytest.mark.parametrize("name", ["acc", "my_accuracy", "binary_accuracy"])
def test_accuracy_is_found_under_other_names(name: str) -> None:
    """A metric that sounds like accuracy is drawn when the model names none."""
    r = run(trainings=(training(epochs=epochs((0.5, 0.6), name=name)),))

    assert training_curve(assignment(), r) is not None


def test_no_curve_without_accuracy() -> None:
    """A training that reports only a loss has no curve, and the page says why."""
    r = run(trainings=(training(epochs=(Epoch(logs={"loss": 0.5}),)),))

    assert training_curve(assignment(), r) is None
    assert "It reported no accuracy, so there is no curve." in read(feedback(r, grade())).said


@pytest.mark.parametrize("values", [(1.5, 3.0), (-2.0, 0.5), (0.0, 0.0)])
def test_strange_values_stay_inside_the_drawing(values: tuple[float, ...]) -> None:
    """Whatever a metric reports, every point lies in the frame."""
    curve = training_curve(assignment(), run(trainings=(training(values),)))

    assert curve is not None
    assert all(curve.left <= x <= curve.right for x, _ in curve.lines[0].dots)
    assert all(curve.top <= y <= curve.bottom for _, y in curve.lines[0].dots)


def test_a_thinned_curve_keeps_its_extremes() -> None:
    """Of a long history, one dip in one epoch is still drawn, with few points."""
    history = [0.9] * 5000 + [0.3] + [0.9] * 4999
    curve = training_curve(assignment(), run(trainings=(training(history, epochs_asked=10_000),)))

    assert curve is not None
    points = curve.lines[0].paths[0].split(" ")
    assert len(points) <= DRAWN + 1
    assert str(float(curve.bottom)) in {point.split(",")[1] for point in points}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "A callback ended training after epoch 7 of the 15 epochs asked for."),
        ({"stopped": False, "epochs_asked": 7}, "Training went on for all 7 epochs asked for."),
        ({"stopped": False}, "Training was cut off after 7 of the 15 epochs asked for."),
        ({"error": "ValueError: x"}, "Training ended with an error after 7 of the 15 epochs asked for."),
    ],
)
def test_how_training_ended(changes: dict[str, Any], told: str) -> None:
    """By a callback, by itself, cut off, or with an error."""
    assert told == how_it_ended(training(**changes))


def test_thresholds_come_from_the_rubric() -> None:
    """Two criteria that ask for the same accuracy make one line; a setting that is no accuracy makes none."""
    assert (0.999,) == thresholds(assignment())
    assert () == thresholds(assignment(criteria=assignment().criteria[:5]))


def test_the_page_says_which_training_was_judged() -> None:
    """With several trainings, the one that gives the verdicts is named; a call of ours is said."""
    assert "The model was trained once, in cell 9." == which_training(run())
    assert (
        "The notebook trained 2 times. Number 2, in cell 9, earned the most points, so all verdicts about "
        "model and training speak of it."
    ) == which_training(mixed_run())
    assert "it was called as the course does" in which_training(
        run(trainings=(training(called_by_us=True, cell=None),))
    )
    assert "The notebook trained no model." == which_training(run(trainings=(), focus=None))


def test_the_judged_training_is_drawn_whatever_the_run_has_in_focus() -> None:
    """The grade says which training counts; a run read back from disk need not."""
    said = read(feedback(mixed_run(focus=0), mixed_grade(training=1))).said

    assert "A callback ended training after epoch 7" in said


# Layers, notes, circumstances -----------------------------------------------------------------------


def test_the_path_of_a_picture() -> None:
    """Each layer shows its kind, what it is made of, the shape it gives and its parameters."""
    said = read(feedback(run(), grade())).said

    for text in (
        "A picture goes in 150 × 150 × 3",
        "Conv2D , 16 filters, relu conv2d 148 × 148 × 16 448",
        "Dense , 1 unit, sigmoid dense_1 1 513",
        "All layers 21,239,777",
    ):
        assert text in said


def test_a_deep_model_is_cut_in_the_middle() -> None:
    """The first and last layers are shown, and how many were left out between them."""
    layers = tuple(Layer(name=f"dense_{i}", kind="Dense") for i in range(100))
    path = path_of_a_picture(model(layers=layers))

    assert (60, 40, 40) == (len(path.steps), path.cut_after, path.left_out)
    assert [1, 40, 81, 100] == [path.steps[i].number for i in (0, 39, 40, 59)]


def test_frozen_layers_say_so() -> None:
    """Layers with weights that do not learn are marked."""
    layer = Layer(name="d", kind="Dense", units=3, parameters=9, trainable=False)

    assert "3 units, frozen" == path_of_a_picture(model(layers=(layer,))).steps[0].details


def test_notes_cost_nothing_and_are_told_once() -> None:
    """Bridged uses stand as old and new beside their line, other notes below, all of them free."""
    said = read(feedback(mixed_run(), mixed_grade())).said

    assert "Notes that cost no points" in said
    assert "Cell 6, line 14 RMSprop(lr=0.001) RMSprop(learning_rate=0.001)" in said
    assert "Notebook ../tmp2/happy-or-sad.zip /tmp/happy-or-sad.zip" in said
    assert "The last cell would have ended the kernel; it was not let." in said
    assert 1 == said.count("RMSprop(lr=0.001)")


def test_flags_are_for_the_instructor() -> None:
    """What was flagged stands on the class page and not on the student's."""
    (flag,) = mixed_grade().flags

    assert flag not in feedback(mixed_run(), mixed_grade())
    assert flag in read(class_page(assignment(), [mixed_grade()])).said


def test_how_it_was_run() -> None:
    """Data, protection and what was missing of it, versions, time and seed are said."""
    said = read(feedback(mixed_run(), mixed_grade())).said

    for text in (
        "Ending Finished, after 48 s",
        "Data happy-or-sad: drawn stand-in pictures",
        "Protection network off; memory limit 4 GiB",
        "Missing protection own processes: other processes of this machine are in sight",
        "Versions python 3.11.9, tensorflow 2.18.0, keras 3.6.0",
        "Seed 12345",
        "sha256 0123456789abcdef",
    ):
        assert text in said


def test_an_unprotected_run_is_said_clearly() -> None:
    """Both pages say it when nothing protected a run."""
    g = grade(protections=(), missing_protections=("network",))

    assert "It ran without protection:" in read(feedback(run(protections=()), g)).said
    assert "1 notebook ran without protection:" in read(class_page(assignment(), [g, grade()])).said
    assert "without protection" not in read(class_page(assignment(), small_class())).said


def test_attempts_are_listed() -> None:
    """Where chance was given more tries, each shows its seed and its best accuracy."""
    tries = (Attempt(seed=1, best_accuracy=0.95), Attempt(seed=2, best_accuracy=None))
    said = read(feedback(run(attempts=tries, seed=1), grade())).said

    assert "seed 1: best training accuracy 0.95; seed 2: best training accuracy –" in said
    assert "Seed that counts 1" in said


# The class ------------------------------------------------------------------------------------------


def test_who_needs_the_instructor_comes_first() -> None:
    """Open grades, unreadable files, flags and runs cut short are listed with their reasons."""
    groups = {group.title: [one.student for one in group.students] for group in attention(small_class())}

    assert {
        "Needs a person": ["Eve"],
        "Could not be read": ["Çağla, Ö."],
        "Flagged": ["Bo O'Neill"],
        "Did not run to the end": ["Dana"],
    } == groups
    assert ["Needs a person", *list(groups)[1:]] == list(groups)


def test_nobody_needs_the_instructor() -> None:
    """A class without trouble says so."""
    assert "Nobody: every notebook could be read" in read(class_page(assignment(), [grade()])).said


def test_class_summary() -> None:
    """Median, mean, full marks and open scores, in words."""
    assert (
        "Of 100 points, half of the class has 76.25 or more; the mean is 67.25, 1 with full marks. "
        "1 score is open."
    ) == class_summary(small_class())


def test_the_distribution_counts_every_score() -> None:
    """Each score stands in one bar, full marks in the last, open scores in none; the words say the same."""
    spread = distribution(small_class())

    assert spread is not None
    assert [1, 0, 0, 0, 0, 0, 0, 2, 1, 1] == [bar.students for bar in spread.bars]
    assert (
        "Number of submissions by share of the points: 0–9 %: 1; 70–79 %: 2; 80–89 %: 1; 90–100 %: 1."
    ) == spread.description


def test_no_distribution_without_scores() -> None:
    """A class without a score has no drawing of scores."""
    assert distribution([]) is None
    assert "Distribution" not in class_page(assignment(), [unjudged(Ending.INTERRUPTED, "x")])


def test_a_criterion_shows_pass_rate_and_commonest_mistakes() -> None:
    """The share that met it, the mean, and each diagnosis with the students behind it, commonest first."""
    lowered = verdict("output", Status.NOT_MET, diagnosis="no-sigmoid")
    report = criterion_report(assignment().criteria[3], [grade(lowered, student="Zoe"), *small_class()])

    assert "29 %" == report.rate
    assert "2 met, 4 not met, 1 not assessed; on average 4.29 of 15 points." == report.told
    assert [
        (DIAGNOSES["softmax-on-one-unit"].title, ("Bo O'Neill", "Dana", "Φίλιππος")),
        (DIAGNOSES["no-sigmoid"].title, ("Zoe",)),
    ] == [(mistake.title, mistake.students) for mistake in report.mistakes]


def test_open_verdicts_do_not_lower_a_pass_rate() -> None:
    """What we could not judge is counted apart."""
    grades = [grade(), grade(verdict("loss", Status.NOT_ASSESSED, points=None))]
    report = criterion_report(assignment().criteria[4], grades)

    assert "100 %" == report.rate
    assert "1 met; on average 15 of 15 points. 1 verdict is open." == report.told


def test_a_grade_of_an_older_rubric_can_still_be_listed() -> None:
    """A criterion without a verdict is an empty cell that says so."""
    page = class_page(assignment(), [grade(verdicts=grade().verdicts[:3])])

    assert "callback: no verdict" in read(page).said
    assert "Nobody was judged on it." in read(page).said


def test_a_class_of_five_hundred() -> None:
    """Every student stands in the table with a link, and the page stays below two megabytes."""
    wrong = verdict("output", Status.NOT_MET, diagnosis="softmax-on-one-unit")
    grades = [grade(wrong, student=f"Student {i}") for i in range(500)]

    page = class_page(assignment(), grades)

    assert 500 == len({href for href in read(page).attributes("href") if href.endswith("feedback.html")})
    assert "500 students: softmax on a single unit" in read(page).said
    assert len(page.encode()) < 2_000_000


def test_the_table_sorts_by_meaning() -> None:
    """Behind each cell stands what it sorts by: points, below them not assessed, open, and no verdict."""
    half, none = verdict("loss", Status.PARTLY_MET), verdict("loss", Status.NOT_ASSESSED)
    open_verdict = verdict("loss", Status.NOT_ASSESSED, points=None)
    page = class_page(assignment(), [grade(half), grade(none), grade(open_verdict), grade(verdicts=())])
    keys = read(page).attributes("data-sort")
    rows = [keys[i : i + 8] for i in range(0, len(keys), 8)]

    assert ["92.5", "85.0", "-1", "0"] == [row[0] for row in rows]
    assert ["0.5", "-0.5", "-1", "-2"] == [row[5] for row in rows]


def test_data_and_protections_of_a_class() -> None:
    """What the runs had in common is said once, and how many had what where they differ."""
    said = read(class_page(assignment(), small_class())).said

    assert "5 submissions: happy-or-sad (drawn stand-in pictures)" in said
    assert "1 submission: none (unreadable)" in said
    assert "Protection network off; memory limit 4 GiB Missing protection 4 submissions: none" in said


def test_a_submission_of_which_nothing_ran_does_not_count_as_unprotected() -> None:
    """Without a cell that ran there was nothing to protect from."""
    g = grade(protections=(), cells=CellCounts(not_run=3))

    assert "without protection" not in class_page(assignment(), [g])


# Words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (10.0, "10"),
        (18.75, "18.75"),
        (2.5, "2.5"),
        (0.0, "0"),
        (-0.001, "0"),
        (100.0, "100"),
        (1234567.891, "1234567.89"),
    ],
)
def test_numbers(value: float, said: str) -> None:
    """Points have two decimals at most and none that say nothing."""
    assert said == number(value)


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0 %"), (1.0, "100 %"), (0.998, "99 %"), (0.001, "1 %"), (0.416, "42 %")]
)
def test_percent(share: float, said: str) -> None:
    """All and nothing are said only of all and nothing."""
    assert said == percent(share)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0 s"),
        (3.21, "3.2 s"),
        (48.3, "48 s"),
        (59.7, "1 min"),
        (125, "2 min 5 s"),
        (3720, "1 h 2 min"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    """Times are said as people say them."""
    assert said == duration(seconds)


def test_counts() -> None:
    """One is one, many are many."""
    assert ["1 cell", "0 cells", "1,200 cells"] == [count(n, "cell") for n in (1, 0, 1200)]


def test_ranges() -> None:
    """Neighbours are joined, the rest is listed, and what is cut is counted."""
    assert "1–3, 5, 8–9" == ranges([1, 2, 3, 5, 8, 9])
    assert "1, 3 and 3 more" == ranges([1, 3, 5, 7, 9], limit=2)
    assert "" == ranges([])


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((None, 150, 150, 3), "150 × 150 × 3"),
        ((None, None, 3), "any × 3"),
        (None, "unknown"),
        ((None,), "one number"),
    ],
)
def test_shapes(shape: tuple[int | None, ...] | None, said: str) -> None:
    """A shape is said without its batch size."""
    assert said == picture_shape(shape)


def test_clean_keeps_what_people_write() -> None:
    """Emoji of several parts, accents, other scripts and no-break spaces stay."""
    text = "👩‍🔬 é\u0301\u00a0می‌خواهم\tx\ny"

    assert text == clean(text)


def test_short() -> None:
    """Text is cut to the length asked for, the mark included."""
    assert "abcdefgh …" == short("abcdefghijklmnop", 10)
    assert "abc" == short("abc", 3)


# Colours --------------------------------------------------------------------------------------------


def palettes() -> dict[str, dict[str, str]]:
    """The colours of the light, dark and printed page by name."""
    style = (Path(__file__).parents[1] / "grader/feedback/templates/style.html").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]
    return dict(zip(("light", "dark", "print"), found, strict=True))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2.2 defines it, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT_ON = (
    *(
        (text, ground)
        for text in ("ink", "soft", "link", "met", "partly", "not", "none")
        for ground in ("ground", "paper")
    ),
    *(
        ("ink", ground)
        for ground in ("met-ground", "partly-ground", "not-ground", "none-ground", "code", "mark")
    ),
    *(("link", ground) for ground in ("met-ground", "partly-ground", "not-ground", "none-ground")),
    ("soft", "code"),
)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_has_enough_contrast(text: str, ground: str, scheme: str) -> None:
    """Every text colour reaches the 4.5 : 1 of WCAG AA on every ground it stands on."""
    colours = palettes()[scheme]

    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize("line", ["curve", "curve-2", "met"])
def test_lines_of_plots_have_enough_contrast(line: str, scheme: str) -> None:
    """Lines of plots reach the 3 : 1 that WCAG AA asks of graphics."""
    colours = palettes()[scheme]

    assert min(contrast(colours[line], colours[ground]) for ground in ("ground", "paper")) >= 3


def test_black_on_white_is_21_to_1() -> None:
    """The helper measures contrast as WCAG does."""
    assert 21 == round(contrast("#000000", "#ffffff"), 2)


def test_quotes_are_escaped_in_attributes() -> None:
    """A title with quotes stays inside its attribute."""
    title = 'Say "x" & <y>'
    criteria = tuple(type(c)(**{**vars(c), "title": title}) for c in assignment().criteria)
    page = class_page(assignment(criteria=criteria), small_class())

    assert title in read(page).attributes("title")
    assert html.escape("<y>") in page
