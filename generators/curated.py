"""Documents of passages written by hand: those that the question asks for, among others that state nothing asked."""

from __future__ import annotations

from typing import Any

from text2json.errors import SpecError, did_you_mean
from text2json.generators.bits import Bits
from text2json.generators.composition import draw_count, draw_length, order_gold, too_long
from text2json.generators.domain import domain
from text2json.generators.filler import filler
from text2json.generators.knobs import Knobs
from text2json.generators.layout import assemble, size
from text2json.generators.noise import misspell
from text2json.generators.passages import Passage, collection, collections
from text2json.generators.question import LEAD_OUT, question
from text2json.generators.sample_parts import CANARY
from text2json.generators.text import Block, Sentence
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

ATTEMPTS = 24
REMARKS = {"organisations": "Only organisations whose founding the text tells."}
"""What keeps a question from asking for things that other passages merely mention."""


def compose(config: str, knobs: Knobs, split: str, seed: int, number: int) -> Sample:
    """Return sample `number` of a configuration of curated passages.

    Raises:
        SpecError: the split is not `test`, or the knobs leave no room for their records.
    """
    if split != "test":
        raise SpecError("curated passages are for testing only", remedy="leave out --split")
    for attempt in range(ATTEMPTS):
        bits = Bits("text2json", config, split, seed, number, attempt)
        sample = _attempt(config, knobs, split, seed, number, bits)
        if sample is not None:
            return sample
    raise too_long(knobs)


def _attempt(config: str, knobs: Knobs, split: str, seed: int, number: int, bits: Bits) -> Sample | None:
    name = knobs.domains[number % len(knobs.domains)]
    if name not in collections():
        raise SpecError(f"no passages on {name!r}", remedy=did_you_mean(name, collections()))
    known = collection(name)
    target = draw_length(knobs, bits)
    count = draw_count(knobs, number, bits)
    if count > len(known.passages):
        raise SpecError(f"{count} records, but {len(known.passages)} passages on {name}", remedy="ask for fewer")
    keys = bits.sample(known.keys, min(bits.between(*knobs.fields), len(known.keys)))
    wanted = frozenset(["name", *keys])
    chosen = bits.sample(known.passages, count)
    schema = schema_of(name, sorted(wanted))
    remarks = [REMARKS[name]] if name in REMARKS else []
    head = question(domain(name).noun, schema, order=knobs.order, remarks=remarks, bits=bits)
    blocks = [Block([passage.sentence(place, wanted)]) for place, passage in enumerate(chosen)]
    room = target - len(head) - len(LEAD_OUT) - size(blocks)
    if room < target - knobs.length[1]:
        return None
    blocks += _others(name, room, split, bits)
    bits.shuffle(blocks)
    text, places, stating = assemble(blocks)
    noise, errors = bits.between(*knobs.noise), 0
    if noise:
        text, places, errors = misspell(text, places, noise, bits)
    records = {place: {key: passage.gold[key] for key in wanted} for place, passage in enumerate(chosen)}
    gold = order_gold(records, places, knobs.order, len(head))
    recorded: dict[str, Any] = {
        "config": config, "split": split, "seed": seed, "records": count, "fields": len(keys), "length": target,
        "others": len(blocks) - count, "errors": errors, "order": knobs.order, "typed": False, "places": stating,
        "spread": gold.spread,
    }  # fmt: skip
    return Sample(
        id=f"{name}-curated-{number:06d}",
        domain=name,
        kind="curated",
        problem=head + text + LEAD_OUT,
        answer=canonical_json(gold.answer),
        schema=canonical_json(schema),
        text_span=[len(head), len(head) + len(text)],
        evidence=canonical_json(gold.evidence),
        knobs=canonical_json(recorded),
        canary=CANARY,
    )


def schema_of(name: str, keys: list[str]) -> dict[str, Any]:
    """Return the JSON Schema of an answer whose values are all strings."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "type": "array",
        "x-key": "name",
        "items": {
            "type": "object",
            "properties": {key: {"type": "string"} for key in keys},
            "required": keys,
            "additionalProperties": False,
        },
    }


def _others(name: str, room: int, split: str, bits: Bits) -> list[Block]:
    """Return passages on other subjects, and filler when they are used up, of at most `room` characters."""
    rest: list[Passage] = [
        passage for other in collections() if other != name for passage in collection(other).passages
    ]
    bits.shuffle(rest)
    made = []
    for passage in rest:
        if len(passage.text) + 2 <= room:
            made.append(Block([Sentence(passage.text)]))
            room -= len(passage.text) + 2
    for paragraph in filler(bits, split, room):
        if len(paragraph.text) + 2 > room:
            return made
        made.append(Block([Sentence(paragraph.text)]))
        room -= len(paragraph.text) + 2
    return made
