"""Puts our questions to a kernel whose last cell has ended, one at a time."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode

from grader.assignment import CourseCall
from grader.evidence import Answer, Evidence
from grader.execution.questions import Call, switching_maps

QUESTION_LIMIT = 20
"""Seconds for one question to a callback; a callback that evaluates a model takes a few."""

QUESTIONS_LIMIT = 120
"""Seconds for all questions to the callbacks of one run."""

MAX_CALLBACKS = 12
"""Callbacks that are asked; a notebook with more has its first ones asked."""


class KernelGoneError(Exception):
    """The kernel died while it was asked; what was recorded until then is kept."""


@dataclass
class Questioner:
    """Puts questions to a kernel and reads the answers from its evidence.

    `asked` counts the questions; an answer names the question it belongs to.
    """

    manager: AsyncKernelManager
    client: AsyncKernelClient
    evidence: Evidence
    seed: int
    asked: int = 0

    async def ask_all(self) -> None:
        """What can be measured only now, then the callbacks: their switching maps go into the evidence.

        Raises:
            KernelGoneError: the kernel died on the way; what was answered until then is kept.

        """
        await self._put({"ask": "inventory"}, QUESTION_LIMIT * 3)
        until = time.monotonic() + QUESTIONS_LIMIT
        for callback in [c for c in self.evidence.callbacks.values() if not c.builtin][:MAX_CALLBACKS]:
            if time.monotonic() > until:
                break
            maps = await switching_maps(callback, self._metrics(callback.id), self._drive, self.seed)
            latest = self.evidence.callbacks[callback.id]
            self.evidence.callbacks[callback.id] = msgspec.structs.replace(latest, maps=maps)

    async def make_calls(self, calls: Sequence[CourseCall], notebook: NotebookNode, deadline: float) -> None:
        """Make the course's calls of functions that the notebook defines, if it trained nothing itself."""
        called = _called(notebook)
        for call in calls:
            if not self.evidence.trainings and _outermost(call.code) not in called:
                patience = max(QUESTION_LIMIT, deadline - time.monotonic())
                await self._put({"ask": "call", "code": call.code, "needs": call.needs}, patience)

    def _metrics(self, callback: int) -> list[str]:
        """The names that the trainings with this callback reported, else those that any would report."""
        trainings = list(self.evidence.trainings.values())
        own = [t for t in trainings if callback in t.callbacks] or trainings
        reported = [name for t in own for e in t.epochs[:1] for name in e.logs]
        compiled = [m.compiled for m in self.evidence.models.values() if m.compiled]
        told = ["loss", *(metric.name for c in compiled for metric in c.metrics)]
        return list(dict.fromkeys(reported or told if len(told) > 1 else reported or ["loss", "accuracy"]))[
            :8
        ]

    async def _drive(self, callback: int, hook: str, calls: Sequence[Call]) -> Sequence[Answer]:
        answers = await self._put(
            {"ask": "drive", "callback": callback, "hook": hook, "calls": calls}, QUESTION_LIMIT
        )
        return answers if len(answers) == len(calls) else ["unknown"] * len(calls)

    async def _put(self, question: dict[str, Any], patience: float) -> Sequence[Answer]:
        """The answers to one question; none when it could not be answered in time."""
        self.asked += 1
        self.evidence.answers.pop(self.asked, None)  # an answer from before the question is none
        text = json.dumps({**question, "question": self.asked})
        code = (
            "__import__('grader_kernel.probes', fromlist=['answer'])"
            f".answer({text!r}, __import__('IPython').get_ipython().user_ns)"
        )
        reply = asyncio.create_task(_reply(self.client, code, patience))
        while not reply.done():
            await asyncio.wait({reply}, timeout=1)
            if not reply.done() and not await self.manager.is_alive():
                reply.cancel()
                raise KernelGoneError
        if reply.exception() is not None:
            await self.manager.interrupt_kernel()
            return []
        return await self._received()

    async def _received(self) -> Sequence[Answer]:
        """The pipe may be a moment behind the reply."""
        for _ in range(200):
            if self.asked in self.evidence.answers:
                return self.evidence.answers.pop(self.asked).answers
            await asyncio.sleep(0.01)
        return []


async def _reply(client: AsyncKernelClient, code: str, patience: float) -> Any:
    return await client.execute(code, silent=True, store_history=False, reply=True, timeout=patience)


def _called(notebook: NotebookNode) -> set[str]:
    """The names of all functions that the notebook itself calls."""
    called = set()
    for cell in notebook.cells:
        with contextlib.suppress(SyntaxError, ValueError):
            tree = ast.parse(cell.source if cell.cell_type == "code" else "")
            called |= {_name(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return called


def _outermost(code: str) -> str:
    return next((_name(node) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)), "")


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ast.unparse(call.func)
