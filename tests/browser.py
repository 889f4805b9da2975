"""A real browser for the tests of pages: finds Chromium, opens pages in it, and keeps what they asked for and said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def chromium() -> str:
    """Return Chromium's path; without one the test is skipped, or fails where TEXT2JSON_REQUIRE_BROWSER is set."""
    asked = os.environ.get("TEXT2JSON_CHROMIUM")
    names = [asked] if asked else ["chromium", "chromium-browser", "google-chrome"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        reason = "no Chromium (apt-get install chromium, or give its path in TEXT2JSON_CHROMIUM)"
        if os.environ.get("TEXT2JSON_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a headless Chromium with a profile of its own, and stop it again."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Visit:
    """One tab, and what happened in it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    """The addresses that were asked for, but for `data:`."""
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, among them whatever the content security policy stopped."""

    @classmethod
    def of(cls, browser: Browser, **options: Any) -> Visit:
        """Open a tab; `options` are those of a Playwright context, for example `viewport` and `color_scheme`."""
        visit = cls(browser.new_context(**options).new_page())
        visit.page.set_default_timeout(10_000)
        visit.page.on("request", lambda request: visit._note(request.url))
        visit.page.on("console", visit._hear)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("dialog", visit._refuse)
        return visit

    def open(self, file: Path, fragment: str = "") -> Page:
        """Open a file."""
        self.page.goto(file.resolve().as_uri() + fragment)
        return self.page

    def check_quiet(self, home: Path | str) -> None:
        """Nothing outside `home`, a folder or an address, was asked for, and nothing was complained about."""
        start = home.resolve().as_uri() if isinstance(home, Path) else home
        assert self.requests
        assert [url for url in self.requests if not url.startswith(start)] == []
        assert self.complaints == []

    def check_accessible(self) -> None:
        """axe-core finds nothing against WCAG 2.2 AA and its best practices."""
        found = Axe().run(self.page, options={"runOnly": {"type": "tag", "values": list(RULES)}})
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]] == []
        assert len(found.response["passes"]) > 10

    def check_fits(self) -> None:
        """The page is no wider than its window."""
        wide, window = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= window

    def close(self) -> None:
        """Close the tab."""
        self.page.context.close()

    def _note(self, url: str) -> None:
        if not url.startswith("data:"):
            self.requests.append(url)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _refuse(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()
