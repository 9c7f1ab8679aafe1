"""Checks of the notebook as a whole: which cells ran, and whose fault it is when one did not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from grader.checks.finding import Finding, met, nothing
from grader.evidence import STOPPED, CellRun, Run
from grader.submission.code import names_bound

KNOWN_MODULES = (
    "tensorflow", "keras", "numpy", "matplotlib", "pandas", "scipy", "sklearn", "random", "zipfile",
    "pathlib", "shutil", "urllib", "requests", "cv2", "PIL", "collections", "datetime",
)  # fmt: skip
"""What notebooks of the course import; a missing module of nearly such a name is a slip of the pen."""

KNOWN_SHORT = ("tf", "np", "plt", "pd", "os")

NOTEBOOK_ONLY = ("google", "google.colab", "kaggle_datasets", "kaggle_secrets", "ipywidgets")

REMOVED = re.compile(
    r"has no attribute '(Session|ConfigProto|GPUOptions|placeholder|contrib|get_default_graph|"
    r"set_random_seed|"
    r"global_variables_initializer|InteractiveSession|app|flags|logging|enable_eager_execution|fit_generator|"
    r"evaluate_generator|predict_generator|predict_classes|predict_proba|get_session|set_session|"
    r"np_utils|experimental_run_tf_function|ascent|face|float|int|bool|object|imread|imresize|"
    r"set_image_dim_ordering|set_image_data_format|targets|sample_weights|_get_distribution_strategy)'"
    r"|Argument\(s\) not recognized: \{'(lr|decay)'"
    r"|unexpected keyword argument '(lr|decay|workers|use_multiprocessing|max_queue_size|input_dim)'"
    r"|cannot import name '(np_utils|ImageDataGenerator|load_img|img_to_array|image|multi_gpu_model|"
    r"BatchNormalization|plot_model|to_categorical|ascent|face|misc)'"
    r"|No module named '(keras|tensorflow\.keras|tensorflow\.python|tensorflow\.contrib|tensorflow\.examples|"
    r"scipy\.misc)[.']"
    r"|Paths are no longer accepted"
)
"""What TensorFlow ≥ 2.16, Keras 3, NumPy 2 and SciPy say of API that once worked."""


@dataclass(frozen=True)
class Failure:
    """A cell that failed; `excused` says why it is not the student's fault, or is None."""

    cell: CellRun
    excused: str | None


def cells_run(run: Run) -> Finding:
    """Every code cell runs, top to bottom; otherwise the share of code cells that did.

    Cells that fail for want of a course helper, for a Colab- or notebook-only feature or for removed API
    do not count, nor do cells that fail because such a cell did.
    """
    if not run.cells:
        return nothing("The notebook has no code cells.")
    failed = [f for f in failures(run) if f.excused is None]
    excused = tuple(
        f"Cell {f.cell.index + 1} does not count: {f.excused}" for f in failures(run) if f.excused
    )
    not_run = [c for c in run.cells if c.status == "not-run"]
    counted = len(run.cells) - len(excused)
    if not failed and not not_run:
        return met(f"All {counted} code cells ran.", *excused)
    ran = counted - len(failed) - len(not_run)
    saw, diagnosis = _first_trouble(run, failed, ran, counted)
    return Finding(ran / counted if counted else 0.0, saw, diagnosis, excused)


def _first_trouble(run: Run, failed: list[Failure], ran: int, counted: int) -> tuple[str, str]:
    share = f"{ran} of {counted} code cells ran."
    if not failed:
        return f"{share} {run.problem or 'The kernel stopped.'}", "kernel-stopped"
    cell = failed[0].cell
    where = f"cell {cell.index + 1}" + (f", line {cell.line}" if cell.line else "")
    return f"{share} First, {where}: {cell.error}: {_first_line(cell.message)}", _named(cell)


def _first_line(message: str | None) -> str:
    """The first line that says something: Keras puts the layer's error behind a general one."""
    lines = [line.strip() for line in (message or "").splitlines() if line.strip()]
    return next((x for x in lines if "Exception encountered when" not in x), lines[0] if lines else "")[:300]


def _named(cell: CellRun) -> str:
    if cell.error == STOPPED:
        return "kernel-stopped"
    if cell.error in ("SyntaxError", "IndentationError", "TabError"):
        return "cell-does-not-parse"
    if _is_missing_import(cell.message or ""):
        return "missing-import"
    return "gap-not-filled" if _has_gap(cell) else "cell-fails"


def _is_missing_import(message: str) -> bool:
    match = re.search(r"name '(\w+)' is not defined", message)
    return match is not None and match[1] in (*KNOWN_MODULES, *KNOWN_SHORT)


def _has_gap(cell: CellRun) -> bool:
    """Whether a None of the starter is left: `logs=None` in a signature and `x == None` are none."""
    message = cell.message or ""
    if "NoneType" in message and "not supported between" not in message:
        return True
    source = re.sub(r"(?m)^\s*(async\s+)?def\b.*", "", cell.source)
    return bool(re.search(r"(?<![=!])=\s*None\b|\(None[,)]|\.None\b", source))


def failures(run: Run) -> list[Failure]:
    """The failed cells in order, each with the reason that excuses it, if there is one."""
    found: list[Failure] = []
    lost: set[str] = set()
    for cell in run.cells:
        if cell.status != "failed":
            continue
        excused = next((reason for test in EXCUSES if (reason := test(cell, lost))), None)
        if excused:
            lost |= names_bound(cell.source)
        found.append(Failure(cell, excused))
    return found


def _missing_helper(cell: CellRun, lost: set[str]) -> str | None:
    match = re.search(r"No module named '([\w.]+)'", cell.message or "")
    if cell.error not in ("ModuleNotFoundError", "ImportError") or not match:
        return None
    name = match[1].split(".")[0]
    if name in KNOWN_MODULES or difflib.get_close_matches(name, KNOWN_MODULES, cutoff=0.8):
        return None
    return f"the module {match[1]!r} is not there when grading."


def _removed_api(cell: CellRun, lost: set[str]) -> str | None:
    match = REMOVED.search(cell.message or "")
    return "it uses API that TensorFlow has removed." if match else None


def _notebook_only(cell: CellRun, lost: set[str]) -> str | None:
    message = cell.message or ""
    if any(re.search(rf"No module named '{re.escape(name)}['.]", message) for name in NOTEBOOK_ONLY):
        return "it needs a feature of Colab."
    if cell.error == "UsageError" and "magic" in message:
        return "it uses a magic command that is not there when grading."
    if cell.error == "StdinNotImplementedError":
        return "it asks for input, which nobody can give when grading."
    if "The network is off while grading" in message:
        return "it needs the network, which is off while grading."
    return None


def _follows(cell: CellRun, lost: set[str]) -> str | None:
    """A NameError for a name that an excused cell would have made."""
    match = re.search(r"name '(\w+)' is not defined", cell.message or "")
    return f"it needs {match[1]!r} of a cell that does not count." if match and match[1] in lost else None


EXCUSES: tuple[Callable[[CellRun, set[str]], str | None], ...] = (
    _notebook_only,
    _missing_helper,
    _removed_api,
    _follows,
)
