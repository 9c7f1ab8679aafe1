"""What a run left behind: read back believing nothing, kept as one `run.json`.

Two shapes live here. *Events* are what the student's kernel reports, one JSON line each, while it runs;
they come from an untrusted process, so each is checked against its type (sizes and lengths included)
and refused otherwise. A *Run* is what the events add up to; judging sees nothing else.
"""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from grader.errors import EvidenceError

FORMAT = 1
"""Format of `run.json`. 1: first."""

MAX_LINE = 1_000_000
"""Bytes of one event; a longer line is refused unread."""

Word = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=4000)]
Number = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Shape = Annotated[tuple[Number | None, ...], Meta(max_length=12)]
Numbers = Annotated[dict[Word, float | None], Meta(max_length=64)]
Words = Annotated[tuple[Word, ...], Meta(max_length=256)]


class Ending(enum.Enum):
    """How the run of one submission came to its end."""

    FINISHED = "finished"
    STOPPED_EARLY = "stopped-early"
    TIMED_OUT = "timed-out"
    OUT_OF_MEMORY = "out-of-memory"
    TOO_MUCH_CPU = "too-much-cpu"
    TOO_MANY_PROCESSES = "too-many-processes"
    DISK_FULL = "disk-full"
    TOO_MUCH_OUTPUT = "too-much-output"
    KERNEL_DIED = "kernel-died"
    UNREADABLE = "unreadable"
    INTERRUPTED = "interrupted"
    GRADER_FAILED = "grader-failed"

    @property
    def ours(self) -> bool:
        """Whether the reason lies with us, not with the notebook."""
        return self in (Ending.INTERRUPTED, Ending.GRADER_FAILED)


class Layer(Struct, frozen=True, kw_only=True):
    """One layer of a model; shapes are (batch_size, …) with None where unknown."""

    name: Word
    kind: Word
    output_shape: Shape | None = None
    parameters: Number = 0
    trainable: bool = True
    units: Number | None = None
    filters: Number | None = None
    activation: Word | None = None
    depth: Number = 0


class Output(Struct, frozen=True, kw_only=True):
    """What a model answers with: how many numbers, and what squashes them.

    `places` is at how many places of a picture it answers: more than 1 where nothing flattens.
    """

    units: Number | None = None
    places: Number = 1
    activation: Word | None = None
    layer: Word | None = None


class Loss(Struct, frozen=True, kw_only=True):
    """A loss by its snake-case name, whatever it was written as."""

    name: Word
    from_logits: bool = False
    given: Literal["string", "object", "function", "other"] = "string"
    custom: bool = False


class Metric(Struct, frozen=True, kw_only=True):
    """A metric: `name` is the key it reports under, `kind` its snake-case class or function."""

    name: Word
    kind: Word
    custom: bool = False


class Compiled(Struct, frozen=True, kw_only=True):
    """What `compile` was told."""

    loss: Loss | None = None
    optimizer: Word | None = None
    learning_rate: float | None = None
    metrics: Annotated[tuple[Metric, ...], Meta(max_length=64)] = ()


class ModelSnapshot(Struct, frozen=True, kw_only=True):
    """A model as it stood when it was trained or, if it never was, after the last cell."""

    id: Number
    kind: Word
    layers: Annotated[tuple[Layer, ...], Meta(max_length=2000)] = ()
    input_shape: Shape | None = None
    output: Output = Output()
    compiled: Compiled | None = None
    parameters: Number = 0
    cell: Number | None = None


class Batch(Struct, frozen=True, kw_only=True):
    """The first batch seen: shapes with the batch size in front, and the range of its values."""

    x_shape: Shape = ()
    x_low: float | None = None
    x_high: float | None = None
    y_shape: Shape | None = None
    y_values: Annotated[tuple[float, ...], Meta(max_length=12)] = ()


class PictureClass(Struct, frozen=True, kw_only=True):
    """A class as a data pipeline sees it: the folder's or label's name, and how many pictures."""

    name: Word
    count: Number | None = None


