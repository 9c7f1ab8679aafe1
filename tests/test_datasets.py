from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grader.datasets import cache_folder, fetch, make_drawn, manifest, provide, registry
from grader.datasets.drawn import pictures as drawn_pictures
from grader.datasets.fetched import download, fetched_folder
from grader.datasets.pictures import digest, read_pictures
from grader.errors import DataError

REAL = Path(__file__).parents[2] / "shared" / "data"
REAL_SHA256 = "4048f5c157600a74e710662028fd5879fea295ad1ce90c3e2213bb7b5f034024"
HAPPY_OR_SAD = registry()["happy-or-sad"]
FILES = [
    f"{feeling}/{feeling}{row}-{number:02d}.png"
    for feeling in ("happy", "sad")
    for row in (1, 2)
    for number in range(20)
]

needs_real = pytest.mark.skipif(
    not (REAL / "happy-or-sad.zip").exists(), reason="the real pictures are not beside the repository"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gives each test a cache of its own and no data folder from outside."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GRADER_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    """The drawn stand-in, made once for all tests of this file."""
    return dict(drawn_pictures("happy-or-sad"))


@pytest.fixture(scope="module")
def plain() -> dict[str, bytes]:
    """80 pictures of one colour each: to the registry they are the real set as well as any."""
    return {path: plain_picture(number) for number, path in enumerate(FILES)}


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """The address of a web server on this machine, and the folder that it shows."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "web"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line on stderr for each."""

    def log_message(self, *args: object) -> None:
        """Says nothing."""


def plain_picture(number: int, size: tuple[int, int] = (150, 150)) -> bytes:
    """A PNG of one colour, another for each number."""
    stream = io.BytesIO()
    Image.new("RGBA", size, (number, 100, 200, 255)).save(stream, "PNG")
    return stream.getvalue()


def zipped(archive: Path, members: dict[str, bytes]) -> Path:
    """A new zip with these members."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return archive


def unpacked(folder: Path, members: dict[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def files_in(folder: Path) -> list[str]:
    """The paths of all files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def in_new_process(code: str, **environ: str) -> str:
    """What the code prints in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


# The registry


def test_happy_or_sad_is_registered() -> None:
    """The registry knows happy-or-sad with its official address first, 40 pictures a class, 150x150 RGBA."""
    data = registry()["happy-or-sad"]

    official = "https://storage.googleapis.com/laurencemoroney-blog.appspot.com/happy-or-sad.zip"
    assert official == data.urls[0]
    assert (("happy", "sad"), (40, 40)) == (data.classes, data.counts)
    assert ((150, 150), 4) == (data.image_size, data.channels)


@pytest.mark.parametrize("name", registry())
def test_entries_are_consistent(name: str) -> None:
    """Each entry has a count for each class, in Keras's order, and lists its own archive and address."""
    data = registry()[name]

    assert sorted(data.classes) == list(data.classes)
    assert len(data.classes) == len(data.counts)
    assert data.archive in data.archive_names
    assert data.urls[0].endswith(f"/{data.archive}")


@pytest.mark.parametrize("name", registry())
def test_words_and_names_are_in_small_letters(name: str) -> None:
    """Words and archive names are compared in small letters, so they are written in them."""
    data = registry()[name]

    assert [word.lower() for word in data.words + data.archive_names] == [*data.words, *data.archive_names]


@pytest.mark.parametrize("folder", ["horse-or-human", "horses", "validation-horse-or-human", "cats-and-dogs"])
def test_words_leave_other_sets_alone(folder: str) -> None:
    """No word of happy-or-sad is part of another course set's folder name."""
    assert [] == [word for word in HAPPY_OR_SAD.words if word in folder]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/tmp/h-or-s", "folder"),
        ("data", "folder"),
        ("/content/happy-or-sad", "folder"),
        ("/tmp/happy-or-sad.zip", "archive"),
        ("../tmp2/happy-or-sad.zip", "archive"),
    ],
)
def test_course_paths_are_registered(path: str, kind: str) -> None:
    """The places of the registry include the paths that the course notebooks use."""
    assert [kind] == [place.kind for place in HAPPY_OR_SAD.places if place.path == path]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("happy-or-sat", 'There is no data set "happy-or-sat"; did you mean "happy-or-sad"?'),
        ("x", 'There is no data set "x"; known are: happy-or-sad.'),
    ],
)
def test_unknown_name_is_refused(name: str, message: str) -> None:
    """An unknown data set is refused with the nearest or all known names."""
    with pytest.raises(DataError) as refusal:
        provide(name)

    assert message == str(refusal.value)


