from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from torch import Tensor
from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel, PreTrainedModel

from tests.baselines.tiny import FAMILIES, prompts, tiny, transformers_before
from text2json.baselines.cache import ROOM, Read, TieredCache, TieredLayer, grown, handed, tiered_cache
from text2json.errors import InputError, ModelError

PADDED = {"padding": (40, 0, 7)}


def answer(model: PreTrainedModel, inputs: dict[str, Tensor], cache: TieredCache | None = None, **options: Any) -> Any:
    extra = {} if cache is None else handed(cache)
    greedy = {"max_new_tokens": 12, "do_sample": False, "return_dict_in_generate": True, "output_logits": True}
    with torch.inference_mode():
        return model.generate(**inputs, **extra, pad_token_id=0, **(greedy | options))  # type: ignore[operator]


def largest_difference(one: Any, other: Any) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(one.logits, other.logits, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_full_equals_stock_token_by_token_and_logit_by_logit(family: str) -> None:
    model, inputs = tiny(family), prompts(3, 150, **PADDED)
    stock = answer(model, inputs)
    full = answer(model, inputs, tiered_cache(model, "full"))
    assert torch.equal(full.sequences, stock.sequences)
    assert largest_difference(full, stock) == 0.0


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "spec", ["oracle:budget=140,local=2", "shadowkv:budget=144,local=2,rank=64,chunk=4,outliers=0"]
)
def test_a_lossless_strategy_that_reads_almost_everything_equals_stock(family: str, spec: str) -> None:
    """All but the prompt's shortest distance to the budget is read, from the tiers, at full rank."""
    model, inputs = tiny(family), prompts(1, 147)
    stock = answer(model, inputs)
    cache = tiered_cache(model, spec)
    sparse = answer(model, inputs, cache)
    assert cache.ledger.steps > 0
    weights_left_out = 5 / 147
    experts = 3 if family == "qwen3-moe" else 1  # a token may be routed to another expert
    assert largest_difference(sparse, stock) < 60 * experts * weights_left_out
    assert float((sparse.sequences == stock.sequences).float().mean()) > 0.9


@pytest.mark.parametrize("spec", ["oracle:budget=200", "yakv:budget=200", "shadowkv:budget=200", "yakv:local=150"])
def test_a_prompt_that_the_budget_covers_is_full_attention(spec: str) -> None:
    model, inputs = tiny(), prompts(2, 150, padding=(30,))
    stock = answer(model, inputs)
    cache = tiered_cache(model, spec)
    covered = answer(model, inputs, cache)
    assert torch.equal(covered.sequences, stock.sequences)
    assert largest_difference(covered, stock) == 0.0
    assert cache.ledger.steps == 0
    assert cache.ledger.host_bytes == 0


@pytest.mark.parametrize("spec", ["oracle:budget=20,local=8", "yakv:budget=20,local=8", "shadowkv:budget=24,local=8"])
def test_padding_changes_nothing_for_its_row(spec: str) -> None:
    """A padded row's chunks begin elsewhere, so for chunks the padding is a whole number of them.

    Scores are kept small, since softmax weights that underflow to zero are tied, and ties fall by place.
    """
    model = tiny(initializer_range=0.1)
    inputs = prompts(2, 160, padding=(40,))
    together = answer(model, inputs, tiered_cache(model, spec))
    alone = {name: tensor[:1, 40:] for name, tensor in inputs.items()}
    single = answer(model, alone, tiered_cache(model, spec))
    assert torch.equal(together.sequences[0, 160:], single.sequences[0, 120:])
    difference = max(float((a[0] - b[0]).abs().max()) for a, b in zip(together.logits, single.logits, strict=True))
    assert difference < 1e-3


