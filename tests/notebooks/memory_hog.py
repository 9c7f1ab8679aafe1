# %%
hoard = []
while True:
    hoard.append(bytearray(b"x" * 50_000_000))
# %%
print("never")
