"""Checks of the data: which pictures reach the model, with which labels, in which range."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grader.checks.finding import Finding, Part, made_of, nothing
from grader.evidence import Batch, Pipeline, Run

FROM_FOLDERS = ("flow_from_directory", "image_dataset_from_directory")


def pictures(
    run: Run,
    *,
    classes: Sequence[str],
    channels: Sequence[int] = (3, 4),
    smallest: float = 0.2,
    largest: float = 5.0,
    folder_weight: float = 0.35,
    colour_weight: float = 0.15,
    range_weight: float = 0.35,
    labels_weight: float = 0.15,
) -> Finding:
    """Every class is found from the parent folder, in colour, with pixel values of order one.

    The range is measured where it reaches the first layer with weights, so that it does not matter
    whether a generator, a layer or the student's own code rescales.

    Args:
        run: what the notebook did.
        classes: the folder names that must be found, in any order.
        channels: numbers of channels that are colour: 3, or 4 with transparency.
        smallest: least acceptable largest magnitude of a pixel.
        largest: greatest acceptable largest magnitude of a pixel.
        folder_weight: weight of finding all classes.
        colour_weight: weight of reading them in colour.
        range_weight: weight of the measured range.
        labels_weight: weight of labels that fit the output.

    """
    pipeline, batch = run.pipeline, _reaching(run)
    if pipeline is None and batch is None:
        return nothing("No pictures were read, so there is nothing to look at.")
    range_part, notes = _range(batch, smallest, largest, range_weight)
    parts = [
        _folder(pipeline, _fed(run), classes, folder_weight),
        _colour(pipeline, _fed(run), channels, colour_weight),
        range_part,
        _labels(run, labels_weight),
    ]
    return made_of(parts, [*notes, *_subset_note(pipeline)])


def _fed(run: Run) -> Batch | None:
    return run.pipeline.batch if run.pipeline else None


def _reaching(run: Run) -> Batch | None:
    """The batch as it reaches the first layer with weights; as it was fed if that could not be measured."""
    if run.training and run.training.reaches:
        return run.training.reaches
    return _fed(run)


def _folder(pipeline: Pipeline | None, batch: Batch | None, classes: Sequence[str], weight: float) -> Part:
    def part(share: float, saw: str, diagnosis: str | None = None) -> Part:
        return Part("both classes", weight, share, saw, diagnosis)

    if pipeline is not None and (pipeline.kind in FROM_FOLDERS or _wraps_folders(pipeline)):
        return _from_directory(part, pipeline, classes)
    if pipeline is not None and pipeline.kind == "arrays" and batch and len(set(batch.y_values)) == 1:
        return part(0, "All labels seen are the same.", "points-at-one-class")
    return part(1, "The pictures were loaded by the notebook's own code.")


def _wraps_folders(pipeline: Pipeline) -> bool:
    return pipeline.kind == "generator" and bool(pipeline.classes)


def _from_directory(part: Callable[..., Part], pipeline: Pipeline, classes: Sequence[str]) -> Part:
    found = {c.name.lower(): c.count for c in pipeline.classes if c.count != 0}
    place = f" in {pipeline.folder!r}" if pipeline.folder else ""
    names = ", ".join(f"{c.name} ({c.count})" for c in pipeline.classes if c.count != 0) or "none"
    saw = f"Classes found{place}: {names}."
    if set(found) == {c.lower() for c in classes}:
        return part(1, saw)
    return part(0, saw, "points-at-one-class" if len(found) <= 1 else "points-at-wrong-folder")


def _colour(pipeline: Pipeline | None, fed: Batch | None, channels: Sequence[int], weight: float) -> Part:
    seen = fed.x_shape[3] if fed and len(fed.x_shape) == 4 else pipeline.channels if pipeline else None
    if seen is None:
        return Part("colour", weight, 1, "The number of channels is not known before training.")
    if seen in channels:
        return Part("colour", weight, 1, f"They have {seen} channels.")
    return Part("colour", weight, 0, f"The pictures have {seen} channel(s), not 3.", "not-colour")


def _range(batch: Batch | None, smallest: float, largest: float, weight: float) -> tuple[Part, list[str]]:
    if batch is None or batch.x_low is None or batch.x_high is None:
        return Part("range", weight, 0, "No picture reached a model, so their range is unknown."), []
    low, high = batch.x_low, batch.x_high
    saw = f"Pixel values that reach the first layer with weights run from {low:.3g} to {high:.3g}."
    magnitude = max(abs(low), abs(high))
    if magnitude > 255 * 1.2:
        return Part("range", weight, 0, saw, "rescaled-wrong-way"), []
    if magnitude > largest:
        return Part("range", weight, 0, saw, "forgot-rescale"), []
    if magnitude < smallest:
        return Part("range", weight, 0, saw, "rescaled-twice"), []
    usual = low >= -0.01 and high <= 1.01
    note = f"{saw} That trains well; the lesson uses 0 to 1."
    return Part("range", weight, 1, saw), [] if usual else [note]


def _labels(run: Run, weight: float) -> Part:
    """One label for each picture where the model has one unit; one label for each unit otherwise."""
    fed, units = _fed(run), run.model.output.units if run.model else None
    shape = fed.y_shape if fed else None
    mode = run.pipeline.class_mode if run.pipeline else None
    if shape is None:
        fits = not (mode == "categorical" and units == 1)
        width = None
    else:
        width = 1 if len(shape) < 2 else shape[-1]
        fits = width in (1, None) or units is None or width == units
    said = f" (class_mode={mode!r})" if mode else ""
    if fits:
        return Part("labels", weight, 1, f"The labels fit the output{said}.")
    saw = f"A picture comes with {width or 'several'} labels{said}; the model has {units} output unit(s)."
    return Part("labels", weight, 0, saw, "labels-do-not-fit-output")


def _subset_note(pipeline: Pipeline | None) -> list[str]:
    if pipeline is None or not pipeline.subset:
        return []
    return [f"Only the {pipeline.subset!r} part was read: {pipeline.samples} pictures."]
