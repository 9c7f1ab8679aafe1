# %%
import unittests
# %%
answer = 42
# %%
unittests.test_answer(answer)
# %%
from google.colab import drive
# %%
print("done")
