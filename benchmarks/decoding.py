"""Whole `generate()` with this package's caches and transformers' own: `python benchmarks/decoding.py reader|1b`.

reader  the bundled reader-llama on the documents of a demo, prompts read by the model
1b      a random model of Llama-3.2-1B's geometry (16 layers, 32 query heads and 8 kv-heads of 64 channels, hidden
        size 2,048, bfloat16); the prompt's keys and values are random too and are put into the cache directly, so that
        a run measures decoding alone and no hour of prefill on a CPU

Each cache generates greedily; tokens a second come from the median decoding step of the whole model, and memory is what
the cache's tensors take, device and host apart. Caches take turns over several rounds, so that a busy machine slows
all of them. transformers' caches run under `sdpa`, their default; `static` is not compiled.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow small steps on a busy machine

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache, QuantizedCache, StaticCache

from text2json.baselines.cache import TieredCache, handed, tiered_cache
from text2json.baselines.kernels import library

STOCK = ("dynamic", "static", "fp8", "quanto")


@dataclass
class Clock:
    """A streamer of `generate` that notes when each token comes."""

    times: list[float] = field(default_factory=list)

    def put(self, value: Tensor) -> None:
        """Note a token; the prompt comes first."""
        self.times.append(time.perf_counter())

    def end(self) -> None:
        """Nothing is left to do."""


def new_cache(model: PreTrainedModel, name: str, length: int) -> Cache:
    """Return one of transformers' caches by name, or this package's for a strategy's spec."""
    if name not in STOCK:
        return tiered_cache(model, name)
    model.set_attn_implementation("sdpa")
    if name == "dynamic":
        return DynamicCache(config=model.config)
    if name == "static":
        return StaticCache(config=model.config, max_cache_len=length)
    return QuantizedCache(name, model.config)


def tensors_of(thing: object, seen: set[int]) -> int:
    """Return the bytes of all tensors below an object of a cache, each storage once."""
    if isinstance(thing, Tensor):
        parts = [getattr(thing, name) for name in ("_data", "_scale", "_shift") if hasattr(thing, name)]
        if parts:
            return sum(tensors_of(part, seen) for part in parts)
        storage = thing.untyped_storage()
        if storage.data_ptr() in seen:
            return 0
        seen.add(storage.data_ptr())
        return storage.nbytes()
    if isinstance(thing, (list, tuple)):
        return sum(tensors_of(part, seen) for part in thing)
    if isinstance(thing, dict):
        return sum(tensors_of(part, seen) for part in thing.values())
    return tensors_of(vars(thing), seen) if type(thing).__module__.endswith("cache_utils") else 0


def memory(cache: Cache) -> tuple[float, float]:
    """Return megabytes on the device and on the host."""
    if isinstance(cache, TieredCache):
        ledger = cache.ledger
        return ledger.device_bytes / 1e6, ledger.host_bytes / 1e6
    return tensors_of(list(cache.layers), set()) / 1e6, 0.0


def filled(model: PreTrainedModel, cache: Cache, length: int) -> None:
    """Put random keys and values of `length` tokens into every layer, as a prefill would."""
    config = model.config
    shape = (1, config.num_key_value_heads, length, config.head_dim)
    generator = torch.Generator().manual_seed(0)
    for place in range(config.num_hidden_layers):
        keys, values = (torch.randn(shape, generator=generator).to(model.dtype) for _ in range(2))
        cache.update(keys, values, place)
        if isinstance(cache, TieredCache):
            cache.tiered_layers()[place].pending = False


def run(model: PreTrainedModel, name: str, ids: Tensor, new_tokens: int, *, fill: bool) -> dict[str, float]:
    """Generate once; return seconds to the second token, the median step after it, and megabytes."""
    length = ids.shape[1]
    cache = new_cache(model, name, length + new_tokens)
    if fill:
        filled(model, cache, length - 1)
    clock = Clock()
    start = time.perf_counter()
    model.generate(ids, attention_mask=torch.ones_like(ids), **handed(cache), max_new_tokens=new_tokens,
                   min_new_tokens=new_tokens, do_sample=False, streamer=clock)  # fmt: skip
    steps = [after - before for before, after in zip(clock.times[2:], clock.times[3:], strict=False)]
    device, host = memory(cache)
    return {"begin": clock.times[2] - start, "step": statistics.median(steps), "device": device, "host": host}


def llama_1b() -> PreTrainedModel:
    """Return a random model of Llama-3.2-1B's geometry."""
    config = LlamaConfig(
        vocab_size=128_256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32,
        num_key_value_heads=8, head_dim=64, max_position_embeddings=131_072, rope_theta=500_000.0,
        tie_word_embeddings=True, pad_token_id=0, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        made: PreTrainedModel = LlamaForCausalLM(config).eval()
    finally:
        torch.set_default_dtype(before)
    return made


def reader_prompt(tokens: int) -> tuple[PreTrainedModel, Tensor]:
    """Return reader-llama and a prompt of about so many tokens, from documents put one after the other."""
    from text2json.baselines.models import load_model
    from text2json.demo import make_documents

    loaded = load_model("reader-llama")
    with tempfile.TemporaryDirectory() as folder:
        texts = [sample.problem for sample in make_documents(Path(folder) / "data", 40)]
    ids = loaded.encode(["\n".join(texts)])["input_ids"]
    return loaded.model, ids[:, -tokens:]


def main() -> None:
    """Print one line for each cache."""
    parser = argparse.ArgumentParser(description="Time whole generate().")
    parser.add_argument("model", choices=["reader", "1b"])
    parser.add_argument("caches", nargs="*", help=f"of transformers ({', '.join(STOCK)}) or specs of strategies")
    parser.add_argument("--tokens", type=int, default=16_384, help="of the prompt")
    parser.add_argument("--new-tokens", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    sys.stderr.write(f"computed by: {library.name()}, {args.threads} threads\n")
    fill = args.model == "1b"
    if fill:
        model, ids = llama_1b(), torch.ones(1, args.tokens, dtype=torch.long)
    else:
        model, ids = reader_prompt(args.tokens)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in args.caches}
    for _ in range(args.rounds):
        for name, runs in found.items():
            runs.append(run(model, name, ids, args.new_tokens, fill=fill))
    for name, runs in found.items():
        step, begin = (statistics.median(one[key] for one in runs) for key in ("step", "begin"))
        row: dict[str, Any] = {
            "model": args.model, "cache": name, "prompt_tokens": ids.shape[1], "tokens_per_second": round(1 / step, 2),
            "step_ms": round(1000 * step, 2), "first_tokens_s": round(begin, 2),
            "device_mb": round(runs[0]["device"], 2), "host_mb": round(runs[0]["host"], 2),
        }  # fmt: skip
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
