"""From knobs and a stream of choices to one synthetic sample: records, distractors, telling, filler, gold, evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from text2json.errors import SpecError
from text2json.generators import locales
from text2json.generators.bits import Bits
from text2json.generators.cast import Cast, draw_cast
from text2json.generators.domain import domain, marked_domain, wide_domain
from text2json.generators.genres import genre
from text2json.generators.knobs import Knobs
from text2json.generators.layout import assemble, fill, size
from text2json.generators.noise import misspell
from text2json.generators.question import LEAD_OUT, asked_schema, question, units
from text2json.generators.sample_parts import CANARY
from text2json.generators.telling import COLUMN, EXCLUDED, Teller
from text2json.generators.text import Block, Place, Sentence, sentence
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

ATTEMPTS = 12
FIND = {"frozen": domain, "marked": marked_domain, "wide": wide_domain}
"""Wordings of the train split → how their domains are found."""


def compose(config: str, knobs: Knobs, split: str, seed: int, number: int) -> Sample:
    """Return sample `number` of a configuration; it depends on nothing but these arguments.

    Raises:
        SpecError: the knobs leave no room for their records.
    """
    with locales.use(knobs.locale):
        for attempt in range(ATTEMPTS):
            bits = Bits("text2json", config, split, seed, number, attempt)
            sample = _attempt(config, knobs, split, seed, number, bits)
            if sample is not None:
                return sample
    raise too_long(knobs)


def too_long(knobs: Knobs) -> SpecError:
    """Return the error for knobs whose records need more characters than there are."""
    low, high = (min(knobs.levels), max(knobs.levels)) if knobs.levels else knobs.records
    return SpecError(
        f"{low} to {high} records do not fit into {knobs.length[1]} characters",
        remedy="raise length, or lower records, fields or extra",
    )


def draw_length(knobs: Knobs, bits: Bits) -> int:
    """Draw a document's length, in characters of the whole problem."""
    if not knobs.bands:
        return bits.between(*knobs.length)
    band = bits.below(len(knobs.bands) - 1)
    return bits.between(knobs.bands[band], knobs.bands[band + 1])


