"""The doctor says what this machine can do, without importing TensorFlow."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from grader import doctor
from grader.doctor import (
    COURSE,
    KERNEL_MEMORY,
    NEEDED,
    DataState,
    Examination,
    Package,
    data_state,
    examine,
    lines,
    remedy,
    usual_jobs,
    version,
)
from grader.execution.sandbox import find_protection

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    """The packages that requirements name, without versions and extras."""
    return {re.split(r"[\[>=<~! ]", requirement)[0] for requirement in requirements}


@pytest.fixture(scope="module")
def found() -> Examination:
    """What the doctor finds on this very machine, looked at once."""
    return examine()


def test_the_course_packages_are_those_of_the_extra() -> None:
    """What is called a course package is what `grader[course]` installs."""
    assert names(PROJECT["optional-dependencies"]["course"]) == set(COURSE)


def test_the_needed_packages_are_installed_with_us() -> None:
    """Keras comes with TensorFlow; all others are dependencies of our own."""
    assert set(NEEDED) - {"keras"} <= names(PROJECT["dependencies"])


def test_a_missing_package_has_no_version() -> None:
    """Nothing is raised for it."""
    assert version("no-such-package", "no_such_module") is None


def test_a_module_without_metadata_is_there_all_the_same() -> None:
    """A module that belongs to no package, such as Python's own json, has an unknown version."""
    assert "unknown" == version("no-such-package", "json")


def test_the_examination_of_this_machine(found: Examination) -> None:
    """It says what the sandbox found out, and at least one notebook can run."""
    protection = find_protection()
    assert (protection.name, protection.active, protection.missing) == (
        found.protection,
        found.protections,
        found.missing_protections,
    )
    assert list(NEEDED) == [package.name for package in found.packages]
    assert 1 <= found.jobs <= found.cores
    assert found.can_grade


def test_tensorflow_is_not_imported() -> None:
    """Looking takes no seconds of importing."""
    code = "import sys, grader.doctor; grader.doctor.examine(); print('tensorflow' in sys.modules)"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert "False" == done.stdout.strip()


def test_what_is_missing_is_said(found: Examination) -> None:
    """A missing package stands in the lines, and the machine is not ready to grade."""
    poor = dataclasses.replace(found, packages=(Package("tensorflow", None), Package("keras", "3.6.0")))
    told = list(lines(poor))
    assert "Packages: tensorflow MISSING, keras 3.6.0" in told
    assert "Not ready to grade." == told[-1]


@pytest.mark.parametrize(
    ("protection", "sentence"),
    [
        ("bubblewrap", "Ready to grade."),
        ("none", "Ready to check your own notebooks; other people's are graded only with --unprotected."),
    ],
)
def test_what_can_be_done_here(protection: str, sentence: str, found: Examination) -> None:
    """The last line says it, and does not promise what `grade` then refuses."""
    assert sentence == list(lines(dataclasses.replace(found, protection=protection)))[-1]


def test_advice_names_the_command_that_installs() -> None:
    """One sentence for what grading needs, one for what some notebooks import."""
    missing = (Package("tensorflow", None), Package("keras", "3.6.0")), (Package("scipy", None),)
    assert [
        f"Nothing can be graded without tensorflow: {sys.executable} -m pip install tensorflow",
        f"Some notebooks import scipy: {sys.executable} -m pip install scipy",
    ] == list(doctor._to_install(*missing))


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap exists on Linux only")
def test_without_bubblewrap_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sentence is a command to copy."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (
        remedy() == "Install bubblewrap, e.g.: sudo apt install bubblewrap (or: sudo dnf install bubblewrap)"
    )


def test_data_that_cannot_be_used_is_a_problem_not_an_error(tmp_path: Path) -> None:
    """The doctor goes on where a data set is broken, and says what to do."""
    state = data_state("happy-or-sad", tmp_path / "nowhere")
    problem = f"There is no folder {tmp_path / 'nowhere'}; name the folder that holds happy-or-sad.zip."
    assert DataState("happy-or-sad", None, None, problem) == state


@pytest.mark.parametrize(
    ("cores", "memory", "expected"),
    [(4, 64, 4), (4, 2, 2), (2, 0, 1), (1, 64, 1)],
)
def test_notebooks_side_by_side(cores: int, memory: int, expected: int) -> None:
    """One for each core, as long as each has its memory; one at least."""
    assert expected == usual_jobs(cores, memory * KERNEL_MEMORY)
