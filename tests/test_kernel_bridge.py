"""Removed API keeps working, each use is a note, and what uses none of it is left alone."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from in_kernel import Told, happy_or_sad, run

from grader.kernel.bridge.names import OldNames, with_old_names
from grader.kernel.bridge.seeds import derive
from grader.kernel.bridge.shell import TodaysImports

# Old metric names -----------------------------------------------------------------------------------


def test_old_name_reads_the_new_one() -> None:
    """`acc` and `val_acc` read what is logged as accuracy, by index and by `get`."""
    logs = with_old_names({"accuracy": 0.5, "val_accuracy": 0.25, "loss": 1.0})

    assert (0.5, 0.25, 0.5) == (logs["acc"], logs["val_acc"], logs.get("acc"))


def test_new_name_does_not_read_the_old_one() -> None:
    """A model that logs `acc` has no `accuracy`: reading that is the student's own mistake."""
    logs = with_old_names({"acc": 0.5})

    assert (None, False) == (logs.get("accuracy"), "accuracy" in logs)
    with pytest.raises(KeyError, match="accuracy"):
        logs["accuracy"]


def test_logs_are_otherwise_keras_own() -> None:
    """Keys, length, order, equality and writing are those of the dict that Keras passes."""
    given = {"loss": 1.0, "accuracy": 0.5}
    logs = with_old_names(given)
    before = (list(logs), len(logs), logs == given, "acc" in logs, "nope" in logs, logs.get("nope", 3))
    logs["mine"] = 1

    assert (["loss", "accuracy"], 2, True, True, False, 3) == before
    assert ["loss", "accuracy", "mine"] == list(logs)
    assert isinstance(logs.copy(), OldNames)


@pytest.mark.parametrize("logs", [None, [], "text"])
def test_other_logs_pass(logs: Any) -> None:
    """None, which Keras 3 passes to some hooks, and anything that is no dict stay what they are."""
    assert with_old_names(logs) is logs


# Old import paths, and seeds ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "today"),
    [
        ("from tensorflow.python.keras.layers import Dense", "from tensorflow.keras.layers import Dense"),
        ("from tensorflow.python.keras import layers", "from tensorflow.keras import layers"),
        ("from tensorflow.python import keras", "from tensorflow import keras"),
        ("import tensorflow.python.keras.callbacks as c", "import tensorflow.keras.callbacks as c"),
        ("import tensorflow.python.keras", "import tensorflow.python.keras"),
        ("from tensorflow.python.framework import ops", "from tensorflow.python.framework import ops"),
        ("from . import keras", "from . import keras"),
    ],
)
def test_inner_paths_of_tensorflow(source: str, today: str) -> None:
    """A cell's import from TensorFlow's inside means Keras; other imports stay."""
    assert today == ast.unparse(TodaysImports().visit(ast.parse(source)))


def test_derived_seeds_are_fixed() -> None:
    """The same override and seed give the same other seed of 31 bits."""
    assert [derive(7, 42), True, True] == [
        derive(7, 42),
        derive(7, 42) != derive(8, 42) != 42,
        0 <= derive(2**63, -5) < 2**31,
    ]


# Without TensorFlow ---------------------------------------------------------------------------------

