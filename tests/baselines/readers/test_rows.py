from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from text2json.baselines.readers.batches import IGNORED, QUESTION, Documents, Tokens, collate, make_batch, noisy
from text2json.baselines.readers.hints import NONE
from text2json.baselines.readers.rows import RandomRows, Row

ROWS = RandomRows(12, 400)


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(64, 300))
def test_rows_fit_and_every_learned_token_can_be_read_from_the_context(seed: int, length: int) -> None:
    ids, learn, _ = ROWS.draw(np.random.default_rng(seed), length)
    assert len(ids) == len(learn) <= length
    for place, (token, learned) in enumerate(zip(ids, learn, strict=True)):
        assert not learned or token < 12 or token in ids[:place]


@given(seed=st.integers(0, 2**32 - 1))
def test_at_most_half_of_a_row_is_learned_so_that_collation_cuts_nothing(seed: int) -> None:
    for length in (64, 128, 256):
        _, learn, _ = ROWS.draw(np.random.default_rng(seed), length)
        assert sum(learn) <= length // 2 + 8


def test_a_lookup_answers_each_key_with_its_value() -> None:
    ids, *_ = ROWS.lookup(np.random.default_rng(3), 120)
    half = ids.index(11)
    cut = [tuple(part) for part in split(ids[:half], 9)]
    again = [tuple(part) for part in split(ids[half + 1 :], 9)]
    assert sorted(cut) == sorted(again)
    assert len(cut) > 3


def split(ids: list[int], separator: int) -> list[list[int]]:
    parts: list[list[int]] = [[]]
    for token in ids:
        if token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts[:-1]


def test_collation_pairs_each_place_with_the_token_that_follows_it() -> None:
    batch = collate([Row([5, 6, 7, 8], [False, False, True, True])], length=16, pad=0)
    assert batch.ids.tolist() == [[5, 6, 7, 8] + [0] * 12]
    assert batch.places[0, :2].tolist() == [1, 2]
    assert batch.targets[0, :2].tolist() == [7, 8]
    assert set(batch.targets[0, 2:].tolist()) == {IGNORED}


def test_documents_go_to_the_smallest_length_that_holds_them() -> None:
    samples = [Tokens(np.arange(size, dtype=np.int32), 4, NONE) for size in (10, 16, 17, 99)]
    documents = Documents.group(samples, [16, 32])
    assert {length: len(group) for length, group in documents.groups.items()} == {16: 2, 32: 1}


def test_equal_seeds_give_equal_batches() -> None:
    def draw() -> list[list[int]]:
        batch = make_batch(
            np.random.default_rng([1, 2]), documents=None, rows=ROWS, random_share=1.0,
            lengths=[64], batch_tokens=512, pad=0,
        )  # fmt: skip
        ids: list[list[int]] = batch.ids.tolist()
        return ids

    assert draw() == draw()
    assert len(draw()) == 8


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_noise_leaves_the_question_the_answer_and_its_words_in_the_text(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    ids, prompt = rng.integers(12, 90, 300).astype(np.int32), 250
    changed = noisy(rng, ids, prompt, share)
    same = changed == ids
    assert same[:QUESTION].all()
    assert same[prompt:].all()
    assert same[np.isin(ids, ids[prompt:])].all()
    assert set(changed[~same]) <= set(ids[QUESTION:prompt]) - set(ids[prompt:])


def test_noise_replaces_about_the_asked_share() -> None:
    rng = np.random.default_rng(0)
    ids = np.concatenate([np.arange(4000), np.arange(5000, 5100)]).astype(np.int32)
    assert abs((noisy(rng, ids, 4000, 0.25) != ids).sum() / (4000 - QUESTION) - 0.25) < 0.03
