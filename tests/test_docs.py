"""The documentation is true: what it lists is what the code has, and its examples work."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import builders
import msgspec
import nbformat
import pytest
import typer.main
from msgspec import Struct

from grader import assignment, batch, cli, evidence, gradebook, validation
from grader.assignment import Limits, load_assignment
from grader.checks import CHECKS, DIAGNOSES
from grader.checks.finding import Finding, met, not_met, nothing
from grader.evidence import Callback, Ending, Run
from grader.execution.fingerprint import PACKAGES, RUNNING
from grader.execution.questions import Call, switching_maps
from grader.judging import Grade, Status
from grader.validation import edited, read_cases

ROOT = Path(__file__).parents[1]
FOLDERS = ("assignments", "docs", "grader", "reference", "tests")
FOUND = [*ROOT.glob("*.md"), *(page for name in FOLDERS for page in (ROOT / name).rglob("*.md"))]
PAGES = sorted(page for page in FOUND if not any(p.startswith(".") for p in page.relative_to(ROOT).parts))
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOW = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
WRITING = (ROOT / "docs" / "writing-an-assignment.md").read_text(encoding="utf-8")

INSTALL = "python3 -m venv .venv && .venv/bin/python -m pip install -q -e"
MAIN_JOB = f"{INSTALL} '.[course]' && .venv/bin/grader demo"
TESTS = f"{INSTALL} '.[test]' && .venv/bin/python -m pytest"


# Reading Markdown -----------------------------------------------------------------------------------


FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """The text of each fenced block of one language."""
    return [text for named, text in FENCED.findall(page) if named == language]


def section(page: str, heading: str) -> str:
    """What stands below a heading (with its signs #), up to the next one of its level or above."""
    bare = FENCED.sub(lambda block: block[0].replace("\n#", "\n\\#"), page)
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(
        rf"^{re.escape(heading)}$\n(.*?)(?=^#{{1,{level}}} |\Z)", bare, re.MULTILINE | re.DOTALL
    )
    assert found, f"there is no heading {heading!r}"
    return found[1]


def table(text: str, header: str) -> dict[str, list[str]]:
    """The rows of all tables whose first column has this header: first cell → the other cells."""
    found: dict[str, list[str]] = {}
    for lines in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [
            [cell.strip() for cell in line.strip("|\n").split(" | ")] for line in lines.splitlines()
        ]
        if head[0] == header:
            assert len(rows) == len({row[0] for row in rows}), f"a row of {header!r} stands there twice"
            found |= {bare(row[0]): row[1:] for row in rows}
    return found


def bare(cell: str) -> str:
    """A cell without the signs of code."""
    return cell.strip("`")


def coded(text: str) -> list[str]:
    """All that is set as code in running text."""
    return re.findall(r"`([^`\n]+)`", FENCED.sub("", text))


# The README's two lines -----------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "word"), [(MAIN_JOB, "demo"), (TESTS, "test")])
def test_each_line_to_copy_is_a_block_of_its_own(line: str, word: str) -> None:
    """The line is one fenced bash block, stands there once, and no other bash line has its word."""
    lines = [one for block in blocks(README, "bash") for one in block.splitlines()]

    assert 1 == blocks(README, "bash").count(f"{line}\n")
    assert 1 == README.count(line)
    assert [line] == [one for one in lines if word in one]


def test_continuous_integration_finds_the_line_that_runs_the_tests() -> None:
    """`.ci/run` takes the one line of the README that its pattern matches."""
    pattern = re.search(r"grep -E '(.+)' README.md", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))

    assert pattern
    assert [TESTS] == [line for line in README.splitlines() if re.search(pattern[1], line)]


