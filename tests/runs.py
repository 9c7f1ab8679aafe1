"""Runs of a right solution and of changed ones, callbacks that are really asked, and values of any schema."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import builders
import msgspec
from hypothesis import strategies as st

from grader.checks import Finding
from grader.evidence import Answer, Batch, Callback, PictureClass, Pipeline, Run, Switch, SwitchingMap
from grader.execution.questions import Ask, Call, Logs, switching_maps

Decide = Callable[[int, Any], object]
"""What a student's callback does with an epoch and its logs: whether it stops; it may raise."""


# A right solution, and changes of it ----------------------------------------------------------------


def fed(**changes: Any) -> Batch:
    """A first batch of rescaled colour pictures with one label each."""
    given: dict[str, Any] = {
        "x_shape": (None, 150, 150, 3),
        "x_low": 0.0,
        "x_high": 1.0,
        "y_shape": (None,),
        "y_values": (0.0, 1.0),
    }
    return Batch(**(given | changes))


def classes(**counts: int | None) -> tuple[PictureClass, ...]:
    """Classes by name, with how many pictures each has."""
    return tuple(PictureClass(name=name, count=count) for name, count in counts.items())


def pipeline(**changes: Any) -> Pipeline:
    """The 80 faces from their parent folder."""
    given: dict[str, Any] = {
        "id": 1,
        "kind": "flow_from_directory",
        "folder": "/tmp/h-or-s",
        "classes": classes(happy=40, sad=40),
        "samples": 80,
        "size": (150, 150),
        "channels": 3,
        "batch_size": 10,
        "class_mode": "binary",
        "batch": fed(),
    }
    return Pipeline(**(given | changes))


def switch(point: float, then: str = "stop") -> Switch:
    """A switch that bisection located at this point."""
    return Switch(below=point - 4e-7, above=point + 4e-7, then=then)  # type: ignore[arg-type]


def stops_above(point: float, metric: str = "accuracy", **changes: Any) -> SwitchingMap:
    """The map of a callback that stops once a metric passes a point."""
    given: dict[str, Any] = {
        "hook": "on_epoch_end",
        "metric": metric,
        "others": "poor",
        "start": "go",
        "switches": (switch(point),),
    }
    return SwitchingMap(**(given | changes))


def stopper(**changes: Any) -> Callback:
    """A callback that was driven and stops where it should."""
    given: dict[str, Any] = {
        "id": 1,
        "kind": "StopAtAccuracy",
        "hooks": ("on_epoch_end",),
        "reads": ("accuracy",),
        "maps": (stops_above(0.999),),
    }
    return Callback(**(given | changes))


def seen(
    *,
    model: Mapping[str, Any] | None = None,
    pipeline: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    callback: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Run:
    """The run of a right solution, with these fields of its parts changed."""
    trained: dict[str, Any] = {"pipeline": 1, "reaches": fed(), **(training or {})}
    given: dict[str, Any] = {
        "models": (builders.model(**(model or {})),),
        "pipelines": (_pipeline(**(pipeline or {})),),
        "trainings": (builders.training(**trained),),
        "callbacks": (stopper(**(callback or {})),),
    }
    return builders.run(**(given | changes))


_pipeline = pipeline


def outcome(finding: Finding) -> tuple[float | None, str | None]:
    """What a finding comes to: its share, rounded, and its diagnosis."""
    return (None if finding.share is None else round(finding.share, 4)), finding.diagnosis


# Asking a callback ----------------------------------------------------------------------------------


def asking(decide: Decide, heard: list[tuple[str, Sequence[Call]]] | None = None) -> Ask:
    """The other side of the questions: answers as a kernel would for a callback that does this.

    `heard` is filled with the hook and the calls of each question.
    """

    async def ask(callback: int, hook: str, calls: Sequence[Call]) -> Sequence[Answer]:
        if heard is not None:
            heard.append((hook, calls))
        return [_answer(decide, epoch, dict(logs)) for epoch, logs in calls]

    return ask


def _answer(decide: Decide, epoch: int, logs: Logs) -> Answer:
    try:
        return "stop" if decide(epoch, logs) else "go"
    except Exception:
        return "error"


def driven(
    decide: Decide,
    metrics: Sequence[str] = ("loss", "accuracy"),
    hooks: tuple[str, ...] = ("on_epoch_end",),
    heard: list[tuple[str, Sequence[Call]]] | None = None,
    seed: int = 1,
) -> tuple[SwitchingMap, ...]:
    """The switching maps of a callback that decides like this, asked as a kernel's would be."""
    callback = Callback(id=1, kind="StopAtAccuracy", hooks=hooks)
    return asyncio.run(switching_maps(callback, metrics, asking(decide, heard), seed))


# Values of any schema -------------------------------------------------------------------------------


def of_schema(kind: Any) -> st.SearchStrategy[Any]:
    """Any value that fits a type of `grader.evidence`, read from the type itself."""
    return _of(msgspec.inspect.type_info(kind))


def _of(info: Any) -> st.SearchStrategy[Any]:
    return STRATEGIES[type(info)](info)


def _struct(info: Any) -> st.SearchStrategy[Any]:
    fields = {f.name: _of(f.type) for f in info.fields}
    return st.fixed_dictionaries(fields).map(lambda values: info.cls(**values))


def _up_to(info: Any, size: int) -> int:
    return min(size, info.max_length if info.max_length is not None else size)


STRATEGIES: dict[type, Callable[[Any], st.SearchStrategy[Any]]] = {
    msgspec.inspect.NoneType: lambda info: st.none(),
    msgspec.inspect.BoolType: lambda info: st.booleans(),
    msgspec.inspect.IntType: lambda info: st.integers(
        -(2**63) if info.ge is None else info.ge, 2**63 if info.le is None else info.le
    ),
    msgspec.inspect.FloatType: lambda info: st.floats(allow_nan=False, allow_infinity=False),
    msgspec.inspect.StrType: lambda info: st.text(max_size=_up_to(info, 12)),
    msgspec.inspect.LiteralType: lambda info: st.sampled_from(info.values),
    msgspec.inspect.EnumType: lambda info: st.sampled_from(list(info.cls)),
    msgspec.inspect.UnionType: lambda info: st.one_of([_of(one) for one in info.types]),
    msgspec.inspect.VarTupleType: lambda info: st.lists(_of(info.item_type), max_size=_up_to(info, 2)).map(
        tuple
    ),
    msgspec.inspect.DictType: lambda info: st.dictionaries(
        _of(info.key_type), _of(info.value_type), max_size=_up_to(info, 3)
    ),
    msgspec.inspect.StructType: _struct,
}
