from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard

from text2json.card import Series, size_category
from text2json.schemas.sample import Sample
from text2json.writing import write_dataset


def test_the_card_of_a_folder_is_whole(tmp_path: Path) -> None:
    made = write_dataset("short,paper", tmp_path / "d", samples=3, split="train,test")
    card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
    assert "@" not in card.replace("@REV", "")
    front: Any = DatasetCard(card).data
    assert front.license == "cc-by-4.0"
    assert front.size_categories == ["n<1K"]
    assert {config["config_name"] for config in front.configs} == {"short", "paper"}
    assert [part["name"] for part in front.dataset_info[0]["features"]] == [column.name for column in fields(Sample)]
    for config in front.configs:
        for split in config["data_files"]:
            assert (tmp_path / "d" / split["path"]).is_file()
    assert made["configs"]["paper"]["train"]["sha256"] in card


def test_a_series_has_min_mean_and_max() -> None:
    series = Series()
    for number in (3, 1, 8):
        series.add(number)
    assert str(series) == "1 / 4.0 / 8"


def test_size_categories_are_the_hubs() -> None:
    assert [size_category(n) for n in (999, 1000, 99_999, 100_000)] == [
        "n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M"]  # fmt: skip
