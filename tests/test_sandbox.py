"""The closed room, tried out for real: student code inside it, kernels started in it, memory watched."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

import grader
from grader.errors import GraderError
from grader.evidence import Ending
from grader.execution.provisioner import connection_file, started_kernel
from grader.execution.sandbox import (
    CLAIMS,
    Protection,
    Session,
    Share,
    command,
    find_protection,
    places,
    seen_at,
    session,
    started_in,
)
from grader.execution.watch import MARK, Watch, end_all, family, find, marked, memory

PACKAGE = Path(grader.__file__).resolve().parent
UNPROTECTED = Protection("none", (), ("tests run it plainly",))
KERNEL = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
NOBODY = 65534
MIB = 2**20

FACTS = """
import importlib.util, json, os, socket, sys
ask = json.loads(sys.argv[1])

def tried(act):
    try:
        return act()
    except Exception as problem:
        return type(problem).__name__

def connect(address):
    with socket.create_connection(address, 2):
        return "reached"

def read(path):
    with open(path, "rb") as file:
        file.read(1)
    return "read"

def write(folder):
    path = os.path.join(folder, ask["name"])
    open(path, "x").close()
    os.remove(path)
    return "written"

def seen(pid, start):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().split(")")[-1].split()[19] == start

def imported(name):
    __import__(name)
    return "imported"

print(json.dumps({
    "tcp": tried(lambda: connect(("127.0.0.1", ask["port"]))),
    "dns": tried(lambda: socket.getaddrinfo("example.org", 80) and "found"),
    "read": {path: tried(lambda: read(path)) for path in ask["files"]},
    "write": {path: tried(lambda: write(path)) for path in ask["folders"]},
    "parent": tried(lambda: seen(ask["pid"], ask["start"])) is True,
    "import": {name: tried(lambda: imported(name)) for name in ask["modules"]},
    "stdlib": tried(lambda: write(os.path.dirname(os.__file__))),
    "uid": os.getuid(),
    "cwd": os.getcwd(),
    "env": dict(os.environ),
}))
"""

DRIVER = """
import asyncio, json, os, sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from grader.execution.provisioner import started_kernel
from grader.execution.sandbox import command, find_protection, session
from grader.execution.watch import Watch, marked
import subprocess
ask = json.loads(sys.argv[1])

def facts():
    ask["facts"]["pid"], ask["facts"]["start"] = os.getpid(), start(os.getpid())
    with session() as made:
        words = [sys.executable, "-c", ask["program"], json.dumps(ask["facts"])]
        hidden = [Path(path) for path in ask.get("hidden", ())]
        argv, env = command(words, made, (), find_protection(), {}, "/content", hidden)
        done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

def start(pid):
    return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[19]

async def kernel(limit, *sources):
    words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    with session() as made:
        async with started_kernel(words, made, (), find_protection(), {}) as (manager, client):
            with Watch(manager.provisioner.pid, made.mark, limit) as watch:
                runner = NotebookClient(nbformat.v4.new_notebook(cells=cells), km=manager)
                runner.kc = client
                try:
                    await runner.async_execute()
                except DeadKernelError:
                    pass
        left = [process.pid for process in marked(made.mark)]
    texts = ["".join(output.get("text", "") for output in cell.outputs) for cell in cells]
    return {"texts": texts, "left": left, "ending": watch.ending and watch.ending.value, "peak": watch.peak}

result = {"protection": find_protection().name, "missing": find_protection().missing, "facts": facts()}
if ask.get("kernel"):
    result["kernel"] = asyncio.run(kernel(None, "import os; os.system('sleep 1000 &'); print(os.getuid())"))
    result["hog"] = asyncio.run(kernel(300 * 2**20, "hog = [b'x' * 2**20 for _ in range(1500)]; print(1)"))
