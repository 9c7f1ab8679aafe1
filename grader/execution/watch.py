"""Watches how much memory a kernel and all it started use, and ends them when it is too much.

A *family* is a process and everything it started. In a sandbox the family cannot leave; without one, a
program may detach itself from its parent, so every process of a run carries the run's mark in its
environment and is found by it wherever it went.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import psutil

from grader.evidence import Ending

MARK = "GRADER_SESSION"
"""The environment variable whose value names the run that a process belongs to."""

INTERVAL = 0.25
"""Seconds between two looks."""

SHARE = 0.1
"""At most this part of one core goes into looking; on a machine with many processes we look less often."""


def find(pid: int) -> psutil.Process | None:
    """The process that has this number now; it is never mistaken for a later one of the same number."""
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def family(head: psutil.Process | None) -> set[psutil.Process]:
    """A process and all its descendants that are alive; empty when it is gone."""
    if head is None or not is_alive(head):
        return set()
    with contextlib.suppress(psutil.Error):
        return {p for p in (head, *head.children(recursive=True)) if is_alive(p)}
    return set()


def marked(mark: str) -> set[psutil.Process]:
    """Every living process that carries the mark of a run, whoever its parent is by now."""
    return {p for p in map(find, psutil.pids()) if p is not None and _mark(p) == mark}


def end_all(head: psutil.Process | None, mark: str, patience: float = 5.0) -> bool:
    """Kill a family and all that carry its mark, and wait until they are gone.

    Returns:
        Whether nothing is left after `patience` seconds.

    """
    deadline = time.monotonic() + patience
    while left := family(head) | marked(mark):
        if time.monotonic() > deadline:
            return False
        kill(left)
        time.sleep(0.01)
    return True


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill each; one that is gone already is fine."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def is_alive(process: psutil.Process) -> bool:
    """Whether the process still runs; one that only waits to be buried does not."""
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def memory(processes: Iterable[psutil.Process]) -> int:
    """Bytes that these processes use: pages they share counted once, and the files they keep in memory."""
    processes = list(processes)
    return sum(map(process_memory, processes)) + private_files(p.pid for p in processes)


def process_memory(process: psutil.Process) -> int:
    """Bytes of one process: its share of the pages (PSS), or all it touches (RSS) where PSS is unreadable."""
    pss = _pss(process.pid)
    if pss is not None:
        return pss
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def private_files(pids: Iterable[int]) -> int:
    """Bytes of the files that a sandbox keeps in memory (its root folder and its `/dev`); 0 without one."""
    found = (_private_folders(Path(f"/proc/{pid}/root")) for pid in pids)
    return sum(next(filter(None, found), {}).values())


def _private_folders(root: Path) -> dict[int, int]:
    """Device → bytes in use, for the file systems of this root folder if it is another than ours."""
    used = {}
    with contextlib.suppress(OSError):
        if not root.samefile("/"):
            for folder in (root, root / "dev"):
                space = os.statvfs(folder)
                used[folder.stat().st_dev] = (space.f_blocks - space.f_bfree) * space.f_frsize
    return used


def _pss(pid: int) -> int | None:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except OSError:
        return None
    line = next((n for n in rollup.splitlines() if n.startswith(b"Pss:")), None)
    return None if line is None else int(line.split()[1]) * 1024


def _with_strays(now: set[psutil.Process], before: set[psutil.Process]) -> set[psutil.Process]:
    """The family now, and what was in it before and has left its parent since."""
    strays = {p for p in before - now if is_alive(p)}
    return now.union(*map(family, strays))


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK) if is_alive(process) else None
    except (psutil.Error, OSError):
        return None


class Watch:
    """A thread that looks at a family four times a second and ends it beyond a limit.

    Use it as a context manager, beside a running kernel. What it saw can be read at any time.

    Attributes:
        ending: why it ended the family (`Ending.OUT_OF_MEMORY`), or None.
        peak: the most memory seen in use at one time, in bytes.

    """

    def __init__(self, pid: int, mark: str, limit: int | None, interval: float = INTERVAL) -> None:
        self.ending: Ending | None = None
        self.peak = 0
        self._head, self._mark, self._limit, self._interval = find(pid), mark, limit, interval
        self._seen: set[psutil.Process] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {pid}", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Look no more; returns when the thread has ended."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            start = time.monotonic()
            self._look()
            pause = max(self._interval, (time.monotonic() - start) / SHARE)

    def _look(self) -> None:
        self._seen = _with_strays(family(self._head), self._seen)
        used = memory(self._seen)
        self.peak = max(self.peak, used)
        if self._limit is not None and used > self._limit and self.ending is None:
            self.ending = Ending.OUT_OF_MEMORY
            end_all(self._head, self._mark)
