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
  of a record to the name of the next one, after the last record to the very first token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import BatchEncoding

HEADS = {"record": ((1, 0), (4, 0)), "value": ((3, 1), (6, 0))}
"""Kind of hint → (layer, query head) that are shown."""
KINDS = tuple(HEADS)
LAYERS = {layer for heads in HEADS.values() for layer, _ in heads}
NONE = np.zeros((0, 4), dtype=np.int32)

Spans = Mapping[tuple[int, str], Sequence[tuple[int, int]]]
"""(record, key) → where a text states it, in characters."""
Looks = tuple[int, int, int, int]
"""Kind, the token that looks, and the range of tokens that it should look at."""


def hints(prompt: BatchEncoding, prompt_spans: Spans, reply: BatchEncoding, reply_spans: Spans) -> np.ndarray:
    """Return (n, 4) hints: kind, the token that looks, and the range of tokens that it should look at.

    Args:
        prompt: the encoded prompt.
        prompt_spans: where it states names and values.
        reply: the encoded answer.
        reply_spans: where it gives them, one place each.
    """
    length = len(prompt.ids)
    records = 1 + max((record for record, _ in reply_spans), default=-1)
    found: list[Looks] = []
    for record in range(records):
        found += record_hints(record, prompt, prompt_spans, reply, reply_spans)
        end = max(span[1] for (owner, _), places in reply_spans.items() if owner == record for span in places)
        last, closing = reply.char_to_token(end - 1), reply.char_to_token(end)
        following = prompt_spans.get((record + 1, "name"), ())
        if last != closing and (following or record == records - 1):
            start = tokens(prompt, following[0])[0] if following else 0
            found.append((KINDS.index("value"), length + last, start, start + 1))
    return np.array(found, dtype=np.int32).reshape(-1, 4)


def record_hints(
    record: int, prompt: BatchEncoding, prompt_spans: Spans, reply: BatchEncoding, reply_spans: Spans
) -> list[Looks]:
    """Return the hints of one record's name and values."""
    length = len(prompt.ids)
    found: list[Looks] = []
    for key in (key for owner, key in reply_spans if owner == record):
        answered = length + reply.char_to_token(reply_spans[record, key][0][0])
        stated = [tokens(prompt, span) for span in prompt_spans.get((record, key), ())]
        if stated:
            found.append((KINDS.index("value"), answered - 1, stated[0][0], stated[0][0] + 1))
        owner = record - 1 if key == "name" else record
        if owner < 0:
            found += [(KINDS.index("record"), look, 0, 1) for look in (answered - 1, *(s for s, _ in stated[:1]))]
            continue
        name = tokens(reply, reply_spans[owner, "name"][0])
        if name[0] + length < answered:
            found.append((KINDS.index("record"), answered - 1, length + name[0], length + name[1]))
        names = [tokens(prompt, span) for span in prompt_spans.get((owner, "name"), ())]
        for start, _ in stated[:1] if key == "name" else stated:
            before = [span for span in names if span[1] <= start]
            if before:
                found.append((KINDS.index("record"), start, *max(before)))
    return found


def tokens(encoded: BatchEncoding, span: tuple[int, int]) -> tuple[int, int]:
    """Return the range of tokens that hold a span of characters."""
    return encoded.char_to_token(span[0]), encoded.char_to_token(span[1] - 1) + 1


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
