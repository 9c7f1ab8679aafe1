"""The questions find where a callback stops, and give nothing away by asking."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import Decide, driven

from grader.evidence import SwitchingMap
from grader.execution.questions import BEYOND, GRID, HOOKS, PRECISION, Call

calm = settings(deadline=None, database=None, derandomize=True)
VALUES = (*GRID, *BEYOND)
DICE = random.Random(1)


def one(
    decide: Decide,
    metric: str = "accuracy",
    metrics: Sequence[str] = ("loss", "accuracy"),
    others: str = "poor",
    hook: str = "on_epoch_end",
) -> SwitchingMap:
    """The map of one metric in one hook."""
    maps = driven(decide, metrics, (hook,))
    return next(m for m in maps if (m.metric, m.others) == (metric, others))


def switches(found: SwitchingMap) -> list[tuple[float, str]]:
    """Where the answer changes, to six digits, and to what."""
    return [(round((s.below + s.above) / 2, 5), s.then) for s in found.switches]


# Where it stops -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decide", "start", "expected"),
    [
        pytest.param(lambda e, logs: logs["accuracy"] > 0.999, "go", [(0.999, "stop")], id="0.999"),
        pytest.param(lambda e, logs: logs["accuracy"] >= 0.999, "go", [(0.999, "stop")], id="or equal"),
        pytest.param(lambda e, logs: logs["accuracy"] > 0.99, "go", [(0.99, "stop")], id="0.99"),
        pytest.param(lambda e, logs: logs["accuracy"] > 0.5, "go", [(0.5, "stop")], id="a value of the grid"),
        pytest.param(lambda e, logs: logs["accuracy"] > 0, "go", [(0, "stop")], id="anything but 0"),
        pytest.param(lambda e, logs: logs["accuracy"] >= 1, "go", [(1, "stop")], id="1"),
        pytest.param(lambda e, logs: logs["accuracy"] > 99.9, "go", [(99.9, "stop")], id="99.9"),
        pytest.param(lambda e, logs: logs["accuracy"] >= 100, "go", [(100, "stop")], id="100"),
        pytest.param(
            lambda e, logs: round(logs["accuracy"], 3) > 0.999, "go", [(0.9995, "stop")], id="rounded"
        ),
        pytest.param(
            lambda e, logs: round(logs["accuracy"], 2) >= 0.99, "go", [(0.985, "stop")], id="rounded twice"
        ),
        pytest.param(lambda e, logs: logs["accuracy"] < 0.999, "stop", [(0.999, "go")], id="reversed"),
        pytest.param(
            lambda e, logs: 0.9 < logs["accuracy"] < 0.95,
            "go",
            [(0.9, "stop"), (0.95, "go")],
            id="a window",
        ),
        pytest.param(
            lambda e, logs: 0.999 < logs["accuracy"] <= 1,
            "go",
            [(0.999, "stop"), (1, "go")],
            id="a window that ends at 1",
        ),
        pytest.param(
            lambda e, logs: not 0.3 < logs["accuracy"] < 0.7,
            "stop",
            [(0.3, "go"), (0.7, "stop")],
            id="all but a window",
        ),
        pytest.param(lambda e, logs: True, "stop", [], id="always"),
        pytest.param(lambda e, logs: False, "go", [], id="never"),
        pytest.param(lambda e, logs: 1 / 0, "error", [], id="raises"),
        pytest.param(lambda e, logs: logs["acc"] > 0.999, "error", [], id="raises for want of a name"),
        pytest.param(lambda e, logs: logs["loss"] < 0.1, "go", [], id="watches the loss"),
        pytest.param(
            lambda e, logs: 1 / (logs["accuracy"] > 0.2) and logs["accuracy"] > 0.6,
            "error",
            [(0.6, "stop")],
            id="raises at first",
        ),
    ],
)
def test_where_a_callback_stops(decide: Decide, start: str, expected: list[tuple[float, str]]) -> None:
    """Each change of the answer is found, with its direction, in [0, 1] and beyond."""
    found = one(decide)

    assert (start, expected, True) == (found.start, switches(found), found.steady)


@calm
@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.booleans())
def test_any_threshold_is_located(threshold: float, or_equal: bool) -> None:
    """A threshold anywhere in (0, 1) lies within the one switch, which is no wider than 1e-6."""

    def decide(epoch: int, logs: Any) -> bool:
        value = logs["accuracy"] or 0
        return value >= threshold if or_equal else value > threshold

    found = one(decide)
    (switch,) = found.switches

    assert ("go", "stop", True) == (found.start, switch.then, found.steady)
    assert switch.below <= threshold <= switch.above
    assert switch.above - switch.below <= PRECISION


@calm
@given(st.floats(1, 100, exclude_max=True))
def test_any_percentage_is_located(threshold: float) -> None:
    """A threshold between 1 and 100 is located as closely."""
    (switch,) = one(lambda e, logs: (logs["accuracy"] or 0) > threshold).switches

    assert switch.below <= threshold <= switch.above
    assert switch.above - switch.below <= PRECISION


@calm
@given(st.lists(st.sampled_from(GRID), min_size=2, max_size=6, unique=True).map(sorted))
def test_any_windows_between_grid_values_are_found(edges: list[float]) -> None:
    """Windows that each hold a value of the grid are all found, in ascending order."""

    def decide(epoch: int, logs: Any) -> bool:
        return bool(sum((logs["accuracy"] or 0) > edge for edge in edges) % 2 == 1)

    found = one(decide)

    assert len(edges) == len(found.switches)
    assert [True] * len(edges) == [
        s.below <= edge <= s.above for s, edge in zip(found.switches, edges, strict=True)
    ]


# Missing values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decide", "missing", "none"),
    [
        (lambda e, logs: logs["accuracy"] > 0.999, "error", "error"),
        (lambda e, logs: logs.get("accuracy") > 0.999, "error", "error"),
        (lambda e, logs: (logs.get("accuracy") or 0) > 0.999, "go", "go"),
        (lambda e, logs: logs.get("accuracy", 0) > 0.999, "go", "error"),
        (lambda e, logs: not logs.get("accuracy") or logs["accuracy"] > 0.999, "stop", "stop"),
    ],
    ids=["index", "get", "guard", "default", "guard the wrong way round"],
)
def test_a_metric_that_is_missing_or_none(decide: Decide, missing: str, none: str) -> None:
    """What a callback does without the metric, and with None in its place, is seen."""
    found = one(decide)

    assert (missing, none) == (found.missing, found.none)


def test_errors_are_counted() -> None:
    """How many of the first values made the callback raise is told."""
    assert 0 == one(lambda e, logs: False).errors
    assert len(VALUES) == one(lambda e, logs: 1 / 0).errors
    assert len(BEYOND) == one(lambda e, logs: 1 / (logs["accuracy"] <= 1)).errors


# Several metrics and hooks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decide", "poor", "good"),
    [
        (
            lambda e, logs: logs["accuracy"] > 0.999 and logs["loss"] < 0.1,
            [],
            [(0.999, "stop")],
        ),
        (
            lambda e, logs: logs["accuracy"] > 0.999 or logs["loss"] < 0.1,
            [(0.999, "stop")],
            [],
        ),
        (lambda e, logs: logs["accuracy"] > 0.999, [(0.999, "stop")], [(0.999, "stop")]),
    ],
    ids=["and", "or", "alone"],
)
def test_other_metrics_are_held_poor_and_good(
    decide: Decide, poor: list[tuple[float, str]], good: list[tuple[float, str]]
) -> None:
    """A callback that needs two metrics answers only when the other one is good."""
    assert poor == switches(one(decide))
    assert good == switches(one(decide, others="good"))


def test_a_watcher_of_the_loss_is_found_by_its_map() -> None:
    """The answer changes with the loss, from stop to go, and not with accuracy."""

    def decide(epoch: int, logs: Any) -> bool:
        return (logs["loss"] or 0) < 0.05

    assert ("stop", [(0.05, "go")]) == (
        (found := one(decide, "loss")).start,
        switches(found),
    )
    assert [] == switches(one(decide, "accuracy"))


def test_the_other_metric_of_two_accuracies() -> None:
    """Validation accuracy is told from training accuracy."""

    def decide(epoch: int, logs: Any) -> bool:
        return (logs["val_accuracy"] or 0) > 0.999

    metrics = ("loss", "accuracy", "val_loss", "val_accuracy")

    assert [(0.999, "stop")] == switches(one(decide, "val_accuracy", metrics))
    assert [] == switches(one(decide, "accuracy", metrics))


def test_each_hook_is_asked_in_order() -> None:
    """Every hook that a callback fills in is asked, in our order, for every metric; others are not."""
    hooks = ("on_train_end", "on_train_begin", "on_epoch_end", "on_batch_end")
    maps = driven(lambda e, logs: False, ("loss", "accuracy"), hooks)

    assert [
        ("on_epoch_end", "loss", "poor"),
        ("on_epoch_end", "loss", "good"),
        ("on_epoch_end", "accuracy", "poor"),
        ("on_epoch_end", "accuracy", "good"),
        ("on_batch_end", "loss", "poor"),
        ("on_batch_end", "accuracy", "poor"),
        ("on_train_end", "loss", "poor"),
        ("on_train_end", "accuracy", "poor"),
    ] == [(m.hook, m.metric, m.others) for m in maps]


def test_a_callback_without_hooks_is_asked_nothing() -> None:
    """A callback that fills in no hook in which it could stop training has no maps."""
    assert () == driven(lambda e, logs: True, hooks=())
    assert () == driven(lambda e, logs: True, hooks=("on_train_begin",))


# Steadiness -----------------------------------------------------------------------------------------


class Counter:
    """Stops at its n-th call."""

    def __init__(self, n: int) -> None:
        self.left = n

    def __call__(self, epoch: int, logs: Any) -> bool:
        """Whether this is the n-th call or a later one."""
        self.left -= 1
        return self.left <= 0


@pytest.mark.parametrize(
    "decide",
    [
        pytest.param(lambda e, logs: logs["accuracy"] > 0.5 and e % 2, id="odd epochs"),
        pytest.param(lambda e, logs: logs["accuracy"] > 0.5 and e < 10, id="early epochs"),
        pytest.param(lambda e, logs: e > 50, id="late epochs, whatever the metrics"),
        pytest.param(Counter(100), id="a counter"),
        pytest.param(lambda e, logs: DICE.random() > 0.5, id="a coin"),
    ],
)
def test_what_does_not_depend_on_the_metrics_alone_is_unsteady(decide: Decide) -> None:
    """A callback that answers by epoch, counter or coin is found out by asking again."""
    assert False in [m.steady for m in driven(decide)]


def test_the_random_values_follow_the_seed() -> None:
    """The last round's values are new for each run and the same for the same run."""

    def last_round(seed: int) -> Sequence[Call]:
        heard: list[tuple[str, Sequence[Call]]] = []
        driven(lambda e, logs: (logs.get("accuracy") or 0) > 0.999, ("accuracy",), heard=heard, seed=seed)
        return heard[-1][1]

    assert last_round(1) == last_round(1)
    assert last_round(1) != last_round(2)


