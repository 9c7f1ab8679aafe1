"""The offline web: course data from local copies, everything else refused at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from in_kernel import Told, happy_or_sad, run

from grader.kernel.sources import Source, served, sources
from grader.kernel.web import SHIMS, write_shims

URL = "https://storage.googleapis.com/blog.example/happy-or-sad.zip"
REFUSED = "The network is off while grading: {} cannot be reached; course data is served from local copies."


@pytest.fixture
def known(tmp_path: Path) -> list[Source]:
    """One registered set, also published on Google Drive."""
    entry = happy_or_sad(tmp_path)
    return sources([{**entry, "urls": [*entry["urls"], "https://drive.google.com/uc?id=1NvV6Vhmrf"]}])


@pytest.mark.parametrize(
    "url",
    [
        URL,
        URL.replace("https", "http"),
        URL + "?raw=true",
        "https://github.com/ana/course/raw/main/happy-or-sad.zip",
        "https://www.dropbox.com/s/x/Happy-or-Sad.zip?dl=1",
        "https://drive.google.com/uc?export=download&id=1NvV6Vhmrf",
        "https://drive.google.com/file/d/1NvV6Vhmrf/view?usp=sharing",
    ],
)
def test_course_urls_are_served(known: list[Source], url: str) -> None:
    """The official URL, any host with the archive's name, and a registered Drive id give the archive."""
    found = served(url, known)

    assert found is not None
    assert (known[0].archive, False) == (found.path, found.guessed)


@pytest.mark.parametrize(
    "url", ["https://example.com/cats.zip", "https://example.com/", URL + "/more", "nonsense"]
)
def test_other_urls_are_not(known: list[Source], url: str) -> None:
    """A URL that is neither registered nor ends in an archive's name is not served."""
    assert served(url, known) is None


def test_private_drive_copy_of_the_only_set(known: list[Source]) -> None:
    """An unknown Drive id means the only registered set, marked as a guess; with two sets it means none."""
    url = "https://drive.google.com/uc?id=somebody-elses"
    found = served(url, known)

    assert found is not None
    assert (known[0].archive, True) == (found.path, found.guessed)
    assert served(url, known * 2) is None


def test_file_beside_the_archive(tmp_path: Path) -> None:
    """A URL that names one file of the set (the four .gz of MNIST) gives that file."""
    (tmp_path / "labels.gz").write_bytes(b"labels")
    entry = {"urls": ["https://h/d/labels.gz"], "folder": str(tmp_path), "archive": str(tmp_path / "all.zip")}
    found = served("http://h/d/labels.gz", sources([entry]))

    assert found is not None
    assert str(tmp_path / "labels.gz") == found.path


# In the kernel --------------------------------------------------------------------------------------

IN_KERNEL = """
    from grader_kernel import web
    web.install(manifest)
    import socket, subprocess, urllib.request
    url = manifest[0]["urls"][0]
    size = os.path.getsize(manifest[0]["archive"])

    def attempt(name, action):
        try:
            told[name] = action()
        except Exception as problem:
            told[name] = f"{type(problem).__name__}: {problem}"

    urlopen, urlretrieve = urllib.request.urlopen, urllib.request.urlretrieve
    attempt("urlopen", lambda: [urlopen(url).status, len(urlopen(url).read()) == size])
    blocks = []
    attempt("urlretrieve", lambda: urlretrieve(url, "a.zip", lambda *block: blocks.append(block))[0])
    told["progress"] = blocks[-1][2] == size == os.path.getsize("a.zip")
    opener = urllib.request.build_opener()
    opener.addheaders = [("User-agent", "Mozilla/5.0")]
    urllib.request.install_opener(opener)
    attempt("own opener", lambda: len(urlopen(urllib.request.Request(url)).read()) == size)
    attempt("file url", lambda: len(urlopen("file://" + os.path.abspath("a.zip")).read()) == size)
    attempt("urlopen off", lambda: urlopen("https://example.com/x.zip"))
    attempt("socket", lambda: socket.create_connection(("example.com", 443)))
    attempt("localhost", lambda: len(socket.getaddrinfo("localhost", 80)) > 0)

    import requests
    attempt("requests", lambda: len(requests.get(url, timeout=3).content) == size)
    streamed = requests.Session().get(url, stream=True).iter_content(64)
    attempt("stream", lambda: sum(map(len, streamed)) == size)
    attempt("head", lambda: requests.head(url).headers["content-length"] == str(size))
    attempt("requests off", lambda: requests.get("https://example.com/x"))

    import gdown, wget
    attempt("gdown", lambda: [gdown.download(id="1abc", output="g.zip"), os.path.getsize("g.zip") == size])
    attempt("gdown name", lambda: gdown.download("https://drive.google.com/uc?id=1abc", quiet=True))
    attempt("wget", lambda: wget.download(url, "w.zip"))
    attempt("wget off", lambda: wget.download("https://example.com/x"))
"""


