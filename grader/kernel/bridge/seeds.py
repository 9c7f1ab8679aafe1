"""For a second run with other luck: every seed that the notebook sets is replaced by one derived from it.

Where a notebook's training fell short by chance it runs again with `override_seed`. Two calls with one
seed still get one seed, so that what the notebook keeps in step stays in step.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..hooks import after_import, asked_by_library, replace


def install(override: int | None) -> None:
    """Wrap the seeding calls of random, NumPy, TensorFlow and Keras; None wraps nothing."""
    if override is None:
        return

    def derived(seed: Any) -> Any:
        return derive(override, seed) if isinstance(seed, int) and not isinstance(seed, bool) else seed

    vars(random)["seed"] = _first(random.seed, derived)
    after_import("numpy.random", lambda module: _numpy(module, derived))
    for name in ("tensorflow.random", "tensorflow._api.v2.random", "tensorflow._api.v2.compat.v2.random"):
        after_import(name, lambda module: _named(module, "set_seed", derived))
    after_import("tensorflow._api.v2.compat.v1", lambda module: _named(module, "set_random_seed", derived))
    after_import("tensorflow.python.data.ops.dataset_ops", lambda module: _shuffle(module, derived))
    replace("keras.src.utils.rng_utils", "set_random_seed", lambda f: _first(f, derived))
    loader = "image_dataset_from_directory"
    replace("keras.src.utils.image_dataset_utils", loader, lambda f: _by_name(f, derived))
    after_import("keras.src.legacy.preprocessing.image", lambda module: _iterator(module, derived))
    after_import("keras.src.initializers.random_initializers", lambda module: _initializer(module, derived))


def derive(override: int, seed: int) -> int:
    """A seed that every generator takes (31 bits), fixed by the override and the seed asked for."""
    digest = hashlib.sha256(f"{override}:{seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def _first(function: Callable[..., Any], derived: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function with its first argument, a seed, replaced; calls by libraries pass as they are."""

    @functools.wraps(function)
    def seeded(*args: Any, **kwargs: Any) -> Any:
        if not asked_by_library():
            args = (*(derived(a) for a in args[:1]), *args[1:])
            kwargs = {k: derived(v) if k in ("seed", "a") else v for k, v in kwargs.items()}
        return function(*args, **kwargs)

    return seeded


def _by_name(function: Callable[..., Any], derived: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def seeded(*args: Any, **kwargs: Any) -> Any:
        if "seed" in kwargs:
            kwargs["seed"] = derived(kwargs["seed"])
        return function(*args, **kwargs)

    return seeded


def _named(module: ModuleType, name: str, derived: Callable[[Any], Any]) -> None:
    setattr(module, name, _first(getattr(module, name), derived))


def _numpy(module: ModuleType, derived: Callable[[Any], Any]) -> None:
    _named(module, "seed", derived)
    _named(module, "default_rng", derived)
    original = module.RandomState

    class SameKind(type):
        """Lets generators made before, and by NumPy itself, count as instances."""

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, original)

    class RandomState(original, metaclass=SameKind):  # type: ignore[misc, valid-type]
        """NumPy's own, with another seed."""

        def __init__(self, seed: Any = None) -> None:
            super().__init__(seed if asked_by_library() else derived(seed))

    module.RandomState = RandomState  # type: ignore[attr-defined]


def _shuffle(module: ModuleType, derived: Callable[[Any], Any]) -> None:
    original = module.DatasetV2.shuffle

    @functools.wraps(original)
    def shuffle(self: Any, buffer_size: Any, seed: Any = None, *args: Any, **kwargs: Any) -> Any:
        return original(self, buffer_size, seed if asked_by_library() else derived(seed), *args, **kwargs)

    module.DatasetV2.shuffle = shuffle


def _iterator(module: ModuleType, derived: Callable[[Any], Any]) -> None:
    """`flow` and `flow_from_directory`; the iterator goes on with `np.random.seed(self.seed + step)`."""
    original = module.Iterator.__init__

    @functools.wraps(original)
    def init(self: Any, n: Any, batch_size: Any, shuffle: Any, seed: Any, *args: Any, **kwargs: Any) -> None:
        original(self, n, batch_size, shuffle, derived(seed), *args, **kwargs)

    module.Iterator.__init__ = init


def _initializer(module: ModuleType, derived: Callable[[Any], Any]) -> None:
    original = module.RandomInitializer.__init__

    @functools.wraps(original)
    def init(self: Any, seed: Any = None) -> None:
        original(self, derived(seed))

    module.RandomInitializer.__init__ = init
