"""The readers' tokeniser: lossless, and values have the same tokens wherever they stand."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from text2json.baselines.readers.tokenizer import FUNCTION_WORDS, train_tokenizer
from text2json.generators import generate

WORDS = st.text(st.characters(categories=["Lu", "Ll", "Nd", "Pd"]), min_size=1, max_size=12)


@cache
def trained() -> PreTrainedTokenizerFast:
    samples = generate("short", split="train", seed=2, samples=60)
    return train_tokenizer([text for sample in samples for text in (sample.problem, sample.answer)], vocab_size=1500)


def pieces(text: str) -> list[str]:
    return list(trained().tokenize(text))


@pytest.mark.parametrize("value", ["lime", "sky blue", "Mill of Ashford", "12.5 kg", "K-77/2", "élan vital"])
def test_a_value_has_the_same_tokens_in_a_sentence_and_in_an_answer(value: str) -> None:
    said, answered = pieces(f"The thing is {value}."), pieces(f'{{"thing":"{value}"}}')
    start = len(pieces("The thing is "))
    own = said[start:-1]
    assert "".join(own).replace("Ġ", " ") == "".join(pieces(value)).replace("Ġ", " ")
    assert any(answered[place : place + len(own)] == own for place in range(len(answered)))


@given(st.lists(WORDS, min_size=1, max_size=3).map(" ".join))
def test_so_has_any_value_that_does_not_begin_with_a_function_word(value: str) -> None:
    if value.split()[0] in FUNCTION_WORDS.split("|"):
        return
    said = pieces(f"Thing: {value}")
    assert said[len(pieces("Thing: ")) :] == pieces(value)


@given(st.text())
def test_nothing_is_lost(text: str) -> None:
    assert trained().decode(trained()(text, add_special_tokens=False)["input_ids"]) == text


def test_function_words_keep_their_blank_and_digits_stand_alone() -> None:
    assert "Ġof" in trained().get_vocab()
    assert not any(
        len(token) > 1 and any(sign.isdigit() for sign in token) for token in trained().get_vocab() if token[0] != "<"
    )


def test_keys_of_a_schema_are_read_back() -> None:
    schema = json.dumps([{"name": "string", "board_certifications": "string"}], separators=(",", ":"))
    assert trained().decode(trained()(schema)["input_ids"]) == schema