# What is asked --------------------------------------------------------------------------------------


def asked(decide: Decide, metrics: Sequence[str] = ("accuracy",)) -> list[Sequence[Call]]:
    """The calls of each question about one metric, in order, for one state of the others."""
    heard: list[tuple[str, Sequence[Call]]] = []
    driven(decide, metrics, ("on_epoch_begin",), heard)
    return [calls for _, calls in heard]


def values(calls: Sequence[Call]) -> list[float | None]:
    """The values of accuracy in these calls."""
    return [logs.get("accuracy") for _, logs in calls]


def test_the_first_questions_are_the_same_for_everyone() -> None:
    """The grid and what lies beyond it, ascending from 0, then a missing value and None."""
    first, second, *_ = asked(lambda e, logs: (logs.get("accuracy") or 0) > 0.999)

    assert list(VALUES) == values(first)
    assert [(3, {}), (3, {"accuracy": None})] == list(second)
    assert list(VALUES) == sorted(set(VALUES))
    assert (0, 1) == (GRID[0], GRID[-1])


@calm
@given(st.floats(0, 100))
def test_only_grid_and_what_lies_between_neighbours_is_asked(threshold: float) -> None:
    """Beyond the grid, bisection asks only between the two neighbours of a switch."""
    _, _, *narrowing, last = asked(lambda e, logs: (logs.get("accuracy") or 0) > threshold)
    low = max(v for v in VALUES if v <= threshold)
    high = min((v for v in VALUES if v > threshold), default=100)
    inside = [v for calls in narrowing for v in values(calls) if v is not None]

    assert [True] * len(inside) == [low < v < high for v in inside]
    assert len(inside) == sum(len(calls) for calls in narrowing)
    assert [True] * len(last) == [v is not None and 0 <= v <= 100 for v in values(last)]


