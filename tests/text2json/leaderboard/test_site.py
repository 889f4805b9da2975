"""The site in a real browser: it sorts, filters, names its points, leads to its pages, and asks nobody for anything."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Visit
from text2json.leaderboard.rows import Row, flat_row
from text2json.leaderboard.site import index_page
from text2json.leaderboard.verification import verify_folder
from text2json.schemas.entry import LeaderboardEntry


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    opened = Visit.of(browser)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def entries(board: Path) -> dict[str, LeaderboardEntry]:
    rows = verify_folder(board, subset=True)
    return {row.entry.id: row.entry for row in rows if row.entry is not None}


def shown(page: Page) -> list[str]:
    """Return the ids of the table's rows, in order."""
    return [str(id) for id in page.locator("tbody tr[data-id]").evaluate_all("rows => rows.map(row => row.dataset.id)")]


def choose(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).select_option(value)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_it_opens_without_requests_or_complaints_and_is_accessible(browser: Browser, site: Path, scheme: str) -> None:
    visit = Visit.of(browser, color_scheme=scheme)
    page = visit.open(site / "index.html")
    assert len(shown(page)) == 8
    assert page.get_by_role("status").inner_text() == "8 entries shown of 9"
    visit.check_accessible()
    page.locator("#by-device a").first.focus()
    visit.check_accessible()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 22)"
    assert dark == (scheme == "dark")
    visit.check_quiet(site)
    visit.close()


def test_it_sorts_by_a_click_on_a_column(visit: Visit, site: Path, entries: dict[str, LeaderboardEntry]) -> None:
    page = visit.open(site / "index.html")
    found = [entries[id].scores.records.f1 for id in shown(page)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) > 3
    head = page.get_by_role("columnheader", name="Device B/token")
    for order in ("ascending", "descending"):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == order
        found = [entries[id].figures.device_bytes_per_token for id in shown(page)]
        assert found == sorted(found, reverse=order == "descending")
    page.get_by_role("button", name="Model").press("Enter")
    assert [entries[id].model.name for id in shown(page)] == ["org/other"] * 4 + ["org/reader"] * 4
    assert page.locator("[aria-sort]").count() == 1
    assert visit.complaints == []


def test_it_filters(visit: Visit, site: Path) -> None:
    page = visit.open(site / "index.html")
    for label, value, count in (
        ("Configuration", "short-first-3@1.0.0", 1), ("Model", "org/other", 4), ("Family", "llama", 8),
        ("Strategy", "yakv", 2), ("Device budget", "up to 1/8", 2), ("Checked", "re-scored", 8),
    ):  # fmt: skip
        choose(page, label, value)
        assert len(shown(page)) == count, label
        assert page.locator("#by-device a").count() == page.locator("#by-traffic a").count() == count
        assert page.get_by_role("status").inner_text().startswith(f"{count} entr")
        page.reload()  # the choice is in the address
        assert len(shown(page)) == count
        page.get_by_role("button", name="Reset").click()
        assert len(shown(page)) == 8
    assert visit.complaints == []


def test_filters_work_together_and_with_words(visit: Visit, site: Path, entries: dict[str, LeaderboardEntry]) -> None:
    page = visit.open(site / "index.html")
    choose(page, "Configuration", "")
    assert len(shown(page)) == 9
    assert "Choose one configuration" in page.locator("#picture-note").inner_text()
    page.get_by_label("Any name").fill("Other budget=0.25")
    assert {entries[id].strategy.name for id in shown(page)} == {"oracle", "yakv", "shadowkv"}
    choose(page, "Strategy", "full")
    assert shown(page) == []
    assert page.get_by_text("No entry is like that.").is_visible()
    assert visit.complaints == []


def test_addresses_that_make_no_sense_show_the_table_all_the_same(visit: Visit, site: Path) -> None:
    page = visit.open(site / "index.html", "#metric=toString&sort=__proto__&down=maybe&search=%00&nothing=1")
    assert page.get_by_role("status").inner_text().endswith("of 9")
    assert visit.complaints == []


