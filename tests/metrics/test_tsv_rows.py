from __future__ import annotations

import csv
import re
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2json.metrics.tsv_rows import read_table, score_table, table_text

GOLD = "name\tprice\nThe Kettle\t$3.50\nLamp, red\tN/A\n"


@pytest.mark.parametrize(
    ("output", "precision", "recall"),
    [
        (f"```tsv\n{GOLD}```", 1, 1),
        (f"Here it is:\n```tsv\n{GOLD}```\nAnything else?", 1, 1),
        (GOLD, 1, 1),  # without a fence all is read
        ("```tsv\nname\tprice\nkettle\t350\nred lamp\tna", 0.5, 0.5),  # the order of words counts
        ("```tsv\nwhat\tever\nlamp red\tn/a\nKETTLE\t$3.50\n```", 1, 1),  # nor order of rows nor header's words
        ("```tsv\nname\tprice\nThe Kettle\t$3.50\nThe Kettle\t$3.50\n```", 1, 0.5),  # repetition costs nothing
        ("```tsv\nname\tprice\nThe Kettle\t$3.50\nLamp, red\n```", 1, 0.5),  # an incomplete last row is dropped
        ("```tsv\nname\tprice\nLamp, red\nThe Kettle\t$3.50\n```", 0.5, 0.5),  # any other one is a row of N/A
        ("```tsv\nname\tprice\n\nThe Kettle\t$3.50\n```", 0.5, 0.5),  # an empty line too
        ("```tsv\nname\tprice\n```", 0, 0),
        ("```tsv\nname\tname\nThe Kettle\t$3.50\n```", 0, 0),
        ("```tsv\nname\tprice\tcolour\nThe Kettle\t$3.50\tred\n```", 0, 0),
        ("", 0, 0),
        ('```tsv\nname\tprice\n"The Kettle"\t$3.50\n```', 1, 0.5),  # quotes are CSV's
    ],
)
def test_written_rules(output: str, precision: float, recall: float) -> None:
    score = score_table(GOLD, output)
    assert (score.precision, score.recall) == (precision, recall)
    assert score.f1 == (2 * precision * recall / (precision + recall) if precision + recall else 0)


def test_the_last_fence_ends_the_table() -> None:
    assert table_text("```tsv\na\tb\n```\n```tsv\nc\td\n```") == "a\tb\n```\n```tsv\nc\td"
    assert table_text("x ```tsv\na\tb\n1\t2") == "a\tb\n1\t2"


def test_gold_without_rows_scores_nothing() -> None:
    assert read_table("name\tprice") is None
    assert score_table("name\tprice", "name\tprice").f1 == 0


# The published rule, told with the published means: data frames and their comparison by row.


def frame(text: str) -> Any:
    import pandas

    rows = list(csv.reader(text.strip().split("\n"), delimiter="\t"))
    header, body = rows[0], rows[1:]
    if len(body[-1]) != len(header):
        body = body[:-1]
    body = [line if len(line) == len(header) else ["N/A"] * len(header) for line in body]
    table = pandas.DataFrame(body, columns=header)
    for column in table.columns:
        table[column] = table[column].astype(str).apply(normal)
    return table


def normal(text: str) -> str:
    text = "".join(sign for sign in text.lower() if sign not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split()).replace(" ", "")


def published(gold: str, prediction: str) -> tuple[float, float]:
    try:
        ours, theirs = frame(gold), frame(prediction)
        found = sum(ours.eq(theirs.iloc[i].values).all(axis=1).any() for i in range(len(theirs.index)))
        matched = sum(theirs.eq(ours.iloc[i].values).all(axis=1).any() for i in range(len(ours.index)))
        return found / len(theirs.index), matched / len(ours.index)
    except Exception:
        return 0.0, 0.0


CELLS = st.sampled_from(["a", "the a", "b", "B.", "N/A", "", " b ", '"b"', "x-y", "xy", "é", "3"])
TABLES = st.builds(
    lambda header, rows: "\n".join("\t".join(row) for row in [header, *rows]),
    st.lists(st.sampled_from(["h", "k", "l"]), min_size=1, max_size=3),
    st.lists(st.lists(CELLS, min_size=0, max_size=3), max_size=5),
)


@settings(max_examples=300)
@given(gold=TABLES, prediction=TABLES)
def test_equals_the_published_rule(gold: str, prediction: str) -> None:
    score = score_table(gold, prediction)
    assert (score.precision, score.recall) == pytest.approx(published(gold, table_text(prediction)))
