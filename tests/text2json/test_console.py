from __future__ import annotations

import pytest

from text2json.console import line, note, progress, table


def test_results_and_notes_go_to_different_streams(capsys: pytest.CaptureFixture[str]) -> None:
    line("result")
    note("by the way")
    captured = capsys.readouterr()
    assert captured.out == "result\n"
    assert captured.err == "by the way\n"


def test_a_table_aligns_its_columns() -> None:
    assert table(["name", "F1"], [["full", "0.900"], ["a longer one", "1"]]).splitlines() == [
        "name             F1",
        "------------  -----",
        "full          0.900",
        "a longer one      1",
    ]


def test_progress_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("work", 3) as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")
