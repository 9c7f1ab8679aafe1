"""Submissions are found and read, whatever form they were handed in."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.errors import GraderError
from grader.submission import HelperFile, Submission, find_submissions, read_notebook, zips
from grader.submission.names import student_name, tell_apart

TRAINING = "model.fit(images, labels)"
AGAIN = "hand in the notebook itself (.ipynb)"


def code(source: str | list[str], **more: Any) -> dict[str, Any]:
    """A code cell of nbformat 4."""
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source, **more}


def notebook(*sources: str | list[str], **more: Any) -> dict[str, Any]:
    """A notebook with these code cells, as JSON."""
    return {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {},
        "cells": [code(s) for s in sources or ("x = 1",)],
        **more,
    }


def as_bytes(data: Any) -> bytes:
    """Bytes as they are, text in UTF-8, anything else as JSON."""
    if isinstance(data, bytes):
        return data
    return data.encode() if isinstance(data, str) else json.dumps(data).encode()


def write(path: Path, data: Any) -> Path:
    """Writes text, bytes or JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_bytes(data))
    return path


def write_all(folder: Path, files: Mapping[str, Any]) -> Path:
    """Writes files by their paths below the folder, which is returned."""
    for name, data in files.items():
        write(folder / name, data)
    return folder


def zip_bytes(tmp_path: Path, files: Mapping[str, Any]) -> bytes:
    """The bytes of a zip with these files."""
    path = write_zip(tmp_path / "inner-of-a-zip", files)
    try:
        return path.read_bytes()
    finally:
        path.unlink()


def write_zip(path: Path, files: Mapping[str, Any]) -> Path:
    """Writes a zip with these files."""
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, as_bytes(data))
    return path


def sources(submission: Submission) -> list[str]:
    """The sources of all cells of a submission that can be read."""
    assert submission.notebook is not None, submission.problem
    return [cell.source for cell in submission.notebook.cells]


def kinds(submission: Submission) -> list[str]:
    """The kinds of all cells of a submission that can be read."""
    assert submission.notebook is not None, submission.problem
    return [cell.cell_type for cell in submission.notebook.cells]


@pytest.fixture
def find(tmp_path: Path) -> Callable[..., list[Submission]]:
    """`find_submissions` with a place to unpack to."""
    return lambda *paths: find_submissions(paths, tmp_path / "unpacked")


# One file


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(as_bytes(notebook("x = 1\ny = 2")), id="text source"),
        pytest.param(as_bytes(notebook(["x = 1\n", "y = 2"])), id="list source"),
        pytest.param(as_bytes(notebook("x = 1\r\ny = 2")), id="Windows line ends"),
        pytest.param(b"\xef\xbb\xbf" + as_bytes(notebook("x = 1\ny = 2")), id="byte order mark"),
        pytest.param(json.dumps(notebook("x = 1\ny = 2")).encode("utf-16"), id="UTF-16"),
        pytest.param(json.dumps(notebook("x = 1\ny = 2")).encode("utf-16-le"), id="UTF-16 without mark"),
        pytest.param(b"\n\n  " + as_bytes(notebook("x = 1\ny = 2")), id="blank lines above"),
        pytest.param(as_bytes({"nbformat": 4, "cells": [code("x = 1\ny = 2")]}), id="no metadata"),
        pytest.param(as_bytes(notebook("x = 1\ny = 2", metadata=None)), id="metadata is null"),
        pytest.param(as_bytes(notebook("x = 1\ny = 2", metadata={"kernelspec": 3})), id="odd metadata"),
        pytest.param(
            as_bytes({"nbformat": 4, "cells": [None, 3, {"cell_type": "code", "source": "x = 1\ny = 2"}]}),
            id="odd cells",
        ),
        pytest.param(
            as_bytes(
                {
                    "nbformat": 3,
                    "worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1\n", "y = 2"]}]}],
                }
            ),
            id="nbformat 3",
        ),
        pytest.param(
            as_bytes(
                {"nbformat": 2, "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1\ny = 2"}]}]}
            ),
            id="nbformat 2",
        ),
    ],
)
def test_every_form_of_a_notebook_is_read(tmp_path: Path, raw: bytes) -> None:
    """Formats 2 to 4, sources as text or lists, odd encodings and missing parts all give the same cell."""
    submission = read_notebook(write(tmp_path / "anna.ipynb", raw))

    assert (None, (), ["x = 1\ny = 2"]) == (submission.problem, submission.remarks, sources(submission))
    assert ("anna", "anna.ipynb") == (submission.student, submission.name)
    assert hashlib.sha256(raw).hexdigest() == submission.sha256


def test_a_notebook_comes_out_clean(tmp_path: Path) -> None:
    """Outputs, cell metadata and the saved kernel are gone, ids are valid and unique, and nbformat agrees."""
    path = write(
        tmp_path / "a.ipynb",
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "tf-gpu", "language": "python"}, "authors": 3},
            "cells": [
                code(
                    "a", id="same", outputs=[{"output_type": "stream", "text": "old"}], metadata={"tags": 3}
                ),
                code("b", id="same", execution_count=7),
                code("c", id="not a valid id!"),
                code("d"),
                {"cell_type": "markdown", "source": ["# Title\n", "text"], "id": "cell-4"},
                {"cell_type": "raw", "source": "raw"},
                {"cell_type": "rubbish", "source": None},
            ],
        },
    )

    clean = read_notebook(path).notebook

    assert clean is not None
    nbformat.validate(clean)
    assert ["same", "cell-2", "cell-3", "cell-4-2", "cell-4", "cell-6", "cell-7"] == [
        c.id for c in clean.cells
    ]
    assert ["code"] * 4 + ["markdown", "raw", "markdown"] == [c.cell_type for c in clean.cells]
    assert ["a", "b", "c", "d", "# Title\ntext", "raw", ""] == [c.source for c in clean.cells]
    assert [[]] * 4 == [c.outputs for c in clean.cells if c.cell_type == "code"]
    assert {"python"} == {clean.metadata.kernelspec.language, clean.metadata.language_info.name}
    assert clean == read_notebook(path).notebook


def test_headings_and_worksheets_of_format_3(tmp_path: Path) -> None:
    """Format 3 keeps cells in worksheets and headings in cells of their own; all of them are read."""
    cells = [{"cell_type": "heading", "level": 2, "source": ["Model"]}, {"cell_type": "code", "input": "x"}]
    more = [{"cell_type": "code", "input": ["y"], "language": "python"}]
    path = write(tmp_path / "a.ipynb", {"nbformat": 3, "worksheets": [{"cells": cells}, {}, {"cells": more}]})

    assert ["## Model", "x", "y"] == sources(read_notebook(path))
    assert ["markdown", "code", "code"] == kinds(read_notebook(path))


