from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from text2json.baselines.readers.batches import (
    IGNORED,
    QUESTION,
    Documents,
    Tokens,
    collate,
    make_batch,
    noisy,
    skipping,
)
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


@given(seed=st.integers(0, 2**32 - 1), reach=st.integers(0, 5000))
def test_leaps_leave_the_question_and_the_answer_whole(seed: int, reach: int) -> None:
    row = Row([9] * 300, [False] * 250 + [True] * 50)
    skips = skipping(np.random.default_rng(seed), row, reach)
    assert not skips[:QUESTION].any()
    assert not skips[250:].any()
    assert (skips >= 0).all()
    assert np.count_nonzero(skips) <= 4
    assert skips.sum() <= max(0, reach - 300)


def test_half_of_the_rows_leap_and_their_positions_only_grow() -> None:
    rows = [Row([9] * 300, [False] * 250 + [True] * 50)] * 200
    rng = np.random.default_rng(0)
    plain = collate(rows, length=320, pad=0).positions
    leaping = collate(rows, length=320, pad=0, skips=lambda row: skipping(rng, row, 8192)).positions
    assert (plain == torch.arange(320)).all()
    assert (leaping.diff(dim=1) >= 1).all()
    assert 80 < (leaping[:, 299] > 299).sum() < 120
    assert leaping.max() < 8192 + 20
    assert leaping[:, 299].max() > 6000
