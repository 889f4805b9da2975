"""Flat JSON straight to columns of numbers, by the compiled reader (flat_json.c) where one was built.

Lists of objects whose values are texts, numbers, true, false and null are what most answers are. For them no Python
value is made of a leaf unless someone asks for it: equal values have equal numbers, and that is enough to align and to
count. Whatever the reader refuses is read by `read_json`, with the same figures.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from text2json.metrics import library
from text2json.metrics.library import Job, job_fields

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int32]

MISSING, ABSENT, TEXT, ODD_TEXT, WHOLE, FRACTION, ODD_NUMBER, TRUTH = range(8)
"""Kinds of values; numbers 0 and 1 stand for a missing value and for null, whose kinds are of the same name."""
PADDING = 8
"""Zero bytes that the reader wants after the last text's own."""
WIDTH = 64
"""Columns that there is room for."""
_VALUE = [("start", "i8"), ("number", "i8"), ("length", "i4"), ("kind", "i4")]


class ReadJob(Job):
    """The reader's `struct read_job`."""

    _fields_ = job_fields(
        "text starts ends texts cells room width counts key_starts key_lengths columns values value_room found slots "
        "mask",
        pointers="text starts ends cells counts key_starts key_lengths values slots",
    )


class Values:
    """The different values of some texts, by number.

    Args:
        text: UTF-8, what they stand in.
        found: a row of `_VALUE` for each.

    Attributes:
        encoded: the text as it was given.
        kinds: (values,) of each.
    """

    def __init__(self, text: bytes, found: NDArray[Any]) -> None:
        self.encoded = text
        self.found = found
        self.kinds: Numbers = found["kind"]

    @cached_property
    def text(self) -> str | bytes:
        """The text, decoded where it is ASCII, so that places in it stay the same."""
        return self.encoded.decode() if self.encoded.isascii() else self.encoded

    def of(self, numbers: NDArray[np.integer[Any]]) -> list[Any]:
        """Return the values of these numbers as Python has them; None for missing and for null."""
        found = self.found[numbers]
        kinds = found["kind"]
        quoted = kinds == TEXT
        starts, ends = found["start"] + quoted, found["start"] + found["length"] - quoted
        parts: list[Any] = [self.text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        if isinstance(self.text, bytes):
            parts = [part.decode() for part in parts]
        whole, fraction = found["number"].tolist(), found["number"].view("f8").tolist()
        others = (~quoted).nonzero()[0]
        for place, kind in zip(others.tolist(), kinds[others].tolist(), strict=True):
            if kind == WHOLE:
                parts[place] = whole[place]
            elif kind == FRACTION:
                parts[place] = fraction[place]
            else:
                parts[place] = json.loads(parts[place]) if kind > ABSENT else None
        return parts


def present(count: int, *parts: Numbers) -> NDArray[np.intp]:
    """Return which of the numbers below `count` stand in any of the parts, in ascending order."""
    import numpy as np

    found = np.zeros(count, dtype=np.bool_)
    for part in parts:
        found[part] = True
    return found.nonzero()[0]


@dataclass(frozen=True)
class Columns:
    """The records of several texts, one after the other.

    Args:
        names: of the columns, in no order.
        cells: (columns, records) the number of each value; 0 where it is missing, 1 where it is null.
        counts: how many records each text has; -1 where it was refused, and has none here.
        values: what the numbers stand for.
    """

    names: list[str]
    cells: Numbers
    counts: list[int]
    values: Values

    def only(self, texts: Sequence[bool], half: int) -> Sheet:
        """Return the records of some of the texts; the first `half` of all texts are gold."""
        import numpy as np

        counts = np.maximum(self.counts, 0)
        rows = np.repeat(np.array(texts, dtype=np.bool_), counts).nonzero()[0]
        border = int(np.searchsorted(rows, counts[:half].sum()))
        return Sheet(self.names, self.cells[:, rows[:border]], self.cells[:, rows[border:]], self.values)


@dataclass(frozen=True)
class Sheet:
    """Records of two sides, see `Columns`."""

    names: list[str]
    ours: Numbers
    theirs: Numbers
    values: Values


def read_columns(texts: Sequence[str]) -> Columns | None:
    """Read `texts`, each a list of flat objects in JSON; None where no reader was built."""
    reader = library.library()
    if reader is None:
        return None
    import numpy as np

    text, lengths = _joined(texts)
    ends = np.cumsum(np.array(lengths, dtype=np.int64) + 1) - 1
    starts = np.append(0, ends[:-1] + 1)
    letters = np.frombuffer(text, dtype=np.uint8)
    room, value_room = (int(np.count_nonzero(letters == ord(letter))) for letter in "{:")
    value_room += 2
    slots = 1 << (3 * value_room // 2).bit_length()
    arrays = {
        "starts": starts, "ends": ends, "cells": np.empty((WIDTH, room), dtype=np.int32),
        "counts": np.empty(len(lengths), dtype=np.int64), "key_starts": np.empty(WIDTH, dtype=np.int64),
        "key_lengths": np.empty(WIDTH, dtype=np.int64), "values": np.empty(value_room, dtype=_VALUE),
        "slots": np.zeros(slots, dtype=np.int64),
    }  # fmt: skip
    job = ReadJob.of(
        text=text, texts=len(lengths), room=room, width=WIDTH, value_room=value_room, mask=slots - 1, **arrays
    )
    records = reader.t2j_read(ctypes.byref(job))
    values = arrays["values"][: job.found]
    values[:2] = 0
    values["kind"][:2] = MISSING, ABSENT
    keys = zip(arrays["key_starts"][: job.columns].tolist(), arrays["key_lengths"][: job.columns].tolist(), strict=True)
    names = [text[start : start + length].decode() for start, length in keys]
    return Columns(names, arrays["cells"][: job.columns, :records], arrays["counts"].tolist(), Values(text, values))


def _joined(texts: Sequence[str]) -> tuple[bytes, list[int]]:
    """Return the texts in UTF-8 as the reader wants them, and the length of each."""
    whole = "\0".join([*texts, "\0" * PADDING])
    if whole.isascii():  # all at once, which is twice as fast
        return whole.encode(), list(map(len, texts))
    parts = [_encoded(text) for text in texts]
    return b"\0".join([*parts, bytes(PADDING)]), list(map(len, parts))


def _encoded(text: str) -> bytes:
    """Return `text` in UTF-8; nothing, which the reader refuses, where it holds a lone surrogate."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return b""
