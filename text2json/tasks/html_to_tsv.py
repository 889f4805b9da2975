"""Web pages to tab-separated values, made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from text2json.generators.tasks import pages
from text2json.schemas.sample import Sample
from text2json.tasks.tables import LONGPROC, TableTask
from text2json.tasks.task import OWN_LICENCE, GeneratedTask


@dataclass(frozen=True)
class HtmlToTsv(TableTask, GeneratedTask):
    """Listing pages with nested markup.

    Args:
        rows: entries asked for.
        length: characters of a prompt, about; a page is never cut.
        filtered: pages also have other entries, which the question excludes.
        missing: of a hundred values, how many a page leaves out; the gold has N/A for them.
    """

    rows: int = 10
    length: int = 20_000
    filtered: bool = False
    missing: int = 0

    name: ClassVar[str] = "html-to-tsv"
    summary: ClassVar[str] = "every entry of a listing page as a row of a table"
    source: ClassVar[str] = f"samples made here, rule of {LONGPROC}"
    licence: ClassVar[str] = OWN_LICENCE

    @property
    def max_new_tokens(self) -> int:
        """Room for every row, in small vocabularies too."""
        return max(512, 96 * self.rows)

    def compose(self, number: int) -> Sample:
        """Return sample `number`."""
        return pages.compose(
            self.name, rows=self.rows, length=self.length, filtered=self.filtered, missing=self.missing,
            split=self.split, seed=self.seed, number=number,
        )  # fmt: skip
