"""A callback is judged by when it stops training; most of these are real ones that were really asked."""

from __future__ import annotations

from typing import Any

import pytest
from builders import epochs, training
from runs import Decide, driven, outcome, seen, stopper, stops_above, switch

from grader.checks import Finding
from grader.checks.callbacks import stops_at
from grader.evidence import Callback, Compiled, Metric, Run, SwitchingMap

MET = (1.0, None)
METRIC, POINT, PASSED, ENDED = 0.25, 0.35, 0.25, 0.15
LOW = epochs((0.5, 0.75))


def judged(run: Run, **changes: Any) -> Finding:
    """What the check says of a run."""
    given: dict[str, Any] = {"metric": "accuracy", "above": 0.999}
    return stops_at(run, **(given | changes))


def asked(
    decide: Decide,
    metrics: tuple[str, ...] = ("loss", "accuracy"),
    hooks: tuple[str, ...] = ("on_epoch_end",),
    reads: tuple[str, ...] = ("accuracy",),
    **changes: Any,
) -> Callback:
    """A callback that decides like this, as it is known after it was driven."""
    return stopper(maps=driven(decide, metrics, hooks), hooks=hooks, reads=reads, **changes)


def with_callback(callback: Callback, **training: Any) -> Run:
    """A run that trained with this callback."""
    return seen(callbacks=(callback,), training=training)


def shares(finding: Finding) -> dict[str, float]:
    """Part → share."""
    return {part.name: part.share for part in finding.parts}


def accuracy(logs: Any, name: str = "accuracy") -> Any:
    """What logs.get gives."""
    return logs.get(name)


class Counter:
    """A callback that stops once accuracy was high in several epochs."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.high = 0

    def __call__(self, epoch: int, logs: Any) -> bool:
        """Whether accuracy was high often enough by now."""
        self.high += logs["accuracy"] > 0.999
        return self.high >= self.patience


class InARow(Counter):
    """A callback that stops once accuracy was high in several epochs in a row."""

    def __call__(self, epoch: int, logs: Any) -> bool:
        """Whether accuracy was high often enough until now."""
        self.high = self.high + 1 if logs["accuracy"] > 0.999 else 0
        return self.high >= self.patience


# Right, but different -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "decide",
    [
        pytest.param(lambda e, logs: accuracy(logs) > 0.999, id="greater"),
        pytest.param(lambda e, logs: accuracy(logs) >= 0.999, id="greater or equal"),
        pytest.param(lambda e, logs: logs["accuracy"] > 0.999, id="by index"),
        pytest.param(lambda e, logs: (accuracy(logs) or 0) > 0.999, id="a guard against None"),
        pytest.param(lambda e, logs: accuracy(logs) is not None and accuracy(logs) > 0.999, id="is not None"),
        pytest.param(lambda e, logs: round(accuracy(logs), 3) > 0.999, id="rounded to three digits"),
        pytest.param(lambda e, logs: round(accuracy(logs), 4) >= 0.999, id="rounded to four digits"),
        pytest.param(lambda e, logs: accuracy(logs) * 100 > 99.9, id="as a percentage, on both sides"),
        pytest.param(lambda e, logs: not accuracy(logs) <= 0.999, id="not less or equal"),
        pytest.param(lambda e, logs: 1 - accuracy(logs) < 0.001, id="the error is small"),
        pytest.param(lambda e, logs: accuracy(logs) > 0.999 or logs["loss"] < 1e-9, id="or a tiny loss"),
        pytest.param(lambda e, logs: f"{accuracy(logs):.4f}" > "0.9990", id="compared as text"),
    ],
)
def test_right_however_it_is_written(decide: Decide) -> None:
    """A callback that stops above 0.999 and not before gets everything."""
    assert MET == outcome(judged(with_callback(asked(decide))))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("acc", "accuracy"),
        ("binary_accuracy", "binary_accuracy"),
        ("my_accuracy", "binary_accuracy"),
        ("accuracy", "sparse_categorical_accuracy"),
    ],
)
def test_accuracy_under_the_name_that_the_model_reports(name: str, kind: str) -> None:
    """The name given to `metrics` is the one to read."""
    callback = asked(lambda e, logs: logs[name] > 0.999, ("loss", name), reads=(name,))
    run = seen(
        model={"compiled": Compiled(metrics=(Metric(name=name, kind=kind),))},
        training={"epochs": epochs((0.5, 1.0), name)},
        callbacks=(callback,),
    )

    assert MET == outcome(judged(run))


def test_other_metrics_may_be_reported_beside_accuracy() -> None:
    """Validation metrics that the callback ignores change nothing."""
    callback = asked(lambda e, logs: accuracy(logs) > 0.999, ("loss", "accuracy", "val_loss", "val_accuracy"))

    assert MET == outcome(judged(with_callback(callback)))


def test_other_hooks_may_be_filled_in() -> None:
    """A callback that also prints at the end of training is right."""
    callback = stopper(hooks=("on_epoch_end", "on_train_end", "on_batch_end"))

    assert MET == outcome(judged(with_callback(callback)))


def test_an_old_name_is_a_note() -> None:
    """A callback that reads `acc` where the model reports `accuracy` is right, and is told so."""
    finding = judged(with_callback(stopper(old_names=("acc",))))

    assert (
        1.0,
        ("The callback reads 'acc', the old name of 'accuracy'; both were taken as the same number.",),
    ) == (
        finding.share,
        finding.notes,
    )


def test_a_right_callback_beside_others() -> None:
    """Built-in callbacks and others of the student's beside the right one do no harm."""
    checkpoint = Callback(id=2, kind="ModelCheckpoint", builtin=True, hooks=("on_epoch_end",))
    printer = Callback(id=3, kind="Printer", hooks=("on_epoch_end",))
    run = seen(callbacks=(checkpoint, printer, stopper()), training={"callbacks": (2, 3, 1)})

    assert MET == outcome(judged(run))