print(json.dumps(result))
"""


@pytest.fixture(scope="session")
def bubblewrap() -> Protection:
    """The protection of this machine, if it has one."""
    protection = find_protection()
    if protection.name != "bubblewrap":
        pytest.skip(protection.missing[0])
    return protection


@pytest.fixture(params=["bubblewrap", "none"])
def protection(request: pytest.FixtureRequest) -> Protection:
    """Each of the two ways in which a kernel can be started."""
    if request.param == "none":
        return UNPROTECTED
    found: Protection = request.getfixturevalue("bubblewrap")
    return found


@pytest.fixture
def made() -> Iterator[Session]:
    """The folders of one run."""
    with session() as folders:
        yield folders


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A new folder whose path is short, as unix sockets want it, and has a space in it."""
    with tempfile.TemporaryDirectory(prefix="a b ") as folder:
        yield Path(folder)


def run_inside(
    words: list[str],
    made: Session,
    protection: Protection,
    shares: tuple[Share, ...] = (),
    pass_fds: tuple[int, ...] = (),
) -> str:
    """What a program printed that was started inside."""
    cwd = places(made, protection).content
    argv, env = command(words, made, shares, protection, {}, cwd)
    done = subprocess.run(
        argv,
        env=env,
        cwd=started_in(protection, cwd),
        capture_output=True,
        text=True,
        check=False,
        pass_fds=pass_fds,
    )
    assert (0, "") == (done.returncode, done.stderr)

    return done.stdout


def start_of(pid: int) -> str:
    """When a process started, in ticks since the machine did: with its number, this names it."""
    return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[19]


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something becomes true before long."""
    deadline = time.monotonic() + 20
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# Student code inside --------------------------------------------------------------------------------


def tried_out(made: Session, protection: Protection, files: list[str]) -> dict[str, Any]:
    """What a program inside found out about this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ask = {
            "port": listener.getsockname()[1],
            "files": files,
            "folders": ["/usr/bin", "/etc"],
            "name": made.mark,
            "pid": os.getpid(),
            "start": start_of(os.getpid()),
            "modules": ["grader", "ipykernel"],
        }
        printed = run_inside([sys.executable, "-c", FACTS, json.dumps(ask)], made, protection)
    facts: dict[str, Any] = json.loads(printed)
    return facts


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Files that are there and must not be seen: under /tmp, in our home, and of the project itself."""
    with contextlib.ExitStack() as stack:
        folders = [str(tmp_path_factory.mktemp("results")), "/tmp", str(Path.home())]
        writable = [folder for folder in folders if os.access(folder, os.W_OK)]
        files = [stack.enter_context(tempfile.NamedTemporaryFile(dir=folder)).name for folder in writable]
        yield [*files, str(PACKAGE / "errors.py"), __file__]


@pytest.fixture(scope="module")
def inside(bubblewrap: Protection, canaries: list[str]) -> Iterator[dict[str, Any]]:
    """What a program finds out in the sandbox, while we have a secret in our environment."""
    with pytest.MonkeyPatch.context() as patch, session() as made:
        patch.setenv("GRADER_TEST_SECRET", "swordfish")
        yield tried_out(made, bubblewrap, [*canaries, "/etc/shadow"])


@pytest.fixture(scope="module")
def outside(canaries: list[str]) -> Iterator[dict[str, Any]]:
    """What the same program finds out without one."""
    with session() as made:
        yield tried_out(made, UNPROTECTED, canaries)


def test_every_claim_is_tried_out(bubblewrap: Protection) -> None:
    """Where bubblewrap works, everything that a report may claim held when it was tried."""
    claims = {held for held, _ in CLAIMS.values()}

    assert set() == claims - set(bubblewrap.active)
    assert () == bubblewrap.missing


def test_the_network_is_off(inside: dict[str, Any]) -> None:
    """A listener of the parent on 127.0.0.1 is not reached, and no name is looked up."""
    assert ("ConnectionRefusedError", "gaierror") == (inside["tcp"], inside["dns"])


def test_files_of_the_host_are_out_of_sight(inside: dict[str, Any]) -> None:
    """Files in /tmp, home, a results folder, the project and /etc/shadow are not there."""
    assert {"FileNotFoundError"} == set(inside["read"].values())


def test_other_programs_are_out_of_sight(inside: dict[str, Any]) -> None:
    """The parent's process cannot be seen."""
    assert inside["parent"] is False


