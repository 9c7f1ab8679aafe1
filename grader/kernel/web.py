"""The offline web: URLs of course data are answered from local copies, every other URL fails at once.

Covered: urllib (and with it `urlretrieve`, `get_file` and pandas), requests, and the modules `gdown` and
`wget` where they are not installed. Everything else that would ask for a host name is refused in
`socket.getaddrinfo`, so that nothing waits for a name server. Programs such as `!wget` are in `shims/`.
"""

from __future__ import annotations

import email.message
import filecmp
import functools
import io
import json
import os
import shlex
import shutil
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request
import urllib.response
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

from . import channel
from .hooks import after_import, quietly, replace, stand_in
from .sources import Served, Source, is_drive, is_local, private_copy, refusal, served, sources

_HOST_IS_HERE = ("localhost", "127.", "::1", "0.0.0.0", "::")
# One small program each, all in `shims/`; the last four only say that packages stay as they are.
SHIMS = {
    "wget": "wget",
    "curl": "curl",
    "gdown": "gdown",
    "unzip": "unzip",
    **dict.fromkeys(("pip", "pip3", "conda", "apt", "apt-get"), "pip"),
}


def install(manifest: Iterable[Mapping[str, Any]]) -> None:
    """Answer the URLs of the manifest from its local files, here and in programs started from here.

    The programs of `shims/` read the manifest from the file named by GRADER_MANIFEST, which is written
    here unless it is there.
    """
    entries = list(manifest)
    known = sources(entries)
    quietly(_hand_on, entries)
    _urllib(known)
    _names(socket)
    after_import("requests.adapters", lambda module: _requests(module, known))
    replace("keras.src.utils.file_utils", "validate_file", lambda f: _accepting(f, known))
    stand_in("gdown", lambda module: _gdown(module, known))
    stand_in("wget", _wget)
    _packages_stay()


def _hand_on(entries: list[Mapping[str, Any]]) -> None:
    path = os.environ.get("GRADER_MANIFEST")
    if path and not Path(path).exists():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(entries), encoding="utf-8")


def write_shims(folder: str | os.PathLike[str], python: str | os.PathLike[str]) -> None:
    """Write the programs `wget`, `curl`, `gdown`, `unzip`, `pip` … into a folder that goes first on PATH.

    Each is a line of sh, since a first line `#!python` can hold neither a long path nor one with spaces.
    """
    run = Path(__file__).with_name("shims") / "run.py"
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, tool in SHIMS.items():
        program = Path(folder) / name
        words = [shlex.quote(str(word)) for word in (python, "-I", run, tool)]
        program.write_text("#!/bin/sh\nexec " + " ".join(words) + ' "$@"\n', encoding="utf-8")
        program.chmod(0o755)


def _find(url: str, known: list[Source]) -> Served | None:
    """The local file for a URL; a guess (somebody's Drive copy) is said in a note."""
    found = served(url, known)
    if found and found.guessed:
        channel.note("served-from-course-data", old=url, new=found.name)
    return found


def _urllib(known: list[Source]) -> None:
    original = urllib.request.OpenerDirector.open

    @functools.wraps(original)
    def open_(self: Any, fullurl: Any, data: Any = None, timeout: Any = None) -> Any:
        url = fullurl if isinstance(fullurl, str) else fullurl.full_url
        if is_local(url):
            return original(self, fullurl, data, *(() if timeout is None else (timeout,)))
        found = _find(url, known)
        if found is None:
            raise urllib.error.URLError(refusal(url))
        return Response(found.path, url)

    urllib.request.OpenerDirector.open = open_  # type: ignore[method-assign]


class Response(urllib.response.addinfourl):
    """What `urlopen` returns for a local file: readable, with status 200 and the headers of a download."""

    def __init__(self, path: str, url: str) -> None:
        file = Path(path).open("rb")  # noqa: SIM115 - closed with the response, as for a download
        super().__init__(file, _headers(path), url, code=HTTPStatus.OK)
        self.msg = self.reason = "OK"

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """One header, or the default."""
        return self.headers.get(name, default)

    def getheaders(self) -> list[tuple[str, str]]:
        """All headers as pairs."""
        return list(self.headers.items())


def _headers(path: str) -> email.message.Message:
    headers = email.message.Message()
    headers["Content-Type"] = "application/zip" if path.endswith(".zip") else "application/octet-stream"
    headers["Content-Length"] = str(os.path.getsize(path))
    return headers