@pytest.mark.parametrize("line", [MAIN_JOB, TESTS])
def test_the_lines_install_extras_that_exist(line: str) -> None:
    """The extra that a line installs is one of the package's."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    named = re.search(r"\.\[(\w+)\]", line)

    assert named
    assert named[1] in extras


# Commands -------------------------------------------------------------------------------------------


def commands(group: Any, path: str = "grader") -> Iterator[tuple[str, Any]]:
    """Each command that does something, with the words that name it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def options(command: Any) -> list[str]:
    """The long names of a command's own options."""
    own = (p for p in command.params if p.param_type_name == "option")
    return [name for p in own for name in p.opts if name.startswith("--") and name != "--help"]


APP = typer.main.get_command(cli.app)
COMMANDS: Mapping[str, Any] = dict(commands(APP))


def command_of(words: Sequence[str]) -> str | None:
    """The command that a command line names, or None."""
    return next((name for n in (3, 2) if (name := " ".join(words[:n])) in COMMANDS), None)


def test_every_command_is_described() -> None:
    """The README's table has each command, and no other."""
    described = [command_of(call.split()) for call in table(README, "command")]

    assert sorted(COMMANDS) == sorted(map(str, described))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_named_with_its_command(name: str) -> None:
    """A command's row names its options, and no other."""
    (row,) = [cells for call, cells in table(README, "command").items() if command_of(call.split()) == name]

    assert sorted(options(COMMANDS[name])) == sorted(word for word in coded(row[-1]) if word.startswith("--"))


def test_every_option_is_described() -> None:
    """The README's table of options has each option of any command, and no other."""
    wanted = {"--help", *options(APP), *(one for command in COMMANDS.values() for one in options(command))}

    assert wanted == set(re.findall(r"--[a-z]+", " ".join(table(README, "option"))))


def called(page: str) -> Iterator[list[str]]:
    """The command lines that a page shows: in fenced blocks, and in running text."""
    shown = [line for block in blocks(page, "bash") for line in block.splitlines()] + coded(page)
    for line in shown:
        for part in line.split("&&"):
            words = shlex.split(part, comments=True)
            if words and words[0] in ("grader", ".venv/bin/grader") and len(words) > 1:
                yield ["grader", *words[1:]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_shown_exist(page: Path) -> None:
    """Each command line that a page shows names a command and options that it has."""
    for words in called(page.read_text(encoding="utf-8")):
        name = command_of(words)

        assert name, f"there is no command {' '.join(words)}"
        assert {word for word in words if word.startswith("--")} <= set(options(COMMANDS[name])), words


def test_command_lines_are_found_in_pages() -> None:
    """The test above looks at fenced blocks and at running text."""
    page = "Say `grader grade X`.\n\n```bash\na && .venv/bin/grader demo --oud x\n```\n"

    assert [["grader", "demo", "--oud", "x"], ["grader", "grade", "X"]] == list(called(page))


def test_every_exit_code_is_described() -> None:
    """The README's table has each exit code of the command line."""
    codes = (cli.DONE, cli.NOT_ALL, cli.REFUSED, cli.FAILED, cli.INTERRUPTED)

    assert list(map(str, codes)) == list(table(README, "exit code"))


def test_every_environment_variable_is_described() -> None:
    """The README names each variable that the program reads from its own environment."""
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "grader").rglob("*.py")
        if "kernel" not in path.parts
    )
    read = set(re.findall(r'environ(?:\.get\(|\[)"(GRADER_\w+)"', sources))

    assert read
    assert read == set(re.findall(r"GRADER_\w+", README))


# How it works ---------------------------------------------------------------------------------------


def structs(kind: Any) -> dict[str, type[Struct]]:
    """A struct and all those that its fields are made of, by name."""
    found: dict[str, type[Struct]] = {}
    waiting = [kind]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, Struct) and one.__name__ not in found:
            found[one.__name__] = one
            waiting += get_type_hints(one).values()
        waiting += get_args(one)
    return found


FILES = {"## `run.json`, field by field": structs(Run), "## `grade.json`, field by field": structs(Grade)}
STRUCTS = [(file, name, kind) for file, kinds in FILES.items() for name, kind in kinds.items()]