def test_system_and_python_cannot_be_changed(inside: dict[str, Any]) -> None:
    """Neither /usr nor the folder of the standard library can be written."""
    assert ("OSError", "OSError") == (inside["write"]["/usr/bin"], inside["stdlib"])


def test_student_code_is_nobody_special(inside: dict[str, Any]) -> None:
    """The program is not root, and starts where a notebook of Colab would."""
    assert (1000, "/content") == (inside["uid"], inside["cwd"])


def test_our_package_is_not_there(inside: dict[str, Any]) -> None:
    """`import grader` fails, while what kernels need is there."""
    assert {"grader": "ModuleNotFoundError", "ipykernel": "imported"} == inside["import"]


def test_no_variable_of_ours_leaks(inside: dict[str, Any]) -> None:
    """The environment holds what we put there and nothing else."""
    expected = {MARK, "HOME", "USER", "LOGNAME", "LANG", "TZ", "PATH", "PWD", "PYTHONPATH", "PYTHONUSERBASE"}

    assert set() == set(inside["env"]) - expected
    assert "/home/student" == inside["env"]["HOME"]
    assert "/run/grader/shims" == inside["env"]["PATH"].split(":")[0]


def test_the_same_attempts_succeed_outside(outside: dict[str, Any]) -> None:
    """The attempts above would have noticed: without a sandbox they succeed."""
    assert "reached" == outside["tcp"]
    assert {"read"} == set(outside["read"].values())
    assert outside["parent"] is True


def test_without_namespaces_no_variable_of_ours_leaks_either(
    outside: dict[str, Any], monkeypatch: pytest.MonkeyPatch, made: Session
) -> None:
    """Unprotected too, the environment is built from nothing and home lies in the work folder."""
    monkeypatch.setenv("GRADER_TEST_SECRET", "swordfish")
    _, env = command(["true"], made, (), UNPROTECTED, {"ADDED": "1"}, "/")

    assert "GRADER_TEST_SECRET" not in env
    assert ("1", str(made.work / "home")) == (env["ADDED"], env["HOME"])
    assert outside["cwd"].endswith("/work/content")


def test_a_notebook_may_delete_its_tmp(made: Session, bubblewrap: Protection, tmp_path: Path) -> None:
    """`shutil.rmtree("/tmp")` works, Python goes on working, and the /tmp of the host is untouched."""
    kept = tmp_path / "kept"
    kept.touch()
    program = """if True:
        import os, shutil
        assert os.uname().nodename == "notebook"
        open("/tmp/mine", "w").close()
        for folder in ("/tmp", "/tmp2", "/kaggle"):
            shutil.rmtree(folder)
        import zmq
        print(os.path.exists("/tmp"))
    """

    assert "False\n" == run_inside([sys.executable, "-c", program], made, bubblewrap)
    assert kept.exists()


def test_only_descriptors_handed_over_are_open(made: Session, protection: Protection, tmp_path: Path) -> None:
    """A program inherits the standard streams and what it was given, not what else we have open."""
    given, other = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    os.set_inheritable(other, True)
    program = "import os; print([n for n in range(256) if os.path.exists(f'/proc/self/fd/{n}')])"
    try:
        printed = run_inside([sys.executable, "-c", program], made, protection, pass_fds=(given,))
    finally:
        os.close(given)
        os.close(other)

    assert [0, 1, 2, given] == json.loads(printed)


def test_what_is_shared_is_there(made: Session, bubblewrap: Protection, short_folder: Path) -> None:
    """A share is seen at its place, read-only unless it was said otherwise; spaces do no harm."""
    (short_folder / "asked.txt").write_text("question")
    shares = (Share(short_folder, "/run/grader/a b"), Share(short_folder, "/content/out", writable=True))
    program = """if True:
        from pathlib import Path
        Path("/content/out/answer.txt").write_text(Path("/run/grader/a b/asked.txt").read_text() + "!")
        try:
            Path("/run/grader/a b/answer.txt").write_text("")
        except OSError as problem:
            print(problem.strerror)
    """
    printed = run_inside([sys.executable, "-c", program], made, bubblewrap, shares)

    assert ("Read-only file system\n", "question!") == (printed, (short_folder / "answer.txt").read_text())