PLAIN = """
    from grader_kernel import bridge, places
    places.install(manifest)
    bridge.install()
    told["heavy"] = [name for name in ("tensorflow", "keras", "numpy") if name in sys.modules]
    import signal
    from IPython.core.interactiveshell import InteractiveShell
    ip = InteractiveShell.instance()
    bridge.install_shell(ip)

    def cell(name, source):
        done = ip.run_cell(source)
        problem = done.error_before_exec or done.error_in_exec
        told[name] = type(problem).__name__ if problem else done.result

    cell("upload", "from google.colab import files\\nup = files.upload()\\n"
         "[(n, b == open(n, 'rb').read()) for n, b in up.items()]")
    cell("download", "files.download('model.h5')")
    cell("drive", "from google.colab import drive\\ndrive.mount('drive')\\n"
         "import os\\nsorted(os.listdir('drive'))")
    cell("patches", "import numpy as np\\nfrom google.colab.patches import cv2_imshow\\n"
         "cv2_imshow(np.zeros((2, 2, 3)))")
    cell("output", "from google.colab import output\\noutput.clear()")
    cell("runtime", "from google.colab import runtime\\nruntime.unassign()")
    cell("protobuf", "import google.protobuf, google.colab; True")
    cell("unknown", "from google.colab import nothing_of_this_name")
    cell("magic", "%tensorflow_version 2.x")
    cell("extension", "%load_ext tensorboard")
    cell("other extension", "%load_ext nothing_of_this_name")
    cell("kill", "import os, signal\\nos.kill(os.getpid(), signal.SIGKILL)\\n"
         "os.kill(os.getpid(), signal.SIGTERM)\\n'alive'")
    cell("interrupt", "import time\\ntry:\\n    os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\\n"
         "except KeyboardInterrupt:\\n    what = 'interrupted'\\nwhat")
    cell("child", "import subprocess\\nprogram = subprocess.Popen(['sleep', '60'])\\n"
         "os.kill(program.pid, signal.SIGTERM)\\nprogram.wait()")
    cell("numpy", "[np.float is float, np.int is int, np.object is object, float(np.Inf)]")
    cell("not numpy", "np.nothing_of_this_name")
    cell("pillow", "from PIL import Image\\nImage.ANTIALIAS == Image.LANCZOS")
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Cells in IPython, in a process that never imports TensorFlow."""
    folder = tmp_path_factory.mktemp("plain")
    return run(folder, PLAIN, [happy_or_sad(folder)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("heavy", []),
        ("upload", [["happy1-00.png", True]]),
        ("download", None),
        ("drive", ["My Drive", "MyDrive"]),
        ("patches", None),
        ("output", None),
        ("runtime", None),
        ("protobuf", True),
        ("unknown", "ImportError"),
        ("magic", None),
        ("extension", None),
        ("other extension", "ModuleNotFoundError"),
        ("kill", "alive"),
        ("interrupt", "interrupted"),
        ("child", -15),
        ("numpy", [True, True, True, float("inf")]),
        ("not numpy", "AttributeError"),
        ("pillow", True),
    ],
)
def test_colab_and_the_kernel(plain: Told, name: str, value: Any) -> None:
    """Colab's modules do no harm, a cell cannot kill its kernel, and unknown names stay unknown."""
    assert value == plain[name]


def test_notes_of_colab_and_the_kernel(plain: Told) -> None:
    """Each use of what is not here is a note; an interrupt and a program of the student's are none."""
    assert [
        ("colab-upload", "files.upload()", "a picture of the course data"),
        ("colab-download", "files.download(…)", "left out"),
        ("colab-drive", "drive.mount('drive')", "left out"),
        ("kills-itself", "runtime.unassign()", "left out"),
        ("colab-magic", "%tensorflow_version 2.x", "left out"),
        ("kills-itself", "os.kill(os.getpid(), signal.SIGKILL)", "left out"),
        ("kills-itself", "os.kill(os.getpid(), signal.SIGTERM)", "left out"),
        ("numpy-name", "np.float", "float"),
        ("numpy-name", "np.int", "int"),
        ("numpy-name", "np.object", "object"),
        ("pillow-name", "Image.ANTIALIAS", "Image.LANCZOS"),
    ] == [change for change in plain.changes if change[1] not in _THERE_OR_NOT]


# Where NumPy 1 or TensorBoard is installed these are no old API.
_THERE_OR_NOT = ("np.Inf", "%load_ext tensorboard")


# With TensorFlow ------------------------------------------------------------------------------------

