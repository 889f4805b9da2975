"""Find the compiled library and call it.

It is a plain shared library without Python's API, so that one build serves every Python version and none of Python's
headers is needed. A call hands over one job, a structure of pointers and numbers (jobs.h has the same fields in the
same order), or several of them to be done one after the other, and releases the interpreter's lock while it runs.
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from text2json.shared_library import load

LEVELS = ("portable", "avx2", "avx512", "amx")
"""Instruction sets that the library holds code for, by number."""
INTERFACE = 8
"""What `t2j_interface` of a library of these sources returns."""
SWITCH = "TEXT2JSON_KERNELS"
"""Environment variable: `torch` for the plain path, or one of `LEVELS` for no more than that one."""
KINDS = {torch.bfloat16: 1, torch.float32: 0}
"""Number formats that the kernels read, and how a job names them."""
KERNELS = ("higgs_digits", "higgs_scores", "row_scores", "softmax_max", "plain_rank", "pick", "spread_units", "place",
           "mark", "attend", "higgs_read", "low_rank_read", "rotate", "nearest", "turn_query")  # fmt: skip
"""Kernels, by number; `t2j_run` in compiled.c has the same order."""
_forced: list[str] = []
_here = threading.local()


@cache
def library() -> ctypes.CDLL | None:
    """Load the library, or return None where it was not built, is of other sources, or cannot be loaded."""
    return load(Path(__file__).parent, "t2j_interface", INTERFACE)


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
    """Run a kernel on a job, or put it into the chain that is being made; the caller keeps the tensors alive."""
    chained: Chain | None = getattr(_here, "chain", None)
    if chained is None:
        run([(kernel, job)])
    else:
        chained.jobs.append((kernel, job))


def run(jobs: list[tuple[str, ctypes.Structure]]) -> None:
    """Run kernels on their jobs, one after the other."""
    run_links(links_of(jobs))


def links_of(jobs: list[tuple[str, ctypes.Structure]]) -> ctypes.Array[Link]:
    """Return what a call is told of kernels and their jobs, which the caller keeps alive."""
    return (Link * len(jobs))(*(Link(KERNELS.index(kernel), ctypes.addressof(job)) for kernel, job in jobs))


def run_links(links: ctypes.Array[Link]) -> None:
    """Run kernels on their jobs, one after the other."""
    found = library()
    assert found is not None
    done = found.t2j_run(level(), threads(), ctypes.c_int64(len(links)), links)
    assert done, "more kernels than one call takes"


class Link(ctypes.Structure):
    """A kernel's number, and its job."""

    _fields_ = [("kernel", ctypes.c_int64), ("job", ctypes.c_void_p)]


@dataclass
class Arena:
    """Memory for what lives no longer than a chain: chains that take turns use the same."""

    blocks: list[Tensor] = field(default_factory=list)

    def take(self, place: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Return a tensor without content, in the block at `place`, which a larger one replaces if need be."""
        nbytes = math.prod(shape) * dtype.itemsize
        if place == len(self.blocks):
            self.blocks.append(torch.empty(nbytes, dtype=torch.uint8))
        elif self.blocks[place].numel() < nbytes:
            self.blocks[place] = torch.empty(nbytes, dtype=torch.uint8)
        return self.blocks[place][:nbytes].view(dtype).view(shape)


@dataclass
class Chain:
    """Jobs that wait to be run together, and the tensors that they point at."""

    jobs: list[tuple[str, ctypes.Structure]] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    arena: Arena | None = None
    taken: int = 0


@contextmanager
def chain(wanted: bool = True, arena: Arena | None = None) -> Iterator[Chain | None]:
    """Put all calls aside, and run them in one go at the end: threads then meet once and not at every kernel.

    Inside, what a kernel returns has no content yet: only kernels, and views, may take it. What kernels refuse is
    computed by torch at once, so `wanted` is to be false where it might be. What kernels return lies in the arena, if
    one is given, until the next chain.
    """
    if not wanted or level() < 0 or getattr(_here, "chain", None) is not None:
        yield None
        return
    made = _here.chain = Chain(arena=arena)
    try:
        yield made
    finally:
        _here.chain = None
    if made.jobs:
        run(made.jobs)


def room(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a tensor without content, for a kernel to fill."""
    chained: Chain | None = getattr(_here, "chain", None)
    if chained is None or chained.arena is None:
        return torch.empty(shape, dtype=dtype)
    chained.taken += 1
    return chained.arena.take(chained.taken - 1, shape, dtype)


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
    if tensor is None:
        return None
    chained: Chain | None = getattr(_here, "chain", None)
    if chained is not None:
        chained.tensors.append(tensor)
    return tensor.data_ptr()
