"""Which half of the world a name, a value or a sentence pattern belongs to.

Train and test must share no entity and no pattern. A text's split follows from the text alone, so that lists
may grow without moving anything that stands in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

SPLITS = ("train", "test")


@lru_cache(maxsize=200_000)
def split_of(text: str) -> str:
    """Return `test` for about one text in four, `train` for the others."""
    return "test" if _in_test(text) else "train"


def _in_test(text: str) -> bool:
    return blake2b(text.encode(), digest_size=8).digest()[0] < 64


def only(texts: Iterable[str], split: str) -> tuple[str, ...]:
    """Return those of `texts` that belong to `split`."""
    wanted = split == "test"
    return tuple([text for text in texts if _in_test(text) == wanted])
