"""A name for everything that affects a run, so that an unchanged submission is never run twice."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PACKAGES = (
    *("tensorflow", "keras", "numpy", "pillow", "ipykernel", "nbclient"),
    *("matplotlib", "scipy", "pandas", "requests", "tqdm", "opencv-python-headless"),
)
"""Packages whose version, or absence, can change what a notebook does."""

RUNNING = ("kernel", "execution", "submission/code.py")
"""Files and folders of ours that decide what is run and asked."""


def fingerprint(told: Mapping[str, Any]) -> str:
    """64 hexadecimal digits for a run that is told this (plain JSON values), by this code, in this place."""
    whole = {**told, "code": code_hash(), "environment": environment()}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def seed_of(print_: str, attempt: int = 0) -> int:
    """The seed of an attempt: the same for the same fingerprint, between 0 and 2**31 - 1."""
    return int(hashlib.sha256(f"{print_}/{attempt}".encode()).hexdigest()[:8], 16) % 2**31


@functools.cache
def code_hash() -> str:
    """A hash over the witness's code and over what asks it."""
    root = Path(__file__).resolve().parents[1]
    paths = [path for name in RUNNING for path in (root / name, *(root / name).rglob("*"))]
    return hash_files(sorted(p for p in paths if p.is_file() and _matters(p)))


def _matters(path: Path) -> bool:
    return "__pycache__" not in path.parts and path.suffix != ".md"


def hash_files(paths: Iterable[Path]) -> str:
    """One hash over the names and contents of files, in the order given."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@functools.cache
def environment() -> str:
    """Versions of Python and of the packages that matter, as one line."""
    versions = [f"{name} {_version(name)}" for name in PACKAGES]
    return ", ".join([f"python {platform.python_version()}", *versions])


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"