def draw_count(knobs: Knobs, number: int, bits: Bits) -> int:
    """Draw how many records sample `number` has."""
    if knobs.levels:
        return knobs.levels[number // len(knobs.domains) % len(knobs.levels)]
    return bits.between(*knobs.records)


def _attempt(config: str, knobs: Knobs, split: str, seed: int, number: int, bits: Bits) -> Sample | None:
    find = FIND[knobs.wordings] if split == "train" else domain
    kind = find(knobs.domains[number % len(knobs.domains)])
    count = draw_count(knobs, number, bits)
    target = draw_length(knobs, bits) - knobs.record_cost * count
    cast = draw_cast(kind, knobs, count, split, bits)
    head, schema = _question(kind.name, cast, knobs, bits)
    blocks, loose = _tell(Teller(kind, split, bits, knobs.typed), cast)
    room = target - len(head) - len(LEAD_OUT) - size(blocks)
    if room - sum(len(part.text) + 2 for part in loose) < target - knobs.length[1]:
        return None
    text, places, stating = assemble(fill(blocks, loose, room=room, split=split, bits=bits, wide=kind.wide))
    noise = bits.between(*knobs.noise)
    errors = 0
    if noise:
        text, places, errors = misspell(text, places, noise, bits)
    gold = order_gold(cast.gold, places, knobs.order, len(head))
    recorded: dict[str, Any] = {
        "config": config, "split": split, "seed": seed, "genres": cast.genres, "records": len(cast.gold),
        "fields": len(cast.keys), "length": target, "excluded": len(cast.excluded), "superseded": len(cast.superseded),
        "scattered": len(cast.far), "errors": errors, "missing": cast.missing, "order": knobs.order,
        "typed": knobs.typed, "places": stating, "spread": gold.spread,
    }  # fmt: skip
    if kind.marked:
        recorded |= {
            "wordings": knobs.wordings,
            "exclusions": exclusions(places, len(head)),
            "columns": columns(places, len(head)),
        }
    if knobs.locale:
        recorded["locale"] = locales.stamp(knobs.locale)
    return Sample(
        id=f"{kind.name}-{number:06d}",
        domain=kind.name,
        kind="synthetic",
        problem=head + text + LEAD_OUT,
        answer=canonical_json(gold.answer),
        schema=canonical_json(schema),
        text_span=[len(head), len(head) + len(text)],
        evidence=canonical_json(gold.evidence),
        knobs=canonical_json(recorded),
        canary=CANARY,
    )


def _question(name: str, cast: Cast, knobs: Knobs, bits: Bits) -> tuple[str, dict[str, Any]]:
    schema = asked_schema(name, sorted(["name", *cast.keys]), typed=knobs.typed, complete=not knobs.missing)
    remarks = [domain(name).exclusion] if knobs.distractors[1] else []
    if knobs.typed:
        titled = [domain(name).entity, *(domain(name).fields[key].kind for key in cast.keys)]
        remarks += ["Names without titles."] * any(kind.titled for kind in titled) + units(schema)
    if knobs.missing:
        remarks.append("Leave out keys that the text does not state.")
    return question(domain(name).noun, schema, order=knobs.order, remarks=remarks, bits=bits), schema


def _tell(teller: Teller, cast: Cast) -> tuple[list[Block], list[Sentence]]:
    """Return the document's own blocks, and sentences that may stand anywhere since they carry a name."""
    bits = teller.bits
    title = bits.choice(teller.domain.title[teller.split])
    blocks = [Block([sentence(title, {})])]
    loose = [teller.fact(record, fact, by_name=True) for record, fact in cast.far]
    for name, records in cast.sections:
        made = genre(name)(teller, records).blocks
        for record in records:
            if not record.asked:
                said = teller.exclusion(record)
                loose.append(said) if bits.chance(40) else made.append(Block([said]))
        blocks += made
    loose += [teller.correction(record, fact) for record, fact in cast.superseded]
    for block in blocks:
        if block.flowing and bits.chance(40):
            block.sentences.append(_remark(teller, cast))
    return blocks, loose


def _remark(teller: Teller, cast: Cast) -> Sentence:
    """Return one of the domain's sentences that state nothing; some mention a stranger."""
    pattern = teller.bits.choice(teller.domain.filler[teller.split])
    if "{X}" not in pattern:
        return sentence(pattern, {})
    while True:
        stranger = teller.domain.entity.draw(teller.bits, teller.split)
        if stranger not in cast.names:
            return sentence(pattern, {"X": ((stranger, None),)})


@dataclass(frozen=True)
class Gold:
    """The answer in its order and where the problem states each leaf."""

    answer: list[dict[str, Any]]
    evidence: list[dict[str, Any]] = field(default_factory=list)
    spread: int = 0
    """Characters between the first and the last needed place of a record, the mean over records."""


def exclusions(places: Sequence[Place], offset: int) -> list[dict[str, Any]]:
    """Return where the problem excludes each entity: the span of its `name` there, and the `end` of the sentence.

    Its `stated` has where the problem states what a record would be asked for: leaf → spans.
    """
    found: dict[int, dict[str, list[list[int]]]] = {}
    for start, end, path in sorted(places, key=lambda place: place[:2]):
        if path is not None:
            found.setdefault(path[0], {}).setdefault(path[1], []).append([start + offset, end + offset])
    return [
        {"name": excluding[0], "end": excluding[1][1], "stated": stated}
        for stated in found.values()
        if (excluding := stated.pop(EXCLUDED, None))
    ]


def columns(places: Sequence[Place], offset: int) -> list[tuple[int, int, str]]:
    """Return where the heads of the problem's tables stand: start, end and field."""
    return [(start + offset, end + offset, path[1]) for start, end, path in places if path and path[0] == COLUMN]


def order_gold(gold: dict[int, dict[str, Any]], places: Sequence[Place], order: str, offset: int) -> Gold:
    """Bring records into the order asked for, and turn places in the text into evidence.

    Args:
        gold: each record's number and value.
        places: where the document states what.
        order: `appearance` or `name`.
        offset: where the document begins in the problem.
    """
    found: dict[tuple[int, str], list[list[int]]] = {}
    for start, end, path in sorted(places, key=lambda place: place[:2]):
        if path is not None and path[0] in gold:
            found.setdefault(path, []).append([start + offset, end + offset])
    if order == "name":
        ranked = sorted(gold, key=lambda record: gold[record]["name"])
    else:
        ranked = sorted(gold, key=lambda record: found[record, ".name"][0][0])
    rank = {record: place for place, record in enumerate(ranked)}
    evidence = [
        {"path": f"[{rank[record]}]{leaf}", "spans": spans}
        for (record, leaf), spans in sorted(found.items(), key=lambda item: (rank[item[0][0]], item[0][1]))
    ]
    needed: dict[int, list[int]] = {record: [] for record in gold}
    for (record, _), spans in found.items():
        needed[record].append(spans[0][0])
    spread = sum(max(starts) - min(starts) for starts in needed.values()) // len(needed)
    return Gold([gold[record] for record in ranked], evidence, spread)
