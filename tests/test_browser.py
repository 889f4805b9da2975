"""What the tests of pages do on a machine without a browser."""

from __future__ import annotations

import pytest

from tests.browser import chromium


def test_without_a_browser_the_tests_of_pages_are_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXT2JSON_CHROMIUM", "no-such-browser")
    monkeypatch.delenv("TEXT2JSON_REQUIRE_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        chromium()


def test_where_a_browser_is_required_its_absence_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXT2JSON_CHROMIUM", "no-such-browser")
    monkeypatch.setenv("TEXT2JSON_REQUIRE_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        chromium()