@calm
@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_threshold_takes_seven_questions(threshold: float) -> None:
    """Grid, missing values, at most four rounds of bisection, and one round of random values."""
    questions = asked(lambda e, logs: (logs.get("accuracy") or 0) > threshold)

    assert len(questions) <= 7
    assert sum(map(len, questions)) <= len(VALUES) + 2 + 4 * 15 + 8


def test_even_a_coin_takes_only_so_many_questions() -> None:
    """A callback that answers by chance cannot keep us asking."""
    dice = random.Random(2)
    questions = asked(lambda e, logs: dice.random() > 0.5)

    assert len(questions) <= 2 + 12 * (len(VALUES) - 1) + 1


def test_every_call_carries_all_metrics_as_plain_numbers() -> None:
    """Logs are JSON, hold each reported metric (but for the one that is missing), and an epoch as usual."""
    metrics = ("loss", "accuracy", "val_loss", "val_accuracy")
    calls = list(itertools.chain(*asked(lambda e, logs: (logs.get("accuracy") or 0) > 0.9, metrics)))

    assert [tuple(call) for call in calls] == [
        (epoch, logs) for epoch, logs in json.loads(json.dumps(calls, allow_nan=False))
    ]
    assert {3, 4} == {len(logs) for _, logs in calls}
    assert set(metrics) == {name for _, logs in calls for name in logs}
    assert [True] * len(calls) == [0 <= epoch < 200 for epoch, _ in calls]


def test_hooks_are_those_of_keras() -> None:
    """Each name we ask for is a hook by its prefix, and no name stands twice."""
    assert len(HOOKS) == len(set(HOOKS))
    assert [True] * len(HOOKS) == [hook.startswith("on_") for hook in HOOKS]