@pytest.fixture(scope="module")
def in_kernel(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Python's ways to the web, each tried once."""
    folder = tmp_path_factory.mktemp("web")
    return run(
        folder, IN_KERNEL, [happy_or_sad(folder)], env={"GRADER_MANIFEST": str(folder / "handed-on.json")}
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("urlopen", [200, True]),
        ("urlretrieve", "a.zip"),
        ("progress", True),
        ("own opener", True),
        ("file url", True),
        ("urlopen off", "URLError: <urlopen error " + REFUSED.format("https://example.com/x.zip") + ">"),
        ("socket", "gaierror: [Errno -2] " + REFUSED.format("example.com")),
        ("localhost", True),
        ("requests", True),
        ("stream", True),
        ("head", True),
        ("requests off", "ConnectionError: " + REFUSED.format("https://example.com/x")),
        ("gdown", ["g.zip", True]),
        ("gdown name", "happy-or-sad.zip"),
        ("wget", "w.zip"),
        ("wget off", "URLError: <urlopen error " + REFUSED.format("https://example.com/x") + ">"),
    ],
)
def test_python_ways_to_the_web(in_kernel: Told, name: str, value: Any) -> None:
    """urllib, requests, gdown and wget give course data, and one sentence for every other URL."""
    assert value == in_kernel[name]


def test_only_guesses_are_noted(in_kernel: Told) -> None:
    """Serving a registered URL is silent; serving somebody's Drive copy is said."""
    assert [
        ("served-from-course-data", "https://drive.google.com/uc?id=1abc", "happy-or-sad.zip")
    ] == in_kernel.changes


def test_installed_modules_are_not_replaced(tmp_path: Path) -> None:
    """A `gdown` that is installed stays the one that is imported."""
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "gdown.py").write_text("real = True")
    script = """
        from grader_kernel import web
        web.install(manifest)
        import gdown
        told["real"] = gdown.real
    """
    seen = run(tmp_path, script, [happy_or_sad(tmp_path)], env={"PYTHONPATH": str(tmp_path / "installed")})

    assert seen["real"] is True


def test_manifest_is_handed_on(tmp_path: Path) -> None:
    """The file that the shims read is written where GRADER_MANIFEST says, unless it is there."""
    path = tmp_path / "to" / "manifest.json"
    entry = happy_or_sad(tmp_path)
    script = "from grader_kernel import web; web.install(manifest)"
    run(tmp_path, script, [entry], env={"GRADER_MANIFEST": str(path)})

    assert [entry] == json.loads(path.read_text())


# The programs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space in its name that holds the shims, and the manifest they read."""
    folder = tmp_path_factory.mktemp("the shims")
    write_shims(folder / "bin", sys.executable)
    (folder / "manifest.json").write_text(json.dumps([happy_or_sad(folder)]))
    return folder


