"""An assignment is read as it is written, or refused with place, problem and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom import write_assignment

from grader.assignment import (
    Assignment,
    CourseCall,
    Limits,
    assignment_ids,
    bytes_of,
    find_assignment,
    load_assignment,
    seconds,
)
from grader.errors import AssignmentError

SHIPPED = Path(__file__).parents[1] / "assignments"

WHOLE = """\
title = "Faces"
lesson = "Pictures"
data = ["happy-or-sad"]
words = ["happy"]

[limits]
wall = "90 s"
memory = "512 MiB"

[[calls]]
code = "gen = make()"
needs = ["make"]

[criteria.runs]
title = "It runs"
points = 10
check = "cells_run"

[criteria.images]
title = "Both are found"
points = 7.5
check = "pictures"
with = { classes = ["happy", "sad"], largest = 3 }
hint = "Look at the folder."
read = "Folders"

[criteria.accuracy]
title = "It learns"
points = 2.5
check = "accuracy_reached"
with = { above = 0.999 }
chance = true
"""


def load(tmp_path: Path, text: str) -> Assignment:
    """What is read from an assignment.toml with this text."""
    return load_assignment(write_assignment(tmp_path, "faces", text))


def refusal(tmp_path: Path, text: str) -> str:
    """How an assignment.toml with this text is refused, without the path of the file."""
    with pytest.raises(AssignmentError) as refused:
        load(tmp_path, text)
    path = str(tmp_path / "faces" / "assignment.toml")
    assert path == str(refused.value)[: len(path)]
    return str(refused.value)[len(path) :]


# The shipped one ------------------------------------------------------------------------------------


def test_the_shipped_assignment_has_its_fixed_criteria() -> None:
    """Criteria and points of happy-or-sad are those that were promised, in that order, 100 together."""
    assignment = load_assignment(SHIPPED / "happy-or-sad")

    assert [
        ("runs", 10),
        ("images", 15),
        ("input-shape", 10),
        ("output", 15),
        ("loss", 15),
        ("callback", 25),
        ("accuracy", 10),
    ] == [(c.id, c.points) for c in assignment.criteria]
    assert 100 == assignment.max_score


def test_the_shipped_assignment_leaves_nothing_out() -> None:
    """It names its data and limits, every criterion has a hint and a place to read, one depends on chance."""
    assignment = load_assignment(SHIPPED / "happy-or-sad")

    assert ("happy-or-sad", ("happy-or-sad",)) == (assignment.id, assignment.data)
    assert Limits(wall=600, memory=4 * 2**30) == assignment.limits
    assert [] == [c.id for c in assignment.criteria if not (c.title and c.hint and c.read)]
    assert ["accuracy"] == [c.id for c in assignment.criteria if c.evidence_of_chance]
    assert ["runs"] == [c.id for c in assignment.criteria if c.looks_at == "notebook"]


# Reading --------------------------------------------------------------------------------------------


def test_everything_written_is_read(tmp_path: Path) -> None:
    """Title, data, limits, calls, words and each criterion's fields arrive as they were written."""
    assignment = load(tmp_path, WHOLE)
    runs, images, accuracy = assignment.criteria

    assert ("faces", "Faces", "Pictures") == (assignment.id, assignment.title, assignment.lesson)
    assert (("happy-or-sad",), ("happy",)) == (assignment.data, assignment.words)
    assert (Limits(wall=90, memory=512 * 2**20), 20) == (assignment.limits, assignment.max_score)
    assert (CourseCall(code="gen = make()", needs=("make",)),) == assignment.calls
    assert ({}, "", "", False) == (runs.settings, runs.hint, runs.read, runs.evidence_of_chance)
    assert ("Look at the folder.", "Folders") == (images.hint, images.read)
    assert {"classes": ["happy", "sad"], "largest": 3} == images.settings
    assert accuracy.evidence_of_chance


def test_little_is_enough(tmp_path: Path) -> None:
    """A title and one criterion make an assignment; all else has a usual value."""
    assignment = load(
        tmp_path, 'title = "T"\n[criteria.runs]\ntitle = "R"\npoints = 1\ncheck = "cells_run"\n'
    )

    assert (Limits(), (), (), (), "") == (
        assignment.limits,
        assignment.calls,
        assignment.data,
        assignment.words,
        assignment.lesson,
    )


# Refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Faces"', 'titel = "Faces"', ": unknown key 'titel'; did you mean 'title'?"),
        ('title = "Faces"', 'zzz = "Faces"', ": unknown key 'zzz'."),
        ('title = "Faces"', "", ": 'title' is missing."),
        ('title = "Faces"', "title = 3", ": 'title' must be a text, not 3."),
        ('lesson = "Pictures"', "lesson = true", ": 'lesson' must be a text, not True."),
        (
            'data = ["happy-or-sad"]',
            'data = "happy-or-sad"',
            ": 'data' must be a list, not 'happy-or-sad'.",
        ),
        ('data = ["happy-or-sad"]', "data = [3]", ": 'data' must be a list of texts, not [3]."),
        ('words = ["happy"]', "words = [true]", ": 'words' must be a list of texts, not [True]."),
        (
            "[limits]\nwall",
            "[limits]\nwal",
            ", [limits]: unknown key 'wal'; did you mean 'wall'?",
        ),
        (
            'wall = "90 s"',
            'wall = "90 seconds"',
            ", [limits]: '90 seconds' is not a time such as '90 s' or '10 min'.",
        ),
        ('wall = "90 s"', "wall = 0", ", [limits]: 0 is not a time such as '90 s' or '10 min'."),
        ('wall = "90 s"', "wall = true", ", [limits]: True is not a time such as '90 s' or '10 min'."),
        ('wall = "90 s"', "wall = inf", ", [limits]: inf is not a time such as '90 s' or '10 min'."),
        (
            'memory = "512 MiB"',
            'memory = "much"',
            ", [limits]: 'much' is not a size such as '512 MiB' or '4 GiB'.",
        ),
        (
            'memory = "512 MiB"',
            "memory = [4]",
            ", [limits]: [4] is not a size such as '512 MiB' or '4 GiB'.",
        ),
        (
            "[[calls]]",
            "[calls]",
            ": 'calls' must be a list, not {'code': 'gen = make()', 'needs': ['make']}.",
        ),
        ('code = "gen = make()"', "", ", [[calls]] number 1: 'code' is missing."),
        ('code = "gen', 'cod = "gen', ", [[calls]] number 1: unknown key 'cod'; did you mean 'code'?"),
        (
            'needs = ["make"]',
            'needs = "make"',
            ", [[calls]] number 1: 'needs' must be a list, not 'make'.",
        ),
        (
            'title = "It runs"',
            "title = 3",
            ", [criteria.runs]: 'title' must be a text, not 3.",
        ),
        ('title = "It runs"', "", ", [criteria.runs]: 'title' is missing."),
        ("points = 10", "", ", [criteria.runs]: 'points' is missing."),
        ("points = 10", 'points = "10"', ", [criteria.runs]: 'points' must be a number, not '10'."),
        ("points = 10", "points = 0", ", [criteria.runs]: points must be a number above 0, not 0."),
        ("points = 10", "points = -1", ", [criteria.runs]: points must be a number above 0, not -1."),
        ("points = 10", "points = true", ", [criteria.runs]: points must be a number above 0, not True."),
        ("points = 10", "points = nan", ", [criteria.runs]: points must be a number above 0, not nan."),
        ("points = 10", "points = inf", ", [criteria.runs]: points must be a number above 0, not inf."),
        (
            "points = 10",
            "points = 10\npoint = 3",
            ", [criteria.runs]: unknown key 'point'; did you mean 'points'?",
        ),
        (
            'check = "cells_run"',
            'check = "cell_runs"',
            ", [criteria.runs]: there is no check 'cell_runs'; did you mean 'cells_run'?",
        ),
        ('check = "cells_run"', 'check = "zzz"', ", [criteria.runs]: there is no check 'zzz'."),
        ('check = "cells_run"', "", ", [criteria.runs]: 'check' is missing."),
        (
            'check = "cells_run"',
            'check = "cells_run"\nwith = { strict = true }',
            ", [criteria.runs]: the check 'cells_run' has no setting 'strict'.",
        ),
        (
            'check = "cells_run"',
            'check = "cells_run"\nwith = "strict"',
            ", [criteria.runs]: 'with' must be a table, not 'strict'.",
        ),
        (
            "largest = 3",
            "lagest = 3",
            ", [criteria.images]: the check 'pictures' has no setting 'lagest'; did you mean 'largest'?",
        ),
        (
            "largest = 3",
            'largest = "3"',
            ", [criteria.images]: the setting 'largest' must be a number, not '3'.",
        ),
        (
            "largest = 3",
            "channels = 3.5",
            ", [criteria.images]: the setting 'channels' must be a list of numbers, not 3.5.",
        ),
        (
            'classes = ["happy", "sad"]',
            'classes = "happy"',
            ", [criteria.images]: the setting 'classes' must be a list of texts, not 'happy'.",
        ),
        (
            'classes = ["happy", "sad"]',
            'classes = ["happy", 2]',
            ", [criteria.images]: the setting 'classes' must be a list of texts, not ['happy', 2].",
        ),
        (
            'classes = ["happy", "sad"], ',
            "",
            ", [criteria.images]: the check 'pictures' needs the setting 'classes'.",
        ),
        (
            "with = { above = 0.999 }",
            "with = { above = true }",
            ", [criteria.accuracy]: the setting 'above' must be a number, not True.",
        ),
        (
            "chance = true",
            'chance = "yes"',
            ", [criteria.accuracy]: 'chance' must be true or false, not 'yes'.",
        ),
    ],
)
def test_a_slip_is_refused_with_its_place(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Each small slip is refused with the file, the place in it, the problem and what was meant."""
    assert 1 <= WHOLE.count(old)
    assert message == refusal(tmp_path, WHOLE.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": 'criteria' is missing."),
        ('title = "T"\n[criteria]\n', ": there are no [criteria.…], so there is nothing to judge."),
        ('title = "T"\ncriteria = 3\n', ": 'criteria' must be a table, not 3."),
        (
            'title = "T"\n[criteria]\nruns = 10\n',
            ", [criteria.runs]: this must be a table of title, points and check.",
        ),
        (
            'title = "T"\ncalls = ["make()"]\n[criteria.runs]\ntitle = "R"\npoints = 1\ncheck = "cells_run"',
            ", [[calls]] number 1: this must be a table with code.",
        ),
        (
            'title = "T"\nlimits = 90\n[criteria.runs]\ntitle = "R"\npoints = 1\ncheck = "cells_run"',
            ": 'limits' must be a table, not 90.",
        ),
    ],
    ids=[
        "empty",
        "no criteria",
        "criteria no table",
        "criterion no table",
        "call no table",
        "limits no table",
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """A file without criteria, or with a value where a table belongs, says which."""
    assert message == refusal(tmp_path, text)


def test_text_that_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    """A syntax error names the line."""
    told = refusal(tmp_path, 'title = "Faces\n')

    assert " is not valid TOML: " == told[:20]
    assert "line 1" in told


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused, not raised."""
    folder = write_assignment(tmp_path, "faces", WHOLE)
    (folder / "assignment.toml").write_bytes(b'title = "\xff"')

    with pytest.raises(AssignmentError, match=r"assignment\.toml is not valid TOML: "):
        load_assignment(folder)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A folder without assignment.toml says so."""
    with pytest.raises(AssignmentError) as refused:
        load_assignment(tmp_path)
    assert f"{tmp_path}/assignment.toml cannot be read: No such file or directory." == str(refused.value)


# Times and sizes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        (90, 90),
        (0.5, 0.5),
        ("90 s", 90),
        ("90s", 90),
        (" 90  sec ", 90),
        ("10 min", 600),
        ("1.5 min", 90),
        ("2 h", 7200),
    ],
)
def test_a_time_in_seconds(text: str | float, expected: float) -> None:
    """A time may be a number of seconds or a text with s, sec, min or h."""
    assert expected == seconds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4096", 4096),
        (4096, 4096),
        ("4 GiB", 4 * 2**30),
        ("4GiB", 4 * 2**30),
        ("0.5 GiB", 2**29),
        ("512 MiB", 512 * 2**20),
        ("64 KiB", 65_536),
        ("4 GB", 4 * 10**9),
        ("512 MB", 512 * 10**6),
        ("64 KB", 64_000),
    ],
)
def test_a_size_in_bytes(text: str | float, expected: int) -> None:
    """A size may be a number of bytes or a text with KiB, MiB, GiB, KB, MB or GB."""
    assert expected == bytes_of(text)


@pytest.mark.parametrize(
    "text", ["", "s", "-1 s", "0 min", "1,5 min", "10 minutes", "4 GiB", "1e3", "1 2", "9" * 400, True, None]
)
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    """What is not understood is said, and how it should look."""
    with pytest.raises(ValueError, match=r"is not a time such as '90 s' or '10 min'\.$"):
        seconds(text)


@pytest.mark.parametrize("text", ["", "GiB", "-1 GiB", "0", "4 gib", "4 TB", "4 min", "9" * 400, False, []])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    """What is not understood is said, and how it should look."""
    with pytest.raises(ValueError, match=r"is not a size such as '512 MiB' or '4 GiB'\.$"):
        bytes_of(text)


# Finding --------------------------------------------------------------------------------------------


def titled(title: str) -> str:
    """The text of an assignment of that title."""
    return WHOLE.replace("Faces", title)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with nothing said in the environment."""
    monkeypatch.delenv("GRADER_ASSIGNMENTS", raising=False)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_shipped_one_is_found_by_name_from_anywhere(elsewhere: Path) -> None:
    """The name alone is enough wherever one stands."""
    assert (SHIPPED / "happy-or-sad").resolve() == find_assignment("happy-or-sad").folder.resolve()


@pytest.mark.parametrize("path", ["mine/faces", "mine/faces/", "./mine/faces"])
def test_an_assignment_is_found_by_path(path: str, elsewhere: Path) -> None:
    """The path of its folder is as good as a name; the id is the folder's name."""
    write_assignment(elsewhere / "mine", "faces", WHOLE)

    assert "faces" == find_assignment(path).id


def test_the_id_of_the_folder_one_stands_in_is_its_name(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.` is the assignment one stands in."""
    monkeypatch.chdir(write_assignment(elsewhere, "faces", WHOLE))

    assert "faces" == find_assignment(".").id


def test_places_are_searched_in_order(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--assignments comes before the variable, the variable before ./assignments, that before the shipped."""
    name, found = "happy-or-sad", []
    found.append(find_assignment(name).title)
    write_assignment(elsewhere / "assignments", name, titled("Here"))
    found.append(find_assignment(name).title)
    write_assignment(elsewhere / "variable", name, titled("Variable"))
    monkeypatch.setenv("GRADER_ASSIGNMENTS", str(elsewhere / "variable"))
    found.append(find_assignment(name).title)
    write_assignment(elsewhere / "option", name, titled("Option"))
    found.append(find_assignment(name, [elsewhere / "option"]).title)

    assert ["Happy or sad: stop training at 99.9 % accuracy", "Here", "Variable", "Option"] == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "hapy-or-sad",
            "There is no assignment 'hapy-or-sad'; did you mean 'happy-or-sad'? Known: {known}.",
        ),
        ("zzz", "There is no assignment 'zzz'. Known: {known}."),
    ],
)
def test_an_unknown_name_is_refused_with_what_is_known(name: str, message: str, elsewhere: Path) -> None:
    """A wrong name is answered with the nearest one and with all that there are."""
    write_assignment(elsewhere / "mine", "faces", WHOLE)
    known = ", ".join(sorted(["faces", *assignment_ids([SHIPPED])]))

    with pytest.raises(AssignmentError) as refused:
        find_assignment(name, [elsewhere / "mine"])
    assert message.format(known=known) == str(refused.value)


def test_ids_of_no_folders_are_none(tmp_path: Path) -> None:
    """Folders that are not there hold no assignments."""
    assert [] == assignment_ids([tmp_path / "nowhere"])
