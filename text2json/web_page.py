"""A page of HTML that needs nothing else: no request leaves it, and nothing runs in it but what was put there."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from pathlib import Path


@cache
def asset(name: str) -> str:
    """Return the text of a file that stands beside this one."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def web_page(title: str, body: str, *, style: str = "", script: str = "") -> str:
    """Return the page; its content security policy allows this very style and this very script, by their hashes.

    Args:
        title: plain text.
        body: HTML, in which every text that came from outside is escaped.
        style: CSS beside what all pages share.
        script: a module, or nothing; it has no way to make HTML out of text.
    """
    css = asset("web_page.css") + style
    policy = f"default-src 'none'; style-src {_hash(css)}; base-uri 'none'; form-action 'none'"
    code = ""
    if script:
        policy += f"; script-src {_hash(script)}; require-trusted-types-for 'script'; trusted-types 'none'"
        code = f'<script type="module">{script}</script>'
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}; img-src data:"><link rel="icon" href="data:,">
<title>{escape(title)}</title><style>{css}</style></head><body>
{body}
{code}</body></html>
"""


def scrolling(label: str, table: str) -> str:
    """Return a table that scrolls sideways where it is too wide; a keyboard reaches it."""
    return f'<div class="wide" role="region" tabindex="0" aria-label="{escape(label)}">{table}</div>'


def write_text(path: Path, text: str) -> None:
    """Write a page; lone surrogates, which models do write, have no UTF-8 and become question marks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
