"""The questions we put to a callback, and the switching map its answers make.

The kernel never learns a threshold: each metric that training reports is scanned over [0, 1] and beyond,
each change of the answer is narrowed by bisection to `PRECISION`, and both sides of it are tried again with
random values and epochs.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from grader.evidence import Answer, Callback, Switch, SwitchingMap

Logs = dict[str, float | None]
Call = tuple[int, Logs]
Ask = Callable[[int, str, Sequence[Call]], Awaitable[Sequence[Answer]]]
"""Puts calls to one hook of one callback: (callback, hook, calls) → one answer for each call."""

PRECISION = 1e-6
"""How closely a switch is located."""

GRID = tuple(i / 40 for i in range(40)) + tuple(1 - 10 ** (-k / 4) for k in range(7, 17)) + (1.0,)
"""Values in [0, 1] at which each metric is tried first: even steps of 1/40, finer towards 1."""

BEYOND = (1.01, 1.5, 10.0, 50.0, 90.0, 99.0, 99.5, 99.95, 100.0)
"""Values no accuracy has, for thresholds written as a percentage."""

WITHIN = 15
"""Values tried between two neighbours at once, so that each round narrows a switch sixteenfold."""

HOOKS = (
    "on_epoch_end",
    "on_train_batch_end",
    "on_batch_end",
    "on_epoch_begin",
    "on_train_end",
    "on_test_end",
)
"""The hooks in which a callback could stop training, in the order asked."""

USUAL_EPOCH = 3


@dataclass(frozen=True)
class _Scan:
    """One metric of one hook is varied while the others stay as they are in `others`."""

    callback: int
    hook: str
    metric: str
    others: Logs

    def logs(self, value: float | None) -> Logs:
        return {**self.others, self.metric: value}


async def switching_maps(
    callback: Callback, metrics: Sequence[str], ask: Ask, seed: int
) -> tuple[SwitchingMap, ...]:
    """When `callback` stops training, for each metric that training reports and each hook it fills in.

    Args:
        callback: the callback to ask about.
        metrics: the names training reports, e.g. ("loss", "accuracy").
        ask: puts calls to the callback.
        seed: chooses the random values of the last round.

    """
    chance = random.Random(seed)
    maps = []
    for hook in (hook for hook in HOOKS if hook in callback.hooks):
        for metric in metrics:
            for others in ("poor", "good") if hook == "on_epoch_end" else ("poor",):
                scan = _Scan(callback.id, hook, metric, _neutral(metrics, metric, others))
                found = await _map(scan, ask, chance)
                maps.append(SwitchingMap(hook=hook, metric=metric, others=others, **found))  # type: ignore[arg-type]
    return tuple(maps)


def _neutral(metrics: Sequence[str], scanned: str, others: str) -> Logs:
    """Values of the metrics that stay still: as of an untrained model, or of a good one."""
    values = {"poor": (0.7, 0.5), "good": (1e-4, 0.99999)}[others]
    return {name: values[0] if "loss" in name else values[1] for name in metrics if name != scanned}


async def _map(scan: _Scan, ask: Ask, chance: random.Random) -> dict[str, object]:
    values = [*GRID, *BEYOND]
    answers = await ask(scan.callback, scan.hook, [(USUAL_EPOCH, scan.logs(v)) for v in values])
    missing, none = await ask(
        scan.callback, scan.hook, [(USUAL_EPOCH, dict(scan.others)), (USUAL_EPOCH, scan.logs(None))]
    )
    switches = [await _narrowed(scan, ask, *between) for between in _changes(values, answers)]
    steady = await _steady(scan, ask, chance, switches, answers[0] == "stop")
    return {
        "start": answers[0],
        "switches": tuple(switches[:64]),
        "missing": missing,
        "none": none,
        "errors": sum(answer == "error" for answer in answers),
        "steady": steady,
    }


def _changes(values: Sequence[float], answers: Sequence[Answer]) -> list[tuple[float, float, bool]]:
    """Neighbours between which the answer changes, and whether it changes to "stop"."""
    stops = [answer == "stop" for answer in answers]
    pairs = zip(values, values[1:], stops, stops[1:], strict=False)
    return [(low, high, after) for low, high, before, after in pairs if before != after]


async def _narrowed(scan: _Scan, ask: Ask, low: float, high: float, to_stop: bool) -> Switch:
    for _ in range(12):
        if high - low <= PRECISION:
            break
        inner = [low + (high - low) * i / (WITHIN + 1) for i in range(1, WITHIN + 1)]
        answers = await ask(scan.callback, scan.hook, [(USUAL_EPOCH, scan.logs(v)) for v in inner])
        changed = next((i for i, a in enumerate(answers) if (a == "stop") == to_stop), len(inner))
        low, high = ([low, *inner][changed], [*inner, high][changed])
    return Switch(below=low, above=high, then="stop" if to_stop else "go")


async def _steady(
    scan: _Scan, ask: Ask, chance: random.Random, switches: Sequence[Switch], starts_stopping: bool
) -> bool:
    """Whether random values and epochs on every side are answered as the map says."""
    edges = [0.0, *(edge for s in switches for edge in (s.below, s.above)), 1.0]
    sides = list(zip(edges[::2], edges[1::2], strict=False))
    calls: list[Call] = []
    expected: list[bool] = []
    for i, (low, high) in enumerate(sides):
        stop = starts_stopping if i == 0 else switches[i - 1].then == "stop"
        if low > 1 or high < low:
            continue
        for _ in range(4):
            calls.append((chance.randrange(200), scan.logs(chance.uniform(low, high))))
            expected.append(stop)
    answers = await ask(scan.callback, scan.hook, calls) if calls else []
    return [answer == "stop" for answer in answers] == expected