OLD_API = """
    from grader_kernel import bridge, places, web
    places.install(manifest)
    web.install(manifest)
    import tensorflow as tf
    bridge.install()
    warnings.simplefilter("ignore")
    import keras
    import numpy as np
    from tensorflow.keras import layers

    def attempt(name, action):
        try:
            told[name] = action()
        except Exception as problem:
            told[name] = f"{type(problem).__name__}: {problem}"[:300]

    def model(optimizer=None, metrics=("accuracy",), first=True):
        inside = [layers.Conv2D(2, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(1, "sigmoid")]
        new = tf.keras.Sequential([layers.Input((12, 12, 3)), *inside] if first else inside)
        metrics = list(metrics) if isinstance(metrics, tuple) else metrics
        new.compile(loss="binary_crossentropy", optimizer=optimizer or "sgd", metrics=metrics)
        return new

    def pictures(where="h-or-s", size=2, **more):
        made = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
        return made.flow_from_directory(where, (12, 12), batch_size=size, class_mode="binary", **more)

    def epochs(model, data, **more):
        return len(model.fit(data, verbose=0, **more).epoch)

    # optimizers
    opt = tf.keras.optimizers
    attempt("lr", lambda: float(opt.RMSprop(lr=0.25).learning_rate.numpy()))
    attempt("every lr", lambda: [float(o(lr=0.25).learning_rate.numpy()) for o in (opt.Adam, opt.SGD)])
    attempt("unknown", lambda: opt.Adam(learning_rat=0.1))

    def attribute():
        adam = opt.Adam(0.5)
        first = float(adam.lr.numpy())
        adam.lr = 0.25
        tf.keras.backend.set_value(adam.lr, float(adam.lr.numpy()) / 2)
        return [first, float(adam.learning_rate.numpy())]
    attempt("attribute", attribute)

    def decayed():
        sgd, weight, seen = opt.SGD(lr=1.0, decay=1.0), keras.Variable([0.0]), []
        for _ in range(3):
            sgd.apply([tf.constant([1.0])], [weight])
            seen.append(round(float(weight.numpy()[0]), 4))
        return [*seen, float(sgd.learning_rate.numpy())]
    attempt("decay", decayed)
    attempt("whole rate", lambda: float(opt.SGD(learning_rate=1).learning_rate.numpy()))
    attempt("epsilon", lambda: epochs(model(opt.Adam(lr=0.001, epsilon=None, decay=0.0)), pictures()))
    attempt("legacy", lambda: type(opt.legacy.Adam(lr=0.1)).__name__)
    attempt("tf1", lambda: type(tf.train.AdamOptimizer(0.1)).__name__)

    # training
    attempt("fit_generator", lambda: len(model().fit_generator(pictures(), 4, 2, verbose=0).epoch))
    attempt("evaluate_generator", lambda: len(model().evaluate_generator(pictures(), steps=4)))
    attempt("predict_generator", lambda: list(model().predict_generator(pictures(), steps=2).shape))
    attempt("predict_classes", lambda: [list(model().predict_classes(np.zeros((3, 12, 12, 3))).shape), set(
        model().predict_classes(np.zeros((3, 12, 12, 3))).ravel().tolist()) <= {0, 1}])
    attempt("workers", lambda: epochs(model(), pictures(), workers=2, use_multiprocessing=False))
    attempt("metrics string", lambda: sorted(model(metrics="accuracy").fit(pictures(), verbose=0).history))
    attempt("metrics third", lambda: [(m := model()).compile("sgd", "mse", ["mae"]), sorted(
        m.fit(pictures(), verbose=0).history)][1])
    attempt("metrics names", lambda: [(m := model()).fit(pictures(), verbose=0), m.metrics_names][1])
    attempt("next", lambda: list(pictures().next()[0].shape))

    batches, ends = [], []

    class Counting(tf.keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            batches.append(batch)

    def counted(data, **given):
        batches.clear()
        model().fit(data, epochs=2, verbose=0, callbacks=[Counting()], **given)
        return len(batches)

    def shuffled():
        data = pictures()
        again, data.on_epoch_end = data.on_epoch_end, lambda: (ends.append(1), again())
        return [counted(data, steps_per_epoch=6), len(ends) >= 2]
    attempt("runs out", shuffled)
    attempt("runs out float", lambda: counted(pictures(), steps_per_epoch=4.5))
    tensors = tf.data.Dataset.from_tensor_slices((np.zeros((4, 12, 12, 3)), np.zeros(4))).batch(2)
    attempt("tensors run out", lambda: counted(tensors, steps_per_epoch=3))
    attempt("validation", lambda: counted(pictures(), validation_data=pictures(), validation_steps=9))
    attempt("enough", lambda: counted(pictures(), steps_per_epoch=3))
    attempt("just enough", lambda: counted(pictures(), steps_per_epoch=4))

    # names
    reads = {}

    class Stopping(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs={}):
            reads["acc"] = logs.get("acc") == logs["accuracy"]
            logs["mine"] = 1
            if logs.get("acc") > -1:
                self.model.stop_training = True

    class After(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            reads["after"] = logs.get("mine")

    def stopped():
        history = model().fit(pictures(), epochs=5, verbose=0, callbacks=[Stopping(), After()])
        same = history.history["acc"] == history.history["accuracy"]
        return [len(history.epoch), same, sorted(history.history), reads]
    attempt("old names", stopped)
    early = tf.keras.callbacks.EarlyStopping(monitor="val_acc")
    watched = {"validation_data": pictures(), "epochs": 2, "callbacks": [early]}
    attempt("early stopping", lambda: epochs(model(), pictures(), **watched))
    attempt("acc stays", lambda: "accuracy" in model(metrics=("acc",)).fit(pictures(), verbose=0).history)

    def features(made):
        seen = tf.keras.Model(inputs=made.input, outputs=[layer.output for layer in made.layers])
        return [list(out.shape) for out in seen.predict(np.zeros((1, 12, 12, 3)), verbose=0)]
    attempt("input", lambda: features(model()))
    attempt("input after fit", lambda: [(m := model(first=False)).fit(pictures(), verbose=0), features(m)][1])
    convolution = model().layers[0]
    unused = layers.Dense(1)
    attempt("output shape", lambda: [list(convolution.output_shape), hasattr(unused, "output_shape")])
    attempt("no input", lambda: str(model(first=False).input))

    # places and datasets, as Keras reads them
    attempt("loader", lambda: pictures("D:/wk4/data/train/").samples)
    attempt("loader at a class", lambda: pictures("D:/wk4/data/sad/").samples)
    os.makedirs("made/happy")
    url = manifest[0]["urls"][0]
    get_file, where = tf.keras.utils.get_file, os.getcwd()
    attempt("empty folder", lambda: pictures("made").samples)
    attempt("other pictures", lambda: [os.makedirs("cats/tom"), __import__("shutil").copy(
        "h-or-s/sad/sad1-00.png", "cats/tom/a.png"), pictures("cats").class_indices][2])
    attempt("dataset", lambda: len(tf.keras.utils.image_dataset_from_directory("not/here", batch_size=2)))
    attempt("load_img", lambda: list(tf.keras.utils.load_img("F:/h-or-s/happy/happy1-00.png").size))
    attempt("tf.io", lambda: len(tf.io.read_file("G:/h-or-s/happy/happy1-00.png").numpy()) > 20)
    attempt("gfile", lambda: sorted(tf.io.gfile.listdir("H/h-or-s")))
    attempt("get_file", lambda: os.path.exists(get_file("hs.zip", url, file_hash="0" * 64)))
    attempt("get_file at a path", lambda: get_file(where + "/to/hs.zip", url) == where + "/to/hs.zip")
    attempt("get_file off", lambda: get_file("x.zip", "https://example.com/x.zip"))
    np.savez("mine.npz", x_train=np.zeros(3), y_train=np.ones(3), x_test=np.zeros(2), y_test=np.ones(2))
    load_data = tf.keras.datasets.mnist.load_data
    attempt("mnist", lambda: len(load_data(path=os.getcwd() + "/../content/mine.npz")[0][0]))

    # modules and names
    def imported(source):
        scope = {"tf": tf}
        try:
            exec(source, scope)
        except Exception as problem:
            return type(problem).__name__
        return "fine"
    told["imports"] = {source: imported(source) for source in given["imports"]}
"""

