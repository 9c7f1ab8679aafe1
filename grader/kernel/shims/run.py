"""Starts one of the programs in this folder: `python -I run.py wget …`."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path


def main() -> int:
    """Load the folder above as a package, whatever it is called, and run the named program of it."""
    package = Path(__file__).resolve().parents[1]
    sys.path.append(str(package.parent))
    tool = importlib.import_module(f"{package.name}.shims.{sys.argv[1]}")
    try:
        code = int(tool.main(sys.argv[2:]))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    except OSError as error:
        print(f"{sys.argv[1]}: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
