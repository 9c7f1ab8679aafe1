"""The cells that failed or never ran, cut to what a student needs to see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grader.checks.notebook import Failure, failures
from grader.evidence import CellRun, Run
from grader.feedback.words import clean, ranges, short

SHOWN_CELLS = 8
"""Failed cells shown with their source; further ones are named by number."""

AROUND = 12
"""Lines of source shown before and after the line that failed."""

TRACE_LINES = 14
"""Lines of a traceback shown: the first two and the last ones."""

LINE_WIDTH = 200
"""Characters of one line of source or traceback."""

MESSAGE = 600
"""Characters of an error's message."""


@dataclass(frozen=True)
class SourceLine:
    """One line of a cell as people count lines; `failed` marks the one that raised."""

    number: int
    text: str
    failed: bool


@dataclass(frozen=True)
class FailedCell:
    """A failed cell as people count cells; `excused` says why it costs nothing, or is None."""

    number: int
    line: int | None
    error: str
    message: str
    excused: str | None
    source: tuple[SourceLine, ...]
    lines_before: int
    lines_after: int
    trace: str


@dataclass(frozen=True)
class CellsReport:
    """All there is to say about cells: some failures whole, the numbers of the others."""

    total: int
    ran: int
    failed: tuple[FailedCell, ...]
    failed_too: str
    not_run: str
    not_run_count: int


def cells_report(run: Run) -> CellsReport:
    """The cells of a run, those that cost points first among the failures that are shown."""
    found = failures(run)
    chosen = sorted(found, key=lambda f: f.excused is not None)[:SHOWN_CELLS]
    chosen.sort(key=lambda f: f.cell.index)
    not_run = [cell for cell in run.cells if cell.status == "not-run"]
    return CellsReport(
        total=len(run.cells),
        ran=len(run.cells) - len(found) - len(not_run),
        failed=tuple(failed_cell(f) for f in chosen),
        failed_too=_numbers(f.cell for f in found if f not in chosen),
        not_run=_numbers(not_run),
        not_run_count=len(not_run),
    )


def _numbers(cells: Iterable[CellRun]) -> str:
    return ranges(cell.index + 1 for cell in cells)


def failed_cell(failure: Failure) -> FailedCell:
    """A failed cell cut to the neighbourhood of its line."""
    cell = failure.cell
    lines = clean(cell.source).split("\n")
    first, last = _window(len(lines), cell.line)
    return FailedCell(
        number=cell.index + 1,
        line=cell.line,
        error=short(cell.error or "Error", 100),
        message=short((cell.message or "").strip(), MESSAGE),
        excused=failure.excused,
        source=tuple(
            SourceLine(n, short(lines[n - 1], LINE_WIDTH), n == cell.line) for n in range(first, last + 1)
        ),
        lines_before=first - 1,
        lines_after=len(lines) - last,
        trace=shortened(cell.traceback or ""),
    )


def _window(lines: int, line: int | None) -> tuple[int, int]:
    """First and last line to show, both counted from 1; the whole cell when it is short."""
    width = 2 * AROUND + 1
    centre = min(max(line or 1, 1), lines)
    first = max(1, min(centre - AROUND, lines - width + 1))
    return first, min(lines, first + width - 1)


def shortened(traceback: str) -> str:
    """A traceback's first two and last lines; what lies between is counted."""
    lines = [short(line.rstrip(), LINE_WIDTH) for line in clean(traceback).strip("\n").split("\n")]
    cut = len(lines) - TRACE_LINES
    if cut > 1:
        lines[2 : 2 + cut] = [f"    … {cut} lines left out …"]
    return "\n".join(lines)