class Pipeline(Struct, frozen=True, kw_only=True):
    """Where pictures come from and what was asked of them; sizes are (height, width).

    `batch` is its first batch: seen on its way into a training, or looked at after the last cell.
    """

    id: Number
    kind: Literal[
        "flow_from_directory", "image_dataset_from_directory", "flow", "arrays", "dataset", "generator"
    ]
    folder: Text | None = None
    classes: Annotated[tuple[PictureClass, ...], Meta(max_length=200)] = ()
    samples: Number | None = None
    size: Annotated[tuple[Number, ...], Meta(max_length=2)] | None = None
    channels: Number | None = None
    batch_size: Number | None = None
    class_mode: Word | None = None
    subset: Word | None = None
    batch: Batch | None = None
    cell: Number | None = None


class Epoch(Struct, frozen=True, kw_only=True):
    """One epoch: `logs` as Keras computed them, `shown` as they stood after the student's callbacks.

    `number` counts from 0; `shown` is empty where nothing was changed.
    """

    number: Number = 0
    logs: Numbers = field(default_factory=dict)
    shown: Numbers = field(default_factory=dict)
    steps: Number | None = None


class Training(Struct, frozen=True, kw_only=True):
    """One call of `fit` and what came of it."""

    id: Number
    model: Number
    epochs_asked: Number
    steps_asked: Number | None = None
    batch_size: Number | None = None
    pipeline: Number | None = None
    callbacks: Annotated[tuple[Number, ...], Meta(max_length=64)] = ()
    epochs: Annotated[tuple[Epoch, ...], Meta(max_length=10_000)] = ()
    reaches: Batch | None = None
    stopped: bool = False
    finished: bool = False
    error: Text | None = None
    cell: Number | None = None
    called_by_us: bool = False


class Switch(Struct, frozen=True, kw_only=True):
    """Between `below` and `above` (neighbours found by bisection) the answer changes to `then`."""

    below: float
    above: float
    then: Literal["stop", "go"]


Answer = Literal["stop", "go", "error", "unknown"]


class SwitchingMap(Struct, frozen=True, kw_only=True):
    """When a callback stops training, as one metric is scanned and the others stay still.

    `start` is the answer at 0; each switch follows in ascending order, first over [0, 1], then beyond.
    `others` says what the other metrics were: "poor" (as of an untrained model) or "good".
    """

    hook: Word
    metric: Word
    others: Literal["poor", "good"]
    start: Answer
    switches: Annotated[tuple[Switch, ...], Meta(max_length=64)] = ()
    missing: Answer = "unknown"
    none: Answer = "unknown"
    errors: Number = 0
    steady: bool = True


class Callback(Struct, frozen=True, kw_only=True):
    """A callback object (or a class that was never made one) and what driving it showed."""

    id: Number
    kind: Word
    origin: Literal["instance", "class"] = "instance"
    builtin: bool = False
    hooks: Words = ()
    reads: Words = ()
    old_names: Words = ()
    maps: Annotated[tuple[SwitchingMap, ...], Meta(max_length=64)] = ()
    flag_on_itself: bool = False
    changes_logs: bool = False
    error: Text | None = None
    cell: Number | None = None


class Note(Struct, frozen=True, kw_only=True):
    """Something old or different that was bridged, free of charge: old → new, at a line of a cell."""

    code: Word
    old: Text
    new: Text
    cell: Number | None = None
    line: Number | None = None


STOPPED = "Stopped"
"""Stands for the error of a cell that was cut off: by a limit, or because the kernel died."""


class CellRun(Struct, frozen=True, kw_only=True):
    """One code cell: `index` is its place among all cells of the notebook, counted from 0."""

    index: int
    status: Literal["ran", "failed", "not-run"]
    source: str = ""
    error: str | None = None
    message: str | None = None
    line: int | None = None
    traceback: str | None = None
    seconds: float = 0.0


class DataUsed(Struct, frozen=True, kw_only=True):
    """A data set the run was given: the real pictures or the drawn stand-in."""

    name: str
    kind: Literal["real", "drawn"]
    sha256: str


class Attempt(Struct, frozen=True, kw_only=True):
    """One run of the notebook: its seed and the best training accuracy it came to."""

    seed: int
    best_accuracy: float | None = None


