"""Builds the closed room in which a kernel runs: what it sees, what it may write, and nothing else.

`session()` makes the folders of one run, `find_protection()` says what this machine can protect (each claim
is tried out, not assumed), `command()` gives the words that start a program inside. On Linux the room is made
by bubblewrap: a root folder of its own in memory, into which the system and the Python that runs us are
mounted read-only. Elsewhere the program starts plainly, in a work folder of its own.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from grader.errors import GraderError
from grader.execution.watch import MARK, family, find, memory

INSIDE = "/run/grader"
"""Where our own things lie in the sandbox; never under a folder that notebooks delete."""

WRITABLE = ("/tmp", "/content", "/home/student", "/kaggle", "/tmp2", "/var/tmp", INSIDE)
"""Plain folders of the sandbox's own root, no mounts, so that `shutil.rmtree("/tmp")` works as on Colab."""

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
"""Programs and libraries, shown as they are; the last is where NixOS keeps them."""

ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "fonts", "alternatives")
"""All that programs need of the real /etc; the rest is made up (`_write_etc`)."""

PREFIX = ("bin", "lib", "lib32", "lib64", "libexec", "include", "share", "etc", "ssl", "pyvenv.cfg")
"""All that a Python needs of its prefix, which may be a folder with other things in it, such as a clone."""

UID = "1000"
HOSTNAME = "notebook"

LONGEST_SOCKET = 100
"""Bytes of a socket's path; Linux allows 107 and macOS 103 (`sun_path` in unix(4))."""


@dataclass(frozen=True)
class Session:
    """The folders of one run, on the host; made and removed by `session()`.

    Attributes:
        folder: all below is in it; nobody else may look inside.
        kernel: room for a copy of `grader/kernel/` (as package `grader_kernel`), shown read-only.
        sockets: the kernel's unix sockets, the only thing it may write outside its own places.
        work: used without namespaces only: the kernel's `content`, `tmp`, `home`, `kaggle` and `tmp2`.

    """

    folder: Path
    kernel: Path
    sockets: Path
    work: Path

    @property
    def mark(self) -> str:
        """The word that every process of this run carries in its environment."""
        return self.folder.name


@dataclass(frozen=True)
class Places:
    """The folders of a run as the kernel itself sees them."""

    kernel: str
    sockets: str
    shims: str
    content: str
    tmp: str
    home: str
    kaggle: str
    tmp2: str


@dataclass(frozen=True)
class Share:
    """Something of the host that is shown inside, at another path."""

    source: Path
    at: str
    writable: bool = False


@dataclass(frozen=True)
class Protection:
    """What keeps student code in its place on this machine.

    Attributes:
        name: "bubblewrap", or "none" where a kernel starts plainly.
        active: sentences for reports, each tried out by `probe()`.
        missing: sentences for reports: what does not hold here, and why.
        program: bubblewrap and the options that this version of it knows.

    """

    name: Literal["bubblewrap", "none"]
    active: tuple[str, ...]
    missing: tuple[str, ...]
    program: tuple[str, ...] = ()


# The folders of a run -------------------------------------------------------------------------------


@contextlib.contextmanager
def session() -> Iterator[Session]:
    """The folders of one run; all of them are removed at the end, whatever was done to them.

    Raises:
        GraderError: there is no folder for temporary files whose path is short enough for unix sockets.

    """
    folder = Path(tempfile.mkdtemp(prefix="grader-", dir=_short_folder()))
    try:
        yield _furnish(folder)
    finally:
        _remove(folder)


def places(session: Session, protection: Protection) -> Places:
    """Where the kernel finds the folders of its run."""
    if protection.name == "none":
        work = session.work
        own = (str(session.kernel), str(session.sockets), str(session.folder / "shims"))
        return Places(*own, *(str(work / name) for name in ("content", "tmp", "home", "kaggle", "tmp2")))
    own = (f"{INSIDE}/kernel", f"{INSIDE}/s", f"{INSIDE}/shims")
    return Places(*own, "/content", "/tmp", "/home/student", "/kaggle", "/tmp2")


def seen_at(share: Share, protection: Protection) -> str:
    """Where the kernel finds what is shared; without namespaces that is where it really lies."""
    return str(share.source) if protection.name == "none" else share.at


def _short_folder() -> Path:
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        path = Path(folder).resolve()
        longest = len(os.fsencode(path / "grader-12345678" / "s" / "k-5"))
        if os.name != "posix" or (longest <= LONGEST_SOCKET and os.access(path, os.W_OK)):
            return path
    raise GraderError(
        "No writable folder for temporary files has a short path; set TMPDIR to one such as /tmp."
    )