@pytest.mark.parametrize(("file", "name", "kind"), STRUCTS, ids=[name for _, name, _ in STRUCTS])
def test_every_field_is_described(file: str, name: str, kind: type[Struct]) -> None:
    """The table of a struct has its fields, in their order, and no other."""
    fields = [field.name for field in msgspec.structs.fields(kind)]

    assert fields == list(table(section(section(HOW, file), f"### `{name}`"), "field"))


@pytest.mark.parametrize("file", FILES)
def test_only_structs_of_the_file_are_described(file: str) -> None:
    """Each table of fields belongs to something that the file holds."""
    described = re.findall(r"^### `(\w+)`$", section(HOW, file), re.MULTILINE)

    assert sorted(FILES[file]) == sorted(described)


def test_every_ending_is_described() -> None:
    """The table has the endings that our code gives a run; the sentence below has the others."""
    text = section(HOW, "## How a run can end")
    sources = [ROOT / "grader" / "batch.py", *(ROOT / "grader" / "execution").glob("*.py")]
    given = {
        Ending[name]
        for path in sources
        for name in re.findall(r"\bEnding\.([A-Z_]+)", path.read_text(encoding="utf-8"))
    }
    rest = [word for word in coded(text.rpartition("five more words")[2]) if word]

    assert {ending.value for ending in given} == set(table(text, "ending"))
    assert {ending.value for ending in Ending} - set(table(text, "ending")) == set(rest)


def test_every_status_is_described() -> None:
    """The table of statuses has all four."""
    assert {status.value for status in Status} == set(table(HOW, "status"))


def test_every_event_is_described() -> None:
    """The table of events has each event that a kernel may send, and no other."""
    tags = {kind.__struct_config__.tag for kind in get_args(evidence.Event)}
    described = {word for row in table(HOW, "event") for word in re.findall(r"[a-z-]+", row)}

    assert tags == described


def test_every_code_of_a_note_is_described() -> None:
    """The table of bridged API has each code that the kernel uses, and no other."""
    sources = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "grader" / "kernel").rglob("*.py"))
    used = set(re.findall(r'channel\.note\(\s*"([a-z0-9-]+)"', sources))
    described = {word for row in table(HOW, "code of the note") for word in re.findall(r"[a-z0-9-]+", row)}

    assert used == described


@pytest.mark.parametrize("name", [*PACKAGES, *RUNNING])
def test_what_the_fingerprint_covers_is_described(name: str) -> None:
    """Each package and file that the fingerprint covers by name stands in its list."""
    assert name in coded(section(HOW, "### 2. The submission becomes a job with a fingerprint"))


def test_the_worked_example_is_what_the_questions_find() -> None:
    """The switching map on the page is the one of the callback on the page."""
    text = section(HOW, "### 7. After the last cell, questions are asked")
    (source,), (shown,) = blocks(text, "python"), blocks(text, "json")
    condition = re.search(r"if (.+):$", source, re.MULTILINE)
    assert condition
    stops = compile(condition[1], "example", "eval")

    async def ask(callback: int, hook: str, calls: Sequence[Call]) -> list[evidence.Answer]:
        return [answer(logs) for _, logs in calls]

    def answer(logs: Mapping[str, float | None]) -> evidence.Answer:
        try:
            return "stop" if eval(stops, {"logs": logs}) else "go"
        except (KeyError, TypeError):
            return "error"

    callback = Callback(id=1, kind="Stop", hooks=("on_epoch_end",))
    maps = asyncio.run(switching_maps(callback, ("loss", "accuracy"), ask, seed=1))
    found = next(m for m in maps if (m.metric, m.others) == ("accuracy", "poor"))

    assert json.loads(shown) == json.loads(msgspec.json.encode(found))


def test_every_column_of_the_gradebook_is_described() -> None:
    """The page names the columns of gradebook.csv and the keys of gradebook.json."""
    book = json.loads(gradebook.gradebook_json([builders.grade()]))
    wanted = {*gradebook.BEFORE, *gradebook.AFTER, *book, *book["students"][0]}
    named = {word for word in coded(section(HOW, "## The gradebook")) if "." not in word}

    assert wanted == named


