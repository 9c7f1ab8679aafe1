"""Python and Markdown text as the cells of a notebook."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple


class Cell(NamedTuple):
    """One cell: `kind` is `code`, `markdown` or `raw`; `id` is what the file said, perhaps nothing."""

    kind: str
    source: str
    id: str = ""


# `# %%` (VS Code, Spyder, jupytext) and `# In[3]:` (nbconvert); `# %%time` is a commented magic, no marker.
_MARKER = re.compile(r"^#[ \t]*(?:%%(?:[ \t\[].*)?|In[ \t]*\[[ \d*]*\]:?.*)$", re.MULTILINE)
# Jupytext's light format, believed only below jupytext's own header.
_LIGHT_MARKER = re.compile(r"^# (?:\+.*|-)$|" + _MARKER.pattern, re.MULTILINE)
_HEADER = re.compile(r"\A(?:#!.*\n)?(?:#.*coding.*\n)?# ---\n(?:#.*\n)*?# ---\n")
# `!wget …`, `%matplotlib inline`, `files = !ls`
_MAGIC = re.compile(r"^([ \t]*)(?:\w+[ \t]*=[ \t]*)?[!%].*$", re.MULTILINE)
_STATEMENT = re.compile(
    r"^(?:import \w|from [\w.]+ import |def \w+ ?\(|class \w+|@\w|\w[\w.]* ?=[^=]|[\w.]+\(|# ?%%|# ?In ?\[)",
    re.MULTILINE,
)
_FENCE = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[ \t]*\{?(?:i?python\d?|py\d?|code-cell)\b[^\n]*\n"
    r"(?P<code>.*?)(?:^ {0,3}(?P=fence)[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)


def is_markdown(text: str) -> bool:
    """Whether the text has a fenced block of Python."""
    return _FENCE.search(text) is not None


def is_python(text: str) -> bool:
    """Whether some line begins as a Python statement does; the rest may well be wrong Python."""
    return _STATEMENT.search(text) is not None


def parses(source: str) -> bool:
    """Whether the source is Python, lines such as `!wget …` and `%matplotlib inline` aside."""
    return _parsed(source) is not None


def markdown_cells(text: str) -> list[Cell]:
    """Fenced blocks of Python as code cells, what lies between as Markdown cells."""
    cells, end = [], 0
    for block in _FENCE.finditer(text):
        cells += [Cell("markdown", text[end : block.start()]), Cell("code", block["code"])]
        end = block.end()
    return _trimmed([*cells, Cell("markdown", text[end:])])


def python_cells(text: str) -> list[Cell]:
    """The cells of a script: at its markers if it has any, else at blank lines between statements.

    No statement is ever cut in two; a script without markers that does not parse is a single cell.
    """
    header = _HEADER.match(text)
    body = text[header.end() :] if header else text
    cells = _trimmed(_marked(body, _LIGHT_MARKER if header else _MARKER))
    if len(cells) < 2 or (parses(body) and not all(parses(c.source) for c in cells if c.kind == "code")):
        cells = _trimmed(_blocks(body))
    return cells


def _marked(text: str, marker: re.Pattern[str]) -> list[Cell]:
    markers = list(marker.finditer(text))
    if not markers:
        return []
    ends = [*(m.start() for m in markers[1:]), len(text)]
    bodies = [_titled(m[0], text[m.end() : end]) for m, end in zip(markers, ends, strict=True)]
    return [_opening(text[: markers[0].start()]), *bodies]


def _opening(text: str) -> Cell:
    """What stands above the first marker: mostly comments, which are Markdown then."""
    return Cell("markdown", _uncommented(text)) if _is_comment(text) else _cell(text)


def _titled(marker: str, text: str) -> Cell:
    if re.search(r"\[(markdown|md|raw)\]", marker) and _is_comment(text):
        return Cell("markdown", _uncommented(text))
    return _cell(text)


def _is_comment(text: str) -> bool:
    return all(not line.strip() or line.startswith("#") for line in text.split("\n"))


def _uncommented(text: str) -> str:
    lines = (line for line in text.split("\n") if not re.match(r"#!|#.*coding[:=]", line))
    return "\n".join(re.sub(r"^# ?", "", line) for line in lines)


def _blocks(text: str) -> Iterator[Cell]:
    """One cell for each run of top-level statements without a blank line between them."""
    tree = _parsed(text)
    statements = tree.body if tree else []
    lines = text.split("\n")
    start = 0
    for before, after in itertools.pairwise(statements):
        end = before.end_lineno or before.lineno
        gap = range(end, _first_line(after) - 1)
        blank = next((n for n in gap if not lines[n].strip()), None)
        if blank is not None:
            yield _cell("\n".join(lines[start:blank]))
            start = blank
    yield _cell("\n".join(lines[start:]))


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


def _cell(source: str) -> Cell:
    """A code cell, or Markdown where the only statement is a string, as in Colab's exports."""
    tree = _parsed(source)
    if tree and len(tree.body) == 1:
        match tree.body[0]:
            case ast.Expr(value=ast.Constant(value=str(text))):
                return Cell("markdown", inspect.cleandoc(text))
    return Cell("code", source)


def _parsed(source: str) -> ast.Module | None:
    for text in (source, _MAGIC.sub(r"\1pass", source)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" and the like are the student's
            try:
                return ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return None


def _trimmed(cells: list[Cell] | Iterator[Cell]) -> list[Cell]:
    """The cells without blank lines at either end; empty ones dropped."""
    trimmed = (cell._replace(source=re.sub(r"\A(?:[ \t]*\n)+", "", cell.source).rstrip()) for cell in cells)
    return [cell for cell in trimmed if cell.source]
