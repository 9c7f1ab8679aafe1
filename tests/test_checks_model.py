"""The model is judged by what it takes in and answers with, not by how that is written."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import builders
import pytest
from runs import fed, outcome, seen

from grader.checks import CHECKS, DIAGNOSES, Check
from grader.checks.model import binary_loss, binary_output, input_shape
from grader.evidence import Compiled, Layer, Loss, Output, Run

MET = (1.0, None)
NOTHING = (None, None)

CROSSENTROPY = Loss(name="binary_crossentropy")
LOGITS = Loss(name="binary_crossentropy", from_logits=True, given="object")
FOCAL_LOGITS = Loss(name="binary_focal_crossentropy", from_logits=True, given="object")
SPARSE = Loss(name="sparse_categorical_crossentropy")
SPARSE_LOGITS = Loss(name="sparse_categorical_crossentropy", from_logits=True, given="object")
CATEGORICAL = Loss(name="categorical_crossentropy")
SQUARED = Loss(name="mean_squared_error")


def answering(
    units: int | None, activation: str | None, loss: Loss | None = CROSSENTROPY, **more: Any
) -> Run:
    """A run whose model answers like this and was compiled with this loss."""
    output = Output(units=units, activation=activation)
    return seen(model={"output": output, "compiled": Compiled(loss=loss), **more})


def layer(kind: str, parameters: int = 0, **more: Any) -> Layer:
    """One layer, with or without weights."""
    return Layer(name=kind.lower(), kind=kind, parameters=parameters, **more)


# The output -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(answering(1, "sigmoid"), MET, id="sigmoid"),
        pytest.param(answering(1, "hard_sigmoid"), MET, id="hard sigmoid"),
        pytest.param(answering(1, "sigmoid", SQUARED), MET, id="sigmoid, whatever the loss"),
        pytest.param(answering(1, "sigmoid", None), MET, id="sigmoid, never compiled with a loss"),
        pytest.param(answering(1, "linear", LOGITS), MET, id="linear, the loss takes logits"),
        pytest.param(answering(1, "linear", FOCAL_LOGITS), MET, id="linear, a focal loss takes logits"),
        pytest.param(answering(1, "linear"), (0, "no-sigmoid"), id="linear, the loss takes none"),
        pytest.param(answering(1, "linear", SPARSE_LOGITS), (0, "no-sigmoid"), id="linear, other logits"),
        pytest.param(answering(1, "relu"), (0, "no-sigmoid"), id="relu"),
        pytest.param(answering(1, "tanh"), (0, "no-sigmoid"), id="tanh"),
        pytest.param(answering(1, "softmax"), (0, "softmax-on-one-unit"), id="softmax on one unit"),
        pytest.param(
            answering(1, "softmax", LOGITS), (0, "softmax-on-one-unit"), id="softmax on one unit, logits"
        ),
        pytest.param(answering(2, "softmax", SPARSE), (0.5, "two-unit-softmax"), id="two units, sparse"),
        pytest.param(
            answering(2, "softmax", CATEGORICAL), (0.5, "two-unit-softmax"), id="two units, categorical"
        ),
        pytest.param(
            answering(2, "linear", SPARSE_LOGITS), (0.5, "two-unit-softmax"), id="two linear units, logits"
        ),
        pytest.param(answering(2, "linear", SPARSE), (0, "too-many-units"), id="two linear units, no logits"),
        pytest.param(answering(2, "softmax"), (0, "too-many-units"), id="two units, binary loss"),
        pytest.param(answering(2, "softmax", None), (0, "too-many-units"), id="two units, no loss"),
        pytest.param(answering(2, "sigmoid"), (0, "too-many-units"), id="two sigmoid units"),
        pytest.param(answering(10, "softmax", SPARSE), (0, "too-many-units"), id="ten units"),
        pytest.param(answering(None, None), NOTHING, id="never built"),
        pytest.param(seen(models=(), trainings=(), focus=None), NOTHING, id="no model"),
    ],
)
def test_output(run: Run, expected: tuple[float | None, str | None]) -> None:
    """One sigmoid unit however it is written; two softmax units that fit their loss are half right."""
    assert expected == outcome(binary_output(run))


@pytest.mark.parametrize(
    ("layers", "units", "activation", "expected"),
    [
        pytest.param(
            [layer("Dense", 9, activation="softmax"), layer("Dense", 3, activation="sigmoid")],
            1,
            "sigmoid",
            (0, "softmax-on-hidden-layer"),
            id="softmax on a hidden dense layer",
        ),
        pytest.param(
            [layer("Conv2D", 9), layer("Softmax"), layer("Dense", 3, activation="sigmoid")],
            1,
            "sigmoid",
            (0, "softmax-on-hidden-layer"),
            id="a Softmax layer in the middle",
        ),
        pytest.param(
            [layer("Conv2D", 9), layer("Dense", 3), layer("Activation", activation="sigmoid")],
            1,
            "sigmoid",
            MET,
            id="the sigmoid is a layer of its own",
        ),
        pytest.param(
            [layer("Conv2D", 9), layer("Dense", 3), layer("Softmax")],
            2,
            "softmax",
            (0.5, "two-unit-softmax"),
            id="the softmax of the output is a layer of its own",
        ),
        pytest.param(
            [layer("Conv2D", 9, activation="relu"), layer("Dense", 3, activation="softmax")],
            2,
            "softmax",
            (0.5, "two-unit-softmax"),
            id="the softmax of the output is no hidden one",
        ),
        pytest.param([], 1, "sigmoid", MET, id="layers unknown, as in a subclassed model"),
    ],
)
def test_softmax_inside_the_network(
    layers: list[Layer], units: int, activation: str, expected: tuple[float, str | None]
) -> None:
    """Softmax on a hidden layer is a mistake; on the output it is judged as the output."""
    assert expected == outcome(binary_output(answering(units, activation, SPARSE, layers=tuple(layers))))


@pytest.mark.parametrize(
    ("run", "saw"),
    [
        (answering(1, "softmax"), "The output has 1 unit(s) with softmax activation."),
        (
            answering(1, "linear", LOGITS),
            "The output has 1 unit(s) with linear activation. "
            "The loss takes logits and applies the sigmoid itself.",
        ),
        (answering(None, None), "The model was never built, so its output is unknown."),
        (
            answering(1, "sigmoid", layers=(layer("Softmax"), layer("Dense", 3))),
            "The hidden layer 'softmax' (Softmax) has a softmax activation.",
        ),
    ],
)
def test_what_the_output_check_says(run: Run, saw: str) -> None:
    """The found units and activation are named."""
    assert saw == binary_output(run).saw


# The loss -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(answering(1, "sigmoid"), MET, id="binary crossentropy on a sigmoid"),
        pytest.param(
            answering(1, "sigmoid", Loss(name="binary_focal_crossentropy")), MET, id="focal on a sigmoid"
        ),
        pytest.param(answering(1, "linear", LOGITS), MET, id="logits on a linear unit"),
        pytest.param(answering(None, None), MET, id="binary crossentropy, output unknown"),
        pytest.param(answering(1, "softmax"), MET, id="a wrong activation is not the loss's fault"),
        pytest.param(answering(1, "linear"), MET, id="a missing activation is not the loss's fault"),
        pytest.param(
            answering(1, "sigmoid", LOGITS), (0.5, "from-logits-with-sigmoid"), id="logits on a sigmoid"
        ),
        pytest.param(
            answering(1, "hard_sigmoid", LOGITS), (0.5, "from-logits-with-sigmoid"), id="on a hard sigmoid"
        ),
        pytest.param(
            answering(2, "softmax"), (0, "loss-does-not-fit-output"), id="binary crossentropy on two units"
        ),
        pytest.param(answering(2, "softmax", SPARSE), (0.5, "categorical-loss"), id="sparse on two units"),
        pytest.param(answering(2, "softmax", CATEGORICAL), (0.5, "categorical-loss"), id="on two units"),
        pytest.param(
            answering(2, "linear", SPARSE_LOGITS), (0.5, "categorical-loss"), id="logits on two linear units"
        ),
        pytest.param(answering(10, "softmax", SPARSE), (0.5, "categorical-loss"), id="sparse on ten units"),
        pytest.param(answering(1, "sigmoid", CATEGORICAL), (0, "categorical-loss"), id="on one unit"),
        pytest.param(answering(1, "sigmoid", SPARSE), (0, "categorical-loss"), id="sparse on one unit"),
        pytest.param(
            answering(1, "sigmoid", SQUARED), (0.5, "not-a-classification-loss"), id="squares on a sigmoid"
        ),
        pytest.param(
            answering(1, "linear", SQUARED), (0, "loss-does-not-fit-output"), id="squares on a linear unit"
        ),
        pytest.param(
            answering(2, "softmax", SQUARED), (0, "loss-does-not-fit-output"), id="squares on two units"
        ),
        pytest.param(
            answering(1, "sigmoid", Loss(name="my_loss", given="function", custom=True)),
            (0, "unknown-loss"),
            id="a loss of one's own",
        ),
        pytest.param(answering(1, "sigmoid", None), NOTHING, id="no loss"),
        pytest.param(seen(model={"compiled": None}), NOTHING, id="never compiled"),
        pytest.param(seen(models=(), trainings=(), focus=None), NOTHING, id="no model"),
    ],
)
def test_loss(run: Run, expected: tuple[float | None, str | None]) -> None:
    """A binary loss that fits the output; a coherent alternative is half right."""
    assert expected == outcome(binary_loss(run))


@pytest.mark.parametrize("given", ["string", "object", "function", "other"])
def test_how_a_loss_is_given_does_not_matter(given: Any) -> None:
    """A string, an object and a function that mean the same loss are one right answer."""
    assert MET == outcome(binary_loss(answering(1, "sigmoid", Loss(name="binary_crossentropy", given=given))))


@pytest.mark.parametrize(
    ("run", "saw"),
    [
        (answering(1, "linear", LOGITS), "The loss is binary_crossentropy with from_logits=True."),
        (
            answering(1, "sigmoid", LOGITS),
            "The loss is binary_crossentropy with from_logits=True. The output is a sigmoid already.",
        ),
        (answering(2, "softmax"), "The loss is binary_crossentropy. The output has 2 units."),
        (
            answering(2, "softmax", SPARSE),
            "The loss is sparse_categorical_crossentropy. It goes with 2 output units.",
        ),
        (
            answering(1, "sigmoid", CATEGORICAL),
            "The loss is categorical_crossentropy. The output has one unit.",
        ),
        (answering(1, "sigmoid", None), "The model was not compiled with a loss."),
    ],
)
def test_what_the_loss_check_says(run: Run, saw: str) -> None:
    """The found loss is named, with what it does not go with."""
    assert saw == binary_loss(run).saw


# The input ------------------------------------------------------------------------------------------


def taking(*shape: int | None, batch: tuple[int | None, ...] | None = None, **pipeline: Any) -> Run:
    """A run whose model takes this shape and whose pipeline delivers pictures like this."""
    delivered = {"batch": None if batch is None else fed(x_shape=batch), **pipeline}
    return seen(model={"input_shape": shape or None}, pipeline=delivered)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(taking(None, 150, 150, 3, batch=(None, 150, 150, 3)), MET, id="as suggested"),
        pytest.param(
            taking(None, 300, 300, 3, batch=(None, 300, 300, 3), size=(300, 300)), MET, id="another size"
        ),
        pytest.param(taking(None, 60, 80, 3, batch=(None, 60, 80, 3)), MET, id="not square"),
        pytest.param(taking(None, None, None, 3, batch=(None, 64, 64, 3)), MET, id="any size"),
        pytest.param(taking(None, 150, 150, None, batch=(None, 150, 150, 3)), MET, id="any channels"),
        pytest.param(taking(None, 150, 150, 3, size=None), MET, id="size of the pictures unknown"),
        pytest.param(taking(None, 64, 64, 3, batch=(None, None, None, 3), size=(64, 64)), MET, id="by size"),
        pytest.param(
            taking(None, 150, 150, 3, batch=(None, 100, 100, 3)),
            (0, "input-size-differs-from-pictures"),
            id="the batch is of another size",
        ),
        pytest.param(
            taking(None, 150, 150, 3, size=(100, 100)),
            (0, "input-size-differs-from-pictures"),
            id="target_size is another",
        ),
        pytest.param(
            taking(None, 80, 60, 3, batch=(None, 60, 80, 3)),
            (0, "input-size-differs-from-pictures"),
            id="height and width the wrong way round",
        ),
        pytest.param(
            taking(None, None, 80, 3, batch=(None, 60, 90, 3)),
            (0, "input-size-differs-from-pictures"),
            id="any height, another width",
        ),
        pytest.param(taking(None, 150, 150, 1, batch=(None, 150, 150, 1)), (0, "not-colour"), id="greyscale"),
        pytest.param(taking(None, 22500, batch=(None, 22500)), (0, "input-is-not-a-picture"), id="flat"),
        pytest.param(
            taking(None, 150, 150, batch=(None, 150, 150)), (0, "input-is-not-a-picture"), id="no channels"
        ),
        pytest.param(taking(), NOTHING, id="never built"),
        pytest.param(seen(models=(), trainings=(), focus=None), NOTHING, id="no model"),
    ],
)
def test_input(run: Run, expected: tuple[float | None, str | None]) -> None:
    """Colour pictures of the size that the pipeline delivers, whatever that size is."""
    assert expected == outcome(input_shape(run))


def test_another_size_earns_a_note_and_nothing_else() -> None:
    """The suggested size is silent, another one is named, an open one is neither."""
    assert () == input_shape(taking(None, 150, 150, 3, batch=(None, 150, 150, 3))).notes
    assert () == input_shape(taking(None, None, None, 3, batch=(None, 64, 64, 3))).notes
    assert ("Pictures of 60×80 are fine; 150×100 is suggested.",) == input_shape(
        taking(None, 60, 80, 3, batch=(None, 60, 80, 3)), suggested=(150, 100)
    ).notes


def test_the_suggested_size_is_a_setting() -> None:
    """Another exercise may suggest another size and another number of channels."""
    run = taking(None, 28, 28, 1, batch=(None, 28, 28, 1))

    assert (1.0, ()) == (
        (found := input_shape(run, suggested=(28, 28), channels=(1,))).share,
        found.notes,
    )


@pytest.mark.parametrize(
    ("run", "saw"),
    [
        (taking(None, 75, 75, 3, size=(75, 75)), "The model takes pictures of shape (75, 75, 3)."),
        (
            taking(None, 150, 150, 3, size=(100, 90)),
            "The model takes 150×150 pictures, the pipeline delivers 100×90.",
        ),
        (taking(None, 28, 28, 1), "The model takes pictures of 1 channel(s): (any, 28, 28, 1)."),
        (taking(None, 784), "The model takes input of shape (any, 784)."),
        (taking(), "The model was never built, so its input shape is unknown."),
    ],
)
def test_what_the_input_check_says(run: Run, saw: str) -> None:
    """The found shape is named, and what it differs from."""
    assert saw == input_shape(run).saw


def test_the_model_that_trained_is_judged() -> None:
    """A second model that never trained is not looked at."""
    other = builders.model(id=9, output=Output(units=10, activation="softmax"))

    assert MET == outcome(binary_output(seen(models=(builders.model(), other))))


# All checks together --------------------------------------------------------------------------------

FOLDER = Path(__file__).parents[1] / "grader" / "checks"
STATUSES = {"not-run"}
"""Words with hyphens in checks that are no diagnoses: the statuses of cells."""


def kebab_words(source: str) -> set[str]:
    """All texts in a module that look like the id of a diagnosis: lower-case words joined by hyphens."""
    texts = (n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant))
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"[a-z]+(-[a-z]+)+", text)}


MADE_UP = """
def check(x):
    "A doc-string is no id."
    wrong = "one-id" if x else "other-id"
    return 0, "Seen - so.", part(wrong, diagnosis="last-of-ids"), "plain", "on_epoch_end", "Not-One"
