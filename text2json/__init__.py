"""Structured extraction from long text: data, exact scores, and the price of KV-cache offloading.

Public names load on first use, so that `import text2json` stays fast and never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from text2json.data import load as load
    from text2json.metrics import score as score
    from text2json.metrics.significance import compare as compare

_HOME = {"compare": "text2json.metrics.significance", "load": "text2json.data", "score": "text2json.metrics"}

__all__ = ["__version__", "compare", "load", "score"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'text2json' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
