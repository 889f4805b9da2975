"""Show single attention heads where to look, while a reader learns.

A record's value is found in two steps: what the text states must be tied to the record that it is stated of, and the
answer must find what is tied to the record and the key at hand. Learned from the answer's loss alone, the first step
comes late: values of the right kind are taken from another record. The documents know where everything stands, so a
few heads are told (supervised attention, L. Liu et al. 2016, arXiv 1609.04186): minus the logarithm of the weight that
a head puts on the right tokens is added to the loss.

- *record*: from the first token of a value, in text or answer, to the name of its record before it; and from the first
  token of a name to the name of the record before it, so that the next record is found as a value is. The first record
  follows the very first token, the opening of the user's turn;
- *value*: from the place in an answer where a value or a name begins, to its first token in the text; and from the end
  of a record to the name of the next one, after the last record to the very first token;
- *owner*: from the two places in an answer where the next record is chosen, the end of a record and the beginning of a
  name, to the first tokens of all that the text states of it: names are many, but only a record's have values;
- *excluded*: from the same places to the ends of all sentences that say that an entity is not asked for, which
  themselves look at its name as a value does; to the very first token where there is none;
- *given*: from the same places to the names that the answer has given already;
- *column*: from a value in a table to the head of its column;
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
    "owner": ((5, 3), (6, 2)),
    "excluded": ((4, 2), (5, 0)),
    "given": ((4, 1), (5, 1)),
    "column": ((5, 2),),
    "nothing": ((4, 0),),
}
"""Kind of hint → (layer, query head) that are shown."""
KINDS = tuple(HEADS)
LAYERS = {layer for heads in HEADS.values() for layer, _ in heads}
START = (0, 1)
"""The very first token."""
SPACE = "Ġ"
"""How a byte-level tokeniser writes a blank before a word."""
STRANGERS = 64
NONE = np.zeros((0, 4), dtype=np.int32)

EXCLUDED = -1
"""Stands for the record where a text says that an entity is not asked for, with its `name` and the sentence's `end`."""
CELL = -2
"""Stands for the record of values in tables, each with its `value` and the `head` of its column."""
Spans = Mapping[tuple[int, str], Sequence[tuple[int, int]]]
"""(record, key) → where a text states it, in characters."""
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
    found += [look("nothing", token, START) for token in strangers(prompt, prompt_spans)] if records else []
    for record in range(records):
        found += record_hints(record, prompt, prompt_spans, reply, reply_spans)
        found += choice_hints(record, prompt, prompt_spans, reply, reply_spans)
    if records:
        found += choice_hints(records, prompt, prompt_spans, reply, reply_spans)  # that there is none
    return np.array(found, dtype=np.int32).reshape(-1, 4)


def choice_hints(
    record: int, prompt: Encoding, prompt_spans: Spans, reply: Encoding, reply_spans: Spans
) -> list[Looks]:
    """Return the hints of the tokens that choose `record`: where the one before ends, and where its name begins."""
    names = first_tokens(prompt, prompt_spans.get((record, "name"), ()))
    stated = [
        span for (owner, key), spans in prompt_spans.items() if owner == record and key != "name" for span in spans
    ]
    values = first_tokens(prompt, stated) or [START]
    excluding = first_tokens(prompt, prompt_spans.get((EXCLUDED, "end"), ())) or [START]
    before = [span[1] for (owner, _), spans in reply_spans.items() if owner == record - 1 for span in spans]
    already = [reply_spans[one, "name"][0] for one in range(record) if (one, "name") in reply_spans]
    given = [(len(prompt.ids) + start, len(prompt.ids) + end) for start, end in first_tokens(reply, already)] or [START]
    places = [token_at(reply, start) - 1 for start, _ in reply_spans.get((record, "name"), ())]
    found: list[Looks] = []
    if before:
        last = token_at(reply, max(before) - 1)
        if last != token_at(reply, max(before)):  # else the end and what follows are one token
            places.append(last)
            if names or (record, "name") not in reply_spans:
                found.append(look("value", len(prompt.ids) + last, names[0] if names else START))
    for place in places:
        found += [look("owner", len(prompt.ids) + place, value) for value in values]
        found += [look("excluded", len(prompt.ids) + place, end) for end in excluding]
        found += [look("given", len(prompt.ids) + place, name) for name in given]
    return found


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


def record_hints(
    record: int, prompt: Encoding, prompt_spans: Spans, reply: Encoding, reply_spans: Spans
) -> list[Looks]:
    """Return the hints of one record's name and values."""
    length = len(prompt.ids)
    found: list[Looks] = []
    for key in (key for owner, key in reply_spans if owner == record):
        answered = length + token_at(reply, reply_spans[record, key][0][0])
        stated = [tokens(prompt, span) for span in prompt_spans.get((record, key), ())]
        if stated:
            found.append(look("value", answered - 1, (stated[0][0], stated[0][0] + 1)))
        owner = record - 1 if key == "name" else record
        if owner < 0:
            found += [look("record", place, START) for place in (answered - 1, *(start for start, _ in stated[:1]))]
            continue
        name = tokens(reply, reply_spans[owner, "name"][0])
        if name[0] + length < answered:
            found.append(look("record", answered - 1, (length + name[0], length + name[1])))
        names = [tokens(prompt, span) for span in prompt_spans.get((owner, "name"), ())]
        for start, _ in stated[:1] if key == "name" else stated:
            before = [span for span in names if span[1] <= start]
            if before:
                found.append(look("record", start, max(before)))
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
