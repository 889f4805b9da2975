"""A look at one sample: its document with the evidence marked, beside the gold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from text2json.data import iter_samples
from text2json.errors import DataError, did_you_mean
from text2json.schemas.sample import Sample
from text2json.web_page import web_page

CODES = (31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96)
"""Colours of a terminal; records take turns."""
COLOURS = ("#c62f2f", "#1f7a33", "#8a5a00", "#1f5fbf", "#9432a8", "#00707a", "#b03a72", "#4d6b00")

STYLE = """
body { max-width: 1400px; margin: 1rem auto; }
main { display: grid; grid-template-columns: minmax(0, 3fr) minmax(260px, 2fr); gap: 1.5rem; align-items: start; }
@media (max-width: 800px) { main { grid-template-columns: minmax(0, 1fr); } }
pre { margin: 0; font-size: 14px; }
mark { color: inherit; background: color-mix(in srgb, var(--c) 22%, transparent); border-bottom: 2px solid var(--c);
       border-radius: 2px; }
section { position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow: auto; }
table { width: 100%; margin-bottom: 1rem; }
caption { text-align: left; font-weight: 600; border-bottom: 3px solid var(--c); }
th, td { text-align: left; vertical-align: top; padding: .2rem .5rem .2rem 0; overflow-wrap: anywhere; }
th { font-weight: 400; overflow-wrap: normal; }
a { color: inherit; }
pre a { text-decoration: none; }
code { overflow-wrap: anywhere; }
""" + "".join(f".c{place} {{ --c: {colour}; }}\n" for place, colour in enumerate(COLOURS))


def find_sample(data: str, identifier: str | None) -> Sample:
    """Return the sample of that id, or the first.

    Raises:
        DataError: there is none.
    """
    known = []
    for sample in iter_samples(data):
        if identifier in (None, sample.id):
            return sample
        known.append(sample.id)
    near = did_you_mean(str(identifier), known) if len(known) <= 20 else did_you_mean(str(identifier), known)[:80]
    raise DataError(f"no sample {identifier!r}", file=data, remedy=near)


def marks(sample: Sample) -> Iterator[tuple[int, int, int, str]]:
    """Yield (start, end, record, path) of every stated value, in order and without overlaps.

    Raises:
        DataError: the evidence is of another form.
    """
    try:
        found = [
            (start, end, int(item["path"][1 : item["path"].index("]")]), item["path"])
            for item in json.loads(sample.evidence)
            for start, end in item["spans"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DataError(f"the evidence of sample {sample.id!r} cannot be read",
                        remedy='it is a list of {"path": "[0].name", "spans": [[start, end]]}') from None  # fmt: skip
    last = 0
    for start, end, record, path in sorted(found):
        if start >= last:
            yield start, end, record, path
            last = end


def terminal_text(sample: Sample, *, color: bool) -> str:
    """Return the problem with its evidence in colour, or in brackets, and the gold below."""
    parts = []
    last = 0
    for start, end, record, _ in marks(sample):
        value = sample.problem[start:end]
        code = CODES[record % len(CODES)]
        parts += [
            _safe(sample.problem[last:start]),
            f"\x1b[1;{code}m{_safe(value)}\x1b[0m" if color else f"⟦{_safe(value)}⟧",
        ]
        last = end
    parts.append(_safe(sample.problem[last:]))
    gold = []
    for record, fields in enumerate(items(sample)):
        text = _safe(json.dumps(fields, ensure_ascii=False))
        gold.append(f"\x1b[1;{CODES[record % len(CODES)]}m[{record}]\x1b[0m {text}" if color else f"[{record}] {text}")
    return "\n".join([f"── {sample.id} · {sample.domain} · {sample.kind}", "".join(parts), "── gold", *gold,
                      f"── knobs {_safe(sample.knobs)}"])  # fmt: skip


def items(sample: Sample) -> list[Any]:
    """Return the gold's records, or the rows of a table of tab-separated values, or the gold as its only item."""
    gold = sample.records()
    if isinstance(gold, str) and "\t" in gold:
        header, *rows = (line.split("\t") for line in gold.splitlines())
        return [dict(zip(header, row, strict=False)) for row in rows]
    return gold if isinstance(gold, list) else [gold]


def _safe(text: str) -> str:
    """Take control characters out, so that a text cannot steer the terminal."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def html_page(sample: Sample) -> str:
    """Return the same as a page of its own, marks and gold linked both ways."""
    parts = []
    last = 0
    first: dict[int, str] = {}
    seen: set[str] = set()
    for start, end, record, path in marks(sample):
        anchor = "" if path in seen else f' id="t-{escape(path)}"'
        seen.add(path)
        first.setdefault(record, path)
        parts += [
            escape(sample.problem[last:start]),
            f'<a href="#g-{record}"><mark{anchor} class="c{record % len(COLOURS)}" title="{escape(path)}">'
            f"{escape(sample.problem[start:end])}</mark></a>",
        ]
        last = end
    parts.append(escape(sample.problem[last:]))
    tables = "".join(_table(record, fields, first.get(record)) for record, fields in enumerate(items(sample)))
    body = f"""<header><h1>{escape(sample.id)}</h1>
<p>{escape(sample.domain)}, {escape(sample.kind)}; knobs: <code>{escape(sample.knobs)}</code></p></header>
<main><pre>{"".join(parts)}</pre><section aria-label="gold" tabindex="0">{tables}</section></main>"""
    return web_page(sample.id, body, style=STYLE)


def _table(record: int, fields: object, path: str | None) -> str:
    """Return a record's gold; its caption leads to `path`, the first mark of it in the text, where there is one."""
    caption = f"record {record}" if path is None else f'<a href="#t-{escape(path)}">record {record}</a>'
    if not isinstance(fields, dict):
        fields = {"": fields}
    rows = "".join(
        (f'<tr><th scope="row">{escape(key)}</th>' if key else "<tr>")
        + f"<td>{escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))}</td></tr>"
        for key, value in sorted(fields.items())
    )
    return f'<table id="g-{record}" class="c{record % len(COLOURS)}"><caption>{caption}</caption>{rows}</table>'
