"""The witness: the side of a run that lives in the student's process. See README.md in this folder."""
