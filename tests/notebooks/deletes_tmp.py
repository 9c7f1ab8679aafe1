# %%
import os
import shutil

shutil.rmtree("/tmp", ignore_errors=True)
print("left:", os.path.exists("/tmp/h-or-s"))
# %%
import tensorflow as tf

net = tf.keras.Sequential([tf.keras.Input((4, 4, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
net.fit(tf.zeros((4, 4, 4, 3)), tf.constant([0, 1, 0, 1]), epochs=1, verbose=0)
