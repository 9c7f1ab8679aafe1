"""Starts a kernel in its closed room, and sees to it that nothing of it is left afterwards.

To Jupyter this is a kernel provisioner like any other, so nbclient works with it unchanged. What is behind
`started_kernel()` may be replaced without anybody noticing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Instance

from grader.errors import GraderError
from grader.execution.sandbox import (
    INSIDE,
    Protection,
    Session,
    Share,
    command,
    places,
    started_in,
)
from grader.execution.watch import end_all, find

START_LIMIT = 180.0
"""Seconds a kernel may take until it answers; importing TensorFlow from a cold disk takes a minute."""

LAST_WORDS = 4000
"""Bytes of what a kernel said on stderr that are kept, for a sentence on why it did not start."""


@dataclass(frozen=True)
class Plan:
    """How a kernel is started; see `sandbox.command()` for the meaning of each part."""

    argv: Sequence[str]
    session: Session
    shares: Sequence[Share]
    protection: Protection
    env: Mapping[str, str]
    pass_fds: Sequence[int] = ()
    hidden: Sequence[Path] = ()


def connection_file(session: Session, protection: Protection) -> str:
    """Where the kernel finds its connection file; `{connection_file}` in its command becomes this path."""
    if protection.name == "none":
        return str(session.folder / "connection.json")
    return f"{INSIDE}/connection.json"


@contextlib.asynccontextmanager
async def started_kernel(
    argv: Sequence[str],
    session: Session,
    shares: Sequence[Share],
    protection: Protection,
    env: Mapping[str, str],
    pass_fds: Sequence[int] = (),
    hidden: Sequence[Path] = (),
    patience: float = START_LIMIT,
) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    """A kernel that runs and answers, and a client that is connected to it.

    It starts in the folder `places(session, protection).content`. On leaving, the kernel and everything it
    started are killed. Its process is `manager.provisioner.pid`. It dies with the thread that started it.

    Raises:
        GraderError: the kernel did not answer within `patience` seconds; the message has its last words.

    """
    plan = Plan(argv, session, shares, protection, env, pass_fds, hidden)
    manager = _manager(plan)
    client = manager.client(context=manager.context)
    try:
        await _start(manager, client, patience)
        yield manager, client
    finally:
        # First of all and without an await: a cancelled task must not leave a kernel behind.
        end_all(_provisioner(manager).head, session.mark)
        client.stop_channels()
        await manager.cleanup_resources()


async def _start(manager: AsyncKernelManager, client: AsyncKernelClient, patience: float) -> None:
    try:
        await manager.start_kernel()
        client.start_channels(stdin=False, hb=False)
        await client.wait_for_ready(timeout=patience)
    except (RuntimeError, OSError) as problem:
        last = _provisioner(manager).last_words() or str(problem)
        raise GraderError(f"The kernel did not start ({last}); see what `grader doctor` says.") from problem


def _manager(plan: Plan) -> AsyncKernelManager:
    manager = AsyncKernelManager(
        kernel_spec_manager=_OneSpec(list(plan.argv)),
        connection_file=str(plan.session.folder / "connection.json"),
    )
    if os.name == "posix":
        manager.transport = "ipc"
        manager.ip = str(plan.session.sockets / "k")
    manager.write_connection_file()
    manager.provisioner = SandboxProvisioner(parent=manager, kernel_spec=manager.kernel_spec, plan=plan)
    return manager


def _provisioner(manager: AsyncKernelManager) -> SandboxProvisioner:
    assert isinstance(manager.provisioner, SandboxProvisioner)
    return manager.provisioner


class _OneSpec(KernelSpecManager):
    """Knows one kernel only, so that no kernel installed on this machine is taken for ours."""

    def __init__(self, argv: list[str]) -> None:
        super().__init__()
        self._spec = KernelSpec(argv=argv, display_name="grader", language="python", interrupt_mode="message")

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return self._spec


class SandboxProvisioner(KernelProvisionerBase):
    """Starts one kernel by its plan, in a session of its own, and ends it with all it started.

    Attributes:
        plan: how it is started.
        pid: the process that was started (in a sandbox bubblewrap's, which ends when the kernel does).
        head: the same, not to be mistaken for a later process of that number.

    """

    plan = Instance(Plan)
    pid: int | None = None
    head: psutil.Process | None = None
    _process: subprocess.Popen[bytes] | None = None
    _said: _Tail | None = None

    @property
    def has_process(self) -> bool:
        """Whether a kernel was started whose end was not yet waited for."""
        return self._process is not None

    async def poll(self) -> int | None:
        """None while the kernel runs, then how it ended (0 when there is none)."""
        return 0 if self._process is None else self._process.poll()

    async def wait(self) -> int | None:
        """Wait for the kernel's end; how it ended."""
        while (code := await self.poll()) is None:
            await asyncio.sleep(0.02)
        self._process = None
        return code

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel itself; one that is gone already is fine."""
        with contextlib.suppress(psutil.Error, IndexError):
            self._kernel().send_signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and all it started, wherever that went."""
        end_all(self.head, self.plan.session.mark)

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel to end."""
        await self.send_signal(signal.SIGTERM)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Write the kernel's own connection file, and give the command that starts it in its room."""
        assert isinstance(self.parent, AsyncKernelManager)
        self.connection_info = self.parent.get_connection_info()
        argv, env = self._command(self.parent.session.key.decode())
        return await super().pre_launch(cmd=argv, env=env, **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the process; how to connect to it."""
        own = places(self.plan.session, self.plan.protection)
        self._process = subprocess.Popen(
            cmd,
            env=kwargs["env"],
            cwd=started_in(self.plan.protection, own.content),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(self.plan.pass_fds),
        )
        self.pid, self.head = self._process.pid, find(self._process.pid)
        self._said = _Tail(self._process.stderr)
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:
        """End what may still run, and forget it."""
        end_all(self.head, self.plan.session.mark)
        if self._process is not None:
            await self.wait()
        if self._said is not None:
            self._said.close()

    def _kernel(self) -> psutil.Process:
        """The kernel itself; in a sandbox it is two steps below the process that we started."""
        assert self.head is not None
        if self.plan.protection.name == "none":
            return self.head
        return self.head.children()[0].children()[0]

    def last_words(self) -> str:
        """The last line that the kernel said on stderr while it was no kernel yet."""
        return "" if self._said is None else self._said.last_line()

    def _command(self, key: str) -> tuple[list[str], dict[str, str]]:
        plan, own = self.plan, places(self.plan.session, self.plan.protection)
        inside = connection_file(plan.session, plan.protection)
        argv = [inside if word == "{connection_file}" else word for word in plan.argv]
        shares = [*plan.shares, self._inner_connection_file(own.sockets, key)]
        return command(argv, plan.session, shares, plan.protection, plan.env, own.content, plan.hidden)

    def _inner_connection_file(self, sockets: str, key: str) -> Share:
        """The same connection by the names that hold inside; never the file that we read ourselves."""
        path = self.plan.session.folder / "inner.json"
        path.write_text(json.dumps({**self.connection_info, "key": key, "ip": f"{sockets}/k"}))
        return Share(path, f"{INSIDE}/connection.json")


class _Tail:
    """Reads a pipe to its end, so that nobody waits at it, and keeps the last of what came."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        self._pipe, self._kept = pipe, b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while chunk := os.read(self._pipe.fileno(), LAST_WORDS):
            self._kept = (self._kept + chunk)[-LAST_WORDS:]

    def last_line(self) -> str:
        self._thread.join(0.5)
        return self._kept.decode(errors="replace").strip().rpartition("\n")[2]

    def close(self) -> None:
        """Close the pipe; all who could write to it are gone by now."""
        self._thread.join(5)
        if not self._thread.is_alive():
            self._pipe.close()
