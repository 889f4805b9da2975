"""The host tier in memory and on disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import TieredCache, handed, tiered_cache
from text2json.baselines.host import Disk, Memory
from text2json.baselines.parts import fetch, take
from text2json.baselines.strategies import STRATEGIES
from text2json.errors import InputError

SMALL = {
    "oracle": "budget=20,local=8", "shadowkv": "budget=24,local=8", "yakv": "budget=20,local=8",
    "yakv-serving": "budget=20,least=10", "residual-landmarks": "budget=20,local=8",
    "quest": "budget=48,dense_layers=0", "arkvale": "budget=16,sinks=0,window=1",
    "infinigen": "budget=20,dense_layers=0", "lrqk": "budget=20,local=8,rank=8", "streaming-llm": "window=20",
    "snapkv": "budget=24,window=8", "quantized": "local=8", "ablation": "budget=20,local=8",
}  # fmt: skip
SPECS = [f"{name}:{SMALL[name]}" if name in SMALL else name for name in STRATEGIES]


def answer(cache: TieredCache, inputs: dict[str, Tensor], **options: Any) -> Tensor:
    with torch.inference_mode():
        found: Tensor = cache.model.generate(  # type: ignore[operator]
            **inputs, **handed(cache), max_new_tokens=6, do_sample=False, pad_token_id=0, **options
        )
    return found


@pytest.mark.parametrize("spec", SPECS)
def test_on_disk_every_strategy_answers_and_counts_as_in_memory(spec: str, tmp_path: Path) -> None:
    model, inputs = tiny(), prompts(2, 90, padding=(11,))
    memory, disk = tiered_cache(model, spec), tiered_cache(model, spec, disk=tmp_path)
    assert torch.equal(answer(disk, inputs), answer(memory, inputs))
    ours, theirs = disk.ledger, memory.ledger
    assert (ours.device_bytes, ours.host_bytes) == (theirs.device_bytes, theirs.host_bytes)
    assert (ours.moved, ours.moved_with_reuse) == (theirs.moved, theirs.moved_with_reuse)
    assert ours.disk_bytes == theirs.host_bytes
    assert theirs.disk_bytes == 0
    assert list(tmp_path.iterdir()) == []


def test_beams_chunks_and_second_turns_stay_on_disk(tmp_path: Path) -> None:
    model, inputs = tiny(), prompts(1, 90)
    for options in ({"num_beams": 3}, {"prefill_chunk_size": 32}):
        caches = [tiered_cache(model, SPECS[4], disk=folder) for folder in (None, tmp_path)]
        first, second = (answer(cache, inputs, **options) for cache in caches)
        assert torch.equal(first, second)
        assert caches[1].ledger.disk_bytes == caches[0].ledger.host_bytes > 0
        more = {"input_ids": torch.cat([first, first[:, :5]], 1)}
        if "num_beams" not in options:
            assert torch.equal(answer(caches[0], more), answer(caches[1], more))
            assert caches[1].ledger.refetched == caches[1].ledger.disk_bytes


def test_tensors_of_every_format_come_back_from_their_files(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    for dtype in (torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.int64, torch.bool):
        tensor = torch.randn(3, 5, 7).to(dtype)
        kept = disk.keep(tensor)
        assert torch.equal(kept, tensor)
        assert kept.data_ptr() != tensor.data_ptr()
    assert disk.keep(torch.zeros(2, 0)).shape == (2, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the list of mapped files is Linux's")
def test_the_files_are_mapped_while_the_cache_lives_and_gone_afterwards(tmp_path: Path) -> None:
    def mapped() -> int:
        return sum(str(tmp_path) in line for line in Path("/proc/self/maps").read_text().splitlines())

    cache = tiered_cache(tiny(), "yakv:budget=20,local=8", disk=tmp_path)
    answer(cache, prompts(1, 90))
    assert mapped() == 8  # codes and scales of keys and values in two layers
    cache.reset()
    assert mapped() == 0


def test_nothing_is_left_when_the_process_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, signal, torch
from pathlib import Path
from text2json.baselines.host import Disk
kept = Disk(Path({str(tmp_path)!r})).keep(torch.ones(1000))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert list(tmp_path.iterdir()) == []


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_little_space_is_told_before_any_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = tiny(), prompts(1, 90)
    needed = 3 * 2 * 2 * 90 * 32 * 4  # two layers and one of them twice, K and V, kv-heads, tokens, channels, bytes
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, needed - 1))
    cache = tiered_cache(model, "yakv:budget=20,local=8", disk=tmp_path)
    with pytest.raises(InputError, match=r"the disk tier needs 0\.000 GB"):
        answer(cache, inputs)
    assert cache.get_seq_length() == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, needed))
    assert answer(tiered_cache(model, "yakv:budget=20,local=8", disk=tmp_path), inputs).shape == (1, 96)


def test_a_disk_that_fills_up_meanwhile_is_an_error_and_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**62, 0, 2**62))
    with pytest.raises(InputError, match="cannot keep"):
        Disk(tmp_path).keep(torch.zeros(1, dtype=torch.uint8).expand(2**50))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        tiered_cache(tiny(), "yakv", disk=tmp_path / "nowhere")


def test_memory_without_a_gpu_is_the_tensor_itself() -> None:
    tensor = torch.ones(3)
    assert Memory().keep(tensor) is tensor


def test_rows_are_gathered_alike_where_tiers_are_different_devices() -> None:
    """Without a GPU at hand, the staged path runs as far as the copy: the meta device stands for the other one."""
    rows, index = torch.randn(2, 3, 10, 4), torch.randint(0, 10, (2, 3, 5))
    assert torch.equal(fetch(rows, index), take(rows, index))
    assert fetch(rows.to("meta"), index.to("meta")).shape == (2, 3, 5, 4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_host_tier_is_pinned_and_answers_are_those_of_the_cpu() -> None:
    model, inputs = tiny(), prompts(2, 90, padding=(11,))
    expected = answer(tiered_cache(model, "yakv:budget=20,local=8"), inputs)
    torch.nn.Module.cuda(model)
    cache = tiered_cache(model, "yakv:budget=20,local=8")
    found = answer(cache, {name: tensor.cuda() for name, tensor in inputs.items()})
    assert torch.equal(found.cpu(), expected)
    sealed = cache.tiered_layers()[0].sealed
    assert sealed is not None
    codes: Tensor = sealed.keys.codes  # type: ignore[attr-defined]
    assert codes.is_pinned()