# The real set, from a zip or a folder

LAYOUTS: dict[str, Callable[[str], str]] = {
    "class folders": str,
    "one folder around": lambda path: f"happy-or-sad/{path}",
    "two folders around": lambda path: f"Downloads/utf-8''happy-or-sad/{path}",
    "capital letters": lambda path: f"DATA/{path.split('/')[0].title()}/{path.split('/')[1]}",
    "backslashes": lambda path: f"happy-or-sad\\{path}".replace("/", "\\"),
    "upwards": lambda path: f"../../{path}",
    "absolute": lambda path: f"/etc/{path}",
}
RUBBISH = {
    "__MACOSX/happy/._happy1-00.png": b"x",
    "happy/.DS_Store": b"x",
    "happy/._happy1-01.png": b"x",
    "sad/Thumbs.db": b"x",
    "readme.txt": b"x",
    "happy/": b"",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_zip_of_any_layout_is_normalised(layout: str, plain: dict[str, bytes], tmp_path: Path) -> None:
    """Whatever wraps the class folders in a zip, the archive and folder handed out are the same."""
    members = {LAYOUTS[layout](path): content for path, content in plain.items()}
    zipped(tmp_path / "in" / "happy-or-sad.zip", members | RUBBISH)

    given = provide("happy-or-sad", tmp_path / "in")

    assert ("happy-or-sad", "real", digest(plain)) == (given.name, given.kind, given.sha256)
    assert FILES == files_in(given.folder)
    assert FILES == zipfile.ZipFile(given.archive).namelist()
    assert plain == read_pictures(given.folder, HAPPY_OR_SAD) == read_pictures(given.archive, HAPPY_OR_SAD)


def test_nothing_is_written_outside_the_cache(plain: dict[str, bytes], tmp_path: Path, cache: Path) -> None:
    """A zip whose members point upwards puts no file anywhere but into the cache."""
    zipped(
        tmp_path / "in" / "happy-or-sad.zip", {f"../../{path}": content for path, content in plain.items()}
    )

    given = provide("happy-or-sad", tmp_path / "in")

    elsewhere = [name for name in files_in(tmp_path) if not name.startswith("cache/real/happy-or-sad-")]
    assert ["in/happy-or-sad.zip"] == elsewhere
    assert given.folder.is_relative_to(cache)


@pytest.mark.parametrize("around", ["happy-or-sad/", "happy-or-sad/happy-or-sad/", ""])
def test_folder_gives_the_same_as_a_zip(around: str, plain: dict[str, bytes], tmp_path: Path) -> None:
    """The set may also be a folder of its name, or its class folders themselves."""
    unpacked(tmp_path / "in", {around + path: content for path, content in plain.items()})

    given = provide("happy-or-sad", tmp_path / "in")

    assert digest(plain) == given.sha256
    assert FILES == zipfile.ZipFile(given.archive).namelist()


@pytest.mark.parametrize("name", ["happy_or_sad.zip", "h-or-s.zip"])
def test_other_archive_names_are_found(name: str, plain: dict[str, bytes], tmp_path: Path) -> None:
    """An archive under one of the registered spellings is taken too."""
    zipped(tmp_path / "in" / name, plain)

    assert digest(plain) == provide("happy-or-sad", tmp_path / "in").sha256


INSTEAD = 'replace it by what "grader data fetch happy-or-sad" downloads.'
EXPECTED = "is not the data set happy-or-sad: expected 40 happy and 40 sad pictures, found"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"happy/happy1-00.png": None}, f"{{source}} {EXPECTED} 39 happy and 40 sad; {INSTEAD}"),
        (dict.fromkeys(FILES), f"{{source}} {EXPECTED} 0 happy and 0 sad; {INSTEAD}"),
        (
            {"other/sad/sad1-00.png": b"x"},
            f"{{source}} {EXPECTED} 40 happy and 40 sad and 1 of the same name; {INSTEAD}",
        ),
        (
            {"sad/sad1-07.png": b"no picture"},
            f"sad/sad1-07.png in {{source}} is not a picture that can be opened; {INSTEAD}",
        ),
        (
            {"sad/sad1-07.png": plain_picture(1)[:200]},
            f"sad/sad1-07.png in {{source}} is not a picture that can be opened; {INSTEAD}",
        ),
        (
            {"sad/sad1-07.png": plain_picture(1, (300, 200))},
            f"sad/sad1-07.png in {{source}} has 300x200 pixels where happy-or-sad has 150x150; {INSTEAD}",
        ),
        (
            {"sad/sad1-07.png": bytes(9 * 2**20)},
            f"sad/sad1-07.png in {{source}} is too large for a picture; {INSTEAD}",
        ),
    ],
    ids=["one missing", "none", "double", "text", "cut off", "other size", "bomb"],
)
def test_wrong_zip_is_refused(
    changed: dict[str, bytes | None], message: str, plain: dict[str, bytes], tmp_path: Path
) -> None:
    """A zip that is not the data set is refused with what was expected and what was found."""
    members = {path: content for path, content in (plain | changed).items() if content is not None}
    source = zipped(tmp_path / "happy-or-sad.zip", members)

    with pytest.raises(DataError) as refusal:
        provide("happy-or-sad", tmp_path)

    assert message.format(source=source) == str(refusal.value)