def test_without_namespaces_a_share_is_where_it_is(bubblewrap: Protection) -> None:
    """`seen_at` tells where the kernel finds a share: at its place, or where it really lies."""
    share = Share(Path("/data/faces.zip"), "/run/grader/faces.zip")

    assert "/run/grader/faces.zip" == seen_at(share, bubblewrap)
    assert "/data/faces.zip" == seen_at(share, UNPROTECTED)


def test_nothing_survives_a_killed_parent(bubblewrap: Protection) -> None:
    """When the grader is killed outright, what runs in its sandbox is gone too."""
    program = """if True:
        import subprocess, sys, time
        from grader.execution.sandbox import command, find_protection, session
        sleep = "import os, time; os.fork(); os.setsid() if os.getpid() > 2 else 0; time.sleep(1000)"
        with session() as made:
            argv, env = command([sys.executable, "-c", sleep], made, (), find_protection(), {}, "/content")
            with subprocess.Popen(argv, env=env):
                print(made.mark, made.folder, flush=True)
                time.sleep(1000)
    """
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=env
    ) as parent:
        assert parent.stdout is not None
        mark, _, folder = parent.stdout.readline().strip().partition(" ")
        started = eventually(lambda: len(marked(mark)) == 4)
        parent.kill()
    gone = eventually(lambda: not marked(mark))
    shutil.rmtree(folder)

    assert (True, True) == (started, gone)


# Where Python and the project may lie ---------------------------------------------------------------


def tiny_venv(folder: Path, python: str = sys.executable) -> Path:
    """A virtual environment in this folder that sees our packages through a .pth file; its package folder."""
    if python == sys.executable:
        venv.create(folder, symlinks=True, with_pip=False)
    else:
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (packages / "ours.pth").write_text("".join(f"{path}\n" for path in ours))
    return packages


def clone_into(folder: Path) -> Path:
    """A copy of the project as a clone of it would be, with things that students must not see."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / "grader", ignore=ignore)
    (folder / "pyproject.toml").touch()
    for name in ("reference/answer.ipynb", "assignments/one/assignment.toml"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("secret")
    return folder


def install(clone: Path, packages: Path, form: str) -> list[str]:
    """Install the project from its clone as pip would; the files that must be out of sight."""
    secrets = [str(clone / name) for name in ("reference/answer.ipynb", "assignments/one/assignment.toml")]
    if form == "editable":
        (packages / "_grader.pth").write_text(f"{clone}\n")
        return [*secrets, str(clone / "grader" / "errors.py")]
    shutil.copytree(clone / "grader", packages / "grader")
    (packages / "grader-0.1.0.dist-info").mkdir()
    return [*secrets, str(packages / "grader" / "errors.py")]


def drive(python: Path, ask: dict[str, Any], **how: Any) -> dict[str, Any]:
    """What the driver found out, run by this Python as if it were the grader."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        facts = {"port": listener.getsockname()[1], "folders": ["/usr/bin"], "name": "probe", **ask["facts"]}
        words = [str(python), "-c", DRIVER, json.dumps({**ask, "facts": facts, "program": FACTS})]
        done = subprocess.run(words, cwd="/", capture_output=True, text=True, check=False, **how)
    assert 0 == done.returncode, done.stderr

    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(params=["hidden home", "tmp", "inside the clone", "with a space"])
def clone_and_venv(request: pytest.FixtureRequest) -> Iterator[tuple[Path, Path]]:
    """A clone and a place for a virtual environment, in each place where people have them."""
    if request.param == "hidden home" and not os.access(Path.home(), os.W_OK):
        pytest.skip("This user's home cannot be written.")
    around = str(Path.home()) if request.param == "hidden home" else "/tmp"
    with tempfile.TemporaryDirectory(dir=around, prefix=".grader-") as folder:
        clone = clone_into(Path(folder) / ("my clone" if request.param == "with a space" else "clone"))
        place = {"inside the clone": clone / ".venv", "with a space": Path(folder) / "my venv"}
        yield clone, place.get(request.param, Path(folder) / "venv")


