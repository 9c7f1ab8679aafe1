"""A run becomes a grade: one training gives all its verdicts, and our own failures never cost points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders import BRIDGED, cell, epochs, grade, model, stopping_parts, training, verdict
from runs import fed, pipeline, seen, stopper, stops_above

from grader.assignment import Assignment, Criterion, load_assignment
from grader.checks import CHECKS, DIAGNOSES, Check, Finding, Part
from grader.errors import EvidenceError
from grader.evidence import Attempt, Ending, Output, Run
from grader.judging import (
    CellCounts,
    Grade,
    PartVerdict,
    Status,
    SubmissionInfo,
    Verdict,
    best_reached,
    chance_decides,
    judge,
    read_grade,
    write_grade,
)

HAPPY = load_assignment(Path(__file__).parents[1] / "assignments" / "happy-or-sad")
TEN_UNITS = Output(units=10, activation="softmax")
LOW = epochs((0.5, 0.75))
SHORT = Finding(0.0, "Seen.", "threshold-lowered")


def statuses(graded: Grade) -> dict[str, str]:
    """Criterion → status."""
    return {v.criterion: v.status.value for v in graded.verdicts}


def short(graded: Grade) -> dict[str, str]:
    """The criteria that are not met, with their status."""
    return {criterion: status for criterion, status in statuses(graded).items() if status != "met"}


def found(graded: Grade, criterion: str) -> Verdict:
    """The verdict of one criterion."""
    return next(v for v in graded.verdicts if v.criterion == criterion)


def answering(monkeypatch: pytest.MonkeyPatch, finding: Finding | Exception, **changes: Any) -> Assignment:
    """An assignment whose only criterion has a check that answers this, or raises it."""

    def check(run: Run) -> Finding:
        if isinstance(finding, Exception):
            raise finding
        return finding

    monkeypatch.setitem(CHECKS, "made-up", Check(check, "training"))
    given: dict[str, Any] = {
        "id": "only",
        "title": "The only one",
        "points": 8,
        "check": "made-up",
        "hint": "Look again.",
    }
    return replace(HAPPY, criteria=(Criterion(**(given | changes)),))


# One run, one grade ---------------------------------------------------------------------------------


def test_a_right_solution_gets_everything() -> None:
    """The run of a right solution meets all criteria, in the order of the rubric."""
    graded = judge(HAPPY, seen())

    assert [c.id for c in HAPPY.criteria] == [v.criterion for v in graded.verdicts]
    assert {} == short(graded), [v.saw for v in graded.verdicts]
    assert (100, 100, 100, False) == (
        graded.score,
        graded.score_so_far,
        graded.max_score,
        graded.needs_person,
    )


def test_a_grade_says_what_it_is_about() -> None:
    """Student, file, ending, cells, data, protections and fingerprint come from the run."""
    run = seen(
        cells=(cell(1), cell(2, "failed", error="KeyError"), cell(3, "not-run")),
        ending=Ending.TIMED_OUT,
        problem="The notebook took longer than 10 minutes and was stopped.",
        fingerprint="f" * 64,
        flags=("odd",),
    )
    graded = judge(HAPPY, run)

    assert ("happy-or-sad", "Ana Silva", SubmissionInfo(file="happy.ipynb", sha256=run.sha256)) == (
        graded.assignment,
        graded.student,
        graded.submission,
    )
    assert (Ending.TIMED_OUT, run.problem, CellCounts(ran=1, failed=1, not_run=1)) == (
        graded.ending,
        graded.problem,
        graded.cells,
    )
    assert (run.fingerprint, run.flags, run.protections, run.seconds, {"happy-or-sad": "drawn"}) == (
        graded.fingerprint,
        graded.flags,
        graded.protections,
        graded.seconds,
        graded.data,
    )


def test_a_notebook_that_fails_in_its_last_cell_loses_only_that() -> None:
    """Criteria do not depend on each other: a failing plot costs a share of `runs`."""
    graded = judge(HAPPY, seen(cells=(cell(1), cell(2), cell(3), cell(4, "failed", error="KeyError"))))

    assert {"runs": "partly-met"} == short(graded)
    assert 97.5 == graded.score


def test_a_notebook_that_made_nothing_is_not_assessed() -> None:
    """Where there is nothing to look at, the notebook is the reason: no points, and the reason is said."""
    empty = seen(cells=(), models=(), pipelines=(), trainings=(), callbacks=(), focus=None)
    graded = judge(HAPPY, empty)

    assert {c.id: "not-assessed" for c in HAPPY.criteria} == statuses(graded)
    assert (0, False) == (graded.score, graded.needs_person)
    assert "The notebook has no code cells." == found(graded, "runs").saw


# Findings become verdicts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "status", "points"),
    [
        (1.0, Status.MET, 8),
        (1.7, Status.MET, 8),
        (0.999, Status.PARTLY_MET, 7.99),
        (1 / 3, Status.PARTLY_MET, 2.67),
        (0.0001, Status.NOT_MET, 0),
        (0.0, Status.NOT_MET, 0),
        (-0.5, Status.NOT_MET, 0),
        (None, Status.NOT_ASSESSED, 0),
    ],
)
def test_a_share_becomes_status_and_points(
    share: float | None, status: Status, points: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points are the share of the criterion's, to two digits; the status follows from them."""
    graded = judge(answering(monkeypatch, Finding(share, "Seen.")), seen())

    assert [(status, points, 8)] == [(v.status, v.points, v.max_points) for v in graded.verdicts]
    assert (points, False) == (graded.score, graded.needs_person)


