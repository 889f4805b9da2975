"""Where an output first goes wrong about each leaf of the gold, and whether another continuation would be right there.

- A *wrong* value: the first character that departs from the gold value's JSON, its closing quote included.
- A *missing* field of a record that was written: the brace that closes the record, or the null.
- A *missing* record whose place a record took that the gold does not have: where that one departs; a leaf that it
  shares with the gold is lost where the record's key departs, or whatever departs first.
- Any other missing record: the bracket that closes the list.
- An output that is no answer, or that breaks off: nowhere; its records that are complete are placed all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from text2json.metrics.counts import HALLUCINATED, RIGHT, Verdict
from text2json.metrics.flatten import written
from text2json.metrics.parse import READ, parse
from text2json.metrics.places import Answer, Place, letters, locate, locate_complete
from text2json.metrics.record_schema import record_schema
from text2json.metrics.scoring import score_sample
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

_NUMBER = "0123456789.eE+-"


@dataclass(frozen=True)
class Leaf:
    """One leaf of the gold and what became of it in an output.

    Args:
        record: place of its record in the gold.
        field: its path in the record.
        gold: its value.
        verdict: the scorer's: right, wrong or missing.
        place: the value that was written for it, if any.
        wrong_at: the first wrong character of the output; None where the leaf is right, or nothing can be named.
        closes: what stands there is a bracket that should not be there yet, not a wrong value.
    """

    record: int
    field: str
    gold: Any
    verdict: str
    place: Place | None = None
    wrong_at: int | None = None
    closes: bool = False
    blames: Leaf | None = None
    """The leaf of its record whose fault lost this one, where it was written right itself."""

    def allows(self, text: str) -> bool:
        """Tell whether an output that begins with `text` may still be right about this leaf.

        `text` equals the output up to the token that holds `wrong_at`, and goes on in another way.
        """
        assert self.wrong_at is not None
        if self.blames is not None:
            return self.blames.allows(text)
        if self.closes:
            return text[self.wrong_at : self.wrong_at + 1] not in ("]", "}")
        assert self.place is not None
        return departure(text, self.place.start, len(text), self.gold) is None


def departure(text: str, start: int, end: int, gold: Any) -> int | None:
    """Return where `text[start:end]`, the JSON of a value, departs from that of `gold`; None where it has not yet."""
    said = letters(text, start, end)
    for letter in letters(canonical_json(gold)):
        got = next(said, None)
        if got is None:
            return None
        if got[0] != letter[0]:
            return got[1]
    more = next(said, None) if isinstance(gold, int | float) and not isinstance(gold, bool) else None
    return more[1] if more is not None and more[0] in _NUMBER else None


def judge_leaves(sample: Sample, output: str) -> list[Leaf]:
    """Return every leaf of the sample's gold, in the gold's order, with its verdict and place in `output`."""
    schema = record_schema(sample.schema)
    answer = sample.records()
    golds = [written(record) for record in ([answer] if schema.single else answer)]
    official = {(one.gold, one.field): one.verdict for one in score_sample(sample, output).verdicts}
    located, verdicts = _located(sample, output, schema.single)
    ours = [one for one in verdicts if one.gold is not None and one.verdict != HALLUCINATED]
    found = {}
    for verdict in ours:
        name = _name(verdict)
        leaf = Leaf(*name, golds[name[0]].get(name[1]), official[name])
        found[name] = _placed(leaf, verdict, located, output)
    for one, other in _strangers(verdicts, golds, located).items():
        leaves = [found[name] for name in found if name[0] == one]
        found.update({(leaf.record, leaf.field): leaf
                      for leaf in _in_stranger(leaves, located.records[other], output, schema.key)})  # fmt: skip
    return [found[name] for name in sorted(found)]


def _name(verdict: Verdict) -> tuple[int, str]:
    assert verdict.gold is not None
    return verdict.gold, verdict.field


def _located(sample: Sample, output: str, single: bool) -> tuple[Answer, list[Verdict]]:
    """Return the records' places, and the verdicts on them; of an output that breaks off, on its complete records."""
    parsed = parse(output, single=single)
    answer = locate(output, parsed.records, single=single) if parsed.status in READ else None
    if answer is not None:
        return answer, score_sample(sample, output).verdicts
    answer = Answer((), len(output), closed=False) if single else locate_complete(output)
    return answer, score_sample(sample, canonical_json([place.value for place in answer.records])).verdicts


def _placed(leaf: Leaf, verdict: Verdict, answer: Answer, output: str) -> Leaf:
    """Return `leaf` with its place in the record that stands for it."""
    if verdict.predicted is None:
        at = answer.end - 1 if answer.closed else None
        return replace(leaf, wrong_at=at, closes=at is not None)
    record = answer.records[verdict.predicted]
    place = dict(record.leaves()).get(verdict.field)
    if verdict.verdict == RIGHT:
        return replace(leaf, place=place)
    if place is None:
        return replace(leaf, wrong_at=record.end - 1, closes=True)
    return _departed(leaf, place, output)


def _departed(leaf: Leaf, place: Place, output: str) -> Leaf:
    """Return `leaf` with the place of a value that is not the gold's; one that stops short is wrong behind its end."""
    at = departure(output, place.start, place.end, leaf.gold)
    return replace(leaf, place=place, wrong_at=place.end if at is None else at, closes=False)


def _strangers(verdicts: Sequence[Verdict], golds: Sequence[Mapping[str, Any]], answer: Answer) -> dict[int, int]:
    """Return gold record → predicted record for those without partners: by shared leaves first, then in their order."""
    missing = sorted({one.gold for one in verdicts if one.predicted is None and one.gold is not None})
    others = sorted({one.predicted for one in verdicts if one.gold is None and one.predicted is not None}
                    - {one.predicted for one in verdicts if one.gold is not None})  # fmt: skip
    values = {other: {name: place.value for name, place in answer.records[other].leaves()} for other in others}
    shared = [(sum(value == values[other].get(name) for name, value in golds[one].items()), one, other)
              for one in missing for other in others]  # fmt: skip
    pairs: dict[int, int] = {}
    for _, one, other in sorted(shared, key=lambda item: (-item[0], item[1], item[2])):
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return pairs


def _in_stranger(leaves: Sequence[Leaf], record: Place, output: str, key: str | None) -> Iterator[Leaf]:
    """Yield the leaves of a missing record as they stand in the record that took its place."""
    places = dict(record.leaves())
    placed = []
    for leaf in leaves:
        place = places.get(leaf.field)
        if place is None:
            placed.append(replace(leaf, wrong_at=record.end - 1, closes=True))
        elif place.value == leaf.gold:
            placed.append(replace(leaf, place=place, wrong_at=None))
        else:
            placed.append(_departed(leaf, place, output))
    lost = [leaf for leaf in placed if leaf.wrong_at is not None]
    blamed = next((leaf for leaf in lost if leaf.field == key), min(lost, key=_at, default=None))
    for leaf in placed:
        if leaf.wrong_at is None and blamed is not None:
            yield replace(leaf, wrong_at=blamed.wrong_at, closes=blamed.closes, blames=blamed)
        else:
            yield leaf


def _at(leaf: Leaf) -> int:
    assert leaf.wrong_at is not None
    return leaf.wrong_at
