"""The training curve: accuracy by epoch, the value asked for, and where training ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.checks.training import accuracy_names
from grader.evidence import Epoch, Run, Training
from grader.feedback.words import count, measured

WIDTH, HEIGHT = 520, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 34, 46
"""The drawing and its margins, in units of the SVG's own."""

DRAWN = 400
"""Epochs drawn one by one; of longer histories, the lowest and highest of each stretch."""

LISTED = 30
"""Epochs listed as numbers: the first and last half of these."""

Point = tuple[int, float]
"""An epoch, counted from 1, and a value."""


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """One metric as drawn: `paths` are unbroken stretches ("x,y x,y …"), `dots` its single points."""

    name: str
    look: str
    paths: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    thin: bool


@dataclass(frozen=True)
class Row:
    """One epoch of the table that says the same in numbers; an epoch of 0 marks a gap."""

    epoch: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Curve:
    """A plot ready to be drawn, with the sentences that say the same."""

    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    asked: tuple[Tick, ...]
    end: Tick
    end_on_left: bool
    description: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    drawn_in_part: bool
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class _Scale:
    """Turns epochs and values into places of the drawing."""

    last: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        share = 0.5 if self.last == 1 else (epoch - 1) / (self.last - 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def training_curve(assignment: Assignment, run: Run) -> Curve | None:
    """The curve of the training being judged; None when it reported no accuracy."""
    training = run.training
    name = _accuracy_name(run)
    if training is None or name is None:
        return None
    points = _points(training.epochs, name)
    beside = _points(training.epochs, f"val_{name}")
    asked = thresholds(assignment)
    scale = _scale(training, points + beside, asked)
    lines = [_line("training accuracy", "training", points, scale)]
    if beside:
        lines.append(_line("validation accuracy", "validation", beside, scale))
    end = scale.x(len(training.epochs))
    return Curve(
        lines=tuple(lines),
        x_ticks=tuple(Tick(scale.x(n), str(n)) for n in _epoch_ticks(scale.last)),
        y_ticks=tuple(Tick(scale.y(v), f"{v:.3g}") for v in _value_ticks(scale)),
        asked=tuple(Tick(scale.y(v), f"asked for: above {v:g}") for v in asked),
        end=Tick(end, _end_label(training)),
        end_on_left=end > (LEFT + WIDTH - RIGHT) / 2,
        description=_description(training, points, asked),
        columns=tuple(_columns(training.epochs, name)),
        rows=_rows(training.epochs, _columns(training.epochs, name)),
        drawn_in_part=len(points) > DRAWN,
    )


def thresholds(assignment: Assignment) -> tuple[float, ...]:
    """The accuracies that criteria ask for: their setting `above`, where it is a share of one."""
    found = {
        float(c.settings["above"])
        for c in assignment.criteria
        if c.settings.get("metric", "accuracy") == "accuracy" and _is_share(c.settings.get("above"))
    }
    return tuple(sorted(found))


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1


def _accuracy_name(run: Run) -> str | None:
    """The name under which accuracy was reported: a metric of the model, or what sounds like one."""
    epochs = run.training.epochs if run.training else ()
    reported = list(dict.fromkeys(key for epoch in epochs for key in epoch.logs))
    sounding = [key for key in reported if "acc" in key and not key.startswith("val_")]
    return next((n for n in (*accuracy_names(run.model), *sounding) if _points(epochs, n)), None)


def _points(epochs: Sequence[Epoch], name: str) -> list[Point]:
    found = [(i, epoch.logs.get(name)) for i, epoch in enumerate(epochs, start=1)]
    return [(i, value) for i, value in found if value is not None and math.isfinite(value)]


# Drawing --------------------------------------------------------------------------------------------


def _scale(training: Training, points: Sequence[Point], asked: Sequence[float]) -> _Scale:
    """All epochs asked for, unless that would squeeze those that ran; values from a round number up to 1."""
    ran = len(training.epochs)
    wide = training.epochs_asked <= max(3 * ran, 20)
    values = [value for _, value in points]
    low = math.floor(10 * min(*values, *asked, 0.9)) / 10
    return _Scale(max(ran, training.epochs_asked if wide else ran), max(low, 0.0), max(*values, 1.0))


def _line(name: str, look: str, points: Sequence[Point], scale: _Scale) -> Line:
    runs = _unbroken(points if len(points) <= DRAWN else _thinned(points), broken=len(points) <= DRAWN)
    placed = [[(scale.x(n), scale.y(value)) for n, value in run] for run in runs]
    few = len(points) <= 40
    return Line(
        name=name,
        look=look,
        paths=tuple(" ".join(f"{x},{y}" for x, y in run) for run in placed if len(run) > 1),
        dots=tuple(spot for run in placed for spot in run if few or len(run) == 1),
        thin=len(points) > DRAWN // 4,
    )


def _unbroken(points: Sequence[Point], broken: bool) -> list[list[Point]]:
    """Stretches without a missing epoch; thinned points have gaps that mean nothing."""
    runs: list[list[Point]] = []
    for point in points:
        if runs and (not broken or point[0] == runs[-1][-1][0] + 1):
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _thinned(points: Sequence[Point]) -> list[Point]:
    """The lowest and highest point of each stretch, in order, and the last point."""
    size = math.ceil(2 * len(points) / DRAWN)
    kept: set[Point] = {points[-1]}
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        kept |= {min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])}
    return sorted(kept)