def test_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    """A web page saved under the archive's name is refused, and not replaced by the stand-in."""
    source = tmp_path / "happy-or-sad.zip"
    source.write_text("<html>", encoding="utf-8")

    with pytest.raises(DataError) as refusal:
        provide("happy-or-sad", tmp_path)

    assert f"{source} cannot be read (File is not a zip file); {INSTEAD}" == str(refusal.value)


def test_link_in_a_zip_is_not_followed(plain: dict[str, bytes], tmp_path: Path) -> None:
    """A member that is a link to a file of this machine is refused as no picture."""
    link = zipfile.ZipInfo("happy/happy1-00.png")
    link.external_attr = 0o120777 << 16
    source = zipped(tmp_path / "happy-or-sad.zip", {path: plain[path] for path in FILES[1:]})
    with zipfile.ZipFile(source, "a") as packed:
        packed.writestr(link, "/etc/passwd")

    with pytest.raises(DataError, match=r"happy/happy1-00\.png in .* is not a picture"):
        provide("happy-or-sad", tmp_path)


# Where it is looked for


def test_places_are_asked_in_order(
    plain: dict[str, bytes], drawn: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`data_dir` comes before $GRADER_DATA, that before what was fetched, and the drawn set is last."""
    sets = [plain | {FILES[0]: plain_picture(number)} for number in (201, 202, 203)]
    given, variable = tmp_path / "given", tmp_path / "variable"
    for folder, members in zip((given, variable, fetched_folder()), sets, strict=True):
        zipped(folder / "happy-or-sad.zip", members)
    seen = [provide("happy-or-sad").sha256]
    monkeypatch.setenv("GRADER_DATA", str(variable))
    seen.append(provide("happy-or-sad").sha256)
    seen.append(provide("happy-or-sad", given).sha256)
    seen.append(provide("happy-or-sad", given, kind="drawn").sha256)

    assert [digest(members) for members in (sets[2], sets[1], sets[0], drawn)] == seen


def test_folder_without_the_set_leads_on(tmp_path: Path) -> None:
    """A data folder that has only other sets is passed over, and the stand-in says that it is drawn."""
    unpacked(tmp_path / "in", {"mnist.npz": b"x"})

    assert "drawn" == provide("happy-or-sad", tmp_path / "in").kind


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    """A data folder that does not exist is refused rather than passed over."""
    with pytest.raises(DataError) as refusal:
        provide("happy-or-sad", tmp_path / "nowhere")

    expected = f"There is no folder {tmp_path / 'nowhere'}; name the folder that holds happy-or-sad.zip."
    assert expected == str(refusal.value)


def test_real_is_refused_when_there_is_none() -> None:
    """Asking for the real pictures where there are none says how to get them."""
    with pytest.raises(DataError) as refusal:
        provide("happy-or-sad", kind="real")

    expected = (
        "The real data set happy-or-sad is not on this machine; give the folder that holds happy-or-sad.zip "
        "with --data DIR, or fetch it with: grader data fetch happy-or-sad"
    )
    assert expected == str(refusal.value)


def test_copy_of_the_stand_in_is_never_called_real(drawn: dict[str, bytes], tmp_path: Path) -> None:
    """A zip made of the drawn faces is known as drawn wherever it lies."""
    zipped(tmp_path / "in" / "happy-or-sad.zip", drawn)

    assert "drawn" == provide("happy-or-sad", tmp_path / "in").kind
    with pytest.raises(DataError, match="The real data set happy-or-sad is not on this machine"):
        provide("happy-or-sad", tmp_path / "in", kind="real")


@needs_real
def test_real_pictures_are_recognised() -> None:
    """The real pictures are provided as real, under the hash that any copy of them has."""
    given = provide("happy-or-sad", REAL)

    assert ("real", REAL_SHA256) == (given.kind, given.sha256)


# The cache


def remove_picture(home: Path) -> None:
    """One picture less."""
    (home / "happy-or-sad" / "sad" / "sad2-19.png").unlink()


def change_picture(home: Path) -> None:
    """One picture of the same size with another content."""
    picture = home / "happy-or-sad" / "sad" / "sad2-19.png"
    picture.write_bytes(picture.read_bytes()[::-1])


def add_picture(home: Path) -> None:
    """One file too many."""
    (home / "happy-or-sad" / "sad" / "more.png").write_bytes(b"x")


def cut_archive(home: Path) -> None:
    """A zip that ends too early."""
    archive = home / "happy-or-sad.zip"
    archive.write_bytes(archive.read_bytes()[:5000])


def empty_record(home: Path) -> None:
    """A record that was never written to its end."""
    (home / "record.json").write_text("", encoding="utf-8")


def record_as_list(home: Path) -> None:
    """A record that is JSON of another kind."""
    (home / "record.json").write_text("[]", encoding="utf-8")


@pytest.mark.parametrize(
    "damage", [remove_picture, change_picture, add_picture, cut_archive, empty_record, record_as_list]
)
def test_damaged_cache_is_made_again(
    damage: Callable[[Path], None], plain: dict[str, bytes], tmp_path: Path, cache: Path
) -> None:
    """Any damage in the cache is noticed, and the same data is handed out again, whole."""
    zipped(tmp_path / "in" / "happy-or-sad.zip", plain)
    before = provide("happy-or-sad", tmp_path / "in")
    whole = files_in(cache)
    damage(before.archive.parent)

    after = provide("happy-or-sad", tmp_path / "in")

    assert before == after
    assert plain == read_pictures(after.folder, HAPPY_OR_SAD) == read_pictures(after.archive, HAPPY_OR_SAD)
    assert whole == files_in(cache)


def test_whole_cache_is_used_as_it_is() -> None:
    """A second call writes nothing: the archive is the very same file."""
    first = provide("happy-or-sad", kind="drawn").archive.stat()
    second = provide("happy-or-sad", kind="drawn").archive.stat()

    assert (first.st_ino, first.st_mtime_ns) == (second.st_ino, second.st_mtime_ns)


PROVIDE = """
from grader.datasets import provide
given = provide("happy-or-sad", kind="drawn")
print(given.sha256, len(list(given.folder.glob("*/*.png"))))
"""


def test_processes_may_fill_the_cache_at_once(drawn: dict[str, bytes], cache: Path) -> None:
    """Three processes that start with an empty cache all get the whole set, and leave nothing else behind."""
    running = [
        subprocess.Popen([sys.executable, "-c", PROVIDE], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outputs = [process.communicate()[0].strip() for process in running]

    assert [f"{digest(drawn)} 80"] * 3 == outputs
    assert 1 == len(list((cache / "drawn").iterdir()))


def test_cache_folder_is_the_variable(cache: Path) -> None:
    """$GRADER_CACHE is the cache folder, and it is made."""
    assert cache == cache_folder()
    assert cache.is_dir()


def test_unusable_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder that was asked for and cannot be written to is refused, not replaced."""
    unpacked(tmp_path, {"file": b""})
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "file" / "cache"))

    with pytest.raises(DataError) as refusal:
        cache_folder()

    expected = (
        f"The folder {tmp_path / 'file' / 'cache'} cannot be written to; set GRADER_CACHE to one that can."
    )
    assert expected == str(refusal.value)


