"""The cells in the bytes of a file, whatever kind of notebook or text they are."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from grader.submission.texts import Cell, is_markdown, is_python, markdown_cells, parses, python_cells

AGAIN = "hand in the notebook itself (.ipynb)"
EMPTY = f"The file is empty; {AGAIN}."
NOT_TEXT = f"The file is neither a notebook nor Python text; {AGAIN}."
NO_CELLS = f"The file is JSON, but not a notebook: it has no list of cells; {AGAIN}."
NO_CODE = "The notebook holds no code, so there is nothing to run; hand in the notebook with your code cells."
TOO_DEEP = f"The file is not valid JSON (it is nested too deeply); {AGAIN}."

_BINARIES = {b"PK\x03\x04": "a zip archive", b"PK\x05\x06": "a zip archive", b"%PDF": "a PDF"}
_KERNELS = {
    "bash": "Bash",
    "deno": "TypeScript",
    "ir": "R",
    "javascript": "JavaScript",
    "julia": "Julia",
    "matlab": "MATLAB",
    "octave": "Octave",
    "scala": "Scala",
}


@dataclass(frozen=True)
class Contents:
    """The cells, remarks for the student, and the problem if there is nothing to run."""

    cells: tuple[Cell, ...] = ()
    problem: str | None = None
    remarks: tuple[str, ...] = ()


def contents_of(raw: bytes, is_script: bool) -> Contents:
    """What a file holds: JSON of nbformat 1 to 4 (or what looks like it), Python text, or Markdown."""
    for start, what in _BINARIES.items():
        if raw.startswith(start):
            return Contents(problem=f"The file is {what} under another name, not a notebook; {AGAIN}.")
    text, remarks = _decoded(raw)
    reading = _read_text(text, is_script)
    return Contents(reading.cells, reading.problem, remarks + reading.remarks)


def _decoded(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """The text: UTF-8, -16 or -32, with or without a byte order mark, else what the file says it is."""
    try:
        return raw.decode(json.detect_encoding(raw)), ()
    except UnicodeDecodeError:
        pass
    text, encoding = _decoded_as(raw, _declared_encoding(raw)) or (raw.decode("cp1252", "replace"), "cp1252")
    return text, (f"The file is not UTF-8; it was read as {encoding}.",)


def _decoded_as(raw: bytes, encoding: str) -> tuple[str, str] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return raw.decode(encoding, "replace"), encoding
        except (LookupError, ValueError):
            return None


def _declared_encoding(raw: bytes) -> str:
    """The encoding that a script names in one of its first two lines (PEP 263), or nothing."""
    declared = re.match(rb"(?:.*\n)?[ \t]*#.*?coding[:=][ \t]*([-\w.]{1,40})", raw)
    return declared[1].decode("ascii", "replace") if declared else ""


def _read_text(text: str, is_script: bool) -> Contents:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    start = text.lstrip("\ufeff \t\n")[:200]
    if not start:
        return Contents(problem=EMPTY)
    if "\0" in text:
        return Contents(problem=NOT_TEXT)
    if start.startswith("{") and (not is_script or '"cells"' in text or '"worksheets"' in text):
        return _read_json(text)
    if (conflict := _conflict(text)) and not parses(text):
        return conflict
    if re.match(r"<(?:!doctype html|html|head|\?xml|body)\b", start, re.IGNORECASE):
        return Contents(problem=f"The file is a web page, not a notebook; {AGAIN}.")
    return _read_prose(text, is_script)


def _read_prose(text: str, is_script: bool) -> Contents:
    if is_script or (is_python(text) and (parses(text) or not is_markdown(text))):
        return _as_cells("Python", python_cells(text))
    if is_markdown(text):
        return _as_cells("Markdown", markdown_cells(text))
    return Contents(problem=NOT_TEXT)


def _as_cells(language: str, cells: Sequence[Cell]) -> Contents:
    cells = [_cleaned(cell) for cell in cells]
    if not _holds_code(cells):
        return Contents(problem=NO_CODE)
    count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    remark = f"The file holds {language} text, not a notebook; it was read as {count}."
    return Contents(tuple(cells), remarks=(remark,))


def _read_json(text: str) -> Contents:
    try:
        data = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        return _conflict(text) or _broken_json(text, error)
    except RecursionError:
        return Contents(problem=TOO_DEEP)
    except ValueError as error:
        return Contents(problem=f"The file is not valid JSON ({error}); {AGAIN}.")
    return _read_data(data)


def _conflict(text: str) -> Contents | None:
    """The finding that Git left its conflict markers in the file, if it did."""
    start = re.search(r"^<<<<<<< ", text, re.MULTILINE)
    if not start or not re.search(r"^>>>>>>> ", text, re.MULTILINE):
        return None
    line = text.count("\n", 0, start.start()) + 1
    what = f"The file holds Git conflict markers (from line {line})"
    return Contents(problem=f"{what}; resolve the conflict, save it and hand it in again.")


def _broken_json(text: str, error: json.JSONDecodeError) -> Contents:
    rest = text[error.pos :].strip()
    if error.msg.startswith("Unterminated string") or (len(rest) < 8 and not rest.endswith("}")):
        line = text.rstrip().count("\n") + 1
        what, then = f"breaks off in the middle (at line {line})", "download or save it again and hand it in"
    else:
        what, then = (
            f"is not valid JSON (line {error.lineno}: {error.msg})",
            "save the notebook again and hand it in",
        )
    return Contents(problem=f"The file {what}; {then}.")


def _read_data(data: Any) -> Contents:
    raw_cells = _raw_cells(data)
    if raw_cells is None:
        return Contents(problem=NO_CELLS)
    if language := _other_language(_mapping(data.get("metadata"))):
        choose = "choose a Python kernel, save the notebook and hand it in again"
        return Contents(problem=f"The notebook says it is written in {language}, not in Python; {choose}.")
    cells = tuple(_cleaned(_cell(raw)) for raw in raw_cells if isinstance(raw, dict))
    if not _holds_code(cells):
        return Contents(problem=NO_CODE)
    return Contents(cells, remarks=_format_remarks(data.get("nbformat")))


def _raw_cells(data: Any) -> list[Any] | None:
    """The list of cells, wherever the format puts it (nbformat 2 and 3: in worksheets); None without one."""
    if isinstance(data.get("cells"), list):
        return list(data["cells"])
    if not isinstance(data.get("worksheets"), list):
        return None
    lists = (_mapping(sheet).get("cells") for sheet in data["worksheets"])
    return [cell for cells in lists if isinstance(cells, list) for cell in cells]


def _cell(raw: dict[str, Any]) -> Cell:
    kind = raw.get("cell_type")
    source = _joined(raw["source"] if "source" in raw else raw.get("input"))
    if kind == "heading":
        level = raw.get("level")
        source = f"{'#' * level if isinstance(level, int) and level < 7 else '#'} {source}"
    cell_id = raw.get("id")
    kind = kind if kind in ("code", "raw") else "markdown"
    return Cell(kind, source, cell_id if isinstance(cell_id, str) else "")


def _joined(source: Any) -> str:
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _cleaned(cell: Cell) -> Cell:
    """The cell with plain line ends, and half characters (lone surrogates) replaced: they cannot be saved."""
    source = cell.source.replace("\r\n", "\n").replace("\r", "\n")
    return cell._replace(source=source.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _holds_code(cells: Iterable[Cell]) -> bool:
    return any(cell.kind == "code" and cell.source.strip() for cell in cells)


def _other_language(metadata: dict[str, Any]) -> str | None:
    """The language of the notebook if it is not Python; the kernel's word counts before the saved one."""
    kernel, info = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    known = _KERNELS.get(str(kernel.get("name", "")).lower().split("-")[0])
    for said in (kernel.get("language"), known, info.get("name"), metadata.get("language")):
        if isinstance(said, str) and said.strip():
            return None if "python" in said.lower() else " ".join(said.split())[:40]
    return None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _format_remarks(number: Any) -> tuple[str, ...]:
    if isinstance(number, int) and 1 <= number <= 4:
        return ()
    if isinstance(number, int) and number > 4:
        return (f"The notebook is of format {number}, which is newer than 4; it was read as format 4.",)
    return ("The file does not say which notebook format it has; it was read as format 4.",)
