"""`mnist.load_data(path=…)` and `get_file(…)` with a path in the file's name, which Keras 3 refuses.

In TensorFlow 2 the name was joined to the cache folder, so that an absolute path was the file itself.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from .. import channel
from ..hooks import quietly, replace

# `get_file(fname, origin, untar, md5_hash, file_hash, cache_subdir, …)`: how many follow the name before it.
_BEFORE_SUBDIR = 4


def install() -> None:
    """Bridge the one function by which Keras fetches files."""
    replace("keras.src.utils.file_utils", "get_file", _with_paths)


def _with_paths(get_file: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(get_file)
    def bridged(fname: Any = None, *args: Any, **kwargs: Any) -> Any:
        text = os.fspath(fname) if isinstance(fname, (str, os.PathLike)) else ""
        name = text.replace("\\", "/").rpartition("/")[2]
        if name == text or not name:
            return get_file(fname, *args, **kwargs)
        channel.note("dataset-path", f"path={text!r}", f"path={name!r}")
        if os.path.isfile(text) and not (kwargs.get("extract") or kwargs.get("untar")):
            return text
        if len(args) <= _BEFORE_SUBDIR and os.path.isabs(text) and quietly(_can_hold, os.path.dirname(text)):
            kwargs["cache_subdir"] = os.path.dirname(text)
        return get_file(name, *args, **kwargs)

    return bridged


def _can_hold(folder: str) -> bool:
    """Whether the file can be put where the notebook will look for it."""
    os.makedirs(folder, exist_ok=True)
    return os.access(folder, os.W_OK)