"""


def test_ids_are_found_wherever_they_stand() -> None:
    """The search sees an id that is passed, returned, or chosen by a condition, and no other text."""
    assert {"one-id", "other-id", "last-of-ids"} == kebab_words(MADE_UP)


def test_every_diagnosis_is_named_by_a_check_and_described() -> None:
    """What checks name and what DIAGNOSES describes are the same ids."""
    sources = [p.read_text(encoding="utf-8") for p in FOLDER.glob("*.py") if p.name != "diagnoses.py"]

    assert set(DIAGNOSES) == set().union(*map(kebab_words, sources)) - STATUSES


@pytest.mark.parametrize("id", DIAGNOSES)
def test_a_diagnosis_is_worded_for_its_readers(id: str) -> None:
    """The title goes into a list, so it has neither capital nor full stop; the hint is made of sentences."""
    title, hint = DIAGNOSES[id]

    assert title[-1] != "."
    assert title[0] == title[0].lower() or title.split()[0] in ("EarlyStopping", "from_logits=True")
    assert (hint[0].upper(), ".") == (hint[0], hint[-1])


EMPTY = seen(cells=(), models=(), pipelines=(), trainings=(), callbacks=(), focus=None)
SETTINGS: dict[str, dict[str, Any]] = {
    "pictures": {"classes": ["happy", "sad"]},
    "stops_at": {"metric": "accuracy", "above": 0.999},
    "accuracy_reached": {"above": 0.999},
}


@pytest.mark.parametrize(("name", "check"), CHECKS.items(), ids=CHECKS)
def test_a_run_of_nothing_shows_nothing(name: str, check: Check) -> None:
    """Every check says of an empty run that there was nothing to look at, in a sentence."""
    finding = check.function(EMPTY, **SETTINGS.get(name, {}))

    assert (None, None, ".") == (finding.share, finding.diagnosis, finding.saw[-1])


@pytest.mark.parametrize(("name", "check"), CHECKS.items(), ids=CHECKS)
def test_a_right_run_meets_every_check(name: str, check: Check) -> None:
    """The run of a right solution meets each check, and what was seen is said in a sentence."""
    finding = check.function(seen(), **SETTINGS.get(name, {}))

    assert (1.0, None, ".") == (finding.share, finding.diagnosis, finding.saw[-1])


def test_nothing_flattens() -> None:
    """A unit that answers at many places of a picture is one mistake, named, and the loss is still right."""
    everywhere = seen(model={"output": Output(units=1, places=289, activation="sigmoid")})

    assert (0, "flatten-missing") == outcome(binary_output(everywhere))
    assert (1, None) == outcome(binary_loss(everywhere))
