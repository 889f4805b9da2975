"""Find the compiled library and call it.

It is a plain shared library without Python's API, so that one build serves every Python version and none of Python's
headers is needed. A call hands over one job, a structure of pointers and numbers (jobs.h has the same fields in the
same order), and releases the interpreter's lock while it runs.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

LEVELS = ("portable", "avx2", "avx512", "amx")
"""Instruction sets that the library holds code for, by number."""
INTERFACE = 3
"""What `t2j_interface` of a library of these sources returns."""
SWITCH = "TEXT2JSON_KERNELS"
"""Environment variable: `torch` for the plain path, or one of `LEVELS` for no more than that one."""
KINDS = {torch.bfloat16: 1, torch.float32: 0}
"""Number formats that the kernels read, and how a job names them."""
_forced: list[str] = []


@cache
def library() -> ctypes.CDLL | None:
    """Load the library, or return None where it was not built, is of other sources, or cannot be loaded."""
    for suffix in (*EXTENSION_SUFFIXES, ".so"):
        file = Path(__file__).with_name(f"compiled{suffix}")
        if file.exists():
            try:
                found = ctypes.CDLL(str(file))
                return found if found.t2j_interface() == INTERFACE else None
            except (OSError, AttributeError):
                return None
    return None


@cache
def best() -> int:
    """Return the number of the best instruction set that library and processor share; -1 without a library."""
    found = library()
    return -1 if found is None else int(found.t2j_level())


def level() -> int:
    """Return the number of the instruction set to use, or -1 for the plain path."""
    wanted = _forced[-1] if _forced else os.environ.get(SWITCH, "")
    if wanted == "torch":
        return -1
    return min(best(), LEVELS.index(wanted)) if wanted in LEVELS else best()


def name() -> str:
    """Return what computes a step: an instruction set's name, or `torch`."""
    return "torch" if level() < 0 else LEVELS[level()]


@contextmanager
def use(wanted: str) -> Iterator[None]:
    """Use `torch`, or at most one of `LEVELS`, for a while."""
    _forced.append(wanted)
    try:
        yield
    finally:
        _forced.pop()


def serves(*tensors: Tensor | None) -> bool:
    """Tell whether the library can take these tensors: it is there, and all lie in main memory without a graph."""
    if level() < 0:
        return False
    return all(
        tensor is None or (tensor.device.type == "cpu" and not (tensor.requires_grad and torch.is_grad_enabled()))
        for tensor in tensors
    )


def half(tensor: Tensor) -> int | None:
    """Return 1 for bfloat16, 0 for float32, None for what the kernels do not read."""
    return KINDS.get(tensor.dtype)


def threads() -> int:
    """Return how many threads a call may use: as many as torch does."""
    return torch.get_num_threads()


def call(kernel: str, job: ctypes.Structure) -> None:
    """Run a kernel on a job; the caller keeps the tensors alive."""
    found = library()
    assert found is not None
    getattr(found, f"t2j_{kernel}")(level(), threads(), ctypes.byref(job))


def structure(name: str, **kinds: Any) -> type[ctypes.Structure]:
    """Return a structure with the fields of a job, in order."""
    return type(name, (ctypes.Structure,), {"_fields_": list(kinds.items())})


def numbers(*names: str) -> dict[str, Any]:
    """Return fields that are 64-bit numbers."""
    return dict.fromkeys(names, ctypes.c_int64)


def pointers(*names: str) -> dict[str, Any]:
    """Return fields that are pointers."""
    return dict.fromkeys(names, ctypes.c_void_p)


def at(tensor: Tensor | None) -> int | None:
    """Return where a tensor's values begin."""
    return None if tensor is None else tensor.data_ptr()
