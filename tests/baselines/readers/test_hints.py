"""Hints against the documents' own text, and their loss against attention written out plainly."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from text2json.baselines.readers import reader_path, stage_data
from text2json.baselines.readers.batches import Tokens, collate, noisy, spared
from text2json.baselines.readers.hints import HEADS, KINDS, Seen, reply_spans
from text2json.baselines.readers.rows import Row
from text2json.baselines.readers.scramble import located
from text2json.errors import DataError

COMMAND = (
    "short --split train --samples 12 --set records=2-4 --set distractors=0-60 --set scatter=50 --set length=1500-2600"
)

WIDE = (
    "short --split train --samples 24 --set wordings=wide --set distractors=100 --set length=1850-3000 --set noise=20"
)

TABLES = (
    "short --split train --samples 16 --set wordings=wide --set genres=table --set fields=2-4 --set length=1850-2600"
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


def of_kind(kind: str, hints: np.ndarray) -> np.ndarray:
    return np.asarray(hints[hints[:, 0] == KINDS.index(kind)])


def test_a_value_is_looked_up_where_the_text_states_it(
    samples: list[Tokens], tokenizer: PreTrainedTokenizerBase
) -> None:
    for ids, prompt, hints in samples:
        values = of_kind("value", hints)
        answer = text(tokenizer, ids[prompt:])
        assert len(values) == answer.count('":"') - answer.count('"name":"')
        for _, look, start, end in values:
            assert prompt <= look < len(ids) - 1
            assert end == start + 1 <= prompt
            said = text(tokenizer, ids[look + 1 : look + 12])
            assert said.strip('":,[{} ')[:1] == text(tokenizer, ids[start : start + 4]).strip("\"'`* ")[:1]


@pytest.mark.parametrize("kind", ["choice", "next"])
def test_the_next_record_is_looked_up_where_the_text_first_names_it(
    kind: str, samples: list[Tokens], tokenizer: PreTrainedTokenizerBase
) -> None:
    for ids, prompt, hints in samples:
        names = [record["name"] for record in json.loads(text(tokenizer, ids[prompt:-1]))]
        found = of_kind(kind, hints)
        assert len(names) < len(found) <= 2 * len(names)
        for _, look, start, _ in found:
            before = text(tokenizer, ids[prompt : look + 1])
            number = before.count('"name":"') - before.endswith('"name":"')
            if number == len(names):
                assert start == 0
            else:
                assert text(tokenizer, ids[start:prompt]).lstrip().startswith(names[number])
                assert names[number] not in text(tokenizer, ids[:start])


def test_a_value_looks_at_the_name_of_its_record(samples: list[Tokens], tokenizer: PreTrainedTokenizerBase) -> None:
    for ids, prompt, hints in samples:
        answer = text(tokenizer, ids[prompt:])
        places = of_kind("record", hints)
        assert (places[:, 1] >= prompt).sum() == answer.count('":"')
        assert (places[:, 1] < prompt).any()
        assert ((places[:, 2] == 0) & (places[:, 3] == 1)).sum() == 2  # the first name, in text and answer
        for _, look, start, end in places[places[:, 2] > 0]:
            assert start < end <= look
            assert f'"name":"{text(tokenizer, ids[start:end]).strip()}' in answer


def test_a_name_that_comes_up_again_looks_at_its_last_mention(
    samples: list[Tokens], tokenizer: PreTrainedTokenizerBase
) -> None:
    again = 0
    for ids, prompt, hints in samples:
        names = [record["name"] for record in json.loads(text(tokenizer, ids[prompt:-1]))]
        for _, look, start, end in of_kind("mention", hints):
            shown = text(tokenizer, ids[start:end]).strip()
            near = text(tokenizer, ids[max(start + 1, look - 30) : look + 30])
            number = names.index(shown) if start else -1
            assert (start and shown in near) or names[number + 1] in near
            again += look < prompt and bool(start) and shown in near
    assert again > 10


def test_first_mentions_are_told_from_later_ones(samples: list[Tokens], tokenizer: PreTrainedTokenizerBase) -> None:
    for ids, prompt, hints in samples:
        names = [record["name"] for record in json.loads(text(tokenizer, ids[prompt:-1]))]
        found = of_kind("again", hints)
        later = found[found[:, 2] > 0]
        assert all(ids[look] == ids[start] and end == start + 1 and start < look for _, look, start, end in later)
        first = found[found[:, 2] == 0, 1]
        assert first.max() < prompt
        for name in names:
            assert sum(text(tokenizer, ids[look:prompt]).lstrip().startswith(name) for look in first) == 1


def test_further_tokens_look_at_those_that_they_repeat(
    samples: list[Tokens], tokenizer: PreTrainedTokenizerBase
) -> None:
    for ids, prompt, hints in samples:
        copies = of_kind("copy", hints)
        assert len(copies) > 10
        for _, look, start, end in copies:
            assert end == start + 1 <= prompt <= look
            assert ids[start] == ids[look + 1]
            assert ids[start - 1] == ids[look]


def test_a_record_is_chosen_by_what_is_stated_of_it(samples: list[Tokens], tokenizer: PreTrainedTokenizerBase) -> None:
    for ids, prompt, hints in samples:
        records = json.loads(text(tokenizer, ids[prompt:]).removesuffix(tokenizer.eos_token))
        owners = of_kind("owner", hints)
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
        for _, look, start, end in of_kind("given", hints):
            before = text(tokenizer, ids[prompt : look + 1])
            named = before.count('"name":"') - before.endswith('"name":"')
            assert (start == 0) == (named == 0)
            if start:
                assert text(tokenizer, ids[prompt:start]).endswith('"name":"')
                assert start < end <= look
        assert set(of_kind("owner", hints)[:, 1]) == set(of_kind("given", hints)[:, 1])


@pytest.fixture(scope="module", params=[0.0, 0.7])
def excluding(
    request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[int, Tokens]]:
    """Documents that exclude entities, with the number of these."""
    folder = stage_data.generated(WIDE, tmp_path_factory.mktemp("wide"))
    rows = [row for chunk in stage_data.read(folder, "knobs") for row in chunk]
    made = stage_data.tokenize(folder, tokenizer, scramble=request.param)
    counts = [int(json.loads(row["knobs"])["excluded"]) for row in rows]
    assert sum(counts) > 10
    return list(zip(counts, made, strict=True))


def test_sentences_that_exclude_are_looked_at(excluding: list[tuple[int, Tokens]]) -> None:
    for count, (_, _, hints) in excluding:
        ends = set(map(int, of_kind("excluded", hints)[:, 2]))
        assert len(ends - {0}) == count
        assert (0 in ends) == (not count)
        for end in ends - {0}:
            (name,) = (hint for hint in of_kind("record", hints) if hint[1] == end)
            assert end - 90 < name[2] < name[3] <= end + 1


def test_excluded_entities_are_in_the_chain_of_names_and_passed_over(excluding: list[tuple[int, Tokens]]) -> None:
    passed = linked = 0
    for count, (_, _, hints) in excluding:
        chosen = {look: start for _, look, start, _ in of_kind("choice", hints)}
        following = {look: start for _, look, start, _ in of_kind("next", hints)}
        assert chosen.keys() == following.keys()
        over = {following[look] for look in chosen if following[look] != chosen[look]}
        assert len(over) <= count
        assert all(not chosen[look] or following[look] <= chosen[look] for look in chosen)
        passed += len(over)
        links = {look: start for _, look, start, _ in of_kind("record", hints)}
        linked += sum(links[start] < start and start in links.values() for start in over)
        assert over <= links.keys()
    assert passed > 10
    assert linked > 5


def test_documents_of_an_earlier_version_are_refused() -> None:
    with pytest.raises(DataError, match="documents of an earlier version"):
        located({"evidence": "[]", "knobs": '{"exclusions":[[3,9,20]]}', "problem": "", "answer": "[]"})


def test_noise_spares_the_sentences_that_exclude(excluding: list[tuple[int, Tokens]]) -> None:
    for _, (ids, prompt, hints) in excluding:
        kept = spared(hints)
        changed = np.flatnonzero(noisy(np.random.default_rng(0), ids, prompt, 0.9, kept) != ids)
        assert len(changed) > 20
        assert not set(changed) & set(kept)
        assert set(map(int, of_kind("excluded", hints)[:, 2])) - {0} <= set(map(int, kept))


def test_cells_of_a_column_count_alike(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    folder = stage_data.generated(TABLES, tmp_path)
    seen = set()
    for ids, _, hints in stage_data.tokenize(folder, tokenizer):
        counts = Counter(map(int, of_kind("count", hints)[:, 1]))
        for _, value, head, _ in of_kind("column", hints):
            assert counts[head] == counts[value] > 1
            seen.add(counts[value])
        for _, look, start, end in of_kind("count", hints):
            assert start < end <= look + 1
            assert text(tokenizer, ids[start:look]).count("\n") <= 1
    assert len(seen) > 3


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
