# %%
for _ in range(400):
    print("x" * 100_000)
# %%
print("after")