@pytest.mark.parametrize("form", ["editable", "wheel"])
def test_python_may_lie_anywhere(
    clone_and_venv: tuple[Path, Path], form: str, bubblewrap: Protection
) -> None:
    """Wherever clone and environment lie, packages are there and the project is out of sight."""
    clone, place = clone_and_venv
    packages = tiny_venv(place)
    secrets = install(clone, packages, form)
    (packages / "course_helper.py").touch()
    ask = {"files": secrets, "modules": ["grader", "ipykernel", "course_helper"]}
    found = drive(place / "bin" / "python", {"facts": ask})

    expected = {"grader": "ModuleNotFoundError", "ipykernel": "imported", "course_helper": "imported"}
    assert ("bubblewrap", []) == (found["protection"], found["missing"])
    assert expected == found["facts"]["import"]
    assert {"FileNotFoundError"} == set(found["facts"]["read"].values())


def test_a_clone_in_something_shown_is_hidden(bubblewrap: Protection, short_folder: Path) -> None:
    """A clone under the prefix is hidden, with results beside it, and packages inside it are put back."""
    packages = tiny_venv(short_folder / "venv")
    clone = clone_into(short_folder / "venv" / "lib" / "clone")
    needed, results = clone / "deps" / "site-packages", short_folder / "venv" / "share" / "results"
    for folder in (needed, results):
        folder.mkdir(parents=True)
    (needed / "course_helper.py").touch()
    (results / "grade.json").touch()
    secrets = [*install(clone, packages, "editable"), str(results / "grade.json")]
    (packages / "deps.pth").write_text(f"{needed}\n")
    ask = {"files": secrets, "modules": ["grader", "course_helper"]}
    found = drive(short_folder / "venv" / "bin" / "python", {"facts": ask, "hidden": [str(results)]})

    assert "bubblewrap" == found["protection"]
    assert {"grader": "ModuleNotFoundError", "course_helper": "imported"} == found["facts"]["import"]
    assert {"FileNotFoundError"} == set(found["facts"]["read"].values())


def python_for_everybody() -> str | None:
    """A Python of our version that any user of this machine may start."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (os.path.realpath(sys.executable), f"/usr/bin/python{version}"):
        with contextlib.suppress(OSError):
            done = subprocess.run(
                [python, "-c", "import venv"], user=NOBODY, group=NOBODY, check=False, capture_output=True
            )
            if done.returncode == 0:
                return python
    return None


def test_an_ordinary_user_is_protected_as_root_is(bubblewrap: Protection) -> None:
    """Everything holds for an ordinary user too: claims, kernels, the memory limit, and a clean end."""
    python = python_for_everybody() if os.getuid() == 0 else None
    if python is None:
        pytest.skip("Only root can become another user, and that one needs a Python it can reach.")
    with tempfile.TemporaryDirectory(dir="/tmp", prefix=".grader-") as folder:
        Path(folder).chmod(0o755)
        place, clone = Path(folder) / "venv", clone_into(Path(folder) / "clone")
        packages = tiny_venv(place, python)
        ask = {"files": install(clone, packages, "editable"), "modules": ["grader", "ipykernel"]}
        found = drive(
            place / "bin" / "python",
            {"facts": ask, "kernel": True},
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            env={"PATH": os.defpath, "HOME": "/nonexistent"},
        )

    assert ("bubblewrap", []) == (found["protection"], found["missing"])
    assert {"grader": "ModuleNotFoundError", "ipykernel": "imported"} == found["facts"]["import"]
    assert {"FileNotFoundError"} == set(found["facts"]["read"].values())
    assert ("ConnectionRefusedError", False) == (found["facts"]["tcp"], found["facts"]["parent"])
    assert (["1000\n"], [], None) == tuple(found["kernel"][name] for name in ("texts", "left", "ending"))
    assert ([""], [], "out-of-memory") == tuple(found["hog"][name] for name in ("texts", "left", "ending"))


# The folders of a run -------------------------------------------------------------------------------


def test_nobody_else_may_look_into_a_run(made: Session) -> None:
    """The folder of a run is ours alone, and its path leaves room for unix sockets."""
    assert 0o700 == made.folder.stat().st_mode & 0o777
    assert len(os.fsencode(made.sockets / "k-5")) <= 100


def test_a_long_folder_for_temporary_files_is_avoided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where TMPDIR is too long for unix sockets, a shorter folder is taken."""
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with session() as made:
        inside_long = long in made.folder.parents

    assert inside_long is False


