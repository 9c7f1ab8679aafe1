"""Lets functions that read files ask the finder, after they have failed on a missing path."""

from __future__ import annotations

import builtins
import functools
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..hooks import after_import, asked_by_library, notebook_asks_about_path, quietly, replace
from .finder import Finder

_MISSING = (FileNotFoundError, NotADirectoryError)
_SETS_OF_FUNCTIONS = ("supports_fd", "supports_dir_fd", "supports_follow_symlinks", "supports_effective_ids")


def install(finder: Finder) -> None:
    """Wrap the functions by which notebooks read files and folders; a path that exists costs nothing more."""
    for name in ("listdir", "scandir", "chdir"):
        set_os_function(name, _retrying(getattr(os, name), finder))
    set_os_function("stat", _retrying(os.stat, finder, question=True))
    set_os_function("access", _retrying_access(os.access, finder))
    set_os_function("mkdir", _made_once(os.mkdir, finder))
    set_os_function("open", _retrying(os.open, finder, reads=_reads_by_flags))
    builtins.open = io.open = _retrying(builtins.open, finder, reads=_reads_by_mode)
    _archives(finder)
    _loaders(finder)
    after_import("cv2", lambda module: _by_name(module, ("imread",), finder))
    for name in ("read_file", "matching_files"):
        replace("tensorflow.python.ops.gen_io_ops", name, lambda f: _ready(f, finder))
    replace("tensorflow.python.lib.io.file_io", "list_directory_v2", lambda f: _ready(f, finder))
    after_import(
        "tensorflow.python.lib.io._pywrap_file_io",
        lambda module: _by_name(module, ("BufferedInputStream", "CopyFile"), finder),
    )


def set_os_function(name: str, wrapper: Any) -> None:
    """Put a wrapper in `os`; what `os` says the original supports holds for the wrapper too."""
    original = getattr(os, name)
    for known in _SETS_OF_FUNCTIONS:
        if original in getattr(os, known):
            getattr(os, known).add(wrapper)
    setattr(os, name, wrapper)


def _retrying(
    function: Callable[..., Any],
    finder: Finder,
    question: bool = False,
    reads: Callable[..., bool] = lambda *a, **k: True,
) -> Any:
    """The function, tried once more with the path that the finder names when the first is missing."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except _MISSING:
            may_ask = args and kwargs.get("dir_fd") is None and reads(*args, **kwargs)
            if not may_ask or finder.is_busy or (question and not notebook_asks_about_path()):
                raise
            new = quietly(finder.find, args[0], question)
            if new is None:
                raise
        return function(new, *args[1:], **kwargs)

    return wrapper


def _retrying_access(function: Callable[..., bool], finder: Finder) -> Any:
    @functools.wraps(function)
    def wrapper(path: Any, *args: Any, **kwargs: Any) -> bool:
        if function(path, *args, **kwargs):
            return True
        if finder.is_busy or os.path.lexists(path) or not notebook_asks_about_path():
            return False
        new = quietly(finder.find, path, True)
        return new is not None and function(new, *args, **kwargs)

    return wrapper


def _made_once(function: Callable[..., None], finder: Finder) -> Any:
    """`os.mkdir` of a folder that we put there: on the student's machine it was not there yet."""

    @functools.wraps(function)
    def wrapper(path: Any, *args: Any, **kwargs: Any) -> None:
        try:
            function(path, *args, **kwargs)
        except FileExistsError:
            if not quietly(finder.made_again, path):
                raise

    return wrapper


def _reads_by_mode(file: Any, mode: Any = "r", *args: Any, **kwargs: Any) -> bool:
    return isinstance(mode, str) and not set(mode) & set("wax")


def _reads_by_flags(path: Any, flags: int, *args: Any, **kwargs: Any) -> bool:
    return not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)


def _archives(finder: Finder) -> None:
    """A missing archive is found by `open`; an empty or broken one (a download that failed) is healed."""
    zipfile.ZipFile.__init__ = _healing(zipfile.ZipFile.__init__, finder, 1)  # type: ignore[method-assign]
    tarfile.open = _healing(tarfile.open, finder, 0)
    tarfile.bltn_open = builtins.open  # type: ignore[attr-defined]
    shutil.unpack_archive = _healing(shutil.unpack_archive, finder, 0)

    is_zipfile = zipfile.is_zipfile

    @functools.wraps(is_zipfile)
    def healed_is_zipfile(filename: Any) -> bool:
        if is_zipfile(filename):
            return True
        new = None if asked_by_library() else quietly(finder.heal, filename)
        return new is not None and is_zipfile(new)

    zipfile.is_zipfile = healed_is_zipfile


def _healing(function: Callable[..., Any], finder: Finder, at: int) -> Any:
    """The function, tried once more when the archive at position `at` proves to be broken."""
    broken = (zipfile.BadZipFile, tarfile.ReadError, shutil.ReadError, EOFError)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except broken:
            new = quietly(finder.heal, args[at]) if len(args) > at else None
            if new is None:
                raise
        return function(*args[:at], new, *args[at + 1 :], **kwargs)

    return wrapper


def _loaders(finder: Finder) -> None:
    """Directory loaders of Keras: a missing or empty folder is the course's folder."""

    def legacy(module: ModuleType) -> None:
        original = module.DirectoryIterator.__init__

        @functools.wraps(original)
        def init(self: Any, directory: Any, *args: Any, **kwargs: Any) -> None:
            original(self, _loaded(finder, directory), *args, **kwargs)

        module.DirectoryIterator.__init__ = init

    after_import("keras.src.legacy.preprocessing.image", legacy)
    after_import("keras.src.utils.dataset_utils", lambda module: _index(module, finder))


def _index(module: ModuleType, finder: Finder) -> None:
    """`image_dataset_from_directory` and its sisters all list their files by this one function."""
    original = module.index_directory

    @functools.wraps(original)
    def index_directory(directory: Any, *args: Any, **kwargs: Any) -> Any:
        return original(_loaded(finder, directory), *args, **kwargs)

    module.index_directory = index_directory  # type: ignore[attr-defined]


def _loaded(finder: Finder, directory: Any) -> Any:
    found = quietly(finder.for_loader, directory)
    return directory if found is None else found


def _by_name(module: ModuleType, names: tuple[str, ...], finder: Finder) -> None:
    for name in names:
        setattr(module, name, _ready(getattr(module, name), finder))


def _ready(function: Any, finder: Finder) -> Any:
    """A function that reads by itself, outside Python: its path is looked at before, not after."""

    @functools.wraps(function, updated=())
    def wrapper(path: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(path, (str, bytes, os.PathLike)) and not os.path.exists(path):
            found = quietly(finder.find, path)
            if found is not None:
                path = os.fsencode(found) if isinstance(path, bytes) else found
        return function(path, *args, **kwargs)

    return wrapper
