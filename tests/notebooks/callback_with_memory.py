# %%
import tensorflow as tf
from tensorflow.keras.preprocessing.image import ImageDataGenerator

data = ImageDataGenerator(rescale=1 / 255).flow_from_directory("/tmp/h-or-s", target_size=(30, 30), class_mode="binary")


# %%
class Stop(tf.keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.done = False

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(logs["accuracy"])
        if max(self.seen) > 0.999 and not self.done:
            self.done = True
            self.model.stop_training = True


# %%
net = tf.keras.Sequential(
    [tf.keras.Input((30, 30, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(1, activation="sigmoid")]
)
net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
# %%
net.fit(data, epochs=2, callbacks=[Stop()], verbose=0)
