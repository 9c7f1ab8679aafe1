"""Optimizers as old notebooks write them: `lr=`, `decay=`, `optimizer.lr`, `epsilon=None`, old names.

The formulas are those of TensorFlow 2.10's optimizers (`keras/optimizers/optimizer_v2`): `lr` wins over
`learning_rate`, and with `decay` the rate of step n is `lr / (1 + decay * n)`.
"""

from __future__ import annotations

import functools
import numbers
from types import ModuleType
from typing import Any

from .. import channel
from ..hooks import KERAS, add_names, after_import, known, load, replace

_LEGACY = ("Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "RMSprop", "SGD")
_LOWER_CASE = {name.lower(): name for name in _LEGACY}
# The epsilon that TensorFlow 2 took for `epsilon=None`: keras.config.epsilon().
_EPSILON = 1e-7


def install() -> None:
    """Bridge all optimizers at their common base class, and the old names at the modules that had them."""
    after_import("keras.src.optimizers.base_optimizer", _base)
    after_import("keras.src.backend.tensorflow.optimizer", _step)
    replace("keras.src.legacy.backend", "set_value", _assigning)
    for keras in KERAS:
        add_names(f"{keras}.optimizers", known({old: _renamed(old, new) for old, new in _LOWER_CASE.items()}))
        after_import(f"{keras}.optimizers.legacy", _legacy)


def _base(module: ModuleType) -> None:
    base = module.BaseOptimizer
    base.__init__ = _old_arguments(base.__init__)
    base.build = _with_epsilon(base.build)
    base.lr = property(_get_lr, _set_lr)


def _step(module: ModuleType) -> None:
    optimizer = module.TFOptimizer
    optimizer._backend_update_step = _decaying(optimizer._backend_update_step)


def _old_arguments(original: Any) -> Any:
    @functools.wraps(original)
    def init(self: Any, learning_rate: Any = None, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        if "lr" in kwargs:
            learning_rate = kwargs.pop("lr")
            shown = _shown(learning_rate)
            channel.note("lr-argument", f"{name}(lr={shown})", f"{name}(learning_rate={shown})")
        decay = _number(kwargs.pop("decay", None))
        original(self, _as_float(learning_rate, name), *args, **kwargs)
        if decay:
            self.grader_decay = decay
            new = f"learning_rate=InverseTimeDecay(rate, decay_steps=1, decay_rate={decay})"
            channel.note("decay-argument", f"{name}(decay={decay})", new)

    return init


def _as_float(rate: Any, name: str) -> Any:
    """A learning rate that is a number of another kind (1, a NumPy value) as the float that Keras 3 wants."""
    if isinstance(rate, (float, bool)) or not isinstance(rate, numbers.Real):
        return rate
    new = f"learning_rate={float(rate)}"
    channel.note("learning-rate-type", f"{name}(learning_rate={_shown(rate)})", new)
    return float(rate)


def _with_epsilon(original: Any) -> Any:
    @functools.wraps(original)
    def build(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(self, "epsilon", 0) is None:
            self.epsilon = _EPSILON
            channel.note("epsilon-none", "epsilon=None", f"epsilon={_EPSILON}")
        return original(self, *args, **kwargs)

    return build


def _get_lr(self: Any) -> Any:
    channel.note("lr-attribute", "optimizer.lr", "optimizer.learning_rate")
    return self.learning_rate


def _set_lr(self: Any, value: Any) -> None:
    channel.note("lr-attribute", "optimizer.lr", "optimizer.learning_rate")
    self.learning_rate = value


def _decaying(original: Any) -> Any:
    """One step with what `decay` leaves of the rate; `optimizer.learning_rate` stays what callbacks set."""

    @functools.wraps(original)
    def update(self: Any, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        decay = getattr(self, "grader_decay", None)
        if decay:
            ops = load("keras.ops")
            learning_rate = ops.divide(learning_rate, 1.0 + decay * ops.cast(self.iterations, "float32"))
        return original(self, grads, trainable_variables, learning_rate)

    return update


def _assigning(original: Any) -> Any:
    """`K.set_value(model.optimizer.lr, 0.01)`, which asks Keras 3's variables for what they lack."""

    @functools.wraps(original)
    def set_value(x: Any, value: Any) -> Any:
        if hasattr(x, "assign") and isinstance(getattr(x, "dtype", None), str):
            channel.note("keras-backend", "K.set_value(variable, value)", "variable.assign(value)")
            return x.assign(value)
        return original(x, value)

    return set_value


def _legacy(module: ModuleType) -> None:
    """`tf.keras.optimizers.legacy.Adam`: only there to raise on Keras 3, now the optimizer itself."""
    for name in _LEGACY:
        setattr(module, name, _renamed(f"legacy.{name}", name)())


def _renamed(old: str, new: str) -> Any:
    """A maker of a function that builds the optimizer of the new name and says so."""

    def make() -> Any:
        def build(*args: Any, **kwargs: Any) -> Any:
            channel.note("optimizer-name", f"optimizers.{old}", f"optimizers.{new}")
            return getattr(load("keras.optimizers"), new)(*args, **kwargs)

        return build

    return make


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, numbers.Real) else None


def _shown(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, numbers.Number) else "…"
