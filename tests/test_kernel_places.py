"""Course data where notebooks look for it, and where they misplace it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from in_kernel import Told, happy_or_sad, run

from grader.kernel.places.finding import DataSet, components, data_sets, meant
from grader.kernel.places.rooted import Rooted

# Reading what is missing ----------------------------------------------------------------------------


@pytest.fixture
def sets(tmp_path: Path) -> list[DataSet]:
    """One registered set with eight pictures."""
    return data_sets([happy_or_sad(tmp_path)])


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/tmp/h-or-s/happy", ["tmp", "h-or-s", "happy"]),
        ("./data/", ["data"]),
        ("D:/wk4/h-or-s/", ["wk4", "h-or-s"]),
        ("C:\\Users\\ana\\h-or-s\\sad", ["Users", "ana", "h-or-s", "sad"]),
        ("/../tmp2/happy-or-sad/sad", ["tmp2", "happy-or-sad", "sad"]),
    ],
)
def test_paths_of_any_system_have_parts(path: str, parts: list[str]) -> None:
    """Windows and POSIX paths are read alike, without drive, dots and empty parts."""
    assert parts == components(path)


@pytest.mark.parametrize(
    ("path", "kind", "tail", "named"),
    [
        ("somewhere/happy-or-sad.zip", "archive", "", True),
        ("C:\\data\\Happy-Or-Sad.ZIP", "archive", "", True),
        ("x/happy_or_sad", "folder", "", True),
        ("x/h-or-s_dataset", "folder", "", True),
        ("x/h-or-s/HAPPY", "folder", "happy", True),
        ("x/h-or-s/sad/sad1-02.png", "folder", "sad/sad1-02.png", True),
        ("x/h-or-s/train", "folder", "", False),
        ("h-or-s-models", "folder", "", False),
        ("train/happy", "folder", "happy", False),
        ("/tmp2/happy-or-sad.zip/sad", "folder", "sad", False),
    ],
)
def test_path_means_a_set(sets: list[DataSet], path: str, kind: str, tail: str, named: bool) -> None:
    """An archive's name, a word in a folder's name and a class at the end each tell what was meant."""
    found = meant(path, sets)

    assert found is not None
    assert (kind, tail, named) == (found.kind, found.tail, found.named)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "data",
        "model.h5",
        "h-or-s.h5",
        "h-or-s/notes.txt",
        "h-or-s/sad/none.png",
        "sad/a/b",
        "cats.zip",
    ],
)
def test_other_paths_mean_nothing(sets: list[DataSet], path: str) -> None:
    """Saved models, notes and unknown pictures are not course data, whatever their names contain."""
    assert meant(path, sets) is None


def test_longest_word_wins(sets: list[DataSet], tmp_path: Path) -> None:
    """Of two sets with like names the one named more fully is meant."""
    entry = {**happy_or_sad(tmp_path), "name": "validation", "words": ["validation-happy-or-sad"]}
    both = [*sets, *data_sets([entry])]

    found = [meant(path, both) for path in ("a/validation-happy-or-sad/sad", "a/happy-or-sad/sad")]

    assert ["validation", "happy-or-sad"] == [f.data.name for f in found if f]


# In a kernel with private folders -------------------------------------------------------------------

SANDBOXED = """
    from grader_kernel import places
    os.makedirs("own/happy-or-sad/happy")
    open("own/happy-or-sad/happy/mine.png", "w").close()
    places.install(manifest)
    import glob, pathlib, shutil, tarfile, zipfile

    def attempt(name, action):
        try:
            told[name] = action()
        except Exception as problem:
            told[name] = type(problem).__name__

    def count(folder):
        return sum(len(files) for _, _, files in os.walk(folder))

    attempt("placed", lambda: [count("h-or-s"), len(zipfile.ZipFile("happy-or-sad.zip").namelist())])
    open("h-or-s/happy/happy1-00.png", "w").write("changed")
    attempt("pristine", lambda: os.path.getsize(manifest[0]["folder"] + "/happy/happy1-00.png") > 7)
    attempt("own", lambda: os.listdir("own/happy-or-sad/happy"))
    attempt("nested", lambda: sorted(os.listdir("data")))
    attempt("inside", lambda: [sorted(os.listdir("data/h-or-s")), sorted(os.listdir("data"))])

    attempt("listdir", lambda: sorted(os.listdir("a/happy_or_sad")))
    attempt("class", lambda: len(os.listdir("b/h-or-s/happy")))
    attempt("both classes", lambda: sorted(os.listdir("b/h-or-s")))
    attempt("scandir", lambda: sorted(e.name for e in os.scandir("D:/wk4/h-or-s/")))
    attempt("walk", lambda: count("C:\\\\data\\\\h-or-s"))
    attempt("glob", lambda: len(glob.glob("c/h-or-s/sad/*.png")))
    attempt("pathlib", lambda: len(list(pathlib.Path("d/h-or-s/sad").iterdir())))
    attempt("open", lambda: open("e/h-or-s/sad/sad1-01.png", "rb").read(4).hex())
    attempt("no folder", lambda: len(os.listdir("happy-or-sad.zip/happy")))
    attempt("zip", lambda: len(zipfile.ZipFile("f/happy-or-sad.zip").namelist()))
    os.mkdir("g"); open("g/happy-or-sad.zip", "w").close()
    attempt("empty zip", lambda: len(zipfile.ZipFile("g/happy-or-sad.zip").namelist()))
    open("g/happy-or-sad.zip", "w").write("<html>404</html>")
    attempt("unpack", lambda: [shutil.unpack_archive("g/happy-or-sad.zip", "g/out"), count("g/out")][1])

    questions = ["h/happy-or-sad", "h/happy-or-sad/sad", "h/happy-or-sad.zip", "E:/y/sad",
                 "train/happy", "h-or-s-models", "h/h-or-s/train", "happy"]
    told["questions"] = [path for path in questions if os.path.exists(path)]
    attempt("isfile", lambda: [os.path.isfile("i/happy-or-sad.zip"), os.path.isdir("i/happy-or-sad")])
    attempt("made by the notebook", lambda: os.makedirs("train/happy"))
    attempt("kept empty", lambda: os.listdir("train/happy"))
    attempt("made with the set's name", lambda: [os.makedirs("l/h-or-s/happy"), os.listdir("l/h-or-s")][1])
    pathlib.Path("m/h-or-s/sad").mkdir(parents=True)
    attempt("pathlib makes", lambda: os.listdir("m/h-or-s"))
    attempt("extracted", lambda: zipfile.ZipFile("happy-or-sad.zip").extractall("n/h-or-s"))
    attempt("copied", lambda: count(shutil.copytree("h-or-s", "o/happy-or-sad")))

    attempt("mkdir once", lambda: os.mkdir("h-or-s"))
    attempt("mkdir twice", lambda: os.mkdir("h-or-s"))
    attempt("rmtree", lambda: shutil.rmtree("h-or-s"))
    attempt("gone", lambda: os.listdir("h-or-s"))
    attempt("gone too", lambda: os.path.exists("h-or-s/happy"))

    attempt("missing", lambda: os.listdir("nowhere"))
    attempt("write", lambda: open("j/h-or-s/model.json", "w"))
    attempt("other zip", lambda: zipfile.ZipFile("cats.zip"))
