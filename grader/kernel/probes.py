"""Answers the parent's questions after the last cell; never asked before, so that recording changes nothing.

A question is one JSON object; the answers go through the evidence pipe. Nothing here knows what a good
answer would be.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from . import channel, describe, recorder

OLD_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}


def answer(question: str, namespace: dict[str, Any]) -> None:
    """Answer one question; whatever goes wrong is said in the answer, never raised."""
    asked = json.loads(question)
    try:
        with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
            answers = QUESTIONS[asked["ask"]](asked, namespace)
        channel.send("answer", question=asked["question"], answers=answers or [])
    except BaseException as problem:
        channel.send(
            "answer", question=asked["question"], error=f"{type(problem).__name__}: {problem}"[:1000]
        )


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


# Calls of the course --------------------------------------------------------------------------------


def _call(asked: dict[str, Any], namespace: dict[str, Any]) -> list[str]:
    """Make a call of the course if every name is there and the function takes these arguments."""
    if any(name not in namespace for name in asked["needs"]) or not _fits(asked["code"], namespace):
        return ["unknown"]
    recorder.called_by_us = True
    try:
        exec(compile(asked["code"], "<course>", "exec"), namespace)
    finally:
        recorder.called_by_us = False
    return ["go"]


def _fits(code: str, namespace: dict[str, Any]) -> bool:
    """Whether the outermost call of `code` binds to the function's signature."""
    call = next((n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call)), None)
    if call is None or not isinstance(call.func, ast.Name):
        return True
    function = namespace.get(call.func.id)
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*call.args, **{k.arg: None for k in call.keywords if k.arg})
    except (TypeError, ValueError):
        return False
    return True


# Inventory ------------------------------------------------------------------------------------------


def _inventory(asked: dict[str, Any], namespace: dict[str, Any]) -> list[str]:
    """Send what could not be looked at before: unused pipelines, measured ranges, callbacks, models."""
    for step in (_look_at_datasets, _look_at_unused, _look_at_trainings, _look_at_models, _look_at_callbacks):
        with contextlib.suppress(Exception):
            step(namespace)
    return []


def _look_at_datasets(namespace: dict[str, Any]) -> None:
    for value in list(namespace.values()):
        if hasattr(value, "element_spec") and recorder.origin_of(value) is not None:
            recorder.source_of(value)


def _look_at_unused(namespace: dict[str, Any]) -> None:
    """Take one batch of each pipeline that gave none yet."""
    for number, source in list(recorder.sources.items()):
        if number not in recorder.samples and source is not None:
            with contextlib.suppress(Exception):
                recorder.batch_seen(number, *_one_batch(source))


def _one_batch(source: Any) -> tuple[Any, Any]:
    given = source.take(1).as_numpy_iterator() if hasattr(source, "element_spec") else iter([source[0]])
    batch = next(given)
    return (batch[0], batch[1]) if isinstance(batch, (tuple, list)) and len(batch) > 1 else (batch, None)


def _look_at_trainings(namespace: dict[str, Any]) -> None:
    for number, training in recorder.trainings.items():
        with contextlib.suppress(Exception):
            _measure(number, recorder.models[training["model"]], training["pipeline"])


def _measure(number: int, model: Any, pipeline: int) -> None:
    """Send the range of values that reach the first layer with weights."""
    x, y = recorder.samples[pipeline]
    reached = first_input(model, x)
    if reached is not None:
        channel.send("reaches", training=number, batch=recorder.batch_of(np.asarray(reached), y))


