"""From knobs and a stream of choices to one sample: records, their telling, filler, question, gold and evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from text2json.errors import SpecError, did_you_mean
from text2json.generators.bits import Bits
from text2json.generators.demo.document import Block, Text, sentence
from text2json.generators.demo.domain import Domain
from text2json.generators.demo.genres import GENRES, Record
from text2json.generators.demo.products import Products
from text2json.generators.knobs import Knobs
from text2json.generators.sample_parts import CANARY
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

ATTEMPTS = 24
INSTRUCTIONS = (
    "List all {noun} that the text describes, as a JSON list of records, in order of appearance.",
    "Return every one of the {noun} described below as JSON, in order, with exactly these keys.",
    "Which {noun} does the text describe? Answer with a JSON list, one record each, in order.",
    "Extract the {noun} described in the text into a JSON list of records, in order.",
)
LEAD_OUT = "\n\nJSON:"


@cache
def domain() -> Products:
    """Return the one domain."""
    return Products()


@cache
def domain_schema() -> dict[str, Any]:
    """Return the JSON Schema of all that can be asked."""
    schema: dict[str, Any] = json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))
    return schema


def asked_schema(keys: list[str]) -> dict[str, Any]:
    """Return the schema cut to `keys`."""
    whole = domain_schema()
    items = whole["items"]
    properties = {key: items["properties"][key] for key in keys}
    return {**whole, "items": {**items, "properties": properties, "required": keys}}


def compose(config: str, knobs: Knobs, split: str, seed: int, number: int) -> Sample:
    """Return sample `number` of a configuration; it depends on nothing but these arguments.

    Raises:
        SpecError: the knobs leave no room for their records.
    """
    for attempt in range(ATTEMPTS):
        bits = Bits("text2json", config, split, seed, number, attempt)
        sample = _attempt(config, knobs, split, seed, number, bits)
        if sample is not None:
            return sample
    low, high = knobs.records
    raise SpecError(
        f"{low} to {high} records do not fit into {knobs.length[1]} characters",
        remedy="raise length, or lower records, fields or extra",
    )


def _attempt(config: str, knobs: Knobs, split: str, seed: int, number: int, bits: Bits) -> Sample | None:
    kind = domain()
    target = bits.between(*knobs.length)
    keys = bits.sample(kind.fields, min(bits.between(*knobs.fields), len(kind.fields)))
    records = list(_records(kind, knobs, split, bits, keys))
    genre = bits.choice(knobs.genres)
    if genre not in GENRES:
        raise SpecError(f"no genre {genre!r}", remedy=did_you_mean(genre, GENRES))
    wanted = sorted(["name", *keys])
    head = bits.choice(INSTRUCTIONS).format(noun=kind.noun)
    head += "\n" + canonical_json([{key: "string" for key in wanted}]) + "\n\n"
    blocks = [GENRES[genre](record, kind, bits) for record in records]
    blocks.insert(0, Block([sentence(bits.choice(kind.texts("title")), {})]))
    size = len(head) + sum(block.size() + 2 for block in blocks) - 2 + len(LEAD_OUT)
    if size > knobs.length[1]:
        return None
    fillers = _fill(blocks, kind, split, bits, target - size, {record.name for record in records})
    text = Text(len(head))
    for block in blocks:
        text.add(block)
    answer = [
        {"name": record.name, **{field: value for field, value in record.facts if field in record.asked}}
        for record in records
    ]
    evidence = [{"path": path, "spans": spans} for path, spans in sorted(text.places.items())]
    recorded = {
        "config": config, "split": split, "seed": seed, "genre": genre, "records": len(records),
        "fields": len(keys), "facts": sum(len(record.facts) for record in records), "fillers": fillers,
    }  # fmt: skip
    return Sample(
        id=f"{kind.name}-{number:06d}",
        domain=kind.name,
        kind="synthetic",
        problem=head + "".join(text.parts) + LEAD_OUT,
        answer=canonical_json(answer),
        schema=canonical_json(asked_schema(wanted)),
        text_span=[len(head), text.offset],
        evidence=canonical_json(evidence),
        knobs=canonical_json(recorded),
        canary=CANARY,
    )


def _records(kind: Domain, knobs: Knobs, split: str, bits: Bits, keys: list[str]) -> Iterator[Record]:
    """Draw records with different names, each stating the asked fields and some others, in an order of its own."""
    others = [field for field in kind.fields if field not in keys]
    first_words: set[str] = set()
    for place in range(bits.between(*knobs.records)):
        while True:
            name, noun = kind.entity(bits, split)
            if name.split()[0] not in first_words:
                break
        first_words.add(name.split()[0])
        stated = [*keys, *bits.sample(others, min(bits.between(*knobs.extra), len(others)))]
        bits.shuffle(stated)
        facts = tuple((field, kind.value(field, bits, split)) for field in stated)
        yield Record(place, name, noun, facts, frozenset(keys))


def _fill(blocks: list[Block], kind: Domain, split: str, bits: Bits, room: int, taken: set[str]) -> int:
    """Put sentences that state nothing into `room` characters; return how many."""
    patterns = kind.texts("filler")
    count = 0
    last = ""
    while True:
        pattern = bits.choice(patterns)
        if pattern == last:
            continue
        last = pattern
        stranger = kind.entity(bits, split)[0] if "{X}" in pattern else ""
        if stranger in taken:
            continue
        filler = sentence(pattern, {"X": (stranger, None)})
        room -= len(filler.text) + 2
        if room < 0:
            return count
        count += 1
        block = blocks[bits.between(1, len(blocks) - 1)]
        if block.glue == " " and bits.chance(70):
            block.sentences.insert(bits.between(1, len(block.sentences)), filler)
        else:
            blocks.insert(bits.between(1, len(blocks)), Block([filler], ""))
