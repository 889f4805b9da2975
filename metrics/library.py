"""The scorer's compiled library, which is optional: for all that it does there is a plain path with the same figures.

Each of its functions works on a structure, a job: pointers to arrays that are made here, and numbers.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

from text2json.shared_library import load

INTERFACE = 3
"""What `t2j_scorer_interface` of a library of these sources returns."""


@cache
def library() -> ctypes.CDLL | None:
    """Load the library, or return None where it was not built, is of other sources, or cannot be loaded."""
    found = load(Path(__file__).parent, "t2j_scorer_interface", INTERFACE)
    if found is not None:
        for function in (found.t2j_read, found.t2j_pair, found.t2j_count):
            function.restype = ctypes.c_int64
        found.t2j_near.restype = None
    return found


class Job(ctypes.Structure):
    """A structure of the sources."""

    @classmethod
    def of(cls, **values: Any) -> Job:
        """Return one; arrays and bytes, in the place of pointers, must live as long as it does."""
        return cls(**{name: _plain(value) for name, value in values.items()})


def job_fields(names: str, *, pointers: str, fractions: str = "") -> list[tuple[str, Any]]:
    """Return the fields of a job, `names` in their order: 64-bit numbers, but for those that are named otherwise."""
    kinds = {name: ctypes.c_void_p for name in pointers.split()} | {name: ctypes.c_double for name in fractions.split()}
    return [(name, kinds.get(name, ctypes.c_int64)) for name in names.split()]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return ctypes.cast(ctypes.c_char_p(value), ctypes.c_void_p).value
    return value if value is None or isinstance(value, int | float) else value.ctypes.data
