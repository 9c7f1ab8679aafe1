"""Downloads a data set from its official address and checks that it is the right one."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from urllib.parse import urlsplit

from grader.datasets.cache import cache_folder, file_sha256, staging
from grader.datasets.pictures import are_drawn, read_pictures
from grader.datasets.registry import DataSet, known
from grader.errors import DataError

TIMEOUT = 30
"""Seconds without an answer after which an address counts as out of reach."""


def fetched_folder() -> Path:
    """Where downloads are kept: a folder inside the cache with one archive for each data set."""
    return cache_folder() / "fetched"


def fetch(name: str, into: Path | None = None, progressbar: bool = True) -> Path:
    """The real archive of the data set `name`, downloaded into the folder `into` (the cache when None).

    An archive that is already there and right is kept. Raises DataError when no address answers, or none
    with the data set.
    """
    data = known(name)
    return download(data, (into or fetched_folder()) / data.archive, progressbar)


def download(data: DataSet, archive: Path, progressbar: bool = True) -> Path:
    """The archive of `data` as the file `archive`; its addresses are tried in their order, as in `fetch`."""
    if archive.exists() and not _fault(archive, data):
        return archive
    troubles: dict[str, None] = {}
    with staging(archive) as part:
        for number, url in enumerate(_direct(data)):
            trouble = _try(url, part / f"{number}.zip", data, progressbar)
            if not trouble:
                return (part / f"{number}.zip").replace(archive)
            troubles[trouble] = None
    raise DataError(
        f"{data.archive} could not be downloaded ({'; '.join(troubles)}): try again with a network, "
        "give a folder that holds it with --data DIR, or use the drawn stand-in, which needs no download."
    )


def _direct(data: DataSet) -> list[str]:
    """The addresses of the file itself; others lead to a page around it."""
    return [url for url in data.urls if url.endswith(f"/{data.archive}")]


def _try(url: str, file: Path, data: DataSet, progressbar: bool) -> str:
    """Downloads to `file`, and answers what went wrong, nothing when it is the data set."""
    import pooch  # not at the top: it loads a web client

    pooch.get_logger().setLevel(logging.WARNING)
    bar = progressbar and importlib.util.find_spec("tqdm") is not None
    web = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT)
    host = urlsplit(url).hostname
    try:
        pooch.retrieve(url, known_hash=None, fname=file.name, path=file.parent, downloader=web)
    except OSError as problem:
        status = getattr(getattr(problem, "response", None), "status_code", None)
        return f"{host} answered with code {status}" if status else f"no connection to {host}"
    return f"{host} sent something else" if _fault(file, data) else ""


def _fault(archive: Path, data: DataSet) -> bool:
    """Whether the file is not the data set: another hash where one is published, other or drawn pictures."""
    if data.sha256 and file_sha256(archive) not in data.sha256:
        return True
    try:
        return are_drawn(read_pictures(archive, data))
    except DataError:
        return True
