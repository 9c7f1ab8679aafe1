"""Runs one notebook from top to bottom in its own kernel, asks the questions, and returns the run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from grader.assignment import CourseCall, Limits
from grader.evidence import STOPPED, CellRun, DataUsed, Ending, Evidence, Run, plain_text
from grader.execution.asking import KernelGoneError, Questioner
from grader.execution.channel import evidence_pipe
from grader.execution.provisioner import connection_file, started_kernel
from grader.execution.sandbox import Places, Protection, Session, Share, places, seen_at, session
from grader.execution.watch import Watch
from grader.submission import Submission
from grader.submission.code import names_bound

THREADS = 2
"""TensorFlow's threads in every kernel: the same seed trains differently with another number."""

MAX_OUTPUT = 2_000_000
"""Bytes of output of one cell that are kept."""

USUAL_IMPORTS = {
    "tf": "import tensorflow as tf",
    "np": "import numpy as np",
    "plt": "import matplotlib.pyplot as plt",
    "keras": "from tensorflow import keras",
    "os": "import os",
    "zipfile": "import zipfile",
    "random": "import random",
    "pd": "import pandas as pd",
}
"""What every notebook of the course imports; one that forgets to loses that cell, not all later ones."""


@dataclass(frozen=True)
class Job:
    """What one run is told; `hidden` are folders that must stay out of its sight wherever they lie."""

    submission: Submission
    fingerprint: str
    seed: int
    override_seed: int | None = None
    limits: Limits = field(default_factory=Limits)
    calls: tuple[CourseCall, ...] = ()
    manifest: Sequence[Mapping[str, Any]] = ()
    data: tuple[DataUsed, ...] = ()
    hidden: tuple[Path, ...] = ()


@dataclass
class _Progress:
    """What is known of a run while it goes on."""

    notebook: NotebookNode
    started: float
    ending: Ending = Ending.FINISHED
    problem: str | None = None
    cells: list[CellRun] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def ends(self, ending: Ending, problem: str) -> None:
        self.ending, self.problem = ending, problem


def run_submission(
    job: Job, protection: Protection, stop: threading.Event | None = None
) -> tuple[Run, NotebookNode]:
    """Run one submission in its own kernel; the run, and the notebook with its outputs.

    Setting `stop` ends the run early with the ending "interrupted". A failure of ours ends it with
    "grader-failed"; nothing is raised for what a student did.
    """
    notebook = _copied(job.submission.notebook)
    progress = _Progress(notebook, time.monotonic())
    evidence = Evidence()
    try:
        with session() as folders, evidence_pipe() as (evidence, descriptor):
            asyncio.run(_in_kernel(job, protection, folders, descriptor, evidence, progress, stop))
    except _InterruptedError:
        progress.ends(Ending.INTERRUPTED, "The run was interrupted; grade this submission again.")
    except Exception as problem:
        progress.ends(
            Ending.GRADER_FAILED, f"The grader itself failed ({type(problem).__name__}: {problem})."
        )
    return _run(job, protection, evidence, progress), notebook


def _copied(notebook: NotebookNode | None) -> NotebookNode:
    """A copy to execute, so that the submission stays as it was handed in."""
    if notebook is None:
        raise ValueError("An unreadable submission cannot be run.")
    return NotebookNode(json.loads(json.dumps(notebook), object_hook=NotebookNode))


class _InterruptedError(Exception):
    """The person at the keyboard wants to stop."""


