"""From a prediction's text to numbers: the names that users need, loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from text2json.metrics.limits import Limits as Limits
    from text2json.metrics.report import Report as Report
    from text2json.metrics.scoring import score as score

_HOME = {
    "Limits": "text2json.metrics.limits",
    "Report": "text2json.metrics.report",
    "score": "text2json.metrics.scoring",
}

__all__ = ["Limits", "Report", "score"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'text2json.metrics' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