def first_input(model: Any, x: Any) -> Any:
    """What the first layer with trainable weights of its own is given when the model sees `x`.

    A normalising layer in front counts as rescaling: its batch statistics are applied.
    """
    from keras.src.layers.layer import Layer

    seen: list[Any] = []
    original = Layer.__call__

    def listening(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not seen and args and _has_own_weights(self):
            seen.append(_normalised(np.asarray(args[0])) if _normalises(self) else np.asarray(args[0]))
        return original(self, *args, **kwargs)

    Layer.__call__ = listening
    try:
        model(x, training=False)
    except Exception:
        return seen[0] if seen else None
    finally:
        Layer.__call__ = original
    return seen[0] if seen else None


def _has_own_weights(layer: Any) -> bool:
    return (
        bool(layer.trainable_variables)
        and not getattr(layer, "_layers", None)
        and not hasattr(layer, "layers")
    )


def _normalises(layer: Any) -> bool:
    return type(layer).__name__ in ("BatchNormalization", "LayerNormalization", "GroupNormalization")


def _normalised(x: Any) -> Any:
    return (x - x.mean()) / (x.std() + 1e-3)


def _look_at_models(namespace: dict[str, Any]) -> None:
    for number, model in list(recorder.models.items()):
        with contextlib.suppress(Exception):
            recorder.send_model(model, **_measured(number, model))


def _measured(number: int, model: Any) -> dict[str, Any]:
    """What only calling the model shows, where its layers do not tell: shapes, final activation."""
    training = next((t for t in recorder.trainings.values() if t["model"] == number), None)
    batch = recorder.samples.get(training["pipeline"]) if training else None
    seen = describe.output(model)
    if batch is None or (seen["activation"] and seen["units"] and describe.input_shape(model)):
        return _loss_by_meaning(number)
    x = np.asarray(batch[0][:4], "float32")
    given = np.asarray(model(x, training=False))
    units = given.shape[-1] if given.ndim > 1 else 1
    output = {**seen, "units": units, "places": int(np.prod(given.shape[1:-1]))}
    output["activation"] = seen["activation"] or describe.traced_activation(model, x) or _by_range(model, x)
    return {"output": output, "input_shape": [None, *x.shape[1:]], **_loss_by_meaning(number)}


def _by_range(model: Any, x: Any) -> str | None:
    """Name what squashes the output: "sigmoid" when very different pictures all give 0 to 1."""
    wild = np.random.RandomState(0).normal(0, 50, (16, *x.shape[1:])).astype("float32")
    given = np.asarray(model(wild, training=False))
    if given.shape[-1] > 1 and np.allclose(given.sum(-1), 1, atol=1e-3):
        return "softmax"
    return "sigmoid" if given.min() >= 0 and given.max() <= 1 else "linear"


def _loss_by_meaning(number: int) -> dict[str, Any]:
    """A loss of the student's own that gives the numbers of binary crossentropy is binary crossentropy."""
    import keras

    told = recorder._told.get(number)
    model = recorder.models[number]
    if not told or not (told.get("loss") or {}).get("custom"):
        return {}
    y, p = np.array([[0.0], [1.0], [1.0]], "float32"), np.array([[0.2], [0.7], [0.4]], "float32")
    own = np.mean(np.asarray(model.loss(y, p)))
    for logits in (False, True):
        theirs = np.mean(np.asarray(keras.losses.BinaryCrossentropy(from_logits=logits)(y, p)))
        if abs(own - theirs) < 1e-3:
            loss = {"name": "binary_crossentropy", "from_logits": logits, "given": "function"}
            return {"compiled": {**told, "loss": loss}}
    return {}


def _look_at_callbacks(namespace: dict[str, Any]) -> None:
    for one in recorder.made_callbacks:
        if recorder.number_of(one) not in recorder.callbacks:
            recorder.send_callback(one, "instance")
    made = {type(one) for one in recorder.made_callbacks}
    for cls in recorder.callback_classes:
        if cls not in made and recorder.number_of(cls) not in recorder.callbacks:
            recorder.send_callback(cls, "class")


# Driving callbacks ----------------------------------------------------------------------------------


class Watched(dict):  # type: ignore[type-arg]
    """Logs that remember which names were read; an old name answers for the new one, as in training."""

    def __init__(self, logs: dict[str, Any]) -> None:
        super().__init__(logs)
        self.read: list[str] = []
        self.old: list[str] = []

    def _name(self, key: Any) -> Any:
        new = OLD_NAMES.get(key)
        if not dict.__contains__(self, key) and new is not None and dict.__contains__(self, new):
            self.old.append(key)
            return new
        return key

    def __getitem__(self, key: Any) -> Any:
        key = self._name(key)
        self.read.append(str(key))
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """What dict.get gives, remembering the name."""
        key = self._name(key)
        self.read.append(str(key))
        return super().get(key, default)

    def __contains__(self, key: Any) -> bool:
        return super().__contains__(self._name(key))


class Proxy:
    """Stands in for the model: everything is the real model's, only `stop_training` is noted here."""

    def __init__(self, model: Any) -> None:
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, "_stop", False)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The real model's class, so that isinstance answers as in training."""
        return type(object.__getattribute__(self, "_model"))

    def __getattr__(self, name: str) -> Any:
        if name == "stop_training":
            return object.__getattribute__(self, "_stop")
        return getattr(object.__getattribute__(self, "_model"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "stop_training":
            object.__setattr__(self, "_stop", value)
        else:
            setattr(object.__getattribute__(self, "_model"), name, value)


def _drive(asked: dict[str, Any], namespace: dict[str, Any]) -> list[str]:
    """Call one hook of one callback with each of the given logs; for each: stop, go or error."""
    one, model = _instance(asked["callback"]), _model_of(asked["callback"])
    seen: dict[str, Any] = {"reads": [], "old_names": []}
    answers = [_driven(one, model, asked["hook"], epoch, logs, seen) for epoch, logs in asked["calls"]]
    known = recorder.callbacks[asked["callback"]]
    origin = "class" if isinstance(known, type) else "instance"
    already = _seen.setdefault(asked["callback"], {"reads": [], "old_names": []})
    for key in ("reads", "old_names"):
        seen[key] = already[key] = list(dict.fromkeys([*already[key], *seen[key]]))[:50]
    already.update({k: v for k, v in seen.items() if v})
    recorder.send_callback(known, origin, **already)
    return answers


_seen: dict[int, dict[str, Any]] = {}
_instances: dict[int, Any] = {}


def _instance(number: int) -> Any:
    """The callback itself; a class that was never made a callback is made one now."""
    known = recorder.callbacks[number]
    if not isinstance(known, type):
        return known
    if number not in _instances:
        made = _instances[number] = known()
        recorder.states[recorder.number_of(made)] = recorder.state_of(made)
    return _instances[number]


def _model_of(number: int) -> Any:
    """The model this callback trained, else any model."""
    trained = [t["model"] for t in recorder.trainings.values() if number in t["callbacks"]]
    every = trained or list(recorder.models)
    return recorder.models[every[-1]] if every else _no_model()


class _no_model:  # noqa: N801 - never seen by anyone
    stop_training = False


def _driven(one: Any, model: Any, hook: str, epoch: int, logs: dict[str, Any], seen: dict[str, Any]) -> str:
    proxy, given = Proxy(model), Watched(logs)
    flag = getattr(model, "stop_training", False)
    model.stop_training = False
    _as_before_training(one)
    try:
        one.set_model(proxy)
        with contextlib.suppress(Exception):
            one.on_train_begin({})  # where many set up what their other hooks count with
        proxy.stop_training = model.stop_training = False
        _hook(one, hook)(epoch, given)
        stops = bool(proxy.stop_training) or bool(model.stop_training)
        answered = "stop" if stops else "go"
    except BaseException as problem:
        seen.setdefault("error", f"{type(problem).__name__}: {problem}"[:300])
        answered = "error"
    finally:
        model.stop_training = flag
        with contextlib.suppress(Exception):
            one.set_model(model)
    seen["reads"] += [name for name in given.read if name not in seen["reads"]]
    seen["old_names"] += [name for name in given.old if name not in seen["old_names"]]
    if "stop_training" in getattr(one, "__dict__", {}):
        seen["flag_on_itself"] = True
    if dict(given) != logs:
        seen["changes_logs"] = True
    return answered


def _as_before_training(one: Any) -> None:
    """Give a callback the attributes it had when training began: a switch that works once works again."""
    before = recorder.states.get(recorder.number_of(one))
    if before is not None and hasattr(one, "__dict__"):
        one.__dict__.clear()
        one.__dict__.update({name: recorder.own_copy(value) for name, value in before.items()})


def _hook(one: Any, name: str) -> Callable[[int, Any], Any]:
    method = getattr(one, name)
    if name in ("on_train_end", "on_train_begin", "on_test_end"):
        return lambda epoch, logs: method(logs)
    return lambda epoch, logs: method(epoch, logs)


QUESTIONS: dict[str, Callable[[dict[str, Any], dict[str, Any]], list[str]]] = {
    "call": _call,
    "inventory": _inventory,
    "drive": _drive,
}
