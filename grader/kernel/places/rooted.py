"""Without a sandbox: course paths such as /tmp lead into the work folder, and nothing else is written.

`roots` is a mapping such as {"/tmp": "<work>/tmp", "/content": "<work>/content"}. Paths that Python
handles are mapped before the call; an audit hook refuses whatever would still be created, changed
or deleted elsewhere. Programs that a notebook starts are not watched: only the course paths in
their command lines are mapped.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import posixpath
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from ..hooks import after_import, asked_by_launcher, quietly, replace
from .reading import set_os_function

_ONE_PATH = (
    *("open", "stat", "lstat", "access", "listdir", "scandir", "chdir", "readlink", "statvfs"),
    *("mkdir", "rmdir", "remove", "unlink", "truncate", "mkfifo", "mknod"),
    *("chmod", "lchmod", "chown", "lchown", "utime"),
    *("getxattr", "setxattr", "listxattr", "removexattr"),
)
_TWO_PATHS = ("rename", "replace", "link", "symlink")
# Audit events that change files: the positions of their paths, and of the directory descriptors
# these are relative to (documented in Python's "audit events table").
_WRITING_EVENTS: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "shutil.rmtree": ((0, 1),),
}
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Cell magics whose text is a shell script.
_SCRIPTS = ("bash", "sh", "script", "system", "sx", "!", "!!")
_DEVICES = ("/dev/", "/proc/self/")
# Functions of TensorFlow, OpenCV and h5py that open files outside Python, by their first argument.
_GFILE_READS = (
    *("FileExists", "IsDirectory", "GetChildren", "Stat", "GetMatchingFiles"),
    *("HasAtomicMove", "BufferedInputStream"),
)
_GFILE_WRITES = (
    *("CreateDir", "RecursivelyCreateDir", "DeleteFile", "DeleteRecursively"),
    *("CopyFile", "RenameFile", "WritableFile"),
)
_OPENCV = {"imread": False, "imwrite": True, "VideoCapture": False, "VideoWriter": True}


class Rooted:
    """Maps paths of the notebook to the work folder and knows what lies inside it."""

    def __init__(self, roots: Mapping[str, str], exempt: Iterable[str]) -> None:
        self.roots = {posixpath.normpath(r): os.path.abspath(real) for r, real in roots.items()}
        self.work = os.path.commonpath(list(self.roots.values()))
        under = [os.path.abspath(p) for p in exempt if p]
        session = os.path.dirname(self.work)
        own = [self.work, *([session] if session not in self.roots else []), *under]
        self.exempt = tuple(p for p in own if p not in self.roots and _under_any(p, self.roots))
        self._own_texts = (*self.exempt, *map(_escaped, self.exempt))
        self.inside = os.path.realpath(self.work)
        self.allowed = frozenset(os.path.realpath(a) for a in sys.argv[1:] if os.path.isabs(a))
        names = "|".join(re.escape(r) for r in sorted(self.roots, key=len, reverse=True))
        self._in_text = re.compile(rf"(?:(?<=\s-[A-Za-z])|(?<![\w.\-/~}}]))/?({names})(?![\w.\-])[\w./\-+]*")

    def mapped(self, path: str) -> str:
        """The real path for a path of the notebook; paths outside the roots stay as they are."""
        if not path.startswith("/"):
            return path
        clean = "/" + posixpath.normpath(path).lstrip("/")
        if _under_any(clean, self.exempt):
            return path
        for root, real in self.roots.items():
            if clean == root or clean.startswith(root + "/"):
                return real + clean[len(root) :] + ("/" if path.endswith("/") else "")
        return path

    def argument(self, path: Any) -> Any:
        """A path argument of any kind (text, bytes, Path), mapped; descriptors and others stay."""
        if isinstance(path, str):
            return self.mapped(path)
        if isinstance(path, bytes):
            return os.fsencode(self.mapped(os.fsdecode(path)))
        if isinstance(path, os.PathLike):
            text = os.fspath(path)
            new = self.argument(text)
            return path if new == text else new
        return path

    def text(self, command: str, for_shell: bool = True) -> str:
        """A shell command with its course paths mapped, quoted as the place in the command needs."""

        def change(match: re.Match[str]) -> str:
            if command.startswith(self._own_texts, match.start()):
                return match.group(0)
            new = self.mapped(match.group(0))
            bare = not for_shell or _is_quoted(command[: match.start()])
            return new if bare else _escaped(new)

        return self._in_text.sub(change, command)

    def may_write(self, path: Any, descriptor: Any = None, follow: bool = False) -> bool:
        """Whether a path lies in the work folder, is a device, or is a file the kernel was started with."""
        if isinstance(path, int) or path is None:
            return True
        name = os.fsdecode(path)
        if isinstance(descriptor, int) and descriptor >= 0 and not os.path.isabs(name):
            name = os.path.join(os.path.realpath(f"/proc/self/fd/{descriptor}"), name)
        name = os.path.abspath(name)
        folder, last = os.path.split(name)
        real = os.path.realpath(name) if follow else os.path.join(os.path.realpath(folder), last)
        return _under_any(real, (self.inside,)) or name.startswith(_DEVICES) or real in self.allowed

    def refuse(self, path: Any) -> None:
        """Raise the PermissionError that a notebook sees for a path outside its work folder."""
        raise PermissionError(
            f"Without a sandbox a notebook may write in its own work folder only: {os.fsdecode(path)!r} "
            "lies outside it and was left as it is."
        )


def install(rooted: Rooted) -> None:
    """Map paths in Python's own functions, in those of TensorFlow, OpenCV and h5py, and in commands."""
    tempfile.tempdir = rooted.mapped("/tmp") if "/tmp" in rooted.roots else None
    if tempfile.tempdir:
        os.environ["TMPDIR"] = tempfile.tempdir
    sys.dont_write_bytecode = True
    for name in _ONE_PATH:
        if hasattr(os, name):
            set_os_function(name, _mapping(getattr(os, name), rooted, 1))
    for name in _TWO_PATHS:
        if hasattr(os, name):
            set_os_function(name, _mapping(getattr(os, name), rooted, 2))
    builtins.open = io.open = _mapping(builtins.open, rooted, 1)
    _libraries(rooted)
    _commands(rooted)
    sys.addaudithook(_refusing(rooted))


