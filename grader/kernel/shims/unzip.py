"""`unzip`: asks nothing, overwrites, and finds the course's archive where it was not downloaded."""

from __future__ import annotations

import fnmatch
import glob
import os
import shutil
import sys
import zipfile
from pathlib import Path

from .common import Arguments, arguments, known_sources, say

_WITH_VALUE = {"-d", "-P"}
# Info-ZIP's own exit codes: 9 archive not found, 10 command line, 11 no matching members.
_NOT_FOUND, _USAGE, _NO_MATCH = 9, 10, 11


def main(argv: list[str]) -> int:
    """Unpack, list (-l) or print (-p) an archive."""
    given = arguments(_without_excluded(argv)[0], _WITH_VALUE)
    if not given.words:
        say("unzip: no archive given")
        return _USAGE
    archives = _archives(given.words[0])
    if not archives:
        say(f"unzip:  cannot find or open {given.words[0]}, {given.words[0]}.zip.")
        return _NOT_FOUND
    excluded = _without_excluded(argv)[1]
    return max(_one(archive, given, given.words[1:], excluded) for archive in archives)


def _without_excluded(argv: list[str]) -> tuple[list[str], list[str]]:
    """The command line without `-x member …`, and those members (`-d` ends their list)."""
    if "-x" not in argv:
        return argv, []
    at = argv.index("-x")
    end = next((i for i in range(at + 1, len(argv)) if argv[i].startswith("-")), len(argv))
    return argv[:at] + argv[end:], argv[at + 1 : end]


def _archives(name: str) -> list[str]:
    """The archives a word names: a file, a file without its ".zip", a pattern, or course data by its name."""
    for path in (name, name + ".zip"):
        if zipfile.is_zipfile(path):
            return [path]
        for source in known_sources():
            if source.archive and Path(path).name.lower() in {n.lower() for n in source.archive_names}:
                return [source.archive]
    return [path for path in sorted(glob.glob(name)) if zipfile.is_zipfile(path)]


def _one(archive: str, given: Arguments, wanted: list[str], excluded: list[str]) -> int:
    with zipfile.ZipFile(archive) as file:
        members = [
            m
            for m in file.infolist()
            if (not wanted or any(fnmatch.fnmatchcase(m.filename, w) for w in wanted))
            and not any(fnmatch.fnmatchcase(m.filename, x) for x in excluded)
        ]
        if given.flags & {"-l", "-v", "-Z"}:
            _list(archive, members)
        elif "-p" in given.flags:
            for member in members:
                sys.stdout.buffer.write(file.read(member))
        elif "-t" not in given.flags:
            _extract(archive, file, members, given)
        return 0 if members else _NO_MATCH


def _list(archive: str, members: list[zipfile.ZipInfo]) -> None:
    print(f"Archive:  {archive}\n  Length      Date    Time    Name")
    for member in members:
        year, month, day, hour, minute, _ = member.date_time
        print(f"{member.file_size:9}  {year}-{month:02}-{day:02} {hour:02}:{minute:02}   {member.filename}")
    print(f"{sum(m.file_size for m in members):9}                     {len(members)} files")


def _extract(archive: str, file: zipfile.ZipFile, members: list[zipfile.ZipInfo], given: Arguments) -> None:
    folder = given.options.get("-d", ".")
    loud = "-q" not in given.flags
    if loud:
        print(f"Archive:  {archive}")
    for member in members:
        path = os.path.join(folder, member.filename)
        if "-j" in given.flags and not member.is_dir():
            path = os.path.join(folder, Path(member.filename).name)
            Path(folder).mkdir(parents=True, exist_ok=True)
            with file.open(member) as inside, Path(path).open("wb") as out:
                shutil.copyfileobj(inside, out)
        elif not ("-n" in given.flags and os.path.exists(path) and not member.is_dir()):
            file.extract(member, folder)
        if loud:
            print(f"  inflating: {path}")
