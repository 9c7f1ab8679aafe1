"""`google.colab` away from Colab: uploads give a picture of the course, downloads and mounts do nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import channel
from ..hooks import stand_in

_UPLOADED_FROM = (".png", ".jpg", ".jpeg", ".bmp", ".gif")


def install() -> None:
    """Register the modules that notebooks import from `google.colab`; `google` itself is left alone."""
    stand_in("google.colab", _colab)
    for name, fill in _PARTS.items():
        stand_in(f"google.colab.{name}", fill)


def _colab(module: ModuleType) -> None:
    def answer(name: str) -> Any:
        if name in _PARTS:
            import importlib

            return importlib.import_module(f"google.colab.{name}")
        raise AttributeError(f"module 'google.colab' has no attribute {name!r}")

    vars(module)["__getattr__"] = answer


def _files(module: ModuleType) -> None:
    vars(module).update(upload=upload, upload_file=upload_file, download=download, view=download)


def upload(*args: Any, **kwargs: Any) -> dict[str, bytes]:
    """One picture of the course data, written to the working directory: {name: its bytes}.

    It is the first picture of the first class, so that every run gives the same.
    """
    channel.note("colab-upload", "files.upload()", "a picture of the course data")
    picture = _picture()
    if picture is None:
        print("Nothing can be uploaded while grading, and this assignment has no pictures.")
        return {}
    shutil.copyfile(picture, picture.name)
    print(f"Uploads are off while grading: {picture.name} of the course data was taken.")
    return {picture.name: picture.read_bytes()}


def upload_file(name: str) -> None:
    """The same picture under a name that the notebook chose."""
    for data in upload().values():
        Path(name).write_bytes(data)


def _picture() -> Path | None:
    from .. import places

    for data in places.data_sets_here():
        for name in data.classes if data.folder else ():
            pictures = sorted(Path(str(data.folder), name).glob("*"))
            found = [p for p in pictures if p.suffix.lower() in _UPLOADED_FROM]
            if found:
                return found[0]
    return None


def download(*args: Any, **kwargs: Any) -> None:
    """Nothing: there is no browser that could take a file."""
    channel.note("colab-download", "files.download(…)", "left out")


def _drive(module: ModuleType) -> None:
    def mount(mountpoint: Any = "/content/drive", *args: Any, **kwargs: Any) -> None:
        channel.note("colab-drive", f"drive.mount({mountpoint!r})", "left out")
        for name in ("MyDrive", "My Drive"):
            os.makedirs(os.path.join(os.fspath(mountpoint), name), exist_ok=True)
        print(f"Google Drive cannot be reached while grading: {mountpoint} is an empty folder.")

    vars(module).update(mount=mount, flush_and_unmount=_nothing)


def _patches(module: ModuleType) -> None:
    def cv2_imshow(image: Any) -> None:
        """Show an OpenCV picture (blue, green, red) in the cell's output."""
        import numpy as np
        from IPython.display import display
        from PIL import Image

        pixels = np.clip(image, 0, 255).astype("uint8")
        if pixels.ndim == 3:
            pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[-1]]]
        display(Image.fromarray(pixels))

    module.cv2_imshow = cv2_imshow  # type: ignore[attr-defined]


def _output(module: ModuleType) -> None:
    def clear(wait: bool = False, *args: Any, **kwargs: Any) -> None:
        from IPython.display import clear_output

        clear_output(wait=bool(wait))

    vars(module).update(
        clear=clear,
        eval_js=_nothing,
        register_callback=_nothing,
        enable_custom_widget_manager=_nothing,
        no_vertical_scroll=_nothing,
    )


def _runtime(module: ModuleType) -> None:
    def unassign() -> None:
        channel.note("kills-itself", "runtime.unassign()", "left out")

    module.unassign = unassign  # type: ignore[attr-defined]


def _userdata(module: ModuleType) -> None:
    class SecretNotFoundError(Exception):
        """What Colab raises for a secret that the notebook's owner has not stored."""

    def get(name: str) -> str:
        raise SecretNotFoundError(f"Secret {name} is not available while grading.")

    vars(module).update(get=get, SecretNotFoundError=SecretNotFoundError)


def _auth(module: ModuleType) -> None:
    module.authenticate_user = _nothing  # type: ignore[attr-defined]


def _data_table(module: ModuleType) -> None:
    vars(module).update(enable_dataframe_formatter=_nothing, disable_dataframe_formatter=_nothing)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """What Colab's own page would do."""


_PARTS = {
    "files": _files,
    "drive": _drive,
    "patches": _patches,
    "output": _output,
    "runtime": _runtime,
    "userdata": _userdata,
    "auth": _auth,
    "data_table": _data_table,
}
