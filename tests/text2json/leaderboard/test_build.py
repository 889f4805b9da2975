from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.text2json.leaderboard.boards import add_entry, rewrite
from text2json.cli import main


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def listed(site: Path) -> list[str]:
    entries = json.loads((site / "leaderboard.json").read_text())["entries"]
    return [f"{one['entry']['strategy']['name']} {one['checked']['accuracy']}" for one in entries]


def test_what_is_rejected_is_not_listed_and_the_reason_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board, site = tmp_path / "board", tmp_path / "site"
    add_entry(board, "good", samples=2)
    forged = add_entry(board, "forged", samples=2, strategy="oracle:budget=0.25,local=16")
    rewrite(forged, lambda entry: entry["scores"]["records"].update(f1=0.999))
    build = ["leaderboard", "build", str(board), "--out", str(site), "--subset"]
    assert main(build) == 1
    said = capsys.readouterr()
    assert said.out == f"1 entries, 1 not listed: {site / 'index.html'}\n"
    assert "not listed: results/org__reader/oracle/" in said.err
    assert "tampered" in said.err
    assert listed(site) == ["yakv re-scored"]
    assert main([*build, "--unchecked"]) == 0
    assert sorted(listed(site)) == ["oracle self-reported", "yakv self-reported"]


def test_the_same_entries_give_the_same_bytes_and_pages_of_entries_that_are_gone_go(tmp_path: Path) -> None:
    board, site = tmp_path / "board", tmp_path / "site"
    add_entry(board, "one", samples=2)
    gone = add_entry(board, "two", samples=2, strategy="oracle:budget=0.25,local=16")
    build = ["leaderboard", "build", str(board), "--out", str(site), "--unchecked"]
    assert main(build) == 0
    (site / "entries" / "notes.html").write_text("kept")
    before = files(site)
    assert main(build) == 0
    assert files(site) == before
    for file in gone.iterdir():
        file.unlink()
    gone.rmdir()
    assert main(build) == 0
    assert before.keys() - files(site).keys() == {f"entries/{gone.name}.html"}
    assert (site / "entries" / "notes.html").read_text() == "kept"


def test_answers_that_cannot_be_had_are_not_shown(tmp_path: Path) -> None:
    board, site = tmp_path / "board", tmp_path / "site"
    entry = add_entry(board, "one", samples=2)
    (entry / "predictions.jsonl").unlink()
    (entry / "predictions.jsonl").symlink_to("/etc/passwd")
    assert main(["leaderboard", "build", str(board), "--out", str(site), "--unchecked"]) == 1
    (page,) = (site / "entries").iterdir()
    assert "Documents and answers" not in page.read_text()
    assert "root:" not in page.read_text()


def test_a_folder_without_results_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "build", str(tmp_path), "--out", str(tmp_path / "site")]) == 2
    assert "no folder 'results' here" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def verdicts(board: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    main(["leaderboard", "verify", str(board), "--subset", "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_verdicts_from_before_mark_the_entries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board, site, file = tmp_path / "board", tmp_path / "site", tmp_path / "verdicts.json"
    add_entry(board, "good", samples=2)
    rewrite(
        add_entry(board, "forged", samples=2, strategy="oracle:budget=0.25,local=16"),
        lambda entry: entry["scores"]["records"].update(f1=0.999),
    )
    found = verdicts(board, capsys)
    next(row for row in found["rows"] if row["ok"]).update(accuracy="reproduced", memory="reproduced")
    file.write_text(json.dumps(found))
    late = add_entry(board, "late", samples=2, strategy="quest:budget=64")
    build = ["leaderboard", "build", str(board), "--out", str(site), "--verdicts", str(file)]
    assert main(build) == 1
    said = capsys.readouterr().err
    assert "tampered" in said
    assert f"{late.name}: it has no verdict" in said
    assert listed(site) == ["yakv reproduced"]
    (page,) = (site / "entries").iterdir()
    assert "accuracy: reproduced; memory: reproduced; time: self-reported" in page.read_text()
    predictions = next(board.glob("results/*/yakv/**/predictions.jsonl"))
    predictions.write_text(predictions.read_text() + "\n")
    assert main(build) == 1
    assert "no longer what its verdict is about" in capsys.readouterr().err
    assert listed(site) == []


@pytest.mark.parametrize("text", ["", "[]", '{"ok": true}', '{"ok": true, "rows": [{"place": 1}]}', None])
def test_verdicts_that_are_none_are_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    add_entry(tmp_path / "board", "one", samples=1)
    file = tmp_path / "verdicts.json"
    if text is not None:
        file.write_text(text)
    build = ["leaderboard", "build", str(tmp_path / "board"), "--out", str(tmp_path / "site"), "--verdicts", str(file)]
    assert main(build) == 2
    assert str(file) in capsys.readouterr().err


def test_a_negative_number_of_documents_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "build", str(tmp_path), "--out", str(tmp_path / "site"), "--samples", "-1"]) == 2
    assert "--samples -1 is negative" in capsys.readouterr().err
