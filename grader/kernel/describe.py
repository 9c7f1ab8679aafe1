"""Turns Keras objects into plain values: layers, outputs, losses, metrics, shapes."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable
from typing import Any

PASSES_ON = {"Flatten", "Reshape", "Dropout", "Identity", "Squeeze", "Permute", "Cast"}
"""Layers that hand on what they get: the output's activation lies before them."""

ACTIVATION_LAYERS = {
    "Softmax": "softmax",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "PReLU": "prelu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSigmoid": "hard_sigmoid",
    "LogSoftmax": "log_softmax",
}

GRAPH_OPS = {
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Tanh": "tanh",
    "Relu": "relu",
    "LogSoftmax": "log_softmax",
}


def snake_case(name: str) -> str:
    """BinaryCrossentropy → binary_crossentropy."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def ours(thing: Any) -> bool:
    """Whether Keras, TensorFlow or the witness defined this (a student's own function is not)."""
    module = getattr(thing, "__module__", None) or getattr(type(thing), "__module__", "")
    return str(module).split(".")[0] in ("keras", "tensorflow", "tf_keras", __name__.split(".")[0])


def shape(value: Any) -> list[int | None] | None:
    """A shape as a list, None where unknown."""
    try:
        return [None if n is None else int(n) for n in value]
    except TypeError:
        return None


def activation_name(activation: Any) -> str | None:
    """The name of an activation given as a string, a function or an object; None for none at all."""
    if activation is None:
        return None
    if isinstance(activation, str):
        return activation
    name = getattr(activation, "__name__", None) or snake_case(type(activation).__name__)
    return "linear" if name == "identity" else str(name)


def loss(given: Any) -> dict[str, Any] | None:
    """A loss by its snake-case name, with `from_logits` and how it was given."""
    if isinstance(given, (list, tuple)) and len(given) == 1:
        return loss(given[0])
    if given is None:
        return None
    if isinstance(given, str):
        return {"name": _loss_function_name(given), "given": "string"}
    if isinstance(given, functools.partial):
        inner = loss(given.func) or {}
        return {**inner, "from_logits": bool(given.keywords.get("from_logits", False))}
    if callable(given) and hasattr(given, "__name__"):
        return {"name": str(given.__name__), "given": "function", "custom": not ours(given)}
    return _loss_object(given)


def _loss_function_name(name: str) -> str:
    import keras

    try:
        found = keras.losses.get(name)
    except Exception:
        return name
    return str(getattr(found, "__name__", None) or snake_case(type(found).__name__))


def _loss_object(given: Any) -> dict[str, Any]:
    wrapped = getattr(given, "_fn_kwargs", {}) or {}
    logits = bool(wrapped.get("from_logits", getattr(given, "from_logits", False)))
    return {
        "name": snake_case(type(given).__name__),
        "from_logits": logits,
        "given": "object",
        "custom": not ours(type(given)),
    }


def metrics(given: Any) -> list[dict[str, Any]]:
    """The metrics of `compile`, each with the key it reports under and its kind."""
    return [found for one in _flat(given) if (found := _metric(one))]


def _flat(given: Any) -> Iterable[Any]:
    if given is None:
        return []
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, (list, tuple)):
        return [leaf for one in given for leaf in _flat(one)]
    return [given]


def _metric(one: Any) -> dict[str, Any] | None:
    if isinstance(one, str):
        kind = {"acc": "accuracy"}.get(one, snake_case(one))
        return {"name": one, "kind": kind}
    if hasattr(one, "name"):
        wrapped = getattr(one, "_fn", None)
        plain_wrapper = type(one).__name__ == "MeanMetricWrapper" and wrapped is not None
        kind = snake_case(getattr(wrapped, "__name__", "") if plain_wrapper else type(one).__name__)
        return {
            "name": str(one.name),
            "kind": kind,
            "custom": not ours(wrapped if plain_wrapper else type(one)),
        }
    if callable(one):
        name = str(getattr(one, "__name__", type(one).__name__))
        return {"name": name, "kind": snake_case(name), "custom": not ours(one)}
    return None


def learning_rate(optimizer: Any) -> float | None:
    """The optimizer's learning rate if it is one number."""
    try:
        return float(optimizer.learning_rate)
    except Exception:
        return None


def compiled(model: Any, loss_given: Any, metrics_given: Any) -> dict[str, Any]:
    """What `compile` was told, and the optimizer that came of it."""
    optimizer = getattr(model, "optimizer", None)
    return {
        "loss": loss(loss_given),
        "optimizer": type(optimizer).__name__ if optimizer is not None else None,
        "learning_rate": learning_rate(optimizer),
        "metrics": metrics(metrics_given),
    }


# Layers ---------------------------------------------------------------------------------------------


def layers(model: Any, depth: int = 0) -> list[dict[str, Any]]:
    """Every layer, nested models' layers behind the model they belong to."""
    found = []
    for layer in list(getattr(model, "layers", []))[:500]:
        found.append(_layer(layer, depth))
        if hasattr(layer, "layers") and depth < 5:
            found += layers(layer, depth + 1)
    return found[:2000]


