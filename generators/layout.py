"""From blocks to one text of a wanted length: filler between them, loose sentences in the filler."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.bits import Bits
from text2json.generators.filler import Paragraph, filler
from text2json.generators.text import Block, Place, Sentence

GAP = "\n\n"
TRIES = 24
"""Paragraphs looked at for one whose first sentence fits into what is left."""


def fill(
    blocks: Sequence[Block], loose: Sequence[Sentence], *, room: int, split: str, bits: Bits, wide: bool = False
) -> list[Block]:
    """Put filler of `room` characters between the blocks, and the loose sentences into it.

    The loose sentences' own characters count as part of the room; where there is no filler they stand alone. `wide`
    filler is made anew for this document.
    """
    room -= sum(len(part.text) + 2 for part in loose)
    fillers = _paragraphs(room, split, bits, wide)
    own = [Block([part]) for part in loose] if not fillers else []
    hosts: dict[int, list[Sentence]] = {}
    for part in loose if fillers else ():
        place = bits.below(len(fillers))
        host = hosts.setdefault(place, [Sentence(text) for text in fillers[place].sentences])
        host.insert(bits.between(0, len(host)), part)
    told = [Block(hosts.get(place) or [Sentence(found.text)]) for place, found in enumerate(fillers)]
    gaps = [place for place in range(1, len(blocks) + 1) if place == len(blocks) or not blocks[place].tied]
    waiting: list[list[Block]] = [[] for _ in range(len(blocks) + 1)]
    for block in [*told, *own]:
        waiting[bits.choice(gaps)].append(block)
    filled: list[Block] = []
    for place, block in enumerate(blocks):
        filled += [*waiting[place], block]
    return filled + waiting[len(blocks)]


def _paragraphs(room: int, split: str, bits: Bits, wide: bool) -> list[Paragraph]:
    """Return paragraphs that state nothing and that fill `room`, the blank lines before them included."""
    made: list[Paragraph] = []
    if room < 40:
        return made
    misses = 0
    for found in filler(bits, split, room, wide=wide):
        size = len(found.text) + len(GAP)
        if size <= room:
            made.append(found)
            room -= size
        else:
            misses += 1
            start = _start(found, room - len(GAP))
            if start.sentences:
                made.append(start)
                room -= len(start.text) + len(GAP)
        if misses > TRIES or room < 40:
            return made
    return made


def _start(paragraph: Paragraph, room: int) -> Paragraph:
    """Return as many of a paragraph's first sentences as fit."""
    taken: list[str] = []
    for text in paragraph.sentences:
        room -= len(text) + (1 if taken else 0)
        if room < 0:
            break
        taken.append(text)
    return Paragraph(tuple(taken), " ".join(taken))


def assemble(blocks: Sequence[Block]) -> tuple[str, list[Place], int]:
    """Join the blocks; return the text, the places of its values and how many blocks state one."""
    parts: list[str] = []
    places: list[Place] = []
    length = stating = 0
    for number, block in enumerate(blocks):
        if number:
            parts.append(GAP)
            length += len(GAP)
        before = len(places)
        if len(block.sentences) == 1 and not block.sentences[0].places:
            parts.append(block.sentences[0].text)
            length += len(parts[-1])
            continue
        for place, part in enumerate(block.sentences):
            if place:
                parts.append(block.glue)
                length += len(block.glue)
            for start, end, path in part.places:
                places.append((length + start, length + end, path))
            parts.append(part.text)
            length += len(part.text)
        stating += len(places) > before
    return "".join(parts), places, stating


def size(blocks: Sequence[Block]) -> int:
    """Return the number of characters of the joined blocks."""
    return sum(block.size() for block in blocks) + len(GAP) * (len(blocks) - 1)
