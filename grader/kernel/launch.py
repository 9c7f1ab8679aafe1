"""Starts the kernel: places the data, imports TensorFlow, puts the witness in place, then hands over."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any


def main(start: str) -> None:
    """Run a kernel as `start` (a JSON file) says; returns when the kernel is shut down.

    The file holds: `connection_file`, `evidence` (file descriptor), `seed`, `override_seed` or null,
    `manifest` (data sets), `roots` (where course paths lie without namespaces, or null), `shims` (folder).
    """
    # A grader in the background hands down an ignored SIGINT, and then no cell could be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    told: dict[str, Any] = json.loads(Path(start).read_text())
    sys.path[:] = [
        entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parents[1]
    ]
    from . import bridge, channel, places, recorder, web

    channel.connect(told["evidence"])
    shutil.copytree(told["files"], ".", dirs_exist_ok=True)
    places.install(told["manifest"], told["roots"])
    web.install(told["manifest"])
    web.write_shims(Path(told["shims"]), sys.executable)
    _import_tensorflow()
    bridge.install(told["override_seed"])
    recorder.install()
    _hello()
    _serve(told)


def _import_tensorflow() -> None:
    import tensorflow  # noqa: F401 - so that every patch finds it complete


def _hello() -> None:
    import platform

    import keras
    import tensorflow as tf

    from . import channel

    versions = {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__}
    channel.send("hello", versions=versions)


def _set_seeds(seed: int) -> None:
    """Seeds as a notebook would set them, so that a run that sets none can be repeated."""
    import random

    import numpy as np
    import tensorflow as tf

    random.seed(seed)
    np.random.seed(seed % 2**32)
    tf.random.set_seed(seed)


def _serve(told: dict[str, Any]) -> None:
    from ipykernel.kernelapp import IPKernelApp

    from . import bridge, channel, places

    app = IPKernelApp.instance()
    app.initialize(["-f", told["connection_file"]])
    shell = app.shell

    # IPython versions disagree on when they count, so cells are counted here: the parent does the same.
    numbers = itertools.count(1)

    def starts(info: Any) -> None:
        if info.store_history:
            channel.cell_starts(info.raw_cell, next(numbers))

    shell.events.register("pre_run_cell", starts)
    places.install_shell(shell)
    bridge.install_shell(shell)
    _set_seeds(told["seed"])
    app.start()