def test_accuracy_that_was_never_reached_is_not_the_callback_s_fault() -> None:
    """A right callback that had nothing to end would have ended training."""
    finding = judged(seen(training={"epochs": LOW, "stopped": False}))

    assert MET == outcome(finding)
    assert (
        "Accuracy never passed the threshold; the callback would have ended training." == finding.parts[3].saw
    )


# Wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decide", "share", "diagnosis"),
    [
        pytest.param(lambda e, logs: accuracy(logs) > 0.99, 1 - POINT, "threshold-lowered", id="0.99"),
        pytest.param(lambda e, logs: accuracy(logs) > 0.98, 1 - POINT, "threshold-lowered", id="0.98"),
        pytest.param(lambda e, logs: accuracy(logs) > 0.91, 1 - POINT, "threshold-lowered", id="0.91"),
        pytest.param(
            lambda e, logs: round(accuracy(logs), 2) > 0.98, 1 - POINT, "threshold-lowered", id="0.985"
        ),
        pytest.param(lambda e, logs: accuracy(logs) > 0.9999, 1 - POINT, "threshold-raised", id="0.9999"),
        pytest.param(lambda e, logs: accuracy(logs) >= 1, 1 - POINT, "threshold-raised", id="1 reached"),
        pytest.param(lambda e, logs: accuracy(logs) == 1, 1 - POINT, "threshold-raised", id="just 1"),
        pytest.param(lambda e, logs: accuracy(logs) > 1, 1 - POINT, "threshold-raised", id="1 passed"),
        pytest.param(lambda e, logs: accuracy(logs) > 99.9, 1 - POINT, "threshold-as-percent", id="99.9"),
        pytest.param(lambda e, logs: accuracy(logs) > 99, 1 - POINT, "threshold-as-percent", id="99"),
        pytest.param(
            lambda e, logs: accuracy(logs) < 0.999, 1 - POINT, "stops-below-threshold", id="reversed"
        ),
        pytest.param(
            lambda e, logs: 0.999 < accuracy(logs) < 0.9999, 1 - POINT, "stops-below-threshold", id="a window"
        ),
        pytest.param(lambda e, logs: True, 1 - POINT, "stops-always", id="always"),
        pytest.param(lambda e, logs: False, 1 - POINT, "never-stops", id="never"),
        pytest.param(lambda e, logs: accuracy(logs) > 1000, 1 - POINT, "never-stops", id="1000"),
        pytest.param(
            lambda e, logs: accuracy(logs) > 0.999 and logs["loss"] < 0.05,
            1 - POINT / 2,
            "needs-more-than-accuracy",
            id="and a small loss",
        ),
        pytest.param(
            lambda e, logs: accuracy(logs) > 0.999 and e % 2,
            1 - POINT,
            "callback-unsteady",
            id="in every other epoch",
        ),
        pytest.param(
            lambda e, logs: accuracy(logs) > 0.999 and e >= 5,
            1 - POINT,
            "callback-unsteady",
            id="from the sixth epoch on",
        ),
        pytest.param(Counter(3), 1 - POINT, "callback-unsteady", id="at the third time"),
        pytest.param(InARow(3), 1 - POINT, "callback-unsteady", id="at the third time in a row"),
    ],
)
def test_the_wrong_point(decide: Decide, share: float, diagnosis: str) -> None:
    """A callback that was passed and reads accuracy, but stops elsewhere, loses that part and no other."""
    assert (share, diagnosis) == outcome(judged(with_callback(asked(decide))))


