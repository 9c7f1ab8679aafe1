"""Sees what Keras does, whatever the student called things; changes nothing about it.

It listens at the places through which all of Keras's work goes (`Trainer`, `CallbackList`, the directory
iterators) and keeps references to what passed by, so that the questions after the last cell can be put
to the very objects that trained.
"""

from __future__ import annotations

import functools
import itertools
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import channel, describe

HOOKS = (
    "on_epoch_end",
    "on_epoch_begin",
    "on_train_batch_end",
    "on_batch_end",
    "on_train_batch_begin",
    "on_batch_begin",
    "on_train_begin",
    "on_train_end",
    "on_test_end",
)
FIT_ARGUMENTS = ("x", "y", "batch_size", "epochs", "verbose", "callbacks")
KEPT = 200
"""Objects of one kind that are remembered; a notebook that makes more is not one we can judge."""

models: dict[int, Any] = {}
callbacks: dict[int, Any] = {}
pipelines: dict[int, dict[str, Any]] = {}
sources: dict[int, Any] = {}
samples: dict[int, tuple[Any, Any]] = {}
trainings: dict[int, dict[str, Any]] = {}
made_callbacks: list[Any] = []
callback_classes: list[Any] = []
states: dict[int, dict[str, Any]] = {}
called_by_us = False

