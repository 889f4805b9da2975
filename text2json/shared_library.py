"""Load a compiled library that may stand beside a module: every use of one has a plain path for where there is none."""

from __future__ import annotations

import ctypes
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path


def load(folder: Path, version: str, expected: int) -> ctypes.CDLL | None:
    """Load the library `compiled` of a folder, or return None where it was not built, or cannot be loaded.

    Args:
        folder: where it stands, under any suffix of this platform.
        version: its function that tells what it was built from.
        expected: what that returns for today's sources; a library of others is not used.
    """
    for suffix in (*EXTENSION_SUFFIXES, ".so"):
        file = folder / f"compiled{suffix}"
        if file.exists():
            try:
                found = ctypes.CDLL(str(file))
                return found if found[version]() == expected else None
            except (OSError, AttributeError):
                return None
    return None