@pytest.mark.parametrize("spec", ["full", "oracle:budget=20", "yakv:budget=20", "shadowkv:budget=24"])
def test_beams_reorder_every_tier(spec: str) -> None:
    """With equal beams of one prompt, reordering must leave what greedy decoding finds among them."""
    model, inputs = tiny(), prompts(2, 120, padding=(9,))
    beams = answer(model, inputs, tiered_cache(model, spec), num_beams=3, output_logits=False)
    assert beams.sequences.shape == (2, 132)
    again = answer(model, inputs, tiered_cache(model, spec), num_beams=3, output_logits=False)
    assert torch.equal(beams.sequences, again.sequences)
    if spec == "full":
        assert torch.equal(beams.sequences, answer(model, inputs, num_beams=3, output_logits=False).sequences)


@pytest.mark.skipif(transformers_before(5), reason="its last prompt token is a step of its own")
def test_chunked_prefill_equals_whole_prefill() -> None:
    model, inputs = tiny(), prompts(1, 120)
    whole = answer(model, inputs, tiered_cache(model, "yakv:budget=20"))
    chunked = answer(model, inputs, tiered_cache(model, "yakv:budget=20"), prefill_chunk_size=50)
    assert torch.equal(whole.sequences, chunked.sequences)


def test_a_second_turn_on_a_full_cache_equals_stock() -> None:
    model, inputs = tiny(), prompts(1, 80)
    cache = tiered_cache(model, "full")
    first = answer(model, inputs, cache).sequences
    more = torch.cat([first, prompts(1, 9)["input_ids"]], 1)
    turn = {"input_ids": more, "attention_mask": torch.ones_like(more)}
    assert torch.equal(answer(model, turn, cache).sequences, answer(model, turn).sequences)


def test_a_second_turn_reads_the_sealed_prompt_back() -> None:
    model, inputs = tiny(), prompts(1, 80)
    cache = tiered_cache(model, "oracle:budget=40")
    first = answer(model, inputs, cache).sequences
    more = torch.cat([first, prompts(1, 9)["input_ids"]], 1)
    turn = {"input_ids": more, "attention_mask": torch.ones_like(more)}
    second = answer(model, turn, cache)
    assert second.sequences.shape[1] == more.shape[1] + 12
    fresh = answer(model, turn, tiered_cache(model, "full"), max_new_tokens=1)
    sealed = second.logits[0] - fresh.logits[0]
    assert float(sealed.abs().max()) < 1.0  # its own earlier answers were sparse, so close, not equal


@pytest.mark.parametrize(("spec", "most"), [("full-offload", 1e-4), ("oracle:budget=80,local=8", 1e-2)])
def test_padding_between_two_turns_of_a_batch_is_never_read(spec: str, most: float) -> None:
    """Batched chats are padded anew at each turn; the oracle leaves out two of 90 tokens."""
    model, inputs = tiny(), prompts(2, 90, padding=(11,))

    def second_turn(cache: Any) -> Any:
        first = answer(model, inputs, cache).sequences
        more = torch.cat([first, torch.zeros(2, 10, dtype=torch.long), prompts(2, 9)["input_ids"]], 1)
        mask = torch.ones_like(more)
        mask[0, :11] = mask[0, 102:112] = mask[1, 102:108] = 0
        return answer(model, {"input_ids": more, "attention_mask": mask}, cache)

    stock, tiered = second_turn(DynamicCache(config=model.config)), second_turn(tiered_cache(model, spec))
    assert torch.equal(tiered.sequences, stock.sequences)
    assert largest_difference(tiered, stock) < most


def test_reset_makes_a_cache_new() -> None:
    model, inputs = tiny(), prompts(2, 90, padding=(5,))
    cache = tiered_cache(model, "yakv:budget=10,local=8")
    first = answer(model, inputs, cache)
    cache.reset()
    assert cache.get_seq_length() == 0
    assert cache.ledger.device_bytes == 0
    assert torch.equal(answer(model, inputs, cache).sequences, first.sequences)


def test_generated_tokens_can_be_cropped_and_the_prompt_cannot() -> None:
    model, inputs = tiny(), prompts(1, 90)
    cache = tiered_cache(model, "yakv:budget=10,local=8")
    answer(model, inputs, cache)
    length = cache.get_seq_length()
    cache.crop(-4)
    assert cache.get_seq_length() == length - 4
    with pytest.raises(InputError, match="cannot be cropped"):
        cache.crop(-50)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
