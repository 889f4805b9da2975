"""Web pages whose entries are wanted as tab-separated values, as in LongProc's html_to_tsv (arXiv 2501.05414)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from text2json.errors import SpecError
from text2json.generators.bits import Bits
from text2json.generators.filler import Paragraph, filler
from text2json.generators.sample_parts import CANARY
from text2json.generators.tasks.parts import stream, table
from text2json.generators.templates import template
from text2json.generators.values import Kind, make_kind
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample

HEAD = """Below is the source of a web page. Write down {topic} as a table of tab-separated values, with these columns:
{columns}
The first line is the header: {header}
After it comes one line for each entry, in the order of the page.{absent}{filter} Put the table between ```tsv and ```.

"""
TAIL = "\n\nTable:"
ABSENT = " Write N/A for what the page does not say."
NOT_SAID = "N/A"
FILTER = " Leave out all entries but those whose {column} is {value}."
SITE = template("{made_up} {bodies!}")
Entry = tuple[dict[str, str], bool]
"""An entry's texts, and whether it is asked for."""


@dataclass(frozen=True)
class PageKind:
    """One kind of page, as `pages.toml` describes it."""

    name: str
    topic: str
    title: str
    nav: tuple[str, ...]
    filter: str
    item: tuple[str, ...]
    """Markup at even places, names of values at odd ones."""
    wrap: tuple[str, str]
    columns: dict[str, Kind]
    about: dict[str, str]
    hidden: dict[str, Kind]


@cache
def kinds(split: str) -> tuple[PageKind, ...]:
    """Return the kinds of pages of `split`."""
    found = table("pages")["kinds"]
    return tuple(_kind(entry) for place, entry in enumerate(found, start=1) if (place % 3 == 0) == (split == "test"))


def _kind(entry: dict[str, Any]) -> PageKind:
    columns = entry["columns"]
    return PageKind(
        name=entry["name"],
        topic=entry["topic"],
        title=entry["title"],
        nav=tuple(entry["nav"]),
        filter=entry["filter"],
        item=tuple(re.split(r"[{}]", entry["item"].strip() + "\n")),
        wrap=(entry["wrap"][0], entry["wrap"][1]),
        columns={column["header"]: make_kind(column["value"]) for column in columns},
        about={column["header"]: column["about"] for column in columns},
        hidden={name: make_kind(value) for name, value in entry["hidden"].items()},
    )


def compose(
    name: str, *, rows: int, length: int, filtered: bool, missing: int, split: str, seed: int, number: int
) -> Sample:
    """Return sample `number`; the gold is the table.

    Args:
        name: the task's.
        rows: entries asked for.
        length: characters of the whole prompt, about; a page is never cut, so it may be longer.
        filtered: a page also has other entries, half as many, which the question excludes.
        missing: of a hundred values beside the first of an entry, how many the page leaves out.
        split: of the page kinds and the values.
        seed: another one gives other samples.
        number: which sample.

    Raises:
        SpecError: there are no such samples.
    """
    if rows < 1:
        raise SpecError(f"{name}: rows={rows}", remedy="give at least 1")
    if not 0 <= missing <= 90:
        raise SpecError(f"{name}: missing={missing}", remedy="give 0 to 90 of every 100 values")
    bits = stream(name, rows, length, int(filtered), missing, split, seed, number)
    kind = bits.choice(kinds(split))
    options = list(kind.columns[kind.filter].options) if filtered else []  # type: ignore[attr-defined]
    wanted = bits.choice(options) if filtered else ""
    entries = _entries(kind, rows, wanted, [option for option in options if option != wanted], split, bits)
    _leave_out(kind, entries, missing, bits)
    head = HEAD.format(
        topic=kind.topic,
        columns="\n".join(f"({place}) {about}" for place, about in enumerate(kind.about.values(), start=1)),
        header="\t".join(kind.columns),
        absent=ABSENT if missing else "",
        filter=FILTER.format(column=kind.about[kind.filter].lower(), value=wanted) if filtered else "",
    )
    page, places = _page(kind, entries, length - len(head) - len(TAIL), split, bits)
    lines = [
        "\t".join(kind.columns),
        *("\t".join(texts[key] or NOT_SAID for key in kind.columns) for texts, asked in entries if asked),
    ]
    return task_sample(
        f"{name}-{number:06d}",
        task=name,
        problem=head + page + TAIL,
        gold="\n".join(lines) + "\n",
        text_span=(len(head), len(head) + len(page)),
        evidence=[(path, [(start + len(head), end + len(head))]) for path, start, end in places],
        knobs={
            "rows": rows,
            "length": length,
            "filtered": filtered,
            "missing": missing,
            "split": split,
            "page": kind.name,
        },
        canary=CANARY,
    )


