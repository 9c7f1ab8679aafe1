"""The accuracy that counts is the one Keras computed in training, on the pictures of the exercise."""

from __future__ import annotations

from typing import Any

import pytest
from builders import epochs
from runs import classes, outcome, seen

from grader.checks import Finding
from grader.checks.training import accuracy_names, accuracy_reached, best_accuracy
from grader.evidence import Compiled, Epoch, Metric, Run

MET = (1.0, None)
FACES = ("happy", "sad")


def reached(run: Run, **changes: Any) -> Finding:
    """What the check says of a run."""
    given: dict[str, Any] = {"above": 0.999, "classes": FACES}
    return accuracy_reached(run, **(given | changes))


def history(*accuracies: float | None, name: str = "accuracy", kind: str = "accuracy") -> Run:
    """A run with this history of an accuracy by this name."""
    compiled = Compiled(metrics=(Metric(name=name, kind=kind),))
    return seen(model={"compiled": compiled}, training={"epochs": epochs(accuracies, name)})


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(history(0.5, 1.0), MET, id="reached in the last epoch"),
        pytest.param(history(1.0), MET, id="reached in the first epoch"),
        pytest.param(history(0.5, 1.0, 0.9875), MET, id="reached and lost again"),
        pytest.param(history(None, 1.0), MET, id="a number missing"),
        pytest.param(history(0.9995), MET, id="just above"),
        pytest.param(history(1.0, name="acc"), MET, id="by its old name"),
        pytest.param(history(1.0, name="binary_accuracy", kind="binary_accuracy"), MET, id="binary accuracy"),
        pytest.param(history(1.0, name="right", kind="binary_accuracy"), MET, id="by a name of one's own"),
        pytest.param(
            history(1.0, name="accuracy", kind="sparse_categorical_accuracy"), MET, id="sparse accuracy"
        ),
        pytest.param(history(0.5, 0.999), (0, "stopped-before-accuracy"), id="just not above"),
        pytest.param(history(0.5, 0.9875), (0, "stopped-before-accuracy"), id="not reached, and stopped"),
        pytest.param(history(None), (0, "no-accuracy-metric"), id="no number at all"),
        pytest.param(history(1.0, name="auc", kind="auc"), (0, "no-accuracy-metric"), id="another metric"),
        pytest.param(
            seen(model={"compiled": Compiled()}, training={"epochs": (Epoch(logs={"loss": 0.1}),)}),
            (0, "no-accuracy-metric"),
            id="no metric",
        ),
        pytest.param(seen(training={"epochs": ()}), (None, None), id="no epoch"),
        pytest.param(seen(trainings=(), focus=None), (None, None), id="no training"),
    ],
)
def test_accuracy(run: Run, expected: tuple[float | None, str | None]) -> None:
    """The best epoch counts, under whatever name the model reports its accuracy."""
    assert expected == outcome(reached(run))


def test_validation_accuracy_does_not_count() -> None:
    """Validation accuracy is not training accuracy."""
    logs: dict[str, float | None] = {"loss": 0.1, "accuracy": 0.9, "val_accuracy": 1.0}

    run = seen(training={"epochs": (Epoch(logs=logs),), "stopped": False})

    assert (0, "accuracy-not-reached") == outcome(reached(run))


def test_what_a_callback_writes_into_the_logs_does_not_count() -> None:
    """Logs count as Keras computed them, not as the student's callbacks left them."""
    epoch = Epoch(logs={"accuracy": 0.5}, shown={"accuracy": 1.0})

    run = seen(training={"epochs": (epoch,), "stopped": False})

    assert (0, "accuracy-not-reached") == outcome(reached(run))


def test_a_metric_of_ones_own_making_does_not_count() -> None:
    """A function of the student's that calls itself accuracy proves nothing."""
    own = Compiled(metrics=(Metric(name="accuracy", kind="accuracy", custom=True),))

    assert (0, "no-accuracy-metric") == outcome(reached(seen(model={"compiled": own})))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"classes": classes(Sad=40, HAPPY=40)}, MET, id="other capitals"),
        pytest.param({"classes": classes(happy=None, sad=None)}, MET, id="counts unknown"),
        pytest.param({"kind": "arrays", "classes": ()}, MET, id="arrays by hand"),
        pytest.param({"kind": "flow", "classes": classes(smile=40, cry=40)}, MET, id="flow_from_dataframe"),
        pytest.param({"classes": classes(happy=40)}, (0, "trained-on-other-pictures"), id="one class"),
        pytest.param({"classes": ()}, (0, "trained-on-other-pictures"), id="no class"),
        pytest.param(
            {"classes": classes(happy=40, sad=0)}, (0, "trained-on-other-pictures"), id="one is empty"
        ),
        pytest.param(
            {"classes": classes(horses=40, humans=40)}, (0, "trained-on-other-pictures"), id="other classes"
        ),
        pytest.param(
            {"kind": "generator", "classes": classes(happy=40)},
            (0, "trained-on-other-pictures"),
            id="a generator around one class",
        ),
    ],
)
def test_accuracy_counts_on_the_pictures_of_the_exercise(
    changes: dict[str, Any], expected: tuple[float, str | None]
) -> None:
    """Full accuracy on one class, or on other pictures, is none."""
    assert expected == outcome(reached(seen(pipeline=changes)))


