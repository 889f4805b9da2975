"""Aggregation in the manner of RULER (arXiv 2404.06654, section 3): common and frequent words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from text2json.errors import SpecError
from text2json.generators.question import LEAD_OUT
from text2json.generators.sample_parts import CANARY
from text2json.generators.tasks.parts import different, stream
from text2json.generators.words import made_up
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample

COMMON_HEAD = "Below is a numbered list of words; some of them stand in it more often than the others.\n\n"
COMMON_TAIL = "\n\nWhich {count} words stand in the list most often?\nAnswer with a JSON list of strings."
FREQUENT_HEAD = "Below is a text in code words; count how often each of them occurs, and disregard the dots.\n\n"
FREQUENT_TAIL = "\n\nWhich three words occur most often?\nAnswer with a JSON list of strings, the most frequent first."
DOTS = "..."
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def compose_common(
    name: str, *, words: int, often: int, rarely: int, length: int, split: str, seed: int, number: int
) -> Sample:
    """Return sample `number`: `words` words stand in the list `often` times, all others `rarely`.

    Raises:
        SpecError: there are no such samples.
    """
    if not (words >= 1 and often > rarely >= 1):
        raise SpecError(f"{name}: words={words}, often={often}, rarely={rarely}",
                        remedy="give words of at least 1, and often > rarely >= 1")  # fmt: skip
    bits = stream(name, words, often, rarely, length, split, seed, number)
    tail = COMMON_TAIL.format(count=words) + LEAD_OUT
    room = length - len(COMMON_HEAD) - len(tail)
    common = different(lambda: made_up(bits, split).lower(), words)
    entries = common * often
    around = len(str(room // 8)) + 3  # a number, a full stop and two spaces
    size = sum(len(entry) + around for entry in entries)
    if size > room:
        raise SpecError(f"{name}: {words} words, {often} times each, do not fit into {length} characters",
                        remedy=f"raise length to {length + size - room}, or lower words or often")  # fmt: skip
    known = set(common)
    while True:
        word = made_up(bits, split).lower()
        size += rarely * (len(word) + around)
        if size > room:
            break
        if word not in known and not any(word in other for other in common):
            known.add(word)
            entries += [word] * rarely
    bits.shuffle(entries)
    text = " ".join(f"{place}. {entry}" for place, entry in enumerate(entries, start=1))
    return task_sample(
        f"{name}-{number:06d}",
        task=name,
        problem=COMMON_HEAD + text + tail,
        gold=common,
        text_span=(len(COMMON_HEAD), len(COMMON_HEAD) + len(text)),
        evidence=_occurrences(text, common, len(COMMON_HEAD)),
        knobs={"words": words, "often": often, "rarely": rarely, "length": length, "split": split},
        canary=CANARY,
    )


def compose_frequent(name: str, *, length: int, split: str, seed: int, number: int) -> Sample:
    """Return sample `number`: words whose counts fall as 1 / rank² (Zeta, alpha 2), the first rank being dots.

    Raises:
        SpecError: `length` is too small for three words of different counts.
    """
    tail = FREQUENT_TAIL + LEAD_OUT
    room = length - len(FREQUENT_HEAD) - len(tail)
    if room < 1000:
        raise SpecError(f"{name}: length={length} is too small to count in",
                        remedy=f"raise length to {length + 1000 - max(room, 0)}")  # fmt: skip
    bits = stream(name, length, split, seed, number)
    total = _total(room)
    counts = _counts(total)
    words = different(lambda: "".join(bits.choice(LETTERS) for _ in range(6)), len(counts) - 1)
    entries = [word for word, count in zip([DOTS, *words], counts, strict=True) for _ in range(count)]
    bits.shuffle(entries)
    text = " ".join(entries)
    return task_sample(
        f"{name}-{number:06d}",
        task=name,
        problem=FREQUENT_HEAD + text + tail,
        gold=words[:3],
        text_span=(len(FREQUENT_HEAD), len(FREQUENT_HEAD) + len(text)),
        evidence=_occurrences(text, words[:3], len(FREQUENT_HEAD)),
        knobs={"length": length, "split": split, "counts": counts[1:4]},
        canary=CANARY,
    )


def _counts(total: int) -> list[int]:
    """Return how often the word of each rank occurs: total / (zeta(2) rank²), rounded down, in whole numbers."""
    counts = []
    rank = 1
    while count := total * 607_927_101_854 // (1_000_000_000_000 * rank * rank):
        counts.append(count)
        rank += 1
    return counts


def _total(room: int) -> int:
    """Return the largest total whose text fits into `room` characters."""
    low, high = 0, room
    while low < high:
        middle = (low + high + 1) // 2
        counts = _counts(middle)
        if 4 * counts[0] + 7 * sum(counts[1:]) - 1 <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _occurrences(text: str, words: Sequence[str], offset: int) -> list[tuple[str, list[tuple[int, int]]]]:
    """Return a row for each occurrence, since counting needs all of them."""
    number = {word: place for place, word in enumerate(words)}
    return [
        (f"[{number[found[0]]}]", [(found.start() + offset, found.end() + offset)])
        for found in re.finditer(r"[a-z]+", text)
        if found[0] in number
    ]