@pytest.mark.parametrize("batch", [1, 3])
def test_generated_tokens_grow_in_place(mode: Any, batch: int) -> None:
    """Rows are those of concatenation, also after a crop and a choice of rows, and seldom move."""
    with mode():
        rows = [torch.randn(batch, 2, 1, 8) for _ in range(2 * ROOM)]
        kept, places = rows[0].clone(), set()
        for row in rows[1:]:
            kept = grown(kept, row)
            places.add(kept.data_ptr())
        assert torch.equal(kept, torch.cat(rows, 2))
        assert len(places) == 2
        cropped = grown(kept[:, :, :5], rows[9])
        assert cropped.data_ptr() == kept.data_ptr()
        assert torch.equal(cropped, torch.cat([*rows[:5], rows[9]], 2))
        before, chosen = cropped.clone(), cropped[-1:]
        after = grown(chosen, rows[8][-1:])
        assert torch.equal(after, torch.cat([chosen, rows[8][-1:]], 2))
        assert torch.equal(cropped, before)
        assert torch.equal(grown(kept[:, :, 1:3], rows[7]), torch.cat([*rows[1:3], rows[7]], 2))


def test_the_ledger_counts_what_the_formulae_say() -> None:
    """Per token and kv-head, DESIGN's bytes: YAKV d/4 codes plus a scale; exact float32 keys and values 8 d."""
    model = tiny(num_key_value_heads=4, num_attention_heads=8, head_dim=32)  # 128 key channels, two layers
    cache = tiered_cache(model, "yakv:budget=10,local=0")
    answer(model, prompts(1, 200), cache)
    kept = cache.ledger.kept
    assert kept["device", "index"] == 2 * 200 * (128 // 4 + 2)
    assert kept["host", "keys"] == 2 * 200 * 4 * (32 // 2 + 2) + 2 * 8  # where the prompt begins is kept too
    assert kept["host", "values"] == 2 * 200 * 4 * (32 // 2 + 2)
    assert cache.ledger.moved_bytes_per_step == 2 * 4 * 10 * 2 * (32 // 2 + 2)
    full = tiered_cache(model, "full")
    answer(model, prompts(1, 200), full)
    assert full.ledger.device_bytes_per_token == 2 * 4 * 2 * 32 * 4


def test_generated_tokens_stand_apart_where_the_prompt_stays_whole() -> None:
    model = tiny()
    cache = tiered_cache(model, "full")
    answer(model, prompts(1, 100), cache)
    token = 2 * 2 * 2 * 32 * 4  # layers, K and V, kv-heads, channels, bytes
    assert cache.ledger.kept["device", "exact"] == 100 * token
    assert cache.ledger.kept["device", "generated"] == 11 * token
    assert cache.ledger.device_bytes_per_token == token


def test_reuse_counts_only_what_the_last_step_did_not_fetch() -> None:
    model = tiny()
    cache = tiered_cache(model, "oracle:budget=70,local=8")
    answer(model, prompts(1, 90), cache)
    assert 0 < cache.ledger.moved_bytes_per_step_with_reuse < 0.5 * cache.ledger.moved_bytes_per_step


def test_sliding_window_layers_stay_stock() -> None:
    layer_types = ["sliding_attention", "full_attention"]
    model = tiny("qwen3", use_sliding_window=True, sliding_window=32, layer_types=layer_types)
    inputs = prompts(1, 100)
    assert tiered_cache(model, "full").is_sliding == [True, False]
    full = answer(model, inputs, tiered_cache(model, "full"))
    assert torch.equal(full.sequences, answer(model, inputs).sequences)


def test_a_model_that_never_hands_its_keys_on_is_refused() -> None:
    model = tiny()
    cache = tiered_cache(model, "full")
    model.set_attn_implementation("sdpa")
    with pytest.raises(ModelError, match="never hands on"):
        answer(model, prompts(1, 20), cache)


def test_a_strategy_that_needs_rotary_positions_says_so() -> None:
    config = GPT2Config(
        vocab_size=300, n_positions=256, n_embd=32, n_layer=1, n_head=2, bos_token_id=None, eos_token_id=None
    )
    model = GPT2LMHeadModel(config).eval()
    with pytest.raises(ModelError, match="no single rotary embedding"):
        answer(model, prompts(1, 120), tiered_cache(model, "yakv:budget=5,local=4"))


MIXED = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64}
TURNING = ["yakv", "residual-landmarks", "shadowkv", "streaming-llm", "infinigen", "ablation:keys=low-rank",
           "ablation:keys=higgs", "selection@yakv"]  # fmt: skip


def mixed(kind: str, **changes: Any) -> PreTrainedModel:
    """Return a random model of one of transformers' families whose layers have positions of several kinds."""
    config = getattr(transformers, f"{kind}Config" if kind != "Gemma3" else "Gemma3TextConfig")
    shape = {"vocab_size": 300, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 32,
             "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.2, "pad_token_id": 0,
             "bos_token_id": None, "eos_token_id": None}  # fmt: skip
    torch.manual_seed(0)
    model: PreTrainedModel = getattr(transformers, f"{kind}ForCausalLM")(config(**(shape | changes))).eval()
    return model


@pytest.mark.parametrize("spec", TURNING)
@pytest.mark.parametrize("kind", ["SmolLM3", "Cohere2", "Exaone4"])
def test_layers_without_positions_are_refused_where_keys_are_turned(kind: str, spec: str) -> None:
    model = mixed(kind, **({"no_rope_layers": [0, 1]} if kind == "SmolLM3" else MIXED))
    with pytest.raises(ModelError, match="in other ways, or not at all"):
        tiered_cache(model, spec)
    assert tiered_cache(model, "oracle").strategy.name == "oracle"


@pytest.mark.parametrize("kind", ["Gemma3", "Olmo3"])
def test_an_embedding_that_turns_each_kind_of_layer_otherwise_is_asked_for_the_right_kind(kind: str) -> None:
    """Keys without positions at full rank are stock's; every strategy that turns keys works."""
    model, inputs = mixed(kind, **MIXED), prompts(1, 100)
    cache = tiered_cache(model, "ablation:index=none,keys=low-rank,rank=1")
    assert largest_difference(answer(model, inputs, cache), answer(model, inputs)) < 1e-3
    assert cache.ledger.steps > 0
    for spec in ("yakv:budget=20", "streaming-llm:window=40"):
        answer(model, inputs, tiered_cache(model, spec))


@pytest.mark.parametrize("spec", ["full", "oracle:budget=20,local=4", "quest:budget=48,page=8"])
def test_an_observer_sees_every_layer_at_every_step_and_changes_nothing(spec: str) -> None:
    class Watch:
        def __init__(self) -> None:
            self.seen: list[tuple[int, tuple[int, ...], bool]] = []

        def see(self, layer: TieredLayer, query: Tensor, scaling: float, output: Tensor, read: Read | None) -> None:
            assert output.shape == (1, 1, 4, 32)
            assert scaling == pytest.approx(32**-0.5)
            self.seen.append((layer.place, tuple(query.shape), read is None))

    model, watch = tiny(num_hidden_layers=3), Watch()
    inputs = prompts(1, 100)
    caches = [tiered_cache(model, spec) for _ in range(2)]
    caches[1].observer = watch
    plain, watched = (answer(model, inputs, cache, max_new_tokens=5) for cache in caches)
    assert torch.equal(plain.sequences, watched.sequences)
    assert largest_difference(plain, watched) == 0.0
    dense = {"full": {0, 1, 2}, "quest": {0, 1}}.get(spec.partition(":")[0], set())
    assert watch.seen == [(place, (1, 4, 1, 32), place in dense) for _ in range(4) for place in range(3)]
