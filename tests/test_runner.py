"""Whole notebooks through real kernels: what is seen, whatever the student called things."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from grader.assignment import Limits, find_assignment
from grader.datasets import manifest, provide
from grader.evidence import DataUsed, Ending, Run
from grader.execution.runner import Job, run_submission
from grader.execution.sandbox import Protection, find_protection
from grader.judging import Grade, judge
from grader.submission import find_submissions

pytestmark = pytest.mark.kernel
NOTEBOOKS = Path(__file__).parent / "notebooks"
Graded = tuple[Run, Grade, str]
"""A run, its grade, and all text that the notebook printed."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Graded]:
    """Runs a notebook of tests/notebooks on the drawn faces and judges it; each is run once."""
    data = (provide("happy-or-sad", kind="drawn"),)
    assignment = find_assignment("happy-or-sad")
    unpacked = tmp_path_factory.mktemp("unpacked")

    @cache
    def run(name: str, wall: float = 120, memory: int = 4 * 2**30, protected: bool = True) -> Graded:
        (submission,) = find_submissions([NOTEBOOKS / f"{name}.py"], unpacked)
        job = Job(
            submission=submission,
            fingerprint="test",
            seed=1,
            limits=Limits(wall, memory),
            calls=assignment.calls,
            manifest=manifest(data),
            data=tuple(DataUsed(name=d.name, kind="drawn", sha256=d.sha256) for d in data),
        )
        protection = find_protection() if protected else Protection("none", (), ("everything",))
        done, executed = run_submission(job, protection)
        texts = [o.get("text", "") for c in executed.cells if c.cell_type == "code" for o in c.outputs]
        return done, judge(assignment, done), "".join(texts)

    return run


def statuses(grade: Grade) -> dict[str, str]:
    """Criterion → status."""
    return {verdict.criterion: verdict.status.value for verdict in grade.verdicts}


RIGHT = ("images", "input-shape", "output", "loss", "callback")


@pytest.mark.parametrize(
    "name",
    [
        "functional_model",
        "subclassed_model",
        "arrays_by_hand",
        "python_generator",
        "course_functions_never_called",
        "callback_with_memory",
    ],
)
def test_right_however_it_is_written(graded: Callable[..., Graded], name: str) -> None:
    """A right answer written differently is right: data, model, loss and callback are all recognised."""
    run, grade, _ = graded(name)

    assert (Ending.FINISHED, dict.fromkeys(RIGHT, "met")) == (
        run.ending,
        {c: s for c, s in statuses(grade).items() if c in RIGHT},
    ), [f"{v.criterion}: {v.saw}" for v in grade.verdicts]


def test_cells_are_named_as_they_stand(graded: Callable[..., Graded]) -> None:
    """Models, trainings and notes name the cell of the notebook they belong to, the last one included."""
    run, _, _ = graded("functional_model")
    (note,) = [note for note in run.notes if note.code == "metrics-position"]

    assert (1, 2) == (run.models[0].cell, run.trainings[0].cell)
    assert (1, 7) == (note.cell, note.line)


def test_pictures_can_be_unpacked_below_a_placed_folder(graded: Callable[..., Graded]) -> None:
    """Folders that a notebook makes are its own; the switches back to TensorFlow 1 do no harm."""
    run, _, printed = graded("below_a_placed_folder")

    assert ["ran", "ran"] == [cell.status for cell in run.cells]
    assert "['happy', 'sad']\nold names\n" == printed


def test_course_functions_are_called_as_the_course_would(graded: Callable[..., Graded]) -> None:
    """A notebook that defines the course's functions and never calls them is trained by us."""
    run, _, _ = graded("course_functions_never_called")

    assert [True] == [training.called_by_us for training in run.trainings]


def test_training_is_recorded_in_numbers(graded: Callable[..., Graded]) -> None:
    """Asked and actual epochs and steps, sizes, classes and counts are those of the notebook."""
    run, _, _ = graded("python_generator")
    training, pipeline = run.trainings[0], run.pipelines[-1]

    assert (2, 8, [8, 8]) == (training.epochs_asked, training.steps_asked, [e.steps for e in training.epochs])
    assert [("happy", 40), ("sad", 40)] == [(c.name, c.count) for c in pipeline.classes]
    assert pipeline.batch is not None
    assert -1.0 <= (pipeline.batch.x_low or 0) < -0.5
    assert 0.5 < (pipeline.batch.x_high or 0) <= 1.0


def test_range_is_measured_behind_a_rescaling_map(graded: Callable[..., Graded]) -> None:
    """The range that reaches the first layer with weights is measured for tf.data, too."""
    run, _, _ = graded("subclassed_model")
    reaches = run.trainings[0].reaches

    assert reaches is not None
    assert 0.2 < (reaches.x_high or 0) <= 1.0


def test_one_training_gives_all_verdicts(graded: Callable[..., Graded]) -> None:
    """Of two trainings the better one is judged, on every criterion."""
    run, grade, _ = graded("trains_twice")

    assert run.trainings[0].id == grade.training
    assert ("met", "met") == (statuses(grade)["output"], statuses(grade)["loss"])


