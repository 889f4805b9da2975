from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from text2json.baselines.readers.architecture import build_model
from text2json.baselines.readers.tokenizer import train_tokenizer
from text2json.baselines.readers.transplant import spelled, transplant

TEXTS = ["the kettle weighs a lot and the lamp does not", "a lamp is no kettle"]
OLD = train_tokenizer(TEXTS * 5, vocab_size=290)
NEW = train_tokenizer([*TEXTS, "moonlight and moonshine"] * 5, vocab_size=320)


def model_of(family: str = "llama", tokens: int = len(OLD)) -> PreTrainedModel:
    model = build_model(family, vocab_size=tokens, seed=0, hidden_size=64, head_dim=16, num_hidden_layers=3)
    model.eval()
    return model


def logits(model: PreTrainedModel, text: str = TEXTS[0]) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(**OLD(text, return_tensors="pt")).logits
    return found


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_without_a_change_the_reader_computes_what_it_did(family: str) -> None:
    old = model_of(family)
    before = logits(old)
    torch.testing.assert_close(logits(transplant(old, OLD, OLD, family, seed=1, texts=TEXTS).eval()), before)


def test_a_known_token_keeps_its_embedding_and_a_new_one_is_the_mean_of_its_parts() -> None:
    torch.manual_seed(0)
    table = torch.randn(len(OLD), 8)
    rows = spelled(table, OLD, NEW, seed=3)
    old, new = OLD.get_vocab(), NEW.get_vocab()
    added = sorted(set(new) - set(old))
    assert added
    for word in set(new) & set(old):
        assert torch.equal(rows[new[word]], table[old[word]])
    for word in added:
        parts = OLD(NEW.convert_tokens_to_string([word]), add_special_tokens=False)["input_ids"]
        away = (rows[new[word]] - table[parts].mean(0)).norm() / table.norm(dim=1).mean()
        assert 0 < away < 1


def test_a_llama_becomes_a_qwen3_whose_queries_keep_their_size() -> None:
    """The oracle: queries of the Llama and of the Qwen 3, recorded, have the same root mean square per layer."""
    old = model_of()
    new: Any = transplant(old, OLD, OLD, "qwen3", seed=1, texts=TEXTS).eval()
    assert new.config.model_type == "qwen3"
    sizes: dict[str, list[float]] = {"old": [], "new": []}

    def note(name: str) -> Any:
        return lambda module, inputs, output: sizes[name].append(float(output.square().mean()))

    first: Any = old
    first.model.layers[0].self_attn.q_proj.register_forward_hook(note("old"))
    new.model.layers[0].self_attn.q_norm.register_forward_hook(note("new"))
    for text in TEXTS:
        logits(old, text)
        logits(new, text)
    assert sum(sizes["new"]) == pytest.approx(sum(sizes["old"]), rel=0.02)
    assert torch.equal(new.model.layers[1].mlp.down_proj.weight, first.model.layers[1].mlp.down_proj.weight)
