"""A grade as a page for one student, the grades of a class as a page for the instructor."""

from __future__ import annotations

from grader.feedback.class_report import class_page
from grader.feedback.student_report import feedback_page

__all__ = ["class_page", "feedback_page"]
