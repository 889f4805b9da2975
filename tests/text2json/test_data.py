from __future__ import annotations

import json
from pathlib import Path

import pytest

import text2json
from text2json.data import iter_samples
from text2json.errors import DataError
from text2json.writing import write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "several"
    write_dataset("short,nested", path, samples=4, split="train,test")
    return path


def test_a_folder_with_several_configurations_wants_a_choice(folder: Path) -> None:
    with pytest.raises(DataError, match=r"holds several data sets.*:short/test"):
        list(iter_samples(folder))
    assert len(list(iter_samples(f"{folder}:nested"))) == 4
    assert [s.knobs for s in iter_samples(f"{folder}:short/train")] != [
        s.knobs for s in iter_samples(f"{folder}:short")
    ]


def test_a_file_of_the_folder_can_be_named(folder: Path) -> None:
    assert list(iter_samples(folder / "short" / "test.parquet")) == list(iter_samples(f"{folder}:short"))


def test_load_gives_a_dataset_with_the_columns(folder: Path) -> None:
    data = text2json.load(f"{folder}:nested")
    assert data.num_rows == 4
    assert data.column_names == ["id", "domain", "kind", "problem", "answer", "schema", "text_span", "evidence",
                                 "knobs", "canary"]  # fmt: skip


@pytest.mark.parametrize("config", ["short", "nested"])
def test_the_folder_loads_as_on_the_hub(folder: Path, config: str, tmp_path: Path) -> None:
    import datasets

    data = datasets.load_dataset(str(folder), config, split="test", cache_dir=str(tmp_path))
    assert [row["id"] for row in data] == [sample.id for sample in iter_samples(f"{folder}:{config}")]


def test_the_papers_form(tmp_path: Path) -> None:
    file = tmp_path / "paper.jsonl"
    answer = json.dumps([{"name": "A", "director": "B", "year": "1"}])
    file.write_text(json.dumps({"problem": "List.", "answer": answer}) + "\n", encoding="utf-8")
    (sample,) = iter_samples(file)
    assert (sample.id, sample.kind, sample.records()[0]["director"]) == ("paper-000000", "external", "B")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r":1: no JSON"),
        ("[1]", r":1: no JSON object"),
        ('{"problem": "x"}', r":1: column"),
        ('{"problem": "x", "answer": "{}"}', "no JSON list"),
        ('{"problem": "x", "answer": "[1]"}', "no JSON list"),
        ('{"problem": 5, "answer": "[]"}', "no JSON list"),
        ("", "holds no samples"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        list(iter_samples(file))


def test_what_is_no_data_is_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(iter_samples(tmp_path / "nothing.jsonl"))
    with pytest.raises(DataError, match="no data here"):
        list(iter_samples(f"{folder}:papr"))
    broken = tmp_path / "x.parquet"
    broken.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="no Parquet"):
        list(iter_samples(broken))
    double = tmp_path / "double.jsonl"
    sample = json.dumps(next(iter_samples(f"{folder}:short")).to_dict())
    double.write_text(f"{sample}\n{sample}\n", encoding="utf-8")
    with pytest.raises(DataError, match="stands twice"):
        list(iter_samples(double))