def shell(programs: Path, folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell as a notebook's `!command`, with the shims first on PATH."""
    env = {"PATH": f"{programs / 'bin'}:/usr/bin:/bin", "GRADER_MANIFEST": str(programs / "manifest.json")}
    return subprocess.run(
        command, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (f'wget --no-check-certificate \\\n "{URL}" \\\n -O "out.zip"', "out.zip"),
        (f"wget -q {URL}", "happy-or-sad.zip"),
        (f"wget {URL}?raw=true", "happy-or-sad.zip?raw=true"),
        (f"wget -q -P sub/ {URL}", "sub/happy-or-sad.zip"),
        (f"wget -qO- {URL} > piped.zip", "piped.zip"),
        (f"wget -O - {URL} > piped.zip", "piped.zip"),
        (f"wget -nc {URL} && wget -nc {URL} && wget -c {URL}", "happy-or-sad.zip"),
        (f"wget -q {URL}; wget -q {URL}", "happy-or-sad.zip.1"),
        (f"wget --output-document=long.zip --tries 3 {URL}", "long.zip"),
        (f"curl -o c.zip {URL}", "c.zip"),
        (f"curl -sLO {URL}", "happy-or-sad.zip"),
        (f"curl -L {URL} --output d.zip", "d.zip"),
        (f"curl -s {URL} > e.zip", "e.zip"),
        ("gdown --id 1onaG42NZft3", "happy-or-sad.zip"),
        ("gdown 1onaG42NZft3 -O f.zip", "f.zip"),
        ("gdown -q https://drive.google.com/uc?id=1onaG42NZft3 -O sub/", "sub/happy-or-sad.zip"),
    ],
)
def test_downloads(programs: Path, tmp_path: Path, command: str, written: str) -> None:
    """The options of real notebooks put the whole archive where the notebook expects it."""
    done = shell(programs, tmp_path, command)
    archive = json.loads((programs / "manifest.json").read_text())[0]["archive"]

    assert (0, Path(archive).read_bytes()) == (done.returncode, (tmp_path / written).read_bytes())


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("wget https://example.com/a.zip -O kept.zip", 4, REFUSED.format("https://example.com/a.zip")),
        (
            "curl https://example.com/a.zip -o kept.zip",
            6,
            "curl: (6) " + REFUSED.format("https://example.com/a.zip"),
        ),
        ("wget", 2, "wget: missing URL"),
        (
            "gdown https://example.com/a.zip -O kept.zip",
            0,
            "kept.zip: from the local copy of the course data.",
        ),
    ],
)
def test_failed_downloads_leave_files_alone(
    programs: Path, tmp_path: Path, command: str, code: int, said: str
) -> None:
    """An unknown URL fails with the program's own exit code and one sentence; a file that was there stays."""
    (tmp_path / "kept.zip").write_bytes(b"kept")
    done = shell(programs, tmp_path, command)

    assert (code, said) == (done.returncode, done.stderr.strip())
    assert code == 0 or (tmp_path / "kept.zip").read_bytes() == b"kept"


@pytest.mark.parametrize(
    ("command", "count"),
    [
        ("unzip -q happy-or-sad.zip -d out", 8),
        ("unzip -qq -o x/y/happy-or-sad.zip -d out", 8),
        ("unzip happy-or-sad -d out", 8),
        ("unzip -q happy-or-sad.zip 'sad/*' -d out", 4),
        ("unzip -q happy-or-sad.zip -x 'sad/*' -d out", 4),
        ("unzip -j happy-or-sad.zip -d out", 8),
        ("unzip -q happy-or-sad.zip -d out && unzip -q happy-or-sad.zip -d out", 8),
        ("touch happy-or-sad.zip; unzip -q happy-or-sad.zip -d out", 8),
    ],
)
def test_unzip(programs: Path, tmp_path: Path, command: str, count: int) -> None:
    """Archives unpack without a question, also over what is there and where none was downloaded."""
    done = shell(programs, tmp_path, command)

    assert (0, count) == (done.returncode, len(list((tmp_path / "out").rglob("*.png"))))


def test_unzip_lists_and_refuses(programs: Path, tmp_path: Path) -> None:
    """`unzip -l` names the members; an unknown archive is exit code 9 with one sentence."""
    listed = shell(programs, tmp_path, "unzip -l happy-or-sad.zip")
    missing = shell(programs, tmp_path, "unzip cats.zip")

    assert "happy/happy1-00.png" in listed.stdout
    assert (9, "unzip:  cannot find or open cats.zip, cats.zip.zip.") == (
        missing.returncode,
        missing.stderr.strip(),
    )


@pytest.mark.parametrize("name", [name for name, tool in SHIMS.items() if tool == "pip"])
def test_packages_stay(programs: Path, tmp_path: Path, name: str) -> None:
    """Installing anything says one line, changes nothing, and lets the cell go on."""
    done = shell(programs, tmp_path, f"{name} install -q tensorflow==2.3")

    assert (0, "Packages are fixed while grading: nothing was installed, changed or removed.\n") == (
        done.returncode,
        done.stdout,
    )


def test_pip_as_a_module(tmp_path: Path) -> None:
    """`python -m pip install` in a program that the notebook starts changes nothing either."""
    script = """
        from grader_kernel import web
        import subprocess
        web.install(manifest)
        command = [sys.executable, "-m", "pip", "install", "tensorflow==2.3"]
        told["said"] = subprocess.check_output(command, text=True)
    """
    assert "Packages are fixed while grading" in run(tmp_path, script)["said"]
