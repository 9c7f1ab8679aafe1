"""Checks of callbacks: when they stop training, judged by how they answered, not by how they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from grader.checks.finding import Finding, Part, made_of, not_met, nothing
from grader.checks.training import accuracy_names, best_accuracy
from grader.evidence import Callback, Run, SwitchingMap, Training

EPOCH_END = "on_epoch_end"
BATCH_END = ("on_batch_end", "on_train_batch_end")
TOO_LATE = ("on_train_end",)
UNSTEADY = "For the same accuracy it sometimes stops and sometimes goes on."


@dataclass(frozen=True)
class _Aim:
    """What the callback should do: stop when one of `names` exceeds `above`, give or take `tolerance`."""

    names: tuple[str, ...]
    above: float
    tolerance: float


def stops_at(
    run: Run,
    *,
    metric: str,
    above: float,
    tolerance: float = 0.0006,
    metric_weight: float = 0.25,
    point_weight: float = 0.35,
    passed_weight: float = 0.25,
    ended_weight: float = 0.15,
) -> Finding:
    """A callback passed to fit stops training as soon as a training metric exceeds a value, not before.

    Args:
        run: what the notebook did.
        metric: "accuracy" for training accuracy under whatever name the model reports it.
        above: the value to exceed.
        tolerance: how far the measured switch may lie from `above`; 0.0006 lets `round(accuracy, 3)` pass.
        metric_weight: weight of reading the right metric.
        point_weight: weight of stopping at the right point.
        passed_weight: weight of being passed to the fit that trained.
        ended_weight: weight of having ended training (or of being bound to, had the value been reached).

    """
    names = accuracy_names(run.model) if metric == "accuracy" else (metric,)
    aim = _Aim(names or (metric,), above, tolerance)
    weights = (metric_weight, point_weight, passed_weight, ended_weight)
    candidates = _candidates(run)
    if not candidates:
        if run.training is None and not run.models:
            return nothing("There is neither a callback nor a training to look at.")
        return not_met("No callback was written or passed to fit.", "no-callback")
    findings = [_judged(run, callback, aim, weights) for callback in candidates]
    return max(findings, key=lambda finding: finding.share or 0)


def _candidates(run: Run) -> list[Callback]:
    """The callbacks to judge: the student's own, passed or not; else an EarlyStopping that was passed."""
    passed = [c for c in run.callbacks if _passed(run.training, c)]
    others = [c for c in run.callbacks if c not in passed and not c.builtin]
    return [c for c in passed if not c.builtin] + others or [c for c in passed if c.kind == "EarlyStopping"]


def _passed(training: Training | None, callback: Callback) -> bool:
    return training is not None and callback.id in training.callbacks


def _judged(run: Run, callback: Callback, aim: _Aim, weights: tuple[float, ...]) -> Finding:
    parts = [
        _metric_part(callback, aim, run, weights[0]),
        _point_part(callback, aim, weights[1]),
        _passed_part(callback, run.training, weights[2]),
        _ended_part(callback, aim, run, weights[3]),
    ]
    notes = [
        f"The callback reads {name!r}, the old name of {aim.names[0]!r}; both were taken as the same number."
        for name in callback.old_names
    ]
    return made_of(parts, notes)


# The right metric -----------------------------------------------------------------------------------


def _metric_part(callback: Callback, aim: _Aim, run: Run, weight: float) -> Part:
    def part(share: float, saw: str, diagnosis: str | None = None) -> Part:
        return Part("right metric", weight, share, saw, diagnosis)

    watched = _watched(callback.maps)
    if callback.changes_logs:
        return part(0, f"{callback.kind} writes into the logs it is given.", "callback-changes-logs")
    if any(name in aim.names for name in watched):
        return part(1, f"{callback.kind} watches {aim.names[0]!r}.")
    if watched:
        return part(
            0, f"{callback.kind} watches {watched[0]!r}, not training accuracy.", _wrong_metric(watched[0])
        )
    if callback.builtin:
        return part(0, f"{callback.kind} does not compare accuracy with a value.", "early-stopping-instead")
    reported = {key for t in run.trainings for e in t.epochs for key in e.logs}
    if any(name in aim.names and (not reported or name in reported) for name in callback.reads):
        return part(1, f"{callback.kind} reads {aim.names[0]!r}.")
    if callback.reads:
        return _unread(part, callback, run)
    return part(0, f"{callback.kind} does not look at accuracy.", _silent(callback))


def _unread(part: Callable[..., Part], callback: Callback, run: Run) -> Part:
    name = callback.reads[0]
    reported = sorted({key for t in run.trainings for e in t.epochs for key in e.logs} | {"loss"})
    if name in reported:
        return part(0, f"{callback.kind} reads {name!r}, not training accuracy.", _wrong_metric(name))
    if name.startswith("val_"):
        return part(0, f"{callback.kind} reads {name!r}, not training accuracy.", _wrong_metric(name))
    saw = f"{callback.kind} reads {name!r}, but the model reports {', '.join(map(repr, reported))}."
    return part(0, saw, "metric-name-mismatch")


def _watched(maps: Iterable[SwitchingMap]) -> list[str]:
    """The metrics on which the answer depends, in the order asked; a counter depends on none of them."""
    return list(dict.fromkeys(m.metric for m in maps if m.switches and m.steady))


def _wrong_metric(name: str) -> str:
    if name.startswith("val_"):
        return "watches-validation-accuracy" if "acc" in name else "watches-other-metric"
    return "watches-loss" if "loss" in name else "watches-other-metric"


