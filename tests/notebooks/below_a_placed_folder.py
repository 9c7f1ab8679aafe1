# %%
import os
import zipfile

os.makedirs("data/pictures", exist_ok=True)
with zipfile.ZipFile("data/happy-or-sad.zip") as archive:
    archive.extractall("data/pictures")
print(sorted(os.listdir("data/pictures")))
# %%
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
print("old names")
