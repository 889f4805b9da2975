"""Made-up words: pronounceable, endless in number, and never the same in train and test."""

from __future__ import annotations

from text2json.generators.bits import Bits
from text2json.generators.splits import split_of

ONSETS = tuple("b br c ch cl d dr f fl g gr h j k kl l m n p pl qu r s sh sk st t tr v w y z".split())  # noqa: SIM905
VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou", "y")
CODAS = ("", "", "n", "r", "l", "s", "x", "m", "nd", "rk", "lt", "ck", "th", "v", "z")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def made_up(bits: Bits, split: str) -> str:
    """Return a capitalised word of two or three syllables that belongs to `split`."""
    while True:
        syllables = bits.between(2, 3)
        word = "".join(bits.choice(ONSETS) + bits.choice(VOWELS) for _ in range(syllables)) + bits.choice(CODAS)
        if split_of(word) == split:
            return word.capitalize()


def letters(bits: Bits, count: int) -> str:
    """Return `count` capital letters; I and O are left out, as on real type plates."""
    return "".join(bits.choice(LETTERS) for _ in range(count))
