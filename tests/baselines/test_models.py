from __future__ import annotations

from pathlib import Path

import pytest

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


def test_a_broken_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"cannot be loaded: .*give a folder"):
        load_model(str(tmp_path))
