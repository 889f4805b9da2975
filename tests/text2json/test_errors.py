from __future__ import annotations

from pathlib import Path

import pytest

from text2json.errors import CheckFailed, DataError, InputError, Text2JSONError, did_you_mean, told_in_a_line


def test_the_message_names_place_fault_and_remedy() -> None:
    error = DataError("no JSON", file=Path("a.jsonl"), line=3, remedy="remove the line")
    assert str(error) == "a.jsonl:3: no JSON (remove the line)"
    assert str(DataError("gone", file="a")) == "a: gone"
    assert str(InputError("bare")) == "bare"


def test_exit_statuses_follow_the_tree() -> None:
    assert DataError("x").exit_status == 2
    assert CheckFailed("x").exit_status == 1
    assert issubclass(InputError, Text2JSONError)


def test_the_nearest_name_is_offered_or_all_of_them() -> None:
    assert did_you_mean("shadowk", ["shadowkv", "full"]) == "did you mean 'shadowkv'?"
    assert did_you_mean("zzz", ["b", "a"]) == "one of: a, b"


@pytest.mark.parametrize(("error", "status"), [(DataError("gone", file="a"), 2), (CheckFailed("a: gone"), 1)])
def test_a_program_ends_with_one_line_and_the_errors_status(
    error: Text2JSONError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped, told_in_a_line():
        raise error
    assert stopped.value.code == status
    assert capsys.readouterr().err == "text2json: a: gone\n"