def install_shell(rooted: Rooted, ip: Any) -> None:
    """Map course paths in `!commands` and `%%bash` cells; other magics open files through Python."""
    expand = ip.var_expand
    in_command: list[bool] = []

    def var_expand(cmd: Any, depth: int = 0, *args: Any, **kwargs: Any) -> Any:
        if not in_command:
            return expand(cmd, depth + 1, *args, **kwargs)
        # Two frames of ours lie between here and the cell whose variables are meant.
        return rooted.text(str(expand(cmd, depth + 2, *args, **kwargs)))

    def mapping(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            in_command.append(True)
            try:
                return function(*args, **kwargs)
            finally:
                in_command.pop()

        return run

    ip.var_expand = var_expand
    ip.system = mapping(ip.system)
    ip.getoutput = mapping(ip.getoutput)
    ip.run_cell_magic = _mapping_scripts(ip.run_cell_magic, rooted)


def _mapping_scripts(run_cell_magic: Callable[..., Any], rooted: Rooted) -> Callable[..., Any]:
    """`%%bash` and its like with the text of the cell mapped."""

    @functools.wraps(run_cell_magic)
    def run(*args: Any) -> Any:
        if len(args) == 3 and args[0] in _SCRIPTS:
            args = (*args[:2], rooted.text(args[2]))
        return run_cell_magic(*args)

    return run


def _mapping(function: Callable[..., Any], rooted: Rooted, count: int) -> Any:
    """The function with its first `count` arguments mapped, unless they are relative to a descriptor."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("dir_fd") is None:
            args = (*(rooted.argument(a) for a in args[:count]), *args[count:])
            for name in ("path", "src", "dst", "file"):
                if name in kwargs:
                    kwargs[name] = rooted.argument(kwargs[name])
        return function(*args, **kwargs)

    return wrapper


def _refusing(rooted: Rooted) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook: it cannot be taken away again, and every way through Python passes it."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args[:3]
            writes = bool(set(mode) & set("wax+")) if isinstance(mode, str) else bool(flags & _WRITE_FLAGS)
            if writes and not rooted.may_write(path, follow=True) and not asked_by_launcher():
                rooted.refuse(path)
        for at, folder in _WRITING_EVENTS.get(event, ()):
            descriptor = args[folder] if folder is not None and folder < len(args) else None
            path = rooted.argument(args[at]) if event.startswith("shutil") else args[at]
            if not rooted.may_write(path, descriptor) and not asked_by_launcher():
                rooted.refuse(path)

    return hook


def _libraries(rooted: Rooted) -> None:
    def gfile(module: ModuleType) -> None:
        for name in [n for n in (*_GFILE_READS, *_GFILE_WRITES) if hasattr(module, n)]:
            count = 2 if name in ("CopyFile", "RenameFile") else 1
            wrapper = _outside(getattr(module, name), rooted, name in _GFILE_WRITES, count)
            setattr(module, name, wrapper)

    def opencv(module: ModuleType) -> None:
        for name, writes in _OPENCV.items():
            if hasattr(module, name):
                setattr(module, name, _outside(getattr(module, name), rooted, writes))

    def h5py(module: ModuleType) -> None:
        module.File.__init__ = _outside_method(module.File.__init__, rooted)

    after_import("tensorflow.python.lib.io._pywrap_file_io", gfile)
    after_import("cv2", opencv)
    after_import("h5py._hl.files", h5py)
    for name in ("read_file", "matching_files", "write_file"):
        replace("tensorflow.python.ops.gen_io_ops", name, lambda f: _outside(f, rooted, False))
    after_import("tensorflow.python.ops.summary_ops_v2", lambda module: _summary(module, rooted))


def _summary(module: ModuleType, rooted: Rooted) -> None:
    for name in ("create_file_writer_v2", "create_file_writer"):
        if hasattr(module, name):
            setattr(module, name, _outside(getattr(module, name), rooted, True))


def _outside(function: Any, rooted: Rooted, writes: bool, count: int = 1) -> Any:
    """A function that opens files outside Python, where no audit hook sees it."""

    @functools.wraps(function, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        args = (*(rooted.argument(a) for a in args[:count]), *args[count:])
        if writes and args and isinstance(args[count - 1], (str, bytes)):
            _check(rooted, args[count - 1])
        return function(*args, **kwargs)

    return wrapper


def _outside_method(method: Any, rooted: Rooted) -> Any:
    @functools.wraps(method)
    def wrapper(self: Any, name: Any, mode: Any = "r", *args: Any, **kwargs: Any) -> Any:
        name = rooted.argument(name)
        if mode != "r" and isinstance(name, (str, bytes)):
            _check(rooted, name)
        return method(self, name, mode, *args, **kwargs)

    return wrapper


def _check(rooted: Rooted, path: str | bytes) -> None:
    if b"://" not in os.fsencode(path) and not rooted.may_write(path):
        rooted.refuse(path)


def _commands(rooted: Rooted) -> None:
    """Course paths in the arguments of programs that the notebook starts."""
    popen, system = subprocess.Popen.__init__, os.system

    def changed(args: Any, in_shell: bool) -> Any:
        if isinstance(args, (str, bytes)):
            return rooted.text(os.fsdecode(args)) if in_shell else rooted.argument(args)
        return [_word(rooted, a) for a in args]

    @functools.wraps(popen)
    def init(self: Any, args: Any, *rest: Any, **kwargs: Any) -> None:
        if kwargs.get("cwd") is not None:
            kwargs["cwd"] = rooted.argument(kwargs["cwd"])
        new = quietly(changed, args, bool(kwargs.get("shell")))
        popen(self, args if new is None else new, *rest, **kwargs)

    @functools.wraps(system)
    def mapped_system(command: Any) -> int:
        return system(rooted.text(os.fsdecode(command)))

    subprocess.Popen.__init__ = init  # type: ignore[method-assign]
    os.system = mapped_system


def _word(rooted: Rooted, argument: Any) -> Any:
    """One argument of a program: a path, an option such as "-O/tmp/x", or the text after `sh -c`."""
    if not isinstance(argument, str) or argument.startswith("/"):
        return rooted.argument(argument)
    return rooted.text(" " + argument, for_shell=bool(re.search(r"\s", argument)))[1:]


def _escaped(path: str) -> str:
    """A path as a shell reads it outside quotes."""
    return re.sub(r"([^\w./\-+])", r"\\\1", path)


def _is_quoted(before: str) -> bool:
    """Whether the end of this piece of shell text lies inside quotes."""
    quote = ""
    escaped = False
    for sign in before:
        if escaped:
            escaped = False
        elif sign == "\\" and quote != "'":
            escaped = True
        elif sign in "'\"" and quote in ("", sign):
            quote = "" if quote else sign
    return bool(quote)


def _under_any(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
