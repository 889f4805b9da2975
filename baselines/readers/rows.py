"""Rows of random tokens that teach copying and looking up before any language is seen.

Copying out of the context appears late and suddenly when a small model sees documents alone; rows whose tokens
are random leave nothing else to learn, so it appears within a few minutes of training (the induction circuit of
Olsson et al. 2022, arXiv 2209.11895). Three tasks, each with its loss on what must be read from the context:

- *copy*: a sequence, a separator, the same sequence again;
- *lookup*: key-value pairs, a separator, the keys in another order with their values;
- *table*: records of a name and marked fields between noise, a separator and the wanted marks, then every record's
  name with its wanted fields, which is the extraction task without its language.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from text2json.baselines.readers.hints import NONE


class Row(NamedTuple):
    """Token ids, for each whether the model is trained to predict it, and hints (n, 4), see `hints`."""

    tokens: list[int]
    learn: list[bool]
    hints: np.ndarray = NONE


@dataclass(frozen=True)
class RandomRows:
    """Draws rows of at most `length` tokens from the ids `low` to `high` - 1.

    Args:
        low: the first ordinary token id; the eight ids below it serve as separators and field marks.
        high: one past the last token id.
        tasks: which of the three tasks to draw from.
    """

    low: int
    high: int
    tasks: tuple[str, ...] = ("copy", "lookup", "table")

    def draw(self, rng: np.random.Generator, length: int) -> Row:
        """Return one row of one of the tasks, chosen at random."""
        task: Callable[[np.random.Generator, int], Row] = getattr(self, self.tasks[int(rng.integers(len(self.tasks)))])
        return task(rng, length)

    def words(self, rng: np.random.Generator, count: int) -> list[int]:
        """Return `count` random ordinary tokens."""
        return [int(token) for token in rng.integers(self.low, self.high, count)]

    def copy(self, rng: np.random.Generator, length: int) -> Row:
        """Return a sequence and its copy; some copies start in the middle of the sequence."""
        body = self.words(rng, (length - 1) // 2)
        start = int(rng.integers(len(body) // 2)) if rng.random() < 0.5 else 0
        again = body[start:]
        known = 0 if start == 0 else 2  # a copy from the middle must first say where it begins
        ids = [*body, self.low - 1, *again]
        return Row(ids, [False] * (len(body) + 1 + known) + [True] * (len(again) - known))

    def lookup(self, rng: np.random.Generator, length: int) -> Row:
        """Return key-value pairs, then the keys shuffled with their values."""
        pairs: list[tuple[list[int], list[int]]] = []
        used = 1
        while True:
            pair = (self.words(rng, int(rng.integers(1, 4))), self.words(rng, int(rng.integers(1, 7))))
            used += 2 * (len(pair[0]) + len(pair[1]) + 2)
            if used > length:
                break
            pairs.append(pair)
        ids: list[int] = []
        for key, value in pairs:
            ids += [*key, self.low - 2, *value, self.low - 3]
        ids.append(self.low - 1)
        learn = [False] * len(ids)
        for index in rng.permutation(len(pairs)):
            key, value = pairs[int(index)]
            ids += [*key, self.low - 2, *value, self.low - 3]
            learn += [False] * (len(key) + 1) + [True] * (len(value) + 1)
        return Row(ids, learn)

    def table(self, rng: np.random.Generator, length: int) -> Row:
        """Return records between noise, the wanted marks, and the records' names with their wanted fields."""
        marks = rng.permutation(5)[: int(rng.integers(2, 6))] + self.low - 8
        wanted = [int(mark) for mark in marks[: int(rng.integers(1, len(marks) + 1))]]
        noise = float(rng.choice([0.0, 0.5, 1.5]))
        ids: list[int] = [self.low - 1, *wanted, self.low - 1]
        answer: list[int] = []
        while True:
            name = self.words(rng, int(rng.integers(2, 6)))
            record, reply = [self.low - 2, *name], [self.low - 2, *name]
            values = {int(mark): self.words(rng, int(rng.integers(1, 6))) for mark in marks}
            for mark in rng.permutation(marks):
                record += self.words(rng, int(rng.integers(0, 1 + int(6 * noise)))) if noise else []
                record += [int(mark), *values[int(mark)], self.low - 3]
            for mark in wanted:
                reply += [mark, *values[mark], self.low - 3]
            if len(ids) + len(record) + len(answer) + len(reply) + 2 > length:
                break
            ids += record
            answer += reply
        return Row([*ids, self.low - 1, *answer, self.low - 1], [False] * (len(ids) + 1) + [True] * (len(answer) + 1))
