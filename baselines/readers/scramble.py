"""Replace gold values by made-up words, in a document and in its answer alike.

A model that meets the same few hundred colours and countries over and over learns to spot them by their looks, and
fails on a colour that it never met. Where a value may be any word, only what the text says of it is left to go by.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

SEED = 20260408


class Scrambler:
    """Scrambles the share `share` of values; words are made of the tokeniser's own lower-case pieces."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, share: float) -> None:
        self.share = share
        self.rng = np.random.default_rng(SEED)
        self.pieces = sorted(word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha())

    def word(self) -> str:
        """Return a made-up word, capitalised or not."""
        count = int(self.rng.integers(1, 4))
        text = "".join(self.pieces[int(place)] for place in self.rng.integers(0, len(self.pieces), count)).lower()
        return text.capitalize() if self.rng.random() < 0.5 else text

    def scramble(self, row: dict[str, Any]) -> tuple[str, str]:
        """Return a sample's problem and answer, some values replaced at every place that states them."""
        records = json.loads(row["answer"])
        edits: list[tuple[int, int, str]] = []
        for leaf in json.loads(row["evidence"]):
            if self.rng.random() >= self.share:
                continue
            place, _, field = leaf["path"][1:].partition("].")
            value = " ".join(self.word() for _ in range(int(self.rng.integers(1, 3))))
            records[int(place)][field] = value
            edits += [(start, end, value) for start, end in leaf["spans"]]
        problem = row["problem"]
        for start, end, value in sorted(edits, reverse=True):
            problem = problem[:start] + value + problem[end:]
        return problem, json.dumps(records, separators=(",", ":"), ensure_ascii=False)