"""


@pytest.fixture(scope="module")
def sandboxed(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A notebook that misplaces its data in every way."""
    folder = tmp_path_factory.mktemp("sandboxed")
    places = [
        ("h-or-s", "folder"),
        ("happy-or-sad.zip", "archive"),
        ("data", "folder"),
        ("data/happy-or-sad", "folder"),
        ("data/happy-or-sad.zip", "archive"),
        ("own/happy-or-sad", "folder"),
    ]
    return run(folder, SANDBOXED, [happy_or_sad(folder, places=places)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("placed", [8, 8]),
        ("pristine", True),
        ("own", ["mine.png"]),
        ("nested", ["happy", "happy-or-sad.zip", "sad"]),
        ("inside", [["happy", "sad"], ["happy", "happy-or-sad.zip", "sad"]]),
        ("listdir", ["happy", "sad"]),
        ("class", 4),
        ("both classes", ["happy", "sad"]),
        ("scandir", ["happy", "sad"]),
        ("walk", 8),
        ("glob", 4),
        ("pathlib", 4),
        ("open", "89504e47"),
        ("no folder", 4),
        ("zip", 8),
        ("empty zip", 8),
        ("unpack", 8),
        ("isfile", [True, True]),
        ("kept empty", []),
        ("made with the set's name", ["happy"]),
        ("pathlib makes", ["sad"]),
        ("extracted", None),
        ("copied", 8),
        ("mkdir once", None),
        ("mkdir twice", "FileExistsError"),
        ("gone", "FileNotFoundError"),
        ("gone too", False),
        ("missing", "FileNotFoundError"),
        ("write", "FileNotFoundError"),
        ("other zip", "FileNotFoundError"),
    ],
)
def test_reading(sandboxed: Told, name: str, value: Any) -> None:
    """Data is found however it is read; what is no course data, and what was deleted, stays missing."""
    assert value == sandboxed[name]


