"""Keeps removed API working, each use with a note (old → new); it never repairs a student's mistake.

The codes of the notes:

* optimizers: `lr-argument`, `decay-argument`, `lr-attribute`, `learning-rate-type`, `epsilon-none`,
  `optimizer-name`
* removed methods: `fit-generator`, `evaluate-generator`, `predict-generator`, `predict-classes`,
  `predict-proba`
* arguments of `fit` and `compile`: `fit-argument`, `steps-not-whole`, `data-ran-out`, `metrics-string`,
  `metrics-position`
* values that had another name: `metric-name`, `metrics-names`, `sequential-input`, `layer-shape`,
  `generator-next`
* old names: `module-path`, `keras-backend`, `tf1-name`, `numpy-name`, `pillow-name`, `scipy-misc`,
  `dataset-path`
* Colab and the kernel: `colab-upload`, `colab-download`, `colab-drive`, `colab-magic`, `kills-itself`
* said elsewhere: `relocated-data` (places), `served-from-course-data` (web)

Each file says where its numbers and behaviour come from. Nothing here draws a random number, and training
that uses no old API is bit by bit the same with and without the bridge.
"""

from __future__ import annotations

from typing import Any

from ..hooks import quietly
from . import colab, datasets, modules, names, optimizers, seeds, shell, tensorflow_1, training
from .names import OldNames, with_old_names

__all__ = ["OldNames", "install", "install_shell", "with_old_names"]


def install(override_seed: int | None = None) -> None:
    """Put every bridge in place, for modules already imported and for those to come.

    With `override_seed` the notebook's own seeds are replaced by others, see `seeds.py`.
    """
    for part in (optimizers, training, names, modules, tensorflow_1, datasets, colab, shell):
        quietly(part.install)
    quietly(seeds.install, override_seed)


def install_shell(ip: Any) -> None:
    """Bridge what belongs to IPython: magics, old import paths in cells, shutting down by a cell."""
    quietly(shell.install_shell, ip)
