from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from text2json.baselines.diagnosis.evidence import Piece, Watched, carriers, pieces, writing_steps
from text2json.baselines.diagnosis.probe import SUMS, Step
from text2json.baselines.diagnosis.tokens import PromptTokens, output_spans, prompt_tokens, token_at, tokens_within
from text2json.baselines.models import LoadedModel, load_model
from text2json.data import iter_samples

SPANS = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=3, unique=True).map(tuple), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model), dtype="float32")


def test_evidence_is_found_in_the_prompts_tokens(loaded: LoadedModel, documents: Path) -> None:
    for sample in iter_samples(documents):
        tokens = prompt_tokens(loaded, sample.problem)
        assert tokens.ids == loaded.encode([sample.problem])["input_ids"][0].tolist()
        found = pieces(sample, tokens)
        stated = {row["path"]: row["spans"] for row in json.loads(sample.evidence)}
        assert {f"[{piece.record}].{piece.field}" for piece in found} == set(stated)
        for piece in found:
            spans = stated[f"[{piece.record}].{piece.field}"]
            assert len(piece.spans) == len(spans)
            for span, (start, end) in zip(piece.spans, spans, strict=True):
                text = loaded.tokenizer.decode([tokens.ids[token] for token in span])
                assert sample.problem[start:end] in text
                assert len(text) < end - start + 24  # no more than the tokens at its borders


def test_an_outputs_tokens_cut_its_text_without_a_gap(loaded: LoadedModel) -> None:
    text = '[{"name":"Velo 3","colour":"größe ☃ 😀"}]'
    ids = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    whole = str(loaded.tokenizer.decode(ids))
    spans = output_spans(loaded, ids)
    assert "".join(whole[start:end] for start, end in spans) == whole
    for character in range(len(whole)):
        token = token_at(spans, character)
        assert token is not None
        assert spans[token][0] <= character < spans[token][1]
    assert token_at(spans, len(whole)) is None
    start = whole.index("Velo")
    assert "Velo" in "".join(whole[slice(*spans[token])] for token in tokens_within(spans, start, start + 4))


def step_of(read: NDArray[np.bool_], mass: NDArray[np.float64]) -> Step:
    return Step(np.zeros((*read.shape[:2], len(SUMS))), read, mass)


@given(st.lists(SPANS, min_size=1, max_size=3), st.integers(0, 10_000))
def test_recall_is_the_best_read_span_of_each_head_and_of_all(spans: list[list[tuple[int, ...]]], seed: int) -> None:
    watched = Watched([Piece(row, "name", None, tuple(own)) for row, own in enumerate(spans)])
    rng = np.random.default_rng(seed)
    size = len(watched.tokens)
    mass = rng.random((2, 3, size))
    read: NDArray[np.bool_] = np.less(rng.random((2, 3, size)), 0.5)
    looks = watched.look(step_of(read, mass), range(len(spans)))
    place = {token: number for number, token in enumerate(watched.tokens)}
    for own, look in zip(spans, looks, strict=True):
        members = sorted({place[token] for span in own for token in span})
        together = read.reshape(6, -1).max(0)
        assert look.any_head == pytest.approx(max(np.mean([together[place[t]] for t in span]) for span in own))
        recalls = []
        for layer in range(2):
            for head in range(3):
                best = max(np.mean([read[layer, head, place[token]] for token in span]) for span in own)
                number = 3 * layer + head
                recalls.append(best)
                assert look.recall[number] == pytest.approx(best)
                assert look.mass[number] == pytest.approx(mass[layer, head, members].sum())
                seen = (mass[layer, head] * read[layer, head])[members].sum()
                assert look.mass_read[number] == pytest.approx(seen)
        chosen = carriers(look.mass)
        assert look.carried == pytest.approx(np.mean([r for r, c in zip(recalls, chosen, strict=True) if c]))


@given(st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0]), min_size=1, max_size=8))
def test_the_carrying_heads_are_the_fewest_that_hold_half(mass: list[float]) -> None:
    chosen = carriers(np.array(mass))
    held = sum(m for m, c in zip(mass, chosen, strict=True) if c)
    assert held >= sum(mass) / 2 - 1e-9
    fewest, total = 0, 0.0
    for one in sorted(mass, reverse=True):
        if total >= sum(mass) / 2:
            break
        total, fewest = total + one, fewest + 1
    assert chosen.sum() == (fewest if sum(mass) else 0)


def test_reading_none_of_the_evidence_is_a_recall_of_nothing() -> None:
    watched = Watched([Piece(0, "name", None, ((3, 4), (9,)))])
    (look,) = watched.look(step_of(np.zeros((2, 2, 3), dtype=bool), np.ones((2, 2, 3)) / 8), [0])
    assert (look.any_head, look.carried, look.recall.max(), look.mass_read.max()) == (0, 0, 0, 0)
    assert look.mass.sum() == pytest.approx(1.5)


def test_a_token_is_written_by_the_step_that_reads_the_one_before() -> None:
    found = [Piece(0, "name", None, ((1,),)), Piece(0, "tags", 1, ((2,),)), Piece(1, "name", None, ((3,),))]
    spans = [(0, 2), (2, 4), (4, 6), (6, 8)]
    places = {(0, "name", None): (0, 3), (0, "tags", None): (4, 8), (0, "tags", 1): (6, 8)}
    assert writing_steps(found, places, spans) == {0: [0], 2: [1]}
    assert writing_steps(found, {(0, "tags", None): (4, 8)}, spans) == {1: [1], 2: [1]}


def test_tokens_that_touch_a_span() -> None:
    tokens = PromptTokens([5, 6, 7], [(-4, 0), (0, 3), (3, 5)])
    assert tokens.within(0, 3) == [1]
    assert tokens.within(2, 4) == [1, 2]
