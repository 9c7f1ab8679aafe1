"""The pictures are judged by what reaches the model, whoever loaded and rescaled them."""

from __future__ import annotations

from typing import Any

import builders
import pytest
from runs import classes, fed, outcome, pipeline, seen

from grader.checks import Finding
from grader.checks.data import pictures
from grader.evidence import Output, Run

MET = (1.0, None)
FOLDER, COLOUR, RANGE, LABELS = 0.35, 0.15, 0.35, 0.15


def found(run: Run, **changes: Any) -> Finding:
    """What the check says of a run."""
    return pictures(run, **({"classes": ["happy", "sad"]} | changes))


def reaching(low: float | None, high: float | None) -> Run:
    """A run in which pixel values of this range reach the first layer with weights."""
    return seen(training={"reaches": fed(x_low=low, x_high=high)})


def labelled(units: int, y_shape: tuple[int | None, ...] | None, mode: str | None = None) -> Run:
    """A run whose model has these output units and whose labels have this shape."""
    return seen(
        model={"output": Output(units=units, activation="sigmoid")},
        pipeline={"batch": fed(y_shape=y_shape), "class_mode": mode},
    )


# Both classes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="flow_from_directory"),
        pytest.param({"kind": "image_dataset_from_directory", "class_mode": None}, id="tf.data"),
        pytest.param({"classes": classes(sad=40, happy=40)}, id="the other way round"),
        pytest.param({"classes": classes(Happy=40, SAD=40)}, id="other capitals"),
        pytest.param({"classes": classes(happy=40, sad=40, checkpoints=0)}, id="an empty folder beside"),
        pytest.param({"classes": classes(happy=None, sad=None)}, id="counts unknown"),
        pytest.param({"classes": classes(happy=32, sad=32), "samples": 64}, id="a part of them"),
        pytest.param({"kind": "arrays", "classes": (), "folder": None}, id="arrays by hand"),
        pytest.param({"kind": "dataset", "classes": (), "folder": None}, id="a tf.data pipeline by hand"),
        pytest.param({"kind": "generator", "classes": (), "folder": None}, id="a Python generator"),
        pytest.param({"kind": "generator"}, id="a Python generator around flow_from_directory"),
        pytest.param({"kind": "flow", "classes": ()}, id="flow"),
        pytest.param({"kind": "flow", "classes": classes(smiling=40, crying=40)}, id="flow_from_dataframe"),
    ],
)
def test_both_classes_however_they_are_read(changes: dict[str, Any]) -> None:
    """Both classes are found from their folder or loaded by the notebook's own code."""
    assert MET == outcome(found(seen(pipeline=changes)))


@pytest.mark.parametrize(
    ("changes", "diagnosis"),
    [
        pytest.param({"classes": ()}, "points-at-one-class", id="the folder of one class"),
        pytest.param({"classes": classes(happy=40)}, "points-at-one-class", id="one class only"),
        pytest.param({"classes": classes(happy=40, sad=0)}, "points-at-one-class", id="one is empty"),
        pytest.param({"classes": classes(hos=80)}, "points-at-one-class", id="the folder above"),
        pytest.param({"classes": classes(horses=40, humans=40)}, "points-at-wrong-folder", id="others"),
        pytest.param(
            {"classes": classes(happy=40, sad=40, neutral=40)}, "points-at-wrong-folder", id="one too many"
        ),
        pytest.param(
            {"kind": "image_dataset_from_directory", "classes": ()}, "points-at-one-class", id="tf.data"
        ),
        pytest.param(
            {"kind": "generator", "classes": classes(happy=40)},
            "points-at-one-class",
            id="a Python generator around one class",
        ),
        pytest.param(
            {"kind": "arrays", "classes": (), "batch": fed(y_values=(1.0,))},
            "points-at-one-class",
            id="arrays with one label",
        ),
    ],
)
def test_not_both_classes(changes: dict[str, Any], diagnosis: str) -> None:
    """A pipeline that finds other classes than the two loses that part and no other."""
    run = seen(pipeline=changes, training={"reaches": changes.get("batch", fed())})

    assert (1 - FOLDER, diagnosis) == outcome(found(run))


# Colour ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"batch": fed(x_shape=(None, 150, 150, 3))}, MET, id="three channels"),
        pytest.param({"batch": None}, MET, id="three channels, by the generator's word"),
        pytest.param({"batch": fed(x_shape=(None, 150, 150, 1))}, (1 - COLOUR, "not-colour"), id="one"),
        pytest.param({"batch": None, "channels": 1}, (1 - COLOUR, "not-colour"), id="one, by its word"),
        pytest.param(
            {"batch": fed(x_shape=(None, 150, 150, 1)), "channels": 3},
            (1 - COLOUR, "not-colour"),
            id="what was measured counts",
        ),
    ],
)
def test_colour(changes: dict[str, Any], expected: tuple[float, str | None]) -> None:
    """Pictures come with three channels; what was measured goes before what was asked for."""
    assert expected == outcome(found(seen(pipeline=changes)))