def test_points_name_themselves_under_the_pointer_and_lead_to_their_page(visit: Visit, site: Path) -> None:
    page = visit.open(site / "index.html")
    point = page.locator("#by-traffic a[aria-label*='shadowkv'][aria-label*='org/other']")
    tip = page.locator("#by-traffic .tip")
    expect(tip).to_be_hidden()
    point.hover()
    expect(tip).to_be_visible()
    assert "shadowkv" in tip.inner_text()
    assert "org/other" in tip.inner_text()
    assert "Bytes moved per decoded token: 158" in tip.inner_text()
    assert page.locator("tbody tr.named").count() == 1
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    id = point.get_attribute("data-id")
    choose(page, "Model", "org/other")
    page.locator(f"#by-traffic a[data-id='{id}']").click()
    page.wait_for_url(f"**/entries/{id}.html")
    assert page.locator("h1").inner_text().startswith("shadowkv on org/other")
    page.go_back()
    assert len(shown(page)) == 4  # as it was left
    assert visit.complaints == []


def test_a_click_leads_to_the_point_that_is_named_even_below_another(
    visit: Visit, site: Path, entries: dict[str, LeaderboardEntry], tmp_path: Path
) -> None:
    like = flat_row(next(iter(entries.values())), "re-scored")
    ends = [like | {"id": f"{place:016x}", "device_bytes": bytes} for place, bytes in enumerate((1, 10_000))]
    pair = [like | {"id": f"{place:016x}", "strategy": f"s{place}", "device_bytes": 100, "record_f1": f1,
                    "page": f"entries/{place}.html"} for place, f1 in ((2, 0.5), (3, 0.503))]  # fmt: skip
    (tmp_path / "index.html").write_text(index_page([*ends, *pair]))
    (tmp_path / "entries").mkdir()
    for place in (2, 3):
        (tmp_path / "entries" / f"{place}.html").write_text("<!doctype html><title>entry</title>")
    page = visit.open(tmp_path / "index.html")
    for place in (2, 3):
        mark = page.locator(f"#by-device a[data-id='{place:016x}'] path")
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert page.locator("#by-device .tip b").inner_text() == f"s{place}"
        page.mouse.down()
        page.mouse.up()
        page.wait_for_url(f"**/entries/{place}.html")
        visit.open(tmp_path / "index.html")


def test_points_are_one_stop_of_the_keyboard_and_arrows_go_on(visit: Visit, site: Path) -> None:
    page = visit.open(site / "index.html")
    tip = page.locator("#by-device .tip")
    page.get_by_label("Accuracy", exact=True).focus()
    page.keyboard.press("Tab")
    said = []
    for key in ("Home", "ArrowRight", "ArrowRight", "End"):
        page.keyboard.press(key)
        said.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        expect(tip).to_be_visible()
        assert all(line.strip() in said[-1] for line in tip.inner_text().splitlines())
    assert said[0].startswith("yakv")
    assert said[-1].startswith("full")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('figure').id") == "by-traffic"
    page.keyboard.press("Enter")
    page.wait_for_url("**/entries/*.html")
    assert visit.complaints == []


