"""How fast the scorer is, beside other scorers of structured extraction, in one run.

    python benchmarks/score.py [--peers] [--million] [--large]

The workload: 500 samples of 30 records with 7 fields; of the records 10 % are missing and 10 % are hallucinated, of
the values 15 % are perturbed, 3 % of the outputs cannot be parsed, and records are shuffled. Rates are gold records a
second on one core, medians of several rounds; each peer's ratio is against its own round in the same run. `--peers`
needs `pip install llama-extract-bench omni-extract-bench anls-star stickler-eval`; a peer that is absent is left out.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from text2json.console import line as say
from text2json.metrics import score
from text2json.metrics.paper import paper_score
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

FIELDS = ("name", "city", "country", "year", "price", "status", "note")
STATUS = ("open", "closed", "planned", "unknown")
PROPERTIES = {name: {"type": "string"} for name in FIELDS} | {
    "year": {"type": "integer"}, "price": {"type": "number"}, "status": {"enum": list(STATUS)},
}  # fmt: skip
SCHEMA = canonical_json({"type": "array", "items": {"type": "object", "properties": PROPERTIES}})
PAPER = canonical_json({"type": "array", "x-key": "name", "items": {"type": "object"}})


def word(rng: random.Random) -> str:
    """Return a made-up word."""
    return "".join(rng.choice("bcdfglmnprstv") + rng.choice("aeiou") for _ in range(rng.randint(2, 5))).title()


def record(rng: random.Random) -> dict[str, Any]:
    """Return a record of seven fields."""
    return {
        "name": f"{word(rng)} {word(rng)}", "city": word(rng), "country": word(rng), "year": rng.randint(1900, 2025),
        "price": rng.randint(100, 99_999) / 100, "status": rng.choice(STATUS), "note": f"{word(rng)} {word(rng)}",
    }  # fmt: skip


def perturbed(rng: random.Random, value: Any) -> Any:
    """Return a value a little different, of the same type."""
    if isinstance(value, str):
        return value[:-1] + rng.choice("xyz") if rng.random() < 0.5 else word(rng)
    return value + rng.randint(1, 9)


def workload(samples: int, records: int, seed: int = 7) -> Iterator[tuple[Sample, str]]:
    """Yield samples with a prediction each."""
    rng = random.Random(seed)
    for number in range(samples):
        gold = [record(rng) for _ in range(records)]
        predicted = [
            {name: perturbed(rng, value) if rng.random() < 0.15 else value for name, value in item.items()}
            for item in gold
            if rng.random() >= 0.1
        ]
        predicted += [record(rng) for _ in range(records) if rng.random() < 0.1]
        rng.shuffle(predicted)
        text = json.dumps(predicted)
        yield sample(f"s{number}", gold, SCHEMA), text[: len(text) // 2] if rng.random() < 0.03 else text


def sample(name: str, gold: list[dict[str, Any]], schema: str) -> Sample:
    """Return a sample without a document."""
    return Sample(id=name, domain="d", kind="external", problem="", answer=canonical_json(gold), schema=schema,
                  text_span=[0, 0], evidence="[]", knobs="{}", canary="")  # fmt: skip


def seconds(work: Callable[[], Any]) -> float:
    """Return the processor time of one run: the benchmark is about one core, and others may use the machine."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="beside the peers that are installed")
    parser.add_argument("--million", action="store_true", help="memory for a million records")
    parser.add_argument("--large", action="store_true", help="one sample of 20,000 gold and 20,000 predicted records")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    if args.million:
        million()
    elif args.large:
        large()
    else:
        rates(args.rounds, peers=args.peers)


def rates(rounds: int, *, peers: bool) -> None:
    """Print records a second, ours and the peers'."""
    pairs = list(workload(500, 30))
    data, outputs = [one for one, _ in pairs], {one.id: text for one, text in pairs}
    report = score(outputs, data)
    times = [seconds(lambda: score(outputs, data, keep_verdicts=False)) for _ in range(rounds)]
    ours = statistics.median(times)
    line("text2json records", 15_000 / ours, 1.0, f"field F1 {report.fields.f1:.3f}, record F1 {report.records.f1:.3f}")
    with_verdicts = statistics.median(seconds(lambda: score(outputs, data)) for _ in range(rounds))
    line("  with verdicts", 15_000 / with_verdicts, ours / with_verdicts, "")
    paper_line(rounds, ours)
    if peers:
        from score_peers import PEERS

        for name, peer in PEERS.items():
            part = pairs[: peer.samples]
            try:
                work = peer.prepare(part)
            except ImportError:
                say(f"{name:<28} not installed")
                continue
            value = work()
            taken = seconds(work) if peer.samples < 100 else statistics.median(seconds(work) for _ in range(3))
            rate = 30 * len(part) / taken
            line(name, rate, rate * ours / 15_000, f"{value:.3f}")


def paper_line(rounds: int, ours: float) -> None:
    """Print the rate of the published rules beside a direct reading of them."""
    rng = random.Random(3)
    golds = [[{k: v for k, v in record(rng).items() if k in ("name", "city", "note")} for _ in range(30)]
             for _ in range(500)]  # fmt: skip
    texts = [
        json.dumps([{**item, "city": word(rng)} if rng.random() < 0.2 else item for item in gold]) for gold in golds
    ]
    parsed = [canonical_json(gold) for gold in golds]
    mine = statistics.median(
        seconds(lambda: [paper_score(json.loads(gold), text) for gold, text in zip(parsed, texts, strict=True)])
        for _ in range(rounds)
    )
    from score_peers import published

    theirs = statistics.median(
        seconds(lambda: [published(gold, text) for gold, text in zip(parsed, texts, strict=True)])
        for _ in range(rounds)
    )
    line(
        "paper's rules",
        15_000 / mine,
        ours / mine,
        f"{theirs / mine:.2f} x the rate of the published evaluator's steps",
    )


def million() -> None:
    """Print the peak memory of scoring a million records that are made as they are read."""
    kept = 33_334
    outputs = {one.id: text for one, text in workload(kept, 30)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    report = score(outputs, (one for one, _ in workload(kept, 30)), keep_verdicts=False)
    say(
        f"{report.records.gold:,} records: {time.process_time() - start:.0f} s with making them, peak "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB ({before / 1024:.0f} MB of it predictions)"
    )


def large() -> None:
    """Print the time of one sample with 20,000 records on both sides."""
    ((one, _),) = workload(1, 20_000)
    rng = random.Random(8)
    predicted = [
        {name: perturbed(rng, value) if rng.random() < 0.15 else value for name, value in item.items()}
        for item in json.loads(one.answer)
    ]
    rng.shuffle(predicted)
    start = time.perf_counter()
    report = score({one.id: json.dumps(predicted)}, [one], keep_verdicts=False)
    say(f"20,000 x 20,000: {time.perf_counter() - start:.1f} s, exact: {report.exact}, field F1 {report.fields.f1:.3f}")


def line(name: str, rate: float, ratio: float, note: str) -> None:
    """Print one row."""
    say(f"{name:<28}{rate:>12,.0f} records/s {ratio:>10.5f} x   {note}")


if __name__ == "__main__":
    main()
