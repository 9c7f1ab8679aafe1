"""Old names and module paths of Keras 2 and of other packages, as stand-ins that lead to today's.

A stand-in exists only where the real name does not. Where a name had no harmless meaning that survives
(`tf.placeholder`, `tf.contrib`), it stays an error.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import channel
from ..hooks import KERAS, add_names, after_import, load, quietly, stand_in

# Modules of Keras 2 (2.0 to 2.15) that are gone, and where their names are now.
_GONE = {
    "layers.core": "layers",
    "layers.convolutional": "layers",
    "layers.pooling": "layers",
    "layers.normalization": "layers",
    "layers.advanced_activations": "layers",
    "layers.embeddings": "layers",
    "layers.recurrent": "layers",
    "layers.merge": "layers",
    "layers.noise": "layers",
    "layers.wrappers": "layers",
    "layers.experimental": "layers",
    "layers.experimental.preprocessing": "layers",
    "engine": "layers",
    "engine.topology": "layers",
    "engine.base_layer": "layers",
    "engine.training": "models",
    "engine.sequential": "models",
    "utils.np_utils": "utils",
    "utils.vis_utils": "utils",
    "utils.generic_utils": "utils",
    "utils.data_utils": "utils",
    "utils.layer_utils": "utils",
    "callbacks.callbacks": "callbacks",
    "optimizers.experimental": "optimizers",
    "experimental": "optimizers.schedules",
    "backend.tensorflow_backend": "backend",
}
# Attributes that were modules: `tf.keras.experimental`, `keras.utils.np_utils` …
_AS_ATTRIBUTES = {
    "": ("experimental", "engine"),
    "layers": ("experimental", "core", "convolutional", "pooling", "normalization", "advanced_activations"),
    "optimizers": ("experimental",),
    "utils": ("np_utils", "vis_utils", "generic_utils", "data_utils"),
    "callbacks": ("callbacks",),
    "backend": ("tensorflow_backend",),
}
# NumPy's aliases that 1.24 and 2.0 removed.
_NUMPY: dict[str, Callable[[], Any]] = {
    "float": lambda: float,
    "int": lambda: int,
    "bool": lambda: bool,
    "object": lambda: object,
    "str": lambda: str,
    "complex": lambda: complex,
    "float_": lambda: load("numpy").float64,
    "Inf": lambda: load("numpy").inf,
    "Infinity": lambda: load("numpy").inf,
    "NaN": lambda: load("numpy").nan,
    "product": lambda: load("numpy").prod,
    "cumproduct": lambda: load("numpy").cumprod,
    "alltrue": lambda: load("numpy").all,
    "sometrue": lambda: load("numpy").any,
}
_NUMPY_NEW = {
    "float_": "np.float64",
    "Inf": "np.inf",
    "Infinity": "np.inf",
    "NaN": "np.nan",
    "product": "np.prod",
}
# Pillow's filters that 10.0 removed.
_PILLOW = {"ANTIALIAS": "LANCZOS", "LINEAR": "BILINEAR", "CUBIC": "BICUBIC"}


def install() -> None:
    """Register every stand-in; nothing is imported until a notebook asks for it."""
    for keras in KERAS:
        for old, new in _GONE.items():
            stand_in(f"{keras}.{old}", _leading_to(f"{keras}.{old}", f"{keras}.{new}"))
        for parent, names in _AS_ATTRIBUTES.items():
            home = f"{keras}.{parent}".rstrip(".")
            add_names(home, _submodule(home, names))
        add_names(f"{keras}.backend", _backend_name)
    for part in ("", ".backend", ".layers", ".models", ".optimizers", ".callbacks", ".utils"):
        old, new = f"tensorflow.compat.v1.keras{part}", f"keras._tf_keras.keras{part}"
        stand_in(old, _leading_to(old, new))
    stand_in("keras_preprocessing", _leading_to("keras_preprocessing", "keras._tf_keras.keras.preprocessing"))
    for part in ("image", "text", "sequence"):
        new = f"keras._tf_keras.keras.preprocessing.{part}"
        stand_in(f"keras_preprocessing.{part}", _leading_to(f"keras_preprocessing.{part}", new))
        stand_in(f"keras.preprocessing.{part}", _leading_to(f"keras.preprocessing.{part}", new))
    add_names("keras.preprocessing.image", _legacy_image_name)
    add_names("numpy", _numpy_name)
    add_names("PIL.Image", _pillow_name)
    _scipy()


def _leading_to(old: str, new: str) -> Callable[[ModuleType], None]:
    """Fill a module so that every name is looked up in another one."""

    def fill(module: ModuleType) -> None:
        channel.note("module-path", _shown(old), _shown(new))

        def answer(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            if name == "preprocessing" and old.endswith("layers.experimental"):
                return load(f"{old}.preprocessing")
            for place in (new, *_ALSO.get(new.rpartition(".")[2], ())):
                found = getattr(load(place), name, None)
                if found is not None:
                    return found
            raise AttributeError(f"module {old!r} has no attribute {name!r}")

        vars(module)["__getattr__"] = answer

    return fill


# Where a name may be besides: `keras.engine` had layers and models, `data_utils` the generators.
_ALSO = {
    "layers": ("keras.models", "keras._tf_keras.keras.layers"),
    "models": ("keras.layers",),
    "utils": ("keras._tf_keras.keras.utils",),
    "schedules": ("keras.optimizers.schedules",),
}


def _submodule(home: str, names: tuple[str, ...]) -> Callable[[str], Any]:
    def find(name: str) -> Any:
        if name not in names:
            raise LookupError(name)
        return load(f"{home}.{name}")

    return find


def _backend_name(name: str) -> Any:
    """`K.name`: TensorFlow 1's session calls do nothing; other names are still in `tf.keras.backend`."""
    if name in _SESSION:
        channel.note("tf1-name", f"K.{name}", "left out")
        return _SESSION[name]
    legacy = load("keras._tf_keras.keras.backend")
    if name not in vars(legacy):
        raise LookupError(name)
    channel.note("keras-backend", f"keras.backend.{name}", f"tf.keras.backend.{name}")
    return vars(legacy)[name]


