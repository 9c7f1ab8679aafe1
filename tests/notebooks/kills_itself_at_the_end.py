# %%
import os, signal

print("done")
# %%
os.kill(os.getpid(), signal.SIGKILL)
