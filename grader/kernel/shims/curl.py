"""`curl`, offline: course data from local copies; any other URL fails at once and leaves files alone."""

from __future__ import annotations

import os
from pathlib import Path

from ..sources import file_name, refusal, served
from .common import Arguments, arguments, give, known_sources, say

_WITH_VALUE = {
    "-o", "--output", "--output-dir", "-H", "--header", "-A", "--user-agent", "-b", "--cookie", "-c",
    "--cookie-jar", "-d", "--data", "-e", "--referer", "-m", "--max-time", "--connect-timeout", "--retry",
    "-u", "--user", "-X", "--request", "-x", "--proxy", "-C", "--continue-at", "--limit-rate", "--url", "-w",
    "--cacert",
}  # fmt: skip
# curl's own exit codes: 2 command line, 6 host not resolved.
_NO_HOST = 6


def main(argv: list[str]) -> int:
    """Fetch every URL of the command line; the exit code is that of the last failure, or 0."""
    given = arguments(argv, _WITH_VALUE)
    urls = given.words + ([given.options["--url"]] if "--url" in given.options else [])
    if not urls:
        say("curl: no URL specified!")
        return 2
    codes = [_fetch(url, given) for url in urls]
    return next((code for code in reversed(codes) if code), 0)


def _fetch(url: str, given: Arguments) -> int:
    full = url if "://" in url else "http://" + url
    found = served(full, known_sources())
    if found is None:
        if not (given.flags & {"-s", "--silent"}) or given.flags & {"-S", "--show-error"}:
            say(f"curl: ({_NO_HOST}) {refusal(url)}")
        return _NO_HOST
    target = _target(full, given)
    if "--create-dirs" in given.flags:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    give(found.path, target)
    return 0


def _target(url: str, given: Arguments) -> str:
    asked = given.options.get("-o") or given.options.get("--output")
    if not asked and given.flags & {"-O", "--remote-name"}:
        asked = file_name(url)
    if not asked or asked == "-":
        return "-"
    return os.path.join(given.options.get("--output-dir", ""), asked)
