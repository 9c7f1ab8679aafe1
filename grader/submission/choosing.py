"""Which of several notebooks in one student's folder is the one to grade."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from grader.submission.folders import File
from grader.submission.helpers import modules_in, some
from grader.submission.names import label_of
from grader.submission.reading import Submission, code_of, read_notebook

# A notebook that builds or trains a model; `re.compile(` and comments do not count.
_TRAINS = re.compile(r"^[^#\n]*?(?:\.fit\(|fit_generator|(?<!\bre)\.compile\()", re.MULTILINE)


def choose(candidates: Mapping[str, Submission]) -> tuple[str | None, str | None]:
    """The name of the notebook to grade and a remark on the choice; without a name, the problem.

    Those that cannot be read count only if none can. Of notebooks with the same code the newest is taken;
    of different ones, the one that builds or trains a model, if there is exactly one.
    """
    if len(candidates) == 1:
        return next(iter(candidates)), None
    readable = [name for name, one in candidates.items() if not one.problem] or list(candidates)
    what = "Python files" if all(name.endswith(".py") for name in candidates) else "notebooks"
    several = f"The folder holds {_count(len(candidates))} {what}, {some(candidates)}"
    groups = _same_code({name: candidates[name] for name in readable})
    training = [group for group in groups if trains(code_of(candidates[group[0]]))]
    if len(readable) == 1:
        return readable[0], f"{several}; {readable[0]} was graded, since no other can be read."
    if len(groups) == 1:
        newest = _newest(groups[0], candidates)
        return newest, f"{several}, with the same code; {newest}, the newest, was graded."
    if len(training) == 1:
        newest = _newest(training[0], candidates)
        return newest, f"{several}; {newest} was graded, since only there a model is built or trained."
    return None, f"{several}, and it is not clear which one to grade; hand in one."


def main_scripts(scripts: Mapping[str, File]) -> list[str]:
    """The scripts that may be the work itself: top ones if any, not imported by another unless they train."""
    names = [name for name in scripts if name.rpartition("/")[2] != "__init__.py"]
    names = [name for name in names if "/" not in name] or names
    if len(names) < 2:
        return names
    code = {
        name: code_of(read_notebook(scripts[name].path, name)) for name in names if not scripts[name].problem
    }
    imported = {module for name in code for module in modules_in(code[name]) - {label_of(name)}}
    return [n for n in names if label_of(n) not in imported or trains(code.get(n, ()))] or names


def trains(code: Iterable[str]) -> bool:
    """Whether code, comments aside, builds or trains a model: has `.fit(`, `.compile(` or `fit_generator`."""
    return any(_TRAINS.search(source) for source in code)


def _same_code(submissions: Mapping[str, Submission]) -> list[list[str]]:
    groups = defaultdict(list)
    for name, one in submissions.items():
        groups[(one.sha256 if one.problem else "", *(source.strip() for source in code_of(one)))].append(name)
    return list(groups.values())


def _newest(names: list[str], submissions: Mapping[str, Submission]) -> str:
    return max(names, key=lambda name: _time(submissions[name]))


def _time(submission: Submission) -> int:
    return submission.path.stat().st_mtime_ns if submission.path else 0


def _count(number: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(number, str(number))