def _requests(module: ModuleType, known: list[Source]) -> None:
    """`requests` and every session of it: each request passes one adapter."""
    original = module.HTTPAdapter.send

    @functools.wraps(original)
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if is_local(request.url):
            return original(self, request, *args, **kwargs)
        found = _find(request.url, known)
        if found is None:
            raise sys.modules["requests.exceptions"].ConnectionError(refusal(request.url), request=request)
        import urllib3

        headers = dict(_headers(found.path).items())
        body: Any = io.BytesIO() if request.method == "HEAD" else Response(found.path, request.url)
        raw = urllib3.HTTPResponse(
            body, headers, 200, reason="OK", preload_content=False, request_method=request.method
        )
        return self.build_response(request, raw)

    module.HTTPAdapter.send = send


def _names(module: ModuleType) -> None:
    """No name server is asked: a name that is not this machine's fails at once."""
    original = module.getaddrinfo

    @functools.wraps(original)
    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not name or name.startswith(_HOST_IS_HERE) or name == socket.gethostname():
            return original(host, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, refusal(name))

    module.getaddrinfo = getaddrinfo  # type: ignore[attr-defined]


def _accepting(validate: Callable[..., bool], known: list[Source]) -> Callable[..., bool]:
    """Keras' check of a download's hash: our copy of the data is right although its container differs."""

    @functools.wraps(validate)
    def validate_file(fpath: Any, *args: Any, **kwargs: Any) -> bool:
        ours = [source.archive for source in known if source.archive is not None]
        return bool(validate(fpath, *args, **kwargs)) or any(
            filecmp.cmp(fpath, archive, shallow=False) for archive in ours
        )

    return validate_file


def _gdown(module: ModuleType, known: list[Source]) -> None:
    """A tiny `gdown`: its `download` gives course data, whatever private copy the id named."""

    class FileURLRetrievalError(Exception):
        """What the real module raises when a file cannot be had."""

    def download(
        url: str | None = None, output: Any = None, quiet: bool = False, *args: Any, **kwargs: Any
    ) -> Any:
        asked = url or f"https://drive.google.com/uc?id={kwargs.get('id')}"
        found = served(asked, known) or (None if is_drive(asked) else private_copy(known))
        if found is None:
            raise FileURLRetrievalError(refusal(asked))
        if found.guessed:
            channel.note("served-from-course-data", old=asked, new=found.name)
        target = _target(output, found.name)
        shutil.copyfile(found.path, target)
        return target

    def cached_download(url: str | None = None, path: Any = None, *args: Any, **kwargs: Any) -> Any:
        target = path or os.path.basename(str(url))
        if not os.path.exists(target):
            target = download(url, path)
        if kwargs.get("postprocess"):
            kwargs["postprocess"](target)
        return target

    def extractall(path: Any, to: Any = None) -> list[str]:
        shutil.unpack_archive(path, to or os.path.dirname(path) or ".")
        return []

    vars(module).update(
        download=download,
        cached_download=cached_download,
        extractall=extractall,
        FileURLRetrievalError=FileURLRetrievalError,
        __version__="0",
    )


def _wget(module: ModuleType) -> None:
    """A tiny `wget` module: `wget.download(url, out)` returns the name of the file it wrote."""

    def download(url: str, out: Any = None, bar: Any = None) -> str:
        with urllib.request.urlopen(url) as response:
            target = _target(out, os.path.basename(urllib.parse.urlsplit(url).path) or "download.wget")
            with open(target, "wb") as file:
                shutil.copyfileobj(response, file)
        return target

    def bar_adaptive(*args: Any) -> str:
        return ""

    vars(module).update(download=download, bar_adaptive=bar_adaptive, bar_thermometer=bar_adaptive)


def _target(output: Any, name: str) -> str:
    """Where a download goes: the file asked for, or its own name in the folder asked for."""
    if output is None:
        return name
    text = os.fspath(output)
    return os.path.join(text, name) if text.endswith(("/", os.sep)) or os.path.isdir(text) else text


def _packages_stay() -> None:
    """`python -m pip` in programs started from here finds our `pip`, which changes nothing."""
    folder = str(Path(__file__).with_name("shims") / "modules")
    earlier = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = folder + (os.pathsep + earlier if earlier else "")
