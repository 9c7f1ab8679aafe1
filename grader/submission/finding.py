"""From files, folders and zips to one Submission for each student.

A folder (or zip) that is given holds a class if it holds several notebooks, or several folders with work:
each notebook in it is a submission, and so is each folder. Otherwise it is one submission, and its other
files are helper files.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import GraderError
from grader.submission.choosing import choose, main_scripts
from grader.submission.contents import AGAIN
from grader.submission.folders import LINKED_FOLDER, File, Folder, holds, kind_of, look, look_beside, walk
from grader.submission.helpers import files_around, files_imported, left_out, some
from grader.submission.names import display, label_of, tell_apart
from grader.submission.reading import HelperFile, Submission, code_of, hash_of, read_notebook
from grader.submission.zips import open_zip, open_zips


@dataclass(frozen=True)
class _Place:
    """A folder, the labels of its student and of the folder around it, and its path for people."""

    folder: Folder
    label: str
    parent: str
    shown: str

    def inside(self, folder: Folder) -> _Place:
        """A folder in this one that is another student's."""
        label = label_of(folder.name) if folder.archive else folder.name
        return _Place(folder, label, self.label, f"{self.shown}/{display(folder.name)}")

    def down(self, folder: Folder) -> _Place:
        """A folder in this one that is still the same student's."""
        return replace(self.inside(folder), label=self.label, parent=self.parent)


@dataclass(frozen=True)
class _Handed:
    """A submission whose student has no final name yet."""

    label: str
    parent: str
    submission: Submission


def find_submissions(paths: Sequence[Path], unpack_into: Path) -> list[Submission]:
    """The submissions in files, folders and zips, in the order found, each with its own student.

    Zips are unpacked below `unpack_into`, which must last as long as the submissions are used; nothing there
    is overwritten. What cannot be read is a submission with a problem. Raises GraderError for a path that
    does not exist and for a folder that holds no submission at all.
    """
    return _named(_once(one for group in _groups(paths) for one in _found(group, unpack_into)))


