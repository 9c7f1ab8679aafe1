"""Fills the page templates: escaping is always on, and whatever is printed is cleaned first."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from grader.feedback import words

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: Any) -> str:
    """The page that a template makes of these values."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    # Jinja costs more to import than the rest of grading together, and `--help` needs none of it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("grader.feedback", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_cleaned,
    )
    filters = (
        words.capital, words.count, words.data_word, words.duration, words.ending_word, words.measured,
        words.number, words.short, words.sign, words.status_word, student_link,
    )  # fmt: skip
    made.filters.update({function.__name__: function for function in filters})
    return made


def _cleaned(value: Any) -> Any:
    """Strings without unseen characters; markup that a template made stays as it is."""
    return words.clean(value) if type(value) is str else value


def student_link(student: str) -> str:
    """The address of a student's feedback page as seen from the class page."""
    return f"{quote(student, safe='', errors='replace')}/feedback.html"


@cache
def script(name: str) -> tuple[str, str]:
    """A script of ours and the hash that a content security policy allows it by."""
    loader = _environment().loader
    assert loader is not None
    text = loader.get_source(_environment(), name)[0].strip()
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return text, f"sha256-{digest}"