def test_questions_are_answered_with_care(sandboxed: Told) -> None:
    """A path that names the set, or one from another machine, exists; a notebook's own folders do not."""
    assert [
        "h/happy-or-sad",
        "h/happy-or-sad/sad",
        "h/happy-or-sad.zip",
        "E:/y/sad",
    ] == sandboxed["questions"]


def test_each_relocation_is_said_once(sandboxed: Told) -> None:
    """One note for each path, as it was written and where the data was found."""
    said = sandboxed.changes

    assert ("relocated-data", "a/happy_or_sad", "h-or-s") in said
    assert ("relocated-data", "b/h-or-s/happy", "h-or-s/happy") in said
    assert ("relocated-data", "f/happy-or-sad.zip", "happy-or-sad.zip") in said
    assert len(said) == len(set(said))
    assert [] == [old for _, old, _ in said if old.startswith(("l/", "m/", "n/", "o/"))]
    assert {"relocated-data"} == set(sandboxed.codes)


def test_nothing_is_said_where_paths_are_right(tmp_path: Path) -> None:
    """A notebook that uses the course's places leaves no note and finds no other folder made."""
    script = """
        from grader_kernel import places
        places.install(manifest)
        told["before"] = sorted(os.listdir("."))
        told["found"] = [os.path.exists("h-or-s"), len(os.listdir("h-or-s/sad"))]
        told["after"] = sorted(os.listdir("."))
    """
    seen = run(tmp_path, script, [happy_or_sad(tmp_path)])

    assert ([True, 4], seen["before"], []) == (seen["found"], seen["after"], seen.notes)


def test_large_sets_are_copied_once(tmp_path: Path) -> None:
    """The second place of a large set is a link to the first copy, never to the original."""
    script = """
        from grader_kernel import places
        places.copies = __import__("grader_kernel.places.copies", fromlist=["x"])
        places.copies.LINK_ABOVE = 0
        places.install(manifest)
        name = "sad/sad1-00.png"
        told["same"] = os.path.samefile("a/" + name, "b/" + name)
        told["original"] = os.path.samefile("a/" + name, manifest[0]["folder"] + "/" + name)
    """
    seen = run(tmp_path, script, [happy_or_sad(tmp_path, places=[("a", "folder"), ("b", "folder")])])

    assert (True, False) == (seen["same"], seen["original"])


def test_missing_data_is_no_error_of_ours(tmp_path: Path) -> None:
    """A manifest whose files are gone leaves the places empty and the notebook running."""
    entry = {**happy_or_sad(tmp_path), "archive": "/none/x.zip", "folder": "/none/x"}
    script = """
        from grader_kernel import places
        places.install(manifest)
        told["there"] = os.listdir(".")
        told["zip"] = os.path.exists("happy-or-sad.zip")
    """
    seen = run(tmp_path, script, [entry])

    assert ([], False, []) == (seen["there"], seen["zip"], seen.notes)


# Without a sandbox ----------------------------------------------------------------------------------


@pytest.fixture
def rooted(tmp_path: Path) -> Rooted:
    """Roots in a work folder with a space in its name."""
    work = tmp_path / "the work"
    return Rooted({f"/{n}": str(work / n) for n in ("tmp", "content", "tmp2")}, ["/tmp/python/lib"])


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/tmp", "{}/tmp"),
        ("/tmp/h-or-s/happy", "{}/tmp/h-or-s/happy"),
        ("//tmp/horses.zip", "{}/tmp/horses.zip"),
        ("/../tmp2/x.zip", "{}/tmp2/x.zip"),
        ("/content/../tmp2/x.zip", "{}/tmp2/x.zip"),
        ("/tmp/x/", "{}/tmp/x/"),
        ("/tmp3/x", "/tmp3/x"),
        ("/usr/tmp", "/usr/tmp"),
        ("tmp/x", "tmp/x"),
        ("../tmp2/x", "../tmp2/x"),
        ("/tmp/python/lib/os.py", "/tmp/python/lib/os.py"),
        ("{}/tmp/x", "{}/tmp/x"),
    ],
)
def test_course_paths_lead_into_the_work_folder(rooted: Rooted, path: str, real: str) -> None:
    """Only paths under a root are mapped; those of Python itself and of the work folder stay."""
    assert real.format(rooted.work) == rooted.mapped(path.format(rooted.work))


