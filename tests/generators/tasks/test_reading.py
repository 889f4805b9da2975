"""Each task is solved from its prompt alone, by a reader that shares nothing with the generator."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from text2json.schemas.sample import Sample
from text2json.tasks import parse_task

NUMBER = re.compile(r"numbers of ([^.?]+?) is (\d{7})\.")
FIRST = re.compile(r"(?:Let|Set) ([A-Z]{5}) (?:be|to) (\d{5})\.")
NEXT = re.compile(r"(?:Let ([A-Z]{5}) be the same as|Set ([A-Z]{5}) to the value of) ([A-Z]{5})\.")


def parts(sample: Sample) -> tuple[str, str]:
    low, high = sample.text_span
    return sample.problem[low:high], sample.problem[:low] + sample.problem[high:]


@pytest.mark.parametrize("name", ["single-needle", "multi-key", "multi-value", "multi-query"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_numbers(name: str, split: str) -> None:
    for sample in parse_task(f"{name}:samples=20,split={split}").load():
        text, question = parts(sample)
        stated = NUMBER.findall(text)
        keys = {key for key, _ in stated}
        found = [value for key, value in stated if key in question]
        assert sorted(found) == sorted(json.loads(sample.answer))
        assert len(keys) == (4 if name in ("multi-key", "multi-query") else 1)


@pytest.mark.parametrize("split", ["train", "test"])
def test_variables(split: str) -> None:
    for sample in parse_task(f"variable-tracking:chains=3,hops=5,samples=20,split={split}").load():
        text, question = parts(sample)
        value = dict(FIRST.findall(text))
        for one, other, source in NEXT.findall(text):
            value[one or other] = value[source]  # a chain keeps its order in the text
        asked = re.search(r"the value (\d{5})", question)
        assert asked is not None
        assert {name for name, number in value.items() if number == asked[1]} == set(json.loads(sample.answer))
        assert len(value) == 18


def test_common_words() -> None:
    for sample in parse_task("common-words:samples=5").load():
        entries = re.findall(r"(\d+)\. ([a-z]+)", parts(sample)[0])
        assert [int(number) for number, _ in entries] == list(range(1, len(entries) + 1))
        counts = Counter(word for _, word in entries)
        assert {word for word, _ in counts.most_common(10)} == set(json.loads(sample.answer))
        assert Counter(counts.values())[30] == 10
        assert set(counts.values()) == {30, 3}


def test_frequent_words() -> None:
    for sample in parse_task("frequent-words:samples=5").load():
        counts = Counter(parts(sample)[0].split(" "))
        dots = counts.pop("...")
        ranked = [count for _, count in counts.most_common()]
        assert dots > ranked[0] > ranked[1] > ranked[2] > ranked[3]
        assert [word for word, _ in counts.most_common(3)] == json.loads(sample.answer)
        # Zeta with alpha 2: the second rank has a quarter of the first, the third a ninth
        assert [round(dots / count) for count in ranked[:3]] == [4, 9, 16]


@pytest.mark.parametrize("needles", [1, 7, 64])
def test_needles(needles: int) -> None:
    for sample in parse_task(f"needles:samples=4,needles={needles}").load():
        text, question = parts(sample)
        asked = re.findall(r"^\d+\. (.+)\?$", question, re.MULTILINE)
        words = json.loads(sample.answer)
        assert len(asked) == len(words) == needles
        for one, word in zip(asked, words, strict=True):
            statement = next(line for line in re.split(r"(?<=\.) |\n\n", text) if word in line)
            person = re.search(r"[A-Z]\w+ [A-Z]\w+", statement)
            assert person is not None
            assert person[0] in one
        first, last = text.index(words[0]), text.index(words[-1])
        if needles > 1:
            assert first < 0.1 * len(text)
            assert last > 0.9 * len(text)


def test_pages_that_leave_values_out() -> None:
    cells = []
    for sample in parse_task("html-to-tsv:missing=40,samples=30,rows=8").load():
        page, question = parts(sample)
        assert "Write N/A for what the page does not say." in question
        assert "N/A" not in page
        _, *rows = (line.split("\t") for line in json.loads(sample.answer).splitlines())
        assert all(row[0] != "N/A" and row[-1] != "N/A" for row in rows)  # the name, and what pages are filtered by
        cells += [cell for row in rows for cell in row[1:-1]]
    assert 0.3 < cells.count("N/A") / len(cells) < 0.5


class Texts(HTMLParser):
    """Collects a page's texts, checks that tags close in order."""

    VOID = ("meta", "link", "img", "source", "br", "input")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.mark.parametrize("spec", ["html-to-tsv:filtered=true", "html-to-tsv:filtered=true,split=train", "html-to-tsv"])
def test_pages(spec: str) -> None:
    kinds = set()
    for sample in parse_task(f"{spec}{',' if ':' in spec else ':'}samples=24,rows=6,length=9000").load():
        page, question = parts(sample)
        reader = Texts()
        reader.feed(page)
        reader.close()
        assert not reader.open
        header, *rows = (line.split("\t") for line in json.loads(sample.answer).splitlines())
        assert "\t".join(header) in question
        assert len(rows) == 6
        firsts = [reader.texts.index(row[0]) for row in rows]
        assert firsts == sorted(firsts)
        for row in rows:
            assert all(text in reader.texts for text in row)
        knobs = json.loads(sample.knobs)
        kinds.add(knobs["page"])
        if knobs["filtered"]:
            found = re.search(r"those whose .+? is (.+?)\. Put", question)
            assert found is not None
            assert {row[-1] for row in rows} == {found[1]}
    assert len(kinds) == (4 if "train" in spec else 2)
