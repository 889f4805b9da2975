from __future__ import annotations

from pathlib import Path

import pytest

from text2json.generators.bits import Bits
from text2json.generators.lexicon import FOLDER, load, names, part
from text2json.generators.splits import split_of
from text2json.generators.words import made_up


@pytest.mark.parametrize("name", names())
def test_every_lexicon_says_where_it_comes_from_and_repeats_nothing(name: str) -> None:
    first = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(("# From Faker 4", "# Written for this project: "))
    assert len(set(load(name))) == len(load(name))


@pytest.mark.parametrize("name", ["first_names", "last_names", "cities", "streets", "countries", "colours"])
def test_the_splits_part_a_lexicon(name: str) -> None:
    assert not set(part(name, "train")) & set(part(name, "test"))
    assert set(part(name, "train")) | set(part(name, "test")) == set(load(name))
    assert len(part(name, "test")) >= 20


def test_made_up_words_are_many_and_parted() -> None:
    drawn = {split: {made_up(Bits(split, n), split) for n in range(3000)} for split in ("train", "test")}
    assert len(drawn["train"]) > 2900
    assert not drawn["train"] & drawn["test"]
    assert all(split_of(word.lower()) == "test" for word in drawn["test"])


def test_lexicons_are_built_from_faker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faker")
    from text2json.generators import build_lexicons

    monkeypatch.setattr(build_lexicons, "DRAWS", 300)
    build_lexicons.build(tmp_path)
    assert {file.stem for file in tmp_path.glob("*.txt")} == set(build_lexicons.METHODS)
    header, *entries = (tmp_path / "cities.txt").read_text(encoding="utf-8").splitlines()
    assert "locale en_US, method city" in header
    assert entries == sorted(set(entries))
