"""What `python -m pip` is while grading; see `shims/pip.py`."""

print("Packages are fixed while grading: nothing was installed, changed or removed.")
