"""A fragment of HTML or Markdown: headings, lists, definition lists."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.telling import Record, Teller
from text2json.generators.text import Block, Section, plain, sentence

LAYOUTS = (
    ("<h3>{N}</h3>\n<p>{n}</p>\n<dl>", "  <dt>{l}</dt><dd>{v}</dd>", "</dl>"),
    ('<section class="entry">\n<h2>{N}</h2> <small>{n}</small>\n<ul>', "<li><b>{l}:</b> {v}</li>", "</ul>\n</section>"),
    ("### {N}\n\n*{n}*\n", "- **{l}:** {v}", ""),
    ("**{N}** ({n})\n", "* {l}: `{v}`", ""),
    ("<tr><th colspan=2>{N} ({n})</th></tr>", "<tr><td>{l}</td><td>{v}</td></tr>", ""),
)


def tell(teller: Teller, records: Sequence[Record]) -> Section:
    """Mark all records up alike."""
    head, line, tail = teller.bits.choice(LAYOUTS)
    blocks = []
    for record in records:
        made = [sentence(head, {"N": teller.name(record), "n": plain(record.noun)}, capital=False)]
        for fact in record.facts:
            slots = {"l": plain(teller.label(fact[0])), "v": teller.value(record, fact)}
            made.append(sentence(line, slots, capital=False))
        if tail:
            made.append(sentence(tail, {}, capital=False))
        blocks.append(Block(made, "\n"))
    return Section(blocks)