def _nothing(*args: Any, **kwargs: Any) -> None:
    """What a call did that TensorFlow 2 does by itself or no longer needs."""


def _old_session(*args: Any, **kwargs: Any) -> Any:
    return load("tensorflow").compat.v1.Session(*args, **kwargs)


_SESSION: dict[str, Callable[..., Any]] = {
    "set_session": _nothing,
    "get_session": _old_session,
    "set_learning_phase": _nothing,
    "set_image_dim_ordering": _nothing,
    "manual_variable_initialization": _nothing,
}


def _legacy_image_name(name: str) -> Any:
    """`keras.preprocessing.image.ImageDataGenerator` and its like: in Keras 3 only below `tf.keras`."""
    found = vars(load("keras._tf_keras.keras.preprocessing.image")).get(name)
    if found is None:
        raise LookupError(name)
    where = "keras.preprocessing.image"
    channel.note("module-path", f"{where}.{name}", f"tensorflow.{where}.{name}")
    return found


def _numpy_name(name: str) -> Any:
    value = _NUMPY[name]()
    channel.note("numpy-name", f"np.{name}", _NUMPY_NEW.get(name, name))
    return value


def _pillow_name(name: str) -> Any:
    new = _PILLOW[name]
    channel.note("pillow-name", f"Image.{name}", f"Image.{new}")
    return getattr(load("PIL.Image"), new)


def _scipy() -> None:
    """`scipy.misc.ascent()` and `face()`: where the picture is local; otherwise they stay what they are."""

    def find(name: str) -> Any:
        if name not in ("ascent", "face"):
            raise LookupError(name)
        channel.note("scipy-misc", f"scipy.misc.{name}()", f"scipy.datasets.{name}()")
        return getattr(load("scipy.datasets"), name)

    def fill(module: ModuleType) -> None:
        vars(module)["__getattr__"] = _or_attribute_error(module, find)

    add_names("scipy.misc", find)
    stand_in("scipy.misc", fill)
    after_import("scipy.datasets._fetchers", _local_pictures)


def _or_attribute_error(module: ModuleType, find: Callable[[str], Any]) -> Callable[[str], Any]:
    def answer(name: str) -> Any:
        try:
            return find(name)
        except LookupError as error:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}") from error

    return answer


def _local_pictures(module: ModuleType) -> None:
    """SciPy downloads its pictures with `pooch`; one that is course data is read from our copy."""
    original = module.fetch_data

    def fetch_data(dataset_name: str, *args: Any, **kwargs: Any) -> Any:
        return quietly(_local_picture, dataset_name) or original(dataset_name, *args, **kwargs)

    module.fetch_data = fetch_data  # type: ignore[attr-defined]


def _local_picture(name: str) -> str | None:
    from .. import places

    for data in places.data_sets_here():
        if name in data.archive_names and data.archive:
            return data.archive
    return None


def _shown(path: str) -> str:
    return path.replace("keras._tf_keras.keras", "tensorflow.keras")
