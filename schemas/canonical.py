"""Canonical JSON: one text for one value, on every platform."""

from __future__ import annotations

import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys, `,` and `:` without spaces, and no NaN or Infinity.

    Non-ASCII characters stand as themselves, to be encoded as UTF-8.

    Raises:
        ValueError: `value` holds NaN or an infinity.
        TypeError: `value` holds something that JSON has no form for.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