def test_whatever_a_run_leaves_is_removed(tmp_path: Path) -> None:
    """Read-only files, locked folders and very deep ones do not survive; what a link points to does."""
    (tmp_path / "kept").touch()
    with session() as made:
        locked = made.work / "content" / "locked"
        (locked / "inner").mkdir(parents=True)
        (locked / "inner" / "file").touch(0o400)
        (locked / "link").symlink_to(tmp_path)
        (locked / "inner").chmod(0)
        locked.chmod(0)
        make_deep(made.work / "tmp", 3000)

    assert (False, True) == (made.folder.exists(), (tmp_path / "kept").exists())


def make_deep(folder: Path, depth: int) -> None:
    """Folders in folders, deeper than a path may be long."""
    program = f"import os\nfor _ in range({depth}):\n    os.mkdir('d'); os.chdir('d')"
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)


def test_no_posix_module_is_imported() -> None:
    """The modules of `grader/execution/` can be imported on Windows."""
    posix = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
    trees = [ast.parse(path.read_text()) for path in (PACKAGE / "execution").glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}

    assert set() == posix & names


# Kernels --------------------------------------------------------------------------------------------


def run_cells(
    made: Session,
    protection: Protection,
    *sources: str,
    limit: int | None = None,
    pass_fds: tuple[int, ...] = (),
    beside: Callable[[Any], Any] | None = None,
) -> tuple[list[str], Watch]:
    """What the cells printed or raised, run by nbclient as it is, and what the watch saw."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)

    async def go() -> Watch:
        started = started_kernel(KERNEL, made, (), protection, {}, pass_fds)
        async with started as (manager, client):
            assert manager.provisioner is not None
            with Watch(manager.provisioner.pid, made.mark, limit) as watch:  # type: ignore[attr-defined]
                runner = NotebookClient(notebook, km=manager, allow_errors=True)
                runner.kc = client
                task = asyncio.ensure_future(beside(manager)) if beside else None
                with contextlib.suppress(DeadKernelError):
                    await runner.async_execute()
                if task is not None:
                    await task
            return watch

    watch = asyncio.run(go())
    return ["".join(o.get("text") or o.get("ename", "") for o in cell.outputs) for cell in cells], watch


def test_a_kernel_runs_cells_and_nothing_is_left(made: Session, protection: Protection) -> None:
    """Nbclient runs cells in its folder; a child that detached itself is gone when the kernel is."""
    detach = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
os.wait()
print(os.getcwd())
"""
    seen: set[int] = set()

    async def count(manager: Any) -> None:
        while len(seen) < 2:
            seen.update(p.pid for p in marked(made.mark) if "python" in p.name())
            await asyncio.sleep(0.05)

    printed, _ = run_cells(made, protection, detach, beside=count)

    assert [f"{places(made, protection).content}\n"] == printed
    assert len(seen) >= 2
    assert set() == marked(made.mark)


def test_nothing_is_left_when_the_grader_fails(made: Session, protection: Protection) -> None:
    """An error of ours while a kernel runs ends the kernel as well."""

    async def fail() -> None:
        async with started_kernel(KERNEL, made, (), protection, {}) as (manager, _):
            assert await manager.is_alive()
            raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        asyncio.run(fail())

    assert set() == marked(made.mark)


def test_a_cancelled_run_ends_its_kernel(made: Session, protection: Protection) -> None:
    """Cancelling the task that holds a kernel leaves nothing running."""

    async def cancel() -> None:
        running = asyncio.Event()

        async def hold() -> None:
            async with started_kernel(KERNEL, made, (), protection, {}):
                running.set()
                await asyncio.sleep(1000)

        task = asyncio.create_task(hold())
        await running.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert set() == marked(made.mark)


