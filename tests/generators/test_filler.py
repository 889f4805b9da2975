from __future__ import annotations

import re
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


def test_wide_paragraphs_are_whole_and_follow_from_the_bits() -> None:
    made, again = (list(islice(filler(Bits(5), "train", 5000, wide=True), 800)) for _ in range(2))
    assert made == again
    assert len({paragraph.text for paragraph in made}) == len(made)
    for paragraph in made:
        assert 3 <= len(paragraph.sentences) <= 6
        for sentence in paragraph.sentences:
            assert sentence[0].isupper() or not sentence[0].isalpha(), sentence
            assert sentence.rstrip('"')[-1] in ".!?", sentence
            assert "{" not in sentence
            assert "  " not in sentence


def test_names_of_wide_paragraphs_hardly_repeat() -> None:
    texts = [paragraph.text for paragraph in islice(filler(Bits(6), "train", 5000, wide=True), 4000)]
    people = [
        name for text in texts for name in re.findall(r"(?:^|[ \"(])([A-Z][a-z]+ [A-Z][a-z]+) (?:of|from|once)", text)
    ]
    assert len(people) > 100
    assert len(set(people)) > 0.95 * len(people)


def test_frames_are_parted_between_the_splits() -> None:
    frames = [Patterns(text) for text in _table()["topics"].values()]
    assert all(len(block["test"]) >= 8 for block in frames)
    assert not any(set(block["test"]) & set(block["train"]) for block in frames)