class Run(Struct, frozen=True, kw_only=True):
    """What one notebook did, as `run.json` keeps it."""

    format: int = FORMAT
    student: str
    file: str
    sha256: str
    ending: Ending
    problem: str | None = None
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0
    cells: tuple[CellRun, ...] = ()
    models: tuple[ModelSnapshot, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    trainings: tuple[Training, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    notes: tuple[Note, ...] = ()
    data: tuple[DataUsed, ...] = ()
    protections: tuple[str, ...] = ()
    missing_protections: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    attempts: tuple[Attempt, ...] = ()
    fingerprint: str = ""
    focus: int | None = None

    @property
    def training(self) -> Training | None:
        """The training being judged (`focus`), or None when there is none."""
        return next((t for t in self.trainings if t.id == self.focus), None)

    @property
    def model(self) -> ModelSnapshot | None:
        """The model of the training being judged; without a training, the model compiled (or made) last."""
        training = self.training
        if training is None:
            compiled = [model for model in self.models if model.compiled]
            return next(reversed(compiled or self.models), None)
        return next((m for m in self.models if m.id == training.model), None)

    @property
    def pipeline(self) -> Pipeline | None:
        """The data pipeline of the training being judged; without one, the pipeline made last."""
        training = self.training
        if training is None:
            return self.pipelines[-1] if self.pipelines else None
        return next((p for p in self.pipelines if p.id == training.pipeline), None)

    def focused(self, training: Training | None) -> Run:
        """The same run with another training in focus."""
        return msgspec.structs.replace(self, focus=None if training is None else training.id)


# Events ---------------------------------------------------------------------------------------------


class Hello(Struct, tag="hello", tag_field="event", frozen=True):
    """The kernel is ready: versions of what it runs on."""

    versions: Annotated[dict[Word, Word], Meta(max_length=16)]


class ModelSeen(Struct, tag="model", tag_field="event", frozen=True):
    """A model, whole; a later event of the same id replaces it."""

    model: ModelSnapshot


class PipelineSeen(Struct, tag="pipeline", tag_field="event", frozen=True):
    """A data pipeline, whole; a later event of the same id replaces it."""

    pipeline: Pipeline


class FitStarted(Struct, tag="fit-started", tag_field="event", frozen=True):
    """A training begins."""

    training: Training


class EpochEnded(Struct, tag="epoch", tag_field="event", frozen=True):
    """One epoch of a training is over."""

    training: Number
    epoch: Epoch


class BatchReached(Struct, tag="reaches", tag_field="event", frozen=True):
    """A batch as it reaches the first layer with weights, measured after the last cell."""

    training: Number
    batch: Batch


class FitEnded(Struct, tag="fit-ended", tag_field="event", frozen=True):
    """A training is over; `stopped` is the model's own flag, `error` what `fit` raised."""

    training: Number
    stopped: bool = False
    error: Text | None = None


class CallbackSeen(Struct, tag="callback", tag_field="event", frozen=True):
    """A callback object or class; a later event of the same id replaces it."""

    callback: Callback


class NoteMade(Struct, tag="note", tag_field="event", frozen=True):
    """Old API was bridged."""

    note: Note


class Answered(Struct, tag="answer", tag_field="event", frozen=True):
    """The answers to one question of ours, in the order of its calls."""

    question: Number
    answers: Annotated[tuple[Answer, ...], Meta(max_length=512)] = ()
    error: Text | None = None


Event = (
    Hello
    | ModelSeen
    | PipelineSeen
    | FitStarted
    | EpochEnded
    | BatchReached
    | FitEnded
    | CallbackSeen
    | NoteMade
    | Answered
)

_event = msgspec.json.Decoder(Event)


def read_event(line: bytes) -> Event:
    """One event from one line of the evidence channel.

    Raises:
        EvidenceError: the line is too long, is not JSON, or is not one of our events.

    """
    if len(line) > MAX_LINE:
        raise EvidenceError(f"A line of {len(line)} bytes is longer than an event may be.")
    try:
        event: Event = _event.decode(line)
        return event
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as problem:
        raise EvidenceError(f"Not an event of ours: {problem}") from None


LIMIT = {"models": 200, "pipelines": 500, "trainings": 200, "callbacks": 200, "notes": 200, "answers": 200}
"""How many of each a run keeps; the rest of a flood is dropped."""


class Evidence:
    """What the events of one kernel add up to so far; filled in as they come."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.models: dict[int, ModelSnapshot] = {}
        self.pipelines: dict[int, Pipeline] = {}
        self.trainings: dict[int, Training] = {}
        self.callbacks: dict[int, Callback] = {}
        self.notes: dict[tuple[str, str, int | None, int | None], Note] = {}
        self.answers: dict[int, Answered] = {}
        self.refused = 0
        self.first_refusal = ""

    def add(self, event: Event) -> None:
        """Take in one event; one that refers to nothing we know is counted in `refused`."""
        match event:
            case Hello():
                self.versions = dict(event.versions)
            case ModelSeen():
                self._keep("models", event.model.id, event.model)
            case PipelineSeen():
                self._keep("pipelines", event.pipeline.id, event.pipeline)
            case FitStarted() if event.training.id in self.trainings:
                self.refused += 1
            case FitStarted():
                self._keep("trainings", event.training.id, event.training)
            case CallbackSeen(callback=callback):
                # Maps are ours to make, from answers to questions; a kernel that sends some is not believed.
                self._keep("callbacks", callback.id, msgspec.structs.replace(callback, maps=()))
            case NoteMade(note=note):
                self._keep("notes", (note.code, note.old, note.cell, note.line), note)
            case Answered():
                self._keep("answers", event.question, event)
            case EpochEnded() | BatchReached() | FitEnded():
                self._continue(event)

    def _keep(self, what: str, key: Any, value: Any) -> None:
        kept: dict[Any, Any] = getattr(self, what)
        if key in kept or len(kept) < LIMIT[what]:
            kept[key] = value
        else:
            self.refused += 1

    def _continue(self, event: EpochEnded | BatchReached | FitEnded) -> None:
        training = self.trainings.get(event.training)
        if training is None or (training.finished and not isinstance(event, BatchReached)):
            self.refused += 1
            return
        self.trainings[event.training] = _continued(training, event)


def _continued(training: Training, event: EpochEnded | BatchReached | FitEnded) -> Training:
    change = msgspec.structs.replace
    match event:
        case EpochEnded(epoch=epoch):
            earlier = [e for e in training.epochs[-1:] if e.number != epoch.number]
            return change(training, epochs=(*training.epochs[:-1], *earlier, epoch)[:10_000])
        case BatchReached():
            return change(training, reaches=event.batch)
        case FitEnded():
            return change(training, finished=True, stopped=event.stopped, error=event.error)


def add_lines(evidence: Evidence, lines: Iterable[bytes]) -> None:
    """Take in events line by line; what is no event of ours is counted, never raised."""
    for line in lines:
        try:
            evidence.add(read_event(line))
        except EvidenceError as problem:
            evidence.refused += 1
            evidence.first_refusal = evidence.first_refusal or str(problem)


# On disk --------------------------------------------------------------------------------------------


def write_run(run: Run, path: Path) -> None:
    """Write `run.json` whole: a reader never sees half of it."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(run), indent=1))


# Made once: two threads that build a decoder for the same types at the same time can crash msgspec.
_run = msgspec.json.Decoder(Run)


def read_run(path: Path) -> Run:
    """The run kept at `path`.

    Raises:
        EvidenceError: the file is missing, damaged, or of another format.

    """
    run: Run = read_kept(path, _run, FORMAT, "grade this submission again")
    return run


def read_kept(path: Path, decoder: msgspec.json.Decoder[Any], version: int, mend: str) -> Any:
    """What a file of ours holds, held against its type and its format number.

    Raises:
        EvidenceError: the file is missing, damaged, or of another format; `mend` says what to do.

    """
    try:
        kept = decoder.decode(path.read_bytes())
    except OSError as problem:
        raise EvidenceError(f"{path} cannot be read ({problem.strerror}); {mend}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        what = decoder.type.__name__.lower()
        raise EvidenceError(f"{path} is not a {what} of ours ({problem}); {mend}.") from None
    if kept.format != version:
        raise EvidenceError(f"{path} has format {kept.format}, this version reads {version}; {mend}.")
    return kept


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then move it to its place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def plain_text(text: str, limit: int = 4000) -> str:
    """Text of a stranger made fit to keep: no terminal codes, no control characters, cut short."""
    text = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)
    text = "".join(c for c in text if c in "\n\t" or c.isprintable())
    return text if len(text) <= limit else text[: limit - 2] + " …"