# The range ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "expected", "notes"),
    [
        (0, 1, MET, 0),
        (0.02, 0.97, MET, 0),
        (-0.005, 1.005, MET, 0),
        (0, 0.2, MET, 0),
        (-1, 1, MET, 1),
        (-2.1, 2.6, MET, 1),
        (-5, 3, MET, 1),
        (0, 5, MET, 1),
        (-1, 0, MET, 1),
        (0, 255, (1 - RANGE, "forgot-rescale"), 0),
        (0, 5.01, (1 - RANGE, "forgot-rescale"), 0),
        (-123.7, 151, (1 - RANGE, "forgot-rescale"), 0),
        (-255, 0, (1 - RANGE, "forgot-rescale"), 0),
        (0, 1 / 255, (1 - RANGE, "rescaled-twice"), 0),
        (0, 0.19, (1 - RANGE, "rescaled-twice"), 0),
        (0, 0, (1 - RANGE, "rescaled-twice"), 0),
        (None, None, (1 - RANGE, None), 0),
    ],
)
def test_range(low: float | None, high: float | None, expected: tuple[float, str | None], notes: int) -> None:
    """The largest magnitude lies between 0.2 and 5; anything but 0 to 1 earns a note that costs nothing."""
    finding = found(reaching(low, high))

    assert (expected, notes) == (outcome(finding), len(finding.notes))


def test_the_range_is_that_behind_a_rescaling_layer() -> None:
    """Pixels up to 255 in the generator are fine when a layer of the model rescales them."""
    run = seen(pipeline={"batch": fed(x_high=255.0)}, training={"reaches": fed(x_high=1.0)})

    assert MET == outcome(found(run))


def test_rescaling_in_the_generator_and_again_in_the_model() -> None:
    """Right pixels in the generator do not help when the model divides them once more."""
    run = seen(pipeline={"batch": fed()}, training={"reaches": fed(x_high=1 / 255)})

    assert (1 - RANGE, "rescaled-twice") == outcome(found(run))


def test_without_a_measurement_the_fed_batch_counts() -> None:
    """Where nothing could be measured inside the model, what it was fed is looked at."""
    run = seen(pipeline={"batch": fed(x_high=255.0)}, training={"reaches": None})

    assert (1 - RANGE, "forgot-rescale") == outcome(found(run))


# Labels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "fits"),
    [
        pytest.param(labelled(1, (None,), "binary"), True, id="one label, one unit"),
        pytest.param(labelled(1, (None, 1)), True, id="one label in a column"),
        pytest.param(labelled(2, (None, 2), "categorical"), True, id="two labels, two units"),
        pytest.param(labelled(2, (None,), "sparse"), True, id="whole numbers, two units"),
        pytest.param(labelled(1, (None, None)), True, id="as many labels as one cannot tell"),
        pytest.param(labelled(1, None, "binary"), True, id="labels not seen"),
        pytest.param(labelled(1, (None, 2), "categorical"), False, id="two labels, one unit"),
        pytest.param(labelled(1, None, "categorical"), False, id="categorical by its word, one unit"),
        pytest.param(labelled(10, (None, 2), "categorical"), False, id="two labels, ten units"),
    ],
)
def test_labels(run: Run, fits: bool) -> None:
    """A picture comes with one label, or with as many as the model has output units."""
    assert (MET if fits else (1 - LABELS, "labels-do-not-fit-output")) == outcome(found(run))


# Together -------------------------------------------------------------------------------------------


def test_parts_add_up_and_the_first_names_the_diagnosis() -> None:
    """Each part that falls short is said; the diagnosis is that of the first."""
    run = seen(
        pipeline={"classes": classes(happy=40), "batch": fed(x_shape=(None, 150, 150, 1))},
        training={"reaches": fed(x_high=255.0)},
    )
    finding = found(run)

    assert (LABELS, "points-at-one-class") == outcome(finding)
    assert (
        "Classes found in '/tmp/h-or-s': happy (40). "
        "The pictures have 1 channel(s), not 3. "
        "Pixel values that reach the first layer with weights run from 0 to 255."
    ) == finding.saw


def test_a_part_of_the_pictures_earns_a_note() -> None:
    """validation_split is fine; the note says how many pictures were left."""
    finding = found(seen(pipeline={"subset": "training", "samples": 64}))

    assert (1, ("Only the 'training' part was read: 64 pictures.",)) == (finding.share, finding.notes)


def test_without_a_training_the_last_pipeline_is_looked_at() -> None:
    """A generator that never trained a model shows what it reads."""
    run = seen(
        trainings=(),
        focus=None,
        pipelines=(pipeline(id=1, classes=()), pipeline(id=2)),
    )

    assert MET == outcome(found(run))


def test_no_pictures_are_nothing_to_look_at() -> None:
    """A notebook that reads no pictures is not assessed."""
    finding = found(seen(trainings=(), pipelines=(), focus=None))

    assert (None, "No pictures were read, so there is nothing to look at.") == (finding.share, finding.saw)


def test_weights_are_settings() -> None:
    """A rubric may weigh the parts in its own way."""
    run = seen(pipeline={"classes": classes(happy=40)})

    assert 0.5 == found(run, folder_weight=3, colour_weight=1, range_weight=1, labels_weight=1).share


def test_other_classes_and_channels_are_settings() -> None:
    """Another exercise may ask for other folders and for grey pictures."""
    run = seen(
        models=(builders.model(),),
        pipeline={"classes": classes(cat=1, dog=1), "batch": fed(x_shape=(None, 28, 28, 1))},
    )

    assert MET == outcome(found(run, classes=["Dog", "cat"], channels=(1,)))
