"""Hints against the documents' own text, and their loss against attention written out plainly."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from text2json.baselines.readers import reader_path, stage_data
from text2json.baselines.readers.batches import Tokens, collate
from text2json.baselines.readers.hints import HEADS, KINDS, Seen, reply_spans
from text2json.baselines.readers.rows import Row

COMMAND = (
    "short --split train --samples 12 --set records=2-4 --set distractors=0-60 --set scatter=50 --set length=1500-2600"
)

WIDE = (
    "short --split train --samples 24 --set wordings=wide --set distractors=100 --set length=1850-3000 --set noise=20"
)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(reader_path("reader-llama"))
    return loaded


@pytest.fixture(scope="module", params=[0.0, 0.7])
def samples(
    request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> list[Tokens]:
    folder = stage_data.generated(COMMAND, tmp_path_factory.mktemp("hints"))
    return stage_data.tokenize(folder, tokenizer, scramble=request.param)


def text(tokenizer: PreTrainedTokenizerBase, ids: np.ndarray) -> str:
    return str(tokenizer.decode(ids))


def test_a_value_is_looked_up_where_the_text_states_it(
    samples: list[Tokens], tokenizer: PreTrainedTokenizerBase
) -> None:
    for ids, prompt, hints in samples:
        values = hints[hints[:, 0] == KINDS.index("value")]
        answer = text(tokenizer, ids[prompt:])
        ends = [hint for hint in values if text(tokenizer, ids[hint[1] + 1 : hint[1] + 2]).startswith('"}')]
        assert len(values) - len(ends) == answer.count('":"')
        for _, look, start, end in values:
            assert prompt <= look < len(ids) - 1
            assert end == start + 1 <= prompt
            said = text(tokenizer, ids[look + 1 : look + 12]).removeprefix('"},{"name":"')
            if said.startswith('"}]'):  # the last record is followed by none
                assert start == 0
            else:
                assert said.strip('":,[{} ')[:1] == text(tokenizer, ids[start : start + 4]).strip("\"'`* ")[:1]
        assert len(ends) == answer.count('"name":')


def test_a_value_looks_at_the_name_of_its_record(samples: list[Tokens], tokenizer: PreTrainedTokenizerBase) -> None:
    for ids, prompt, hints in samples:
        answer = text(tokenizer, ids[prompt:])
        places = hints[hints[:, 0] == KINDS.index("record")]
        assert (places[:, 1] >= prompt).sum() == answer.count('":"')
        assert (places[:, 1] < prompt).any()
        assert ((places[:, 2] == 0) & (places[:, 3] == 1)).sum() == 2  # the first name, in text and answer
        for _, look, start, end in places[places[:, 2] > 0]:
            assert start < end <= look
            assert f'"name":"{text(tokenizer, ids[start:end]).strip()}' in answer


def test_a_record_is_chosen_by_what_is_stated_of_it(samples: list[Tokens], tokenizer: PreTrainedTokenizerBase) -> None:
    for ids, prompt, hints in samples:
        records = json.loads(text(tokenizer, ids[prompt:]).removesuffix(tokenizer.eos_token))
        owners = hints[hints[:, 0] == KINDS.index("owner")]
        for _, look, start, end in owners:
            assert end == start + 1 <= prompt <= look + 1
            before = text(tokenizer, ids[prompt : look + 1])
            following = before.count('"name":"') - before.endswith('"name":"')
            if following == len(records):
                assert start == 0
            else:
                values = [value for key, value in records[following].items() if key != "name"]
                assert text(tokenizer, ids[start : start + 3]).strip("\"'`* ")[:1] in {value[0] for value in values}
        chosen = {text(tokenizer, ids[prompt : look + 1]).count('"name":"') for look in owners[:, 1]}
        assert chosen == set(range(1, len(records) + 1))


def test_names_that_an_answer_has_given_are_looked_at(
    samples: list[Tokens], tokenizer: PreTrainedTokenizerBase
) -> None:
    for ids, prompt, hints in samples:
        for _, look, start, end in hints[hints[:, 0] == KINDS.index("given")]:
            before = text(tokenizer, ids[prompt : look + 1])
            named = before.count('"name":"') - before.endswith('"name":"')
            assert (start == 0) == (named == 0)
            if start:
                assert text(tokenizer, ids[prompt:start]).endswith('"name":"')
                assert start < end <= look
        looks = hints[hints[:, 0] == KINDS.index("given"), 1]
        assert set(hints[hints[:, 0] == KINDS.index("owner"), 1]) == set(looks)


@pytest.mark.parametrize("scramble", [0.0, 0.7])
def test_sentences_that_exclude_are_looked_at(
    scramble: float, tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = stage_data.generated(WIDE, tmp_path_factory.mktemp("wide"))
    rows = [row for chunk in stage_data.read(folder, "knobs") for row in chunk]
    excluded = [json.loads(row["knobs"])["excluded"] for row in rows]
    assert sum(excluded) > 10
    for (_, _, hints), count in zip(stage_data.tokenize(folder, tokenizer, scramble=scramble), excluded, strict=True):
        places = hints[hints[:, 0] == KINDS.index("excluded")]
        ends = set(map(int, places[:, 2]))
        assert len(ends - {0}) == count
        assert (0 in ends) == (not count)
        for end in ends - {0}:
            (name,) = (hint for hint in hints if hint[0] == KINDS.index("record") and hint[1] == end)
            assert end - 90 < name[2] < name[3] <= end + 1


def test_places_in_an_answer_are_those_of_its_strings() -> None:
    records = [{"name": 'A "b"', "x": "é"}, {"name": "C", "y": "d, e"}]
    answer = stage_data.reply(json.dumps(records), name_first=True)
    spans = reply_spans(records)
    found = {leaf: answer[slice(*places[0])] for leaf, places in spans.items()}
    assert found == {(0, "name"): 'A \\"b\\"', (0, "x"): "é", (1, "name"): "C", (1, "y"): "d, e"}
    assert reply_spans("a table") == reply_spans([{"name": "A", "n": 3}]) == reply_spans(["a"]) == {}


def test_the_loss_is_that_of_the_weight_on_the_right_tokens() -> None:
    rng = np.random.default_rng(0)
    batch, length, size = 2, 24, 8
    rows = []
    for _ in range(batch):
        hints = np.array([[kind, 20, 3, 6] for kind in range(len(KINDS))] + [[0, 9, 9, 10]], dtype=np.int32)
        rows.append(Row(rng.integers(0, 9, length).tolist(), [True] * length, hints))
    wanted = collate(rows, length=length, pad=0).hints
    seen = Seen()
    seen.on = True
    torch.manual_seed(0)
    layers = {layer: (torch.randn(batch, 4, length, size), torch.randn(batch, 2, length, size)) for layer in range(8)}
    for layer, (query, key) in layers.items():
        seen.note(layer, query, key)
    expected = []
    for kind, heads in HEADS.items():
        for layer, head in heads:
            query, key = layers[layer]
            weights = torch.softmax(
                (query @ key.repeat_interleave(2, 1).transpose(2, 3)).masked_fill(
                    torch.ones(length, length, dtype=torch.bool).triu(1), float("-inf")
                ), -1,
            )  # fmt: skip
            places = [(20, 3, 6)] + ([(9, 9, 10)] if kind == "record" else [])
            rights = [weights[:, head, look, start:end].sum(-1) for look, start, end in places]
            expected.append(-torch.cat(rights).log().mean())
    assert float(seen.loss(wanted)) == pytest.approx(float(torch.stack(expected).mean()), rel=1e-5)
    assert not seen.layers
