"""A haystack of our own writing, with statements planted at given depths."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.errors import SpecError
from text2json.generators.bits import Bits
from text2json.generators.filler import filler
from text2json.generators.layout import GAP
from text2json.generators.text import Place, Sentence, join

Piece = tuple[str, str]
"""What stands before a sentence, and the sentence."""


def even_depths(count: int) -> list[int]:
    """Return `count` depths in thousandths, from the start of the haystack to its end; a single one in the middle."""
    return [500] if count == 1 else [1000 * place // (count - 1) for place in range(count)]


def plant(
    statements: Sequence[Sentence], depths: Sequence[int], *, length: int, split: str, bits: Bits
) -> tuple[str, list[Place]]:
    """Return a text of about `length` characters that holds the statements between its own sentences.

    Args:
        statements: what is planted, in the order of their depths.
        depths: for each, where it stands, in thousandths of the haystack.
        length: characters of the text, the statements included.
        split: of the haystack's sentences.
        bits: draws the haystack.

    Returns:
        The text, and the statements' places in it.

    Raises:
        SpecError: the statements alone are longer than `length`.
    """
    own = sum(len(statement.text) + 1 for statement in statements)
    if own > length:
        raise SpecError(f"{len(statements)} statements do not fit into {length} characters",
                        remedy=f"raise length to {own} or more, or plant fewer")  # fmt: skip
    hay = _sentences(length - own, split, bits)
    size = sum(len(before) + len(text) for before, text in hay)
    parts: list[Sentence] = []
    reached = waiting = 0
    for before, text in hay:
        while waiting < len(statements) and depths[waiting] * size <= 1000 * reached:
            parts += [Sentence(before), statements[waiting]]
            before, waiting = " ", waiting + 1
        parts += [Sentence(before), Sentence(text)]
        reached += len(before) + len(text)
    for statement in statements[waiting:]:
        parts += [Sentence(" " if parts else ""), statement]
    whole = join(parts)
    return whole.text, list(whole.places)


def _sentences(room: int, split: str, bits: Bits) -> list[Piece]:
    """Return sentences that state nothing, with what stands before each; as many as fit."""
    pieces: list[Piece] = []
    for paragraph in filler(bits, split, max(room, 1)):
        for place, text in enumerate(paragraph.sentences):
            before = " " if place else GAP if pieces else ""
            room -= len(before) + len(text)
            if room < 0:
                return pieces
            pieces.append((before, text))
    raise AssertionError("the filler has no end")
