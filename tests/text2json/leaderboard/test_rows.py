from __future__ import annotations

import csv
import io

import pytest

from text2json.leaderboard.rows import Row, budget_class, csv_text


@pytest.mark.parametrize(
    ("share", "name"),
    [
        (None, "unknown"), (0.0, "up to 1/16"), (0.0625, "up to 1/16"), (0.0627, "up to 1/16"), (0.064, "up to 1/8"),
        (0.25, "up to 1/4"), (0.5, "up to 1/2"), (0.51, "up to 1"), (1.0, "up to 1"), (1.004, "up to 1"),
        (1.3, "over 1"),
    ],
)  # fmt: skip
def test_a_budget_class_is_the_smallest_that_holds_the_share(share: float | None, name: str) -> None:
    assert budget_class(share) == name


def test_a_csv_reader_gives_the_values_back() -> None:
    rows: list[Row] = [{"name": 'a, "b"', "value": 0.25, "none": None}, {"name": "-1+2", "value": -3, "none": None}]
    read = list(csv.DictReader(io.StringIO(csv_text(rows))))
    assert read == [{"name": 'a, "b"', "value": "0.25", "none": ""}, {"name": "'-1+2", "value": "-3", "none": ""}]
    assert csv_text([]) == ""
