from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.baselines.gguf_file import write_gguf
from text2json.baselines.models import load_model
from text2json.errors import ModelError


def test_a_local_folder_loads_with_left_padding_and_stop_tokens(tiny_model: Path) -> None:
    loaded = load_model(str(tiny_model))
    batch = loaded.encode(["List all products.", "The kettle weighs 3.4 kg. List all products."])
    assert batch["attention_mask"][0, 0] == 0
    assert bool(batch["attention_mask"][:, -1].all())
    assert loaded.stop_tokens == {3}
    assert not loaded.model.training


def test_a_prompt_is_one_user_turn_of_the_chat_template(tiny_model: Path) -> None:
    assert load_model(str(tiny_model)).turn("Hello") == "<|user|>Hello<|assistant|>"


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("name", ["reader-lama", "./nowhere", "a/b/c", "/nowhere/at/all"])
def test_what_is_no_model_is_refused_before_any_network(name: str) -> None:
    with pytest.raises(ModelError, match="neither a bundled reader, nor a folder, nor a Hub id"):
        load_model(name)


@pytest.mark.parametrize("device", ["nope", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_shows_before_anything_is_loaded(tmp_path: Path, device: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=f"no device '{device}': .*give cpu"):
        load_model(str(tmp_path), device=device)


def test_a_broken_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"cannot be loaded: .*give a folder"):
        load_model(str(tmp_path))


def test_a_gguf_file_loads_as_the_model_that_it_was_made_from(tiny_model: Path, tmp_path: Path) -> None:
    original = load_model(str(tiny_model))
    write_gguf(tmp_path / "tiny.gguf", original.model, original.tokenizer)
    loaded = load_model(str(tmp_path / "tiny.gguf"))
    assert loaded.turn("Hello") == original.turn("Hello")
    ids = torch.arange(4, 60)[None]
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, original.model(ids).logits)
    loaded.model.save_pretrained(tmp_path / "plain")  # nothing of the file is left in it
    assert "quantization_config" not in (tmp_path / "plain" / "config.json").read_text()


def test_a_gguf_file_of_a_foreign_or_broken_kind_is_told(tiny_model: Path, tmp_path: Path) -> None:
    original = load_model(str(tiny_model))
    write_gguf(tmp_path / "foreign.gguf", original.model, original.tokenizer, name="nosuch")
    with pytest.raises(ModelError, match=r"foreign\.gguf' cannot be loaded: .*nosuch"):
        load_model(str(tmp_path / "foreign.gguf"))
    write_gguf(tmp_path / "whole.gguf", original.model, original.tokenizer)
    content = (tmp_path / "whole.gguf").read_bytes()
    for length in (4, 20, len(content) // 2, len(content) - 1000):
        (tmp_path / "cut.gguf").write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"cut\.gguf' cannot be loaded"):
            load_model(str(tmp_path / "cut.gguf"))


def test_a_gguf_file_without_its_reader_says_what_to_install(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = load_model(str(tiny_model))
    write_gguf(tmp_path / "tiny.gguf", original.model, original.tokenizer)
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", lacking_gguf)
    with pytest.raises(ModelError, match=r'gguf.*pip install "text2json\[lora\]"'):
        load_model(str(tmp_path / "tiny.gguf"))


def lacking_gguf(*_: object, **__: object) -> None:
    """What transformers does where `gguf` is not installed."""
    raise ImportError("Please install torch and gguf>=0.10.0 to load a GGUF checkpoint in PyTorch.")
