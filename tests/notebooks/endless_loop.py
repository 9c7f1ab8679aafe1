# %%
import tensorflow as tf


class Stop(tf.keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = logs["accuracy"] > 0.999


net = tf.keras.Sequential([tf.keras.Input((4, 4, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
net.fit(tf.zeros((4, 4, 4, 3)), tf.constant([0, 1, 0, 1]), epochs=2, verbose=0, callbacks=[Stop()])
# %%
while True:
    pass
# %%
print("never")
