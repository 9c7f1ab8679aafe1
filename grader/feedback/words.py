"""What the pages say: words for outcomes and endings, numbers as people write them, harmless text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from grader.evidence import Ending
from grader.judging import Grade, Status, Verdict

SIGNS: Mapping[Status, str] = {
    Status.MET: "✓",
    Status.PARTLY_MET: "◐",
    Status.NOT_MET: "✗",
    Status.NOT_ASSESSED: "–",
}
"""A sign for each outcome; it stands beside the word, never in its place."""


class EndingWords(NamedTuple):
    """An ending for people: what happened, and what the student can do (nothing, where it is ours)."""

    sentence: str
    advice: str


ENDINGS: Mapping[Ending, EndingWords] = {
    Ending.FINISHED: EndingWords("Every cell had its turn.", ""),
    Ending.STOPPED_EARLY: EndingWords(
        "The notebook stopped before its last cell.",
        "Look for what ends it early, then restart the kernel and run all cells from top to bottom.",
    ),
    Ending.TIMED_OUT: EndingWords(
        "The notebook was still running when its time was up, so it was stopped.",
        "Train for fewer epochs or use a smaller network, and look for a loop that never ends.",
    ),
    Ending.OUT_OF_MEMORY: EndingWords(
        "The notebook needed more memory than a run may use, so it was stopped.",
        "Use smaller pictures, a smaller batch, or fewer units in the first Dense layer.",
    ),
    Ending.TOO_MUCH_CPU: EndingWords(
        "The notebook used more processor time than a run may use, so it was stopped.",
        "Train for fewer epochs or use a smaller network, and look for a loop that never ends.",
    ),
    Ending.TOO_MANY_PROCESSES: EndingWords(
        "The notebook started more processes than a run may have, so it was stopped.",
        "Do not start processes of your own; fit needs none.",
    ),
    Ending.DISK_FULL: EndingWords(
        "The notebook wrote more files than a run may keep, so it was stopped.",
        "Write fewer or smaller files; there is no need to save the model after every epoch.",
    ),
    Ending.TOO_MUCH_OUTPUT: EndingWords(
        "The notebook printed more than a run may print, so it was stopped.",
        "Print less: no whole arrays, and verbose=2 in fit.",
    ),
    Ending.KERNEL_DIED: EndingWords(
        "The kernel died while the notebook was running.",
        "Restart the kernel and run all cells. Look for a cell that ends it or needs too much memory.",
    ),
    Ending.UNREADABLE: EndingWords(
        "The file could not be read as a notebook, so nothing was run.",
        "Open it in Jupyter or Colab, save it as a notebook (.ipynb), and hand in that file.",
    ),
    Ending.INTERRUPTED: EndingWords("Grading was interrupted before it was done.", ""),
    Ending.GRADER_FAILED: EndingWords("The grader itself failed on this notebook.", ""),
}
"""A plain sentence for each way a run can end."""


def status_word(status: Status) -> str:
    """The outcome in words: "met", "partly met", "not met", "not assessed"."""
    return status.value.replace("-", " ")


def capital(text: str) -> str:
    """Text with a capital first letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def sign(status: Status) -> str:
    """The outcome as one sign."""
    return SIGNS[status]


def ending_word(ending: Ending) -> str:
    """The ending in words, e.g. "timed out"."""
    return ending.value.replace("-", " ")


def data_word(kind: str) -> str:
    """What a kind of data means: the real pictures, or the drawn stand-in."""
    return {"real": "the real pictures", "drawn": "drawn stand-in pictures"}.get(kind, kind)


def person_reasons(grade: Grade) -> tuple[str, ...]:
    """Why a person needs to look at this grade, one sentence for each reason; empty when nobody needs to."""
    if not grade.needs_person:
        return ()
    if grade.ending.ours:
        return (ENDINGS[grade.ending].sentence, *([grade.problem] if grade.problem else []))
    open_verdicts = [v for v in grade.verdicts if v.points is None]
    return tuple(dict.fromkeys(_not_judged(v) for v in open_verdicts)) or ("It was marked for a person.",)


def _not_judged(verdict: Verdict) -> str:
    return f"The criterion “{verdict.title}” could not be judged: {verdict.saw}"


# Numbers --------------------------------------------------------------------------------------------


def number(value: float) -> str:
    """Points as people write them: at most two decimals, none that say nothing ("18.75", "10")."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def measured(value: float | None) -> str:
    """A measured value in five significant digits; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.5g}"


def percent(share: float) -> str:
    """A share of one as whole percent; 100 % and 0 % only where all or nothing is meant."""
    whole = round(100 * share)
    if whole == 100 and share < 1:
        whole = 99
    if whole == 0 and share > 0:
        whole = 1
    return f"{whole} %"


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 cell", "1,200 cells"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Seconds as people say them: "48 s", "2 min 5 s", "1 h 2 min"."""
    if seconds < 9.95:
        return f"{number(round(seconds, 1))} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def picture_shape(shape: Sequence[int | None] | None) -> str:
    """A shape without its batch size: "150 × 150 × 3"; "any" where a size is left open."""
    if not shape:
        return "unknown"
    return " × ".join("any" if size is None else f"{size}" for size in shape[1:]) or "one number"


def ranges(numbers: Iterable[int], limit: int = 40) -> str:
    """Ascending numbers in few words, "3, 5–9", with at most `limit` groups; what is cut is counted."""
    groups: list[list[int]] = []
    for n in numbers:
        if groups and n == groups[-1][-1] + 1:
            groups[-1][1:] = [n]
        else:
            groups.append([n])
    said = ", ".join("–".join(map(str, group)) for group in groups[:limit])
    return said if len(groups) <= limit else f"{said} and {len(groups) - limit:,} more"


# Strangers' text ------------------------------------------------------------------------------------

TERMINAL_CODES = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff"
    "\ufff9-\uffff\ud800-\udfff]"
)
"""Characters that show nothing but change what is shown: control, direction, lone surrogates.

Joiners (U+200C, U+200D) stay: Persian names and emoji are made with them.
"""


def clean(text: str) -> str:
    """Text without terminal codes and unseen characters; escaping is left to the template."""
    return UNSEEN.sub("", TERMINAL_CODES.sub("", text))


def short(text: str, limit: int) -> str:
    """Text of at most `limit` characters; " …" says that it was cut."""
    return text if len(text) <= limit else text[: limit - 2] + " …"
