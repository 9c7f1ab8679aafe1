"""Training as old notebooks write it: `fit_generator` and its sisters, old arguments, data that runs out."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import channel
from ..hooks import after_import, asked_by_library, load, quietly

# Arguments of `fit` that Keras 3 moved into the data set's own constructor.
_MOVED = ("workers", "use_multiprocessing", "max_queue_size")


def install() -> None:
    """Bridge `compile`, `fit`, and the methods that were removed from every model."""
    after_import("keras.src.models.model", _model)
    after_import("keras.src.models.sequential", _sequential)
    after_import("keras.src.legacy.preprocessing.image", _iterator)
    after_import("keras.src.layers.layer", _layer)


def _model(module: ModuleType) -> None:
    model = module.Model
    _wrap(model, "fit", _fit)
    _wrap(model, "evaluate", _without_moved)
    _wrap(model, "predict", _without_moved)
    _wrap(model, "compile", _compile)
    for method in (fit_generator, evaluate_generator, predict_generator, predict_classes, predict_proba):
        if not hasattr(model, method.__name__):
            setattr(model, method.__name__, method)
    owner = _owner(model, "metrics_names")
    owner.metrics_names = property(_metrics_names(owner.metrics_names.fget))


def _owner(cls: Any, name: str) -> Any:
    """The class that defines a method which another class inherits."""
    return next(base for base in cls.__mro__ if name in vars(base))


def _wrap(cls: Any, name: str, change: Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]) -> None:
    """Let `change` look at the arguments of a method before it runs; its failure changes nothing."""
    owner = _owner(cls, name)
    original = vars(owner)[name]
    signature = inspect.signature(original)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        new = quietly(change, signature, self, args, dict(kwargs))
        args, kwargs = new if new is not None else (args, kwargs)
        return original(self, *args, **kwargs)

    setattr(owner, name, method)


def _without_moved(
    signature: inspect.Signature, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for name in _MOVED:
        if name in kwargs and name not in signature.parameters:
            channel.note("fit-argument", f"{name}={kwargs.pop(name)!r}"[:80], "left out")
    return args, kwargs


def _fit(
    signature: inspect.Signature, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args, kwargs = _without_moved(signature, model, args, kwargs)
    given = dict(signature.bind_partial(model, *args, **kwargs).arguments)
    changed: dict[str, Any] = {}
    for data, steps in (("x", "steps_per_epoch"), ("validation_data", "validation_steps")):
        whole = _whole_steps(steps, given.get(steps))
        if whole is not given.get(steps):
            changed[steps] = whole
        repeated = _repeated(given.get(data), steps, whole, int(given.get("epochs") or 1))
        if repeated is not None:
            changed[data] = repeated
            if data == "x":
                changed["shuffle"] = False
    return _with(signature, given, changed) if changed else (args, kwargs)


def _whole_steps(name: str, steps: Any) -> Any:
    """`2.5` steps were three: TensorFlow 2 counted up to the number (`while step < steps`)."""
    if not isinstance(steps, float) or not math.isfinite(steps):
        return steps
    channel.note("steps-not-whole", f"{name}={steps}", f"{name}={math.ceil(steps)}")
    return math.ceil(steps)


def _repeated(data: Any, name: str, steps: Any, epochs: int) -> Any:
    """Data that begins again when it has run out, or None where it holds enough batches.

    Keras 3 would cut every epoch short with a warning; `fit_generator` and Keras 2 went on from the start.
    """
    batches = _batches(data) if isinstance(steps, int) else None
    if not batches or steps < batches or (steps == batches and _starts_over()):
        return None
    if steps > batches:
        old = f"{name}={steps} with {_counted(batches)}"
        channel.note("data-ran-out", old, f"{name}={batches}, or left out")
    if isinstance(data, load("tensorflow").data.Dataset):
        again = data.repeat()
        again.grader_source = data
        return again
    return _repeating_class()(data, batches, steps * epochs)


def _counted(batches: int) -> str:
    return "1 batch" if batches == 1 else f"{batches} batches"


def _batches(data: Any) -> int | None:
    """How many batches a finite data set holds; None for arrays, plain generators and endless data."""
    if isinstance(data, load("keras").utils.PyDataset):
        return int(data.num_batches) if hasattr(data, "num_batches") else len(data)
    if isinstance(data, load("tensorflow").data.Dataset):
        count = int(data.cardinality())
        return count if count >= 0 else None
    return None


@functools.cache
def _starts_over() -> bool:
    """Whether this Keras begins again with data that has just sufficed.

    The first releases of Keras 3 did not, so that every second epoch of `steps_per_epoch=8` with 8 batches
    was empty; those that do count the steps they have taken.
    """
    iterator = load("keras.src.trainers.epoch_iterator").EpochIterator
    return "_steps_seen" in iterator.__init__.__code__.co_names


@functools.cache
def _needs_length() -> bool:
    """Whether this Keras (before 3.1) knows only data sets that have an end."""
    return not hasattr(load("keras").utils.PyDataset, "num_batches")


@functools.cache
def _repeating_class() -> Any:
    base: Any = load("keras").utils.PyDataset

    class Repeated(base):  # type: ignore[misc]
        """A data set without end: the batches of another one, over and over, shuffled at its own ends."""

        def __init__(self, source: Any, batches: int, total: int) -> None:
            super().__init__()
            self.grader_source = source
            self._source_batches = batches
            self._total = total

        @property
        def num_batches(self) -> int | None:
            return None

        def __getitem__(self, index: int) -> Any:
            at = index % self._source_batches
            if index and not at:
                self.grader_source.on_epoch_end()
            return self.grader_source[at]

    if _needs_length():
        Repeated.__len__ = lambda self: self._total
    return Repeated


def _compile(
    signature: inspect.Signature, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """`metrics='accuracy'` without a list, and metrics in third place, as TensorFlow 2 took them."""
    given = dict(signature.bind_partial(model, *args, **kwargs).arguments)
    changed = _in_old_order(given)
    for name in ("metrics", "weighted_metrics"):
        value = {**given, **changed}.get(name)
        if isinstance(value, str) or (value is not None and callable(value)):
            shown = _shown(value)
            channel.note("metrics-string", f"{name}={shown}", f"{name}=[{shown}]")
            changed[name] = [value]
    return _with(signature, given, changed) if changed else (args, kwargs)


def _in_old_order(given: dict[str, Any]) -> dict[str, Any]:
    """`compile("adam", "mse", ["acc"])`: Keras 3 put `loss_weights` before `metrics`; weights are numbers."""
    third = given.get("loss_weights")
    listed = third if isinstance(third, (list, tuple)) else [third]
    if not listed or not all(isinstance(m, str) or callable(m) for m in listed):
        return {}
    channel.note("metrics-position", f"compile(…, {_shown(third)})", f"compile(…, metrics={_shown(third)})")
    return {"metrics": third, "loss_weights": given.get("metrics")}


def _shown(metrics: Any) -> str:
    text = repr(metrics)
    return text if len(text) < 40 and "<" not in text else "[…]"


def _with(
    signature: inspect.Signature, given: dict[str, Any], changed: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call by name, some of them changed; the first one is the model itself."""
    first = next(iter(signature.parameters))
    return (), {name: value for name, value in {**given, **changed}.items() if name != first}


