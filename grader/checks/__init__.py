"""The words a rubric may use: each check looks at a run and answers with a finding.

To add a check: write a function `(run, *, settings…) -> Finding` in the file of its topic, whose settings
are its keyword arguments, and name it in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from grader.checks.callbacks import stops_at
from grader.checks.data import pictures
from grader.checks.diagnoses import DIAGNOSES, Diagnosis
from grader.checks.finding import Finding, Part
from grader.checks.model import binary_loss, binary_output, input_shape
from grader.checks.notebook import cells_run
from grader.checks.training import accuracy_reached

__all__ = ["CHECKS", "DIAGNOSES", "Check", "Diagnosis", "Finding", "Part"]


class Check(NamedTuple):
    """A check and what it looks at: one "training" of the run, or the "notebook" as a whole."""

    function: Callable[..., Finding]
    looks_at: Literal["training", "notebook"]


CHECKS: Mapping[str, Check] = {
    "cells_run": Check(cells_run, "notebook"),
    "pictures": Check(pictures, "training"),
    "input_shape": Check(input_shape, "training"),
    "binary_output": Check(binary_output, "training"),
    "binary_loss": Check(binary_loss, "training"),
    "stops_at": Check(stops_at, "training"),
    "accuracy_reached": Check(accuracy_reached, "training"),
}
