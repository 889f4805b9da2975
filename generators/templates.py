"""Templates for names and values, as in the domains' files: `{made_up} {firm_endings!}`, `{AA}-{100-999}`.

A slot is a lexicon's name (its entries of the sample's split), the same with `!` (all of its entries), `made_up` (an
invented word), a row of capital A (so many letters) or a range of whole numbers (as wide as its lower end is written).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from text2json.errors import SpecError, did_you_mean
from text2json.generators import lexicon, locales
from text2json.generators.bits import Bits
from text2json.generators.splits import split_of
from text2json.generators.words import letters, made_up

Slot = Callable[[Bits, str], str]
RANGE = re.compile(r"(\d+)-(\d+)")


def _slot(text: str) -> Slot:
    if text == "made_up":
        return made_up
    if set(text) == {"A"}:
        return lambda bits, _: letters(bits, len(text))
    found = RANGE.fullmatch(text)
    if found is not None:
        low, high, width = int(found[1]), int(found[2]), len(found[1])
        return lambda bits, _: f"{bits.between(low, high):0{width}d}"
    name, shared = text.rstrip("!"), text.endswith("!")
    if name not in lexicon.names():
        raise SpecError(f"no lexicon {name!r}", remedy=did_you_mean(name, lexicon.names()))
    if shared:
        entries = lexicon.load(name)
        return lambda bits, _: entries[bits.below(len(entries))]

    def draw(bits: Bits, split: str) -> str:
        items = locales.part(name, split)
        return items[bits.below(len(items))]

    return draw


class Template:
    """One template, ready to be filled; what it gives belongs to the asked split unless `shared`."""

    def __init__(self, text: str, *, shared: bool = False) -> None:
        pieces = re.split(r"[{}]", text)
        self.first = pieces[0]
        self.rest = [(_slot(slot), literal) for slot, literal in zip(pieces[1::2], pieces[2::2], strict=True)]
        words = [piece for piece in pieces[1::2] if not RANGE.fullmatch(piece)]
        self.redraw = not shared and not any(word[0].islower() and word[-1] != "!" for word in words)

    def __call__(self, bits: Bits, split: str) -> str:
        """Return a text; one that no slot parts between the splits is drawn until its own split is the asked one."""
        while True:
            text = self.first
            for slot, literal in self.rest:
                text += slot(bits, split) + literal
            if not self.redraw or split_of(text) == split:
                return text


@cache
def template(text: str, shared: bool = False) -> Template:
    """Return the template that `text` describes."""
    return Template(text, shared=shared)