@pytest.mark.parametrize(
    ("decide", "metrics", "diagnosis"),
    [
        pytest.param(lambda e, logs: logs["loss"] < 0.01, ("loss", "accuracy"), "watches-loss", id="loss"),
        pytest.param(
            lambda e, logs: logs["val_loss"] < 0.01,
            ("loss", "accuracy", "val_loss"),
            "watches-other-metric",
            id="validation loss",
        ),
        pytest.param(
            lambda e, logs: logs["val_accuracy"] > 0.999,
            ("loss", "accuracy", "val_accuracy"),
            "watches-validation-accuracy",
            id="validation accuracy",
        ),
        pytest.param(
            lambda e, logs: logs["val_acc"] > 0.999,
            ("loss", "accuracy", "val_acc"),
            "watches-validation-accuracy",
            id="validation accuracy by its old name",
        ),
        pytest.param(
            lambda e, logs: logs["auc"] > 0.999, ("loss", "accuracy", "auc"), "watches-other-metric", id="AUC"
        ),
    ],
)
def test_the_wrong_metric(decide: Decide, metrics: tuple[str, ...], diagnosis: str) -> None:
    """A callback that watches something else is told what, and loses metric and point."""
    callback = asked(decide, metrics, reads=(diagnosis,))

    assert (PASSED + ENDED, diagnosis) == outcome(judged(with_callback(callback)))


@pytest.mark.parametrize(
    ("reads", "reported", "share", "diagnosis"),
    [
        pytest.param(("accuracy",), "acc", PASSED, "metric-name-mismatch", id="accuracy for acc"),
        pytest.param(
            ("val_accuracy",), "accuracy", PASSED, "watches-validation-accuracy", id="no validation"
        ),
        pytest.param(("Accuracy",), "accuracy", PASSED, "metric-name-mismatch", id="another spelling"),
        pytest.param(("loss",), "accuracy", PASSED, "watches-loss", id="only reads the loss"),
        pytest.param((), "accuracy", PASSED, "never-stops", id="reads nothing"),
    ],
)
def test_a_name_that_is_not_reported(
    reads: tuple[str, ...], reported: str, share: float, diagnosis: str
) -> None:
    """A callback that reads what the model does not report never stops; the name is the diagnosis."""
    run = seen(
        model={"compiled": Compiled(metrics=(Metric(name=reported, kind="accuracy"),))},
        training={"epochs": epochs((0.5, 1.0), reported), "stopped": False},
        callbacks=(asked(lambda e, logs: False, ("loss", reported), reads=reads),),
    )

    assert (share, diagnosis) == outcome(judged(run))


def test_accuracy_is_read_but_nothing_is_measured() -> None:
    """Where compile names no metrics, `accuracy` is a name that the model does not report."""
    run = seen(
        model={"compiled": Compiled()},
        training={"epochs": epochs((None,), "loss"), "stopped": False},
        callbacks=(asked(lambda e, logs: (accuracy(logs) or 0) > 0.999, ("loss",)),),
    )
    finding = judged(run)

    assert "metric-name-mismatch" == finding.diagnosis
    assert "StopAtAccuracy reads 'accuracy', but the model reports 'loss'." == finding.parts[0].saw