# Writing an assignment ------------------------------------------------------------------------------


def settings(check: str) -> dict[str, tuple[str, str]]:
    """The settings of a check as the page should say them: name → (type, default)."""
    function = CHECKS[check].function
    hints = get_type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    return {
        p.name: (type_word(hints[p.name]), default_word(p)) for p in parameters if p.kind is p.KEYWORD_ONLY
    }


def type_word(hint: Any) -> str:
    """A type as the pages call it."""
    if get_origin(hint) is not None:
        return f"list of {type_word(get_args(hint)[0])}s"
    return {str: "text", int: "number", float: "number", bool: "true or false"}[hint]


def default_word(parameter: inspect.Parameter) -> str:
    """The default of a setting as the pages write it."""
    if parameter.default is parameter.empty:
        return "must be given"
    if isinstance(parameter.default, tuple):
        return ", ".join(map(str, parameter.default)) or "none"
    return str(parameter.default)


def about(check: str) -> str:
    """What the page says about a check."""
    return section(WRITING, f"### `{check}`")


def test_every_check_is_described() -> None:
    """The page has a section for each check, in the order of the table of checks."""
    assert list(CHECKS) == re.findall(r"^### `(\w+)`$", section(WRITING, "## The checks"), re.MULTILINE)


@pytest.mark.parametrize("check", CHECKS)
def test_every_setting_is_described(check: str) -> None:
    """A check's section has its settings with type and default, and says what the check looks at."""
    described = {name: (cells[0], cells[1]) for name, cells in table(about(check), "setting").items()}
    article = {"training": "a training", "notebook": "the notebook"}[CHECKS[check].looks_at]

    assert settings(check) == described
    assert f"Looks at {article}." in about(check).replace("\n", " ")


@pytest.mark.parametrize("check", CHECKS)
def test_every_outcome_is_described(check: str) -> None:
    """A check's section says when each outcome comes about."""
    outcomes = [row.split(" (")[0] for row in table(about(check), "outcome")]

    assert ["met", "partly met", "not met", "not assessed"] == outcomes


@pytest.mark.parametrize("check", CHECKS)
def test_diagnoses_stand_with_a_check_that_can_name_them(check: str) -> None:
    """Each diagnosis in a check's section is named in the check's own file."""
    source = inspect.getsource(inspect.getmodule(CHECKS[check].function))  # type: ignore[arg-type]

    assert [] == [name for name in table(about(check), "diagnosis") if f'"{name}"' not in source]


def test_every_diagnosis_is_described() -> None:
    """All diagnoses of all sections are those that there are."""
    described = {name for check in CHECKS for name in table(about(check), "diagnosis")}

    assert set(DIAGNOSES) == described


def test_every_key_of_the_rubric_is_described() -> None:
    """The tables of assignment.toml have the keys that its reader knows."""
    source = inspect.getsource(assignment)
    known = [ast.literal_eval(found) for found in re.findall(r"self\.keys\(.+?, (\{.+?\})\)", source)]
    text = section(WRITING, "## `assignment.toml`")

    assert known
    assert set().union(*known) == set(table(text, "key"))


def test_every_key_of_the_mistakes_is_described() -> None:
    """The tables of mistakes.toml have the keys that its reader asks for."""
    source = inspect.getsource(validation)
    asked = set(re.findall(r'entry(?:\.get\(|\[)"(\w+)"', source)) | {"gives_away"}

    assert asked == set(table(section(WRITING, "## `mistakes.toml`"), "key"))


def test_the_usual_limits_are_described() -> None:
    """The defaults of [limits] on the page are those of the code."""
    described = table(section(WRITING, "## `assignment.toml`"), "key")
    wall, memory = (described[name][1].strip('`"') for name in ("wall", "memory"))

    assert Limits() == Limits(assignment.seconds(wall), assignment.bytes_of(memory))


