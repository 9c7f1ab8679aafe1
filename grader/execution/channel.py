"""The parent's end of the evidence pipe: reads lines as they come, believes none of them unread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from grader.evidence import MAX_LINE, Evidence, add_lines

CHUNK = 65_536
MAX_EVIDENCE = 200_000_000
"""Bytes of evidence that one run may send; the rest of a flood is read and dropped."""


@contextmanager
def evidence_pipe() -> Iterator[tuple[Evidence, int]]:
    """The evidence that fills while the block runs, and the descriptor a kernel writes it to.

    The caller closes nothing: on leaving, the reader is given what is still in the pipe and ends. What
    fails in reading is ours, and is raised then: evidence must never be lost in silence.
    """
    reading, writing = os.pipe()
    evidence = Evidence()
    with ThreadPoolExecutor(1, "evidence") as pool:
        reader = pool.submit(_read, reading, evidence)
        try:
            yield evidence, writing
        finally:
            os.close(writing)
            reader.result()


def _read(descriptor: int, evidence: Evidence) -> None:
    """Read lines until every writer is gone; what is too long is dropped up to its end."""
    rest, total = b"", 0
    with open(descriptor, "rb", buffering=0) as pipe:
        while chunk := pipe.read(CHUNK):
            total += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAX_LINE:
                rest = rest[:MAX_LINE] + b"!"
            if total <= MAX_EVIDENCE:
                add_lines(evidence, lines)
            else:
                evidence.refused += len(lines)