_ids: dict[int, int] = {}
_keep_alive: list[Any] = []
_numbers = itertools.count(1)
_told: dict[int, dict[str, Any]] = {}
_cells: dict[int, int | None] = {}
_active = threading.local()


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A failure of ours is swallowed: it must not become the student's."""

    @functools.wraps(function)
    def quiet(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception:
            return None

    return quiet


def number_of(thing: Any) -> int:
    """A small number for an object, the same each time; keeps the object alive so that it stays true."""
    known = _ids.get(id(thing))
    if known is None:
        known = _ids[id(thing)] = next(_numbers)
        _keep_alive.append(thing)
    return known


def install() -> None:
    """Put the listeners in place; called once, after TensorFlow and the bridge are there."""
    _listen_to_models()
    _listen_to_fit()
    _listen_to_callbacks()
    _listen_to_pipelines()


# Models ---------------------------------------------------------------------------------------------


def _listen_to_models() -> None:
    from keras.src.trainers.trainer import Trainer

    made, compile_ = Trainer.__init__, Trainer.compile

    @functools.wraps(made)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        _model_made(self)

    @functools.wraps(compile_)
    def compile(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = compile_(self, *args, **kwargs)
        _model_compiled(self, args, kwargs)
        return result

    Trainer.__init__ = init
    Trainer.compile = compile


@guarded
def _model_made(model: Any) -> None:
    if len(models) < KEPT:
        models[number_of(model)] = model
        _cells[number_of(model)] = channel.place()[0]


@guarded
def _model_compiled(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    given = dict(
        zip(("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"), args, strict=False)
    )
    given |= kwargs
    # What Keras took for metrics: the bridge may have moved them to their place.
    taken = getattr(getattr(model, "_compile_metrics", None), "_user_metrics", None)
    _told[number_of(model)] = describe.compiled(model, given.get("loss"), taken or given.get("metrics"))
    send_model(model)


@guarded
def send_model(model: Any, **changes: Any) -> None:
    """Send a model as it stands now."""
    number = number_of(model)
    seen = describe.snapshot(model, number, _told.get(number), _cells.get(number))
    channel.send("model", model={**seen, **changes})


# fit ------------------------------------------------------------------------------------------------


def _listen_to_fit() -> None:
    from keras.src.backend.tensorflow.trainer import TensorFlowTrainer

    original = TensorFlowTrainer.fit

    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        record, args, kwargs = _fit_starts(self, args, kwargs) or (None, args, kwargs)
        if record is None:
            return original(self, *args, **kwargs)
        _stack().append(record)
        try:
            result = original(self, *args, **kwargs)
        except BaseException as problem:
            _fit_ends(self, record, problem)
            raise
        finally:
            _stack().pop()
        _fit_ends(self, record, None)
        return result

    TensorFlowTrainer.fit = fit


def _stack() -> list[dict[str, Any]]:
    if not hasattr(_active, "stack"):
        _active.stack = []
    stack: list[dict[str, Any]] = _active.stack
    return stack


@guarded
def _fit_starts(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Describe a training that begins; a plain generator is replaced by one that yields the same batches."""
    given = {**dict(zip(FIT_ARGUMENTS, args, strict=False)), **kwargs}
    x = given.get("x")
    pipeline = source_of(x, given.get("y"))
    record: dict[str, Any] = {
        "id": next(_numbers),
        "model": number_of(model),
        "epochs_asked": int(given.get("epochs") or 1),
        "steps_asked": _whole(given.get("steps_per_epoch")),
        "batch_size": _whole(given.get("batch_size")),
        "pipeline": pipeline,
        "callbacks": [n for one in _flat(given.get("callbacks")) if (n := _callback_passed(one)) is not None],
        "cell": channel.place()[0],
        "called_by_us": called_by_us,
    }
    models.setdefault(number_of(model), model)
    trainings[record["id"]] = record
    send_model(model)
    channel.send("fit-started", training=record)
    if isinstance(x, types.GeneratorType):
        args, kwargs = _with_x(args, kwargs, _watched(x, record))
    return record, args, kwargs


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _flat(given: Any) -> list[Any]:
    if given is None:
        return []
    inner = getattr(given, "callbacks", None)
    if isinstance(inner, list) and not isinstance(given, type):
        return list(inner)
    if isinstance(given, (list, tuple, set)):
        return [leaf for one in given for leaf in _flat(one)]
    if isinstance(given, dict):
        return [leaf for one in given.values() for leaf in _flat(one)]
    return [given]


def _with_x(args: tuple[Any, ...], kwargs: dict[str, Any], x: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return ((x, *args[1:]), kwargs) if args else (args, {**kwargs, "x": x})


def _watched(generator: Iterator[Any], record: dict[str, Any]) -> Iterator[Any]:
    """The same batches in the same order; the first is looked at on its way."""
    first = True
    for batch in generator:
        if first:
            first = False
            _generator_gave(batch, record)
        yield batch


@guarded
def _generator_gave(batch: Any, record: dict[str, Any]) -> None:
    served = [n for n in pipelines if pipelines[n].get("served") and pipelines[n]["kind"] != "generator"]
    seen = pipelines[record["pipeline"]]
    if served:
        origin = pipelines[served[-1]]
        seen |= {
            k: origin[k] for k in ("folder", "classes", "samples", "class_mode", "subset") if k in origin
        }
    batch_seen(record["pipeline"], *_xy(batch))


def _xy(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, (list, tuple)):
        return batch[0], batch[1] if len(batch) > 1 else None
    return batch, None


@guarded
def _fit_ends(model: Any, record: dict[str, Any], problem: BaseException | None) -> None:
    error = f"{type(problem).__name__}: {problem}"[:1000] if problem is not None else None
    send_model(model)
    channel.send(
        "fit-ended", training=record["id"], stopped=bool(getattr(model, "stop_training", False)), error=error
    )


# Callbacks ------------------------------------------------------------------------------------------


def _listen_to_callbacks() -> None:
    from keras.src.callbacks.callback import Callback
    from keras.src.callbacks.callback_list import CallbackList

    original = CallbackList.__init__

    @functools.wraps(original)
    def init(self: Any, callbacks: Any = None, add_history: bool = False, *args: Any, **kwargs: Any) -> None:
        original(self, callbacks, add_history, *args, **kwargs)
        if add_history:
            _listen_in(self)

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        made = object.__new__(cls)
        if not describe.ours(cls) and len(made_callbacks) < KEPT:
            made_callbacks.append(made)
        return made

    def init_subclass(cls: Any, /, **kwargs: Any) -> None:
        super(Callback, cls).__init_subclass__(**kwargs)
        if not describe.ours(cls) and len(callback_classes) < KEPT:
            callback_classes.append(cls)

    CallbackList.__init__ = init
    Callback.__new__ = staticmethod(new)
    Callback.__init_subclass__ = classmethod(init_subclass)


@guarded
def _listen_in(callback_list: Any) -> None:
    """Hear each epoch's logs before the student's callbacks do, and again after them."""
    stack = _stack()
    if not stack or "listening" in stack[-1]:
        return
    stack[-1]["listening"] = True
    before, after = _listeners(stack[-1])
    for listener in (before, after):
        listener.set_model(callback_list.model)
    callback_list.callbacks.insert(0, before)
    callback_list.callbacks.append(after)


def _listeners(record: dict[str, Any]) -> tuple[Any, Any]:
    import keras

    heard: dict[str, Any] = {}

    class Before(keras.callbacks.Callback):  # type: ignore[misc]
        async_safe = True

        def on_train_begin(self, logs: Any = None) -> None:
            heard["steps"] = _steps(self.model)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            steps = _steps(self.model)
            taken = steps - heard.get("steps", steps) if steps is not None else None
            heard.update(steps=steps, logs=dict(logs or {}), taken=taken)
            _send_epoch(record, epoch, heard, {})

    class After(keras.callbacks.Callback):  # type: ignore[misc]
        async_safe = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if dict(logs or {}) != heard["logs"]:
                _send_epoch(record, epoch, heard, dict(logs or {}))

    return Before(), After()


@guarded
def _steps(model: Any) -> int | None:
    return int(model.optimizer.iterations)


@guarded
def _send_epoch(record: dict[str, Any], epoch: int, heard: dict[str, Any], shown: dict[str, Any]) -> None:
    seen = {
        "number": epoch,
        "logs": _numbers_of(heard["logs"]),
        "shown": _numbers_of(shown),
        "steps": heard["taken"],
    }
    channel.send("epoch", training=record["id"], epoch=seen)


def _numbers_of(logs: dict[str, Any]) -> dict[str, float | None]:
    return {str(k): channel.plain(float(v)) for k, v in logs.items() if np.ndim(v) == 0}


@guarded
def _callback_passed(one: Any) -> int | None:
    from keras.src.callbacks.callback import Callback

    if isinstance(one, type):
        return send_callback(one, "class") if issubclass(one, Callback) else None
    return send_callback(one, "instance") if hasattr(one, "on_epoch_end") else None


def send_callback(one: Any, origin: str, **changes: Any) -> int:
    """Send a callback (or a class of them) as it stands now; its number."""
    number = number_of(one)
    callbacks.setdefault(number, one)
    states.setdefault(number, state_of(one) if origin == "instance" else {})
    kind = one if origin == "class" else type(one)
    hooks = overridden(one)
    seen = {
        "id": number,
        "kind": kind.__name__,
        "origin": origin,
        "builtin": describe.ours(kind) and kind.__name__ != "LambdaCallback",
        "hooks": hooks,
        "cell": _cells.setdefault(number, channel.place()[0]),
    }
    channel.send("callback", callback={**seen, **changes})
    return number


def state_of(one: Any) -> dict[str, Any]:
    """A callback's own attributes, with its lists, sets and dicts copied; everything else is shared."""
    return {name: own_copy(value) for name, value in getattr(one, "__dict__", {}).items()}


def own_copy(value: Any) -> Any:
    """The same value; lists, sets, tuples and dicts are copied all the way down."""
    if type(value) in (list, set, tuple):
        return type(value)(own_copy(item) for item in value)
    return {key: own_copy(item) for key, item in value.items()} if type(value) is dict else value


def overridden(one: Any) -> list[str]:
    """The hooks that a callback fills in itself."""
    from keras.src.callbacks.callback import Callback

    kind = one if isinstance(one, type) else type(one)
    found = [h for h in HOOKS if getattr(kind, h, None) is not getattr(Callback, h, None)]
    return found + [h for h in HOOKS if h not in found and h in getattr(one, "__dict__", {})]


# Data pipelines -------------------------------------------------------------------------------------


def _listen_to_pipelines() -> None:
    from keras.src.legacy.preprocessing import image

    for name, kind in (("DirectoryIterator", "flow_from_directory"), ("NumpyArrayIterator", "flow"),
                       ("DataFrameIterator", "flow")):  # fmt: skip
        cls = getattr(image, name, None)
        if cls is not None:
            _listen_to_iterator(cls, kind)


def _listen_to_iterator(cls: Any, kind: str) -> None:
    made, gave = cls.__init__, cls._get_batches_of_transformed_samples

    @functools.wraps(made)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        _iterator_made(self, kind)

    @functools.wraps(gave)
    def batches(self: Any, *args: Any, **kwargs: Any) -> Any:
        batch = gave(self, *args, **kwargs)
        _iterator_gave(self, batch)
        return batch

    cls.__init__ = init
    cls._get_batches_of_transformed_samples = batches


@guarded
def _iterator_made(iterator: Any, kind: str) -> None:
    number = number_of(iterator)
    size = getattr(iterator, "target_size", None) or np.shape(getattr(iterator, "x", ()))[1:3]
    image_shape = getattr(iterator, "image_shape", None) or np.shape(getattr(iterator, "x", ()))[1:]
    keep_pipeline(
        number,
        iterator,
        {
            "kind": kind,
            "folder": getattr(iterator, "directory", None),
            "classes": _classes(iterator),
            "samples": int(iterator.n),
            "size": [int(n) for n in size] if len(size) == 2 else None,
            "channels": int(image_shape[-1]) if len(image_shape) == 3 else None,
            "batch_size": int(iterator.batch_size),
            "class_mode": str(getattr(iterator, "class_mode", None)),
            "subset": getattr(iterator, "subset", None),
        },
    )


def _classes(iterator: Any) -> list[dict[str, Any]]:
    indices = getattr(iterator, "class_indices", None) or {}
    labels = np.asarray(getattr(iterator, "classes", []))
    return [{"name": str(name), "count": int((labels == i).sum())} for name, i in indices.items()]


def keep_pipeline(number: int, source: Any, seen: dict[str, Any]) -> None:
    """Remember a pipeline and send it."""
    if len(pipelines) < KEPT or number in pipelines:
        pipelines[number] = {"id": number, "cell": channel.place()[0], **seen}
        sources[number] = source
        _send_pipeline(number)


def _send_pipeline(number: int) -> None:
    channel.send("pipeline", pipeline={k: v for k, v in pipelines[number].items() if k != "served"})


@guarded
def _iterator_gave(iterator: Any, batch: Any) -> None:
    number = number_of(iterator)
    if number in pipelines and not pipelines[number].get("served"):
        pipelines[number]["served"] = True
        batch_seen(number, *_xy(batch))


def batch_seen(number: int, x: Any, y: Any) -> None:
    """Keep a few pictures of the first batch of a pipeline, and send its shape and range."""
    x = np.asarray(x)
    y = None if y is None else np.asarray(y)
    samples[number] = (np.array(x[:16]), None if y is None else np.array(y[:16]))
    pipelines[number]["batch"] = batch_of(x, y)
    _send_pipeline(number)


def batch_of(x: Any, y: Any) -> dict[str, Any]:
    """Shapes, range and label values of a batch."""
    values = (
        sorted({float(v) for v in np.ravel(y)[:100_000]})[:12]
        if y is not None and y.dtype.kind in "biuf"
        else []
    )
    return {
        "x_shape": [None, *x.shape[1:]],
        "x_low": channel.plain(float(x.min())) if x.size and x.dtype.kind in "biuf" else None,
        "x_high": channel.plain(float(x.max())) if x.size and x.dtype.kind in "biuf" else None,
        "y_shape": None if y is None else [None, *y.shape[1:]],
        "y_values": values,
    }


def source_of(x: Any, y: Any = None) -> int | None:
    """The number of the pipeline that `fit` is given, made known if it was not."""
    x = getattr(x, "grader_source", x)
    number = number_of(x) if x is not None else None
    if number is None or number in pipelines:
        return number
    if _is_dataset(x):
        _dataset(number, x)
        return number
    if isinstance(x, (types.GeneratorType, types.FunctionType)) or hasattr(x, "__next__"):
        keep_pipeline(number, x, {"kind": "generator"})
        return number
    if hasattr(x, "shape") or isinstance(x, (list, tuple)):
        _arrays(number, x, y)
        return number
    keep_pipeline(number, x, {"kind": "generator"})
    return number


@guarded
def _arrays(number: int, x: Any, y: Any) -> None:
    x = np.asarray(x)
    keep_pipeline(
        number,
        None,
        {
            "kind": "arrays",
            "samples": len(x),
            "size": list(x.shape[1:3]) if x.ndim == 4 else None,
            "channels": int(x.shape[3]) if x.ndim == 4 else None,
        },
    )
    batch_seen(number, x, None if y is None else np.asarray(y))


def _is_dataset(x: Any) -> bool:
    return hasattr(x, "element_spec") and hasattr(x, "_inputs")


@guarded
def _dataset(number: int, dataset: Any) -> None:
    """A tf.data pipeline, by what it was made from and what it gives; no batch is taken now."""
    origin = origin_of(dataset)
    spec = dataset.element_spec
    x = spec[0] if isinstance(spec, tuple) else spec
    shape = describe.shape(getattr(x, "shape", ())) or []
    seen = {
        "kind": "dataset",
        "size": shape[1:3] if len(shape) == 4 and None not in shape[1:3] else None,
        "channels": shape[3] if len(shape) == 4 else None,
        "batch_size": shape[0] if shape else None,
    }
    keep_pipeline(number, dataset, {**seen, **_from_folder(origin)})


def origin_of(dataset: Any) -> Any:
    """The dataset at the root of a chain of maps and batches that knows its class names, if there is one."""
    waiting = [dataset]
    for _ in range(100):
        if not waiting:
            return None
        one = waiting.pop()
        if hasattr(one, "class_names"):
            return one
        waiting += list(one._inputs())
    return None


def _from_folder(origin: Any) -> dict[str, Any]:
    if origin is None:
        return {}
    paths = [str(path) for path in getattr(origin, "file_paths", [])]
    parts = [path.replace("\\", "/").rsplit("/", 2) for path in paths]
    counts = {name: sum(1 for p in parts if len(p) == 3 and p[1] == name) for name in origin.class_names}
    return {
        "kind": "image_dataset_from_directory",
        "folder": parts[0][0] if parts and len(parts[0]) == 3 else None,
        "classes": [{"name": str(name), "count": count} for name, count in counts.items()],
        "samples": len(paths) or None,
    }
