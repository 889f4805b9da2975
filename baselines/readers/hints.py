"""Show single attention heads where to look, while a reader learns.

A record's value is found in two steps: what the text states must be tied to the record that it is stated of, and the
answer must find what is tied to the record and the key at hand. Learned from the answer's loss alone, the first step
comes late: values of the right kind are taken from another record. The documents know where everything stands, so a
few heads are told (supervised attention, L. Liu et al. 2016, arXiv 1609.04186): minus the logarithm of the weight that
a head puts on the right tokens is added to the loss.

- *record*: from the first token of a value, in text or answer, to the name of its record before it; and from the first
  token of a name to the name of the entity before it, so that the next one is found as a value is. Entities that the
  question excludes stand in the text like records, since nothing tells them apart before it says so. What comes before
  the first is the very first token, the opening of the user's turn;
- *mention*: the same from a name's further tokens; and from every later mention of a name to the one before, so that a
  name that comes up again is not taken for the next;
- *again*: from each token of a later mention to the same token of the one before, and from those of a first mention to
  the very first token;
- *value*: from the place in an answer where a value begins, to its first token in the text;
- *copy*: from the place of each further token of a value or name in an answer to the same token in the text;
- *next*: from the places in an answer where the next record is chosen, the end of a record and the beginning of a
  name, to the name of the next entity, excluded or not; after the last one to the very first token;
- *choice*: from the same places to the name of the next record;
- *owner*: from the same places to the first tokens of all that the text states of the next record: names are many, but
  only a record's have values;
- *excluded*: from the same places to the ends of all sentences that say that an entity is not asked for, which
  themselves look at its name as a value does; to the very first token where there is none;
- *given*: from the same places to the names that the answer has given already;
- *column*: from a value in a table to the head of its column;
- *count*: from both of these, in equal parts, to what parts the cells before it in its row and to the row's beginning,
  so that the weight on the latter says which column it is;
- *nothing*: from other numbers and capitalised words of the text, which a name or value might be taken for, to the very
  first token, with a head that looks at a record's name from what belongs to one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Encoding
from torch import Tensor

HEADS = {
    "record": ((1, 0), (4, 0)),
    "value": ((3, 1), (6, 0)),
    "owner": ((6, 2),),
    "excluded": ((4, 2), (5, 0)),
    "given": ((4, 1), (5, 1)),
    "column": ((5, 2),),
    "nothing": ((4, 0),),
    "mention": ((4, 0),),
    "copy": ((3, 1),),
    "again": ((2, 0),),
    "next": ((5, 3),),
    "choice": ((6, 0),),
    "count": ((3, 2),),
}
"""Kind of hint → (layer, query head) that are shown."""
KINDS = tuple(HEADS)
LAYERS = {layer for heads in HEADS.values() for layer, _ in heads}
START = (0, 1)
"""The very first token."""
SPACE = "Ġ"
"""How a byte-level tokeniser writes a blank before a word."""
NEWLINE = "Ċ"
STRANGERS = 64
NONE = np.zeros((0, 4), dtype=np.int32)

EXCLUDED = -1
"""Stands for the record where a text says that an entity is not asked for, with its `name` and the sentence's `end`."""
CELL = -2
"""Stands for the record of values in tables, each with its `value` and the `head` of its column."""
OUTSIDE = -3
"""This number and those below stand for entities that the question excludes, in the order of `EXCLUDED`."""
Spans = Mapping[tuple[int, str], Sequence[tuple[int, int]]]
"""(record, key) → where a text states it, in characters."""
Mentions = dict[int, list[tuple[int, int]]]
"""Entity → the ranges of tokens that name it."""
Looks = tuple[int, int, int, int]
"""Kind, the token that looks, and the range of tokens that it should look at."""


def hints(prompt: Encoding, prompt_spans: Spans, reply: Encoding, reply_spans: Spans) -> np.ndarray:
    """Return (n, 4) hints: kind, the token that looks, and the range of tokens that it should look at.

    Args:
        prompt: the encoded prompt.
        prompt_spans: where it states names and values.
        reply: the encoded answer.
        reply_spans: where it gives them, one place each.
    """
    records = 1 + max((record for record, _ in reply_spans), default=-1)
    names, ends = ([tokens(prompt, span) for span in prompt_spans.get((EXCLUDED, key), ())] for key in ("name", "end"))
    found = [look("record", end - 1, name) for name, (_, end) in zip(names, ends, strict=True)]
    heads, values = (prompt_spans.get((CELL, key), ()) for key in ("head", "value"))
    found += [
        look("column", tokens(prompt, value)[0], tokens(prompt, head))
        for value, head in zip(values, heads, strict=True)
    ]
    for cell in {tokens(prompt, span)[0] for span in (*heads, *values)}:
        found += [look("count", cell, (mark, mark + 1)) for mark in row_marks(prompt.tokens, cell)]
    found += [look("nothing", token, START) for token in strangers(prompt, prompt_spans)] if records else []
    mentions = entities(prompt, prompt_spans)
    for entity in mentions:
        found += text_hints(entity, mentions, prompt, prompt_spans)
    for record in range(records):
        found += answer_hints(record, prompt, prompt_spans, reply, reply_spans)
    for record in range(records + 1) if records else ():  # the last one says that there is none
        found += choice_hints(record, mentions, prompt, prompt_spans, reply, reply_spans)
    return np.array(found, dtype=np.int32).reshape(-1, 4)