def _metrics_names(original: Any) -> Any:
    """`model.metrics_names` as TensorFlow 2 gave it: "accuracy" where Keras 3 says "compile_metrics"."""

    @functools.wraps(original)
    def metrics_names(self: Any) -> list[str]:
        names: list[str] = original(self)
        inner = getattr(getattr(self, "_compile_metrics", None), "metrics", None)
        if "compile_metrics" not in names or not inner:
            return names
        channel.note("metrics-names", "model.metrics_names", "list(history.history)")
        at = names.index("compile_metrics")
        return [*names[:at], *(metric.name for metric in inner), *names[at + 1 :]]

    return metrics_names


def fit_generator(
    self: Any, generator: Any = None, steps_per_epoch: Any = None, epochs: int = 1, verbose: Any = 1,
    callbacks: Any = None, validation_data: Any = None, validation_steps: Any = None,
    validation_freq: Any = 1, class_weight: Any = None, max_queue_size: Any = 10, workers: Any = 1,
    use_multiprocessing: Any = False, shuffle: Any = True, initial_epoch: int = 0,
) -> Any:  # fmt: skip
    """`model.fit` with the arguments in the order of TensorFlow 2.0's `fit_generator`."""
    channel.note("fit-generator", "model.fit_generator(…)", "model.fit(…)")
    return self.fit(
        generator, steps_per_epoch=steps_per_epoch, epochs=epochs, verbose=verbose, callbacks=callbacks,
        validation_data=validation_data, validation_steps=validation_steps, validation_freq=validation_freq,
        class_weight=class_weight, shuffle=shuffle, initial_epoch=initial_epoch,
    )  # fmt: skip


