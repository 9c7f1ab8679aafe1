"""What this machine can do: Python, TensorFlow, protections, cores, memory and data sets."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from grader.datasets import cache_folder, provide, registry
from grader.errors import GraderError
from grader.execution.sandbox import Protection, find_protection

NEEDED = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "ipykernel": "ipykernel",
    "nbclient": "nbclient",
    "numpy": "numpy",
    "pillow": "PIL",
}
"""Packages without which no notebook runs, each with the module it brings."""

COURSE = {
    "matplotlib": "matplotlib",
    "scipy": "scipy",
    "pandas": "pandas",
    "requests": "requests",
    "tqdm": "tqdm",
    "opencv-python-headless": "cv2",
}
"""The extra `course`: what notebooks of the course import beside TensorFlow."""

KERNEL_MEMORY = 2 * 2**30
"""Bytes that one notebook of the course needs while it trains, with room to spare."""


@dataclass(frozen=True)
class Package:
    """A package by its name; `version` is None when it is missing, "unknown" without metadata."""

    name: str
    version: str | None


@dataclass(frozen=True)
class DataState:
    """A data set as it would be handed out now, "real" or "drawn"; a problem where it cannot be."""

    name: str
    kind: str | None
    folder: str | None
    problem: str | None = None


@dataclass(frozen=True)
class Examination:
    """What `grader doctor` found; sizes are in bytes."""

    grader: str
    python: str
    interpreter: str
    system: str
    packages: tuple[Package, ...]
    course: tuple[Package, ...]
    cores: int
    memory: int
    jobs: int
    protection: str
    protections: tuple[str, ...]
    missing_protections: tuple[str, ...]
    data: tuple[DataState, ...]
    cache: str
    advice: tuple[str, ...]

    @property
    def can_grade(self) -> bool:
        """Whether all that grading needs is there."""
        return all(p.version for p in self.packages) and not any(d.problem for d in self.data)


def examine(data_dir: Path | None = None) -> Examination:
    """Look at this machine, trying out each protection, without importing TensorFlow.

    Raises:
        GraderError: our own Python does not start by itself, or there is no folder for the cache.

    """
    from grader import __version__

    protection = find_protection()
    packages, course = _packages(NEEDED), _packages(COURSE)
    data = tuple(data_state(name, data_dir) for name in registry())
    return Examination(
        grader=__version__,
        python=platform.python_version(),
        interpreter=sys.executable,
        system=platform.platform(),
        packages=packages,
        course=course,
        cores=cores(),
        memory=psutil.virtual_memory().total,
        jobs=usual_jobs(cores(), psutil.virtual_memory().available),
        protection=protection.name,
        protections=protection.active,
        missing_protections=protection.missing,
        data=data,
        cache=str(cache_folder()),
        advice=(*_to_install(packages, course), *_to_protect(protection)),
    )


def _packages(names: dict[str, str]) -> tuple[Package, ...]:
    return tuple(Package(name, version(name, module)) for name, module in names.items())


def version(package: str, module: str) -> str | None:
    """The installed version of a package, without importing its module; None when there is neither."""
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def data_state(name: str, data_dir: Path | None = None) -> DataState:
    """Which pictures a notebook would be given now; a stand-in is drawn if need be."""
    try:
        provided = provide(name, data_dir)
    except GraderError as problem:
        return DataState(name, None, None, str(problem))
    return DataState(name, provided.kind, str(provided.folder))


def cores() -> int:
    """The processor cores that we may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def usual_jobs(cores: int, memory: int) -> int:
    """How many notebooks run side by side unless told: one for each core, as long as memory lasts."""
    return max(1, min(cores, memory // KERNEL_MEMORY))


def lines(found: Examination) -> Iterator[str]:
    """What was found, for people."""
    yield f"grader {found.grader}, Python {found.python} ({found.interpreter}), {found.system}"
    memory = f"{found.memory / 2**30:.1f} GiB"
    yield f"Cores: {found.cores}. Memory: {memory}. Notebooks side by side: {found.jobs}."
    yield f"Packages: {_versions(found.packages)}"
    yield f"Course packages: {_versions(found.course)}"
    yield f"Protection: {found.protection}"
    yield from (f"    active: {sentence}" for sentence in found.protections)
    yield from (f"    missing: {sentence}" for sentence in found.missing_protections)
    yield f"Data sets (kept in {found.cache}):"
    yield from (f"    {one.name}: {one.problem or f'{one.kind}, {one.folder}'}" for one in found.data)
    yield from (f"To do: {sentence}" for sentence in found.advice)
    yield _verdict(found)


def _verdict(found: Examination) -> str:
    if not found.can_grade:
        return "Not ready to grade."
    if found.protection == "none":
        return "Ready to check your own notebooks; other people's are graded only with --unprotected."
    return "Ready to grade."


def _versions(packages: Iterable[Package]) -> str:
    return ", ".join(f"{p.name} {p.version or 'MISSING'}" for p in packages)


# What to do about it --------------------------------------------------------------------------------


def _to_install(packages: tuple[Package, ...], course: tuple[Package, ...]) -> Iterator[str]:
    for which, missing in (
        ("Nothing can be graded without", [p.name for p in packages if not p.version]),
        ("Some notebooks import", [p.name for p in course if not p.version]),
    ):
        if missing:
            yield f"{which} {', '.join(missing)}: {sys.executable} -m pip install {' '.join(missing)}"


def _to_protect(protection: Protection) -> Iterator[str]:
    if protection.name == "none":
        yield remedy()


def remedy() -> str:
    """What to do on this machine so that student code runs protected."""
    if sys.platform != "linux":
        return "Protection exists on Linux only: grade there, or in a Linux virtual machine (WSL on Windows)."
    if shutil.which("bwrap") is None:
        return "Install bubblewrap, e.g.: sudo apt install bubblewrap (or: sudo dnf install bubblewrap)"
    return (
        "Allow unprivileged user namespaces: on Ubuntu 24.04 and later "
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0; in a container, ask whoever starts it."
    )


def require_tensorflow() -> None:
    """Refuse to start where no notebook could run.

    Raises:
        GraderError: TensorFlow is not installed; says how to install it.

    """
    if importlib.util.find_spec("tensorflow") is None:
        raise GraderError(
            "TensorFlow is not installed in this Python; install it: "
            f"{sys.executable} -m pip install tensorflow"
        )
