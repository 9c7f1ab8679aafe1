"""What a check answers: how much of a criterion was shown, what was seen, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One named part of a criterion: its weight, how much of it was shown (0 to 1), and what was seen."""

    name: str
    weight: float
    share: float
    saw: str
    diagnosis: str | None = None


@dataclass(frozen=True)
class Finding:
    """A check's answer.

    `share` lies in [0, 1]; it is None when there was nothing to look at, and `saw` then says why.
    `diagnosis` is an id of `DIAGNOSES`; `notes` are remarks that cost nothing.
    """

    share: float | None
    saw: str
    diagnosis: str | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


def nothing(reason: str) -> Finding:
    """There was nothing to look at, because of `reason`."""
    return Finding(None, reason)


def met(saw: str, *notes: str) -> Finding:
    """All of it was shown."""
    return Finding(1.0, saw, notes=notes)


def not_met(saw: str, diagnosis: str) -> Finding:
    """None of it was shown."""
    return Finding(0.0, saw, diagnosis)


def made_of(parts: Sequence[Part], notes: Sequence[str] = ()) -> Finding:
    """The finding that several parts add up to; the first part that fell short names the diagnosis."""
    total = sum(part.weight for part in parts)
    share = sum(part.weight * part.share for part in parts) / total
    short = [part for part in parts if part.share < 1]
    saw = " ".join(part.saw for part in (short or parts))
    diagnosis = next((part.diagnosis for part in short if part.diagnosis), None)
    return Finding(share, saw, diagnosis, tuple(notes), tuple(parts))