def _groups(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """The paths, each once; plain files of one folder that follow each other are seen together."""
    once: dict[Path, None] = {}
    for path in paths:
        if not (os.path.isfile(path) or os.path.isdir(path)):  # noqa: PTH112, PTH113 (never raise)
            raise GraderError(f"There is no file or folder {display(str(path))}; check the path.")
        # Path.absolute keeps `..`, and Path.resolve gives a link the name of its target.
        once[Path(os.path.abspath(path))] = None  # noqa: PTH100
    for _, group in itertools.groupby(once, _group):
        yield list(group)


def _group(path: Path) -> tuple[bool, Path]:
    is_plain = path.is_file() and path.suffix.lower() != ".zip"
    return is_plain, path.parent if is_plain else path


def _found(group: list[Path], unpack_into: Path) -> list[_Handed]:
    first = group[0]
    if first.is_dir():
        return _in_folder(first, unpack_into)
    if not _group(first)[0]:
        return _in_zip(first, unpack_into)
    return _in_files(group)


def _in_folder(path: Path, unpack_into: Path) -> list[_Handed]:
    folder = look(path, path.name, unpack_into)
    open_zips(folder, unpack_into)
    found = [] if folder.problem else _given(_place(folder, path.name, path))
    if not found:
        what = folder.problem or "It has no notebook and no Python file; give the notebooks or their folder."
        raise GraderError(f"{display(str(path))} holds no submission. {what}")
    return found


def _in_zip(path: Path, unpack_into: Path) -> list[_Handed]:
    place = _place(open_zip(path, path.name, unpack_into), label_of(path.name), path)
    return _given(place) or [_unreadable(place)]


def _in_files(paths: list[Path]) -> list[_Handed]:
    folder = look_beside(paths[0], paths[0].parent.name)
    folder.files |= {path.name: File(kind_of(path.name, path), path) for path in paths}
    place = _place(folder, folder.name, paths[0].parent)
    return _class(place, [path.name for path in paths], [])


def _place(folder: Folder, label: str, path: Path) -> _Place:
    return _Place(folder, label, path.parent.name, display(path.name))


def _given(place: _Place) -> list[_Handed]:
    """The submissions in a folder that was given; none if it holds no work."""
    at = place
    while only := _only_work(at.folder):
        only.remarks[:0] = at.folder.remarks
        at = at.inside(only) if only.archive else at.down(only)
        place = at if only.archive else place
    folder = at.folder
    top = _notebooks(folder) or main_scripts(_scripts(folder))
    working = [inner for inner in folder.folders.values() if _has_work(inner)]
    if folder.problem:
        return [_unreadable(place)]
    if len(top) == 1 and not any(holds(inner, "notebook") for inner in working):
        return [_one(place)]
    names = sorted({*top, *_scripts(folder)}) if _notebooks(folder) else top
    students = working if top or not working else list(folder.folders.values())
    return _remarked(_class(at, names, sorted(students, key=lambda inner: inner.name)), folder)


def _only_work(folder: Folder) -> Folder | None:
    """The folder in this one that holds all the work, if there is one."""
    working = [inner for inner in folder.folders.values() if _has_work(inner)]
    return working[0] if len(working) == 1 and not _notebooks(folder) and not _scripts(folder) else None


def _has_work(folder: Folder) -> bool:
    """Whether somebody's work is, or may be, in the folder; a link to a folder is nobody's."""
    return folder.problem not in (None, LINKED_FOLDER) or holds(folder, "notebook", "script")


def _notebooks(folder: Folder) -> list[str]:
    return [name for name, file in folder.files.items() if file.kind == "notebook"]


def _scripts(folder: Folder) -> dict[str, File]:
    return {name: file for name, file in folder.files.items() if file.kind == "script"}


def _class(place: _Place, names: Iterable[str], folders: Iterable[Folder]) -> list[_Handed]:
    """Each file a submission, but for scripts that a notebook imports; each folder a student's."""
    files = place.folder.files
    read = {name: _read(files[name], name, display(name)) for name in names}
    used = {name: files_imported(code_of(one), place.folder, name) for name, one in read.items()}
    helping = {helper.name for name in read if files[name].kind == "notebook" for helper in used[name]}
    found = [
        _Handed(label_of(name), place.label, _with_imported(one, used[name]))
        for name, one in read.items()
        if name not in helping and name != "__init__.py"
    ]
    packages = {name.partition("/")[0] for name in helping if "/" in name}
    for folder in folders:
        if folder.name not in packages:
            found += _student(place.inside(folder))
    return found


def _with_imported(submission: Submission, files: tuple[HelperFile, ...]) -> Submission:
    if not files:
        return submission
    remark = f"Taken along, since the code imports it: {some(file.name for file in files)}."
    return replace(submission, files=files, remarks=(*submission.remarks, remark))


def _student(place: _Place) -> list[_Handed]:
    """The submission in one student's folder; several, if the work is only in several folders of it."""
    at, inner = place, _with_notebooks(place)
    while len(inner) == 1:
        at = at.down(inner[0])
        inner = _with_notebooks(at)
    if not inner:
        return [_one(place)]
    return _remarked([found for one in inner for found in _student(at.inside(one))], place.folder)


def _with_notebooks(place: _Place) -> list[Folder]:
    """The folders in one that hold notebooks; none if the folder has its own."""
    folder = place.folder
    return [] if _notebooks(folder) else [i for i in folder.folders.values() if holds(i, "notebook")]


def _one(place: _Place) -> _Handed:
    """The one submission in a folder, with the other files as its helper files."""
    work = dict(walk(place.folder))
    pool = [name for name, file in work.items() if file.kind == "notebook"]
    pool = pool or main_scripts({name: file for name, file in work.items() if file.kind == "script"})
    if not pool:
        return _unreadable(place)
    read = {name: _read(work[name], name, f"{place.shown}/{display(name)}") for name in pool}
    chosen, remark = choose(read)
    if chosen is None:
        problem = Submission("", place.shown, None, "", None, problem=remark, remarks=_remarks(place.folder))
        return _Handed(place.label, place.parent, problem)
    remarks = (*_remarks(place.folder), *filter(None, [remark]))
    submission = replace(read[chosen], remarks=remarks + read[chosen].remarks)
    return _Handed(place.label, place.parent, _with_files(submission, place.folder, chosen, pool))


def _with_files(submission: Submission, folder: Folder, name: str, pool: Collection[str]) -> Submission:
    """The submission with the files around it; those outside its own folder have no place where it runs."""
    *above, own_name = name.split("/")
    own = folder
    for part in above:
        own = own.folders[part]
    files, left = files_around(own, own_name)
    prefix = name.removesuffix(own_name)
    outside = (other for other, _ in walk(folder) if not other.startswith(prefix) and other not in pool)
    packed_in = {"/".join(above[:n]) for n in range(1, len(above) + 1)}
    left += left_out((other for other in outside if other not in packed_in), "they are not in its own folder")
    return replace(submission, files=files, remarks=submission.remarks + left)


def _read(file: File, name: str, shown: str) -> Submission:
    if file.problem:
        return Submission("", shown, file.path, "", None, problem=file.problem)
    return replace(read_notebook(file.path, name.rpartition("/")[2]), name=shown)


def _unreadable(place: _Place) -> _Handed:
    """The row of a folder or zip without anything to grade in it."""
    folder = place.folder
    closed = next((one for one in _inner(folder) if one.problem and one.archive), folder)
    what = "zip" if folder.archive else "folder"
    problem = closed.problem or f"The {what} holds no notebook and no Python file; {AGAIN}."
    path = closed.archive
    sha256 = hash_of(path) if path else ""
    submission = Submission("", place.shown, path, sha256, None, problem=problem, remarks=_remarks(folder))
    return _Handed(place.label, place.parent, submission)


def _inner(folder: Folder) -> Iterator[Folder]:
    yield folder
    for inner in folder.folders.values():
        yield from _inner(inner)


def _remarks(folder: Folder) -> tuple[str, ...]:
    return tuple(remark for inner in _inner(folder) for remark in inner.remarks)


def _remarked(found: list[_Handed], folder: Folder) -> list[_Handed]:
    """What was found, the first submission telling what was skipped in the folder."""
    if not found or not folder.remarks:
        return found
    first = found[0].submission
    told = replace(first, remarks=(*folder.remarks, *first.remarks))
    return [replace(found[0], submission=told), *found[1:]]


def _once(found: Iterable[_Handed]) -> list[_Handed]:
    """What was found, each file once though it was given twice."""
    once: dict[object, _Handed] = {}
    for n, one in enumerate(found):
        once.setdefault(one.submission.path or n, one)
    return list(once.values())


def _named(found: Sequence[_Handed]) -> list[Submission]:
    names = tell_apart([(one.label, one.parent) for one in found])
    return [_renamed(found, one, *name) for one, name in zip(found, names, strict=True)]


def _renamed(found: Sequence[_Handed], one: _Handed, student: str, holder: int | None) -> Submission:
    submission = one.submission
    if holder is None:
        return replace(submission, student=student)
    other = found[holder].submission.name
    remark = f"Another submission, {other}, has the same name; this one is called {student}."
    return replace(submission, student=student, remarks=(*submission.remarks, remark))
