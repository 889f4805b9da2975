"""The genres: ways to tell of one record. Each takes the record's facts and returns blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from text2json.generators.bits import Bits
from text2json.generators.demo.document import Block, Sentence, sentence
from text2json.generators.demo.domain import Domain


@dataclass(frozen=True)
class Record:
    """One gold entity: its place in the answer, its name and kind, and its stated facts in order."""

    place: int
    name: str
    noun: str
    facts: tuple[tuple[str, str], ...]
    asked: frozenset[str]

    def path(self, field: str) -> str | None:
        """Return the gold path of `field`, or nothing when it is stated but not asked."""
        return f"[{self.place}].{field}" if field == "name" or field in self.asked else None


Genre = Callable[[Record, Domain, Bits], Block]


def prose(record: Record, domain: Domain, bits: Bits) -> Block:
    """Tell of the record in sentences: it is introduced by name, then its facts follow."""
    name = (record.name, record.path("name"))
    made = [sentence(bits.choice(domain.texts("intro")), {"N": name, "n": (record.noun, None)})]
    for field, value in record.facts:
        form = bits.below(4)
        subject = name if form == 0 else ("It" if form < 3 else f"The {record.noun}", None)
        inside = name if form == 0 else (f"the {record.noun}", None)
        pattern = bits.choice(domain.texts(field, "prose"))
        made.append(sentence(pattern, {"S": subject, "s": inside, "v": (value, record.path(field))}))
    return Block(made)


def directory(record: Record, domain: Domain, bits: Bits) -> Block:
    """List the record as an entry: its name, then one labelled fact after another."""
    layout = bits.below(3)
    head = ("{N} ({n})", "{N}, {n}", "- {N}: {n}")[layout]
    glue, fact = (("\n", "  {l}: {v}"), ("; ", "{l} {v}"), (" | ", "{l}: {v}"))[layout]
    made: list[Sentence] = [sentence(head, {"N": (record.name, record.path("name")), "n": (record.noun, None)})]
    for field, value in record.facts:
        label = bits.choice(domain.texts(field, "label"))
        made.append(sentence(fact, {"l": (label, None), "v": (value, record.path(field))}))
    return Block(made, glue)


GENRES: dict[str, Genre] = {"prose": prose, "directory": directory}
