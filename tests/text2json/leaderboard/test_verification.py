from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.text2json.leaderboard.boards import STATEMENT, add_entry, rewrite
from tests.text2json.leaderboard.runs import spoil
from text2json import __version__
from text2json.cli import main
from text2json.errors import DataError
from text2json.leaderboard import entries
from text2json.leaderboard.verification import Row, verify_folder


@pytest.fixture
def board(tmp_path: Path) -> Path:
    return tmp_path / "board"


def only(board: Path, **options: Any) -> Row:
    (row,) = verify_folder(board, subset=True, **options)
    return row


def test_a_good_entry_is_rescored_and_its_costs_are_marked_self_reported(board: Path) -> None:
    folder = add_entry(board, "one")
    row = only(board)
    assert row.ok
    assert (row.accuracy, row.memory, row.time) == ("re-scored", "self-reported", "self-reported")
    assert row.place == folder.relative_to(board).as_posix()
    assert row.entry is not None
    assert row.report is not None
    assert row.report.records.f1 == row.entry.scores.records.f1
    assert row.to_dict()["problems"] == []


FORGERIES: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("tampered: the scores are not those of the predictions: records.f1 is 1.0",
     lambda v: v["scores"]["records"].update(f1=1.0)),
    ("exact_documents is 0.9", lambda v: v["scores"].update(exact_documents=0.9)),
    ("records.f1_interval[0] is", lambda v: v["scores"]["records"].update(f1_interval=[0.0, 1.0])),
    ("errors.missing_record is 0", lambda v: v["scores"]["errors"].update(missing_record=0)),
    ("tampered: its signature is", lambda v: v["scores"].update(
        signature=v["scores"]["signature"].replace("repair:no", "repair:yes"))),
    ("tampered: predictions.jsonl is not the file", lambda v: v["predictions"].update(sha256="0" * 64)),
    ("tampered: predictions.jsonl is not the file", lambda v: v["predictions"].update(bytes=1)),
    ("tampered: the strategy's options are not", lambda v: v["strategy"]["options"].update(budget="0.01")),
    ("wrong version: dataset version '9.9.9' is unknown", lambda v: v["dataset"].update(version="9.9.9")),
    ("sha256 eeed6c", lambda v: v["dataset"].update(samples=200)),
    ("no configuration 'curate' (did you mean 'curated'?)", lambda v: v["dataset"].update(config="curate")),
    ("of seed 0", lambda v: v["dataset"].update(seed=7)),
    ("of seed 0", lambda v: v["dataset"].update(of=6)),
    ("made here have sha256", lambda v: v["dataset"].update(sha256="1" * 64)),
    ("made here have sha256", lambda v: v["dataset"].update(samples=5)),
    ("wrong version: format 'text2json-entry-2', this release reads 'text2json-entry-1'",
     lambda v: v.update(format="text2json-entry-2")),
    ("rank: Extra inputs are not permitted", lambda v: v.update(rank=1)),
    ("scores.records.f1: Input should be less than or equal to 1", lambda v: v["scores"]["records"].update(f1=1.5)),
    ("figures.device_bytes_per_token: Input should be a finite number",
     lambda v: v["figures"].update(device_bytes_per_token=float("nan"))),
    ("figures: Value error, host_bytes_per_token is below 0", lambda v: v["figures"].update(host_bytes_per_token=-1.0)),
    ("figures: Value error, seconds_per_token is below 0", lambda v: v["figures"]["seconds_per_token"].update(p50=-1)),
    ("date: Value error", lambda v: v.update(date="2026-02-30")),
    ("prompt_tokens is below 0, or too large", lambda v: v["figures"].update(prompt_tokens=10**4000)),
    ("model.name: String should have at most 200 characters", lambda v: v["model"].update(name="x" * 201)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "forge"), FORGERIES, ids=[f"{n}-{said[:24]}" for n, (said, _) in enumerate(FORGERIES)]
)
def test_a_forged_entry_is_rejected_with_the_reason(
    board: Path, said: str, forge: Callable[[dict[str, Any]], object]
) -> None:
    rewrite(add_entry(board, "one"), forge)
    row = only(board)
    assert not row.ok
    assert row.accuracy == "self-reported"
    assert said in "; ".join(row.problems)
    assert str(board) not in "; ".join(row.problems)


