"""A coverage-guided fuzzer of the parser and of the whole scorer, run as a program of its own by `test_fuzz.py`.

    python tests/metrics/fuzz.py SECONDS

Each input is scored against a gold and under a schema that its first bytes choose. Prints one JSON line: inputs tried
and, where a promise was broken, the input that broke it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["text2json"]):
    from text2json.metrics import Limits, score
    from text2json.metrics.gold import iter_gold
    from text2json.metrics.parse import STATUSES, parse
    from text2json.metrics.report import Report, SampleScore
    from text2json.metrics.scoring import score_sample
    from text2json.schemas.sample import Sample

GOLDS: tuple[Any, ...] = (
    [{"name": "A", "x": "1"}, {"name": "B", "x": None}],
    [{"name": "A", "n": 1, "when": "2011-01-07", "at": "10:00Z", "kind": "open", "tags": ["a", "b"], "ok": True}],
    [{"name": "A", "inner": {"x": 1.5, "y": {"z": ""}}}, {"name": "A"}],
    {"name": "A", "n": 0},
    [],
)
SCHEMAS: tuple[Any, ...] = (
    None,
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "x-compare": {"similarity": 0.8, "case": False}},
            "x": {"type": ["string", "null"]},
            "n": {"type": "number", "x-compare": {"tolerance": 0.5, "relative": 0.1}},
            "when": {"type": "string", "format": "date-time"},
            "at": {"type": "string", "format": "time"},
            "kind": {"enum": ["open", "closed"]},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "inner": {"type": "object", "properties": {"y": {"type": "object"}}},
        },
        "required": ["name"],
    },
)
LIMITS = Limits(bytes=1 << 16, depth=12)
SLOW = 10.0
"""Seconds that no input may take."""
MEMORY = 2 << 30
"""Bytes of address space that no input may exceed."""
EVERY = 10
"""Every so many inputs the whole scorer runs, else all of it but the summing up over samples."""


def check(data: bytes, whole: bool) -> None:
    """Score one input and hold the scorer to its promises."""
    text = data[2:].decode("utf-8", "surrogatepass" if data[:1] > b"\x80" else "replace")
    choice = data[1] if len(data) > 1 else 0
    gold, schema = choice % len(GOLDS), choice // 8 % len(SCHEMAS)
    sample = sample_of(gold, schema, "name" if choice & 128 and isinstance(GOLDS[gold], list) else None)
    parsed = parse(text, single=isinstance(GOLDS[gold], dict), limits=LIMITS)
    if parsed.status not in STATUSES:
        raise RuntimeError(f"unknown status {parsed.status}")
    one = score_sample(sample, text, limits=LIMITS)
    for part in (one.records, one.fields, *one.by_field.values()):
        if not 0 <= part.right <= min(part.predicted, part.gold):
            raise RuntimeError(f"out of bounds: {part}")
    json.dumps(one.to_dict())
    if whole:  # the report's bootstrap takes ten times as long as all else
        hold(score({"s": text}, [sample], limits=LIMITS), one)


@cache
def sample_of(gold: int, schema: int, key: str | None) -> Sample:
    """Return a gold under a schema, by their numbers."""
    document = "A stands for 1, B for nothing at 10:00."
    (sample,) = iter_gold({"s": GOLDS[gold]}, SCHEMAS[schema], key=key, documents={"s": document})
    return sample


def hold(report: Report, one: SampleScore) -> None:
    """Raise where the whole scorer says otherwise than the single sample, or a figure leaves its bounds."""
    if report.details != [one]:
        raise RuntimeError("two scores of one input differ")
    json.dumps(report.to_dict(), allow_nan=False)
    for part in (report.records, report.fields):
        if not (0 <= part.precision <= 1 and 0 <= part.recall <= 1 and 0 <= part.raw_f1 <= part.f1 <= 1):
            raise RuntimeError(f"out of bounds: {part}")
    if str(report).count("\n") < 5:
        raise RuntimeError("the report is cut")


SEEDS = (
    "[]", '[{"name":"A","x":"1"}]', '```json\n[{"name":"A"}]\n```', '{"records":[{"name":"A"}]}',
    '<think>[</think>[{"name":"A","n":1e400}]', '[{"name":"A","n":"1,000"},{"name"', '[[[[{"a":[1,{"b":null}]}]]]]',
    '[{"when":"2011-01-07T10:00:00+02:00","at":"10:00:00.50Z","tags":["b","a"],"ok":true}]', '{"name":"\\ud800"}',
    '[{"name":"A","name":"B","n":-0.0,"n":18446744073709551616}]', "Here is [1] and [{\"name\": \"A\"}] twice",
)  # fmt: skip
WORDS = ("name", "null", "true", "NaN", "\\ud800", "\\u0000", "```json\n", "</think>", "1e400", "\u2019", "\ufeff")


def main() -> None:
    """Fuzz for so many seconds with inputs of up to 4 KB, then print the figures."""
    seconds = float(sys.argv[1])
    start, tried, slowest = time.monotonic(), 0, 0.0
    broken: dict[str, str] = {}
    inputs = [bytes([0, choice]) + seed.encode() for seed in SEEDS for choice in (0, 1, 2, 3, 8, 9, 10, 137)]

    def one(data: bytes) -> None:
        nonlocal tried, slowest
        begun = time.process_time()  # others may use the machine
        try:
            check(data, whole=tried % EVERY == 0)
        except UnicodeDecodeError:
            return  # no text
        except Exception as error:  # whatever it is, it is the find
            broken.setdefault(f"{type(error).__name__}: {error}"[:200], data.hex())
        taken = time.process_time() - begun
        tried, slowest = tried + 1, max(slowest, taken)
        if taken > SLOW:
            broken.setdefault(f"slow: {taken:.0f} s", data.hex())
        if time.monotonic() - start > seconds:
            figures = {"inputs": tried, "slowest": round(slowest, 3), "broken": broken}
            sys.stdout.write(json.dumps(figures) + "\n")
            sys.stdout.flush()
            os._exit(0)  # libFuzzer would go on

    for data in inputs:
        one(data)
    folder = Path(tempfile.mkdtemp())
    for place, data in enumerate(inputs):
        (folder / str(place)).write_bytes(data)
    # libFuzzer's dictionary, of words that mutations are to put in
    words = ("".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass")) for word in WORDS)
    (folder.parent / f"{folder.name}.words").write_text("".join(f'"{word}"\n' for word in words), encoding="ascii")
    # libFuzzer's own limit is of a peak that a process takes over from the one that started it
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    options = ["-seed=1", "-max_len=4096", "-timeout=60", "-rss_limit_mb=0", f"-dict={folder}.words", str(folder)]
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