@pytest.mark.parametrize(
    "source",
    [
        "def f(:",
        "print(1)\u200b",
        "\x00",
        "(" * 1000,
        "%%javascript\nalert(1)",
        "# !wget https://example.org/a.zip",
        "files = !ls",
    ],
)
def test_cells_that_do_not_parse_are_left_as_they_are(tmp_path: Path, source: str) -> None:
    """A cell that is not Python stays in the notebook, unchanged: it fails alone, when it runs."""
    submission = read_notebook(write(tmp_path / "a.ipynb", notebook("x = 1", source)))

    assert (None, ["x = 1", source]) == (submission.problem, sources(submission))


def test_half_characters_are_replaced(tmp_path: Path) -> None:
    """Lone surrogates, which could never be saved again, become replacement characters."""
    path = write(
        tmp_path / "a.ipynb", b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = \\ud83d"}]}'
    )

    assert ["x = \ufffd"] == sources(read_notebook(path))


@pytest.mark.parametrize(
    ("number", "remark"),
    [
        (5, "The notebook is of format 5, which is newer than 4; it was read as format 4."),
        (None, "The file does not say which notebook format it has; it was read as format 4."),
    ],
)
def test_an_unknown_format_that_looks_familiar_is_read(
    tmp_path: Path, number: int | None, remark: str
) -> None:
    """A notebook of a later format, or of none, is read if it has cells, and a remark says so."""
    submission = read_notebook(write(tmp_path / "a.ipynb", notebook("x = 1", nbformat=number)))

    assert (["x = 1"], (remark,)) == (sources(submission), submission.remarks)


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "python2", "display_name": "Python 2"}},
        {"kernelspec": {"name": "my-env", "display_name": "My environment"}},
        {"kernelspec": {"name": "python3", "language": "Python"}, "language_info": {"name": "R"}},
        {"language_info": {"name": "ipython"}},
        {"kernelspec": {"name": ["ir"], "language": 4}, "language_info": "R"},
    ],
)
def test_a_kernel_of_any_name_may_be_python(tmp_path: Path, metadata: dict[str, Any]) -> None:
    """Old, renamed and oddly written Python kernels are Python; the chosen kernel counts first."""
    submission = read_notebook(write(tmp_path / "a.ipynb", notebook("x = 1", metadata=metadata)))

    assert None is submission.problem


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"name": "ir", "display_name": "R"}}, "R"),
        ({"kernelspec": {"name": "ir", "language": "R"}, "language_info": {"name": "R"}}, "R"),
        ({"kernelspec": {"name": "julia-1.9"}}, "Julia"),
        ({"language_info": {"name": "javascript"}}, "javascript"),
        ({"language": "Julia"}, "Julia"),
    ],
)
def test_a_notebook_of_another_language_is_unreadable(
    tmp_path: Path, metadata: dict[str, Any], language: str
) -> None:
    """R, Julia or JavaScript, wherever the notebook says so, is refused by its name."""
    submission = read_notebook(write(tmp_path / "a.ipynb", notebook("x <- 1", metadata=metadata)))

    assert submission.problem == (
        f"The notebook says it is written in {language}, not in Python; "
        "choose a Python kernel, save the notebook and hand it in again."
    )


WHOLE = json.dumps(notebook("x = 1", "y = 2"), indent=1)
CONFLICT = '{\n "cells": [\n<<<<<<< HEAD\n  1\n=======\n  2\n>>>>>>> other\n ]}'
UNREADABLE = {
    "empty": (b"", f"The file is empty; {AGAIN}."),
    "blank": (b"\xef\xbb\xbf \n\n", f"The file is empty; {AGAIN}."),
    "prose": ("Dear teacher, here it is.", f"The file is neither a notebook nor Python text; {AGAIN}."),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00", f"The file is neither a notebook nor Python text; {AGAIN}."),
    "zip": (b"PK\x03\x04rest", f"The file is a zip archive under another name, not a notebook; {AGAIN}."),
    "PDF": (b"%PDF-1.7", f"The file is a PDF under another name, not a notebook; {AGAIN}."),
    "HTML": ("\n<!DOCTYPE html>\n<html>", f"The file is a web page, not a notebook; {AGAIN}."),
    "JSON": ('{"a": [1]}', f"The file is JSON, but not a notebook: it has no list of cells; {AGAIN}."),
    "JSON list": ("[1, 2]", f"The file is neither a notebook nor Python text; {AGAIN}."),
    "cells are no list": (
        '{"nbformat": 4, "cells": 3}',
        f"The file is JSON, but not a notebook: it has no list of cells; {AGAIN}.",
    ),
    "bad JSON": (
        '{\n"cells": [,]}\n',
        "The file is not valid JSON (line 2: Expecting value); save the notebook again and hand it in.",
    ),
    "deep JSON": ('{"a":' * 100_000, f"The file is not valid JSON (it is nested too deeply); {AGAIN}."),
    "cut in a text": (
        WHOLE[: WHOLE.index("y =") + 3],
        "The file breaks off in the middle (at line 16); download or save it again and hand it in.",
    ),
    "cut between": (
        WHOLE.rstrip()[:-2],
        f"The file breaks off in the middle (at line {WHOLE.count(chr(10))}); "
        "download or save it again and hand it in.",
    ),
    "cut in a word": (
        '{"metadata": {},\n "x": tru',
        "The file breaks off in the middle (at line 2); download or save it again and hand it in.",
    ),
    "conflict": (
        CONFLICT,
        "The file holds Git conflict markers (from line 3); "
        "resolve the conflict, save it and hand it in again.",
    ),
    "conflict at once": (
        "<<<<<<< HEAD\n{}\n=======\n{ }\n>>>>>>> x\n",
        "The file holds Git conflict markers (from line 1); "
        "resolve the conflict, save it and hand it in again.",
    ),
    "no cells": (
        notebook(cells=[]),
        "The notebook holds no code, so there is nothing to run; hand in the notebook with your code cells.",
    ),
    "only text": (
        notebook(" \n", cells=[{"cell_type": "markdown", "source": "hello"}, code(" \n")]),
        "The notebook holds no code, so there is nothing to run; hand in the notebook with your code cells.",
    ),
}


