from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BatchEncoding, Phi3Config, Phi3ForCausalLM

from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import handed, tiered_cache
from text2json.baselines.models import LoadedModel
from text2json.baselines.prefill import Clock, Prefill, dense_cache, generate, prefill
from text2json.errors import ModelError

SPECS = ["full", "oracle:budget=20,local=8", "snapkv:budget=24,window=8", "lrqk:budget=20,local=8,rank=8",
         "infinigen:budget=20,dense_layers=0"]  # fmt: skip


def loaded(**changes: Any) -> LoadedModel:
    model = tiny("qwen3", **changes)
    return LoadedModel("tiny", None, model, SimpleNamespace(pad_token_id=0, eos_token_id=None))  # type: ignore[arg-type]


def read(one: LoadedModel, inputs: dict[str, Tensor]) -> Prefill:
    cache = dense_cache(one.model, SPECS)
    tokens = generate(one, inputs["input_ids"], inputs["attention_mask"], cache, 1, Clock())
    mask = torch.nn.functional.pad(inputs["attention_mask"], (0, 1), value=1)
    return Prefill(one, tokens, mask, cache, 0.0, 0)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("sliding", [False, True])
def test_a_handed_prompt_goes_on_as_if_it_were_read_alone(spec: str, sliding: bool) -> None:
    extra = {"use_sliding_window": True, "sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"]}
    one, inputs = loaded(**(extra if sliding else {})), prompts(2, 80, padding=(11,))
    with torch.inference_mode():
        alone = one.model.generate(  # type: ignore[operator]
            **inputs, **handed(tiered_cache(one.model, spec)), max_new_tokens=10, do_sample=False, pad_token_id=0
        )
    shared = read(one, inputs)
    assert shared.prompt_tokens == [69, 80]
    for last in (False, False, True):  # what one strategy does to its copy reaches no other
        cache = shared.hand_over(spec, last=last)
        assert torch.equal(generate(one, shared.tokens, shared.mask, cache, 9, Clock()), alone)


def test_each_strategy_sees_as_many_of_the_last_queries_as_it_wants() -> None:
    one, inputs = loaded(), prompts(1, 40)
    shared = read(one, inputs)
    kept = {spec: shared.hand_over(spec, last=False).tiered_layers()[0].queries for spec in SPECS}
    assert kept["full"] is None
    assert kept["oracle:budget=20,local=8"] is None
    whole, some = kept["lrqk:budget=20,local=8,rank=8"], kept["snapkv:budget=24,window=8"]
    assert whole is not None
    assert some is not None
    assert whole.shape[2] == 40
    assert torch.equal(some, whole[:, :, -8:])


def test_a_prompt_that_is_read_without_the_cache_is_an_error() -> None:
    """Phi-3 drops any cache that comes before `original_max_position_embeddings` tokens."""
    config = Phi3Config(vocab_size=300, hidden_size=32, intermediate_size=32, num_hidden_layers=1, pad_token_id=0,
                        num_attention_heads=2, num_key_value_heads=2, original_max_position_embeddings=64)  # fmt: skip

    class Tokenizer:
        chat_template, pad_token_id, eos_token_id = None, 0, None

        def __call__(self, texts: list[str], **_: Any) -> BatchEncoding:
            return BatchEncoding(prompts(len(texts), 80))

    one = LoadedModel("tiny", None, Phi3ForCausalLM(config).eval(), Tokenizer())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="kept 0 of a prompt's 80 tokens"):
        prefill(one, ["one"], ["full"])


def test_the_clock_counts_every_step() -> None:
    one, inputs = loaded(), prompts(1, 40)
    clock = Clock()
    generate(one, inputs["input_ids"], inputs["attention_mask"], dense_cache(one.model, ["full"]), 5, clock)
    assert len(clock.steps) == 5
    assert min(clock.steps) > 0