def test_a_date_after_today_is_noted_and_rejects_nothing(board: Path) -> None:
    """A clock that is behind must not reject what stands."""
    rewrite(add_entry(board, "one"), lambda value: value.update(date="2999-01-01"))
    row = only(board)
    assert row.ok
    assert [note.partition(",")[0] for note in row.notes] == ["dated 2999-01-01"]


ON_TRUST = {
    "date", "figures", "licence", "notes", "submitter", "versions", "model.family", "model.parameters",
    "model.full_bytes_per_token", "settings.started", "settings.finished",
}  # fmt: skip
"""What an entry says that neither the answers, nor the documents, nor its id can show."""


def leaves(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*place, key))
    else:
        yield place


def changed(text: str, place: tuple[str | int, ...]) -> str:
    value = json.loads(text)
    parent = value
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = "2025-12-31" if place == ("date",) else another(parent[place[-1]])
    return json.dumps(value)


def another(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return f"{value}x"
    return value + 1 if isinstance(value, int) or value >= 1 else value / 2 + 0.125


def test_no_value_of_an_entry_can_be_changed_but_those_that_are_on_trust(board: Path) -> None:
    file = add_entry(board, "one", samples=2) / "entry.json"
    text = file.read_text()
    stand: set[str] = set()
    fall: set[str] = set()
    for place in leaves(json.loads(text)):
        file.write_text(changed(text, place))
        (stand if only(board).ok else fall).add(".".join(map(str, place)))
    assert len(fall) > 60
    trusted = {name for name in stand | fall if any(name == one or name.startswith(f"{one}.") for one in ON_TRUST)}
    assert stand - trusted == set()
    assert {"date", "figures.device_bytes_per_token", "submitter.name", "versions.torch"} <= stand


def test_changed_predictions_are_rejected(board: Path) -> None:
    folder = add_entry(board, "one")
    text = (folder / "predictions.jsonl").read_text()
    (folder / "predictions.jsonl").write_text(text.replace("a", "b", 1))
    assert "tampered: predictions.jsonl" in only(board).problems[0]


def test_predictions_that_lack_a_document_are_partial_even_if_all_else_fits(board: Path, tmp_path: Path) -> None:
    folder = add_entry(board, "one")
    lines = (folder / "predictions.jsonl").read_text().splitlines(keepends=True)
    (folder / "predictions.jsonl").write_text("".join(lines[1:]))
    facts = entries.file_facts(folder / "predictions.jsonl").model_dump()
    rewrite(folder, lambda value: value["predictions"].update(facts))
    assert "partial: 1 of 6 documents have no prediction" in only(board).problems[0]


def test_the_first_documents_of_a_configuration_stand_only_if_they_are_let_in(board: Path) -> None:
    add_entry(board, "one")
    (row,) = verify_folder(board)
    assert "partial: the first 6 of 200 documents of curated" in row.problems[0]


def test_an_entry_stands_where_it_belongs(board: Path) -> None:
    folder = add_entry(board, "one")
    elsewhere = folder.parents[3] / "another" / "yakv" / "curated" / folder.name
    shutil.copytree(folder, elsewhere)
    good, bad = sorted(verify_folder(board, subset=True), key=lambda row: not row.ok)
    assert good.ok
    assert bad.problems[0].startswith("misplaced: it belongs to results/org__reader/yakv/curated-first-6/")


def test_one_run_under_two_names_is_a_duplicate_whatever_the_dates_say(board: Path) -> None:
    first = add_entry(board, "one")
    second = rewrite(
        add_entry(board, "two", model="thief/model"), lambda value: value.update(date="2000-01-01")
    )  # an earlier date is no proof
    places = [folder.relative_to(board).as_posix() for folder in (first, second)]
    found = {row.place: row.problems for row in verify_folder(board, subset=True)}
    assert found == {one: (f"duplicate: the same run as {other}",) for one, other in (places, reversed(places))}
    (kept,) = verify_folder(board, subset=True, only=lambda place: place == places[1])
    assert kept.place == places[1]
    assert not kept.ok
    shutil.rmtree(second)
    add_entry(board, "three", strategy="full-offload", figures={"output_tokens_per_second": 91.0})
    assert all(row.ok for row in verify_folder(board, subset=True))  # equal answers from another run are no crime


def test_rows_of_an_older_scorer_stand_if_the_figures_are_the_same(
    board: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(value: dict[str, Any]) -> None:
        text = value["scores"]["signature"]
        value["scores"]["signature"] = text.replace(f"version:{__version__}", "version:0.0.1")

    folder = rewrite(add_entry(board, "one"), older)
    row = only(board)
    assert row.ok
    assert row.notes[0].startswith("scored by text2json 0.0.1")
    rewrite(folder, lambda value: value["scores"].update(schema_valid=0.5))
    said = only(board).problems[0]
    assert said.startswith("wrong version: scored by text2json 0.0.1, this is")
    assert "schema_valid is 0.5" in said


@pytest.mark.parametrize(
    ("said", "forge"),
    [
        ("tampered: its signature is", lambda text: f"verified by the maintainers {text}"),
        ("tampered: its signature is", lambda text: text.replace("|", "|repair:mended by hand|", 1)),
        ("tampered: its signature is", lambda text: text.replace("|", "|version:0.0.1|", 1)),
        ("tampered: its signature is", lambda text: re.sub("version:[^|]*", "version:1 (verified)", text)),
        ("tampered: its signature is", lambda text: "verified|" + re.sub("version:[^|]*", "version:0.0.1", text)),
        ("the figures agree, but the rules' names differ (another)", lambda text: f"{text}|another:rule"),
        ("the figures agree, but the rules' names differ (verified)", lambda text: f"{text}|verified"),
        ("wrong version: scored by text2json 0.0.1", lambda text: re.sub("version:[^|]*", "version:0.0.1|x:y", text)),
    ],
)
def test_a_signature_with_other_text_in_it_is_rejected(board: Path, said: str, forge: Callable[[str], str]) -> None:
    def change(value: dict[str, Any]) -> None:
        value["scores"]["signature"] = forge(value["scores"]["signature"])

    rewrite(add_entry(board, "one", samples=2), change)
    assert said in only(board).problems[0]


def test_files_of_strangers_are_neither_followed_nor_read_beyond_their_size(
    board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = add_entry(board, "one")
    secret = tmp_path / "secret.json"
    secret.write_text('{"password": "swordfish"}')
    linked = add_entry(board, "two", strategy="full", figures={"output_tokens": 401})
    (linked / "entry.json").unlink()
    (linked / "entry.json").symlink_to(secret)
    outside = tmp_path / "outside"
    shutil.copytree(good.parents[3] / "org__reader", outside)
    (board / "results" / "linked").symlink_to(outside, target_is_directory=True)
    (good / "run.pkl").write_bytes(b"cos\nsystem\n(S'touch gone'\ntR.")
    (board / "results" / "README.md").write_text("hello")
    large = add_entry(board, "three", answer=spoil(3), figures={"output_tokens": 402})
    monkeypatch.setattr(entries, "MOST_PREDICTION_BYTES", (large / "predictions.jsonl").stat().st_size - 1)
    rows = {row.place: row for row in verify_folder(board, subset=True)}
    said = {place: "; ".join(row.problems) for place, row in rows.items()}
    assert "symbolic link" in said["results/linked"]
    assert "symbolic link" in said[linked.relative_to(board).as_posix()]
    assert "no file of an entry" in said["results/README.md"]
    assert "no file of an entry" in said[(good / "run.pkl").relative_to(board).as_posix()]
    assert "over the limit" in said[large.relative_to(board).as_posix()]
    assert not any("swordfish" in text for text in said.values())
    assert len(rows) == 7


def test_deeply_nested_json_is_refused(board: Path) -> None:
    folder = add_entry(board, "one")
    (folder / "entry.json").write_text("[" * 100_000)
    assert "no JSON" in only(board).problems[0]


def test_a_folder_without_results_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder 'results'"):
        verify_folder(tmp_path)


def test_the_command_tells_verdicts_and_exits_for_ci(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = add_entry(board, "one", statement=STATEMENT)
    assert main(["leaderboard", "verify", str(board), "--subset"]) == 0
    said = capsys.readouterr().out
    assert "re-scored: accuracy; self-reported: memory, time" in said
    assert "1 entries stand, 0 rejected" in said
    rewrite(folder, lambda value: value["scores"].update(schema_valid=0.5))
    assert main(["leaderboard", "verify", str(board), "--subset", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert "schema_valid is 0.5" in told["rows"][0]["problems"][0]
    assert main(["leaderboard", "verify", str(board / "nowhere")]) == 2


def test_what_strangers_write_cannot_steer_a_terminal(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(add_entry(board, "one"), lambda value: value["dataset"].update(config="\x1b[31m\u202ered"))
    assert main(["leaderboard", "verify", str(board), "--subset"]) == 1
    said = capsys.readouterr().out
    assert "\\u001b[31m\\u202ered" in said or "\\x1b" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
