from __future__ import annotations

from itertools import islice

from text2json.generators.bits import Bits
from text2json.generators.domain import Patterns
from text2json.generators.filler import POOL, _table, filler, filler_paragraph


def test_a_document_meets_no_paragraph_twice_while_there_are_enough() -> None:
    made = list(islice(filler(Bits(3), "test", 5000), POOL))
    assert len({id(paragraph) for paragraph in made}) == POOL


def test_paragraphs_are_the_same_whenever_they_are_made() -> None:
    first = filler_paragraph("test", 77)
    filler_paragraph.cache_clear()
    assert filler_paragraph("test", 77) == first
    assert 3 <= len(first.sentences) <= 6


def test_sentences_are_whole() -> None:
    for number in range(400):
        for sentence in filler_paragraph("train", number).sentences:
            assert sentence[0].isupper() or not sentence[0].isalpha()
            assert sentence[-1] in ".!?"
            assert "{" not in sentence
            assert "  " not in sentence


def test_frames_are_parted_between_the_splits() -> None:
    frames = [Patterns(text) for text in _table()["topics"].values()]
    assert all(len(block["test"]) >= 8 for block in frames)
    assert not any(set(block["test"]) & set(block["train"]) for block in frames)