def evaluate_generator(
    self: Any, generator: Any = None, steps: Any = None, callbacks: Any = None, max_queue_size: Any = 10,
    workers: Any = 1, use_multiprocessing: Any = False, verbose: Any = 0,
) -> Any:  # fmt: skip
    """`model.evaluate` with the arguments of TensorFlow 2.0's `evaluate_generator`."""
    channel.note("evaluate-generator", "model.evaluate_generator(…)", "model.evaluate(…)")
    return self.evaluate(generator, steps=_whole_steps("steps", steps), callbacks=callbacks, verbose=verbose)


def predict_generator(
    self: Any, generator: Any = None, steps: Any = None, callbacks: Any = None, max_queue_size: Any = 10,
    workers: Any = 1, use_multiprocessing: Any = False, verbose: Any = 0,
) -> Any:  # fmt: skip
    """`model.predict` with the arguments of TensorFlow 2.0's `predict_generator`."""
    channel.note("predict-generator", "model.predict_generator(…)", "model.predict(…)")
    return self.predict(generator, steps=_whole_steps("steps", steps), callbacks=callbacks, verbose=verbose)


def predict_classes(self: Any, x: Any, batch_size: Any = None, verbose: Any = 0) -> Any:
    """The class of each example: the largest output, or for a single output whether it passes 0.5."""
    channel.note("predict-classes", "model.predict_classes(x)", "model.predict(x) > 0.5, or .argmax(axis=-1)")
    answers = self.predict(x, batch_size=batch_size, verbose=verbose)
    return answers.argmax(axis=-1) if answers.shape[-1] > 1 else (answers > 0.5).astype("int32")


def predict_proba(self: Any, x: Any, batch_size: Any = None, verbose: Any = 0) -> Any:
    """`model.predict` under the name it had for Sequential models."""
    channel.note("predict-proba", "model.predict_proba(x)", "model.predict(x)")
    return self.predict(x, batch_size=batch_size, verbose=verbose)


def _sequential(module: ModuleType) -> None:
    """`model.input` and `model.output` of a Sequential model that is built.

    Keras 3 looks for the call that made them; a Sequential model hands the call on to a functional
    model inside it, so that the outer one "has never been called".
    """
    for name in ("input", "output"):
        inherited = getattr(module.Sequential, name).fget
        setattr(module.Sequential, name, property(_of_functional(name, inherited)))


def _of_functional(name: str, inherited: Any) -> Any:
    @functools.wraps(inherited)
    def tensor(self: Any) -> Any:
        try:
            return inherited(self)
        except (AttributeError, ValueError):
            inside = getattr(self, "_functional", None)
            if inside is None:
                raise
        channel.note("sequential-input", f"model.{name}", f"model.{name}s")
        return getattr(inside, name)

    return tensor


def _iterator(module: ModuleType) -> None:
    """`generator.next()`, which Keras 3's iterators lack."""

    def next_(self: Any) -> Any:
        channel.note("generator-next", "generator.next()", "next(generator)")
        return next(self)

    if not hasattr(module.Iterator, "next"):
        module.Iterator.next = next_


def _layer(module: ModuleType) -> None:
    """`layer.output_shape`, which Keras 3 has for models only."""
    if not hasattr(module.Layer, "output_shape"):
        module.Layer.output_shape = _OutputShape()


class _OutputShape:
    """Answers the notebook for layers that set no attribute of this name; Keras itself asks for it too."""

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        if layer is None or asked_by_library():
            raise AttributeError(f"{owner.__name__!r} object has no attribute 'output_shape'")
        try:
            shape = tuple(layer.output.shape)
        except (AttributeError, ValueError) as error:
            raise AttributeError(
                f"{type(layer).__name__!r} object has no attribute 'output_shape'"
            ) from error
        channel.note("layer-shape", "layer.output_shape", "layer.output.shape")
        return shape
