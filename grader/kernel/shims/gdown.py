"""`gdown`, offline: a Drive id or link gives course data, since a student's own copy of it was meant."""

from __future__ import annotations

import os
from pathlib import Path

from ..sources import is_drive, private_copy, refusal, served
from .common import arguments, give, known_sources, say

_WITH_VALUE = {"-O", "--output", "--id", "--proxy", "--speed", "--format", "--user-agent"}


def main(argv: list[str]) -> int:
    """Write the data under the name asked for, else under its own; 1 when it cannot be known."""
    given = arguments(argv, _WITH_VALUE)
    word = given.options.get("--id") or (given.words[0] if given.words else "")
    if not word:
        say("gdown: the following arguments are required: url_or_id")
        return 2
    url = word if "://" in word else f"https://drive.google.com/uc?id={word}"
    known = known_sources()
    found = served(url, known) or (None if is_drive(url) else private_copy(known))
    if found is None:
        say(refusal(url))
        return 1
    output = given.options.get("-O") or given.options.get("--output") or found.name
    if output != "-" and (output.endswith("/") or os.path.isdir(output)):
        output = os.path.join(output, found.name)
    if output != "-":
        Path(output).parent.mkdir(parents=True, exist_ok=True)
    give(found.path, output)
    if not given.flags & {"-q", "--quiet"}:
        say(f"{output}: from the local copy of the course data.")
    return 0
