"""Names of TensorFlow 1 with a harmless meaning today: sessions, seeds, logging, its three optimizers.

Everything that built graphs by hand (`tf.placeholder`, `tf.layers`) stays an error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import channel
from ..hooks import add_names, after_import, load

# Still in `tf.compat.v1`, with the meaning they had.
_COMPATIBLE = (
    "ConfigProto",
    "GPUOptions",
    "Session",
    "InteractiveSession",
    "set_random_seed",
    "reset_default_graph",
    "get_default_graph",
    "global_variables_initializer",
    "logging",
    "app",
    "flags",
    "gfile",
)
# Done by TensorFlow 2 itself.
_NEEDLESS = ("enable_eager_execution", "enable_v2_behavior")
# With these, Keras 3 cannot train at all; notebooks that called them trained with Keras all the same.
_UNWANTED = ("disable_v2_behavior", "disable_eager_execution")
# Defaults of TensorFlow 1.15's `tf.train` (its `decay` is Keras' `rho`).
_OPTIMIZERS: dict[str, tuple[str, dict[str, str], dict[str, float]]] = {
    "AdamOptimizer": ("Adam", {"beta1": "beta_1", "beta2": "beta_2"}, {"epsilon": 1e-8}),
    "RMSPropOptimizer": ("RMSprop", {"decay": "rho"}, {"epsilon": 1e-10}),
    "GradientDescentOptimizer": ("SGD", {}, {}),
}


def install() -> None:
    """Let the old names be found on `tf`, `tf.random`, `tf.train` and `tf.compat.v1.keras.backend`."""
    add_names("tensorflow", _of_tensorflow)
    add_names("tensorflow._api.v2.random", _of_random)
    add_names("tensorflow._api.v2.train", _of_train)
    after_import("tensorflow", _switches)


def _of_tensorflow(name: str) -> Any:
    if name in _NEEDLESS:
        return _noted(name, "left out", lambda *args, **kwargs: None)
    if name not in _COMPATIBLE:
        raise LookupError(name)
    new = "tf.random.set_seed" if name == "set_random_seed" else f"tf.compat.v1.{name}"
    return _noted(name, new, getattr(load("tensorflow").compat.v1, name))


def _of_random(name: str) -> Any:
    if name != "set_random_seed":
        raise LookupError(name)
    return _noted(f"random.{name}", "tf.random.set_seed", load("tensorflow").random.set_seed)


def _of_train(name: str) -> Any:
    new, renamed, defaults = _OPTIMIZERS[name]

    def build(*args: Any, **kwargs: Any) -> Any:
        given = {renamed.get(k, k): v for k, v in kwargs.items() if k not in ("use_locking", "name")}
        if args:
            given["learning_rate"] = args[0]
        return getattr(load("keras").optimizers, new)(**{**defaults, **given})

    return _noted(f"train.{name}", f"tf.keras.optimizers.{new}", build)


def _switches(tensorflow: ModuleType) -> None:
    """Leave out the switches back to TensorFlow 1, under every name that TensorFlow has for them."""
    mine = [m for name, m in list(sys.modules.items()) if name.startswith(tensorflow.__name__)]
    for names in (vars(module) for module in mine if isinstance(module, ModuleType)):
        names.update({name: _left_out(name) for name in _UNWANTED if name in names})


def _left_out(name: str) -> Callable[..., None]:
    def nothing(*args: Any, **kwargs: Any) -> None:
        channel.note("tf1-name", f"tf.compat.v1.{name}()", "left out")

    return nothing


def _noted(old: str, new: str, value: Callable[..., Any]) -> Any:
    channel.note("tf1-name", f"tf.{old}", new)
    return value