@pytest.mark.parametrize(
    ("callback", "share", "diagnosis"),
    [
        pytest.param(
            asked(lambda e, logs: accuracy(logs) > 0.999, hooks=("on_batch_end",)),
            1 - POINT,
            "stops-within-epoch",
            id="on_batch_end",
        ),
        pytest.param(
            asked(lambda e, logs: accuracy(logs) > 0.999, hooks=("on_train_batch_end",)),
            1 - POINT,
            "stops-within-epoch",
            id="on_train_batch_end",
        ),
        pytest.param(
            asked(lambda e, logs: accuracy(logs) > 0.999, hooks=("on_train_end",)),
            1 - POINT,
            "stops-too-late",
            id="on_train_end",
        ),
        pytest.param(
            asked(lambda e, logs: False, flag_on_itself=True),
            1 - POINT,
            "stop-flag-on-callback",
            id="flag on the callback",
        ),
        pytest.param(
            asked(lambda e, logs: False, reads=(), flag_on_itself=True),
            1 - POINT - METRIC,
            "stop-flag-on-callback",
            id="flag on the callback, reads nothing",
        ),
        pytest.param(
            asked(lambda e, logs: 1 / 0, error="ZeroDivisionError: division by zero"),
            1 - POINT,
            "callback-raises",
            id="raises",
        ),
        pytest.param(
            asked(lambda e, logs: True, changes_logs=True),
            1 - POINT - METRIC,
            "callback-changes-logs",
            id="changes logs",
        ),
    ],
)
def test_the_wrong_place(callback: Callback, share: float, diagnosis: str) -> None:
    """The hook, the flag, an error and meddling with logs each have a diagnosis."""
    assert (share, diagnosis) == outcome(judged(with_callback(callback)))


def test_a_callback_that_raises_on_none_only_is_right() -> None:
    """No guard against None is needed: training never gives None."""
    callback = asked(lambda e, logs: logs["accuracy"] > 0.999)

    assert ("error", "error") == (callback.maps[2].missing, callback.maps[2].none)
    assert MET == outcome(judged(with_callback(callback)))


# Passed to fit, and ended it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "share", "diagnosis"),
    [
        pytest.param(
            seen(training={"callbacks": (), "stopped": False}),
            METRIC + POINT,
            "callback-not-passed",
            id="not passed",
        ),
        pytest.param(
            seen(callback={"origin": "class"}, training={"callbacks": ()}),
            METRIC + POINT,
            "callback-not-passed",
            id="a class that nobody used",
        ),
        pytest.param(
            seen(callback={"origin": "class"}), METRIC + POINT, "callback-class-not-instance", id="the class"
        ),
        pytest.param(seen(trainings=(), focus=None), METRIC + POINT, "callback-not-passed", id="no training"),
        pytest.param(seen(training={"stopped": False}), 1 - ENDED, "training-went-on", id="training went on"),
        pytest.param(
            seen(
                callback={"maps": driven(lambda e, logs: logs["accuracy"] > 0.9999)},
                training={"epochs": LOW, "stopped": False},
            ),
            METRIC + PASSED,
            "threshold-raised",
            id="a wrong one had nothing to end",
        ),
    ],
)
def test_passed_and_ended(run: Run, share: float, diagnosis: str) -> None:
    """Being passed to fit and ending it are parts of their own."""
    assert (share, diagnosis) == outcome(judged(run))


def test_the_better_of_two_callbacks_is_judged() -> None:
    """A wrong callback that was passed does not hide a right one that was passed, too."""
    wrong = stopper(id=2, kind="Wrong", maps=(stops_above(0.9),))
    run = seen(callbacks=(wrong, stopper()), training={"callbacks": (2, 1)})

    assert MET == outcome(judged(run))


def test_the_merits_of_two_callbacks_are_not_added() -> None:
    """A wrong one that was passed and a right one that was not do not make a right one."""
    wrong = stopper(id=2, kind="Wrong", maps=driven(lambda e, logs: False), reads=())
    run = seen(callbacks=(wrong, stopper()), training={"callbacks": (2,), "stopped": False})

    assert METRIC + POINT == judged(run).share


def test_a_callback_of_another_training_was_not_passed_to_this_one() -> None:
    """What another fit was given does not count for the one that is judged."""
    run = seen(trainings=(training(id=0, callbacks=(1,)), training(id=1, callbacks=())), focus=1)

    assert {"right metric": 1, "right point": 1, "passed to fit": 0, "ended training": 0} == shares(
        judged(run)
    )


# No callback of one's own ---------------------------------------------------------------------------