def row_marks(tokens: Sequence[str], cell: int) -> list[int]:
    """Return the token before the row of a table's cell, and those that part the cells up to this one.

    Cells are parted by bars, semicolons, or at least two blanks; of these, the cell's first token is returned.
    """
    start = cell
    while start and NEWLINE not in tokens[start - 1]:
        start -= 1
    marks = [
        *([place for place in range(start, cell) if mark in tokens[place]] for mark in "|;"),
        [
            place
            for place in range(start + 2, cell + 1)
            if tokens[place] != SPACE == tokens[place - 1] and (SPACE in (tokens[place][:1], tokens[place - 2]))
        ],
    ]
    return [max(start - 1, 0), *next(filter(None, marks), [])]


def entities(prompt: Encoding, prompt_spans: Spans) -> Mentions:
    """Return the mentions of each entity's name, entities in the order of their first.

    Where records are not asked for in that order, the entities are the records alone, in the answer's order.
    """
    mentions = {
        entity: [tokens(prompt, span) for span in spans]
        for (entity, key), spans in prompt_spans.items()
        if key == "name" and (entity >= 0 or entity <= OUTSIDE)
    }
    for number, span in enumerate(prompt_spans.get((EXCLUDED, "name"), ())):
        mentions[OUTSIDE - number] = sorted([*mentions.get(OUTSIDE - number, ()), tokens(prompt, span)])
    ranked = sorted(mentions, key=lambda entity: mentions[entity][0])
    records = sorted(entity for entity in mentions if entity >= 0)
    if [entity for entity in ranked if entity >= 0] != records:
        ranked = records
    return {entity: mentions[entity] for entity in ranked}


def text_hints(entity: int, mentions: Mentions, prompt: Encoding, prompt_spans: Spans) -> list[Looks]:
    """Return the hints of the places in a text that state an entity's name and values."""
    ranked = list(mentions)
    place = ranked.index(entity)
    first, *later = mentions[entity]
    near = last_before(first[0], mentions[ranked[place - 1]]) if place else START
    found: list[Looks] = []
    if near is not None:
        found.append(look("record", first[0], near))
        found += [look("mention", token, near) for token in range(first[0] + 1, first[1])]
    found += [look("again", token, START) for token in range(*first)]
    for was, now in zip(mentions[entity], later, strict=False):
        found += [look("mention", token, was) for token in range(*now)]
        if prompt.ids[slice(*was)] == prompt.ids[slice(*now)]:
            found += [
                look("again", token, (token - now[0] + was[0], token - now[0] + was[0] + 1)) for token in range(*now)
            ]
    for start in (
        token_at(prompt, start)
        for (owner, key), spans in prompt_spans.items()
        if owner == entity and key != "name"
        for start, _ in spans
    ):
        near = last_before(start, mentions[entity])
        if near is not None:
            found.append(look("record", start, near))
    return found


