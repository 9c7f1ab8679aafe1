"""Reads the pictures of a data set from a zip or a folder, whatever wraps them, and writes them tidily."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from grader.datasets.registry import DataSet
from grader.errors import DataError

Pictures = Mapping[str, bytes]
"""Path inside the set (`happy/happy1-00.png`, always class/file) -> the bytes of the file."""

ENDINGS = (".png", ".jpg", ".jpeg")

LARGEST = 8 * 2**20
"""Bytes of one unpacked picture; a 150x150 picture without any compression has 90,000."""

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold; one fixed time makes equal pictures an equal archive."""

DRAWN_MARK = "grader: drawn stand-in"
"""The comment inside each drawn PNG, so that a copy of the stand-in is never taken for the real set."""


def read_pictures(source: Path, data: DataSet) -> Pictures:
    """All pictures of `data` in a zip or folder, sorted by path.

    A folder around the class folders, capital letters and the extra files of macOS and Windows do not
    matter. Raises DataError when the source is damaged or holds something else than the data set.
    """
    try:
        pictures = _read_folder(source, data) if source.is_dir() else _read_zip(source, data)
    # RuntimeError: a password is needed; NotImplementedError: an unknown way of packing.
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as problem:
        raise DataError(f"{source} cannot be read ({problem}); {_instead(data)}.") from problem
    for path, content in pictures.items():
        _check_picture(path, content, source, data)
    return pictures


def digest(pictures: Pictures) -> str:
    """The sha256 of all paths and contents: equal for equal data, however it was packed."""
    total = hashlib.sha256()
    for path in sorted(pictures):
        total.update(f"{path}\n{hashlib.sha256(pictures[path]).hexdigest()}\n".encode())
    return total.hexdigest()


def are_drawn(pictures: Pictures) -> bool:
    """Whether any of the pictures is one of ours."""
    return any(DRAWN_MARK.encode() in content[:200] for content in pictures.values())


def write_archive(pictures: Pictures, archive: Path) -> None:
    """Packs the pictures into a zip; the same pictures give the same bytes."""
    with zipfile.ZipFile(archive, "x") as packed:
        for path in sorted(pictures):
            entry = zipfile.ZipInfo(path, ZIP_TIME)
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, pictures[path])


def write_folder(pictures: Pictures, folder: Path) -> None:
    """Writes the pictures as files, one folder for each class."""
    for path, content in pictures.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _read_folder(source: Path, data: DataSet) -> Pictures:
    files = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file()}
    sizes = {name: path.stat().st_size for name, path in files.items()}
    return _read(source, data, sizes, lambda name: files[name].read_bytes())


def _read_zip(source: Path, data: DataSet) -> Pictures:
    with zipfile.ZipFile(source) as packed:
        sizes = {entry.filename: entry.file_size for entry in packed.infolist()}
        return _read(source, data, sizes, packed.read)


def _read(source: Path, data: DataSet, sizes: Mapping[str, int], content: Callable[[str], bytes]) -> Pictures:
    """Reads what is a picture in a class folder; looks at numbers and sizes before it unpacks anything."""
    members = [(path, name) for name in sizes if (path := _path_in_set(name, data))]
    _check_counts([path for path, _ in members], source, data)
    for path, name in members:
        if sizes[name] > LARGEST:
            raise DataError(f"{path} in {source} is too large for a picture; {_instead(data)}.")
    return {path: content(name) for path, name in sorted(members)}


def _path_in_set(name: str, data: DataSet) -> str | None:
    """`class/file` for a member that is a picture of the set, wherever it lies; None for anything else."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if len(parts) < 2 or name.endswith("/") or "__MACOSX" in parts or parts[-1].startswith("."):
        return None
    folder, file = {name.lower(): name for name in data.classes}.get(parts[-2].lower()), parts[-1]
    return f"{folder}/{file}" if folder and file.lower().endswith(ENDINGS) else None


def _check_counts(paths: list[str], source: Path, data: DataSet) -> None:
    counts = Counter(path.split("/")[0] for path in set(paths))
    found = tuple(counts[name] for name in data.classes)
    if found != data.counts or len(paths) != sum(found):
        raise DataError(
            f"{source} is not the data set {data.name}: expected {_in_words(data, data.counts)} pictures, "
            f"found {_in_words(data, found)}{_and_doubles(len(paths) - sum(found))}; {_instead(data)}."
        )


def _check_picture(path: str, content: bytes, source: Path, data: DataSet) -> None:
    from PIL import Image  # not at the top: most commands never look at a picture

    try:
        with Image.open(io.BytesIO(content)) as image:
            size = image.size
            image.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as problem:
        raise DataError(
            f"{path} in {source} is not a picture that can be opened; {_instead(data)}."
        ) from problem
    if size != data.image_size:
        width, height = data.image_size
        raise DataError(
            f"{path} in {source} has {size[0]}x{size[1]} pixels where {data.name} has {width}x{height}; "
            f"{_instead(data)}."
        )


def _in_words(data: DataSet, counts: tuple[int, ...]) -> str:
    return " and ".join(f"{count} {name}" for count, name in zip(counts, data.classes, strict=True))


def _and_doubles(count: int) -> str:
    return f" and {count} of the same name" if count else ""


def _instead(data: DataSet) -> str:
    return f'replace it by what "grader data fetch {data.name}" downloads'
