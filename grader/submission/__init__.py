"""What students handed in: found, unpacked and read; nothing here ever runs anything."""

from grader.submission.finding import find_submissions
from grader.submission.reading import HelperFile, Submission, read_notebook

__all__ = ["HelperFile", "Submission", "find_submissions", "read_notebook"]
