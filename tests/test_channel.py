"""The parent's end of the evidence pipe takes in whole lines, whoever writes them and however."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.evidence import MAX_LINE, Evidence
from grader.execution import channel
from grader.execution.channel import CHUNK, evidence_pipe

OPEN = Path("/proc/self/fd")


def model(number: int, kind: str = "Sequential") -> bytes:
    """The line of one model."""
    return json.dumps({"event": "model", "model": {"id": number, "kind": kind}}).encode() + b"\n"


def sent(*pieces: bytes) -> Evidence:
    """The evidence after these pieces were written one by one."""
    with evidence_pipe() as (evidence, descriptor), open(descriptor, "wb", 0, closefd=False) as pipe:
        for piece in pieces:
            written = 0
            while written < len(piece):
                written += pipe.write(piece[written:]) or 0
    return evidence


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([model(1) + model(2)], id="at once"),
        pytest.param([model(1), model(2)], id="line by line"),
        pytest.param([model(1)[:10], model(1)[10:] + model(2)[:20], model(2)[20:]], id="in pieces"),
        pytest.param([bytes([b]) for b in model(1) + model(2)], id="byte by byte"),
    ],
)
def test_lines_arrive_however_they_are_cut(pieces: list[bytes]) -> None:
    """A line is a line wherever the pipe happens to cut it."""
    evidence = sent(*pieces)

    assert ([1, 2], 0) == (list(evidence.models), evidence.refused)


def test_what_is_in_the_pipe_at_the_end_is_read() -> None:
    """Leaving the block waits for everything that was written, more than the pipe itself holds."""
    assert 150 == len(sent(*(model(n, "x" * 199) for n in range(150)), b" " * 500_000).models)


def test_half_a_line_at_the_end_is_not_believed() -> None:
    """A kernel killed in the middle of a line leaves what came before it."""
    evidence = sent(model(1) + model(2)[:-1])

    assert ([1], 0) == (list(evidence.models), evidence.refused)


@pytest.mark.parametrize("beyond", [1, CHUNK, 3 * MAX_LINE])
def test_a_line_too_long_is_dropped_up_to_its_end(beyond: int) -> None:
    """A line beyond the cap is counted once, and the next one is read; its tail is no event either."""
    tail = model(7)[:-1]
    evidence = sent(model(1), b"x" * (MAX_LINE + beyond) + tail + b"\n", model(2))

    assert ([1, 2], 1) == (list(evidence.models), evidence.refused)
    assert "is longer than an event may be." == evidence.first_refusal[-31:]
    assert int(evidence.first_refusal.split()[3]) <= MAX_LINE + 1 + CHUNK  # what was held of it at a time


def test_the_longest_line_is_read() -> None:
    """A line of just as many bytes as allowed arrives whole."""
    evidence = sent(model(1)[:-1].ljust(MAX_LINE) + b"\n")

    assert ([1], 0) == (list(evidence.models), evidence.refused)


def test_lines_that_are_no_events_are_counted() -> None:
    """Print, blank lines and binary data on the pipe cost nothing but the count."""
    evidence = sent(b"hello\n", b"\n", bytes(range(256)) + b"\n", model(1))

    assert ([1], 4) == (list(evidence.models), evidence.refused)  # byte 10 makes two lines of the third


def test_a_flood_is_read_and_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the cap nothing is kept, and the writer is not held up."""
    monkeypatch.setattr(channel, "MAX_EVIDENCE", 100_000)
    evidence = sent(model(1), b" " * 200_000 + b"\n", model(2))

    assert [1] == list(evidence.models)


def test_another_process_may_write() -> None:
    """A process that was given the descriptor reports through it."""
    with evidence_pipe() as (evidence, descriptor):
        code = f"import os; os.write({descriptor}, {model(1)!r})"
        subprocess.run([sys.executable, "-S", "-c", code], pass_fds=[descriptor], check=True)

    assert [1] == list(evidence.models)


def test_a_failure_inside_the_block_keeps_what_came_and_is_raised() -> None:
    """When grading fails, the pipe is read to its end and closed all the same."""
    kept: list[Evidence] = []

    def fail() -> None:
        with evidence_pipe() as (evidence, descriptor):
            kept.append(evidence)
            os.write(descriptor, model(1))
            raise TimeoutError

    with pytest.raises(TimeoutError):
        fail()
    assert [1] == list(kept[0].models)


def test_a_failure_in_reading_is_ours_and_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence is never lost in silence: what fails in the reader surfaces when the block is left."""

    def fail(evidence: Evidence, lines: list[bytes]) -> None:
        raise MemoryError

    monkeypatch.setattr(channel, "add_lines", fail)
    with pytest.raises(MemoryError):
        sent(model(1))


@pytest.mark.skipif(not OPEN.is_dir(), reason="this system does not list what is open")
def test_no_descriptor_is_left_open() -> None:
    """Both ends are closed when the block is left."""
    sent(model(0))
    before = list(OPEN.iterdir())
    sent(model(1))

    assert len(before) == len(list(OPEN.iterdir()))
