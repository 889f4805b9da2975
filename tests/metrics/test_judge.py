from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.metrics.endpoint import Endpoint, serving
from text2json.errors import DataError, ModelError, SpecError
from text2json.metrics.judge import Judge, read_rating


@pytest.mark.parametrize(
    ("reply", "rating"),
    [
        ("Rating: [[85]]", 85.0),
        ("Rating: [[100]] and [[1]]", 100.0),
        ("[3] facts are missing. Rating: [[40]]", 40.0),  # two brackets come before one
        ("Rating: [72.5]", 72.5),
        ("Rating: 90", None),
        ("[[ninety]]", None),
        ("", None),
    ],
)
def test_ratings_are_read_as_loong_reads_them(reply: str, rating: float | None) -> None:
    assert read_rating(reply) == rating


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as server:
        yield server


def judge(endpoint: Endpoint, **options: Any) -> Judge:
    return Judge(endpoint.url + "/", "judge-1", pause=0.01, **options)


def test_a_prompt_is_sent_as_openai_has_it(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "secret")
    assert judge(endpoint, key_variable="JUDGE_KEY").ask("How good?") == "Rating: [[1]]"
    (request,) = endpoint.requests
    assert request == {"path": "/v1/chat/completions", "model": "judge-1", "temperature": 0,
                       "messages": [{"role": "user", "content": "How good?"}]}  # fmt: skip
    assert endpoint.keys == ["Bearer secret"]


def test_nothing_is_sent_before_a_question_and_no_key_without_a_variable(endpoint: Endpoint) -> None:
    one = judge(endpoint)
    assert endpoint.requests == []
    one.ask("a")
    assert endpoint.keys == [None]


def test_a_prompt_is_asked_once_and_remembered_across_processes(endpoint: Endpoint, tmp_path: Path) -> None:
    memory = tmp_path / "judgements.jsonl"
    first = judge(endpoint, memory=memory)
    assert first.ask("a") == first.ask("a") == judge(endpoint, memory=memory).ask("a") == "Rating: [[1]]"
    assert judge(endpoint, memory=memory).ask("b") == "Rating: [[2]]"
    assert len(endpoint.requests) == 2
    assert "secret" not in memory.read_text()


def test_a_busy_endpoint_is_asked_again(endpoint: Endpoint) -> None:
    endpoint.failures = [429, 503]
    assert judge(endpoint).ask("a") == "Rating: [[3]]"


@pytest.mark.parametrize(
    ("failures", "message", "requests"), [([401], "answers 401", 1), ([500] * 4, "answers 500", 4)]
)
def test_a_failing_endpoint_is_an_error(endpoint: Endpoint, failures: list[int], message: str, requests: int) -> None:
    endpoint.failures = list(failures)
    with pytest.raises(ModelError, match=message):
        judge(endpoint).ask("a")
    assert len(endpoint.requests) == requests


@pytest.mark.parametrize("body", [b"<html>", b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}'])
def test_another_kind_of_server_is_an_error(endpoint: Endpoint, body: bytes) -> None:
    endpoint.body = body
    with pytest.raises(ModelError, match="does not answer as"):
        judge(endpoint).ask("a")


def test_a_dead_endpoint_is_an_error(endpoint: Endpoint) -> None:
    with pytest.raises(ModelError, match="cannot be reached"):
        Judge("http://127.0.0.1:9/v1", "m", pause=0.001).ask("a")


def test_impossible_judges_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match="no judge at 'localhost'"):
        Judge("localhost", "m")
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with pytest.raises(SpecError, match="JUDGE_KEY holds no key"):
        Judge("http://localhost", "m", key_variable="JUDGE_KEY")
    (tmp_path / "m.jsonl").write_text('{"prompt_sha256": "x", "reply": "y"}\nbroken\n')
    with pytest.raises(DataError, match=r"m\.jsonl:2: no judgement"):
        Judge("http://localhost", "m", memory=tmp_path / "m.jsonl")