EARLY = Callback(id=1, kind="EarlyStopping", builtin=True, hooks=("on_epoch_end",))
BOARD = Callback(id=1, kind="TensorBoard", builtin=True, hooks=("on_epoch_end",))


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(seen(callbacks=()), (0, "no-callback"), id="none"),
        pytest.param(with_callback(BOARD, stopped=False), (0, "no-callback"), id="TensorBoard"),
        pytest.param(
            with_callback(EARLY), (PASSED + ENDED, "early-stopping-instead"), id="EarlyStopping that stopped"
        ),
        pytest.param(
            with_callback(EARLY, stopped=False), (PASSED, "early-stopping-instead"), id="EarlyStopping"
        ),
        pytest.param(
            seen(callbacks=(EARLY,), training={"callbacks": ()}), (0, "no-callback"), id="made, never passed"
        ),
        pytest.param(seen(callbacks=(), trainings=(), models=(), focus=None), (None, None), id="nothing"),
        pytest.param(seen(callbacks=(), trainings=(), focus=None), (0, "no-callback"), id="only a model"),
    ],
)
def test_no_callback_of_ones_own(run: Run, expected: tuple[float | None, str | None]) -> None:
    """Without a callback there is nothing; EarlyStopping is known by name, other built-in ones are none."""
    assert expected == outcome(judged(run))


# Settings and words ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "right"),
    [(0.9984, False), (0.9985, True), (0.999, True), (0.9995, True), (0.9997, False)],
)
def test_how_far_a_switch_may_lie_from_the_threshold(point: float, right: bool) -> None:
    """0.0006 to either side, enough for round(accuracy, 3)."""
    assert right == (judged(with_callback(stopper(maps=(stops_above(point),)))).share == 1)


def test_threshold_metric_and_weights_are_settings() -> None:
    """Another exercise may ask for another metric and value, and weigh the parts in its own way."""
    run = with_callback(
        stopper(maps=(stops_above(0.9, "val_accuracy"),)), epochs=epochs((0.5,), "val_accuracy")
    )

    assert 1 == judged(run, metric="val_accuracy", above=0.9).share
    assert (
        0.5
        == judged(
            run,
            metric="val_accuracy",
            above=0.5,
            metric_weight=1,
            point_weight=3,
            passed_weight=1,
            ended_weight=1,
        ).share
    )


def unsteady(**changes: Any) -> SwitchingMap:
    """A map whose answers did not hold."""
    return stops_above(0.999, steady=False, **changes)


@pytest.mark.parametrize(
    ("run", "saw"),
    [
        (
            seen(),
            "StopAtAccuracy watches 'accuracy'. It stops training when accuracy passes 0.999. "
            "StopAtAccuracy was passed to fit. Training ended after epoch 7 of 15.",
        ),
        (
            with_callback(stopper(maps=(stops_above(0.99),))),
            "It stops training when accuracy passes 0.99. It should be 0.999.",
        ),
        (
            with_callback(stopper(maps=(stops_above(99.9),))),
            "It stops training when accuracy passes 99.9. Accuracy never exceeds 1.",
        ),
        (
            with_callback(stopper(maps=(stops_above(0.9, switches=(switch(0.9), switch(0.95, "go"))),))),
            "It stops training when accuracy passes 0.9. Above 0.95 it goes on again.",
        ),
        (
            with_callback(stopper(maps=(unsteady(),))),
            "For the same accuracy it sometimes stops and sometimes goes on.",
        ),
        (
            with_callback(stopper(maps=(stops_above(0.01, "loss"),))),
            "StopAtAccuracy watches 'loss', not training accuracy. 'loss' decides, accuracy has no say.",
        ),
        (
            with_callback(
                asked(lambda e, logs: 1 / 0, error="NameError: name 'DESIRED' is not defined"),
                epochs=LOW,
                stopped=False,
            ),
            "It raises NameError: name 'DESIRED' is not defined. Training was not ended by the callback.",
        ),
        (
            seen(training={"callbacks": ()}),
            "StopAtAccuracy was not passed to the fit that trained the model. It could not end training.",
        ),
        (seen(training={"stopped": False}), "Accuracy reached 1, and training went on."),
        (
            seen(callbacks=(), models=(), trainings=(), focus=None),
            "There is neither a callback nor a training to look at.",
        ),
    ],
)
def test_what_the_check_says(run: Run, saw: str) -> None:
    """What fell short is said, with the value that was found; of what is right, all of it."""
    assert saw == judged(run).saw
