"""What a kernel sends is believed only as far as its schema goes; what a run leaves comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from builders import epochs, mixed_run, training
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs import fed, of_schema, pipeline, seen, stopper, stops_above

from grader.errors import EvidenceError
from grader.evidence import (
    LIMIT,
    MAX_LINE,
    Answered,
    Batch,
    BatchReached,
    Callback,
    CallbackSeen,
    Compiled,
    Ending,
    Epoch,
    EpochEnded,
    Event,
    Evidence,
    FitEnded,
    FitStarted,
    Hello,
    Loss,
    Metric,
    ModelSeen,
    ModelSnapshot,
    Note,
    NoteMade,
    Pipeline,
    PipelineSeen,
    Run,
    Training,
    add_lines,
    plain_text,
    read_event,
    read_run,
    write_run,
    write_whole,
)

calm = settings(deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

KINDS: list[tuple[dict[str, Any], Any]] = [
    ({"event": "hello", "versions": {"keras": "3.6.0"}}, Hello(versions={"keras": "3.6.0"})),
    (
        {
            "event": "model",
            "model": {
                "id": 1,
                "kind": "Sequential",
                "input_shape": [None, 150, 150, 3],
                "compiled": {
                    "loss": {"name": "binary_crossentropy", "from_logits": True, "given": "object"},
                    "learning_rate": 0.001,
                    "metrics": [{"name": "acc", "kind": "accuracy"}],
                },
            },
        },
        ModelSeen(
            model=ModelSnapshot(
                id=1,
                kind="Sequential",
                input_shape=(None, 150, 150, 3),
                compiled=Compiled(
                    loss=Loss(name="binary_crossentropy", from_logits=True, given="object"),
                    learning_rate=0.001,
                    metrics=(Metric(name="acc", kind="accuracy"),),
                ),
            )
        ),
    ),
    (
        {"event": "pipeline", "pipeline": {"id": 2, "kind": "arrays", "samples": 80}},
        PipelineSeen(pipeline=Pipeline(id=2, kind="arrays", samples=80)),
    ),
    (
        {"event": "fit-started", "training": {"id": 3, "model": 1, "epochs_asked": 15}},
        FitStarted(training=Training(id=3, model=1, epochs_asked=15)),
    ),
    (
        {"event": "epoch", "training": 3, "epoch": {"number": 0, "logs": {"loss": 0.5, "acc": None}}},
        EpochEnded(training=3, epoch=Epoch(number=0, logs={"loss": 0.5, "acc": None})),
    ),
    (
        {"event": "reaches", "training": 3, "batch": {"x_shape": [None, 4], "x_low": 0, "x_high": 255.0}},
        BatchReached(training=3, batch=Batch(x_shape=(None, 4), x_low=0.0, x_high=255.0)),
    ),
    (
        {"event": "fit-ended", "training": 3, "stopped": True},
        FitEnded(training=3, stopped=True),
    ),
    (
        {"event": "callback", "callback": {"id": 4, "kind": "Stop", "hooks": ["on_epoch_end"]}},
        CallbackSeen(callback=Callback(id=4, kind="Stop", hooks=("on_epoch_end",))),
    ),
    (
        {"event": "note", "note": {"code": "lr", "old": "lr", "new": "learning_rate", "line": 3}},
        NoteMade(note=Note(code="lr", old="lr", new="learning_rate", line=3)),
    ),
    (
        {"event": "answer", "question": 1, "answers": ["stop", "go", "error", "unknown"]},
        Answered(question=1, answers=("stop", "go", "error", "unknown")),
    ),
]


def line(event: dict[str, Any]) -> bytes:
    """An event as the kernel writes it."""
    return json.dumps(event).encode()


# Reading events -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sent", "event"), KINDS, ids=[sent["event"] for sent, _ in KINDS])
def test_every_kind_of_event_is_read_and_written_back(sent: dict[str, Any], event: Event) -> None:
    """A line of each kind becomes its event, and that event written is read as the same again."""
    assert event == read_event(line(sent))
    assert event == read_event(msgspec.json.encode(event))


def test_the_table_holds_every_kind() -> None:
    """No kind of event is missing from the test above."""
    assert set(get_args(Event)) == {type(event) for _, event in KINDS}


@calm
@given(of_schema(Event))
def test_any_event_round_trips(event: Event) -> None:
    """Whatever fits the schema comes back as it was sent."""
    assert event == read_event(msgspec.json.encode(event))


EPOCH = '{"event": "epoch", "training": 1, "epoch": {"logs": {"loss": %s}}}'
ENDED = '{"event": "fit-ended", "training": %s}'
ERROR = '{"event": "fit-ended", "training": 1, "error": %s}'
NOTE = '{"event": "note", "note": {"code": %s, "old": "a", "new": "b"}}'
SHAPE = '{"event": "reaches", "training": 1, "batch": {"x_shape": %s}}'


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello", id="no JSON"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no event"),
        pytest.param(b'{"event": "verdict"}', id="unknown event"),
        pytest.param(b'{"event": "hello"}', id="field missing"),
        pytest.param(b'{"event": "hello", "versions": []}', id="list for dict"),
        pytest.param((ENDED % '"1"').encode(), id="text for number"),
        pytest.param((ENDED % "1.0").encode(), id="float for whole number"),
        pytest.param((ENDED % "true").encode(), id="bool for whole number"),
        pytest.param((ENDED % (2**53 + 1)).encode(), id="whole number beyond 2**53"),
        pytest.param((ENDED % ("9" * 5000)).encode(), id="5000 digits"),
        pytest.param((EPOCH % '"0.5"').encode(), id="text for float"),
        pytest.param((EPOCH % "true").encode(), id="bool for float"),
        pytest.param((EPOCH % "NaN").encode(), id="NaN"),
        pytest.param((EPOCH % "Infinity").encode(), id="Infinity"),
        pytest.param((EPOCH % "-Infinity").encode(), id="-Infinity"),
        pytest.param((EPOCH % "1e999").encode(), id="infinite by its exponent"),
        pytest.param((EPOCH % ("1" + "0" * 400)).encode(), id="infinite by its digits"),
        pytest.param((EPOCH % ("[" * 100_000)).encode(), id="100,000 brackets where a number belongs"),
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        pytest.param(b'{"a":' * 100_000, id="100,000 braces"),
        pytest.param(
            b'{"event": "fit-ended", "training": 1, "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            id="100,000 brackets in a field nobody asked for",
        ),
        pytest.param(line({"event": "fit-ended", "training": 1, "error": "x" * 4001}), id="text too long"),
        pytest.param((NOTE % json.dumps("x" * 201)).encode(), id="word too long"),
        pytest.param((SHAPE % json.dumps([1] * 13)).encode(), id="tuple too long"),
        pytest.param(
            line({"event": "hello", "versions": {str(i): "1" for i in range(17)}}), id="dict too large"
        ),
        pytest.param(
            line({"event": "answer", "question": 1, "answers": ["go"] * 513}), id="too many answers"
        ),
        pytest.param(line({"event": "answer", "question": 1, "answers": ["yes"]}), id="unknown answer"),
        pytest.param((ERROR % '"\\ud800"').encode(), id="half a surrogate pair"),
        pytest.param(b'{"event": "fit-ended", "training": 1, "error": "\xff"}', id="not UTF-8"),
        pytest.param("{}".encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"event": "fit-ended", "training": 1} {}', id="two on one line"),
    ],
)
def test_what_is_no_event_of_ours_is_refused(sent: bytes) -> None:
    """Wrong types, unknown events, sizes beyond the caps, odd numbers and broken text are refused."""
    with pytest.raises(EvidenceError, match=r"^Not an event of ours: "):
        read_event(sent)


@pytest.mark.parametrize(
    "sent",
    [
        line({"event": "fit-ended", "training": 2**53, "error": "x" * 4000}),
        (EPOCH % "1.7976931348623157e308").encode(),
        (NOTE % json.dumps("x" * 200)).encode(),
        (SHAPE % json.dumps([None] * 12)).encode(),
        line({"event": "hello", "versions": {str(i): "1" for i in range(16)}}),
        line({"event": "answer", "question": 1, "answers": ["go"] * 512}),
    ],
    ids=["number and text", "float", "word", "tuple", "dict", "answers"],
)
def test_what_is_just_small_enough_is_read(sent: bytes) -> None:
    """The caps refuse nothing that lies on them."""
    assert isinstance(read_event(sent), get_args(Event))


def test_a_line_beyond_the_cap_is_refused_unread() -> None:
    """A line of one byte too many is refused by its length, one of just that length is read."""
    fits = line({"event": "fit-ended", "training": 1}).ljust(MAX_LINE)

    assert FitEnded(training=1) == read_event(fits)
    with pytest.raises(EvidenceError, match=r"^A line of 1000001 bytes is longer than an event may be\.$"):
        read_event(fits + b" ")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "model", "epoch", "logs", "kind", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
near_events = st.builds(
    lambda kind, fields: json.dumps({**fields, "event": kind}).encode(),
    st.sampled_from([sent["event"] for sent, _ in KINDS]),
    st.dictionaries(
        st.sampled_from(["training", "model", "epoch", "batch", "callback", "question"]), json_values
    ),
)


@st.composite
def damaged_events(draw: st.DrawFn) -> bytes:
    """A right line with a piece of it replaced by other bytes."""
    whole = line(draw(st.sampled_from(KINDS))[0])
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 4)))
    return whole[:start] + draw(st.binary(max_size=4)) + whole[end:]


@calm
@given(st.binary() | near_events | damaged_events())
def test_any_bytes_are_an_event_or_refused(sent: bytes) -> None:
    """Nothing that a kernel writes raises anything but an EvidenceError."""
    try:
        event = read_event(sent)
    except EvidenceError:
        return
    assert isinstance(event, get_args(Event))


# Adding up ------------------------------------------------------------------------------------------


def evidence_of(*events: Event) -> Evidence:
    """What these events add up to."""
    evidence = Evidence()
    for event in events:
        evidence.add(event)
    return evidence


STARTED = FitStarted(training=Training(id=1, model=1, epochs_asked=2))
FIRST = EpochEnded(training=1, epoch=Epoch(number=0, logs={"loss": 0.5}))
ENDS = FitEnded(training=1, stopped=True)


def test_a_training_adds_up() -> None:
    """Start, epochs, end, and what was measured after the last cell become one training."""
    second = EpochEnded(training=1, epoch=Epoch(number=1, logs={"loss": 0.25}))
    evidence = evidence_of(STARTED, FIRST, second, ENDS, BatchReached(training=1, batch=fed()))

    assert (
        Training(
            id=1,
            model=1,
            epochs_asked=2,
            epochs=(FIRST.epoch, second.epoch),
            stopped=True,
            finished=True,
            reaches=fed(),
        )
        == evidence.trainings[1]
    )
    assert 0 == evidence.refused


def test_an_epoch_sent_again_replaces_itself() -> None:
    """The same epoch, sent again with what the callbacks made of its logs, is one epoch."""
    shown = Epoch(number=0, logs={"loss": 0.5}, shown={"loss": 0.0})
    evidence = evidence_of(STARTED, FIRST, EpochEnded(training=1, epoch=shown))

    assert (shown,) == evidence.trainings[1].epochs


def test_a_later_event_of_the_same_id_replaces_the_earlier() -> None:
    """Models, pipelines, callbacks and versions are kept as they were seen last."""
    evidence = evidence_of(
        Hello(versions={"keras": "2"}),
        ModelSeen(model=ModelSnapshot(id=1, kind="Sequential")),
        PipelineSeen(pipeline=pipeline(batch=None)),
        CallbackSeen(callback=Callback(id=1, kind="Stop")),
        Hello(versions={"keras": "3"}),
        ModelSeen(model=ModelSnapshot(id=1, kind="Functional")),
        PipelineSeen(pipeline=pipeline()),
        CallbackSeen(callback=Callback(id=1, kind="Stop", changes_logs=True)),
    )

    assert {"keras": "3"} == evidence.versions
    assert {1: ModelSnapshot(id=1, kind="Functional")} == evidence.models
    assert {1: pipeline()} == evidence.pipelines
    assert {1: Callback(id=1, kind="Stop", changes_logs=True)} == evidence.callbacks


def test_the_same_note_is_kept_once() -> None:
    """One use of old API at one line is one note."""
    notes = [NoteMade(note=Note(code="lr", old="lr", new="learning_rate", line=n)) for n in (3, 3, 4)]

    assert [3, 4] == [note.line for note in evidence_of(*notes).notes.values()]


def test_maps_that_a_kernel_sends_are_dropped() -> None:
    """Switching maps are made by us from answers; a kernel that sends some is not believed."""
    evidence = evidence_of(CallbackSeen(callback=stopper(maps=(stops_above(0.999),))))

    assert stopper(maps=()) == evidence.callbacks[1]


@pytest.mark.parametrize(
    "event",
    [FIRST, ENDS, BatchReached(training=1, batch=fed())],
    ids=["epoch", "end", "batch"],
)
def test_events_of_an_unknown_training_are_counted_not_believed(event: Event) -> None:
    """An epoch, an end or a batch of a training that never began changes nothing but the count."""
    evidence = evidence_of(event)

    assert ({}, 1) == (evidence.trainings, evidence.refused)


@pytest.mark.parametrize(
    "event",
    [
        EpochEnded(training=1, epoch=Epoch(number=1, logs={"accuracy": 1.0})),
        FitEnded(training=1, stopped=False, error="changed my mind"),
        FitStarted(training=Training(id=1, model=1, epochs_asked=2, epochs=(FIRST.epoch,))),
    ],
    ids=["epoch", "end", "start"],
)
def test_events_of_a_finished_training_are_counted_not_believed(event: Event) -> None:
    """What is over cannot go on, end again or begin anew."""
    before = evidence_of(STARTED, ENDS)
    after = evidence_of(STARTED, ENDS, event)

    assert (before.trainings, 1) == (after.trainings, after.refused)


def flood(what: str, number: int) -> Event:
    """One of many events of a kind, each about another thing."""
    events: dict[str, Event] = {
        "models": ModelSeen(model=ModelSnapshot(id=number, kind="Sequential")),
        "pipelines": PipelineSeen(pipeline=Pipeline(id=number, kind="arrays")),
        "trainings": FitStarted(training=Training(id=number, model=1, epochs_asked=1)),
        "callbacks": CallbackSeen(callback=Callback(id=number, kind="Stop")),
        "notes": NoteMade(note=Note(code="lr", old=str(number), new="learning_rate")),
        "answers": Answered(question=number),
    }
    return events[what]


@pytest.mark.parametrize("what", LIMIT)
def test_a_flood_is_capped(what: str) -> None:
    """Of each kind only so many are kept; the first ones stay, the rest is counted."""
    events = [flood(what, number) for number in range(LIMIT[what] + 5)]
    evidence = evidence_of(*events)

    assert getattr(evidence_of(*events[:-5]), what) == getattr(evidence, what)
    assert (LIMIT[what], 5) == (len(getattr(evidence, what)), evidence.refused)


def test_a_full_house_still_hears_of_its_own() -> None:
    """When no more models are taken, those that are known may still change."""
    evidence = evidence_of(*(flood("models", number) for number in range(LIMIT["models"])))
    evidence.add(ModelSeen(model=ModelSnapshot(id=0, kind="Functional")))

    assert ("Functional", 0) == (evidence.models[0].kind, evidence.refused)


def test_epochs_are_capped() -> None:
    """A training keeps its first 10,000 epochs, as many as its schema takes when it is read again."""
    many = Training(id=1, model=1, epochs_asked=1, epochs=tuple(Epoch(number=n) for n in range(10_000)))
    evidence = evidence_of(FitStarted(training=many), EpochEnded(training=1, epoch=Epoch(number=10_000)))

    assert (10_000, 9_999) == (len(evidence.trainings[1].epochs), evidence.trainings[1].epochs[-1].number)


def test_lines_that_are_no_events_are_counted() -> None:
    """Good lines are taken in around bad ones; the first refusal is kept as a sentence."""
    evidence = Evidence()
    add_lines(evidence, [line(KINDS[1][0]), b"x" * (MAX_LINE + 1), b"print", line(KINDS[3][0])])

    assert ([1], [3], 2) == (list(evidence.models), list(evidence.trainings), evidence.refused)
    assert "A line of 1000001 bytes is longer than an event may be." == evidence.first_refusal


# On disk --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", [seen(), mixed_run()], ids=["right", "mixed"])
def test_a_run_comes_back_from_disk(run: Run, tmp_path: Path) -> None:
    """What is written to run.json is read as the same run, and no temporary file is left."""
    write_run(run, tmp_path / "run.json")

    assert run == read_run(tmp_path / "run.json")
    assert ["run.json"] == [path.name for path in tmp_path.iterdir()]


@settings(calm, max_examples=25)
@given(of_schema(Run))
def test_any_run_comes_back_from_disk(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    """Every run that fits the schema is read as it was written."""
    path = tmp_path_factory.getbasetemp() / "run.json"
    run = msgspec.structs.replace(run, format=1)
    write_run(run, path)

    assert run == read_run(path)


def test_a_missing_run_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A run.json that is not there is refused with what to do."""
    with pytest.raises(EvidenceError) as refusal:
        read_run(tmp_path / "run.json")
    assert (
        f"{tmp_path}/run.json cannot be read (No such file or directory); grade this submission again."
        == str(refusal.value)
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated"),
        (b'{"student": "Ana"', "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"student": 3}', "Expected `str`, got `int` - at `$.student`"),
        (b'{"more": ' + b"[" * 100_000, "recursion"),
        (b'{"student": "\xff"}', "invalid start byte"),
    ],
    ids=["empty", "cut off", "a list", "wrong type", "nested too deeply", "not UTF-8"],
)
def test_a_damaged_run_is_refused_in_one_sentence(content: bytes, reason: str, tmp_path: Path) -> None:
    """A damaged run.json is refused with the file, the reason and what to do."""
    path = tmp_path / "run.json"
    path.write_bytes(content)

    with pytest.raises(EvidenceError) as refusal:
        read_run(path)
    start, _, end = str(refusal.value).partition(reason)
    assert f"{path} is not a run of ours (" == start[: len(f"{path} is not a run of ours (")]
    assert "); grade this submission again." == end[-31:]


