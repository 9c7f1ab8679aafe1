# %%
import os

import numpy as np
import tensorflow as tf
from PIL import Image

folder = "/tmp/h-or-s"
names = sorted(os.listdir(folder))
x, y = [], []
for label, name in enumerate(names):
    for file in sorted(os.listdir(os.path.join(folder, name))):
        x.append(np.asarray(Image.open(os.path.join(folder, name, file)).convert("RGB").resize((30, 30))))
        y.append(label)
x, y = np.array(x) / 255.0, np.array(y)
# %%
net = tf.keras.Sequential(
    [
        tf.keras.layers.Conv2D(4, 3, activation="relu", input_shape=(30, 30, 3)),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(1, activation=lambda z: 1 / (1 + tf.exp(-z))),
    ]
)
net.compile("adam", "binary_crossentropy", metrics=["binary_accuracy"])


# %%
class Stop(tf.keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = logs["binary_accuracy"] > 0.999


net.fit(x, y, epochs=2, batch_size=8, callbacks=[Stop()], verbose=0)
