"""Who and what a document tells of: the gold records, the distractors, and how their facts are dealt out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from text2json.errors import SpecError
from text2json.generators.bits import Bits
from text2json.generators.domain import Domain
from text2json.generators.genres import UNIFORM
from text2json.generators.knobs import Knobs
from text2json.generators.telling import Fact, Record

TRIES = 400


@dataclass
class Cast:
    """A document's records before they are worded."""

    keys: list[str]
    """Asked beside the name."""
    gold: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Each record's number and its gold."""
    sections: list[tuple[str, list[Record]]] = field(default_factory=list)
    """Genres with the records that they tell of, excluded entities among them."""
    far: list[tuple[Record, Fact]] = field(default_factory=list)
    """Facts that stand away from their records' sections."""
    superseded: list[tuple[Record, Fact]] = field(default_factory=list)
    """Facts of which the text also gives an outdated value."""
    excluded: list[Record] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    missing: int = 0

    @property
    def genres(self) -> list[str]:
        """The sections' genres."""
        return [genre for genre, _ in self.sections]


def draw_cast(kind: Domain, knobs: Knobs, count: int, split: str, bits: Bits) -> Cast:
    """Draw a document's `count` records and its distractors."""
    pool = list(kind.fields) if knobs.typed else kind.stringy
    keys = bits.sample(pool, min(bits.between(*knobs.fields), len(pool)))
    cast = Cast(keys)
    distractors = count * bits.between(*knobs.distractors) // 100
    excluded = bits.between(distractors // 3, distractors - distractors // 3) if distractors else 0
    numbers = list(range(count + excluded))
    bits.shuffle(numbers)
    parts = _parts(len(numbers), bits.between(*knobs.sections), bits)
    draw = _Drawing(kind, knobs, split, bits, cast, [key for key in pool if key not in keys])
    for start, end in parts:
        genre = bits.choice(knobs.genres)
        extra = draw.extra()
        records = [
            draw.record(number, number < count, extra if genre in UNIFORM else draw.extra())
            for number in numbers[start:end]
        ]
        cast.sections.append((genre, _scatter(records, knobs, cast, bits)))
    told = [(record, fact) for _, records in cast.sections for record in records for fact in record.facts]
    told += cast.far
    wanted = [(record, fact) for record, fact in told if fact[0] in record.asked]
    cast.superseded = bits.sample(wanted, min(distractors - excluded, len(wanted)))
    return cast


def _parts(count: int, sections: int, bits: Bits) -> list[tuple[int, int]]:
    """Cut `count` records into at most `sections` runs, none of them empty."""
    borders = sorted(bits.sample(range(1, count), min(sections, count) - 1))
    return list(zip([0, *borders], [*borders, count], strict=True))


def _scatter(records: Sequence[Record], knobs: Knobs, cast: Cast, bits: Bits) -> list[Record]:
    """Take half of the asked facts away from some records and remember them as far ones."""
    kept = []
    for record in records:
        asked = [fact for fact in record.facts if fact[0] in record.asked]
        if not asked or not bits.chance(bits.between(*knobs.scatter)):
            kept.append(record)
            continue
        away = bits.sample(asked, (len(asked) + 1) // 2)
        cast.far += [(record, fact) for fact in away]
        left = tuple(fact for fact in record.facts if fact not in away)
        kept.append(replace(record, facts=left))
    return kept


@dataclass(frozen=True)
class _Drawing:
    """Draws one record after another for a cast."""

    kind: Domain
    knobs: Knobs
    split: str
    bits: Bits
    cast: Cast
    others: list[str]
    """Fields that are not asked for."""

    def extra(self) -> list[str]:
        """Draw which fields are stated without being asked for."""
        return self.bits.sample(self.others, min(self.bits.between(*self.knobs.extra), len(self.others)))

    def record(self, number: int, gold: bool, extra: list[str]) -> Record:
        """Draw a record, or an excluded entity, which states the same kinds of facts."""
        bits, cast = self.bits, self.cast
        name = self.name(gold)
        noun = bits.choice(self.kind.nouns)(bits, self.split)
        stated = [key for key in cast.keys if not self.knobs.missing or not bits.chance(self.knobs.missing)]
        fields = [*stated, *extra]
        bits.shuffle(fields)
        facts = tuple((key, self.kind.fields[key].kind.draw(bits, self.split)) for key in fields)
        keys = frozenset(["name", *cast.keys])
        record = Record(
            number, name, noun, facts, keys if gold else frozenset(), keys if gold or self.kind.marked else frozenset()
        )
        if gold:
            cast.missing += len(cast.keys) - len(stated)
            cast.gold[number] = {"name": name, **{key: self._gold(key, value) for key, value in facts if key in stated}}
        else:
            cast.excluded.append(record)
        return record

    def _gold(self, key: str, value: Any) -> Any:
        return value if self.knobs.typed else self.kind.fields[key].kind.text(value)

    def name(self, gold: bool) -> str:
        """Draw a name that no other entity bears; half of the excluded ones nearly bear that of another.

        Raises:
            SpecError: there are not enough names.
        """
        near = "" if gold or not self.cast.names or not self.bits.chance(50) else self.bits.choice(
            sorted(self.cast.names)).split()[0]  # fmt: skip
        for _ in range(TRIES):
            name = self.kind.entity.draw(self.bits, self.split)
            if near and " " in name:
                name = f"{near} {name.partition(' ')[2]}"
            if name not in self.cast.names:
                self.cast.names.add(name)
                return str(name)
        raise SpecError(f"{len(self.cast.names)} names of {self.kind.name} are used up", remedy="ask for fewer records")
