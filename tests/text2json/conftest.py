"""A browser for the tests of pages, one for each test file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from tests.browser import open_browser

    with open_browser() as opened:  # its event loop is in the way of other files' tests, so it stops with this one
        yield opened