@pytest.mark.parametrize(("content", "problem"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_one_plain_sentence(tmp_path: Path, content: Any, problem: str) -> None:
    """Each kind of unreadable file gives no notebook, and a sentence that says what to do."""
    submission = read_notebook(write(tmp_path / "a.ipynb", content))

    assert (problem, None) == (submission.problem, submission.notebook)
    assert hashlib.sha256(as_bytes(content)).hexdigest() == submission.sha256


def test_a_file_that_is_too_big_is_not_read(tmp_path: Path) -> None:
    """Above 200 MB a file is refused by its size."""
    path = write(tmp_path / "a.ipynb", "{")
    os.truncate(path, 200_000_001)

    assert read_notebook(path).problem == (
        "The file is bigger than 200 MB; clear the outputs of the notebook, save it and hand it in again."
    )


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_opened_is_unreadable(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Files and folders without permission to read are rows with a sentence; helper files are left out."""
    write_all(
        tmp_path / "class", {f"{name}/{file}": notebook() for name in "abcd" for file in ("hw.ipynb", "x")}
    )
    closed = {"a": 0, "b": 0o400, "c/hw.ipynb": 0, "d/x": 0}
    for name, mode in closed.items():
        (tmp_path / "class" / name).chmod(mode)

    found = find(tmp_path / "class")
    alone = read_notebook(tmp_path / "class/c/hw.ipynb")
    for name in closed:
        (tmp_path / "class" / name).chmod(0o700)

    assert [
        "The folder cannot be opened (Permission denied); change its permissions.",
        "The file cannot be opened; change its permissions.",
        "The file cannot be opened; change its permissions.",
        None,
    ] == [one.problem for one in found]
    assert [[], [], ["x"], []] == [helpers(one) for one in found]
    assert f"The file cannot be opened (Permission denied); {AGAIN}." == alone.problem


def test_a_missing_file_is_the_instructors_mistake(tmp_path: Path) -> None:
    """A path that does not exist raises, naming the path."""
    with pytest.raises(GraderError, match=r"There is no file .*nowhere\.ipynb; check the path\."):
        read_notebook(tmp_path / "nowhere.ipynb")


def test_60_megabytes_of_outputs_are_dropped(tmp_path: Path) -> None:
    """A notebook with 60 MB of outputs is read like any other."""
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 60_000_000}
    path = write(tmp_path / "a.ipynb", notebook(cells=[code("x = 1", outputs=[output])]))

    assert (60_000_000 < path.stat().st_size, ["x = 1"]) == (True, sources(read_notebook(path)))


def test_5000_cells_are_read(tmp_path: Path) -> None:
    """Five thousand cells, all of the same id, come out in order with five thousand ids."""
    cells = [code(f"x = {n}", id="same") for n in range(5000)]

    clean = read_notebook(write(tmp_path / "a.ipynb", notebook(cells=cells))).notebook

    assert clean is not None
    assert [f"x = {n}" for n in range(5000)] == [cell.source for cell in clean.cells]
    assert 5000 == len({cell.id for cell in clean.cells})


# Python and Markdown text

JUPYTER = """#!/usr/bin/env python
# coding: utf-8

# # Happy or sad

# In[1]:


import os
get_ipython().system('wget https://example.org/a.zip')

# Train it.

# In[ ]:


get_ipython().run_line_magic('matplotlib', 'inline')
print(1)
"""
PERCENT = '''# ---
# jupyter:
#   jupytext:
#     text_representation: x
# ---

# %% [markdown]
# # Happy or sad
#
# Text.

# %% tags=["a"]
# !wget https://example.org/a.zip
x = 1

y = 2

#%%
def f(:

# %% [md]
"""
More text.
"""
'''
LIGHT = """# ---
# jupyter:
#   kernelspec: x
# ---

# Title

# +
x = 1

y = 2
# -

z = 3
"""
COLAB = '''# -*- coding: utf-8 -*-
"""Happy.ipynb

Automatically generated by Colab.
"""

!wget https://example.org/a.zip
import os

"""# Model"""

# Commented out IPython magic to ensure Python compatibility.
# %%time
model = f(

    150,
)
'''
SCRIPT = '''import os
import sys

# a comment that belongs below

@wrapped

def f():
    """Text.

    # %% in a text, no marker
    """

    return 1
x = 1


# the end
'''


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            JUPYTER,
            [
                ("markdown", "# Happy or sad"),
                ("code", "import os\nget_ipython().system('wget https://example.org/a.zip')\n\n# Train it."),
                ("code", "get_ipython().run_line_magic('matplotlib', 'inline')\nprint(1)"),
            ],
            id="export of Jupyter",
        ),
        pytest.param(
            PERCENT,
            [
                ("markdown", "# Happy or sad\n\nText."),
                ("code", "# !wget https://example.org/a.zip\nx = 1\n\ny = 2"),
                ("code", "def f(:"),
                ("markdown", "More text."),
            ],
            id="jupytext, percent",
        ),
        pytest.param(
            LIGHT,
            [("markdown", "Title"), ("code", "x = 1\n\ny = 2"), ("code", "z = 3")],
            id="jupytext, light",
        ),
        pytest.param(
            COLAB,
            [
                ("markdown", "Happy.ipynb\n\nAutomatically generated by Colab."),
                ("code", "!wget https://example.org/a.zip\nimport os"),
                ("markdown", "# Model"),
                (
                    "code",
                    "# Commented out IPython magic to ensure Python compatibility.\n# %%time\n"
                    "model = f(\n\n    150,\n)",
                ),
            ],
            id="export of Colab",
        ),
        pytest.param(
            SCRIPT,
            [
                ("code", "import os\nimport sys"),
                (
                    "code",
                    "# a comment that belongs below\n\n@wrapped\n\ndef f():\n"
                    '    """Text.\n\n    # %% in a text, no marker\n    """\n\n'
                    "    return 1\nx = 1\n\n\n# the end",
                ),
            ],
            id="script without markers",
        ),
        pytest.param(
            'x = """\n# %%\n"""\n\n# %%\ny = 1\n',
            [("code", 'x = """\n# %%\n"""'), ("code", "# %%\ny = 1")],
            id="marker in a text",
        ),
        pytest.param(
            "import os\n\nif x:\n    a\n\nelse:\n    b\n",
            [("code", "import os"), ("code", "if x:\n    a\n\nelse:\n    b")],
            id="blank lines in a statement",
        ),
        pytest.param(
            "import os\n\nx = 1\u200b\n\ndef f(:\n",
            [("code", "import os\n\nx = 1\u200b\n\ndef f(:")],
            id="wrong Python",
        ),
        pytest.param(
            "import re\r\n\r\nx = re.compile('\\d')\r\n",
            [("code", "import re"), ("code", "x = re.compile('\\d')")],
            id="invalid escape, Windows line ends",
        ),
    ],
)
def test_python_text_becomes_cells(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    """Exports are cut at their markers, scripts at blank lines between statements, never within one."""
    count = "1 cell" if len(expected) == 1 else f"{len(expected)} cells"
    remark = f"The file holds Python text, not a notebook; it was read as {count}."
    as_script = read_notebook(write(tmp_path / "a.py", text))
    as_notebook = read_notebook(write(tmp_path / "a.ipynb", text))

    assert expected == list(zip(kinds(as_script), sources(as_script), strict=True))
    assert (as_script.notebook, (remark,), (remark,)) == (
        as_notebook.notebook,
        as_notebook.remarks,
        as_script.remarks,
    )


@pytest.mark.parametrize(
    "text", ["x" + ".a" * 100_000, "-" * 100_000 + "1", "x = 1\n\n" + "(" * 100_000, "x = 1\n\ny = '\x01'"]
)
def test_monstrous_python_is_a_single_cell_or_two(tmp_path: Path, text: str) -> None:
    """Text that brings Python's parser to its limits is read all the same."""
    submission = read_notebook(write(tmp_path / "a.py", text))

    assert text == "\n\n".join(sources(submission))


@pytest.mark.parametrize(
    ("raw", "source", "encoding"),
    [
        ("x = 'ü'".encode("cp1252"), "x = 'ü'", "cp1252"),
        ("# coding: cp1251\nx = 'ж'".encode("cp1251"), "# coding: cp1251\nx = 'ж'", "cp1251"),
        ("# coding: nonsense\nx = 'ü'".encode("cp1252"), "# coding: nonsense\nx = 'ü'", "cp1252"),
        ("# coding: hex\nx = 'ü'".encode("cp1252"), "# coding: hex\nx = 'ü'", "cp1252"),
    ],
)
def test_old_encodings_are_read_with_a_remark(tmp_path: Path, raw: bytes, source: str, encoding: str) -> None:
    """Text that is not UTF-8 is read as it declares itself, or else as Western European."""
    submission = read_notebook(write(tmp_path / "a.py", raw))

    assert [source] == sources(submission)
    assert f"The file is not UTF-8; it was read as {encoding}." == submission.remarks[0]


def test_markdown_text_becomes_cells(tmp_path: Path) -> None:
    """Fenced Python becomes code cells, the rest Markdown, other fences included."""
    text = (
        "# Title\n\n```python\nimport os\n\nx = 1\n```\nText.\n\n```bash\nls\n```\n"
        "~~~~ py\ny = '''\n~~~\n'''\n~~~~\n``` {python}\nz = 3"
    )

    submission = read_notebook(write(tmp_path / "a.ipynb", text))

    assert [
        "# Title",
        "import os\n\nx = 1",
        "Text.\n\n```bash\nls\n```",
        "y = '''\n~~~\n'''",
        "z = 3",
    ] == sources(submission)
    assert ["markdown", "code", "markdown", "code", "code"] == kinds(submission)
    assert ("The file holds Markdown text, not a notebook; it was read as 5 cells.",) == submission.remarks


def test_a_python_text_with_a_fence_in_it_is_python(tmp_path: Path) -> None:
    """A fence inside a docstring does not make a script Markdown."""
    submission = read_notebook(write(tmp_path / "a.ipynb", 'import os\nx = """\n```python\ny\n```\n"""\n'))

    assert ("The file holds Python text, not a notebook; it was read as 1 cell.",) == submission.remarks


def test_a_notebook_called_py_is_a_notebook(tmp_path: Path) -> None:
    """What is inside counts, not the ending."""
    assert ["x = 1"] == sources(read_notebook(write(tmp_path / "a.py", notebook("x = 1"))))
    assert ["{1: 2}"] == sources(read_notebook(write(tmp_path / "b.py", "{1: 2}")))


# Folders


def students(found: list[Submission]) -> dict[str, str]:
    """Who handed in what."""
    return {one.student: one.name for one in found}


def helpers(submission: Submission) -> list[str]:
    """The names of the helper files."""
    return [file.name for file in submission.files]


def test_files_are_one_submission_each(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Files come in the order given, a file given twice once, and neighbours stay out of it."""
    write_all(tmp_path, {"b.ipynb": notebook(), "a.json": notebook(), "c.py": "x = 1", "d.ipynb": notebook()})

    found = find(tmp_path / "b.ipynb", tmp_path / "c.py", tmp_path / "a.json", tmp_path / "." / "b.ipynb")

    assert {"b": "b.ipynb", "c": "c.py", "a": "a.json"} == students(found)
    assert [tmp_path / "b.ipynb", tmp_path / "c.py", tmp_path / "a.json"] == [one.path for one in found]
    assert [(), (), ()] == [one.files for one in found]


def test_a_file_brings_along_what_it_imports(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Scripts and packages that a single notebook imports, directly or not, are its helper files."""
    write_all(
        tmp_path,
        {
            "hw.ipynb": notebook("import os, utils.x as u\ndef broken(:", "%run more"),
            "utils.py": "def f():\n    from package import g",
            "more.py": "x = 1",
            "package/__init__.py": "from . import inner",
            "package/inner.py": "",
            "other.py": "",
            "data.csv": "",
        },
    )

    (found,) = find(tmp_path / "hw.ipynb")

    expected = ["more.py", "package/__init__.py", "package/inner.py", "utils.py"]
    assert expected == helpers(found)
    assert HelperFile("utils.py", tmp_path / "utils.py") == found.files[3]
    assert (
        "Taken along, since the code imports it: more.py, package/__init__.py, package/inner.py and 1 more.",
    ) == found.remarks


def test_a_flat_class(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Several notebooks: each is a submission; so is each folder, and a script that none imports."""
    write_all(
        tmp_path / "class",
        {
            "hs001.ipynb": notebook("import utils"),
            "hs002.ipynb": notebook(),
            "hs003.ipynb.txt": notebook(),
            "hs004.json": notebook(),
            "hs005.py": "x = 1",
            "utils.py": "",
            "settings.json": {"a": 1},
            "hs006/deep/hw.ipynb": notebook(),
            "pictures/a.png": "",
            ".ipynb_checkpoints/hs001-checkpoint.ipynb": notebook(),
            "__MACOSX/hs007.ipynb": notebook(),
            "node_modules/x.ipynb": notebook(),
            "env/pyvenv.cfg": "",
            "env/lib/x.ipynb": notebook(),
            "._hs001.ipynb": b"\x00",
        },
    )

    found = find(tmp_path / "class")

    assert {
        "hs001": "hs001.ipynb",
        "hs002": "hs002.ipynb",
        "hs003": "hs003.ipynb.txt",
        "hs004": "hs004.json",
        "hs005": "hs005.py",
        "hs006": "class/hs006/deep/hw.ipynb",
    } == students(found)
    assert [["utils.py"], [], [], [], [], []] == [helpers(one) for one in found]


def test_a_script_named_like_a_library_helps_nobody(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """In a flat class, one student's `numpy.py` or `random.py` does not reach the others."""
    write_all(
        tmp_path / "class",
        {
            "a.ipynb": notebook("import numpy, random"),
            "b.ipynb": notebook(),
            "numpy.py": "x",
            "random.py": "y",
        },
    )

    found = find(tmp_path / "class")

    assert ["a", "b", "numpy", "random"] == list(students(found))
    assert [[], [], [], []] == [helpers(one) for one in found]


def test_a_class_of_folders(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Each folder is a student's; one without work is a row of its own, and sections are gone into."""
    write_all(
        tmp_path / "class",
        {
            "anna/hw/hw.ipynb": notebook(),
            "ben/hw.py": "x = 1",
            "cleo/report.pdf": "",
            "section/dora/hw.ipynb": notebook(),
            "section/emil/hw.ipynb": notebook(),
            "section/readme.txt": "",
        },
    )

    found = find(tmp_path / "class")

    assert {
        "anna": "class/anna/hw/hw.ipynb",
        "ben": "class/ben/hw.py",
        "cleo": "class/cleo",
        "dora": "class/section/dora/hw.ipynb",
        "emil": "class/section/emil/hw.ipynb",
    } == students(found)
    assert [None, None, f"The folder holds no notebook and no Python file; {AGAIN}.", None, None] == [
        one.problem for one in found
    ]
    assert (None, "") == (found[2].path, found[2].sha256)


def test_a_folder_with_one_notebook_is_one_submission(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """All its other files are helper files, sub-folders kept; hidden ones and caches are not."""
    write_all(
        tmp_path / "anna",
        {
            "hw.ipynb": notebook(),
            "utils.py": "",
            "data/happy/1.png": b"\x89PNG",
            "data.zip": b"PK",
            ".secret": "",
            "__pycache__/utils.pyc": "",
        },
    )

    (found,) = find(tmp_path / "anna")

    assert ("anna", "anna/hw.ipynb", None, ()) == (found.student, found.name, found.problem, found.remarks)
    assert ["data.zip", "data/happy/1.png", "utils.py"] == helpers(found)
    assert tmp_path / "anna/data/happy/1.png" == found.files[1].path


def test_a_folder_with_one_main_script_is_one_submission(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """Scripts that another one imports are helper files."""
    write_all(tmp_path / "anna", {"main.py": "import utils", "utils.py": "x = 1", "lib/__init__.py": ""})

    (found,) = find(tmp_path / "anna")

    assert ("anna/main.py", ["lib/__init__.py", "utils.py"]) == (found.name, helpers(found))


def test_scripts_that_do_not_import_one_another_are_a_class(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """A folder of exports is a flat class, too."""
    write_all(tmp_path / "class", {"anna.py": "x = 1", "ben.py": "y = 1"})

    assert {"anna": "anna.py", "ben": "ben.py"} == students(find(tmp_path / "class"))


def test_helper_files_beyond_50_megabytes_are_left_out(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """Small files come first; what does not fit, and what lies outside the notebook's folder, is named."""
    write_all(
        tmp_path / "anna",
        {
            "src/hw.ipynb": notebook(),
            "src/big.bin": "",
            "src/huge.bin": "",
            "src/small.py": "",
            "notes.txt": "",
        },
    )
    os.truncate(tmp_path / "anna/src/big.bin", 30_000_000)
    os.truncate(tmp_path / "anna/src/huge.bin", 31_000_000)

    (found,) = find(tmp_path / "anna")

    assert ["big.bin", "small.py"] == helpers(found)
    assert (
        "Left out of the files beside the notebook, "
        "since all files together are bigger than 50 MB: huge.bin.",
        "Left out of the files beside the notebook, since they are not in its own folder: notes.txt.",
    ) == found.remarks


BROKEN = '{"cells": ['


@pytest.mark.parametrize(
    ("files", "name", "remark", "problem"),
    [
        pytest.param(
            {"a.ipynb": notebook("x = 1", "y"), "b.ipynb": notebook("x = 1", "", "y\n"), "c.txt": ""},
            "class/anna/a.ipynb",
            "The folder holds two notebooks, a.ipynb and b.ipynb, with the same code; "
            "a.ipynb, the newest, was graded.",
            None,
            id="same code",
        ),
        pytest.param(
            {"a.ipynb": notebook("# model.fit(x)", "re.compile('x')"), "old/b.ipynb": notebook(TRAINING)},
            "class/anna/old/b.ipynb",
            "The folder holds two notebooks, a.ipynb and old/b.ipynb; "
            "old/b.ipynb was graded, since only there a model is built or trained.",
            None,
            id="one trains",
        ),
        pytest.param(
            {"a.ipynb": BROKEN, "b.ipynb": notebook()},
            "class/anna/b.ipynb",
            "The folder holds two notebooks, a.ipynb and b.ipynb; "
            "b.ipynb was graded, since no other can be read.",
            None,
            id="one can be read",
        ),
        pytest.param(
            {"a.ipynb": notebook(TRAINING), "b.ipynb": notebook(f"{TRAINING}\nx")},
            "class/anna",
            None,
            "The folder holds two notebooks, a.ipynb and b.ipynb, and it is not clear which one to grade; "
            "hand in one.",
            id="both train",
        ),
        pytest.param(
            {f"{name}.ipynb": notebook(name) for name in "abcde"},
            "class/anna",
            None,
            "The folder holds 5 notebooks, a.ipynb, b.ipynb, c.ipynb and 2 more, "
            "and it is not clear which one to grade; hand in one.",
            id="none trains",
        ),
        pytest.param(
            {"a.py": "x = 1", "b.py": "y = 1"},
            "class/anna",
            None,
            "The folder holds two Python files, a.py and b.py, and it is not clear which one to grade; "
            "hand in one.",
            id="two scripts",
        ),
    ],
)
def test_two_notebooks_in_one_students_folder(
    tmp_path: Path,
    find: Callable[..., list[Submission]],
    files: dict[str, Any],
    name: str,
    remark: str | None,
    problem: str | None,
) -> None:
    """The same code: the newest; one that trains: that one; otherwise nobody can know."""
    write_all(tmp_path / "class", {"ben/hw.ipynb": notebook(), "cleo/hw.ipynb": notebook()})
    write_all(tmp_path / "class/anna", files)
    for age, path in enumerate(sorted((tmp_path / "class/anna").glob("*"))):
        os.utime(path, (1_000_000 - age, 1_000_000 - age))

    found = find(tmp_path / "class")[0]

    assert ("anna", name, problem) == (found.student, found.name, found.problem)
    assert ((remark,) if remark else ()) == found.remarks


@pytest.mark.parametrize("files", [{}, {"readme.txt": "", "data/a.png": ""}])
def test_a_folder_without_work_is_the_instructors_mistake(
    tmp_path: Path, find: Callable[..., list[Submission]], files: dict[str, Any]
) -> None:
    """A folder that holds no submission at all raises, and says what to give."""
    write_all(tmp_path / "class", files).mkdir(exist_ok=True)

    with pytest.raises(
        GraderError, match=r"class holds no submission\. It has no notebook and no Python file"
    ):
        find(tmp_path / "class")


def test_a_notebook_given_with_its_folder_counts_once(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """A file that is given, and lies in a folder that is given, is one submission."""
    write_all(tmp_path / "class", {"a.ipynb": notebook(), "b.ipynb": notebook()})

    found = find(tmp_path / "class/b.ipynb", tmp_path / "class")

    assert ["b", "a"] == [one.student for one in found]


def test_a_path_that_does_not_exist_is_the_instructors_mistake(find: Callable[..., list[Submission]]) -> None:
    """A missing path raises, naming it."""
    with pytest.raises(GraderError, match=r"There is no file or folder nowhere; check the path\."):
        find(Path("nowhere"))


def test_links_are_not_followed_out_of_the_folder(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """A link to a file elsewhere is a row with a sentence, one within the folder is followed."""
    secret = write(tmp_path / "secret.ipynb", notebook("secret"))
    write_all(tmp_path / "class", {"b.ipynb": notebook("b"), "store/real.bin": notebook("real")})
    (tmp_path / "class/a.ipynb").symlink_to(secret)
    (tmp_path / "class/c.ipynb").symlink_to("store/real.bin")
    (tmp_path / "class/d.ipynb").symlink_to("nowhere")
    (tmp_path / "class/e.ipynb").symlink_to("b.ipynb")
    (tmp_path / "class/loop").symlink_to(".")

    a, b, c, d, e = find(tmp_path / "class")

    sentence = (
        "This is a link to a file outside the given folder, which is not followed; hand in the file itself."
    )
    assert [sentence, None, None, sentence, None] == [one.problem for one in (a, b, c, d, e)]
    assert [["b"], ["real"], ["b"]] == [sources(one) for one in (b, c, e)]
    assert ["a", "b", "c", "d", "e"] == [one.student for one in (a, b, c, d, e)]


def test_links_are_no_helper_files(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Links that lead out of a student's folder are left out, and the remark says so."""
    write(tmp_path / "secret.txt", "secret")
    write_all(tmp_path / "anna", {"hw.ipynb": notebook(), "a.txt": ""})
    (tmp_path / "anna/b.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "anna/everything").symlink_to("/")

    (found,) = find(tmp_path / "anna")

    assert ["a.txt"] == helpers(found)
    assert (
        "Left out of the files beside the notebook, since links, closed or damaged files and names alike "
        "but for their case cannot be used: b.txt and everything/.",
    ) == found.remarks


def test_a_linked_student_folder_is_not_lost(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """A link among the students' folders is a row that says why it was not read."""
    write_all(
        tmp_path / "class", {"a/hw.ipynb": notebook(), "b/hw.ipynb": notebook(), "../c/hw.ipynb": notebook()}
    )
    (tmp_path / "class/c").symlink_to(tmp_path / "c")

    found = find(tmp_path / "class")

    assert ["a", "b", "c"] == [one.student for one in found]
    assert "This is a link to a folder, which is not followed; give the folder itself." == found[2].problem


def test_deep_folders_are_not_followed_for_ever(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """Below fifty folders nothing is looked for."""
    write(tmp_path / "a" / "/".join("d" * 60) / "hw.ipynb", notebook())
    write(tmp_path / "a" / "/".join("e" * 40) / "hw.ipynb", notebook())

    (found,) = find(tmp_path / "a")

    assert f"a/{'/'.join('e' * 40)}/hw.ipynb" == found.name


# Zips


def test_a_class_in_a_zip(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """A zip follows the rules of folders, and so does a zip in it."""
    path = write_zip(
        tmp_path / "class.zip",
        {
            "class/anna/hw.ipynb": notebook("anna"),
            "class/anna/data/x.csv": "1",
            "class/ben.zip": zip_bytes(tmp_path, {"hw/ben.ipynb": notebook("ben"), "hw/y.csv": ""}),
            "class/cleo/hw.zip": zip_bytes(tmp_path, {"hw.py": "cleo = 1"}),
            "__MACOSX/class/anna/._hw.ipynb": b"\0",
        },
    )

    found = find(path)

    assert {
        "anna": "class.zip/class/anna/hw.ipynb",
        "ben": "class.zip/class/ben.zip/hw/ben.ipynb",
        "cleo": "class.zip/class/cleo/hw.zip/hw.py",
    } == students(found)
    assert [["anna"], ["ben"], ["cleo = 1"]] == [sources(one) for one in found]
    assert [["data/x.csv"], ["y.csv"], []] == [helpers(one) for one in found]
    assert "1" == found[0].files[0].path.read_text()
    assert [(), ()] == [one.remarks for one in found[:2]]


def test_a_students_zip(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """A zip with one notebook is one submission, named for the zip, alone or in a folder of zips."""
    for name in ("Müller_12", "ben"):
        write_zip(
            tmp_path / f"class/{name}.zip", {"project/hw.ipynb": notebook(name), "project/utils.py": ""}
        )

    alone, in_folder = find(tmp_path / "class/Müller_12.zip"), find(tmp_path / "class")

    assert {"Müller_12": "Müller_12.zip/project/hw.ipynb"} == students(alone)
    assert (["Müller_12"], ["utils.py"]) == (sources(alone[0]), helpers(alone[0]))
    assert ["Müller_12", "ben"] == [one.student for one in in_folder]


def test_results_of_an_earlier_grading_are_nobodys_work(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """Results in the class's folder, finished or not, and what is being unpacked, are passed over."""
    write_all(
        tmp_path,
        {
            "a.ipynb": notebook(),
            "b.ipynb": notebook(),
            "out/gradebook.csv": "",
            "out/gradebook.json": "",
            "out/a/executed.ipynb": notebook(),
            "half/a/executed.ipynb": notebook(),
            "half/a/run.json": "",
            "unpacked/zip-1/c.ipynb": notebook(),
        },
    )

    assert ["a", "b"] == [one.student for one in find(tmp_path)]


def test_zips_without_work(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Data beside a notebook stays packed, a student's zip without any work is a row."""
    write_zip(tmp_path / "data.zip", {"happy/1.png": "x"})
    write(tmp_path / "class/anna/hw.ipynb", notebook())
    write_zip(tmp_path / "class/anna/data.zip", {"happy/1.png": "x"})
    write(tmp_path / "class/ben/hw.ipynb", notebook())

    anna, _ = find(tmp_path / "class")
    (data,) = find(tmp_path / "data.zip")

    assert ["data.zip"] == helpers(anna)
    assert f"The zip holds no notebook and no Python file; {AGAIN}." == data.problem
    assert (tmp_path / "data.zip", hashlib.sha256((tmp_path / "data.zip").read_bytes()).hexdigest()) == (
        data.path,
        data.sha256,
    )


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "a/../../evil.txt",
        "/tmp/evil.txt",
        "C:\\evil.txt",
        "..\\evil.txt",
        "a/" * 60 + "x",
        "x" * 1001,
    ],
)
def test_members_that_lead_out_of_the_zip_are_skipped(
    tmp_path: Path, find: Callable[..., list[Submission]], name: str
) -> None:
    """The rest of the zip is read, a remark names the member, and nothing is written elsewhere."""
    path = write_zip(tmp_path / "anna.zip", {name: "evil", "hw.ipynb": notebook()})

    (found,) = find(path)

    assert (["x = 1"], []) == (sources(found), helpers(found))
    shown = name.replace("\\", "/")
    remark = f"Left out of the zip, since it leads out of the zip or its name is too long: {shown}."
    assert (remark,) == found.remarks
    assert {"anna.zip", "unpacked"} == {entry.name for entry in tmp_path.iterdir()}
    assert found.path is not None
    assert found.path.is_relative_to(tmp_path / "unpacked")


def test_links_in_a_zip_are_skipped(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """A member that is a link is neither made nor followed."""
    path = write_zip(tmp_path / "anna.zip", {"hw.ipynb": notebook()})
    link = zipfile.ZipInfo("passwords.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")

    (found,) = find(path)

    assert [] == helpers(found)
    assert ("Left out of the zip, since it is a link and not a file: passwords.txt.",) == found.remarks
    assert 1 == sum(entry.is_file() for entry in (tmp_path / "unpacked").rglob("*"))


def test_two_members_of_one_name(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Of members with the very same name the last counts, as when they are unpacked by hand."""
    path = tmp_path / "anna.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hw.ipynb", json.dumps(notebook("first")))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("hw.ipynb", json.dumps(notebook("last")))

    (found,) = find(path)

    assert (["last"], ("The zip holds files of one name, of which the last was read: hw.ipynb.",)) == (
        sources(found),
        found.remarks,
    )


def test_names_alike_but_for_their_case(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Two students are kept apart; of two helper files one is left out, with a remark."""
    two = write_zip(tmp_path / "two.zip", {"Anna.ipynb": notebook("A"), "anna.ipynb": notebook("a")})
    one = write_zip(tmp_path / "one.zip", {"hw.ipynb": notebook(), "a/X.csv": "1", "A/x.csv": "22"})

    upper, lower, single = find(two, one)

    assert [("Anna", ["A"]), ("anna-2", ["a"])] == [(x.student, sources(x)) for x in (upper, lower)]
    assert ("Another submission, Anna.ipynb, has the same name; this one is called anna-2.",) == lower.remarks
    assert ["a/X.csv"] == helpers(single)
    assert single.remarks[0].endswith("names alike but for their case cannot be used: A/x.csv.")


def test_names_that_no_file_system_takes(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """A member's name may be longer than any file's, or reserved: it is never a file's name here."""
    path = write_zip(
        tmp_path / "a.zip", {f"{'x' * 300}/CON.ipynb": notebook("con"), "b/NUL.ipynb": notebook("nul")}
    )

    found = find(path)

    assert [["nul"], ["con"]] == [sources(one) for one in found]
    assert ["b", "x" * 100] == [one.student for one in found]


def test_names_that_a_mac_did_not_mark_as_utf8(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Names in UTF-8 are read as such although the zip does not say so."""
    path = write_zip(tmp_path / "a.zip", {"M__ller.ipynb": notebook(), "b.ipynb": notebook()})
    path.write_bytes(path.read_bytes().replace(b"M__ller", "Müller".encode()))

    assert ["Müller", "b"] == [one.student for one in find(path)]


def test_the_newest_in_a_zip_goes_by_the_zips_own_dates(
    tmp_path: Path, find: Callable[..., list[Submission]]
) -> None:
    """Unpacking keeps the dates, so that of two equal notebooks the newest is still known."""
    write(tmp_path / "class/ben/hw.ipynb", notebook())
    (tmp_path / "class/anna").mkdir()
    with zipfile.ZipFile(tmp_path / "class/anna/anna.zip", "w") as archive:
        for name, year in (("a.ipynb", 2021), ("b.ipynb", 2023), ("c.ipynb", 2022)):
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), json.dumps(notebook()))

    assert "class/anna/anna.zip/b.ipynb" == find(tmp_path / "class")[0].name


def broken_zips(folder: Path) -> dict[str, tuple[Path, str]]:
    """Zips that cannot be read, with their sentences."""
    whole = zip_bytes(folder, {"hw.ipynb": notebook("x" * 5000)})
    at = whole.index(b"hw.ipynb") + len("hw.ipynb") + 10
    encrypted = bytearray(whole)
    encrypted[6] |= 1
    encrypted[whole.index(b"PK\1\2") + 8] |= 1
    with zipfile.ZipFile(folder / "unusual.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("hw.ipynb", "{}")
    member = "The file is damaged or packed in an unusual way in its zip; hand in the notebook itself."
    zip_ = "The zip is damaged and cannot be opened; zip the work again, or hand in the notebook itself."
    return {
        "cut": (write(folder / "cut.zip", whole[:-30]), zip_),
        "unusual": (folder / "unusual.zip", member),
        "text": (write(folder / "text.zip", "no zip"), zip_),
        "flipped": (write(folder / "flipped.zip", whole[:at] + b"\xff\xff\xff" + whole[at + 3 :]), member),
        "encrypted": (
            write(folder / "encrypted.zip", bytes(encrypted)),
            "The zip is protected by a password; hand it in without one.",
        ),
    }


def test_broken_and_locked_zips_are_rows(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Each zip that cannot be opened is one unreadable submission; the rest of the class is read."""
    broken = broken_zips(tmp_path)
    good = write(tmp_path / "good.ipynb", notebook())
    expected = {name: problem for name, (_, problem) in broken.items()}

    given = find(*[path for path, _ in broken.values()], good)
    in_folder = find(tmp_path)

    assert expected | {"good": None} == {one.student: one.problem for one in given}
    assert expected | {"good": None} == {one.student: one.problem for one in in_folder}


def bombs(folder: Path) -> dict[str, Path]:
    """Zips that unpack to too much, each in another way."""
    folder.mkdir()
    many = write_zip(folder / "many.zip", {f"{n}.py": "" for n in range(20_001)})
    dense = write_zip(folder / "dense.zip", {"hw.ipynb": b" " * 60_000_000})
    big = write_zip(folder / "big.zip", {"hw.ipynb": notebook(), "b": ""})
    raw = big.read_bytes()
    at = raw.rindex(b"PK\1\2") + 24
    big.write_bytes(raw[:at] + (600_000_000).to_bytes(4, "little") + raw[at + 4 :])
    return {"many": many, "dense": dense, "big": big}


def test_bombs_are_rows(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Too many members, too many bytes, or too dense: the zip is a row, and nothing of it is unpacked."""
    start, end = "The zip is too big to be opened", "hand in the notebook itself."
    expected = {
        "many": f"{start} (0 MB unpacked, 20,001 files); {end}",
        "dense": f"{start} (60 MB unpacked, 1 file); {end}",
        "big": f"{start} (600 MB unpacked, 2 files); {end}",
    }

    found = find(*bombs(tmp_path / "bombs").values())

    assert expected == {one.student: one.problem for one in found}
    assert not (tmp_path / "unpacked").exists()


def test_a_bomb_in_a_class_is_one_row(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """A student's bomb in the class's zip costs that student only."""
    bomb = bombs(tmp_path / "bombs")["dense"].read_bytes()
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("anna.zip", bomb)
        archive.writestr("ben.ipynb", json.dumps(notebook()))
        archive.writestr("cleo.ipynb", json.dumps(notebook()))

    found = find(path)

    assert {"anna": False, "ben": True, "cleo": True} == {one.student: one.problem is None for one in found}


def test_zips_in_a_zip_share_its_room(
    tmp_path: Path, find: Callable[..., list[Submission]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many zips in one cannot together unpack to more than the limit of one."""
    monkeypatch.setattr(zips._Room, "__init__", lambda self: self.__dict__.update(size=25_000, members=100))
    inner = zip_bytes(tmp_path, {"hw.py": "x = 1\n" + "#" * 9_000})
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in "abcd":
            archive.writestr(f"{name}.zip", inner)

    found = find(path)

    assert {"a": True, "b": True, "c": False, "d": False} == {x.student: x.problem is None for x in found}


def test_no_place_to_unpack_is_the_instructors_mistake(tmp_path: Path) -> None:
    """Where nothing can be unpacked, the path and the reason are named."""
    path = write_zip(tmp_path / "a.zip", {"hw.ipynb": notebook()})
    taken = write(tmp_path / "taken", "")

    with pytest.raises(GraderError, match=r"Nothing can be unpacked into .*taken"):
        find_submissions([path], taken)


# Names


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("hs001", "hs001"),
        ("anna.smith_2@x.edu", "anna.smith_2@x.edu"),
        ("Anna  Smith (1)", "Anna-Smith-1"),
        ('O\'Brien "x"; rm -rf $HOME', "O-Brien-x-rm-rf-HOME"),
        ("-rf", "rf"),
        ("...hidden..", "hidden"),
        ("..", "submission"),
        ("😀", "submission"),
        ("❤️ anna 1️⃣", "anna-1"),
        ("a\nb\tc\x00d\x1b", "a-b-cd"),
        ("abc\u202egpj", "abcgpj"),
        ("Mu\u0308ller", "Müller"),
        ("李雷", "李雷"),
        ("हिन्दी", "हिन्दी"),
        ("con", "_con"),
        ("Com1.txt", "_Com1.txt"),
        ("index.html", "_index.html"),
        ("a/b\\c:d*e?f", "a-b-c-d-e-f"),
        ("x" * 255, "x" * 100),
        ("ü" * 127, "ü" * 50),
        ("x" + "ü" * 127, "x" + "ü" * 49),
        ("x\udcff", "x"),
        ("", "submission"),
    ],
)
def test_student_names_are_safe_as_folders(label: str, expected: str) -> None:
    """Letters of all scripts stay; what could harm a shell, a page or a file system does not."""
    assert expected == student_name(label)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([("anna", "x"), ("ben", "x")], [("anna", None), ("ben", None)]),
        (
            [("hw", "anna"), ("hw", "ben"), ("HW", "c d")],
            [("anna-hw", None), ("ben-hw", None), ("c-d-HW", None)],
        ),
        ([("hw", "x"), ("hw", "X")], [("hw", None), ("hw-2", 0)]),
        ([("hw", "a"), ("hw", "b"), ("hw", "b")], [("a-hw", None), ("b-hw", None), ("b-hw-2", 1)]),
        ([("a b", "x"), ("a-b", "x"), ("a-b-2", "x")], [("a-b", None), ("a-b-3", 0), ("a-b-2", None)]),
        ([("x" * 200, "p"), ("x" * 100, "p")], [("x" * 100, None), ("x" * 98 + "-2", 0)]),
        ([("STRASSE", "x"), ("straße", "x")], [("STRASSE", None), ("straße-2", 0)]),
    ],
)
def test_students_of_one_name_are_told_apart(
    labels: list[tuple[str, str]], expected: list[tuple[str, int | None]]
) -> None:
    """By their folders where these differ, by numbers otherwise; plain names are never taken by numbers."""
    assert expected == tell_apart(labels)


def test_two_students_of_one_name(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Files of one name in different folders are led by their folders."""
    write_all(tmp_path, {"anna/hw.ipynb": notebook("a"), "ben 2/hw.ipynb": notebook("b")})

    found = find(tmp_path / "anna/hw.ipynb", tmp_path / "ben 2/hw.ipynb")

    assert ["anna-hw", "ben-2-hw"] == [one.student for one in found]


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows does not allow")
def test_files_of_any_name_are_read(tmp_path: Path, find: Callable[..., list[Submission]]) -> None:
    """Spaces, quotes, emoji, dashes, controls, bytes that are no UTF-8: shown as they are, named safely."""
    names = ["-rf.ipynb", "a 'b' \"c\".ipynb", "new\nline.ipynb", "😀.ipynb", f"{'y' * 249}.ipynb"]
    raw = os.fsdecode(b"z\xff.ipynb")
    write_all(tmp_path / "class", {name: notebook() for name in [*names, raw]})

    found = find(tmp_path / "class")

    assert [*names, "z\ufffd.ipynb"] == sorted((x.name for x in found), key=[*names, "z\ufffd.ipynb"].index)
    assert {"rf", "a-b-c", "new-line", "submission", "y" * 100, "z"} == {one.student for one in found}
    assert [None] * 6 == [one.problem for one in found]
