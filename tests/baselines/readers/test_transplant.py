from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from text2json.baselines.readers.architecture import build_model
from text2json.baselines.readers.tokenizer import train_tokenizer
from text2json.baselines.readers.transplant import transplant

TEXTS = ["the kettle weighs a lot and the lamp does not", "a lamp is no kettle"]
TOKENIZER = train_tokenizer(TEXTS * 5, vocab_size=290)


def model_of(family: str = "llama", tokens: int = len(TOKENIZER)) -> PreTrainedModel:
    model = build_model(family, vocab_size=tokens, seed=0, hidden_size=64, head_dim=16, num_hidden_layers=3)
    model.eval()
    return model


def logits(model: PreTrainedModel, text: str = TEXTS[0]) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(**TOKENIZER(text, return_tensors="pt")).logits
    return found


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_without_a_change_the_reader_computes_what_it_did(family: str) -> None:
    old = model_of(family)
    before = logits(old)
    torch.testing.assert_close(logits(transplant(old, TOKENIZER, family, texts=TEXTS).eval()), before)


def test_a_llama_becomes_a_qwen3_whose_queries_keep_their_size() -> None:
    """The oracle: queries of the Llama and of the Qwen 3, recorded, have the same root mean square per layer."""
    old = model_of()
    new: Any = transplant(old, TOKENIZER, "qwen3", texts=TEXTS).eval()
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
