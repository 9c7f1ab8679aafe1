"""Changes a module at the moment it is imported, and stands in for one that no longer exists."""

from __future__ import annotations

import importlib
import re
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any

# The names under which Keras 3 is imported: by itself, as `tensorflow.keras` and as `tf.keras`; releases
# 3.3 to 3.8 keep the modules behind them in `keras.api`.
KERAS = (
    "keras",
    "tensorflow.keras",
    "keras._tf_keras.keras",
    "keras.api",
    "keras.api._tf_keras.keras",
)
# The files in which `os.path.exists`, `Path.exists` and their like are written.
_QUESTIONS = re.compile(r"(genericpath|posixpath|ntpath)(\.py|>)$|pathlib(\.py|[\\/]\w+\.py)$")
_STDLIB = sysconfig.get_paths()["stdlib"]


def after_import(name: str, action: Callable[[ModuleType], None]) -> None:
    """Do `action(module)` once: now if the module is loaded, else right after its first import."""
    module = sys.modules.get(name)
    if module is not None:
        quietly(action, module)
    else:
        _WATCHER.actions.setdefault(name, []).append(action)
        _put_in_place()


def stand_in(name: str, fill: Callable[[ModuleType], None]) -> None:
    """Let `import name` succeed where no real module of that name exists; `fill(module)` gives it content."""
    _STAND_INS.missing.setdefault(name, fill)
    _put_in_place()


def replace(module_name: str, attribute: str, make: Callable[[Any], Any]) -> None:
    """Replace a function by `make(function)`, also under the other names by which Keras exports it."""

    def change(module: ModuleType) -> None:
        original = vars(module).get(attribute)
        if original is not None:
            _everywhere(original, make(original), module)

    after_import(module_name, change)


def add_names(module_name: str, find: Callable[[str], Any]) -> None:
    """Let `find(name)` answer for names a module lacks; it raises LookupError for a name it does not know.

    Libraries that ask whether a name exists get the module's own answer.
    """

    def change(module: ModuleType) -> None:
        earlier = vars(module).get("__getattr__")

        def answer(name: str) -> Any:
            if not name.startswith("__") and not asked_by_library():
                try:
                    return find(name)
                except LookupError:
                    pass
            if earlier is not None:
                return earlier(name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        vars(module)["__getattr__"] = answer

    after_import(module_name, change)


def known(names: Mapping[str, Callable[[], Any]]) -> Callable[[str], Any]:
    """A finder for `add_names` from a table: name → function that makes the value."""
    return lambda name: names[name]()


def asked_by_library() -> bool:
    """Whether the code that called our hook belongs to an installed package or to us, not to the notebook.

    The standard library is looked through: `os.path.exists` asks for whoever called it. So is
    TensorFlow's lazy loader, which forwards `tf.keras.x`.
    """
    frame = _asking()
    return frame is not None and (_is_ours(frame) or _is_packaged(frame.f_code.co_filename))


def asked_by_launcher() -> bool:
    """Whether the launcher or the offline web called the hooked function, for files of the run itself."""
    frame = _asking()
    return frame is not None and str(frame.f_globals.get("__name__", "")) in _LAUNCHING


def notebook_asks_about_path() -> bool:
    """Whether the notebook itself calls `os.path.exists` and its like, or their forms in pathlib.

    Other parts of the standard library ask before they create something (`os.makedirs`, `zipfile`).
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (_is_hook(frame) or _QUESTIONS.search(frame.f_code.co_filename)):
        frame = frame.f_back
    file = frame.f_code.co_filename if frame is not None else _STDLIB
    return not (file.startswith((_STDLIB, "<frozen")) or _is_packaged(file) or (frame and _is_ours(frame)))


def _asking() -> FrameType | None:
    """The frame that called a hooked function: below the hooks themselves and the standard library."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and _is_hook(frame):
        frame = frame.f_back
    while frame is not None and _is_looked_through(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _is_packaged(file: str) -> bool:
    return "site-packages" in file or "dist-packages" in file


def _is_looked_through(file: str) -> bool:
    if _is_packaged(file):
        return file.endswith("lazy_loader.py")
    return file.startswith((_STDLIB, "<frozen"))


def quietly(action: Callable[..., Any], *args: Any) -> Any:
    """What `action(*args)` returns, or None when it raised: our failure is not the student's."""
    try:
        return action(*args)
    except Exception:
        return None


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(_PACKAGE + ".")


def _is_hook(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(_HOOKS)


def _everywhere(original: Any, replacement: Any, home: ModuleType) -> None:
    """Put the replacement under every name that Keras' modules have for the original."""
    exporting = ("keras", "tensorflow.keras", "tensorflow._api")
    others = [m for name, m in list(sys.modules.items()) if name.startswith(exporting)]
    for module in [home, *others]:
        names = vars(module) if isinstance(module, ModuleType) else {}
        for name in [n for n, value in list(names.items()) if value is original]:
            names[name] = replacement


class _Watcher:
    """Runs the registered actions after a module was executed; finds nothing by itself."""

    def __init__(self) -> None:
        self.actions: dict[str, list[Callable[[ModuleType], None]]] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        actions = self.actions.pop(name, None)
        if actions is None:
            return None
        spec = _spec_of_others(self, name, path, target)
        if spec is None or spec.loader is None:
            self.actions[name] = actions
            return None
        _extend(spec.loader, actions)
        return spec


def _spec_of_others(
    watcher: _Watcher, name: str, path: Sequence[str] | None, target: Any
) -> ModuleSpec | None:
    for finder in list(sys.meta_path):
        find = getattr(finder, "find_spec", None)
        if finder is not watcher and find is not None:
            spec: ModuleSpec | None = find(name, path, target)
            if spec is not None:
                return spec
    return None


def _extend(loader: Any, actions: list[Callable[[ModuleType], None]]) -> None:
    """Let this one loader run the actions after the module; it stays the loader that it was."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        for action in actions:
            quietly(action, module)

    loader.exec_module = exec_module


class _StandIns:
    """The last finder: it is asked only for modules that nobody else has."""

    def __init__(self) -> None:
        self.missing: dict[str, Callable[[ModuleType], None]] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if name not in self.missing:
            return None
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self.missing[module.__name__](module)


def _put_in_place() -> None:
    if _WATCHER not in sys.meta_path:
        sys.meta_path.insert(0, _WATCHER)
    if sys.meta_path[-1] is not _STAND_INS:
        if _STAND_INS in sys.meta_path:
            sys.meta_path.remove(_STAND_INS)
        sys.meta_path.append(_STAND_INS)


def load(name: str) -> Any:
    """The module of this name, imported when first needed."""
    return importlib.import_module(name)


_PACKAGE = __name__.rpartition(".")[0]
# Modules whose functions stand between a notebook and what it called.
_HOOKS = tuple(f"{_PACKAGE}.{name}" for name in ("hooks", "places.reading", "places.rooted", "bridge"))
_LAUNCHING = (f"{_PACKAGE}.launch", f"{_PACKAGE}.web")
_WATCHER = _Watcher()
_STAND_INS = _StandIns()
