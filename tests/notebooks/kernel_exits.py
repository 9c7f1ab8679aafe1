# %%
import os

import tensorflow as tf

net = tf.keras.Sequential([tf.keras.Input((4, 4, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
net.fit(tf.zeros((4, 4, 4, 3)), tf.constant([0, 1, 0, 1]), epochs=2, verbose=0)
# %%
os._exit(1)
# %%
print("never")