def test_a_share_that_rounding_took_something_from_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that add up to a little less than 1, as 0.7 + 0.2 + 0.1 do, are all of it."""
    finding = Finding(0.7 + 0.2 + 0.1, "Seen.")
    (judged,) = judge(answering(monkeypatch, finding), seen()).verdicts

    assert finding.share is not None
    assert finding.share < 1
    assert (Status.MET, 8, "") == (judged.status, judged.points, judged.hint)


@pytest.mark.parametrize(
    ("finding", "hint"),
    [
        (Finding(1.0, "Seen."), ""),
        (Finding(0.0, "Seen.", "no-sigmoid"), DIAGNOSES["no-sigmoid"].hint),
        (Finding(0.5, "Seen.", "two-unit-softmax"), DIAGNOSES["two-unit-softmax"].hint),
        (Finding(0.0, "Seen."), "Look again."),
        (Finding(0.0, "Seen.", "unheard-of"), "Look again."),
        (Finding(None, "Nothing."), "Look again."),
    ],
    ids=["met", "known diagnosis", "partly met", "no diagnosis", "unknown diagnosis", "nothing to look at"],
)
def test_the_hint_is_that_of_the_diagnosis(
    finding: Finding, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known mistake brings its own hint, anything else the criterion's, and what is met none."""
    (judged,) = judge(answering(monkeypatch, finding), seen()).verdicts

    assert (hint, finding.diagnosis) == (judged.hint, judged.diagnosis)


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"above": 0.9}, "Compare with 0.9, the accuracy that is asked for."),
        ({}, "Compare with the value that is asked for, the accuracy that is asked for."),
    ],
    ids=["of the rubric", "none"],
)
def test_a_hint_names_the_threshold_of_the_rubric(
    settings: dict[str, float], hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number in a hint is the one that the rubric asks for."""
    monkeypatch.setitem(CHECKS, "made-up", Check(lambda run, **s: SHORT, "training"))
    only = Criterion(id="only", title="", points=1, check="made-up", settings=settings)

    assert [hint] == [v.hint for v in judge(replace(HAPPY, criteria=(only,)), seen()).verdicts]


@pytest.mark.parametrize("id", DIAGNOSES)
def test_every_hint_can_be_worded_for_any_criterion(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hint holds a placeholder that some rubric cannot fill."""
    (judged,) = judge(answering(monkeypatch, Finding(0.0, "Seen.", id)), seen()).verdicts

    assert (set(), id) == ({"{", "}"} & set(judged.hint), judged.diagnosis)


def test_parts_and_notes_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding's parts and notes are part of the verdict."""
    finding = Finding(0.25, "Half.", None, ("By the way.",), (Part("one", 0.5, 0.5, "Half seen."),))
    (judged,) = judge(answering(monkeypatch, finding, read="Chapter 3"), seen()).verdicts

    assert (PartVerdict(name="one", weight=0.5, share=0.5, saw="Half seen."),) == judged.parts
    assert (("By the way.",), "Chapter 3", "Half.") == (judged.notes, judged.read, judged.saw)


# Several trainings ----------------------------------------------------------------------------------


def two_trainings(first: dict[str, Any], second: dict[str, Any]) -> Run:
    """A run of two trainings, each with its own model; `output`, `epochs` and `callbacks` may be changed."""
    made = [first, second]
    return seen(
        models=tuple(
            model(id=i, output=m.get("output", Output(units=1, activation="sigmoid")))
            for i, m in enumerate(made)
        ),
        trainings=tuple(
            training(
                id=10 + i,
                model=i,
                pipeline=1,
                reaches=fed(),
                callbacks=m.get("callbacks", (1,)),
                **({"epochs": m["epochs"]} if "epochs" in m else {}),
            )
            for i, m in enumerate(made)
        ),
        focus=None,
    )


def alone(run: Run, which: int) -> Grade:
    """The grade of a run as if it had one of its trainings only."""
    kept = msgspec.structs.replace(run, trainings=(run.trainings[which],))
    return judge(HAPPY, kept)


@pytest.mark.parametrize(
    ("first", "second", "best"),
    [
        ({}, {"output": TEN_UNITS}, 0),
        ({"output": TEN_UNITS}, {}, 1),
        ({"epochs": LOW}, {"output": TEN_UNITS}, 0),
        ({"output": TEN_UNITS}, {"epochs": LOW}, 1),
        ({"output": TEN_UNITS, "epochs": LOW}, {"callbacks": ()}, 1),
    ],
)
def test_verdicts_are_never_mixed_across_trainings(
    first: dict[str, Any], second: dict[str, Any], best: int
) -> None:
    """The training with most points gives all verdicts, even where the other one is better in some."""
    run = two_trainings(first, second)
    graded = judge(HAPPY, run)

    assert alone(run, best).verdicts == graded.verdicts
    assert alone(run, 1 - best).score_so_far < graded.score_so_far
    assert 10 + best == graded.training


@pytest.mark.parametrize("made", [{}, {"output": TEN_UNITS}, {"callbacks": (), "epochs": LOW}])
def test_of_equally_good_trainings_the_last_is_judged(made: dict[str, Any]) -> None:
    """A tie goes to the last training."""
    assert 11 == judge(HAPPY, two_trainings(made, made)).training


def test_what_looks_at_the_notebook_does_not_depend_on_the_training() -> None:
    """`runs` is judged once, whichever training is chosen, and does not help to choose it."""
    run = msgspec.structs.replace(
        two_trainings({}, {"output": TEN_UNITS}), cells=(cell(1), cell(2, "failed", error="KeyError"))
    )
    graded = judge(HAPPY, run)

    assert ({"runs": "partly-met"}, 10) == (short(graded), graded.training)


def test_the_judged_training_gives_the_best_accuracy() -> None:
    """Which accuracy a run came to is read from the training that was judged."""
    run = two_trainings({"epochs": LOW}, {"output": TEN_UNITS, "callbacks": ()})

    assert 0.75 == best_reached(run, judge(HAPPY, run))
    assert best_reached(seen(trainings=(), focus=None), grade(training=None)) is None


# Reasons of ours, and unreadable files --------------------------------------------------------------


def test_an_unreadable_submission_has_no_points() -> None:
    """What cannot be read is not assessed and earns nothing; no person is needed."""
    run = Run(
        student="Bo", file="bo.ipynb", sha256="0", ending=Ending.UNREADABLE, problem="The file is empty."
    )
    graded = judge(HAPPY, run)

    assert [(Status.NOT_ASSESSED, 0.0, "The file is empty.")] * 7 == [
        (v.status, v.points, v.saw) for v in graded.verdicts
    ]
    assert (0, 0, False) == (graded.score, graded.score_so_far, graded.needs_person)


@pytest.mark.parametrize("ending", [Ending.GRADER_FAILED, Ending.INTERRUPTED])
def test_a_run_that_we_lost_needs_a_person(ending: Ending) -> None:
    """Where the grader failed or was interrupted there is no score at all, however good the evidence."""
    graded = judge(HAPPY, seen(ending=ending, problem="The grader itself failed."))

    assert [(Status.NOT_ASSESSED, None, "The grader itself failed.")] * 7 == [
        (v.status, v.points, v.saw) for v in graded.verdicts
    ]
    assert (None, 0, True) == (graded.score, graded.score_so_far, graded.needs_person)


@pytest.mark.parametrize("ending", [e for e in Ending if not e.ours and e is not Ending.UNREADABLE])
def test_every_other_ending_keeps_what_was_shown(ending: Ending) -> None:
    """However a run ended, what was recorded until then is judged."""
    assert 100 == judge(HAPPY, seen(ending=ending)).score


def test_a_check_that_raises_needs_a_person_and_spares_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash of a check of ours leaves its criterion open, says so, and all others are judged."""
    broken = answering(monkeypatch, ZeroDivisionError("no weights")).criteria[0]
    graded = judge(replace(HAPPY, criteria=(*HAPPY.criteria, broken)), seen())
    judged = found(graded, "only")

    assert {"only": "not-assessed"} == short(graded)
    assert (None, "The check 'made-up' of the grader itself failed (ZeroDivisionError: no weights).") == (
        judged.points,
        judged.saw,
    )
    assert (None, 100, 108, True) == (
        graded.score,
        graded.score_so_far,
        graded.max_score,
        graded.needs_person,
    )


# Notes ----------------------------------------------------------------------------------------------


def test_notes_say_what_was_bridged_and_where() -> None:
    """Remarks come first; each bridged use is old → new with the cell (counted from 1) and line."""
    run = seen(remarks=("It was handed in as a .py file.",), notes=BRIDGED)

    assert (
        "It was handed in as a .py file.",
        "Cell 6, line 14: RMSprop(lr=0.001) → RMSprop(learning_rate=0.001)",
        "Cell 9, line 3: model.fit_generator(…) → model.fit(…)",
        "The notebook: ../tmp2/happy-or-sad.zip → /tmp/happy-or-sad.zip",
    ) == judge(HAPPY, run).notes


@pytest.mark.parametrize(
    ("reached", "notes"),
    [
        ((), ()),
        ((1.0,), ()),
        (
            (0.9375, None, 1.0),
            (
                "Training depends on chance, so the notebook was run 3 times with different seeds "
                "(best training accuracy: 0.9375, none, 1); the best run counts.",
            ),
        ),
    ],
    ids=["unknown", "once", "three times"],
)
def test_further_tries_are_told(reached: tuple[float | None, ...], notes: tuple[str, ...]) -> None:
    """When a notebook was run again the page says how often, and what each run came to."""
    attempts = tuple(Attempt(seed=i, best_accuracy=best) for i, best in enumerate(reached))

    assert notes == judge(HAPPY, seen(attempts=attempts)).notes


# Chance ---------------------------------------------------------------------------------------------

NOT_REACHED = verdict("accuracy", Status.NOT_MET)
NOT_ENDED = (
    *stopping_parts()[:3],
    PartVerdict(name="ended training", weight=0.15, share=0.0, saw="Training went on."),
)


@pytest.mark.parametrize(
    ("short_of", "ending", "expected"),
    [
        ((), Ending.FINISHED, False),
        ((NOT_REACHED,), Ending.FINISHED, True),
        ((NOT_REACHED, verdict("callback", Status.PARTLY_MET, parts=NOT_ENDED)), Ending.FINISHED, True),
        (
            (NOT_REACHED, verdict("callback", Status.PARTLY_MET, parts=stopping_parts(right_point=0))),
            Ending.FINISHED,
            False,
        ),
        ((NOT_REACHED, verdict("callback", Status.NOT_MET)), Ending.FINISHED, False),
        ((verdict("callback", Status.PARTLY_MET, parts=NOT_ENDED),), Ending.FINISHED, False),
        ((NOT_REACHED, verdict("output", Status.NOT_MET)), Ending.FINISHED, False),
        ((NOT_REACHED, verdict("runs", Status.PARTLY_MET)), Ending.FINISHED, True),
        ((verdict("accuracy", Status.NOT_ASSESSED),), Ending.FINISHED, False),
        ((NOT_REACHED,), Ending.TIMED_OUT, False),
        ((NOT_REACHED,), Ending.KERNEL_DIED, False),
    ],
    ids=[
        "nothing is short",
        "only accuracy",
        "accuracy, and so training was not ended",
        "accuracy and the right point",
        "accuracy and the callback",
        "only not ended",
        "accuracy and the output",
        "accuracy and a failing cell",
        "accuracy is unknown",
        "out of time",
        "kernel died",
    ],
)
def test_when_only_chance_decides(short_of: tuple[Verdict, ...], ending: Ending, expected: bool) -> None:
    """Another try is due if of all that training decides accuracy alone came short, and thus its end."""
    assert expected == chance_decides(HAPPY, seen(ending=ending), grade(*short_of))


def test_no_other_try_without_a_training() -> None:
    """A notebook that did not train is not run again."""
    assert not chance_decides(HAPPY, seen(trainings=()), grade(NOT_REACHED))


def test_no_other_try_where_the_rubric_leaves_nothing_to_chance() -> None:
    """Without a criterion marked `chance` a notebook is run once."""
    strict = replace(HAPPY, criteria=tuple(replace(c, evidence_of_chance=False) for c in HAPPY.criteria))

    assert not chance_decides(strict, seen(), grade(NOT_REACHED))


def test_a_right_solution_out_of_luck_deserves_another_try() -> None:
    """From the run itself: right in all, but the history came short, so the callback had nothing to end."""
    unlucky = seen(training={"epochs": LOW, "stopped": False})
    graded = judge(HAPPY, unlucky)

    assert {"accuracy": "not-met"} == short(graded)
    assert chance_decides(HAPPY, unlucky, graded)


def test_a_wrong_threshold_gets_no_other_try() -> None:
    """From the run itself: a callback that stops too early is not chance."""
    early = seen(training={"epochs": epochs((0.5, 0.9375))}, callbacks=(stopper(maps=(stops_above(0.9),)),))

    assert not chance_decides(HAPPY, early, judge(HAPPY, early))


# On disk --------------------------------------------------------------------------------------------


def test_a_grade_comes_back_from_disk(tmp_path: Path) -> None:
    """What is written to grade.json is read as the same grade."""
    graded = judge(HAPPY, seen(pipelines=(pipeline(batch=None),), notes=BRIDGED))
    write_grade(graded, tmp_path / "grade.json")

    assert graded == read_grade(tmp_path / "grade.json")


def test_grade_json_has_its_promised_fields(tmp_path: Path) -> None:
    """The names that others read are there, with endings and statuses as words."""
    write_grade(judge(HAPPY, seen()), tmp_path / "grade.json")
    told = msgspec.json.decode((tmp_path / "grade.json").read_bytes())

    assert {
        "format", "assignment", "student", "submission", "ending", "cells", "score", "score_so_far",
        "max_score", "needs_person", "verdicts", "notes", "flags", "protections", "seconds",
    } <= set(told)  # fmt: skip
    assert {
        "criterion", "title", "status", "points", "max_points", "saw", "hint", "diagnosis",
    } <= set(told["verdicts"][0])  # fmt: skip
    assert (1, "finished", "met") == (told["format"], told["ending"], told["verdicts"][0]["status"])


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b'{"student": "\xff"}', b'{"format": "1"}'])
def test_a_damaged_grade_is_refused(content: bytes, tmp_path: Path) -> None:
    """A damaged grade.json is refused with what to do."""
    path = tmp_path / "grade.json"
    path.write_bytes(content)

    with pytest.raises(EvidenceError) as refused:
        read_grade(path)
    start, _, end = str(refused.value).partition(" (")
    assert f"{path} is not a grade of ours" == start
    assert "); judge this run again." == end[-24:]


def test_a_missing_grade_is_refused(tmp_path: Path) -> None:
    """A grade.json that is not there is refused with what to do."""
    with pytest.raises(EvidenceError, match=r"cannot be read \(.*\); judge this run again\.$"):
        read_grade(tmp_path / "grade.json")


def test_a_grade_of_another_format_is_refused(tmp_path: Path) -> None:
    """A grade.json of a later version says so."""
    path = tmp_path / "grade.json"
    write_grade(msgspec.structs.replace(judge(HAPPY, seen()), format=7), path)

    with pytest.raises(EvidenceError) as refused:
        read_grade(path)
    assert f"{path} has format 7, this version reads 1; judge this run again." == str(refused.value)
