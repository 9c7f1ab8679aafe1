# %%
import tensorflow as tf
from tensorflow.keras.preprocessing.image import ImageDataGenerator

data = ImageDataGenerator(rescale=1 / 255).flow_from_directory("/tmp/h-or-s", target_size=(30, 30), class_mode="binary")


def net(units, activation):
    return tf.keras.Sequential(
        [
            tf.keras.Input((30, 30, 3)),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(units, activation=activation),
        ]
    )


# %%
right = net(1, "sigmoid")
right.compile("adam", "binary_crossentropy", metrics=["accuracy"])
right.fit(data, epochs=1, verbose=0)
# %%
wrong = net(10, "softmax")
wrong.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
wrong.fit(data, epochs=1, verbose=0)
