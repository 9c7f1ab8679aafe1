"""Assignments, runs and grades made by hand, for tests of what is written about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.assignment import Assignment, Criterion
from grader.evidence import (
    Callback,
    CellRun,
    Compiled,
    DataUsed,
    Ending,
    Epoch,
    Layer,
    Loss,
    Metric,
    ModelSnapshot,
    Note,
    Output,
    Run,
    Training,
)
from grader.judging import CellCounts, Grade, PartVerdict, Status, SubmissionInfo, Verdict

SHA = "0123456789abcdef" * 4
RISING = (0.5125, 0.6875, 0.825, 0.9125, 0.9625, 0.9875, 1.0)

CRITERIA: tuple[tuple[str, float, str, str, dict[str, Any]], ...] = (
    ("runs", 10, "cells_run", "Every cell runs, from top to bottom", {}),
    ("images", 15, "pictures", "Both classes are read, in colour, rescaled", {"classes": ["happy", "sad"]}),
    ("input-shape", 10, "input_shape", "The model takes colour pictures of the size it is fed", {}),
    ("output", 15, "binary_output", "The last layer answers a yes/no question with one sigmoid unit", {}),
    ("loss", 15, "binary_loss", "The loss is made for two classes and fits the output", {}),
    (
        "callback", 25, "stops_at", "A callback ends training as soon as accuracy passes 99.9 %",
        {"metric": "accuracy", "above": 0.999},
    ),
    ("accuracy", 10, "accuracy_reached", "Training accuracy passes 99.9 %", {"above": 0.999}),
)  # fmt: skip

SAW = {
    "runs": "All 9 code cells ran.",
    "images": "Classes found from '/tmp/h-or-s': happy (40), sad (40).",
    "input-shape": "The model takes pictures of shape (150, 150, 3).",
    "output": "The output has 1 unit(s) with sigmoid activation.",
    "loss": "The loss is binary_crossentropy.",
    "callback": "It stops training when accuracy passes 0.999.",
    "accuracy": "The best training accuracy was 1 in 7 epoch(s).",
}


def assignment(**changes: Any) -> Assignment:
    """The happy/sad exercise."""
    given: dict[str, Any] = {
        "id": "happy-or-sad",
        "folder": Path("happy-or-sad"),
        "title": "Happy or sad: stop training at 99.9 % accuracy",
        "lesson": "Using real-world images",
        "criteria": tuple(
            Criterion(id=id, title=title, points=points, check=check, settings=settings)
            for id, points, check, title, settings in CRITERIA
        ),
        "data": ("happy-or-sad",),
    }
    return Assignment(**(given | changes))


def cell(index: int, status: str = "ran", **changes: Any) -> CellRun:
    """One code cell; `index` counts from 0."""
    given: dict[str, Any] = {"index": index, "status": status, "source": f"x = {index}"}
    return CellRun(**(given | changes))


def epochs(accuracies: Sequence[float | None], name: str = "accuracy") -> tuple[Epoch, ...]:
    """A history of these accuracies and a loss that falls as they rise."""
    return tuple(
        Epoch(logs={name: value, "loss": None if value is None else round(1 - value, 4)})
        for value in accuracies
    )


def training(accuracies: Sequence[float | None] = RISING, **changes: Any) -> Training:
    """One training that a callback stopped after these epochs."""
    given: dict[str, Any] = {
        "id": 1,
        "model": 1,
        "epochs_asked": 15,
        "epochs": epochs(accuracies),
        "callbacks": (1,),
        "stopped": True,
        "finished": True,
        "cell": 8,
    }
    return Training(**(given | changes))


def model(**changes: Any) -> ModelSnapshot:
    """A small network with one sigmoid unit."""

    def layer(name: str, kind: str, shape: tuple[int | None, ...], parameters: int = 0, **more: Any) -> Layer:
        return Layer(name=name, kind=kind, output_shape=shape, parameters=parameters, **more)

    given: dict[str, Any] = {
        "id": 1,
        "kind": "Sequential",
        "layers": (
            layer("conv2d", "Conv2D", (None, 148, 148, 16), 448, filters=16, activation="relu"),
            layer("max_pooling2d", "MaxPooling2D", (None, 74, 74, 16)),
            layer("conv2d_1", "Conv2D", (None, 72, 72, 32), 4640, filters=32, activation="relu"),
            layer("max_pooling2d_1", "MaxPooling2D", (None, 36, 36, 32)),
            layer("flatten", "Flatten", (None, 41472)),
            layer("dense", "Dense", (None, 512), 21234176, units=512, activation="relu"),
            layer("dense_1", "Dense", (None, 1), 513, units=1, activation="sigmoid"),
        ),
        "input_shape": (None, 150, 150, 3),
        "output": Output(units=1, activation="sigmoid", layer="dense_1"),
        "compiled": Compiled(
            loss=Loss(name="binary_crossentropy"),
            optimizer="rmsprop",
            learning_rate=0.001,
            metrics=(Metric(name="accuracy", kind="accuracy"),),
        ),
        "parameters": 21239777,
        "cell": 5,
    }
    return ModelSnapshot(**(given | changes))


def run(**changes: Any) -> Run:
    """A run of a right solution."""
    given: dict[str, Any] = {
        "student": "Ana Silva",
        "file": "happy.ipynb",
        "sha256": SHA,
        "ending": Ending.FINISHED,
        "seconds": 48.3,
        "cells": tuple(cell(i) for i in range(1, 10)),
        "models": (model(),),
        "trainings": (training(),),
        "callbacks": (Callback(id=1, kind="myCallback"),),
        "data": (DataUsed(name="happy-or-sad", kind="drawn", sha256=SHA),),
        "protections": ("network off", "memory limit 4 GiB"),
        "versions": {"python": "3.11.9", "tensorflow": "2.18.0", "keras": "3.6.0"},
        "seed": 12345,
        "focus": 1,
    }
    return Run(**(given | changes))


def verdict(id: str, status: Status = Status.MET, **changes: Any) -> Verdict:
    """One verdict of the exercise; points follow from the outcome where they are not given."""
    points = {criterion: float(p) for criterion, p, *_ in CRITERIA}[id]
    share = {Status.MET: 1.0, Status.PARTLY_MET: 0.5, Status.NOT_MET: 0.0, Status.NOT_ASSESSED: 0.0}[status]
    given: dict[str, Any] = {
        "criterion": id,
        "title": {criterion: title for criterion, _, _, title, _ in CRITERIA}[id],
        "status": status,
        "points": points * share,
        "max_points": points,
        "saw": SAW[id],
        "hint": "" if status is Status.MET else f"What helps with {id}.",
        "read": f"Where {id} is explained",
    }
    return Verdict(**(given | changes))


def verdicts(*changed: Verdict) -> tuple[Verdict, ...]:
    """All verdicts of the exercise, met but for these."""
    by_id = {v.criterion: v for v in changed}
    return tuple(by_id.get(id) or verdict(id) for id, *_ in CRITERIA)


def stopping_parts(*, right_point: float = 1.0) -> tuple[PartVerdict, ...]:
    """The four parts of the criterion about the callback."""
    point = "0.999" if right_point == 1 else "0.9. It should be 0.999"
    return (
        PartVerdict(name="right metric", weight=0.25, share=1.0, saw="myCallback watches 'accuracy'."),
        PartVerdict(
            name="right point",
            weight=0.35,
            share=right_point,
            saw=f"It stops training when accuracy passes {point}.",
        ),
        PartVerdict(name="passed to fit", weight=0.25, share=1.0, saw="myCallback was passed to fit."),
        PartVerdict(name="ended training", weight=0.15, share=1.0, saw="Training ended after epoch 7 of 15."),
    )


def grade(*changed: Verdict, **changes: Any) -> Grade:
    """The grade that these verdicts add up to; all other criteria are met."""
    given_verdicts = changes.pop("verdicts", verdicts(*changed))
    so_far = sum(v.points or 0 for v in given_verdicts)
    ours = any(v.points is None for v in given_verdicts)
    given: dict[str, Any] = {
        "assignment": "happy-or-sad",
        "title": "Happy or sad: stop training at 99.9 % accuracy",
        "student": "Ana Silva",
        "submission": SubmissionInfo(file="happy.ipynb", sha256=SHA),
        "ending": Ending.FINISHED,
        "cells": CellCounts(ran=9),
        "score": None if ours else so_far,
        "score_so_far": so_far,
        "max_score": 100.0,
        "needs_person": ours,
        "verdicts": given_verdicts,
        "training": 1,
        "protections": ("network off", "memory limit 4 GiB"),
        "data": {"happy-or-sad": "drawn"},
        "seconds": 48.3,
    }
    return Grade(**(given | changes))


def unjudged(ending: Ending, problem: str, **changes: Any) -> Grade:
    """The grade of a submission that was not run: the points are open when the reason is ours."""
    points = None if ending.ours else 0.0
    none = tuple(verdict(id, Status.NOT_ASSESSED, points=points, saw=problem, hint="") for id, *_ in CRITERIA)
    given: dict[str, Any] = {"cells": CellCounts(), "training": None, "data": {}, "seconds": 0.0}
    return grade(verdicts=none, ending=ending, problem=problem, **(given | changes))


BRIDGED = (
    Note(code="lr", old="RMSprop(lr=0.001)", new="RMSprop(learning_rate=0.001)", cell=5, line=14),
    Note(code="fit-generator", old="model.fit_generator(…)", new="model.fit(…)", cell=8, line=3),
    Note(code="relocated-data", old="../tmp2/happy-or-sad.zip", new="/tmp/happy-or-sad.zip"),
)

FAILING = cell(
    9,
    "failed",
    source="import matplotlib.pyplot as plt\n"
    "acc = history.history['accuracy']\nplt.plot(epochs, acc)\nplt.show()",
    error="NameError",
    message="name 'epochs' is not defined",
    line=3,
    traceback=(
        "---------------------------------------------------------------------------\n"
        "NameError                                 Traceback (most recent call last)\n"
        "Cell In[9], line 3\n"
        "      1 import matplotlib.pyplot as plt\n"
        "      2 acc = history.history['accuracy']\n"
        "----> 3 plt.plot(epochs, acc)\n"
        "      4 plt.show()\n"
        "\n"
        "NameError: name 'epochs' is not defined"
    ),
)


def mixed_run(**changes: Any) -> Run:
    """A run with something of everything: old API, a failed cell, an excused one, two trainings."""
    colab = cell(
        2,
        "failed",
        source="from google.colab import drive\ndrive.mount('/content/drive')",
        error="ModuleNotFoundError",
        message="No module named 'google.colab'",
        line=1,
    )
    given: dict[str, Any] = {
        "cells": (cell(1), colab, *(cell(i) for i in range(3, 9)), FAILING),
        "trainings": (training((0.5, 0.6), id=0, epochs_asked=2, stopped=False, cell=6), training()),
        "notes": BRIDGED,
        "missing_protections": ("own processes: other processes of this machine are in sight",),
        "flags": ("3 lines of evidence were refused",),
    }
    return run(**(given | changes))


def mixed_grade(**changes: Any) -> Grade:
    """The grade of `mixed_run`."""
    told = tuple(
        f"{'The notebook' if n.cell is None else f'Cell {n.cell + 1}, line {n.line}'}: {n.old} → {n.new}"
        for n in BRIDGED
    )
    given: dict[str, Any] = {
        "cells": CellCounts(ran=7, failed=2),
        "notes": ("The last cell would have ended the kernel; it was not let.", *told),
        "flags": ("3 lines of evidence were refused",),
        "missing_protections": ("own processes: other processes of this machine are in sight",),
    }
    return grade(
        verdict(
            "runs",
            Status.PARTLY_MET,
            points=8.75,
            saw="7 of 8 code cells ran. First, cell 10, line 3: NameError: name 'epochs' is not defined",
            diagnosis="cell-fails",
            notes=("Cell 3 does not count: it needs a feature of Colab.",),
        ),
        verdict(
            "output",
            Status.NOT_MET,
            saw="The output has 1 unit(s) with softmax activation.",
            hint="Softmax over one unit is always 1. Use activation='sigmoid' on the one output unit.",
            read="Key differences: sigmoid for two classes, softmax for many",
            diagnosis="softmax-on-one-unit",
        ),
        verdict(
            "callback",
            Status.PARTLY_MET,
            points=16.25,
            saw="It stops training when accuracy passes 0.9. It should be 0.999.",
            hint="Compare with 0.999, the accuracy that is asked for.",
            read="Callbacks: stopping when it is good enough",
            diagnosis="threshold-lowered",
            parts=stopping_parts(right_point=0.0),
        ),
        **(given | changes),
    )


def small_class() -> list[Grade]:
    """Six students: full marks, mistakes, an unreadable file, a death, a failure of ours, a plain pass."""
    softmax = verdict("output", Status.NOT_MET, diagnosis="softmax-on-one-unit")
    late = verdict("callback", Status.PARTLY_MET, points=16.25, diagnosis="threshold-lowered")
    crash = verdict(
        "loss", Status.NOT_ASSESSED, points=None, saw="The check 'binary_loss' of the grader itself failed."
    )
    problem = "The file is empty."
    return [
        grade(student="Ana Silva"),
        mixed_grade(student="Bo O'Neill"),
        unjudged(Ending.UNREADABLE, problem, student="Çağla, Ö.", protections=()),
        grade(softmax, late, student="Dana", ending=Ending.TIMED_OUT, problem="It ran for more than 10 min."),
        grade(crash, student="Eve"),
        grade(softmax, student="Φίλιππος"),
    ]
