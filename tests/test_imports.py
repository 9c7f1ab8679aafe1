"""Modules import only what stands before them, kernel/ stands alone, and nothing of ours loads TensorFlow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = (
    "errors",
    "submission",
    "evidence",
    "checks",
    "assignment",
    "judging",
    "execution",
    "kernel",
    "datasets",
    "feedback",
    "gradebook",
    "batch",
    "validation",
    "exports",
    "doctor",
    "progress",
    "cli",
)
"""The modules of `grader`, each of which may import only those before it."""

HEAVY = ("tensorflow", "keras")


# The rule -------------------------------------------------------------------------------------------


def imports(path: Path, package: Path) -> Iterator[str]:
    """Every module that a file imports, in full: relative ones too, at whatever depth they stand."""
    parts = ["grader", *path.relative_to(package).with_suffix("").parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str | None:
    """Which of our modules a full name lies in; "" for `grader` itself, None for other packages."""
    first, _, rest = name.partition(".")
    if first == "grader_kernel":
        return "kernel"
    if first != "grader":
        return None
    module = rest.split(".")[0]
    return module if module in ORDER else ""


def offences(package: Path) -> list[str]:
    """Every import in a package that breaks the rule, as "file imports name"."""
    found = []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        own = place.with_suffix("").parts[0]
        for name in imports(path, package):
            if not _allowed(own, name):
                found.append(f"{place.as_posix()} imports {name}")
    return found


def _allowed(own: str, name: str) -> bool:
    other = module_of(name)
    if own == "kernel":
        return other in (None, "kernel")
    if other is None:
        return name.split(".")[0] not in HEAVY
    if other in ("", own) or own not in ORDER:
        return other != "kernel"
    return other != "kernel" and ORDER.index(other) < ORDER.index(own)


def test_modules_import_only_what_stands_before_them() -> None:
    """No file of grader breaks the rule."""
    assert [] == offences(ROOT / "grader")


def test_the_rule_covers_every_module() -> None:
    """Each module of grader has its place in the order, so that none escapes the rule."""
    names = {
        p.stem for p in (ROOT / "grader").iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()
    }

    assert set() == names - set(ORDER) - {"__init__", "__main__"}


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("evidence.py", "from grader.errors import GraderError", []),
        ("evidence.py", "import os, grader.errors", []),
        ("evidence.py", "from grader import errors, __version__", []),
        ("checks/model.py", "from grader.checks.finding import Finding", []),
        ("checks/model.py", "from .finding import Finding", []),
        ("checks/model.py", "from ..evidence import Run", []),
        ("kernel/recorder.py", "from . import channel", []),
        ("kernel/places/rooted.py", "from .. import channel\nfrom ..channel import send", []),
        ("kernel/recorder.py", "import tensorflow as tf", []),
        ("kernel/recorder.py", "from grader.kernel import channel", []),
        ("errors.py", "from grader.evidence import Run", ["errors.py imports grader.evidence.Run"]),
        ("errors.py", "import grader.evidence", ["errors.py imports grader.evidence"]),
        ("errors.py", "from grader import evidence", ["errors.py imports grader.evidence"]),
        ("errors.py", "from . import evidence", ["errors.py imports grader.evidence"]),
        (
            "checks/model.py",
            "def f():\n    from ..judging import judge",
            ["checks/model.py imports grader.judging.judge"],
        ),
        (
            "checks/model.py",
            "if TYPE_CHECKING:\n    import grader.batch",
            ["checks/model.py imports grader.batch"],
        ),
        ("cli.py", "from grader.kernel import recorder", ["cli.py imports grader.kernel.recorder"]),
        ("cli.py", "import grader_kernel.recorder", ["cli.py imports grader_kernel.recorder"]),
        (
            "datasets/drawn.py",
            "from ..kernel.web import served",
            ["datasets/drawn.py imports grader.kernel.web.served"],
        ),
        ("kernel/recorder.py", "from grader import errors", ["kernel/recorder.py imports grader.errors"]),
        ("kernel/recorder.py", "from .. import errors", ["kernel/recorder.py imports grader.errors"]),
        (
            "kernel/recorder.py",
            "from grader import __version__",
            ["kernel/recorder.py imports grader.__version__"],
        ),
        (
            "kernel/places/rooted.py",
            "from ...evidence import Run",
            ["kernel/places/rooted.py imports grader.evidence.Run"],
        ),
        ("judging.py", "import tensorflow as tf", ["judging.py imports tensorflow"]),
        ("judging.py", "def f():\n    from keras import layers", ["judging.py imports keras.layers"]),
    ],
)
def test_the_rule_notices(file: str, text: str, told: list[str], tmp_path: Path) -> None:
    """In a small made-up tree, each forbidden import is found and no allowed one is."""
    path = tmp_path / "grader" / file
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")

    assert told == offences(tmp_path / "grader")


# What gets loaded -----------------------------------------------------------------------------------


def loaded(code: str, folder: Path) -> set[str]:
    """Which heavy packages a fresh process has loaded after this code; fakes of them lie in `folder`."""
    for name in HEAVY:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "__init__.py").write_text("", encoding="utf-8")
    program = (
        f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n{code}\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def modules() -> list[str]:
    """Every module of grader but the kernel's, by its full name."""
    files = (p.relative_to(ROOT).with_suffix("") for p in (ROOT / "grader").rglob("*.py"))
    names = (".".join(file.parts).removesuffix(".__init__") for file in files)
    return sorted(name for name in names if "kernel" not in name.split(".") and "__main__" not in name)


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("import tensorflow", {"tensorflow"}),
        ("from keras import __name__", {"keras"}),
        ("import json", set()),
    ],
)
def test_a_heavy_import_would_be_noticed(code: str, seen: set[str], tmp_path: Path) -> None:
    """The process below tells when TensorFlow or Keras is loaded, and only then."""
    assert seen == loaded(code, tmp_path) & set(HEAVY)


def test_no_module_of_ours_loads_tensorflow(tmp_path: Path) -> None:
    """All modules but the kernel's can be imported together without TensorFlow and Keras."""
    names = modules()

    assert {"grader.judging", "grader.cli", "grader.execution.runner"} <= set(names)
    assert set() == loaded(f"import {', '.join(names)}", tmp_path) & set(HEAVY)


def test_the_command_line_loads_next_to_nothing(tmp_path: Path) -> None:
    """`grader --help` need not wait for what only some commands use."""
    late = {"numpy", "PIL", "nbclient", "nbformat", "jinja2", "msgspec", "psutil", "jupyter_client", *HEAVY}

    assert set() == loaded("import grader.cli", tmp_path) & late
