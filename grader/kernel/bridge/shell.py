"""What notebooks do to their own kernel: kill it, set its version, import from TensorFlow's inside."""

from __future__ import annotations

import ast
import functools
import os
import signal
from typing import Any

from .. import channel
from ..hooks import asked_by_library

_INSIDE = "tensorflow.python.keras"
_EXTENSIONS = ("tensorboard", "tensorboard.notebook", "google.colab.data_table")


def install() -> None:
    """Let a signal that the notebook sends to its own kernel do nothing; interrupts pass."""
    os.kill = _sparing(os.kill, os.getpid)
    if hasattr(os, "killpg"):
        os.killpg = _sparing(os.killpg, os.getpgrp)


def _sparing(kill: Any, own: Any) -> Any:
    @functools.wraps(kill)
    def spared(pid: int, sig: int) -> None:
        if pid in (own(), 0, -1) and sig not in (0, signal.SIGINT) and not asked_by_library():
            name = getattr(sig, "name", str(sig))
            channel.note("kills-itself", f"os.kill(os.getpid(), signal.{name})", "left out")
            return
        kill(pid, sig)

    return spared


def install_shell(ip: Any) -> None:
    """Add Colab's magics, keep the kernel from shutting down by a cell, and read old import paths."""
    ip.register_magic_function(_tensorflow_version, "line", "tensorflow_version")
    ip.register_magic_function(_tensorboard, "line", "tensorboard")
    ip.ast_transformers.append(TodaysImports())
    _extensions(ip)
    _shutdown(ip)


def _tensorflow_version(line: str) -> None:
    """`%tensorflow_version 2.x`, Colab's choice of an installed TensorFlow."""
    channel.note("colab-magic", f"%tensorflow_version {line}".strip(), "left out")


def _tensorboard(line: str) -> None:
    """`%tensorboard --logdir …`: there is no server to look at."""
    channel.note("colab-magic", "%tensorboard", "left out")


def _extensions(ip: Any) -> None:
    """`%load_ext tensorboard` where it is not installed."""
    manager = ip.extension_manager
    original = manager.load_extension

    @functools.wraps(original)
    def load_extension(module_str: str) -> Any:
        try:
            return original(module_str)
        except ModuleNotFoundError:
            if module_str not in _EXTENSIONS:
                raise
            channel.note("colab-magic", f"%load_ext {module_str}", "left out")
            return None

    manager.load_extension = load_extension


def _shutdown(ip: Any) -> None:
    """`IPython.Application.instance().kernel.do_shutdown(True)`: the other way to kill one's kernel."""
    kernel: Any = getattr(ip, "kernel", None)
    original = getattr(kernel, "do_shutdown", None)
    if original is None:
        return

    @functools.wraps(original)
    def do_shutdown(restart: bool) -> Any:
        if asked_by_library():
            return original(restart)
        channel.note("kills-itself", "kernel.do_shutdown(…)", "left out")
        return {"status": "ok", "restart": restart}

    kernel.do_shutdown = do_shutdown


class TodaysImports(ast.NodeTransformer):
    """Lets `from tensorflow.python.keras… import` in a cell mean `tensorflow.keras…`.

    The old path still exists, as the unfinished remains of Keras 2 that TensorFlow itself uses: layers from
    it cannot be put into a model of today. So the cell's own imports are read anew, and the module stays.
    """

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        """Change the path of `from path import names`."""
        if node.module == "tensorflow.python" and any(a.name == "keras" for a in node.names):
            node.module = "tensorflow"
            channel.note("module-path", _INSIDE, "tensorflow.keras")
        elif node.module:
            node.module = _todays(node.module)
        return node

    def visit_Import(self, node: ast.Import) -> ast.Import:
        """Change `import path as name`; without `as` the name would change too."""
        for alias in node.names:
            if alias.asname:
                alias.name = _todays(alias.name)
        return node


def _todays(path: str) -> str:
    if path != _INSIDE and not path.startswith(_INSIDE + "."):
        return path
    new = "tensorflow.keras" + path[len(_INSIDE) :]
    channel.note("module-path", path, new)
    return new
