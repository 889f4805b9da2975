"""Show text from strangers in a terminal without letting it act there."""

from __future__ import annotations

import unicodedata

INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories of control signs, directions of writing, halves of signs and line ends."""


def plain(text: str) -> str:
    """Return `text` with every sign that steers a terminal or the direction of writing as its number."""
    return "".join(f"\\u{ord(sign):04x}" if unicodedata.category(sign) in INVISIBLE else sign for sign in text)