IMPORTS = [
    "from keras.preprocessing.image import ImageDataGenerator, load_img, img_to_array",
    "from keras.preprocessing import image; image.ImageDataGenerator; image.load_img; image.img_to_array",
    "from keras_preprocessing.image import ImageDataGenerator",
    "from keras.utils import to_categorical, np_utils; np_utils.to_categorical([0, 1])",
    "from tensorflow.keras.utils import np_utils",
    "import keras; keras.utils.np_utils.to_categorical([1])",
    "from keras.layers.core import Dense, Dropout, Flatten, Activation; Dense(1)",
    "from keras.layers.convolutional import Conv2D, MaxPooling2D",
    "from keras.layers.pooling import MaxPooling2D; MaxPooling2D(2, 2)",
    "from keras.layers.normalization import BatchNormalization",
    "from keras.layers.advanced_activations import LeakyReLU",
    "from keras.engine.topology import Layer; from keras.engine import Model",
    "from keras.callbacks.callbacks import Callback",
    "from keras.backend.tensorflow_backend import set_session; set_session(tf.Session())",
    "from tensorflow.keras.backend import set_session; set_session(None)",
    "from tensorflow.compat.v1.keras.backend import set_session; set_session(None)",
    "from tensorflow.keras.layers.experimental.preprocessing import Rescaling; Rescaling(1 / 255)",
    "tf.keras.layers.experimental.preprocessing.RandomFlip('horizontal')",
    "tf.keras.experimental.CosineDecay(0.1, 10)",
    "config = tf.ConfigProto(); config.gpu_options.allow_growth = True; sess = tf.Session(config=config)",
    "tf.ConfigProto(gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=0.3))",
    "tf.set_random_seed(1); tf.random.set_random_seed(1); tf.enable_eager_execution()",
    "tf.logging.set_verbosity(tf.logging.ERROR)",
]
STAY_WRONG = [
    "tf.placeholder",
    "tf.nothing_of_this_name",
    "from keras.layers import NothingOfThisName",
    "from keras.layers.core import NothingOfThisName",
    "import keras.nothing_of_this_name",
]