def _layer(layer: Any, depth: int) -> dict[str, Any]:
    return {
        "name": str(getattr(layer, "name", ""))[:200],
        "kind": type(layer).__name__,
        "output_shape": output_shape(layer),
        "parameters": _or_none(lambda: int(layer.count_params())) or 0,
        "trainable": bool(getattr(layer, "trainable", True)),
        "units": _number(getattr(layer, "units", None)),
        "filters": _number(getattr(layer, "filters", None)),
        "activation": _activation_of(layer),
        "depth": depth,
    }


def _activation_of(layer: Any) -> str | None:
    return ACTIVATION_LAYERS.get(type(layer).__name__) or activation_name(getattr(layer, "activation", None))


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _or_none(get: Any) -> Any:
    try:
        return get()
    except Exception:
        return None


def output_shape(layer: Any) -> list[int | None] | None:
    """(batch_size, …) of what a layer or model gives; None where it was never built."""
    outputs = _or_none(lambda: layer.outputs)
    output = outputs[0] if outputs else _or_none(lambda: layer.output)
    if isinstance(output, (list, tuple)):
        output = output[0] if output else None
    return shape(output.shape) if output is not None else None


def input_shape(model: Any) -> list[int | None] | None:
    """(batch_size, height, width, channels) of what a model takes; None where it was never built."""
    inputs = _or_none(lambda: model.inputs)
    if inputs:
        return shape(inputs[0].shape)
    built = _or_none(lambda: model._build_shapes_dict)
    if isinstance(built, dict) and built:
        first = next(iter(built.values()))
        return shape(first) if isinstance(first, (list, tuple)) else None
    return None


def output(model: Any) -> dict[str, Any]:
    """How many numbers the model answers with, and what squashes them, as far as its layers tell."""
    last = _last_layer(model)
    found = output_shape(model) or (output_shape(last) if last is not None else None)
    units = found[-1] if found else _number(getattr(last, "units", None))
    places = _count(found[1:-1]) if found else 1
    return {
        "units": units,
        "places": places or 1,
        "activation": _final_activation(model),
        "layer": getattr(last, "name", None),
    }


def _count(shape: list[int | None]) -> int | None:
    """How many numbers a shape without its batch size holds; None where a part of it is open."""
    return None if None in shape else math.prod(n for n in shape if n is not None)


def _last_layer(model: Any) -> Any:
    chain = _backwards(model)
    return next(
        (layer for layer in chain if _number(getattr(layer, "units", None))), chain[0] if chain else None
    )


def _final_activation(model: Any) -> str | None:
    """The activation nearest to the output; None when the layers do not tell (custom code)."""
    for layer in _backwards(model):
        kind = type(layer).__name__
        if kind in PASSES_ON:
            continue
        if not ours(type(layer)) or kind == "Lambda":
            return None
        name = _activation_of(layer)
        if name == "<lambda>" or (name is not None and _student_made(layer)):
            return None
        if name in (None, "linear") and kind == "Activation":
            continue
        return name or ("linear" if hasattr(layer, "kernel") else None)
    return None


def _student_made(layer: Any) -> bool:
    activation = getattr(layer, "activation", None)
    return callable(activation) and not ours(activation)


def _backwards(model: Any) -> list[Any]:
    """The layers from the output backwards: by connections where Keras knows them, else none."""
    outputs = _or_none(lambda: model.outputs)
    if not outputs:
        return []
    chain: list[Any] = []
    operation = _or_none(lambda: outputs[0]._keras_history.operation)
    while operation is not None and len(chain) < 20:
        if hasattr(operation, "layers") and _or_none(lambda op=operation: op.outputs):
            return chain + _backwards(operation)
        chain.append(operation)
        if getattr(operation, "units", None):
            break
        operation = _before(operation)
    return chain


def _before(operation: Any) -> Any:
    nodes = getattr(operation, "_inbound_nodes", [])
    parents = _or_none(lambda: nodes[-1].parent_nodes) or []
    return parents[0].operation if len(parents) == 1 else None


def traced_activation(model: Any, batch: Any) -> str | None:
    """The last operation of the traced graph, for models whose layers do not tell (subclasses, Lambda)."""
    import tensorflow as tf

    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(
        tf.TensorSpec(batch.shape, tf.float32)
    )
    tensor = graph.outputs[0]
    for _ in range(50):
        operation = tensor.op
        name = GRAPH_OPS.get(operation.type)
        if name:
            return name
        if operation.type in ("StatefulPartitionedCall", "PartitionedCall"):
            return None
        if (
            operation.type not in ("Identity", "Reshape", "Squeeze", "Cast", "ExpandDims")
            or not operation.inputs
        ):
            return "linear" if operation.type in ("BiasAdd", "MatMul", "Add", "AddV2") else None
        tensor = operation.inputs[0]
    return None


def snapshot(model: Any, number: int, told: dict[str, Any] | None, cell: int | None) -> dict[str, Any]:
    """A model as plain values, whatever state it is in."""
    return {
        "id": number,
        "kind": type(model).__name__,
        "layers": _or_none(lambda: layers(model)) or [],
        "input_shape": _or_none(lambda: input_shape(model)),
        "output": _or_none(lambda: output(model)) or {},
        "compiled": told,
        "parameters": _or_none(lambda: int(model.count_params())) or 0,
        "cell": cell,
    }
