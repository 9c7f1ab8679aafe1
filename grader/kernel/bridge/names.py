"""Lets old metric names be read: `acc` for the number that is logged as `accuracy`, never the other way.

TensorFlow 1 logged the metric "accuracy" under the name "acc"; Keras 2.3 and TensorFlow 2.0 (2019)
began to log it under the name that `compile` was given.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import channel
from ..hooks import after_import

OLD_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}
# Keras' own callbacks that read one metric by its name.
_MONITORING = {
    "early_stopping": "EarlyStopping",
    "model_checkpoint": "ModelCheckpoint",
    "reduce_lr_on_plateau": "ReduceLROnPlateau",
}


class OldNames(dict[Any, Any]):
    """A dict of metric values that also answers for an old name; its keys, length and order are Keras' own.

    Asking whether an old name is there says yes; only reading its value counts as a use.
    """

    where = "logs"

    def __missing__(self, key: Any) -> Any:
        return self._by_old_name(key, "{}[{!r}]")

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of a name or of the new name for it, else the default."""
        if dict.__contains__(self, key):
            return dict.__getitem__(self, key)
        try:
            return self._by_old_name(key, "{}.get({!r})")
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or dict.__contains__(self, OLD_NAMES.get(key, key))  # type: ignore[call-overload]

    def copy(self) -> OldNames:
        """A shallow copy of the same kind."""
        new = type(self)(self)
        new.where = self.where
        return new

    def _by_old_name(self, key: Any, spelling: str) -> Any:
        name = OLD_NAMES.get(key)
        if name is None or not dict.__contains__(self, name):
            raise KeyError(key)
        channel.note("metric-name", spelling.format(self.where, key), spelling.format(self.where, name))
        return dict.__getitem__(self, name)


def with_old_names(logs: Any) -> Any:
    """The same logs, answering for old metric names too; None and what is no dict stay as they are."""
    return OldNames(logs) if type(logs) is dict else logs


def install() -> None:
    """Give the logs of every callback hook, and `History.history`, their old names."""
    after_import("keras.src.callbacks.callback_list", _hooks)
    after_import("keras.src.callbacks.history", _history)
    after_import("keras.src.utils.python_utils", _conversion)
    for module, callback in _MONITORING.items():
        after_import(f"keras.src.callbacks.{module}", functools.partial(_monitor, name=callback))


def _hooks(module: ModuleType) -> None:
    """All callbacks of one call share one dict, as in Keras: what one writes the next one reads."""
    for name, function in list(vars(module.CallbackList).items()):
        if name.startswith("on_") and callable(function):
            setattr(module.CallbackList, name, _hook(function))


def _hook(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def hook(self: Any, *args: Any, **kwargs: Any) -> Any:
        if "logs" in kwargs:
            kwargs["logs"] = with_old_names(kwargs["logs"])
        elif args:
            args = (*args[:-1], with_old_names(args[-1]))
        return function(self, *args, **kwargs)

    return hook


def _conversion(module: ModuleType) -> None:
    """Newer Keras copies the logs on their way into plain numbers; the copy answers like the original."""
    original = getattr(module, "pythonify_logs", None)
    if original is None:
        return

    @functools.wraps(original)
    def pythonify_logs(logs: Any) -> Any:
        plain = original(logs)
        return OldNames(plain) if isinstance(logs, OldNames) else plain

    module.pythonify_logs = pythonify_logs  # type: ignore[attr-defined]


def _history(module: ModuleType) -> None:
    original = module.History.__init__

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.history = OldNames(self.history)
        self.history.where = "history.history"

    module.History.__init__ = init


def _monitor(module: ModuleType, name: str) -> None:
    """`EarlyStopping(monitor="val_acc")`: Keras 3 looks for a metric of that name even before the logs."""
    callback = getattr(module, name)
    original = callback.on_epoch_end

    @functools.wraps(original)
    def on_epoch_end(self: Any, epoch: Any, logs: Any = None) -> Any:
        new = OLD_NAMES.get(self.monitor)
        if new and logs and dict.__contains__(logs, new) and not dict.__contains__(logs, self.monitor):
            channel.note("metric-name", f"{name}(monitor={self.monitor!r})", f"{name}(monitor={new!r})")
            self.monitor = new
        return original(self, epoch, logs)

    callback.on_epoch_end = on_epoch_end