@pytest.fixture(scope="module")
def old_api(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A notebook of 2019 in one process: every removed name and method, once."""
    folder = tmp_path_factory.mktemp("old")
    script = OLD_API.replace('given["imports"]', repr(IMPORTS + STAY_WRONG))
    return run(folder, script, [happy_or_sad(folder)])


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", 0.25),
        ("every lr", [0.25, 0.25]),
        ("attribute", [0.5, 0.125]),
        ("decay", [-1.0, -1.5, -1.8333, 1.0]),
        ("whole rate", 1.0),
        ("epsilon", 1),
        ("legacy", "Adam"),
        ("tf1", "Adam"),
        ("fit_generator", 2),
        ("evaluate_generator", 2),
        ("predict_generator", [4, 1]),
        ("predict_classes", [[3, 1], True]),
        ("workers", 1),
        ("metrics string", ["accuracy", "loss"]),
        ("metrics third", ["loss", "mae"]),
        ("metrics names", ["loss", "accuracy"]),
        ("next", [2, 12, 12, 3]),
        ("runs out", [12, True]),
        ("runs out float", 10),
        ("tensors run out", 6),
        ("validation", 8),
        ("old names", [1, True, ["accuracy", "loss", "mine"], {"acc": True, "after": 1}]),
        ("early stopping", 2),
        ("acc stays", False),
        ("input", [[1, 10, 10, 2], [1, 5, 5, 2], [1, 50], [1, 1]]),
        ("input after fit", [[1, 10, 10, 2], [1, 5, 5, 2], [1, 50], [1, 1]]),
        ("output shape", [[None, 10, 10, 2], False]),
        ("loader", 8),
        ("loader at a class", 0),
        ("empty folder", 8),
        ("other pictures", {"tom": 0}),
        ("dataset", 4),
        ("load_img", [12, 12]),
        ("tf.io", True),
        ("gfile", ["happy", "sad"]),
        ("get_file", True),
        ("get_file at a path", True),
        ("mnist", 3),
    ],
)
def test_old_api_works(old_api: Told, name: str, value: Any) -> None:
    """Each removed name, argument or method does what it did."""
    assert value == old_api[name]


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unknown", "ValueError"),
        ("no input", "has never been called"),
        ("get_file off", "The network is off while grading: https://example.com/x.zip cannot be reached"),
    ],
)
def test_mistakes_stay_mistakes(old_api: Told, name: str, said: str) -> None:
    """A misspelt argument, a model that was not built and a foreign URL fail as they do in Keras."""
    assert said in old_api[name]


@pytest.mark.kernel
@pytest.mark.parametrize("source", IMPORTS)
def test_old_imports(old_api: Told, source: str) -> None:
    """Modules and names of Keras 2 and TensorFlow 1 with a meaning today can be imported and used."""
    assert "fine" == old_api["imports"][source]


@pytest.mark.kernel
@pytest.mark.parametrize("source", STAY_WRONG)
def test_unknown_names_stay_unknown(old_api: Told, source: str) -> None:
    """Names that never were, or whose meaning is gone, still raise."""
    assert old_api["imports"][source] in ("AttributeError", "ImportError", "ModuleNotFoundError")


@pytest.mark.kernel
@pytest.mark.parametrize(
    "note",
    [
        ("lr-argument", "RMSprop(lr=0.25)", "RMSprop(learning_rate=0.25)"),
        ("lr-attribute", "optimizer.lr", "optimizer.learning_rate"),
        (
            "decay-argument",
            "SGD(decay=1.0)",
            "learning_rate=InverseTimeDecay(rate, decay_steps=1, decay_rate=1.0)",
        ),
        ("learning-rate-type", "SGD(learning_rate=1)", "learning_rate=1.0"),
        ("fit-generator", "model.fit_generator(…)", "model.fit(…)"),
        ("fit-argument", "workers=2", "left out"),
        ("data-ran-out", "steps_per_epoch=6 with 4 batches", "steps_per_epoch=4, or left out"),
        ("data-ran-out", "validation_steps=9 with 4 batches", "validation_steps=4, or left out"),
        ("steps-not-whole", "steps_per_epoch=4.5", "steps_per_epoch=5"),
        ("metrics-string", "metrics='accuracy'", "metrics=['accuracy']"),
        ("metrics-position", "compile(…, ['mae'])", "compile(…, metrics=['mae'])"),
        ("metrics-names", "model.metrics_names", "list(history.history)"),
        ("metric-name", "logs.get('acc')", "logs.get('accuracy')"),
        ("metric-name", "history.history['acc']", "history.history['accuracy']"),
        ("metric-name", "EarlyStopping(monitor='val_acc')", "EarlyStopping(monitor='val_accuracy')"),
        ("sequential-input", "model.input", "model.inputs"),
        ("layer-shape", "layer.output_shape", "layer.output.shape"),
        ("generator-next", "generator.next()", "next(generator)"),
        ("relocated-data", "D:/wk4/data/train/", "h-or-s"),
        ("relocated-data", "D:/wk4/data/sad/", "h-or-s/sad"),
        ("relocated-data", "made", "h-or-s"),
        ("module-path", "keras.layers.core", "keras.layers"),
        ("module-path", "keras.utils.np_utils", "keras.utils"),
        ("tf1-name", "tf.ConfigProto", "tf.compat.v1.ConfigProto"),
        ("tf1-name", "tf.set_random_seed", "tf.random.set_seed"),
    ],
)
def test_old_api_is_noted(old_api: Told, note: tuple[str, str, str]) -> None:
    """A use is said with a stable code, what was written, and what to write today."""
    assert note in old_api.changes


@pytest.mark.kernel
def test_data_that_suffices_is_left_alone(old_api: Told) -> None:
    """Only data with fewer batches than steps is repeated; all else goes to Keras as it is."""
    said = [old for code, old, _ in old_api.changes if code == "data-ran-out"]

    assert 8 == old_api["just enough"]
    assert [
        "steps_per_epoch=6 with 4 batches",
        "steps_per_epoch=5 with 4 batches",
        "steps_per_epoch=3 with 2 batches",
        "validation_steps=9 with 4 batches",
    ] == said


# What is left alone ---------------------------------------------------------------------------------

TODAY = """
    if BRIDGED:
        from grader_kernel import bridge, places, web
        places.install(manifest)
        web.install(manifest)
        import tensorflow as tf
        bridge.install(OVERRIDE)
    else:
        import shutil
        shutil.copytree(manifest[0]["folder"], "h-or-s", dirs_exist_ok=True)
        import tensorflow as tf
    import random
    import numpy as np

    class Watching(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if logs.get("accuracy") > 2:
                self.model.stop_training = True

    def trained(data, **given):
        tf.keras.utils.set_random_seed(3)
        model = tf.keras.Sequential([
            tf.keras.layers.Input((12, 12, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dropout(0.2),
            tf.keras.layers.Dense(4, "relu"), tf.keras.layers.Dense(1, "sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        history = model.fit(data(), epochs=3, verbose=0, callbacks=[Watching()], **given)
        return [history.history, [w.tolist() for w in model.get_weights()]]

    def pictures(seed=None):
        made = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255, rotation_range=30)
        return made.flow_from_directory("h-or-s", (12, 12), batch_size=3, class_mode="binary", seed=seed)

    def dataset():
        loader = tf.keras.utils.image_dataset_from_directory
        return loader("h-or-s", image_size=(12, 12), batch_size=3, seed=5)

    def plain():
        iterator = pictures()
        while True:
            yield next(iterator)

    told["iterator"] = trained(pictures)
    # Whole epochs: between them Keras' own threads would race for NumPy's generator.
    told["seeded iterator"] = trained(lambda: pictures(4))
    told["dataset"] = trained(dataset)
    told["generator"] = trained(plain, steps_per_epoch=3)
    random.seed(1), np.random.seed(1), tf.random.set_seed(1)
    told["draws"] = [random.random(), np.random.rand(), np.random.default_rng(1).random(),
                     np.random.RandomState(1).rand(), float(tf.random.uniform([]).numpy())]
    told["kinds"] = isinstance(np.random.mtrand._rand, np.random.RandomState)
    first, second = pictures(seed=9), pictures(seed=9)
    told["in step"] = bool((next(first)[0] == next(second)[0]).all())
"""


@pytest.fixture(scope="module")
def todays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    """A notebook of today, alone, with everything in place, and with its seeds overridden."""
    told = {}
    for name, settings in (
        ("alone", "BRIDGED, OVERRIDE = False, None"),
        ("bridged", "BRIDGED, OVERRIDE = True, None"),
        ("overridden", "BRIDGED, OVERRIDE = True, 77"),
    ):
        folder = tmp_path_factory.mktemp(name)
        told[name] = run(folder, f"{settings}\n" + _dedented(TODAY), [happy_or_sad(folder)])
    return told


def _dedented(script: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in script.splitlines())


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["iterator", "seeded iterator", "dataset", "generator", "draws"])
def test_training_is_bit_equal(todays: dict[str, Told], name: str) -> None:
    """History, weights and random draws are the same, bit by bit, with and without everything here."""
    assert todays["alone"][name] == todays["bridged"][name]


@pytest.mark.kernel
def test_todays_code_leaves_no_note(todays: dict[str, Told]) -> None:
    """A notebook without old API is told nothing, also when its seeds are overridden."""
    assert ([], []) == (todays["bridged"].notes, todays["overridden"].notes)


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["iterator", "seeded iterator", "dataset", "generator"])
def test_overridden_seeds_give_another_training(todays: dict[str, Told], name: str) -> None:
    """With an override the same notebook trains with other luck."""
    assert todays["bridged"][name] != todays["overridden"][name]


@pytest.mark.kernel
def test_overridden_draws(todays: dict[str, Told]) -> None:
    """Every way to seed is overridden; two generators with one seed stay in step; kinds stay kinds."""
    before, after = todays["bridged"]["draws"], todays["overridden"]["draws"]

    assert [True] * 5 == [a != b for a, b in zip(before, after, strict=True)]
    assert (True, True) == (todays["overridden"]["in step"], todays["overridden"]["kinds"])