@pytest.fixture
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing can be made, even by root, and a folder for temporary files."""
    unpacked(tmp_path, {"home": b""})
    (tmp_path / "temporary").mkdir()
    monkeypatch.delenv("GRADER_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


@pytest.mark.skipif(sys.platform != "linux", reason="the cache folder of other systems does not follow HOME")
def test_unwritable_home_gives_a_temporary_cache(no_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a writable home the cache is a temporary folder, the same each time, and one remark says so."""
    folders = {cache_folder(), cache_folder()}

    usual = no_home.parent / "home" / ".cache" / "grader"
    expected = f"grader-cache-{os.getuid()}"
    assert {no_home / expected} == folders
    remark = (
        f"{usual} cannot be written to, so data sets are kept in {no_home / expected}; "
        "GRADER_CACHE names another folder."
    )
    assert [("grader", logging.WARNING, remark)] == caplog.record_tuples


@pytest.mark.skipif(sys.platform != "linux", reason="the cache folder of other systems does not follow HOME")
def test_temporary_cache_made_by_somebody_else_is_refused(no_home: Path) -> None:
    """A link that waits where the temporary cache would be is not followed."""
    (no_home / "elsewhere").mkdir()
    (no_home / f"grader-cache-{os.getuid()}").symlink_to(no_home / "elsewhere")

    with pytest.raises(
        DataError, match=r"Neither .* nor .* can keep data sets; set GRADER_CACHE to a folder"
    ):
        cache_folder()


