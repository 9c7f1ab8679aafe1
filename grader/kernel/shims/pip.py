"""`pip`, `conda` and `apt` while grading: packages stay as they are, and the cell goes on."""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Say so in one line; nothing is changed."""
    print("Packages are fixed while grading: nothing was installed, changed or removed.")
    return 0
