"""The figures in the docs' tables are those of the reports and cards that they were copied from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
CARDS = DOCS.parent / "baselines" / "readers" / "weights"
NUMBER = r"(?<![\d.])[-+\u2212]?\d\.\d{3}(?!\d)"
INTERVAL = re.compile(rf"({NUMBER}) \(({NUMBER}) to ({NUMBER})\)")
READERS = ("reader-llama", "reader-qwen3")

FINDINGS = (DOCS / "findings.md").read_text(encoding="utf-8").split("\n## The paper's figures")[0]
SECTIONS = dict(part.split("\n", 1) for part in FINDINGS.split("\n## ")[1:])


def value(text: str) -> float:
    return float(text.replace("\u2212", "-"))


def intervals(text: str) -> set[tuple[float, ...]]:
    return {tuple(value(part) for part in found) for found in INTERVAL.findall(text)}


def reports(title: str) -> str:
    """The reports that a section links to; all of them where it sums up."""
    links = re.findall(r"\]\((findings/[^)]+\.md)\)", SECTIONS[title])
    paths = DOCS.glob("findings/*/*/README.md") if title == "In short" else [DOCS / link for link in links]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


@pytest.mark.parametrize("title", [title for title in SECTIONS if re.search(NUMBER, SECTIONS[title])])
def test_every_figure_of_the_findings_is_in_a_report(title: str) -> None:
    report = reports(title)
    measured = intervals(report)
    measured |= {(-middle, -high, -low) for middle, low, high in measured}  # a loss, where the report has a difference
    assert intervals(SECTIONS[title]) <= measured
    single = {abs(value(number)) for number in re.findall(NUMBER, INTERVAL.sub("", SECTIONS[title]))}
    assert single <= {abs(value(number)) for number in re.findall(NUMBER, report)}


def cells(text: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_the_readers_is_that_of_their_cards() -> None:
    """Record F1 of both readers, row by row; the cards' tables come from `text2json sweep readers`."""
    reached = (DOCS / "readers.md").read_text(encoding="utf-8").split("\n## How they are trained")[0]
    rows = [row for row in cells(reached) if " to " in row[-1]]
    figures = [(row[0], row[2], row[3 + READERS.index(name)]) for name in READERS for row in rows]
    from_cards = []
    for name in READERS:
        card = (CARDS / name / "README.md").read_text(encoding="utf-8")
        measured = card.split("## What it reaches")[1].split("\n## ")[0]
        from_cards += [(row[1], row[2], row[3]) for row in cells(measured) if " to " in row[3]]
    assert len(rows) == 20
    assert figures == from_cards
