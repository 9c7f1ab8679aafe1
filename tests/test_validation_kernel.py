"""The happy-or-sad assignment proves itself: each case through a real kernel, on the drawn faces."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.assignment import Assignment, find_assignment
from grader.batch import Conditions
from grader.datasets import provide
from grader.execution.sandbox import find_protection
from grader.validation import demo_class, read_cases, validate

pytestmark = pytest.mark.kernel
SAMPLE = (
    "reference",
    "starter",
    "old-api",
    "logits",
    "rescaling-layer",
    "cell-does-not-parse",
    "not-rescaled",
    "points-at-one-class",
    "labels-categorical",
    "target-size-differs",
    "softmax-on-one-unit",
    "two-units-binary-loss",
    "callback-not-passed",
    "callback-not-created",
    "threshold-99",
    "watches-loss",
    "metric-name-mismatch",
    "on-batch-end",
    "changes-logs",
)
"""Of every kind of check some; `.ci/full` validates every case."""


@pytest.fixture(scope="module")
def conditions() -> Conditions:
    """The shipped assignment, drawn faces, the protection of this machine."""
    assignment: Assignment = find_assignment("happy-or-sad")
    data = (provide("happy-or-sad", kind="drawn"),)
    return Conditions(assignment, data, find_protection(), assignment.limits)


@pytest.mark.parametrize("name", SAMPLE)
def test_case_gets_exactly_the_marks_it_should(conditions: Conditions, tmp_path: Path, name: str) -> None:
    """Full marks for what is right; for a mistake exactly its criteria fail, with the named diagnosis."""
    (proof,) = validate(conditions, tmp_path, [name])

    assert () == proof.problems


def test_there_are_at_least_twenty_mistakes() -> None:
    """The assignment is held against at least twenty ways to go wrong."""
    assert 20 <= sum(bool(case.expected) for case in read_cases(find_assignment("happy-or-sad")))


def test_demo_class_is_six_students(tmp_path: Path) -> None:
    """`grader demo` grades six sample submissions."""
    assert 6 == len(demo_class(find_assignment("happy-or-sad"), tmp_path))