@pytest.mark.skipif(sys.platform != "linux", reason="the cache folder of other systems does not follow HOME")
def test_empty_home_gets_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a home without any folder the usual cache folder is made."""
    monkeypatch.delenv("GRADER_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    assert tmp_path / "home" / ".cache" / "grader" == cache_folder()
    assert (tmp_path / "home" / ".cache" / "grader").is_dir()


# The drawn stand-in


def test_drawn_set_has_the_names_of_the_real_one(drawn: dict[str, bytes]) -> None:
    """There are 40 happy and 40 sad faces, named as in the real set."""
    assert FILES == list(drawn)


@needs_real
def test_real_set_has_these_names() -> None:
    """The names that the drawn set copies are those of the real set."""
    assert FILES == list(read_pictures(REAL / "happy-or-sad.zip", HAPPY_OR_SAD))


def test_drawn_set_has_no_two_equal_pictures(drawn: dict[str, bytes]) -> None:
    """Every face is another picture."""
    assert 80 == len(set(drawn.values()))


@pytest.mark.parametrize("path", [FILES[0], FILES[39], FILES[40], FILES[79]])
def test_drawn_faces_have_a_transparent_border(path: str, drawn: dict[str, bytes]) -> None:
    """A face is 150x150 RGBA; about 14 % of it is transparent, and nearly black under that."""
    face = Image.open(io.BytesIO(drawn[path]))
    pixels = np.asarray(face)
    clear = pixels[pixels[..., 3] == 0]

    assert ("RGBA", (150, 150)) == (face.mode, face.size)
    assert 0.13 < len(clear) / 150**2 < 0.15
    assert [[3, 2, 0, 0]] == np.unique(clear, axis=0).tolist()


def test_drawn_person_is_happy_and_sad(drawn: dict[str, bytes]) -> None:
    """Background colours are the same for both classes, so that colour says nothing about the mood."""
    corners = {path: Image.open(io.BytesIO(content)).getpixel((12, 12)) for path, content in drawn.items()}

    assert [corners[path] for path in FILES[:40]] == [corners[path] for path in FILES[40:]]
    assert 4 < len(set(corners.values()))


def test_drawn_faces_are_the_same_in_every_process(drawn: dict[str, bytes]) -> None:
    """Another process with another hash seed draws the same bytes."""
    code = (
        "from grader.datasets.drawn import pictures; from grader.datasets.pictures import digest; "
        "print(digest(dict(pictures('happy-or-sad'))))"
    )

    assert digest(drawn) == in_new_process(code, PYTHONHASHSEED="7")


def test_make_drawn_writes_zip_and_folder(drawn: dict[str, bytes], tmp_path: Path) -> None:
    """The stand-in is written as a zip and a folder side by side, and nothing else."""
    made = make_drawn("happy-or-sad", tmp_path / "out")

    expected = ["happy-or-sad.zip", *(f"happy-or-sad/{path}" for path in FILES)]
    assert expected == files_in(tmp_path / "out")
    assert ("drawn", digest(drawn)) == (made.kind, made.sha256)
    assert drawn == read_pictures(made.archive, HAPPY_OR_SAD) == read_pictures(made.folder, HAPPY_OR_SAD)


def test_make_drawn_twice_is_harmless(tmp_path: Path) -> None:
    """Drawing into the same folder again gives the same."""
    assert make_drawn("happy-or-sad", tmp_path) == make_drawn("happy-or-sad", tmp_path)


@pytest.mark.parametrize("around", ["happy-or-sad/", "happy-or-sad/more/"])
def test_make_drawn_overwrites_nothing(around: str, plain: dict[str, bytes], tmp_path: Path) -> None:
    """Real pictures that lie where the stand-in would go are left alone, and no half of it is written."""
    unpacked(tmp_path, {around + path: content for path, content in plain.items()})
    before = files_in(tmp_path)

    with pytest.raises(DataError) as refusal:
        make_drawn("happy-or-sad", tmp_path)

    expected = f"{tmp_path / 'happy-or-sad'} exists and holds something else; choose another folder."
    assert expected == str(refusal.value)
    assert before == files_in(tmp_path)


def test_make_drawn_into_a_file_is_refused(tmp_path: Path) -> None:
    """A folder that cannot be made is named in the refusal."""
    unpacked(tmp_path, {"file": b""})

    with pytest.raises(DataError) as refusal:
        make_drawn("happy-or-sad", tmp_path / "file")

    assert f"Cannot write to {tmp_path / 'file'} (File exists); choose a folder with room." == str(
        refusal.value
    )


def test_only_drawn_sets_can_be_drawn() -> None:
    """A set for which nothing is drawn is refused by name."""
    with pytest.raises(DataError) as refusal:
        drawn_pictures("mnist")

    assert 'There is no drawn stand-in for "mnist"; give the real one with --data DIR.' == str(refusal.value)


# What the kernel is told


def test_manifest_is_plain_json() -> None:
    """The manifest survives JSON unchanged and holds what the kernel needs to find and serve the set."""
    given = provide("happy-or-sad", kind="drawn")
    (entry,) = manifest([given])

    keys = "name urls archive_names words classes counts places archive folder"
    assert keys.split() == list(entry)
    assert entry == json.loads(json.dumps(entry))
    assert (str(given.archive), str(given.folder)) == (entry["archive"], entry["folder"])
    assert {"path": "/tmp/h-or-s", "kind": "folder"} == entry["places"][0]


# Downloads


def test_download_lands_whole(web: tuple[str, Path], plain: dict[str, bytes], tmp_path: Path) -> None:
    """The archive arrives byte for byte under its name, with nothing beside it."""
    url, folder = web
    sent = zipped(folder / "happy-or-sad.zip", plain)
    data = replace(HAPPY_OR_SAD, urls=(f"{url}/happy-or-sad.zip",))

    archive = download(data, tmp_path / "into" / "happy-or-sad.zip", progressbar=False)

    assert sent.read_bytes() == archive.read_bytes()
    assert ["happy-or-sad.zip"] == files_in(tmp_path / "into")


DOWNLOAD = """
import dataclasses, os, pathlib
from grader.datasets import registry
from grader.datasets.fetched import download
data = dataclasses.replace(registry()["happy-or-sad"], urls=(os.environ["ADDRESS"],))
download(data, pathlib.Path(os.environ["INTO"]) / data.archive, progressbar=False)
"""


def test_download_is_silent(web: tuple[str, Path], plain: dict[str, bytes], tmp_path: Path) -> None:
    """Without a progress bar nothing is printed, by the library for downloads neither."""
    url, folder = web
    zipped(folder / "happy-or-sad.zip", plain)
    environ = {"ADDRESS": f"{url}/happy-or-sad.zip", "INTO": str(tmp_path / "into")}

    done = subprocess.run(
        [sys.executable, "-c", DOWNLOAD], env=os.environ | environ, capture_output=True, text=True, check=True
    )

    assert ("", "") == (done.stdout, done.stderr)


def test_download_tries_the_next_address(
    web: tuple[str, Path], plain: dict[str, bytes], tmp_path: Path
) -> None:
    """Where the official address has nothing, the next one is asked."""
    url, folder = web
    zipped(folder / "other" / "happy-or-sad.zip", plain)
    data = replace(HAPPY_OR_SAD, urls=(f"{url}/happy-or-sad.zip", f"{url}/other/happy-or-sad.zip"))

    archive = download(data, tmp_path / "happy-or-sad.zip", progressbar=False)

    assert plain == read_pictures(archive, HAPPY_OR_SAD)


@pytest.mark.parametrize("there", ["right", "damaged"])
def test_download_replaces_only_what_is_wrong(
    there: str, web: tuple[str, Path], plain: dict[str, bytes], tmp_path: Path
) -> None:
    """An archive that is there and right needs no network; a damaged one is downloaded again."""
    url, folder = web
    archive = zipped(tmp_path / "happy-or-sad.zip", plain)
    if there == "damaged":
        zipped(folder / "happy-or-sad.zip", plain)
        archive.write_bytes(archive.read_bytes()[:99])
    data = replace(HAPPY_OR_SAD, urls=(f"{url}/happy-or-sad.zip",))

    assert plain == read_pictures(download(data, archive, progressbar=False), HAPPY_OR_SAD)


ADVICE = (
    "try again with a network, give a folder that holds it with --data DIR, "
    "or use the drawn stand-in, which needs no download."
)


@pytest.mark.parametrize(
    ("members", "sha256", "trouble"),
    [
        (None, (), "127.0.0.1 answered with code 404"),
        (["happy/happy1-00.png"], (), "127.0.0.1 sent something else"),
        (FILES, ("0" * 64,), "127.0.0.1 sent something else"),
    ],
    ids=["nothing there", "other content", "other hash"],
)
def test_wrong_download_is_refused(
    members: list[str] | None,
    sha256: tuple[str, ...],
    trouble: str,
    web: tuple[str, Path],
    plain: dict[str, bytes],
    tmp_path: Path,
) -> None:
    """What is not the data set, or has another hash, is not kept, and the refusal says what to do."""
    url, folder = web
    if members is not None:
        zipped(folder / "happy-or-sad.zip", {path: plain[path] for path in members})
    data = replace(HAPPY_OR_SAD, urls=(f"{url}/happy-or-sad.zip",), sha256=sha256)

    with pytest.raises(DataError) as refusal:
        download(data, tmp_path / "into" / "happy-or-sad.zip", progressbar=False)

    assert f"happy-or-sad.zip could not be downloaded ({trouble}): {ADVICE}" == str(refusal.value)
    assert [] == files_in(tmp_path / "into")


def test_drawn_archive_is_not_a_download(
    web: tuple[str, Path], drawn: dict[str, bytes], plain: dict[str, bytes], tmp_path: Path
) -> None:
    """The stand-in's archive in the way does not pass for the real one."""
    url, folder = web
    zipped(folder / "happy-or-sad.zip", plain)
    archive = zipped(tmp_path / "happy-or-sad.zip", drawn)
    data = replace(HAPPY_OR_SAD, urls=(f"{url}/happy-or-sad.zip",))

    assert plain == read_pictures(download(data, archive, progressbar=False), HAPPY_OR_SAD)


