"""What the code of a cell says, without running it."""

from __future__ import annotations

import ast
import builtins


def names_bound(source: str) -> set[str]:
    """The names a cell would bind at its top level (imports, assignments, definitions, loops)."""
    plain = "\n".join(
        "pass" if line.lstrip()[:1] in "!%" and line.strip() else line for line in source.split("\n")
    )
    try:
        tree = ast.parse(plain)
    except SyntaxError:
        return set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
    return bound - set(dir(builtins))
