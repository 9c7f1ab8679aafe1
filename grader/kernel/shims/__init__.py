"""`wget`, `curl`, `gdown`, `unzip` and `pip` as small programs: their options, without a network."""
