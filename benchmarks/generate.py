"""How fast documents are made, as ratios: `python benchmarks/generate.py [NAME ...]`.

Each figure comes with the reference that it is compared with, measured in the same run on the same machine.

workers  the command on all samples of `paper` with one worker and with two, start and imports included, beside what
         two processes gain on a bare loop; needs two idle cores
values   values drawn from the frozen lexicons against the same kinds of values from Faker, kind by kind and over the
         mix that the documents of `paper` and `nested` draw
memory   peak memory after 100,000 samples of `short`, beside that after 5,000
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from text2json.generators.bits import Bits

ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    """Return the time that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def write_paper(workers: int, samples: int) -> float:
    """Return the seconds that `text2json generate paper` takes, with its byte code kept as an installation keeps it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "text2json", "generate", "paper", "--samples", str(samples)]
    with tempfile.TemporaryDirectory() as folder:
        command += ["--workers", str(workers), "--out", f"{folder}/d"]
        return seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=kept))


def loop(count: int) -> int:
    """Keep one core busy."""
    total = 0
    for number in range(count):
        total += number * number % 7
    return total


def ceiling() -> float:
    """Return how much faster two processes run two loops than one process does: the machine's own limit."""
    work = 6_000_000
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(loop, [1, 1])
        both = seconds(lambda: pool.map(loop, [work, work], chunksize=1))
    return seconds(lambda: (loop(work), loop(work))) / both


def workers() -> dict[str, object]:
    """Compare one worker with two."""
    write_paper(2, 40)
    found: dict[str, object] = {}
    for samples in (500, 2000):
        rows = [(write_paper(1, samples), write_paper(2, samples), ceiling()) for _ in range(ROUNDS)]
        one, two = (statistics.median(row[place] for row in rows) for place in (0, 1))
        found[str(samples)] = {
            "seconds, one worker": round(one, 2),
            "seconds, two workers": round(two, 2),
            "ratio": round(statistics.median(row[0] / row[1] for row in rows), 2),
            "ratio of a bare loop": round(statistics.median(row[2] for row in rows), 2),
        }
    return found


def drawn(config: str, samples: int) -> dict[str, int]:
    """Return how often the documents of a configuration draw from each lexicon that comes from Faker."""
    from text2json.generators import generate, templates
    from text2json.generators.build_lexicons import METHODS

    counts = dict.fromkeys(METHODS, 0)
    make_slot = templates._slot

    def counted(text: str) -> templates.Slot:
        slot, name = make_slot(text), text.rstrip("!")

        def draw(bits: Bits, split: str) -> str:
            if name in counts:
                counts[name] += 1
            return slot(bits, split)

        return draw

    templates._slot = counted  # before any domain is read
    for _ in generate(config, samples=samples):
        pass
    return counts


def values() -> dict[str, object]:
    """Compare drawing from frozen lexicons with Faker, value by value, the two in turn."""
    from faker import Faker

    from text2json.generators.bits import Bits
    from text2json.generators.build_lexicons import LOCALE, METHODS
    from text2json.generators.templates import template

    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        mixes = {config: pool.apply(drawn, (config, 200)) for config in ("paper", "nested")}
    fake = Faker(LOCALE)
    fake.seed_instance(1)
    bits = Bits("benchmark")
    pairs: dict[str, tuple[str, Callable[[], str]]] = {
        **{name: (f"{{{name}}}", getattr(fake, method)) for name, method in METHODS.items()},
        "whole names": ("{first_names} {last_names}", fake.name),
        "companies": ("{last_names} {firm_endings!}", fake.company),
    }
    count = 4000
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in pairs}
    for _ in range(ROUNDS):
        for name, (text, theirs) in pairs.items():
            ours = template(text)
            ours(bits, "test")
            mine = seconds(lambda ours=ours: [ours(bits, "test") for _ in range(count)])  # type: ignore[misc]
            other = seconds(lambda theirs=theirs: [theirs() for _ in range(count)])  # type: ignore[misc]
            times[name].append((mine, other))
    ratios = {name: round(statistics.median(b / a for a, b in found), 1) for name, found in times.items()}
    mine, theirs = ({name: statistics.median(row[place] for row in found) for name, found in times.items()}
                    for place in (0, 1))  # fmt: skip

    def over(mix: dict[str, int]) -> float:
        return round(
            sum(n * theirs[name] for name, n in mix.items()) / sum(n * mine[name] for name, n in mix.items()), 1
        )

    return {
        "nanoseconds a value, ours": {name: round(1e9 * spent / count) for name, spent in mine.items()},
        "times faster than Faker": ratios,
        "draws in 200 documents": mixes,
        "times faster over the mix": {config: over(mix) for config, mix in mixes.items()},
    }


def peak(samples: int) -> float:
    """Return the peak memory in MB of a process that writes `samples` of `short`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "text2json", "generate", "short", "--samples", str(samples)]
        code = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        made = subprocess.run(
            [sys.executable, "-c", code, *command, "--out", f"{folder}/d"], capture_output=True, text=True, check=True
        )
    return int(made.stdout) / (1024 if sys.platform != "darwin" else 1024 * 1024)


def memory() -> dict[str, object]:
    """Show that memory does not grow with the number of samples."""
    few, many = peak(5_000), peak(100_000)
    return {"MB, 5,000": round(few), "MB, 100,000": round(many), "ratio": round(many / few, 2)}


BENCHMARKS = {"workers": workers, "values": values, "memory": memory}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        sys.stdout.write(json.dumps({name: BENCHMARKS[name]()}, indent=2) + "\n")
