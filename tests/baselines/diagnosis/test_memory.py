"""A diagnosis at 32K tokens holds the prompt's keys and values, one strategy's tiers, and little beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOKENS = 32_768
STEPS = (6, 40)
GIVES_BACK = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
"""glibc then returns freed memory at once; what it would keep differs by tens of megabytes from run to run."""
SCRIPT = """
import json, sys, torch
from tests.baselines.tiny import tiny
from text2json.baselines.diagnosis import prefilled as reading, sample as module
from text2json.baselines.diagnosis.evidence import Piece, Watched
from text2json.baselines.diagnosis.prefilled import Prefilled
from text2json.baselines.machine import peak_rss_bytes, reset_peak
from text2json.baselines.models import LoadedModel
from text2json.baselines.strategies import parse_spec

spec, tokens, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
strategy = parse_spec(spec)
model = tiny(max_position_embeddings=tokens + 128, num_hidden_layers=2, hidden_size=128, head_dim=64,
             num_attention_heads=4, num_key_value_heads=4)
loaded = LoadedModel("tiny", None, model, None)


def read(loaded, cache, ids, last):
    # stands for the dense prefill, whose memory is not the diagnosis' own and whose time grows with its square
    generator = torch.Generator().manual_seed(0)
    for layer in cache.tiered_layers():
        layer.update(*(torch.randn(1, 4, len(ids), 64, generator=generator) for _ in range(2)))
        layer.pending = False
    return torch.randn(1, 300, generator=generator)


genuine, reading.forward = reading.forward, read
prefilled = Prefilled(loaded, range(tokens), [strategy])
reading.forward = genuine
watched = Watched([Piece(n, "name", None, ((n * 300, n * 300 + 1, n * 300 + 2),)) for n in range(100)])
examined = module.Examined(loaded, None, [strategy], steps)
writes = {n: [n % 100] for n in range(steps)}
vars(examined).update(prompt=module.Prompt([], watched), prefilled=prefilled, writes=writes)
vars(examined)["full"] = module.Output(loaded, [n % 300 for n in range(steps)])
kept = sum(part.nbytes for place in range(2) for part in prefilled.exact(place))
reset_peak()
start = peak_rss_bytes()
tally = examined.forced(strategy, examined.probe())
assert tally.figures[..., 0].sum() == 2 * 4 * (steps - 1)
print(json.dumps({"kept": kept, "before": start, "grown": peak_rss_bytes() - start}))
"""


def measure(spec: str, tokens: int, steps: int) -> dict[str, int]:
    run = subprocess.run([sys.executable, "-c", SCRIPT, spec, str(tokens), str(steps)], cwd=ROOT, check=True,
                         env=os.environ | GIVES_BACK, capture_output=True, text=True)  # fmt: skip
    found: dict[str, int] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["quest:budget=1024,dense_layers=0", "oracle"])
def test_a_diagnosis_of_32k_tokens_grows_by_less_than_two_prompts_and_not_with_its_steps(spec: str) -> None:
    few, many = (measure(spec, TOKENS, steps) for steps in STEPS)
    print({"few": few, "many": many})  # noqa: T201 # shown with -s
    assert few["kept"] == TOKENS * 2 * 4 * 64 * 2 * 4
    assert few["grown"] < 2 * few["kept"]
    assert many["grown"] < few["grown"] + 0.25 * few["kept"]
