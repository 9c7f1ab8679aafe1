"""The path of a picture through the layers of a model: a table of shapes and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.evidence import Layer, ModelSnapshot
from grader.feedback.words import count, picture_shape, short

SHOWN = 60
"""Layers shown; of deeper models the first two thirds and the last third of these."""


@dataclass(frozen=True)
class Step:
    """One layer as a step of the path; `number` counts from 1."""

    number: int
    name: str
    kind: str
    details: str
    shape: str
    parameters: int
    depth: int


@dataclass(frozen=True)
class Path:
    """A model as the path a picture takes; `left_out` layers were cut after step `cut_after`."""

    input_shape: str
    steps: tuple[Step, ...]
    cut_after: int
    left_out: int
    parameters: int
    not_built: bool


def path_of_a_picture(model: ModelSnapshot) -> Path:
    """The layers a picture passes, with the shape it has after each (without the batch size)."""
    steps = [_step(i, layer) for i, layer in enumerate(model.layers, start=1)]
    left_out = max(0, len(steps) - SHOWN)
    head = 2 * SHOWN // 3
    return Path(
        input_shape=picture_shape(model.input_shape),
        steps=tuple(steps[:head] + steps[head + left_out :]),
        cut_after=head if left_out else 0,
        left_out=left_out,
        parameters=model.parameters,
        not_built=model.input_shape is None,
    )


def _step(number: int, layer: Layer) -> Step:
    return Step(
        number=number,
        name=short(layer.name, 60),
        kind=short(layer.kind, 60),
        details=", ".join(_details(layer)),
        shape=picture_shape(layer.output_shape),
        parameters=layer.parameters,
        depth=min(max(layer.depth, 0), 3),
    )


def _details(layer: Layer) -> Sequence[str]:
    found = []
    if layer.filters is not None:
        found.append(count(layer.filters, "filter"))
    if layer.units is not None:
        found.append(count(layer.units, "unit"))
    if layer.activation and (layer.activation != "linear" or layer.units == 1):
        found.append(short(layer.activation, 60))
    if layer.parameters and not layer.trainable:
        found.append("frozen")
    return found