def last_before(place: int, mentions: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the last mention that ends before the token at `place`."""
    return max((span for span in mentions if span[1] <= place), default=None)


def choice_hints(
    record: int, mentions: Mentions, prompt: Encoding, prompt_spans: Spans, reply: Encoding, reply_spans: Spans
) -> list[Looks]:
    """Return the hints of the tokens that choose `record`: where the one before ends, and where its name begins."""
    stated = [
        span for (owner, key), spans in prompt_spans.items() if owner == record and key != "name" for span in spans
    ]
    values = first_tokens(prompt, stated) or [START]
    excluding = first_tokens(prompt, prompt_spans.get((EXCLUDED, "end"), ())) or [START]
    before = [span[1] for (owner, _), spans in reply_spans.items() if owner == record - 1 for span in spans]
    already = [reply_spans[one, "name"][0] for one in range(record) if (one, "name") in reply_spans]
    given = [
        (len(prompt.ids) + start, len(prompt.ids) + end) for start, end in (tokens(reply, span) for span in already)
    ]
    places = [token_at(reply, start) - 1 for start, _ in reply_spans.get((record, "name"), ())]
    if before:
        last = token_at(reply, max(before) - 1)
        if last != token_at(reply, max(before)):  # else the end and what follows are one token
            places.append(last)
    ranked = list(mentions)
    following = ranked[ranked.index(record - 1) + 1 :] if record - 1 in ranked else ranked if not record else []
    found: list[Looks] = []
    for place in (len(prompt.ids) + place for place in places):
        if following or (record, "name") not in reply_spans:
            found.append(look("next", place, beginning(mentions[following[0]]) if following else START))
        if record in mentions or (record, "name") not in reply_spans:
            found.append(look("choice", place, beginning(mentions[record]) if record in mentions else START))
        found += [look("owner", place, value) for value in values]
        found += [look("excluded", place, end) for end in excluding]
        found += [look("given", place, name) for name in given or [START]]
    return found


def beginning(mentions: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the first token of the first mention."""
    return mentions[0][0], mentions[0][0] + 1


def look(kind: str, place: int, span: tuple[int, int]) -> Looks:
    """Return the hint that the token at `place` should look at a range of tokens."""
    return KINDS.index(kind), place, *span


def strangers(prompt: Encoding, spans: Spans) -> list[int]:
    """Return at most `STRANGERS` tokens that begin with a digit or a capital and belong to nothing asked for."""
    stated = {token for places in spans.values() for span in places for token in range(*tokens(prompt, span))}
    others = [
        token
        for token, text in enumerate(prompt.tokens)
        if text.lstrip(SPACE)[:1].isdigit() or text.lstrip(SPACE)[:1].isupper()
        if token not in stated
    ]
    return others[:: -(-len(others) // STRANGERS)] if others else []


def first_tokens(encoded: Encoding, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges that hold the first token of each span of characters."""
    return [(token, token + 1) for token in (token_at(encoded, start) for start, _ in spans)]


def answer_hints(
    record: int, prompt: Encoding, prompt_spans: Spans, reply: Encoding, reply_spans: Spans
) -> list[Looks]:
    """Return the hints of the places in an answer that give a record's name and values."""
    length = len(prompt.ids)
    found: list[Looks] = []
    for key in (key for owner, key in reply_spans if owner == record):
        start, end = tokens(reply, reply_spans[record, key][0])
        stated = [tokens(prompt, span) for span in prompt_spans.get((record, key), ())]
        if stated:
            source = stated[0]
            if key != "name":
                found.append(look("value", length + start - 1, beginning(stated)))
            if prompt.ids[slice(*source)] == reply.ids[start:end]:
                found += [
                    look("copy", length + start + place - 1, (source[0] + place, source[0] + place + 1))
                    for place in range(1, end - start)
                ]
        owner = record - 1 if key == "name" else record
        name = tokens(reply, reply_spans[owner, "name"][0]) if owner >= 0 else None
        about = START if name is None else (length + name[0], length + name[1])
        if about[0] < length + start:
            found.append(look("record", length + start - 1, about))
            if key == "name":
                found += [look("mention", length + token, about) for token in range(start, end)]
    return found


def token_at(encoded: Encoding, place: int) -> int:
    """Return the token that holds the character at `place`."""
    token = encoded.char_to_token(place)
    if token is None:
        raise ValueError(f"no token holds character {place}")
    return int(token)


def tokens(encoded: Encoding, span: tuple[int, int]) -> tuple[int, int]:
    """Return the range of tokens that hold a span of characters."""
    return token_at(encoded, span[0]), token_at(encoded, span[1] - 1) + 1


def reply_spans(records: Any) -> dict[tuple[int, str], list[tuple[int, int]]]:
    """Return where the JSON of `records` gives each string; nothing where they are no flat records of strings."""
    spans: dict[tuple[int, str], list[tuple[int, int]]] = {}
    if not isinstance(records, list):
        return spans
    at = 1
    for number, record in enumerate(records):
        if not isinstance(record, dict) or "name" not in record or not all(isinstance(v, str) for v in record.values()):
            return {}
        for key, value in record.items():
            at += len(json.dumps(key, ensure_ascii=False)) + 2
            size = len(json.dumps(value, ensure_ascii=False))
            if size > 2:
                spans[number, key] = [(at + 1, at + size - 1)]
            at += size
        at += 2
    return spans


class Seen:
    """What the hinted layers' queries and keys were in the pass at hand."""

    def __init__(self) -> None:
        self.on = False
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def note(self, layer: int, query: Tensor, key: Tensor) -> None:
        """Keep query (B, H_q, T, D), already scaled, and key (B, H_kv, T, D) of a hinted layer."""
        if self.on and layer in LAYERS:
            self.layers[layer] = query, key

    def loss(self, wanted: Tensor) -> Tensor:
        """Return the mean loss over hints and over those heads that the model has.

        Args:
            wanted: (kinds, B, N, 3): the token that looks, and the range that it should look at; its end is 0 for none.
        """
        losses = []
        for kind, heads in enumerate(HEADS.values()):
            looks, start, end = wanted[kind].unbind(-1)
            for layer, head in (one for one in heads if one[0] in self.layers):
                query, key = self.layers[layer]
                group = query.shape[1] // key.shape[1]
                chosen = query[:, head].gather(1, looks[..., None].expand(-1, -1, query.shape[-1])).float()
                scores = torch.matmul(chosen, key[:, head // group].float().transpose(1, 2))
                place = torch.arange(scores.shape[-1], device=scores.device)
                seen = scores.masked_fill(place > looks[..., None], float("-inf")).logsumexp(-1)
                right = (place >= start[..., None]) & (place < end[..., None])
                found = scores.masked_fill(~right, -1e4).logsumexp(-1)
                real = (end > 0).float()
                losses.append(((seen - found) * real).sum() / real.sum().clamp(min=1))
        self.layers.clear()
        return torch.stack(losses).mean()