def test_the_death_of_a_kernel_is_noticed(made: Session, protection: Protection) -> None:
    """A cell that ends its own process raises DeadKernelError, and no new kernel is started."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import os; os._exit(3)")])

    async def go() -> bool:
        async with started_kernel(KERNEL, made, (), protection, {}) as (manager, client):
            runner = NotebookClient(notebook, km=manager)
            runner.kc = client
            with pytest.raises(DeadKernelError):
                await runner.async_execute()
            return bool(await manager.is_alive())

    assert asyncio.run(go()) is False


def test_an_endless_cell_can_be_interrupted(made: Session, protection: Protection) -> None:
    """`interrupt_kernel()` ends `while True: pass`, and the next cell runs."""
    reading, writing = os.pipe()

    async def interrupt(manager: Any) -> None:
        await asyncio.to_thread(os.read, reading, 1)
        await manager.interrupt_kernel()

    endless = f"import os; os.write({writing}, b'.')\nwhile True: pass"
    printed, _ = run_cells(made, protection, endless, "print('on')", pass_fds=(writing,), beside=interrupt)
    os.close(reading)
    os.close(writing)

    assert ["KeyboardInterrupt", "on\n"] == printed


def test_a_plain_kernel_ends_when_the_grader_is_killed() -> None:
    """Without namespaces too, a kernel notices that its grader is gone and ends."""
    program = """if True:
        import asyncio, sys
        from grader.execution.provisioner import started_kernel
        from grader.execution.sandbox import Protection, session
        words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        async def hold(made):
            async with started_kernel(words, made, (), Protection("none", (), ()), {}):
                print(made.mark, made.folder, flush=True)
                await asyncio.sleep(1000)
        with session() as made:
            asyncio.run(hold(made))
    """
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as parent:
        assert parent.stdout is not None
        mark, _, folder = parent.stdout.readline().strip().partition(" ")
        started = len(marked(mark))
        parent.kill()
    gone = eventually(lambda: not marked(mark))
    shutil.rmtree(folder)

    assert (1, True) == (started, gone)


def test_a_kernel_writes_to_what_it_was_given(made: Session, protection: Protection) -> None:
    """A descriptor that was passed has the same number inside, and ends when the kernel does."""
    reading, writing = os.pipe()
    kept: list[bytes] = []
    reader = threading.Thread(target=lambda: kept.extend(iter(lambda: os.read(reading, 100), b"")))
    reader.start()
    try:
        run_cells(made, protection, f"import os; os.write({writing}, b'fact')", pass_fds=(writing,))
    finally:
        os.close(writing)
    reader.join()
    os.close(reading)

    assert [b"fact"] == kept


def test_paths_with_spaces_work(
    short_folder: Path, protection: Protection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel starts in folders whose names have spaces."""
    monkeypatch.setattr(tempfile, "tempdir", str(short_folder))
    with session() as made:
        printed, _ = run_cells(made, protection, "print(6 * 7)")

        assert (["42\n"], short_folder) == (printed, made.folder.parent)


def test_a_kernel_that_does_not_start_says_why(made: Session, protection: Protection) -> None:
    """When the program ends before it answers, the error has its last words and what to do."""
    argv = [sys.executable, "-c", "raise SystemExit('no TensorFlow here')", "{connection_file}"]

    async def go() -> None:
        async with started_kernel(argv, made, (), protection, {}):
            pass

    with pytest.raises(GraderError) as caught:
        asyncio.run(go())

    expected = "The kernel did not start (no TensorFlow here); see what `grader doctor` says."
    assert expected == str(caught.value)


def test_the_kernel_never_sees_the_file_we_read(made: Session, bubblewrap: Protection) -> None:
    """The kernel's connection file is another one than ours, and it cannot change it."""
    path = connection_file(made, bubblewrap)
    printed, _ = run_cells(
        made, bubblewrap, f"print(open({path!r}).read().count('/run/grader/s/k'))", f"open({path!r}, 'a')"
    )

    assert ["1\n", "OSError"] == printed


