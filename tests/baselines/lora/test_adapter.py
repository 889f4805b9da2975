from __future__ import annotations

import sys
from pathlib import Path

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from tests.baselines.tiny import tiny
from text2json.baselines.models import load_model
from text2json.errors import ModelError

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # in peft


def write_adapter(folder: Path, base: Path, *, targets: tuple[str, ...] = ("q_proj", "down_proj")) -> PreTrainedModel:
    """Save a random adapter of `base` as peft does; return base and adapter folded together by peft itself."""
    torch.manual_seed(1)
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=list(targets), init_lora_weights=False)
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    model.save_pretrained(str(folder))
    plain = model.merge_and_unload()
    assert isinstance(plain, PreTrainedModel)
    plain.eval()
    return plain


@torch.no_grad()
def logits(model: PreTrainedModel) -> torch.Tensor:
    return model(torch.arange(4, 60)[None]).logits  # type: ignore[no-any-return]


def test_an_adapter_loads_as_peft_merges_it(tiny_model: Path, tmp_path: Path) -> None:
    expected = write_adapter(tmp_path / "adapter", tiny_model)
    for name in (str(tmp_path / "adapter"), f"{tiny_model}+{tmp_path / 'adapter'}"):
        loaded = load_model(name)
        assert torch.equal(logits(loaded.model), logits(expected))
        assert type(loaded.model) is type(expected)
        assert loaded.revision is not None
        assert loaded.revision.startswith("sha256:")
    assert not torch.allclose(logits(load_model(str(tiny_model)).model), logits(expected), atol=1e-3)


def test_merging_happens_before_rounding(tiny_model: Path, tmp_path: Path) -> None:
    """The weights of a base in 16 bits and an adapter are rounded once, as their sum."""
    AutoModelForCausalLM.from_pretrained(tiny_model).bfloat16().save_pretrained(tmp_path / "base")
    load_model(str(tiny_model)).tokenizer.save_pretrained(tmp_path / "base")
    write_adapter(tmp_path / "adapter", tmp_path / "base")
    wide = AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.float32)
    expected = peft.PeftModel.from_pretrained(wide, tmp_path / "adapter").merge_and_unload().bfloat16()
    loaded = load_model(str(tmp_path / "adapter"))
    assert loaded.model.dtype == torch.bfloat16
    for name, weight in expected.named_parameters():
        assert torch.equal(weight, loaded.model.get_parameter(name)), name
    assert load_model(str(tmp_path / "adapter"), dtype="float32").model.dtype == torch.float32


def test_an_adapter_of_another_shape_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter", tiny_model)
    tiny(num_hidden_layers=1).save_pretrained(tmp_path / "other")
    load_model(str(tiny_model)).tokenizer.save_pretrained(tmp_path / "other")
    with pytest.raises(ModelError, match=r"does not fit its base: .*--model BASE\+ADAPTER"):
        load_model(f"{tmp_path / 'other'}+{tmp_path / 'adapter'}")


def test_an_adapter_without_peft_says_what_to_install(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_adapter(tmp_path / "adapter", tiny_model)
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ModelError, match=r'adapters need peft.*pip install "text2json\[lora\]"'):
        load_model(str(tmp_path / "adapter"))


def test_an_adapter_without_weights_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter", tiny_model)
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match="adapter"):
        load_model(str(tmp_path / "adapter"))


def test_a_model_that_holds_an_adapter_beside_its_weights_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    """Strategies that read a layer's weights would miss what is not folded in."""
    write_adapter(tmp_path / "both", tiny_model)
    load_model(str(tiny_model)).model.save_pretrained(tmp_path / "both")
    load_model(str(tiny_model)).tokenizer.save_pretrained(tmp_path / "both")
    with pytest.raises(ModelError, match="holds an adapter"):
        load_model(str(tmp_path / "both"))
