# %%
import tensorflow as tf

data = tf.keras.utils.image_dataset_from_directory("./data/", image_size=(30, 30), batch_size=10, label_mode="binary")
scale = tf.keras.layers.Rescaling(1 / 255)
data = data.map(lambda x, y: (scale(x), y)).prefetch(1)


# %%
class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = tf.keras.layers.Conv2D(4, 3, activation="relu")
        self.flat = tf.keras.layers.Flatten()
        self.last = tf.keras.layers.Dense(1)

    def call(self, x):
        return tf.nn.sigmoid(self.last(self.flat(self.conv(x))))


# %%
def own_loss(y, p):
    return tf.keras.losses.binary_crossentropy(y, p)


def train():
    net = Net()

    class Stop(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs={}):
            if logs.get("accuracy") is not None and logs["accuracy"] > 0.999:
                net.stop_training = True

    net.compile(optimizer="rmsprop", loss=own_loss, metrics=["accuracy"])
    return net.fit(data, epochs=2, verbose=0, callbacks=[Stop()])


train()