@pytest.mark.parametrize(
    ("command", "mapped"),
    [
        ("unzip -q /tmp/a.zip -d /tmp/out", "unzip -q {e}/tmp/a.zip -d {e}/tmp/out"),
        ("wget -O/tmp/a.zip https://h/tmp/a.zip", "wget -O{e}/tmp/a.zip https://h/tmp/a.zip"),
        ("ls '/tmp/a b' \"/content\"", "ls '{w}/tmp/a b' \"{w}/content\""),
        ("cat ../tmp/x ~/tmp/x $HOME/tmp/x", "cat ../tmp/x ~/tmp/x $HOME/tmp/x"),
        ("ls /tmp/*.zip; cd /content&&ls", "ls {e}/tmp/*.zip; cd {e}/content&&ls"),
        ("X=/tmp ls /tmpfs /content.old", "X={e}/tmp ls /tmpfs /content.old"),
    ],
)
def test_course_paths_in_commands(rooted: Rooted, command: str, mapped: str) -> None:
    """Course paths in a command are mapped and quoted as their place needs; mapping twice changes nothing."""
    escaped = rooted.work.replace(" ", "\\ ")
    expected = mapped.format(w=rooted.work, e=escaped)

    assert expected == rooted.text(command)
    assert expected == rooted.text(expected)


UNPROTECTED = """
    from grader_kernel import places
    places.install(manifest, roots)
    import glob, pathlib, shutil, subprocess, tempfile, zipfile
    from pathlib import Path

    def attempt(name, action):
        try:
            told[name] = action()
        except Exception as problem:
            told[name] = type(problem).__name__

    work = os.path.dirname(os.getcwd())
    outside = given["kernel"]
    attempt("placed", lambda: sorted(os.listdir("/tmp/h-or-s")))
    attempt("relative", lambda: len(zipfile.ZipFile(f"{os.getcwd()}/../tmp2/happy-or-sad.zip").namelist()))
    attempt("extracted", lambda: zipfile.ZipFile("/tmp2/happy-or-sad.zip").extractall("/tmp/training"))
    attempt("globbed", lambda: len(glob.glob("/tmp/training/*/*.png")))
    attempt("pathlib", lambda: [Path("/content/new").mkdir(), Path("/content/new/a").write_text("x")][1])
    attempt("really", lambda: os.path.isfile(work + "/content/new/a"))
    attempt("temporary", lambda: tempfile.mkdtemp().startswith(work))
    attempt("elsewhere", lambda: sorted(os.listdir("/grader-test-elsewhere/h-or-s")))
    attempt("a class", lambda: [os.path.exists("/grader-test-elsewhere/x/sad"), os.listdir("/")])
    told["a class"][1] = "grader-test-elsewhere" in told["a class"][1]
    attempt("beside", lambda: [len(os.listdir(outside + "/h-or-s")), "h-or-s" in os.listdir(outside)])
    attempt("reading", lambda: len(open("/etc/passwd").read()) > 0)
    attempt("device", lambda: open("/dev/null", "w").write("x"))
    attempt("home", lambda: open(os.path.expanduser("~/x"), "w").write("x"))

    attempt("write", lambda: open(outside + "/evil", "w"))
    attempt("low", lambda: os.open(outside + "/evil", os.O_CREAT | os.O_WRONLY))
    attempt("mkdir", lambda: os.mkdir(outside + "/evil"))
    attempt("remove", lambda: os.remove(outside + "/grader_kernel/__init__.py"))
    attempt("rename", lambda: os.rename("/content/new/a", outside + "/evil"))
    attempt("delete", lambda: shutil.rmtree(outside))
    attempt("unmapped", lambda: __import__("posix").mkdir("/tmp/grader-test-unmapped"))
    attempt("chmod", lambda: os.chmod(outside, 0o777))
    attempt("link", lambda: [os.symlink(outside, "/tmp/link"), open("/tmp/link/evil", "w")])

    attempt("shell", lambda: subprocess.check_output("cd /tmp && ls h-or-s", shell=True, text=True))
    attempt("program", lambda: subprocess.check_output(["ls", "/tmp/h-or-s"], text=True))
    attempt("system", lambda: [os.system("echo x > /tmp/by-shell"), os.path.exists(work + "/tmp/by-shell")])
    attempt("python", lambda: subprocess.check_output([sys.executable, "-c", "print(1)"], text=True))

    from IPython.core.interactiveshell import InteractiveShell
    ip = InteractiveShell.instance()
    places.install_shell(ip)

    def cell(name, source):
        done = ip.run_cell(source)
        problem = done.error_before_exec or done.error_in_exec
        told[name] = type(problem).__name__ if problem else done.result

    cell("!", "where = '/tmp/h-or-s'\\nfound = !ls {where}\\nlist(found)")
    cell("! in a function", "def f():\\n    here = '/tmp/h-or-s'\\n"
         "    return list(get_ipython().getoutput('ls $here'))\\nf()")
    cell("bash", "%%bash --out printed\\nls /tmp/h-or-s")
    cell("printed", "printed")
    cell("file", "%%writefile /tmp/mine.py\\nx = 1")
    cell("cd", "%cd /tmp\\nimport os; sorted(n for n in os.listdir() if n.endswith('.py'))")

    attempt("rmtree", lambda: shutil.rmtree("/tmp"))
    attempt("left", lambda: os.path.exists("/tmp"))
    attempt("others", lambda: os.path.exists(work + "/content"))
"""


