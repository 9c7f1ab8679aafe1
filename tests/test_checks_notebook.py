"""Cells that fail cost points when the reason is the student's, and only then."""

from __future__ import annotations

from typing import Any

import pytest
from builders import cell
from runs import outcome, seen

from grader.checks import Finding
from grader.checks.notebook import cells_run
from grader.evidence import STOPPED, CellRun, Ending


def ran(*cells: CellRun, **changes: Any) -> Finding:
    """What the check says of a notebook with these cells."""
    return cells_run(seen(cells=cells, **changes))


def failed(error: str, message: str = "", source: str = "do()", index: int = 1, **more: Any) -> CellRun:
    """A cell that raised this."""
    return cell(index, "failed", error=error, message=message, source=source, **more)


def test_all_cells_ran() -> None:
    """A notebook whose cells all ran gets everything."""
    finding = ran(cell(0), cell(1), cell(3))

    assert (1, "All 3 code cells ran.", ()) == (finding.share, finding.saw, finding.notes)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((cell(0), failed("KeyError")), (0.5, "cell-fails")),
        ((cell(0), cell(1), cell(2), failed("KeyError", index=3)), (0.75, "cell-fails")),
        ((failed("KeyError"), failed("KeyError", index=2)), (0, "cell-fails")),
        ((cell(0), cell(1, "not-run"), cell(2, "not-run"), cell(3, "not-run")), (0.25, "kernel-stopped")),
        ((cell(0), failed("KeyError"), cell(2, "not-run"), cell(3, "not-run")), (0.25, "cell-fails")),
        ((), (None, None)),
    ],
    ids=["half", "three of four", "none", "stopped", "failed and stopped", "no cells"],
)
def test_the_share_of_cells_that_ran(
    cells: tuple[CellRun, ...], expected: tuple[float | None, str | None]
) -> None:
    """Points follow the share of code cells that ran."""
    assert expected == outcome(ran(*cells))


# Whose fault it is ----------------------------------------------------------------------------------

HELPER = "the module {} is not there when grading."
COLAB = "it needs a feature of Colab."
MAGIC = "it uses a magic command that is not there when grading."
REMOVED = "it uses API that TensorFlow has removed."


@pytest.mark.parametrize(
    ("error", "message", "reason"),
    [
        ("ModuleNotFoundError", "No module named 'unittests'", HELPER.format("'unittests'")),
        ("ModuleNotFoundError", "No module named 'helper.plots'", HELPER.format("'helper.plots'")),
        ("ImportError", "No module named 'test_utils'", HELPER.format("'test_utils'")),
        ("ModuleNotFoundError", "No module named 'google'", COLAB),
        ("ModuleNotFoundError", "No module named 'google.colab'", COLAB),
        ("ModuleNotFoundError", "No module named 'kaggle_datasets'", COLAB),
        ("UsageError", "Line magic function `%tensorflow_version` not found.", MAGIC),
        ("UsageError", "Cell magic `%%javascrip` not found.", MAGIC),
        (
            "StdinNotImplementedError",
            "raw_input was called",
            "it asks for input, which nobody can give when grading.",
        ),
        (
            "URLError",
            "The network is off while grading: https://example.org cannot be reached;",
            "it needs the network, which is off while grading.",
        ),
        ("AttributeError", "module 'tensorflow' has no attribute 'Session'", REMOVED),
        ("AttributeError", "module 'tensorflow' has no attribute 'ConfigProto'", REMOVED),
        ("AttributeError", "'Sequential' object has no attribute 'fit_generator'", REMOVED),
        ("AttributeError", "'Sequential' object has no attribute 'predict_classes'", REMOVED),
        ("AttributeError", "module 'numpy' has no attribute 'float'", REMOVED),
        ("ValueError", "Argument(s) not recognized: {'lr': 0.001}", REMOVED),
        ("TypeError", "fit() got an unexpected keyword argument 'workers'", REMOVED),
        ("ImportError", "cannot import name 'np_utils' from 'keras.utils' (/x.py)", REMOVED),
        ("ModuleNotFoundError", "No module named 'keras.layers.core'", REMOVED),
        ("ModuleNotFoundError", "No module named 'tensorflow.contrib'", REMOVED),
        ("ModuleNotFoundError", "No module named 'tensorflow.keras.foo'", REMOVED),
        ("ModuleNotFoundError", "No module named 'scipy.misc'", REMOVED),
        ("ValueError", "Paths are no longer accepted as the `path` argument.", REMOVED),
    ],
)
def test_what_is_not_the_student_s_fault_does_not_count(error: str, message: str, reason: str) -> None:
    """A course helper, a feature of Colab, a magic, the network and removed API are excused with a note."""
    finding = ran(cell(0), failed(error, message, index=4), cell(5))

    assert (1, "All 2 code cells ran.", (f"Cell 5 does not count: {reason}",)) == (
        finding.share,
        finding.saw,
        finding.notes,
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("ModuleNotFoundError", "No module named 'tensroflow'"),
        ("ModuleNotFoundError", "No module named 'numpyy'"),
        ("ModuleNotFoundError", "No module named 'matplotlib.pyplt'"),
        ("ImportError", "cannot import name 'Conv2d' from 'tensorflow.keras.layers' (/x.py)"),
        ("AttributeError", "module 'tensorflow.keras.layers' has no attribute 'Convolution'"),
        ("AttributeError", "'Sequential' object has no attribute 'ad'"),
        ("TypeError", "fit() got an unexpected keyword argument 'epoch'"),
        ("ValueError", "Argument(s) not recognized: {'learning_rat': 0.001}"),
        ("NameError", "name 'model' is not defined"),
        ("FileNotFoundError", "No such file or directory: '/tmp/happy'"),
        ("NotImplementedError", "Layer 'x' does not have a `call()` method implemented."),
    ],
)
def test_what_is_the_student_s_fault_counts(error: str, message: str) -> None:
    """A slip in a name, a wrong argument, a missing file or definition cost their cell."""
    finding = ran(cell(0), failed(error, message))

    assert (0.5, "cell-fails", ()) == (finding.share, finding.diagnosis, finding.notes)