def _epoch_ticks(last: int) -> list[int]:
    """Round epochs, few enough to be read on a phone."""
    most = 10 if last < 100 else 5
    steps = (base * 10**power for power in range(9) for base in (1, 2, 5))
    step = next(s for s in steps if last / s <= most)
    return list(range(1, last + 1, 2)) if step == 2 else sorted({1, *range(step, last + 1, step)})


def _value_ticks(scale: _Scale) -> list[float]:
    if scale.high > 1:
        return [scale.low + i * (scale.high - scale.low) / 4 for i in range(5)]
    step = 0.1 if scale.low >= 0.5 else 0.2
    return [1 - i * step for i in range(11) if 1 - i * step > scale.low - 0.01]


def _end_label(training: Training) -> str:
    ran = len(training.epochs)
    how = "stopped" if training.stopped else "ended"
    return f"{how} after epoch {ran:,} of {training.epochs_asked:,}"


# Words ----------------------------------------------------------------------------------------------


def _description(training: Training, points: Sequence[Point], asked: Sequence[float]) -> tuple[str, ...]:
    """The curve in sentences: from where to where, whether it passed what was asked, how it ended."""
    (first, start), (last, value) = points[0], points[-1]
    told = f"Training accuracy was {measured(start)} in epoch {first:,}"
    if last != first:
        told += f" and {measured(value)} in epoch {last:,}"
    return (f"{told}.", *(_passed(points, above) for above in asked), how_it_ended(training))


def _passed(points: Sequence[Point], above: float) -> str:
    epoch = next((n for n, value in points if value > above), None)
    if epoch is not None:
        return f"It first passed {above:g} in epoch {epoch:,}."
    best_epoch, best = max(points, key=lambda p: (p[1], -p[0]))
    return f"It never passed {above:g}; the best was {measured(best)} in epoch {best_epoch:,}."


def how_it_ended(training: Training) -> str:
    """How a training came to its end, in one sentence."""
    ran, asked = len(training.epochs), count(training.epochs_asked, "epoch")
    if training.error:
        return f"Training ended with an error after {ran:,} of the {asked} asked for."
    if training.stopped:
        return f"A callback ended training after epoch {ran:,} of the {asked} asked for."
    if ran >= training.epochs_asked:
        return f"Training went on for {'the one epoch' if ran == 1 else f'all {asked}'} asked for."
    return f"Training was cut off after {ran:,} of the {asked} asked for."


def _columns(epochs: Sequence[Epoch], accuracy: str) -> list[str]:
    """At most four metrics, accuracy first."""
    reported = dict.fromkeys(key for epoch in epochs for key in epoch.logs)
    wanted = [accuracy, "loss", f"val_{accuracy}", "val_loss"]
    return [name for name in wanted if name in reported]


def _rows(epochs: Sequence[Epoch], columns: Sequence[str]) -> tuple[Row, ...]:
    """The epochs as a table; of long histories the first and the last, with a gap between."""
    rows = [
        Row(i, tuple(measured(epoch.logs.get(name)) for name in columns))
        for i, epoch in enumerate(epochs, start=1)
        if i <= LISTED // 2 or i > len(epochs) - LISTED // 2
    ]
    if len(epochs) > LISTED:
        rows.insert(LISTED // 2, Row(0, ()))
    return tuple(rows)