@pytest.fixture(scope="module")
def unprotected(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A notebook without a sandbox, in a folder with a space in its name, which ends by deleting /tmp."""
    folder = tmp_path_factory.mktemp("un protected")
    places = [("/tmp/h-or-s", "folder"), ("../tmp2/happy-or-sad.zip", "archive")]
    roots = {f"/{name}": str(folder / "work" / name) for name in ("tmp", "content", "kaggle", "tmp2")}
    return run(folder, UNPROTECTED, [happy_or_sad(folder, places=places)], roots)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("placed", ["happy", "sad"]),
        ("relative", 8),
        ("extracted", None),
        ("globbed", 8),
        ("really", True),
        ("temporary", True),
        ("elsewhere", ["happy", "sad"]),
        ("a class", [True, False]),
        ("beside", [2, False]),
        ("reading", True),
        ("device", 1),
        ("home", 1),
        ("shell", "happy\nsad\n"),
        ("program", "happy\nsad\n"),
        ("system", [0, True]),
        ("python", "1\n"),
        ("!", ["happy", "sad"]),
        ("! in a function", ["happy", "sad"]),
        ("printed", "happy\nsad\n"),
        ("cd", ["mine.py"]),
        ("rmtree", None),
        ("left", False),
        ("others", True),
    ],
)
def test_without_a_sandbox(unprotected: Told, name: str, value: Any) -> None:
    """Course paths lie in the work folder for Python, for programs, and for `shutil.rmtree('/tmp')`."""
    assert value == unprotected[name]


@pytest.mark.parametrize(
    "name",
    ["write", "low", "mkdir", "remove", "rename", "delete", "unmapped", "chmod", "link"],
)
def test_nothing_outside_is_touched(unprotected: Told, name: str) -> None:
    """Without a sandbox, creating, changing and deleting anything outside the work folder is refused."""
    assert "PermissionError" == unprotected[name]


def test_refusal_is_a_plain_sentence(rooted: Rooted) -> None:
    """The message says which path, and that it was left as it is."""
    with pytest.raises(PermissionError) as refused:
        rooted.refuse("/home/ana/notes")

    assert (
        "Without a sandbox a notebook may write in its own work folder only: '/home/ana/notes' lies "
        "outside it and was left as it is."
    ) == str(refused.value)


def test_our_own_files_are_written_outside(tmp_path: Path) -> None:
    """What the launcher writes beside the work folder, such as the shims, is not refused."""
    write: Callable[..., str] = json.dumps
    script = f"""
        from grader_kernel import places, web
        places.install(manifest, roots)
        web.write_shims({write(str(tmp_path / "shims"))}, sys.executable)
    """
    run(
        tmp_path,
        script,
        roots={"/tmp": str(tmp_path / "work" / "tmp"), "/content": str(tmp_path / "work" / "content")},
    )

    assert (tmp_path / "shims" / "wget").stat().st_mode & 0o111