def test_without_classes_any_pictures_do() -> None:
    """A rubric that names no classes asks only for the number."""
    assert MET == outcome(reached(seen(pipeline={"classes": classes(cats=3)}), classes=()))


def test_another_threshold_is_a_setting() -> None:
    """Another exercise may ask for less."""
    assert MET == outcome(reached(history(0.92), above=0.9))


@pytest.mark.parametrize(
    ("training", "pipeline", "notes"),
    [
        ({"steps_asked": 8}, {}, ()),
        ({"steps_asked": None}, {}, ()),
        ({"steps_asked": 20}, {}, ()),
        ({"steps_asked": 2}, {"samples": None}, ()),
        (
            {"steps_asked": 2},
            {},
            (
                "Each epoch shows 20 of the 80 pictures (2 steps of 10), "
                "so accuracy is measured on a part of them.",
            ),
        ),
        (
            {"steps_asked": 2, "batch_size": 16},
            {"batch_size": None},
            (
                "Each epoch shows 32 of the 80 pictures (2 steps of 16), "
                "so accuracy is measured on a part of them.",
            ),
        ),
        ({"steps_asked": 2}, {"batch_size": None}, ()),
    ],
    ids=[
        "all",
        "as many as there are",
        "more",
        "how many unknown",
        "a part",
        "a part, by fit",
        "size unknown",
    ],
)
def test_a_part_of_the_pictures_in_each_epoch_earns_a_note(
    training: dict[str, Any], pipeline: dict[str, Any], notes: tuple[str, ...]
) -> None:
    """steps_per_epoch × batch_size below the number of pictures is a note, not a fault."""
    finding = reached(seen(training=training, pipeline=pipeline))

    assert (1, notes) == (finding.share, finding.notes)


@pytest.mark.parametrize(
    ("run", "saw"),
    [
        (history(0.5, 1.0), "The best training accuracy was 1 in 2 epochs."),
        (
            history(0.5, 0.9875),
            "The best training accuracy was 0.9875 in 2 epochs. It should exceed 0.999. "
            "Training was stopped before that.",
        ),
        (
            seen(training={"epochs": (), "error": "ValueError: shapes differ"}),
            "Training ended before its first epoch was over. fit raised: ValueError: shapes differ",
        ),
        (seen(training={"epochs": ()}), "Training ended before its first epoch was over."),
        (seen(trainings=(), focus=None), "No model was trained, so no accuracy was reached."),
        (history(None), "Training does not report accuracy."),
        (
            seen(pipeline={"classes": ()}),
            "The best training accuracy was 1 in 7 epochs. The pictures were not labelled happy and sad.",
        ),
    ],
)
def test_what_the_check_says(run: Run, saw: str) -> None:
    """The best accuracy is named, or why there is none."""
    assert saw == reached(run).saw


def test_names_of_accuracy() -> None:
    """Every metric that is an accuracy is known by the name it reports under, in the order given."""
    metrics = (
        Metric(name="auc", kind="auc"),
        Metric(name="acc", kind="accuracy"),
        Metric(name="mine", kind="binary_accuracy"),
        Metric(name="own", kind="accuracy", custom=True),
    )
    run = seen(model={"compiled": Compiled(metrics=metrics)})

    assert ("acc", "mine") == accuracy_names(run.model)
    assert () == accuracy_names(None)


def test_best_accuracy_of_no_training_is_unknown() -> None:
    """Without a training there is no accuracy."""
    assert best_accuracy(seen(trainings=(), focus=None)) is None


def test_an_error_in_training_is_named() -> None:
    """Where fit raised, that is the diagnosis, told in one plain line: not that accuracy stayed too low."""
    error = (
        "ValueError: \x1b[1mException encountered when calling Sequential.call().\x1b[0m\n\nShapes differ."
    )
    run = seen(training={"epochs": (), "error": error})

    assert (None, "training-failed") == outcome(reached(run))
    assert "Training ended before its first epoch was over. fit raised: Shapes differ." == reached(run).saw
