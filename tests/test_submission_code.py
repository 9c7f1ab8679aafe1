"""Code is read without running it, and code that does not parse says nothing."""

from __future__ import annotations

import pytest

from grader.submission.code import names_bound


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import tensorflow as tf\nimport os.path", {"tf", "os"}),
        ("from a import b as c, d", {"c", "d"}),
        ("x, (y, *z) = 1, (2, 3)\nw += 1\nv: int = 3", {"x", "y", "z", "w", "v"}),
        ("def f(): ...\nclass C: ...", {"f", "C"}),
        ("for i in (1, 2):\n    j = i", {"i", "j"}),
        ("with open('f') as g:\n    pass", {"g"}),
        ("!wget http://x\n%matplotlib inline\nx = 1", {"x"}),
        ("if True:\n    x = 1\n    y = (", set()),
        ("print = 3", set()),
        ("", set()),
    ],
)
def test_names_that_a_cell_binds(source: str, names: set[str]) -> None:
    """Imports, assignments, definitions and loops bind names; text that does not parse binds none."""
    assert names == names_bound(source)
