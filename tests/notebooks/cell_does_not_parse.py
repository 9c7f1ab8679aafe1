# %%
print("before"
# %%
print("after")