def test_a_run_of_another_format_is_refused(tmp_path: Path) -> None:
    """A run.json of a later version says so."""
    path = tmp_path / "run.json"
    write_run(msgspec.structs.replace(seen(), format=2), path)

    with pytest.raises(EvidenceError) as refusal:
        read_run(path)
    assert f"{path} has format 2, this version reads 1; grade this submission again." == str(refusal.value)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """When the new content cannot be put in place, the old file is as it was."""
    path = tmp_path / "grade.json"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, 3)  # type: ignore[arg-type]

    assert b"old" == path.read_bytes()
    write_whole(path, b"new")
    assert b"new" == path.read_bytes()


# Looking at a run -----------------------------------------------------------------------------------


def test_a_run_in_focus() -> None:
    """The training in focus says which model and which pipeline are looked at."""
    one = ModelSnapshot(id=1, kind="Sequential")
    two = ModelSnapshot(id=2, kind="Functional")
    run = seen(
        models=(one, two),
        pipelines=(pipeline(), pipeline(id=2, folder="/content")),
        trainings=(
            training(id=7, model=1, pipeline=2, epochs=epochs((0.5,))),
            training(id=8, model=2, pipeline=1),
        ),
        focus=None,
    )
    first, second = (run.focused(t) for t in run.trainings)

    assert (one, "/content") == (first.model, first.pipeline and first.pipeline.folder)
    assert (two, "/tmp/h-or-s") == (second.model, second.pipeline and second.pipeline.folder)


