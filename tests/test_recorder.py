"""Recording changes nothing: training with and without the witness is equal, bit by bit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KERNEL = Path(__file__).parents[1] / "grader" / "kernel"

TRAIN = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import tensorflow as tf
if sys.argv[2] == "recorded":
    from grader_kernel import bridge, channel, recorder
    channel.connect(os.open(sys.argv[4], os.O_WRONLY | os.O_CREAT))
    bridge.install(None)
    recorder.install()
from tensorflow.keras.preprocessing.image import ImageDataGenerator

tf.config.experimental.enable_op_determinism()

def directory():
    return ImageDataGenerator(rescale=1 / 255, rotation_range=20).flow_from_directory(
        sys.argv[3], target_size=(20, 20), batch_size=4, class_mode="binary")

def dataset():
    data = tf.keras.utils.image_dataset_from_directory(sys.argv[3], image_size=(20, 20), batch_size=4)
    return data.map(lambda x, y: (x / 255, y)).shuffle(3)

def arrays():
    return np.random.rand(12, 20, 20, 3).astype("float32")

def generator():
    source = directory()
    while True:
        yield next(source)

class Stop(tf.keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = logs["accuracy"] > 2

def trained(source, **more):
    tf.keras.utils.set_random_seed(1)
    net = tf.keras.Sequential([
        tf.keras.Input((20, 20, 3)), tf.keras.layers.Conv2D(2, 3), tf.keras.layers.Dropout(0.3),
        tf.keras.layers.Flatten(), tf.keras.layers.Dense(1, activation="sigmoid")])
    net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = net.fit(source(), epochs=3, verbose=0, callbacks=[Stop()], **more)
    weights = [float(np.abs(w).astype("float64").sum()) for w in net.get_weights()]
    return {"history": history.history, "weights": weights, "next": float(np.random.rand())}

result = {
    "directory": trained(directory),
    "dataset": trained(dataset),
    "arrays": trained(arrays, y=np.arange(12) % 2, batch_size=4),
    "generator": trained(generator, steps_per_epoch=3),
}
print("RESULT", json.dumps(result))
"""


def draw_pictures(folder: Path) -> None:
    """A dozen tiny pictures in two class folders."""
    from PIL import Image

    for number in range(12):
        path = folder / ("happy", "sad")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (20 * number, 255 - 20 * number, 7 * number)).save(path)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """The same four trainings, plain and recorded."""
    place = tmp_path_factory.mktemp("recorder")
    draw_pictures(place / "pictures")
    shutil.copytree(KERNEL, place / "grader_kernel")
    (place / "train.py").write_text(TRAIN)
    done = {}
    for how in ("plain", "recorded"):
        words = [sys.executable, "train.py", str(place), how, str(place / "pictures"), str(place / "events")]
        quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        run = subprocess.run(words, cwd=place, env=quiet, capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stderr[-3000:]
        line = next(text for text in run.stdout.splitlines() if text.startswith("RESULT "))
        done[how] = json.loads(line.removeprefix("RESULT "))
    done["events"] = [json.loads(text) for text in (place / "events").read_text().splitlines()]
    return done


@pytest.mark.kernel
@pytest.mark.parametrize("source", ["directory", "dataset", "arrays", "generator"])
def test_training_is_bit_equal(results: dict[str, dict[str, object]], source: str) -> None:
    """History, weights and the next random number are the same with and without the recorder."""
    assert results["plain"][source] == results["recorded"][source]


@pytest.mark.kernel
def test_recorder_saw_every_training(results: dict[str, list[dict[str, object]]]) -> None:
    """The recorder that changes nothing does record: four trainings of three epochs."""
    kinds = [event["event"] for event in results["events"]]

    assert (4, 12, 4) == (kinds.count("fit-started"), kinds.count("epoch"), kinds.count("fit-ended"))