def example(folder: Path) -> Path:
    """The files of the page's example, written as it says; the assignment's folder."""
    own = folder / "assignments" / "two-clouds"
    own.mkdir(parents=True)
    rubric, mistakes = blocks(WRITING, "toml")
    (own / "assignment.toml").write_text(rubric, encoding="utf-8")
    (own / "mistakes.toml").write_text(mistakes, encoding="utf-8")
    return own


def test_the_example_can_be_judged(tmp_path: Path) -> None:
    """The rubric on the page is accepted, and its cases are those that the page shows as proved."""
    two_clouds = load_assignment(example(tmp_path))
    shown = re.findall(r"^\[\d/\d\] ✓ ([\w-]+):", WRITING, re.MULTILINE)

    assert 100 == two_clouds.max_score
    assert shown == [case.name for case in read_cases(two_clouds)]


def test_the_edits_of_the_example_fit_its_solution(tmp_path: Path) -> None:
    """Each edit of the page's mistakes finds its text in the page's solution."""
    solution = section(WRITING, "## From nothing to a proven assignment")
    cells = [nbformat.v4.new_code_cell(source) for source in blocks(solution, "python")]
    cases = read_cases(load_assignment(example(tmp_path)))

    assert 4 == len(cells)
    for case in cases:
        notebook = nbformat.v4.new_notebook(cells=[cell.copy() for cell in cells])
        changed = edited(notebook, case.replace, case.name)
        assert bool(case.replace) == ([c.source for c in cells] != [c.source for c in changed.cells])


def test_the_smallest_assignment_can_be_judged(tmp_path: Path) -> None:
    """The rubric in the README is accepted as it stands."""
    (rubric,) = blocks(README, "toml")
    (tmp_path / "assignment.toml").write_text(rubric, encoding="utf-8")

    assert ["output"] == [criterion.id for criterion in load_assignment(tmp_path).criteria]


@pytest.mark.parametrize(("at_least", "wanted"), [(1, 1.0), (99, 0.0)])
def test_the_check_of_the_page_works(at_least: int, wanted: float) -> None:
    """The check that the page shows answers with a finding, met or not."""
    (source,) = blocks(section(WRITING, "## Adding a check in Python"), "python")
    names: dict[str, Any] = {
        "Run": Run, "Finding": Finding, "met": met, "not_met": not_met, "nothing": nothing
    }  # fmt: skip
    exec(source, names)

    finding = names["convolutions"](builders.run(), at_least=at_least)

    assert wanted == finding.share


# All pages ------------------------------------------------------------------------------------------


def links(page: str) -> list[str]:
    """The targets of a page's links and pictures that lead to files."""
    found = re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", page))
    return [target for target in found if not target.startswith(("http://", "https://", "mailto:"))]


def anchors(page: str) -> set[str]:
    """The names by which GitHub links to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page leads to a file that exists, and to a heading in it."""
    for target in links(page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page

        assert file.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), f"no heading for {target}"


MACHINE = re.compile(r"(?<![\w.])(/root|/Users|/srv|/home/(?!student\b)\w+|[A-Za-z]:\\)\b")
"""Paths that exist on one machine only; /home/student is the home inside the sandbox."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_no_paths_of_a_machine(page: Path) -> None:
    """No page names a path of the machine on which it was written."""
    assert [] == MACHINE.findall(page.read_text(encoding="utf-8"))


def test_paths_of_a_machine_are_noticed() -> None:
    """The test above would notice a path of a home or a checkout."""
    text = "/home/ada/x, /srv/main, see /home/student and assignments/srv/x"

    assert ["/home/ada", "/srv"] == MACHINE.findall(text)


def test_the_pages_are_found() -> None:
    """The tests above look at the pages that there are."""
    names = {str(page.relative_to(ROOT)) for page in PAGES}

    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/how-it-works.md"} <= names


def test_the_number_of_reruns_is_described() -> None:
    """The pages say "up to twice" because a notebook is run three times at most."""
    assert 3 == batch.TRIES