def test_a_fingers_first_tap_names_a_point_and_the_second_follows_it(browser: Browser, site: Path) -> None:
    visit = Visit.of(browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = visit.open(site / "index.html")
    point = page.locator("#by-device a[aria-label*='oracle'][aria-label*='org/reader']")
    point.tap()
    assert "oracle" in page.locator("#by-device .tip").inner_text()
    assert page.url.endswith("index.html")
    point.tap()
    page.wait_for_url("**/entries/*.html")
    assert visit.complaints == []
    visit.close()


@pytest.mark.slow
def test_it_fits_a_phone(browser: Browser, site: Path) -> None:
    visit = Visit.of(browser, viewport={"width": 360, "height": 740}, is_mobile=True)
    page = visit.open(site / "index.html")
    visit.check_fits()
    assert page.get_by_role("columnheader", name="Device B/token").is_visible()
    assert not page.get_by_role("columnheader", name="Host B/token").is_visible()
    visit.check_accessible()
    page.locator("tbody a").first.click()
    page.wait_for_url("**/entries/*.html")
    page.locator("summary").first.click()
    visit.check_fits()
    visit.check_accessible()
    visit.check_quiet(site)
    visit.close()


def test_an_entrys_page_has_its_errors_and_its_answers(
    visit: Visit, site: Path, entries: dict[str, LeaderboardEntry]
) -> None:
    page = visit.open(site / "index.html")
    id = shown(page)[-1]
    page.locator(f"tr[data-id='{id}'] a").click()
    page.wait_for_url(f"**/entries/{id}.html")
    entry = entries[id]
    assert entry.scores.errors["missing_record"] > 0
    row = page.get_by_role("region", name="Errors").get_by_role("row", name="missing records")
    assert row.locator("td").inner_text() == str(entry.scores.errors["missing_record"])
    records = page.get_by_role("region", name="Accuracy").get_by_role("row", name="records").first
    assert f"{entry.scores.records.f1:.3f}" in records.inner_text()
    assert page.get_by_text(entry.predictions.sha256).is_visible()
    assert page.locator("details").count() == 2
    page.locator("summary").first.click()
    assert page.locator("details").first.get_by_text(": missing").is_visible()
    assert "characters left out" in page.locator("details pre").first.inner_text()
    visit.check_accessible()
    page.get_by_role("link", name="All entries").click()
    assert len(shown(page)) == 8
    visit.check_quiet(site)


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    """Serve the site over HTTP and return its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_files_to_download_have_every_entry(
    visit: Visit, served: str, entries: dict[str, LeaderboardEntry], tmp_path: Path
) -> None:
    visit.page.goto(served)
    for name in ("leaderboard.csv", "leaderboard.json"):
        with visit.page.expect_download() as download:
            visit.page.get_by_role("link", name=name).click()
        download.value.save_as(tmp_path / name)
    with (tmp_path / "leaderboard.csv").open(newline="") as lines:
        rows = {row["id"]: row for row in csv.DictReader(lines)}
    assert rows.keys() == entries.keys()
    for id, entry in entries.items():
        assert float(rows[id]["record_f1"]) == pytest.approx(entry.scores.records.f1, abs=1e-4)
        assert float(rows[id]["device_bytes"]) == entry.figures.device_bytes_per_token
        assert rows[id]["checked"] == "re-scored"
    value = json.loads((tmp_path / "leaderboard.json").read_text())
    assert {one["entry"]["id"]: LeaderboardEntry.model_validate(one["entry"]) for one in value["entries"]} == entries
    visit.check_quiet(served)


def random_rows(like: Row, seed: int, count: int) -> list[Row]:
    """Return rows on a coarse grid, so that there are ties in both directions."""
    choice = random.Random(seed)
    return [
        like | {
            "id": f"{place:016x}", "strategy": f"strategy-{choice.randrange(9)}",
            "record_f1": choice.randrange(11) / 10, "device_bytes": choice.choice([0, 10, 20, 40, 80, 1000]),
            "moved_bytes": choice.choice([0, 5, 50, 5000, 1e7]), "reference": int(choice.random() < 0.2),
        }
        for place in range(count)
    ]  # fmt: skip


def undominated(rows: Sequence[Row], key: str) -> set[tuple[Any, Any]]:
    """Return (bytes, accuracy) of what nothing else beats in one without losing in the other."""
    points = {(row[key], row["record_f1"]) for row in rows if row[key] and not row["reference"]}
    return {
        (x, y) for x, y in points
        if not any(a <= x and b >= y and (a, b) != (x, y) for a, b in points)  # type: ignore[operator]
    }  # fmt: skip


def test_the_pareto_line_goes_through_what_nothing_else_beats(
    visit: Visit, entries: dict[str, LeaderboardEntry], tmp_path: Path
) -> None:
    like = flat_row(next(iter(entries.values())), "re-scored")
    for seed, count in enumerate((1, 7, 30, 200)):
        rows = random_rows(like, seed, count)
        (tmp_path / "index.html").write_text(index_page(rows))
        page = visit.open(tmp_path / "index.html")
        by_id = {row["id"]: row for row in rows}
        for figure, key in (("by-device", "device_bytes"), ("by-traffic", "moved_bytes")):
            assert page.locator(f"#{figure} a").count() == len(rows)
            best = page.locator(f"#{figure} a.best").evaluate_all("points => points.map(point => point.dataset.id)")
            found = [(by_id[id][key], by_id[id]["record_f1"]) for id in best]
            assert len(found) == len(set(found))
            assert set(found) == undominated(rows, key)
    assert visit.complaints == []


def test_of_many_rows_the_first_are_shown_until_all_are_asked_for(
    visit: Visit, entries: dict[str, LeaderboardEntry], tmp_path: Path
) -> None:
    rows = random_rows(flat_row(next(iter(entries.values())), "re-scored"), 0, 250)
    (tmp_path / "index.html").write_text(index_page(rows))
    page = visit.open(tmp_path / "index.html")
    page.get_by_role("button", name="Device B/token").click()
    first = shown(page)
    assert len(first) == 100
    page.get_by_role("button", name="Show all 250 rows").click()
    assert shown(page)[:100] == first
    assert sorted(shown(page)) == sorted(str(row["id"]) for row in rows)
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 101
    assert page.get_by_role("button", name="Show all").count() == 0
    assert visit.complaints == []


def test_points_stand_where_their_figures_say(visit: Visit, site: Path, entries: dict[str, LeaderboardEntry]) -> None:
    page = visit.open(site / "index.html")
    places = {
        point["id"]: (point["x"], point["y"])
        for point in page.locator("#by-device a").evaluate_all(
            "points => points.map(p => { const m = p.getCTM(); return {id: p.dataset.id, x: m.e, y: m.f}; })"
        )
    }
    by_bytes = sorted(places, key=lambda id: entries[id].figures.device_bytes_per_token)
    assert [places[id][0] for id in by_bytes] == pytest.approx(sorted(place[0] for place in places.values()))
    by_accuracy = sorted(places, key=lambda id: -entries[id].scores.records.f1)
    assert [places[id][1] for id in by_accuracy] == pytest.approx(sorted(place[1] for place in places.values()))
    first, second = by_bytes[0], by_bytes[2]  # equal factors are equal ways on a logarithmic axis
    last = by_bytes[-1]
    way = (places[second][0] - places[first][0]) / (places[last][0] - places[first][0])
    device = [math.log(entries[id].figures.device_bytes_per_token) for id in (first, second, last)]
    assert way == pytest.approx((device[1] - device[0]) / (device[2] - device[0]), abs=1e-3)


def test_nothing_else_can_run_in_the_page(visit: Visit, site: Path) -> None:
    page = visit.open(site / "index.html")
    tries = {
        "innerHTML": "document.body.innerHTML = '<b>x</b>'",
        "script": "document.head.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))",
    }
    for code in tries.values():
        assert page.evaluate(f"() => {{ try {{ {code}; }} catch (error) {{ return error.name; }} }}") == "TypeError"
    assert page.title() != "1"
    page.evaluate("fetch('https://example.org').catch(() => {})")
    assert any("connect-src" in one or "default-src" in one for one in visit.complaints)
    assert not any("example.org" in url for url in visit.requests)


def test_without_scripts_it_leads_to_the_files(browser: Browser, site: Path) -> None:
    visit = Visit.of(browser, java_script_enabled=False)
    page = visit.open(site / "index.html")
    assert page.locator("noscript p").is_visible()
    assert page.locator("noscript a").count() == 2
    visit.close()


def test_a_board_without_entries_says_so(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(index_page([]))
    page = visit.open(tmp_path / "index.html")
    assert page.get_by_role("status").inner_text() == "There are no entries yet."
    visit.check_accessible()
    visit.check_quiet(tmp_path)
