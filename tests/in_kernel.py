"""Runs a small script the way a notebook runs: in its own process, beside a copy of grader/kernel."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

KERNEL = Path(__file__).parents[1] / "grader" / "kernel"

PRELUDE = """
import json, os, sys, warnings
given = json.loads(sys.argv[1])
sys.path.insert(0, given["kernel"])
from grader_kernel import channel
channel.connect(given["pipe"])
manifest, roots, told = given["manifest"], given["roots"], {}
"""
EPILOGUE = """
real_open = open
with real_open(given["result"], "w") as _file:
    json.dump(told, _file, default=str)
"""


@dataclass(frozen=True)
class Told:
    """What a script told: its values, the notes on the pipe, its output and its exit code."""

    values: dict[str, Any]
    notes: list[dict[str, Any]]
    stdout: str
    stderr: str
    code: int

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def codes(self) -> list[str]:
        """The codes of the notes, in order."""
        return [note["code"] for note in self.notes]

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """Each note as (code, old, new)."""
        return [(note["code"], note["old"], note["new"]) for note in self.notes]


def run(
    folder: Path,
    script: str,
    manifest: list[dict[str, Any]] | None = None,
    roots: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
) -> Told:
    """Run a script with `manifest`, `roots` and `channel` at hand; what it puts into `told` comes back."""
    if not (folder / "kernel").exists():
        shutil.copytree(
            KERNEL, folder / "kernel" / "grader_kernel", ignore=shutil.ignore_patterns("__pycache__")
        )
    content = folder / "work" / "content"
    for name in ("content", "tmp", "home", "kaggle", "tmp2"):
        (folder / "work" / name).mkdir(parents=True, exist_ok=True)
    (folder / "script.py").write_text(PRELUDE + textwrap.dedent(script) + EPILOGUE, encoding="utf-8")
    (folder / "work" / "result.json").unlink(missing_ok=True)
    reading, writing = os.pipe()
    lines: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(reading, lines))
    reader.start()
    given = {
        "kernel": str(folder / "kernel"),
        "pipe": writing,
        "manifest": manifest or [],
        "roots": roots,
        "result": str(folder / "work" / "result.json"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "default", str(folder / "script.py"), json.dumps(given)],
        cwd=content,
        env={**os.environ, "HOME": str(folder / "work" / "home"), "TF_CPP_MIN_LOG_LEVEL": "3", **(env or {})},
        pass_fds=(writing,),
        # As launch.py does: tests that run in the background inherit an ignored SIGINT.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    os.close(writing)
    reader.join()
    assert done.returncode == 0, done.stderr[-4000:]
    events = [json.loads(line) for line in b"".join(lines).splitlines()]
    notes = [event["note"] for event in events if event["event"] == "note"]
    values = json.loads(Path(given["result"]).read_text(encoding="utf-8"))
    return Told(values, notes, done.stdout, done.stderr, done.returncode)


def _drain(descriptor: int, lines: list[bytes]) -> None:
    with os.fdopen(descriptor, "rb") as pipe:
        lines.append(pipe.read())


def happy_or_sad(folder: Path, count: int = 4, places: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    """A manifest entry with drawn pictures: bright ones are happy, dark ones sad; `count` of each."""
    pictures = folder / "data" / "happy-or-sad"
    for name, shade in (("happy", 230), ("sad", 20)):
        (pictures / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", (12, 12), (shade, shade, number)).save(
                pictures / name / f"{name}1-{number:02}.png"
            )
    archive = folder / "data" / "happy-or-sad.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(pictures.rglob("*.png")):
            file.write(path, path.relative_to(pictures))
    where = [("h-or-s", "folder"), ("happy-or-sad.zip", "archive")] if places is None else places
    return {
        "name": "happy-or-sad",
        "urls": ["https://storage.googleapis.com/blog.example/happy-or-sad.zip"],
        "archive_names": ["happy-or-sad.zip"],
        "words": ["happy-or-sad", "h-or-s", "happy_or_sad"],
        "classes": ["happy", "sad"],
        "counts": [count, count],
        "places": [{"path": path, "kind": kind} for path, kind in where],
        "archive": str(archive),
        "folder": str(pictures),
    }
