"""JSON text to values: what the standard library reads, by a faster reader where that one takes the text.

pydantic's reader (jiter) gives the very values of the standard library for all that it takes: whole numbers of any
size, the nearest 64-bit float, of two equal keys the last (from pydantic 2.8 on; 2.7 garbles escaped emoji). What it
refuses (lone surrogates, nesting of 200 levels, broken JSON) the standard library is asked for, so that nothing is
refused that was not before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse)
"""The standard library's reader, without NaN and Infinity."""


def read_json(text: str, otherwise: Callable[[str], Any] = DECODER.decode) -> Any:
    """Return the value of `text`.

    Args:
        text: JSON without NaN or Infinity.
        otherwise: reads what the fast reader refuses.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is too deep for the standard library.
    """
    try:
        return from_json(text, allow_inf_nan=False, cache_strings="keys")
    except (ValueError, TypeError):  # a TypeError where the text cannot be written as UTF-8
        return otherwise(text)
