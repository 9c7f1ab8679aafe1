"""The few ways in which grading itself can fail; a student's mistake is never an exception."""

from __future__ import annotations


class GraderError(Exception):
    """Something the person at the keyboard can mend; its text is one sentence that says how."""


class AssignmentError(GraderError):
    """An assignment cannot be judged as it is written: names the file, the place and the problem."""


class DataError(GraderError):
    """A data set is missing, damaged or could not be fetched."""


class EvidenceError(GraderError):
    """What a run left behind is not what a run of ours writes."""


class ProtectionError(GraderError):
    """Student code would run without the protection that was asked for."""