def test_without_a_network_the_way_on_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing answers, the refusal names the host once and what to do instead."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    closed = "http://127.0.0.1:9"
    data = replace(HAPPY_OR_SAD, urls=(f"{closed}/happy-or-sad.zip", f"{closed}/a/happy-or-sad.zip"))

    with pytest.raises(DataError) as refusal:
        download(data, tmp_path / "happy-or-sad.zip", progressbar=False)

    expected = f"happy-or-sad.zip could not be downloaded (no connection to 127.0.0.1): {ADVICE}"
    assert expected == str(refusal.value)


def test_fetched_archive_is_provided(plain: dict[str, bytes], cache: Path) -> None:
    """What lies in the cache's folder for downloads is kept by fetch and handed out as real."""
    archive = zipped(cache / "fetched" / "happy-or-sad.zip", plain)

    assert archive == fetch("happy-or-sad", progressbar=False)
    assert ("real", digest(plain)) == (provide("happy-or-sad").kind, provide("happy-or-sad").sha256)


# Imports

LOADED = "import sys, {module}; print([m for m in ('tensorflow', 'pooch', 'PIL') if m in sys.modules])"


def test_import_is_light() -> None:
    """Importing the package loads neither TensorFlow nor a web client nor Pillow."""
    assert "[]" == in_new_process(LOADED.format(module="grader.datasets"))


def test_import_check_can_fail() -> None:
    """The check above sees a heavy module when it is loaded."""
    assert "['PIL']" == in_new_process(LOADED.format(module="grader.datasets.drawn"))
