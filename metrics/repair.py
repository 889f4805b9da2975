"""The repair of broken JSON, by a library that guesses; only ever on request."""

from __future__ import annotations

from typing import Any

from text2json.errors import InputError


def mend(text: str) -> Any:
    """Return what `json_repair` makes of `text`.

    It credits half-written strings and, of two lists, keeps one: figures with repair are not comparable with figures
    without, so the signature names it.

    Raises:
        InputError: the library is not installed.
    """
    try:
        import json_repair
    except ImportError:
        raise InputError("repair needs the json_repair library", remedy="pip install 'text2json[repair]'") from None
    try:
        return json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