# Memory ---------------------------------------------------------------------------------------------


def test_a_memory_hog_is_ended(made: Session, protection: Protection) -> None:
    """A cell that uses more than the limit is ended, and the watch says why and how much it was."""
    hog = "hog = [b'x' * 2**20 for _ in range(1500)]; print('fed')"
    printed, watch = run_cells(made, protection, hog, limit=300 * MIB)

    assert ([""], Ending.OUT_OF_MEMORY) == (printed, watch.ending)
    assert watch.peak > 300 * MIB


def test_files_in_a_sandbox_count_as_memory(made: Session, bubblewrap: Protection) -> None:
    """The sandbox keeps its files in memory, so a notebook that fills its /tmp is ended too."""
    fill = "with open('/tmp/big', 'wb') as f:\n    for _ in range(1500): f.write(bytes(2**20))\nprint('full')"
    _, watch = run_cells(made, bubblewrap, fill + "\nimport time; time.sleep(60)", limit=400 * MIB)

    assert Ending.OUT_OF_MEMORY == watch.ending
    assert watch.peak > 400 * MIB


def test_a_modest_notebook_is_left_alone(made: Session, protection: Protection) -> None:
    """Below the limit nothing ends, and the peak is known."""
    printed, watch = run_cells(
        made,
        protection,
        "some = b'x' * 2**27",
        "import time; time.sleep(1); print(len(some))",
        limit=2048 * MIB,
    )

    assert (["", f"{2**27}\n"], None) == (printed, watch.ending)
    assert 128 * MIB < watch.peak < 1024 * MIB


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="This system does not tell PSS.")
def test_shared_memory_is_counted_once() -> None:
    """Four processes that share one big array use it once, not four times."""
    program = """if True:
        import os, sys, time
        big = b"x" * 2**28
        for _ in range(3):
            if os.fork() == 0:
                time.sleep(1000)
        print("ready", flush=True)
        time.sleep(1000)
    """
    mark = "grader-test-shared"
    env = {**os.environ, MARK: mark}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used, count = memory(family(find(process.pid))), len(family(find(process.pid)))
        end_all(find(process.pid), mark)

    assert 4 == count
    assert 2**28 < used < 2 * 2**28


def test_only_the_own_family_is_ended() -> None:
    """Ending a family finds a member that left it, by its mark, and spares a stranger."""
    leave = """if True:
        import os, time
        os.fork() and os._exit(0)
        os.setsid()
        print(os.getpid(), flush=True)
        time.sleep(1000)
    """
    sleep = [sys.executable, "-c", "import time; time.sleep(1000)"]
    env = {**os.environ, MARK: "grader-test-family"}
    with (
        subprocess.Popen(sleep, env={**os.environ, MARK: "grader-test-stranger"}) as stranger,
        subprocess.Popen([sys.executable, "-c", leave], stdout=subprocess.PIPE, env=env) as head,
    ):
        assert head.stdout is not None
        stray = psutil.Process(int(head.stdout.readline()))
        head.wait()
        ended = end_all(None, "grader-test-family")
        lives = stranger.poll() is None
        stranger.send_signal(signal.SIGKILL)

    assert (True, True) == (ended, lives)
    assert not stray.is_running() or stray.status() == psutil.STATUS_ZOMBIE


def test_a_watch_remembers_who_left() -> None:
    """A process that left its parent between two looks still counts."""
    program = """if True:
        import os, time
        if os.fork():
            time.sleep(2)
        else:
            if os.fork() == 0:
                big = b"x" * 2**28
                time.sleep(1000)
            time.sleep(0.7)
    """
    mark = "grader-test-stray"
    with (
        subprocess.Popen([sys.executable, "-c", program], env={**os.environ, MARK: mark}) as head,
        Watch(head.pid, mark, 200 * MIB, interval=0.05) as watch,
    ):
        ended = eventually(lambda: watch.ending is not None)
        end_all(find(head.pid), mark)

    assert (True, Ending.OUT_OF_MEMORY) == (ended, watch.ending)
