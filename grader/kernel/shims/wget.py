"""`wget`, offline: course data from local copies; any other URL fails at once and leaves files alone."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from ..sources import file_name, refusal, served
from .common import Arguments, arguments, give, known_sources, say

# The options of GNU wget 1.21 that take a value.
_WITH_VALUE = {
    "-O", "--output-document", "-P", "--directory-prefix", "-o", "--output-file", "-a", "--append-output",
    "-U", "--user-agent", "-t", "--tries", "-T", "--timeout", "-w", "--wait", "-i", "--input-file", "-Q",
    "-A", "-R", "-l", "--level", "--header", "--load-cookies", "--save-cookies", "--progress", "--referer",
    "--post-data", "--user", "--password", "--limit-rate", "-e", "--execute", "--cut-dirs", "--waitretry",
    "--read-timeout", "--connect-timeout", "--dns-timeout", "--secure-protocol", "--ca-certificate", "-B",
}  # fmt: skip
# GNU wget's own exit codes: 1 generic, 2 command line, 4 network failure.
_NETWORK_FAILURE = 4


def main(argv: list[str]) -> int:
    """Fetch every URL of the command line; the exit code is that of the last failure, or 0."""
    given = arguments(_long_names(argv), _WITH_VALUE)
    if not given.words:
        say("wget: missing URL")
        return 2
    codes = [_fetch(url, given) for url in given.words]
    return next((code for code in reversed(codes) if code), 0)


def _long_names(argv: list[str]) -> list[str]:
    """`-nc` and its like are one option, not two letters."""
    short = {"-nc": "--no-clobber", "-nv": "--no-verbose", "-nd": "--no-directories", "-np": "--no-parent"}
    return [short.get(word, word) for word in argv]


def _fetch(url: str, given: Arguments) -> int:
    full = url if "://" in url else "http://" + url
    found = served(full, known_sources())
    if found is None:
        say(refusal(url))
        return _NETWORK_FAILURE
    target = _target(full, given)
    if target is None:
        return 0
    if target != "-":
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    give(found.path, target)
    if target != "-" and not given.flags & {"-q", "--quiet"}:
        say(f"'{target}' saved [{os.path.getsize(found.path)}], from the local copy of the course data.")
    return 0


def _target(url: str, given: Arguments) -> str | None:
    """The file to write, "-" for standard output, or None when nothing is to be done."""
    asked = given.options.get("-O") or given.options.get("--output-document")
    if asked:
        return asked
    folder = given.options.get("-P") or given.options.get("--directory-prefix") or "."
    query = urlsplit(url).query
    name = (file_name(url) or "index.html") + (f"?{query}" if query else "")
    path = os.path.normpath(os.path.join(folder, name.replace("/", "%2F")))
    if not os.path.exists(path) or given.flags & {"-N", "--timestamping"}:
        return path
    if given.flags & {"--no-clobber", "-c", "--continue"}:
        say(f"File '{path}' already there; not retrieving.")
        return None
    return next(f"{path}.{n}" for n in range(1, 10_000) if not os.path.exists(f"{path}.{n}"))
