from __future__ import annotations

import json
from pathlib import Path

import pytest

from text2json.baselines.sources import Source, locate
from text2json.errors import ModelError


def adapter_folder(folder: Path, **settings: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


def test_a_hub_id_may_carry_a_revision() -> None:
    assert locate("ORG/NAME@abc") == Source("ORG/NAME", "abc")
    assert locate("ORG/NAME") == Source("ORG/NAME")


def test_an_adapter_brings_its_base(tmp_path: Path, tiny_model: Path) -> None:
    folder = adapter_folder(tmp_path / "adapter", base_model_name_or_path=str(tiny_model))
    assert locate(str(folder)) == Source(str(tiny_model), adapter=str(folder))
    other = adapter_folder(tmp_path / "other", base_model_name_or_path="ORG/NAME", revision="abc")
    assert locate(str(other)) == Source("ORG/NAME", "abc", adapter=str(other))


def test_a_relative_base_counts_from_the_adapter(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").touch()
    folder = adapter_folder(tmp_path / "adapter", base_model_name_or_path="../base")
    assert locate(str(folder)).path == str(folder / "../base")


def test_base_and_adapter_may_be_named_together(tmp_path: Path) -> None:
    folder = adapter_folder(tmp_path / "adapter", base_model_name_or_path="/nowhere")
    assert locate(f"ORG/NAME@abc+{folder}") == Source("ORG/NAME", "abc", adapter=str(folder))
    assert locate("ORG/NAME+ORG/MORE@2") == Source("ORG/NAME", adapter="ORG/MORE", adapter_revision="2")


def test_a_folder_whose_name_has_a_plus_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a+b"
    folder.mkdir()
    (folder / "config.json").touch()
    assert locate(str(folder)) == Source(str(folder))


def test_a_gguf_file_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF and so on")
    assert locate(str(file)) == Source(str(tmp_path), gguf_file="model.gguf")
    file.write_bytes(b"PK, a zip")
    with pytest.raises(ModelError, match=r"model\.gguf: neither a folder nor a GGUF file"):
        locate(str(file))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base_model_name_or_path": "/nowhere/at/all"}, r"base cannot be found.*--model BASE\+"),
        ({"base_model_name_or_path": None}, "does not name its base"),
        ({}, "not the configuration of an adapter"),
    ],
)
def test_an_adapter_whose_base_is_lost_says_so(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        locate(str(adapter_folder(tmp_path / "adapter", **settings)))


@pytest.mark.parametrize("name", ["ORG/NAME+", "ORG/NAME+./nowhere", "ORG/NAME+a/b/c"])
def test_what_is_no_adapter_is_refused_before_any_network(name: str) -> None:
    with pytest.raises(ModelError, match="neither a folder nor a Hub id"):
        locate(name)


def test_a_folder_without_an_adapter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"adapter_config\.json is missing"):
        locate(f"ORG/NAME+{tmp_path}")


def test_adapters_do_not_stack(tmp_path: Path, tiny_model: Path) -> None:
    one = adapter_folder(tmp_path / "one", base_model_name_or_path=str(tiny_model))
    two = adapter_folder(tmp_path / "two", base_model_name_or_path=str(one))
    with pytest.raises(ModelError, match="itself an adapter"):
        locate(f"{one}+{two}")
    with pytest.raises(ModelError, match="itself an adapter"):
        locate(str(two))