def test_cell_that_does_not_parse_fails_alone(graded: Callable[..., Graded]) -> None:
    """A SyntaxError costs its own cell; the next one runs."""
    run, grade, printed = graded("cell_does_not_parse")

    assert [("failed", "SyntaxError"), ("ran", None)] == [(c.status, c.error) for c in run.cells]
    assert "after" in printed
    assert "cell-does-not-parse" == grade.verdicts[0].diagnosis


def test_dead_kernel_keeps_what_was_recorded(graded: Callable[..., Graded]) -> None:
    """A kernel that ends itself loses the cells behind it, nothing that was seen before."""
    run, _, _ = graded("kernel_exits")

    assert Ending.KERNEL_DIED is run.ending
    assert ["ran", "failed", "not-run"] == [cell.status for cell in run.cells]
    assert [2] == [len(training.epochs) for training in run.trainings]


def test_self_kill_at_the_end_costs_nothing(graded: Callable[..., Graded]) -> None:
    """The course's own last cell, which kills the kernel, is a note."""
    run, grade, _ = graded("kills_itself_at_the_end")

    assert (Ending.FINISHED, "met") == (run.ending, statuses(grade)["runs"])


def test_endless_loop_is_stopped_and_still_asked(graded: Callable[..., Graded]) -> None:
    """The time limit holds for the whole notebook; the callback is driven all the same."""
    run, grade, _ = graded("endless_loop", wall=15)

    assert (Ending.TIMED_OUT, "not-run") == (run.ending, run.cells[-1].status)
    assert "The notebook took longer than 15 seconds and was stopped." == run.problem
    assert [1.0, 1.0] == [p.share for v in grade.verdicts if v.criterion == "callback" for p in v.parts][:2]


def test_memory_limit(graded: Callable[..., Graded]) -> None:
    """A notebook that takes more memory than allowed is ended, with its own ending."""
    run, _, _ = graded("memory_hog", memory=2 * 2**30)

    assert Ending.OUT_OF_MEMORY is run.ending
    assert "The notebook needed more than 2 GiB of memory and was stopped." == run.problem


def test_output_is_cut_while_it_streams(graded: Callable[..., Graded]) -> None:
    """40 MB of output are cut; the next cell runs."""
    run, _, printed = graded("output_flood")

    assert ["ran", "ran"] == [cell.status for cell in run.cells]
    assert len(printed) < 3_000_000


def test_deleting_tmp_harms_nobody(graded: Callable[..., Graded]) -> None:
    """shutil.rmtree('/tmp') removes the notebook's own /tmp; recording goes on."""
    marker = Path("/tmp") / "grader-test-canary"
    marker.write_text("still here")
    run, _, printed = graded("deletes_tmp")

    assert "still here" == marker.read_text()
    marker.unlink()
    assert "left: False" in printed
    assert (["ran", "ran"], 1) == ([cell.status for cell in run.cells], len(run.trainings))


@pytest.mark.parametrize("name", ["functional_model", "deletes_tmp"])
def test_without_namespaces_course_paths_are_relocated(graded: Callable[..., Graded], name: str) -> None:
    """Unprotected, /tmp means the run's own folder: training finds its data, deleting it harms nobody."""
    marker = Path("/tmp") / f"grader-test-canary-{name}"
    marker.write_text("still here")
    run, _, printed = graded(name, protected=False)

    assert "still here" == marker.read_text()
    marker.unlink()
    assert (Ending.FINISHED, {"ran"}, 1) == (run.ending, {c.status for c in run.cells}, len(run.trainings))
    assert "left: True" not in printed
    assert ("everything",) == run.missing_protections


def test_missing_import_costs_one_cell(graded: Callable[..., Graded]) -> None:
    """A forgotten `import tensorflow as tf` fails its cell; everything behind it is judged."""
    run, grade, _ = graded("forgets_import")

    assert ["ran", "failed", "ran"] == [cell.status for cell in run.cells]
    assert "met" == statuses(grade)["callback"]


def test_course_helpers_and_colab_do_not_count(graded: Callable[..., Graded]) -> None:
    """Cells that fail for a missing course helper, and those that follow from it, cost nothing."""
    _, grade, printed = graded("needs_course_helper")

    assert "met" == statuses(grade)["runs"]
    assert "done" in printed


@pytest.mark.skipif(find_protection().name == "none", reason="no namespaces here: see `grader doctor`")
def test_nothing_of_ours_is_in_sight(graded: Callable[..., Graded]) -> None:
    """Inside: no grader, no rubric, no reference, no root."""
    _, _, printed = graded("looks_around")

    assert [
        "import grader -> refused ModuleNotFoundError",
        "reference -> None",
        "shadow -> refused FileNotFoundError",
        "uid -> 1000",
        "environment -> []",
    ] == printed.splitlines()
