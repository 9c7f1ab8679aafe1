"""Checks of the model: what it takes in, what it answers with, and the loss that goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from grader.checks.finding import Finding, met, not_met, nothing
from grader.evidence import Layer, Loss, ModelSnapshot, Run

OTHER_LOSSES = {"mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "hinge", "squared_hinge"}
"""Losses made for other tasks with which one sigmoid unit still learns."""

BINARY = {"binary_crossentropy", "binary_focal_crossentropy"}
CATEGORICAL = {
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "categorical_focal_crossentropy",
}
NO_MODEL = "No model was built, so there is nothing to look at."


def input_shape(
    run: Run, *, suggested: Sequence[int] = (150, 150), channels: Sequence[int] = (3, 4)
) -> Finding:
    """The model takes colour pictures, (batch_size, height, width, channels), of the size it is fed.

    Args:
        run: what the notebook did.
        suggested: (height, width) the exercise suggests; another size earns a note, nothing else.
        channels: numbers of channels that are colour: 3, or 4 with transparency.

    """
    model = run.model
    if model is None:
        return nothing(NO_MODEL)
    shape = model.input_shape
    if shape is None:
        return nothing("The model was never built, so its input shape is unknown.")
    if len(shape) != 4:
        return not_met(f"The model takes input of shape {_words(shape)}.", "input-is-not-a-picture")
    if shape[3] not in (*channels, None):
        return not_met(f"The model takes pictures of {shape[3]} channel(s): {_words(shape)}.", "not-colour")
    fed = _picture_size(run)
    if fed and any(a is not None and a != b for a, b in zip(shape[1:3], fed, strict=True)):
        saw = f"The model takes {shape[1]}×{shape[2]} pictures, the pipeline delivers {fed[0]}×{fed[1]}."
        return not_met(saw, "input-size-differs-from-pictures")
    note = (
        [] if list(shape[1:3]) == list(suggested) or None in shape[1:3] else [_other_size(shape, suggested)]
    )
    return met(f"The model takes pictures of shape {_words(shape[1:])}.", *note)


def _words(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"


def _other_size(shape: Sequence[int | None], suggested: Sequence[int]) -> str:
    return f"Pictures of {shape[1]}×{shape[2]} are fine; {suggested[0]}×{suggested[1]} is suggested."


def _picture_size(run: Run) -> tuple[int, int] | None:
    """(height, width) of what is fed to the model, measured if possible."""
    batch = run.pipeline.batch if run.pipeline else None
    if batch and len(batch.x_shape) == 4 and batch.x_shape[1] and batch.x_shape[2]:
        return batch.x_shape[1], batch.x_shape[2]
    pipeline = run.pipeline
    if pipeline and pipeline.size and len(pipeline.size) == 2:
        return pipeline.size[0], pipeline.size[1]
    return None


def binary_output(run: Run) -> Finding:
    """The model answers a yes/no question with one sigmoid unit, however that is written.

    A linear unit is as good when the loss takes logits. Two softmax units that fit their loss are
    half right: they work, but the exercise asks for one unit.
    """
    model = run.model
    if model is None:
        return nothing(NO_MODEL)
    hidden = _hidden_softmax(model)
    if hidden is not None:
        saw = f"The hidden layer {hidden.name!r} ({hidden.kind}) has a softmax activation."
        return not_met(saw, "softmax-on-hidden-layer")
    units, activation = model.output.units, model.output.activation or "linear"
    loss = model.compiled.loss if model.compiled else None
    saw = f"The output has {units} unit(s) with {activation} activation."
    if units is None:
        return nothing("The model was never built, so its output is unknown.")
    if model.output.activation is None:
        return nothing("What squashes the output could not be found out.")
    if model.output.places > 1:
        return not_met(
            f"The model answers at {model.output.places} places of each picture.", "flatten-missing"
        )
    if units == 1:
        return _one_unit(activation, loss, saw)
    if units == 2 and (_fit_together(activation, loss) or _unit_for_each_label(run, loss)):
        return Finding(0.5, saw, "two-unit-softmax")
    return not_met(saw, "too-many-units")


def _one_unit(activation: str, loss: Loss | None, saw: str) -> Finding:
    if activation in ("sigmoid", "hard_sigmoid"):
        return met(saw)
    if activation == "linear" and loss is not None and loss.from_logits and loss.name in BINARY:
        return met(saw + " The loss takes logits and applies the sigmoid itself.")
    return not_met(saw, "softmax-on-one-unit" if activation == "softmax" else "no-sigmoid")


def _fit_together(activation: str, loss: Loss | None) -> bool:
    """Whether several units and a categorical loss fit: softmax, or linear units with logits."""
    if loss is None or loss.name not in CATEGORICAL:
        return False
    return activation == ("linear" if loss.from_logits else "softmax")


def _unit_for_each_label(run: Run, loss: Loss | None) -> bool:
    """Whether a binary loss is given as many labels as there are units, so that it works for each unit."""
    labels = run.pipeline.batch.y_shape if run.pipeline and run.pipeline.batch else None
    units = run.model.output.units if run.model else None
    return (
        loss is not None
        and loss.name in BINARY
        and bool(labels)
        and len(labels or ()) == 2
        and (labels or (None,))[-1] == units
    )


def _hidden_softmax(model: ModelSnapshot) -> Layer | None:
    """The first layer with softmax that is not (part of) the output.

    Layers without weights behind the last weighted one (an Activation, a Softmax) belong to the output.
    """
    last = max((i for i, layer in enumerate(model.layers) if layer.parameters), default=len(model.layers))
    return next((layer for layer in model.layers[:last] if _is_softmax(layer)), None)


def _is_softmax(layer: Layer) -> bool:
    return layer.activation == "softmax" or layer.kind == "Softmax"


def binary_loss(run: Run) -> Finding:
    """The model is compiled with a binary loss that fits its output.

    A coherent alternative (two softmax units with a categorical loss, mean squared error on a sigmoid)
    is half right.
    """
    model = run.model
    if model is None:
        return nothing(NO_MODEL)
    loss = model.compiled.loss if model.compiled else None
    if loss is None:
        return nothing("The model was not compiled with a loss.")
    units, activation = model.output.units, model.output.activation or "linear"
    saw = f"The loss is {loss.name}{' with from_logits=True' if loss.from_logits else ''}."
    if loss.name in BINARY:
        if units is not None and units > 1 and _unit_for_each_label(run, loss):
            return Finding(0.5, f"{saw} It goes with {units} units and as many labels.", "categorical-loss")
        return _binary(loss, units, activation, saw)
    if loss.name in CATEGORICAL:
        return _categorical(loss, units, activation, saw)
    if loss.custom:
        return not_met(saw, "unknown-loss")
    if units == 1 and activation == "sigmoid" and loss.name in OTHER_LOSSES:
        return Finding(0.5, saw, "not-a-classification-loss")
    return not_met(saw, "loss-does-not-fit-output")


def _binary(loss: Loss, units: int | None, activation: str, saw: str) -> Finding:
    if units not in (1, None):
        return not_met(f"{saw} The output has {units} units.", "loss-does-not-fit-output")
    if loss.from_logits and activation in ("sigmoid", "hard_sigmoid", "softmax"):
        return Finding(0.5, f"{saw} The output is a {activation} already.", "from-logits-with-sigmoid")
    return met(saw)


def _categorical(loss: Loss, units: int | None, activation: str, saw: str) -> Finding:
    if units is None or units < 2:
        return not_met(f"{saw} The output has one unit.", "categorical-loss")
    if _fit_together(activation, loss):
        return Finding(0.5, f"{saw} It goes with {units} output units.", "categorical-loss")
    return not_met(f"{saw} The output has {activation} activation.", "loss-does-not-fit-output")
