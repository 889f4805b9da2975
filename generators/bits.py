"""Random choices that are the same on every platform, for ever.

The stream is specified here and nowhere else:

1. *Key.* The words that name the stream (for example configuration, seed, split, sample number) are written as
   text, joined by U+001F, encoded as UTF-8 and hashed to 32 bytes with BLAKE2b.
2. *Blocks.* Block i (i = 0, 1, ...) is the 64-byte BLAKE2b digest, under that key, of i as eight little-endian
   bytes. A block gives sixteen unsigned 32-bit little-endian integers, in order.
3. *Choices.* A number below n takes the next integer u; u is thrown away while u >= n * floor(2**32 / n), so that no
   number is favoured; the result is u mod n. Everything else is made of such numbers, as the methods below say.

Python's own `random` and numpy's generators promise no such thing: their algorithms may change between versions.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")
_UNPACK = struct.Struct("<16I").unpack


class Bits:
    """A stream of choices, named by `words`."""

    __slots__ = ("_block", "_key", "_left")

    def __init__(self, *words: str | int) -> None:
        text = "\x1f".join(map(str, words))
        self._key = blake2b(text.encode(), digest_size=32).digest()
        self._block = 0
        self._left: list[int] = []

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1, each as likely.

        Raises:
            ValueError: n is not between 1 and 2**32.
        """
        left = self._left
        if left:
            number = left.pop()
            if 0 < n <= 4294967296 - number:  # so it is below the limit, without dividing for that
                return number % n
            left.append(number)
        return self._below(n)

    def _below(self, n: int) -> int:
        """Do as the specification says, step by step."""
        if not 0 < n <= 4294967296:
            raise ValueError(f"no number below {n}")
        limit = 4294967296 - 4294967296 % n
        while True:
            if not self._left:
                digest = blake2b(self._block.to_bytes(8, "little"), key=self._key).digest()
                self._left = list(_UNPACK(digest))[::-1]
                self._block += 1
            number = self._left.pop()
            if number < limit:
                return number % n

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Return true in `percent` of a hundred cases."""
        return self.below(100) < percent

    def choice(self, items: Sequence[T]) -> T:
        """Return one of `items`."""
        return items[self.below(len(items))]

    def shuffle(self, items: list[T]) -> None:
        """Bring `items` into a random order, in place, from the last place down (Fisher and Yates)."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Return `count` different places' items, in random order."""
        pool = list(items)
        for place in range(count):
            other = place + self.below(len(pool) - place)
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:count]