def test_what_follows_from_an_excused_cell_is_excused() -> None:
    """A name that an excused cell would have made is missing through no fault of the student's."""
    finding = ran(
        failed(
            "ModuleNotFoundError", "No module named 'helpers'", "import helpers\nx, y = helpers.load()", 0
        ),
        failed("NameError", "name 'y' is not defined", "z = y + 1", 1),
        failed("NameError", "name 'z' is not defined", "print(z)", 2),
        failed("NameError", "name 'w' is not defined", "print(w)", 3),
        cell(4),
    )

    assert (0.5, "cell-fails") == outcome(finding)
    assert (
        "Cell 1 does not count: the module 'helpers' is not there when grading.",
        "Cell 2 does not count: it needs 'y' of a cell that does not count.",
        "Cell 3 does not count: it needs 'z' of a cell that does not count.",
    ) == finding.notes


# Diagnoses ------------------------------------------------------------------------------------------

DEFINES = "class Stop(Callback):\n    def on_epoch_end(self, epoch, logs=None):\n        do()\nmodel.fit(x)"


@pytest.mark.parametrize(
    ("failing", "diagnosis"),
    [
        (failed("SyntaxError", "'(' was never closed (1.py, line 3)"), "cell-does-not-parse"),
        (failed("IndentationError", "unexpected indent"), "cell-does-not-parse"),
        (failed("TabError", "inconsistent use of tabs"), "cell-does-not-parse"),
        (failed(STOPPED, "The notebook took longer than 10 minutes and was stopped."), "kernel-stopped"),
        (failed("NameError", "name 'tf' is not defined"), "missing-import"),
        (failed("NameError", "name 'np' is not defined. Did you mean: 'n'?"), "missing-import"),
        (failed("NameError", "name 'zipfile' is not defined"), "missing-import"),
        (failed("NameError", "name 'train_generator' is not defined"), "cell-fails"),
        (failed("TypeError", "expected str, not NoneType"), "gap-not-filled"),
        (failed("ValueError", "no loss", "model.compile(\n    loss=None,  # YOUR CODE\n)"), "gap-not-filled"),
        (failed("ValueError", "no folder", "gen.flow_from_directory(None, (150, 150))"), "gap-not-filled"),
        (failed("AttributeError", "no", "tf.keras.layers.None"), "gap-not-filled"),
        (failed("KeyError", "'acc'", DEFINES), "cell-fails"),
        (failed("KeyError", "'acc'", "if x == None or y != None:\n    do()"), "cell-fails"),
        (
            failed("TypeError", "'>' not supported between instances of 'NoneType' and 'float'", DEFINES),
            "cell-fails",
        ),
    ],
)
def test_a_failed_cell_has_a_diagnosis(failing: CellRun, diagnosis: str) -> None:
    """Text that is no Python, a missing import and an open gap are told from other failures."""
    assert diagnosis == ran(failing).diagnosis


@pytest.mark.parametrize(
    ("cells", "changes", "saw"),
    [
        (
            (cell(0), failed("KeyError", "'acc'\nmore", index=7, line=3)),
            {},
            "1 of 2 code cells ran. First, cell 8, line 3: KeyError: 'acc'",
        ),
        (
            (failed("KeyError", "x" * 400),),
            {},
            f"0 of 1 code cells ran. First, cell 2: KeyError: {'x' * 300}",
        ),
        (
            (cell(0), cell(1, "not-run")),
            {"ending": Ending.KERNEL_DIED, "problem": "The kernel died while cell 1 ran."},
            "1 of 2 code cells ran. The kernel died while cell 1 ran.",
        ),
        ((cell(0), cell(1, "not-run")), {}, "1 of 2 code cells ran. The kernel stopped."),
        ((), {}, "The notebook has no code cells."),
    ],
    ids=["place", "long message", "kernel died", "stopped", "no cells"],
)
def test_what_the_check_says(cells: tuple[CellRun, ...], changes: dict[str, Any], saw: str) -> None:
    """The first trouble is named with its cell, counted from 1, its line and its error."""
    assert saw == ran(*cells, **changes).saw
