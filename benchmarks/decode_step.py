"""How long one decoding step of one layer takes: `python benchmarks/decode_step.py [SPEC ...] [options]`.

The geometry is that of a Llama-3.1-8B layer (32 query heads, 8 kv-heads of 128 channels), batch 1. A step is the
cache's own `decode`: score, select, fetch, attend, and the ledger's bookkeeping. It is compared with the best full
attention that can be written with torch: keys and values preallocated, the group packed, so that neither a
concatenation nor a repeated head is counted against it. Steps and full attention take turns, each with a query of its
own, and medians are compared, so that a busy machine slows both. Beside the time that passed stands the processor time
of all threads, which other programs disturb less.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow small steps on a busy machine

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from text2json.baselines.cache import TieredCache, TieredLayer, decode, positions_of
from text2json.baselines.kernels import library
from text2json.baselines.prompt import Prompt
from text2json.baselines.strategies import parse_spec

HEADS, GROUP, SIZE, GENERATED = 8, 4, 128, 16
SPECS = ("shadowkv", "quest:dense_layers=0", "arkvale", "yakv", "yakv:preset=code", "yakv-serving", "oracle")


def model() -> PreTrainedModel:
    """Return a model that is nothing but the geometry of the layer and its rotary embedding."""
    config = LlamaConfig(
        vocab_size=32, hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=HEADS * GROUP,
        num_key_value_heads=HEADS, head_dim=SIZE, max_position_embeddings=131_072, rope_theta=500_000.0,
    )  # fmt: skip
    made: PreTrainedModel = LlamaForCausalLM(config).eval()
    return made


def prompt(length: int, dtype: torch.dtype) -> Prompt:
    """Return a random prompt, with a query of its last token."""
    generator = torch.Generator().manual_seed(0)
    keys, values = (torch.randn(1, HEADS, length, SIZE, generator=generator).to(dtype) for _ in range(2))
    queries = torch.randn(1, HEADS * GROUP, 256, SIZE, generator=generator).to(dtype)
    valid = torch.ones(1, length, dtype=torch.bool)
    return Prompt(keys, values, valid, positions_of(valid), model(), 0, queries)


def layer_of(spec: str, sealed_prompt: Prompt) -> TieredLayer:
    """Return a layer whose prompt is sealed, with a few generated tokens."""
    layer = TieredCache(sealed_prompt.model, parse_spec(spec)).tiered_layers()[0]  # type: ignore[arg-type]
    layer.sealed = layer.cache.strategy.seal(sealed_prompt)
    layer.keys, layer.values = (
        tensor[:, :, -GENERATED:].clone() for tensor in (sealed_prompt.keys, sealed_prompt.values)
    )
    return layer


def full_attention(keys: Tensor, values: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return the ways to attend to everything, for a packed query (B, H, G, D)."""

    def products(query: Tensor) -> Tensor:
        return ((query @ keys.mT).float() * SIZE**-0.5).softmax(-1).to(keys.dtype) @ values

    return {"sdpa": lambda query: scaled_dot_product_attention(query, keys, values), "products": products}


@dataclass(frozen=True)
class Times:
    """Median milliseconds of a step: passed, and of the processor over all threads."""

    passed: float
    processor: float


def medians(ways: dict[str, Callable[[Tensor], object]], dtype: torch.dtype, seconds: float) -> dict[str, Times]:
    """Return the times of each way; they take turns until the time is over, at least five times."""
    generator = torch.Generator().manual_seed(1)
    passed: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(passed.values()))) < 6:
        query = torch.randn(1, HEADS, GROUP, SIZE, generator=generator).to(dtype)
        for name, way in ways.items():
            start, work = time.perf_counter(), time.process_time()
            way(query)
            processor[name].append(1000 * (time.process_time() - work))
            passed[name].append(1000 * (time.perf_counter() - start))
    return {name: Times(statistics.median(passed[name][1:]), statistics.median(processor[name][1:])) for name in ways}


def step(layer: TieredLayer) -> Callable[[Tensor], Tensor]:
    """Return the cache's step for a packed query (B, H, G, D)."""
    sealed = layer.sealed
    if sealed is None:
        raise SystemExit(f"{layer.cache.strategy.spec} keeps a prompt of this length whole")
    return lambda query: decode(layer, sealed, query.reshape(1, HEADS * GROUP, 1, SIZE), SIZE**-0.5, None)


def main() -> None:
    """Print one line for each strategy, length and number format."""
    parser = argparse.ArgumentParser(description="Time one decoding step.")
    parser.add_argument("specs", nargs="*", default=SPECS, metavar="SPEC")
    parser.add_argument("--lengths", type=int, nargs="+", default=[8192, 32_768, 131_072])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each strategy")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    sys.stderr.write(f"computed by: {library.name()}, {args.threads} threads\n")
    for name in args.dtypes:
        dtype = getattr(torch, name)
        for length in args.lengths:
            made = prompt(length, dtype)
            for spec in args.specs:
                start = time.perf_counter()
                layer = layer_of(spec, made)
                sealing = time.perf_counter() - start
                ways: dict[str, Callable[[Tensor], object]] = {"step": step(layer)}
                ways.update(full_attention(made.keys, made.values))
                found = medians(ways, dtype, args.seconds)
                full = [found["sdpa"], found["products"]]
                best = Times(min(one.passed for one in full), min(one.processor for one in full))
                row = {"spec": spec, "dtype": name, "tokens": length, "seal_s": round(sealing, 2),
                       "step_ms": round(found["step"].passed, 2), "full_ms": round(best.passed, 2),
                       "ratio": round(best.passed / found["step"].passed, 2),
                       "step_cpu_ms": round(found["step"].processor, 2), "full_cpu_ms": round(best.processor, 2),
                       "cpu_ratio": round(best.processor / found["step"].processor, 2)}  # fmt: skip
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