def _entries(kind: PageKind, rows: int, wanted: str, others: list[str], split: str, bits: Bits) -> list[Entry]:
    """Draw the page's entries; no two of them have the same first column."""
    entries: list[Entry] = []
    first = next(iter(kind.columns))
    known: set[str] = set()
    while len(entries) < rows + (rows + 1) // 2 * bool(others):
        texts = {key: value.text(value.draw(bits, split)) for key, value in (kind.columns | kind.hidden).items()}
        asked = len(entries) < rows
        if others:
            texts[kind.filter] = wanted if asked else bits.choice(others)
        if texts[first] not in known:
            known.add(texts[first])
            entries.append((texts, asked))
    if others:
        bits.shuffle(entries)
    return entries


def _leave_out(kind: PageKind, entries: list[Entry], missing: int, bits: Bits) -> None:
    """Empty some values, never an entry's first or the one that pages are filtered by."""
    first = next(iter(kind.columns))
    for texts, _ in entries if missing else []:
        for key in kind.columns:
            if key not in (first, kind.filter) and bits.chance(missing):
                texts[key] = ""


def _page(
    kind: PageKind, entries: list[Entry], room: int, split: str, bits: Bits
) -> tuple[str, list[tuple[str, int, int]]]:
    """Return the page, and for each value asked for its path, start and end."""
    values = {"title": kind.title, "site": html.escape(SITE(bits, split)), "number": str(bits.between(1000, 9999))}
    values["nav"] = "".join(f'<li><a href="/{_slug(word)}">{html.escape(word)}</a></li>' for word in kind.nav)
    notes = filler(bits, split, max(room, 1))
    start = _fill("head", values) + kind.wrap[0] + "\n"
    end = kind.wrap[1] + "\n" + _fill("foot", values | {"notes": f"<p>{html.escape(next(notes).text)}</p>"})
    items = [_item(kind, texts, bits) for texts, _ in entries]
    teasers = _teasers(len(items), room - len(start) - len(end) - sum(len("".join(item)) for item in items), notes)
    parts, places = [start], []
    length, row = len(start), 0
    for (_, asked), item, teaser in zip(entries, items, teasers, strict=True):
        for place, text in enumerate(item):
            name = kind.item[place] if place % 2 else ""
            if asked and name in kind.columns and text:
                places.append((f"[{row}].{name}", length, length + len(text)))
            parts.append(teaser if name == "teaser" else text)
            length += len(parts[-1])
        row += asked
    return "".join([*parts, end]), places


def _item(kind: PageKind, texts: dict[str, str], bits: Bits) -> list[str]:
    """Return the markup of one entry, literal texts and values in turn, without its teaser."""
    slots = {key: html.escape(text, quote=False) for key, text in texts.items()}
    slots |= {"slug": _slug(texts[next(iter(kind.columns))]), "number": str(bits.between(10000, 99999)), "teaser": ""}
    return [slots[piece] if place % 2 else piece for place, piece in enumerate(kind.item)]


def _teasers(count: int, room: int, notes: Iterator[Paragraph]) -> list[str]:
    """Return `count` texts that state nothing and together have `room` characters, less than a sentence's aside."""
    teasers: list[list[str]] = [[] for _ in range(count)]
    sentences = (html.escape(text, quote=False) for paragraph in notes for text in paragraph.sentences)
    for place, text in enumerate(sentences):
        room -= len(text) + 1
        if room < 0:
            break
        teasers[place % count].append(text)
    return [" ".join(texts) for texts in teasers]


def _fill(part: str, values: dict[str, str]) -> str:
    text: str = table("pages")["shell"][part].strip() + "\n"
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