def test_without_a_training_the_last_model_and_pipeline_are_looked_at() -> None:
    """A notebook that never trains is judged by what it made last."""
    run = seen(
        models=(ModelSnapshot(id=1, kind="Sequential"), ModelSnapshot(id=2, kind="Functional")),
        pipelines=(pipeline(), pipeline(id=2)),
        trainings=(),
        focus=None,
    )

    assert (None, 2, 2) == (run.training, run.model and run.model.id, run.pipeline and run.pipeline.id)


def test_without_a_training_a_compiled_model_goes_before_one_made_later() -> None:
    """A model that was never compiled does not hide the one that was."""
    compiled = ModelSnapshot(id=1, kind="Sequential", compiled=Compiled())
    run = seen(models=(compiled, ModelSnapshot(id=2, kind="Functional")), trainings=(), focus=None)

    assert compiled == run.model


def test_a_run_of_nothing_shows_nothing() -> None:
    """A notebook that made nothing has neither training nor model nor pipeline; a lost id is nothing."""
    empty = seen(models=(), pipelines=(), trainings=(), focus=None)
    lost = seen(models=(), pipelines=())

    assert (None, None, None) == (empty.training, empty.model, empty.pipeline)
    assert (None, None) == (lost.model, lost.pipeline)


@pytest.mark.parametrize("ending", Ending)
def test_only_two_endings_are_ours(ending: Ending) -> None:
    """A crash of ours and an interruption are our reasons; every other ending is the notebook's."""
    assert (ending.value in ("grader-failed", "interrupted")) == ending.ours


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[0;31mNameError\x1b[0m", "NameError"),
        ("a\x00b\rc\x07d", "abcd"),
        ("left\u202eright\u200b", "leftright"),
        ("half \ud800 pair", "half  pair"),
        ("größer 😀", "größer 😀"),
        ("x" * 12, "x" * 8 + " …"),
        ("x" * 10, "x" * 10),
    ],
    ids=["plain", "colours", "control", "direction", "surrogate", "unicode", "too long", "just fits"],
)
def test_text_of_a_stranger_is_made_plain(text: str, plain: str) -> None:
    """Terminal codes and control characters go, long text is cut, everything else stays."""
    assert plain == plain_text(text, 10 if text.startswith("x") else 4000)