def _furnish(folder: Path) -> Session:
    made = Session(folder, folder / "kernel", folder / "s", folder / "work")
    for name in ("kernel", "s", "shims", "etc", "absent"):
        (folder / name).mkdir()
    for name in ("content", "tmp", "home", "kaggle", "tmp2"):
        (made.work / name).mkdir(parents=True)
    _write_etc(folder / "etc")
    # An empty folder would still be imported, as a namespace package.
    error = "raise ModuleNotFoundError(f'No module named {__name__!r}', name=__name__)\n"
    (folder / "absent" / "__init__.py").write_text(error)
    return made


def _write_etc(folder: Path) -> None:
    (folder / "passwd").write_text(
        f"root:x:0:0:root:/root:/bin/sh\nstudent:x:{UID}:{UID}:student:/home/student:/bin/sh\n"
    )
    (folder / "group").write_text(f"root:x:0:\nstudent:x:{UID}:\n")
    (folder / "hosts").write_text(f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n")
    (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")


def _remove(folder: Path) -> None:
    _unlock(folder)
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists() and os.name == "posix":
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)


def _unlock(folder: Path) -> None:
    """Make every folder below writable again; links are not followed."""
    left = [str(folder)]
    while left:
        with contextlib.suppress(OSError):
            here = left.pop()
            Path(here).chmod(stat.S_IRWXU)
            with os.scandir(here) as entries:
                left += [e.path for e in entries if e.is_dir(follow_symlinks=False)]


# Starting a program inside --------------------------------------------------------------------------


def command(
    argv: Sequence[str],
    session: Session,
    shares: Sequence[Share],
    protection: Protection,
    env: Mapping[str, str],
    cwd: str,
    hidden: Sequence[Path] = (),
) -> tuple[list[str], dict[str, str]]:
    """The words and the environment that start `argv` inside, to be run with `cwd` as `started_in` says.

    Args:
        argv: the program, as seen from inside; `sys.executable` may be named as it is here.
        session: the folders of the run.
        shares: what else of the host is shown; without namespaces `seen_at()` says where it is.
        protection: what `find_protection()` found.
        env: added to an environment built from nothing: no variable of ours is passed on.
        cwd: the working directory, as seen from inside.
        hidden: folders of ours that must stay out of sight even if they lie in something shown.

    """
    around = _environment(session, protection) | dict(env)
    if protection.name == "none":
        return list(argv), around
    first = _place(argv[0]) if argv[0] == sys.executable else argv[0]
    options = (
        *("--unshare-user", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--uid", UID, "--gid", UID, "--hostname", HOSTNAME, "--proc", "/proc", "--dev", "/dev"),
        *(word for folder in (*WRITABLE, f"{INSIDE}/shims") for word in ("--dir", folder)),
    )
    mounts = _mounts(session, shares, hidden)
    closed = (word for mount in mounts if mount.how == "--tmpfs" for word in ("--remount-ro", mount.at))
    words = (word for mount in mounts for word in mount.words())
    return [*protection.program, *options, *words, *closed, "--chdir", cwd, "--", first, *argv[1:]], around


def started_in(protection: Protection, cwd: str) -> str:
    """The directory of the host in which to run what `command()` gave."""
    return cwd if protection.name == "none" else "/"


def _environment(session: Session, protection: Protection) -> dict[str, str]:
    own = places(session, protection)
    programs = str(Path(sys.executable).parent)
    base = {
        MARK: session.mark,
        "HOME": own.home,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
    if protection.name == "none":
        path = [own.shims, programs, *_system_path()]
        return base | {"PATH": os.pathsep.join(path)} | _plain_environment(own)
    path = [own.shims, _place(programs), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    python = _python()
    if python.extra:
        base["PYTHONPATH"] = os.pathsep.join(map(_place, python.extra))
    if python.user_base is not None:
        base["PYTHONUSERBASE"] = _place(python.user_base)
    return base | {"PATH": os.pathsep.join(path)}


def _plain_environment(own: Places) -> dict[str, str]:
    """What a kernel without namespaces needs beside: it ends when we do, and keeps its files together."""
    if os.name == "posix":
        return {"TMPDIR": own.tmp, "JPY_PARENT_PID": str(os.getpid())}
    needed = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS")
    kept = {name: os.environ[name] for name in needed if name in os.environ}
    return kept | {"TEMP": own.tmp, "TMP": own.tmp, "USERPROFILE": own.home}


def _system_path() -> list[str]:
    if os.name == "posix":
        return ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    root = os.environ.get("SYSTEMROOT", r"C:\Windows")
    return [rf"{root}\System32", root]


# What this machine can do ---------------------------------------------------------------------------

ALWAYS = ("time limit",)
"""What the run itself sees to, whatever protects it."""

CLAIMS = {
    "network": ("network off", "the network can be reached"),
    "files": (
        "own files: the results, the reference and other submissions are out of sight",
        "files of this machine can be read",
    ),
    "processes": ("own processes: other programs are out of sight", "other programs can be seen and ended"),
    "system": ("system and Python read-only", "the system and Python can be changed as far as our user may"),
    "user": ("unprivileged user", "runs as our own user"),
    "memory": ("memory limit", "memory limit: what the kernel uses cannot be read here"),
}
"""What `probe()` tries out: the sentence when it holds, and when it does not."""

_PROBE = """
import json, os, socket, sys
ask = json.loads(sys.argv[1])

def fails(act, *words):
    try:
        act(*words)
    except Exception:
        return True
    return False

def connect():
    socket.create_connection(("127.0.0.1", ask["port"]), 2).close()

def read(path):
    open(path).close()

def write(folder):
    path = os.path.join(folder, ask["name"])
    open(path, "x").close()
    os.remove(path)

def see():
    with open("/proc/%d/stat" % ask["pid"]) as file:
        assert file.read().split(")")[-1].split()[19] == ask["start"]

held = {
    "network": fails(connect),
    "files": all([fails(read, path) for path in ask["files"]]) and fails(__import__, "grader"),
    "processes": fails(see),
    "system": all([fails(write, os.path.dirname(p)) for p in (os.__file__, sys.executable, "/usr/bin")]),
    "user": os.getuid() != 0,
}
print(json.dumps(held), flush=True)
sys.stdin.read()
"""


@functools.cache
def find_protection() -> Protection:
    """The best protection of this machine, tried out once for each process of ours.

    Raises:
        GraderError: our own Python does not start by itself.

    """
    program = shutil.which("bwrap") if sys.platform == "linux" else None
    if program is None:
        system = "install the package bubblewrap" if sys.platform == "linux" else "it exists on Linux only"
        return _unprotected(f"bubblewrap is not there ({system})")
    protection = Protection("bubblewrap", (), (), (program, *_known_options(program)))
    held, problem = probe(protection)
    if not held:
        return _unprotected(f"bubblewrap does not start here ({problem})")
    active = tuple(CLAIMS[name][0] for name in CLAIMS if held.get(name))
    missing = tuple(CLAIMS[name][1] for name in CLAIMS if not held.get(name))
    return replace(protection, active=(*active, *ALWAYS), missing=missing)


def _unprotected(reason: str) -> Protection:
    missing = (words[1] for name, words in CLAIMS.items() if name != "memory")
    return Protection("none", ("own working directory", CLAIMS["memory"][0], *ALWAYS), (reason, *missing))


def _known_options(program: str) -> list[str]:
    """Options that came with later versions of bubblewrap and that do good where they are known."""
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
    return [option for option in ("--disable-userns",) if option in text]


def probe(protection: Protection) -> tuple[dict[str, bool], str]:
    """Start a tiny program inside that tries to get out.

    Returns:
        Which of `CLAIMS` held, and nothing when it did not start; then also the last words on why.

    """
    with session() as made, _bait() as files, socket.create_server(("127.0.0.1", 0)) as listener:
        ask = {
            "port": listener.getsockname()[1],
            "files": files,
            "pid": os.getpid(),
            "start": Path("/proc/self/stat").read_text().split(")")[-1].split()[19],
            "name": made.mark,
        }
        argv, env = command(
            [sys.executable, "-c", _PROBE, json.dumps(ask)], made, (), protection, {}, "/content"
        )
        return _ask(argv, env)


def _ask(argv: list[str], env: dict[str, str]) -> tuple[dict[str, bool], str]:
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=env, cwd="/", stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        timer = threading.Timer(60, process.kill)
        timer.start()
        line = process.stdout.readline()
        counted = memory(family(find(process.pid))) > 0
        process.stdin.close()
        last = process.stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
        timer.cancel()
    return (json.loads(line) | {"memory": counted}, "") if line else ({}, last)


@contextlib.contextmanager
def _bait() -> Iterator[list[str]]:
    """Files that must not be readable inside: in our home, beside other people's, and our own code."""
    with contextlib.ExitStack() as stack:
        files = [__file__, "/etc/shadow"]
        for folder in (Path("~"), Path(tempfile.gettempdir()), Path("/tmp")):
            with contextlib.suppress(OSError, RuntimeError):
                there = folder.expanduser()
                files.append(stack.enter_context(tempfile.NamedTemporaryFile(dir=there)).name)
        yield files


# What is shown inside -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mount:
    at: str
    how: Literal["--ro-bind", "--bind", "--symlink", "--tmpfs"]
    source: str = ""

    def words(self) -> list[str]:
        return [self.how, self.source, self.at] if self.source else [self.how, self.at]


@dataclass(frozen=True)
class _Shown:
    """Something of the host shown at the same path: `path` as programs name it, `source` without links."""

    path: str
    source: str


@dataclass(frozen=True)
class _Python:
    """What a fresh start of our interpreter looks at."""

    shown: tuple[_Shown, ...]
    links: tuple[tuple[str, str], ...]
    extra: tuple[str, ...]
    user_base: str | None


def _mounts(session: Session, shares: Sequence[Share], hidden: Sequence[Path]) -> list[_Mount]:
    """All that is mounted, outer folders first, so that what is needed is put back into what is hidden."""
    python = _python()
    hide = [*_own_folders(), *(str(folder.resolve()) for folder in hidden if folder.is_dir())]
    shown = _without_covered((*_system(), *python.shown), hide)
    absent = str(session.folder / "absent")
    mounts = [
        *_session_mounts(session),
        *(
            _Mount(share.at, "--bind" if share.writable else "--ro-bind", str(share.source))
            for share in shares
        ),
        *(mount for one in shown for mount in _show(one)),
        *(mount for one in shown for mount in _hide(one, hide, absent)),
        *(_Mount(link, "--symlink", target) for link, target in (*_system_links(), *python.links)),
    ]
    links = [mount.at for mount in mounts if mount.how == "--symlink"]
    kept = {m.at: m for m in reversed(mounts) if m.how != "--symlink" or not _below_any(m.at, links)}
    return sorted(kept.values(), key=lambda mount: mount.at.count("/"))


def _session_mounts(session: Session) -> Iterator[_Mount]:
    yield _Mount(f"{INSIDE}/kernel", "--ro-bind", str(session.kernel))
    yield _Mount(f"{INSIDE}/s", "--bind", str(session.sockets))
    for made in sorted((session.folder / "etc").iterdir()):
        yield _Mount(f"/etc/{made.name}", "--ro-bind", str(made))
    for real in (Path("/etc") / name for name in ETC):
        if real.exists():
            yield _Mount(str(real), "--ro-bind", str(real.resolve()))


def _show(one: _Shown) -> Iterator[_Mount]:
    """A mount; where notebooks may delete the folder around it, a link to a mount elsewhere."""
    at = _place(one.path)
    yield _Mount(at, "--ro-bind", one.source)
    if at != one.path:
        yield _Mount(one.path, "--symlink", at)


def _hide(one: _Shown, hide: Iterable[str], absent: str) -> Iterator[_Mount]:
    for folder in hide:
        if _below(folder, one.source):
            at = _place(one.path) + folder.removeprefix(one.source)
            is_package = folder in _own_packages()
            yield _Mount(at, "--ro-bind", absent) if is_package else _Mount(at, "--tmpfs")


def _place(path: str) -> str:
    """Where a path of the host is mounted inside: never below a folder that notebooks may delete."""
    return f"{INSIDE}/shown{path}" if _below_any(path, WRITABLE) else path


def _below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/") and path != folder


def _below_any(path: str, folders: Iterable[str]) -> bool:
    return any(_below(path, folder) for folder in folders)


def _without_covered(shown: Sequence[_Shown], hide: Sequence[str]) -> list[_Shown]:
    """Only what is not shown already as part of something else."""
    return [one for one in dict.fromkeys(shown) if not any(_covers(other, one, hide) for other in shown)]


def _covers(outer: _Shown, inner: _Shown, hide: Sequence[str]) -> bool:
    rest = inner.path.removeprefix(outer.path)
    return (
        _below(inner.path, outer.path)
        and inner.source == outer.source + rest
        and not any(_below(h, outer.source) and (inner.source == h or _below(inner.source, h)) for h in hide)
    )


def _system() -> Iterator[_Shown]:
    for folder in SYSTEM:
        if Path(folder).is_dir() and not Path(folder).is_symlink():
            yield _Shown(folder, str(Path(folder).resolve()))


def _system_links() -> Iterator[tuple[str, str]]:
    for folder in SYSTEM:
        if Path(folder).is_symlink():
            yield folder, str(Path(folder).readlink())


# The Python that runs us ----------------------------------------------------------------------------


@functools.cache
def _python() -> _Python:
    """Prefixes, package folders and the links that lead to the interpreter; they may lie anywhere.

    Raises:
        GraderError: the interpreter does not start by itself.

    """
    fresh, user_base = _fresh_path()
    told = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if _is_package_folder(p)]
    prefixes = dict.fromkeys((sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix))
    parts = (f"{prefix.rstrip('/')}/{part}" for prefix in prefixes if prefix != "/" for part in PREFIX)
    folders = [p for p in (*fresh, *told) if _may_be_shown(p)]
    paths = [p for p in dict.fromkeys((*parts, *folders)) if Path(p).exists()]
    shown = tuple(one for path in paths for one in _both_names(path))
    user = user_base if user_base is not None and any(_below(p, user_base) for p in fresh) else None
    links = tuple(link for link in _links(sys.executable) if _is_link_needed(link[0], (*_system(), *shown)))
    # What a .pth file names under /tmp must still be found when a notebook has deleted that.
    found = (*prefixes, *((user,) if user else ()))
    extra = [p for p in folders if p in told or (_place(p) != p and not _below_any(p, found))]
    return _Python(shown, links, tuple(extra), user)


def _fresh_path() -> tuple[list[str], str | None]:
    """`sys.path` and the user's package folder as a fresh interpreter has them, without what we added."""
    ask = (
        "import json, site, sys; print(json.dumps([sys.path, site.ENABLE_USER_SITE and site.getuserbase()]))"
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", ask], env=env, cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise GraderError(f"{sys.executable} does not start by itself; install grader into a working Python.")
    path, user_base = json.loads(done.stdout.splitlines()[-1])
    return path, user_base or None


def _is_package_folder(path: str) -> bool:
    return Path(path).name in ("site-packages", "dist-packages") and Path(path).is_dir()


def _may_be_shown(path: str) -> bool:
    """Not a clone of ours (an editable install puts it on the path), nor a folder around everything."""
    source = str(Path(path).resolve())
    ours = any(source == own or _below(source, own) for own in _own_folders())
    around = any(path == folder or _below(folder, path) for folder in (*WRITABLE, "/"))
    return Path(path).is_absolute() and not around and (_is_package_folder(path) or not ours)


def _both_names(path: str) -> Iterator[_Shown]:
    source = str(Path(path).resolve())
    yield _Shown(path, source)
    if source != path:
        yield _Shown(source, source)


def _links(path: str) -> Iterator[tuple[str, str]]:
    """Every link that is followed on the way to a file, with what it says."""
    here, left = Path("/"), list(Path(path).parts[1:])
    for _ in range(1000):
        if not left:
            return
        name = left.pop(0)
        step = here.parent if name == ".." else here / name
        if not step.is_symlink():
            here = step
            continue
        target = step.readlink()
        yield str(step), str(target)
        here = Path("/") if target.is_absolute() else here
        left = [part for part in target.parts if part != "/"] + left


def _is_link_needed(link: str, shown: Sequence[_Shown]) -> bool:
    return not any(_below(link, one.path) or _below(one.path, link) or one.path == link for one in shown)


def _package() -> Path:
    return Path(__file__).resolve().parents[1]


@functools.cache
def _own_folders() -> tuple[str, ...]:
    """The clone that we run from or that our Python lies in; without a clone, our package folder."""
    around = (_package().parent, *Path(sys.prefix).resolve().parents)
    clones = dict.fromkeys(str(folder) for folder in around if _is_clone(folder))
    return (*clones, *_own_packages())


@functools.cache
def _own_packages() -> tuple[str, ...]:
    """Our package, and what an installation puts under its name: an editable one adds the assignments."""
    installed = (Path(entry).resolve() / _package().name for entry in sys.path if _is_package_folder(entry))
    return tuple(dict.fromkeys(map(str, (_package(), *filter(Path.is_dir, installed)))))


def _is_clone(folder: Path) -> bool:
    return (folder / "pyproject.toml").is_file() and (folder / "grader" / "kernel").is_dir()
