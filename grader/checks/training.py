"""Checks of training: which accuracy was reached, on which pictures."""

from __future__ import annotations

from collections.abc import Sequence

from grader.checks.finding import Finding, met, not_met, nothing
from grader.evidence import Compiled, ModelSnapshot, Run, Training, plain_text

ACCURACY_KINDS = {
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
}


def accuracy_names(model: ModelSnapshot | None) -> tuple[str, ...]:
    """The keys under which the model reports training accuracy, e.g. ("accuracy",) or ("acc",)."""
    compiled = model.compiled if model else None
    metrics = compiled.metrics if isinstance(compiled, Compiled) else ()
    return tuple(m.name for m in metrics if m.kind in ACCURACY_KINDS and not m.custom)


def best_accuracy(run: Run) -> float | None:
    """The best training accuracy of the training being judged, as Keras computed it; None when unknown."""
    if run.training is None:
        return None
    names = accuracy_names(run.model)
    values = [e.logs.get(name) for e in run.training.epochs for name in names]
    return max((v for v in values if v is not None), default=None)


def accuracy_reached(run: Run, *, above: float, classes: Sequence[str] = ()) -> Finding:
    """Training accuracy passed `above` on the pictures of the exercise.

    Args:
        run: what the notebook did.
        above: the accuracy, between 0 and 1, that must be exceeded.
        classes: the classes a folder pipeline must have found for the accuracy to count.

    """
    training = run.training
    if training is None:
        return nothing("No model was trained, so no accuracy was reached.")
    if not training.epochs:
        saw = f"Training ended before its first epoch was over. {_error(training)}".strip()
        return Finding(None, saw, "training-failed" if training.error else None)
    best = best_accuracy(run)
    if best is None:
        return not_met("Training does not report accuracy.", "no-accuracy-metric")
    epochs = len(training.epochs)
    saw = f"The best training accuracy was {best:.4g} in {epochs} {'epoch' if epochs == 1 else 'epochs'}."
    if not _on_the_pictures(run, classes):
        return not_met(
            f"{saw} The pictures were not labelled {' and '.join(classes)}.", "trained-on-other-pictures"
        )
    if best <= above:
        return _short(training, f"{saw} It should exceed {above}.")
    return met(saw, *_few_pictures(run))


def _short(training: Training, saw: str) -> Finding:
    """Accuracy stayed too low: because fit raised, because training was stopped, or by itself."""
    if training.error:
        return not_met(f"{saw} {_error(training)}", "training-failed")
    if training.stopped and len(training.epochs) < training.epochs_asked:
        return not_met(f"{saw} Training was stopped before that.", "stopped-before-accuracy")
    return not_met(saw, "accuracy-not-reached")


def _error(training: Training) -> str:
    """What fit raised, as one plain line."""
    lines = plain_text(training.error or "", 2000).strip().splitlines()
    telling = [line.strip() for line in lines if line.strip() and "Exception encountered when" not in line]
    return f"fit raised: {telling[0][:300]}" if telling else ""


def _on_the_pictures(run: Run, classes: Sequence[str]) -> bool:
    pipeline = run.pipeline
    if pipeline is None or not pipeline.classes or not classes or pipeline.kind == "flow":
        return pipeline is None or not classes or "directory" not in pipeline.kind
    return {c.name.lower() for c in pipeline.classes if c.count != 0} == {c.lower() for c in classes}


def _few_pictures(run: Run) -> list[str]:
    """A note when an epoch does not show every picture: the callback can then fire on a part of them."""
    training, pipeline = run.training, run.pipeline
    if training is None or pipeline is None or not (training.steps_asked and pipeline.samples):
        return []
    batch_size = pipeline.batch_size or training.batch_size
    seen = training.steps_asked * batch_size if batch_size else pipeline.samples
    if seen >= pipeline.samples:
        return []
    return [
        f"Each epoch shows {seen} of the {pipeline.samples} pictures "
        f"({training.steps_asked} steps of {batch_size}), so accuracy is measured on a part of them."
    ]