def _silent(callback: Callback) -> str:
    if callback.flag_on_itself:
        return "stop-flag-on-callback"
    if any(m.start == "stop" for m in callback.maps):
        return "stops-always"
    return "callback-raises" if callback.error else "never-stops"


# The right point ------------------------------------------------------------------------------------


def _point_part(callback: Callback, aim: _Aim, weight: float) -> Part:
    def part(share: float, saw: str, diagnosis: str | None = None) -> Part:
        return Part("right point", weight, share, saw, diagnosis)

    if callback.changes_logs:
        return part(0, "What it writes there decides when it stops.", "callback-changes-logs")
    maps = [m for m in callback.maps if m.metric in aim.names]
    if any(m.hook in BATCH_END and m.switches for m in maps):
        return part(
            0, "It decides after each batch, before an epoch's accuracy is known.", "stops-within-epoch"
        )
    at_epoch_end = [m for m in maps if m.hook == EPOCH_END]
    poor = next((m for m in at_epoch_end if m.others == "poor" and m.switches), None)
    good = next((m for m in at_epoch_end if m.others == "good" and m.switches), None)
    if poor is not None:
        share, saw, diagnosis = _at_point(poor, aim)
        return part(share, saw, diagnosis)
    if good is not None:
        return part(0.5, "It stops only when other metrics are good as well.", "needs-more-than-accuracy")
    return part(*_no_switch(callback, maps, aim))


def _at_point(found: SwitchingMap, aim: _Aim) -> tuple[float, str, str | None]:
    """How well a map fits: one switch from go to stop, at the value asked for, and steady."""
    if found.start == "stop":
        return 0, "It stops when accuracy is low.", "stops-below-threshold"
    first = found.switches[0]
    point = (first.below + first.above) / 2
    saw = f"It stops training when {found.metric} passes {point:.6g}."
    if 0.9999 < point <= 1:
        saw = f"It stops training only when {found.metric} is 1."
    if not found.steady:
        return 0, UNSTEADY, "callback-unsteady"
    if first.then != "stop":
        return 0, saw, "stops-below-threshold"
    if len(found.switches) > 1 and found.switches[1].above <= 1:
        return 0, f"{saw} Above {found.switches[1].below:.4g} it goes on again.", "stops-below-threshold"
    if abs(point - aim.above) <= aim.tolerance:
        return 1, saw, None
    if point > 1.1:  # 1.0 itself is no percentage
        return 0, f"{saw} Accuracy never exceeds 1.", "threshold-as-percent"
    wrong = "threshold-lowered" if point < aim.above else "threshold-raised"
    return 0, f"{saw} It should be {aim.above}.", wrong


def _no_switch(callback: Callback, maps: list[SwitchingMap], aim: _Aim) -> tuple[float, str, str]:
    if any(m.hook in TOO_LATE and m.switches for m in maps) or _only_late(callback):
        return 0, "It decides only after training has ended.", "stops-too-late"
    if callback.flag_on_itself:
        return 0, "It sets stop_training on itself, which Keras does not look at.", "stop-flag-on-callback"
    if not all(m.steady for m in callback.maps):
        return 0, UNSTEADY, "callback-unsteady"
    if any(m.hook == "on_epoch_begin" and m.switches for m in maps):
        return 0, "It looks when an epoch begins, and Keras tells it nothing then.", "looks-before-epoch"
    others = [name for name in _watched(callback.maps) if name not in aim.names]
    if others:
        return 0, f"{others[0]!r} decides, accuracy has no say.", _wrong_metric(others[0])
    if any(m.start == "stop" and m.others == "poor" for m in maps):
        return 0, "It stops training whatever the accuracy is.", "stops-always"
    if callback.error and all(m.start == "error" for m in maps):
        return 0, f"It raises {callback.error.rstrip('.')}.", "callback-raises"
    if callback.builtin:
        return 0, "It waits for a metric to stop improving.", "early-stopping-instead"
    return 0, f"It never stops training, whatever {aim.names[0]} is.", "never-stops"


def _only_late(callback: Callback) -> bool:
    return bool(callback.hooks) and all(hook in TOO_LATE for hook in callback.hooks)


# Passed, and ended ----------------------------------------------------------------------------------


def _passed_part(callback: Callback, training: Training | None, weight: float) -> Part:
    def part(share: float, saw: str, diagnosis: str | None = None) -> Part:
        return Part("passed to fit", weight, share, saw, diagnosis)

    if callback.origin == "class" and _passed(training, callback):
        return part(0, f"The class {callback.kind} itself was passed to fit.", "callback-class-not-instance")
    if _passed(training, callback):
        return part(1, f"{callback.kind} was passed to fit.")
    return part(
        0, f"{callback.kind} was not passed to the fit that trained the model.", "callback-not-passed"
    )


def _ended_part(callback: Callback, aim: _Aim, run: Run, weight: float) -> Part:
    """Training ended by the callback; where accuracy never got there, a right and passed one would have."""

    def part(share: float, saw: str, diagnosis: str | None = None) -> Part:
        return Part("ended training", weight, share, saw, diagnosis)

    training = run.training
    if training is None or not _passed(training, callback) or callback.origin == "class":
        return part(0, "It could not end training.", "callback-not-passed")
    if training.stopped:
        return part(1, f"Training ended after epoch {len(training.epochs)} of {training.epochs_asked}.")
    best = best_accuracy(run)
    if best is not None and best > aim.above:
        saw = f"Accuracy reached {best:.4g}, and training went on."
        return part(0, saw, "training-went-on")
    right = _point_part(callback, aim, 1).share == 1
    if right:
        return part(1, "Accuracy never passed the threshold; the callback would have ended training.")
    return part(0, "Training was not ended by the callback.", "training-went-on")