async def _in_kernel(
    job: Job,
    protection: Protection,
    folders: Session,
    descriptor: int,
    evidence: Evidence,
    progress: _Progress,
    stop: threading.Event | None,
) -> None:
    """Start the kernel, run the cells, ask the questions; the kernel is gone afterwards."""
    start = _prepare(job, protection, folders, descriptor)
    async with started_kernel(
        start.argv, folders, start.shares, protection, start.env, [descriptor], job.hidden
    ) as (manager, client):
        work = asyncio.create_task(_work(job, manager, client, evidence, progress, folders))
        watching = asyncio.create_task(_until(stop))
        await asyncio.wait({work, watching}, return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        if not work.done():
            work.cancel()
            raise _InterruptedError
        await work


async def _until(stop: threading.Event | None) -> None:
    while stop is None or not stop.is_set():
        await asyncio.sleep(0.2)


# Preparing ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Start:
    """How a kernel is started: its command, what it is shown, its environment."""

    argv: list[str]
    shares: list[Share]
    env: dict[str, str]


def _prepare(job: Job, protection: Protection, folders: Session, descriptor: int) -> _Start:
    """Copy what the kernel may see and write down what it is told."""
    package = Path(__file__).resolve().parents[1] / "kernel"
    shutil.copytree(package, folders.kernel / "grader_kernel", ignore=shutil.ignore_patterns("__pycache__"))
    files = Share(folders.folder / "files", "/run/grader/files")
    _copy_helpers(job.submission, files.source)
    data = [_data_shares(entry) for entry in job.manifest]
    inside = places(folders, protection)
    told = {
        "connection_file": connection_file(folders, protection),
        "evidence": descriptor,
        "seed": job.seed,
        "override_seed": job.override_seed,
        "manifest": [
            {**entry, **{key: seen_at(share, protection) for key, share in shares.items()}}
            for entry, shares in zip(job.manifest, data, strict=True)
        ],
        "roots": None if protection.name != "none" else _roots(inside),
        "shims": inside.shims,
        "files": seen_at(files, protection),
    }
    (folders.kernel / "start.json").write_text(json.dumps(told))
    code = (
        f"import sys; sys.path.insert(1, {inside.kernel!r}); from grader_kernel.launch import main; "
        f"sys.path.remove({inside.kernel!r}); main({inside.kernel + '/start.json'!r})"
    )
    shares = [files, *(share for shares in data for share in shares.values())]
    return _Start([sys.executable, "-c", code], shares, _environment(inside))


def _copy_helpers(submission: Submission, into: Path) -> None:
    into.mkdir()
    for helper in submission.files:
        target = into / helper.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(helper.path, target)


def _data_shares(entry: Mapping[str, Any]) -> dict[str, Share]:
    """The archive and the folder of a data set, shown read-only to be copied from."""
    paths = {key: Path(entry[key]) for key in ("archive", "folder")}
    return {key: Share(path, f"/run/grader/data/{entry['name']}/{path.name}") for key, path in paths.items()}


def _roots(inside: Places) -> dict[str, str]:
    """Where the places that notebooks name lie without namespaces."""
    return {f"/{name}": getattr(inside, name) for name in ("tmp", "content", "kaggle", "tmp2")}


def _environment(inside: Places) -> dict[str, str]:
    threads = str(THREADS)
    return {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GRADER_MANIFEST": f"{inside.shims}/manifest.json",
    }


# Running the cells ----------------------------------------------------------------------------------


class _Client(NotebookClient):  # type: ignore[misc]
    """nbclient, with the output of a cell cut while it streams in."""

    def output(self, outs: Any, msg: Any, display_id: str, cell_index: int) -> Any:
        kept: dict[int, int] = self.__dict__.setdefault("_kept", {})
        size = len(json.dumps(msg["content"], default=str))
        kept[cell_index] = kept.get(cell_index, 0) + size
        if kept[cell_index] <= MAX_OUTPUT or msg["msg_type"] == "error":
            return super().output(outs, msg, display_id, cell_index)
        return None


async def _work(
    job: Job,
    manager: AsyncKernelManager,
    client: AsyncKernelClient,
    evidence: Evidence,
    progress: _Progress,
    folders: Session,
) -> None:
    pid = manager.provisioner.pid  # type: ignore[union-attr]  # ours has one, and it is there by now
    with Watch(pid, folders.mark, job.limits.memory) as watch:
        deadline = time.monotonic() + job.limits.wall
        await _run_cells(job, manager, client, progress, deadline)
        if progress.ending in (Ending.FINISHED, Ending.TIMED_OUT) and await manager.is_alive():
            asking = Questioner(manager, client, evidence, job.seed)
            with contextlib.suppress(KernelGoneError):
                if progress.ending is Ending.FINISHED:
                    await asking.make_calls(job.calls, progress.notebook, deadline)
                await asking.ask_all()
    if watch.ending is not None:
        limit = job.limits.memory / 2**30
        progress.ends(
            watch.ending, f"The notebook needed more than {limit:.3g} GiB of memory and was stopped."
        )


async def _run_cells(
    job: Job, manager: AsyncKernelManager, client: AsyncKernelClient, progress: _Progress, deadline: float
) -> None:
    runner = _Client(
        progress.notebook,
        km=manager,
        allow_errors=True,
        timeout_func=lambda cell: max(1, int(deadline - time.monotonic())),
        store_widget_state=False,
    )
    runner.kc = client
    runner.reset_execution_trackers()
    imported = _imported(progress.notebook)
    for index, cell in enumerate(progress.notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if progress.ending is Ending.FINISHED:
            await _run_cell(runner, index, progress, job.limits.wall)
            await _run_again_with_import(runner, index, progress, imported, job.limits.wall)
        else:
            progress.cells.append(CellRun(index=index, status="not-run", source=cell.source[:20_000]))


async def _run_cell(runner: _Client, index: int, progress: _Progress, wall: float) -> None:
    cell, started = progress.notebook.cells[index], time.monotonic()
    progress.order.append(index)
    try:
        await runner.async_execute_cell(cell, index)
    except CellTimeoutError:
        progress.ends(Ending.TIMED_OUT, f"The notebook took longer than {_minutes(wall)} and was stopped.")
        with contextlib.suppress(Exception):
            await runner.km.interrupt_kernel()
    except DeadKernelError:
        progress.ends(Ending.KERNEL_DIED, f"The kernel died while cell {index + 1} ran.")
    cut = progress.ending is not Ending.FINISHED
    progress.cells.append(_cell_run(index, cell, time.monotonic() - started, cut, progress.problem))


def _minutes(wall: float) -> str:
    return f"{wall / 60:.3g} minutes" if wall >= 120 else f"{wall:.3g} seconds"


def _cell_run(index: int, cell: NotebookNode, seconds: float, cut: bool, problem: str | None) -> CellRun:
    error = next((o for o in cell.outputs if o.output_type == "error"), None)
    source = cell.source[:20_000]
    if error is None and not cut:
        return CellRun(index=index, status="ran", source=source, seconds=round(seconds, 3))
    traceback = plain_text("\n".join(error.traceback), 8000) if error else ""
    return CellRun(
        index=index,
        status="failed",
        source=source,
        error=plain_text(error.ename, 200) if error else STOPPED,
        message=plain_text(error.evalue, 2000) if error else problem,
        line=_line(traceback, error.evalue if error else ""),
        traceback=traceback or None,
        seconds=round(seconds, 3),
    )


def _line(traceback: str, message: str) -> int | None:
    """The line of the cell that failed: where the traceback enters the cell, or where parsing stopped."""
    found = re.search(r"Cell In\[\d+\], line (\d+)", traceback) or re.search(r"<cell line: (\d+)>", traceback)
    found = found or re.search(r"\(.*line (\d+)\)$", message)
    return int(found[1]) if found else None


def _imported(notebook: NotebookNode) -> set[str]:
    """Every name that some cell binds, so that a missing import can be told from a wrong order."""
    return {name for cell in notebook.cells if cell.cell_type == "code" for name in names_bound(cell.source)}


async def _run_again_with_import(
    runner: _Client, index: int, progress: _Progress, imported: set[str], wall: float
) -> None:
    """Run a cell again that failed for want of an import which the whole notebook lacks.

    The cell keeps its failure; what it does goes on, so that one missing line costs one cell only.
    """
    failed = progress.cells[-1]
    match = re.search(r"name '(\w+)' is not defined", failed.message or "")
    name = match[1] if match else ""
    if (
        failed.status != "failed"
        or failed.error != "NameError"
        or name not in USUAL_IMPORTS
        or name in imported
    ):
        return
    imported.add(name)
    await runner.kc.execute(USUAL_IMPORTS[name], silent=True, store_history=False, reply=True, timeout=60)
    progress.remarks.append(
        f"Cell {index + 1} uses {name!r}, which the notebook never imports; it was run again "
        f"after {USUAL_IMPORTS[name]!r}, so that only this cell counts as failed."
    )
    await _run_cell(runner, index, progress, wall)
    again = progress.cells.pop()
    progress.cells[-1] = failed if again.status == "ran" else again
    await _run_again_with_import(runner, index, progress, imported, wall)


# The result -----------------------------------------------------------------------------------------


def _run(job: Job, protection: Protection, evidence: Evidence, progress: _Progress) -> Run:
    """Everything together, with the kernel's count of cells turned into places in the notebook."""
    submission = job.submission

    def placed(thing: Any) -> Any:
        ran = dict(enumerate(progress.order, start=1))
        return msgspec.structs.replace(thing, cell=ran.get(thing.cell))

    return Run(
        student=submission.student,
        file=submission.name,
        sha256=submission.sha256,
        ending=progress.ending,
        problem=progress.problem,
        remarks=(*submission.remarks, *progress.remarks),
        seconds=round(time.monotonic() - progress.started, 2),
        cells=tuple(progress.cells),
        models=tuple(placed(m) for m in evidence.models.values()),
        pipelines=tuple(placed(p) for p in evidence.pipelines.values()),
        trainings=tuple(placed(t) for t in evidence.trainings.values()),
        callbacks=tuple(placed(c) for c in evidence.callbacks.values()),
        notes=tuple(placed(n) for n in evidence.notes.values()),
        data=job.data,
        protections=protection.active,
        missing_protections=protection.missing,
        flags=_flags(evidence),
        versions=evidence.versions,
        seed=job.seed if job.override_seed is None else job.override_seed,
        fingerprint=job.fingerprint,
    )


def _flags(evidence: Evidence) -> tuple[str, ...]:
    if not evidence.refused:
        return ()
    why = plain_text(evidence.first_refusal, 300)
    return (f"{evidence.refused} line(s) on the evidence channel were refused; the first: {why}",)
