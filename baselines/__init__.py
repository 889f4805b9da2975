"""Models with their KV cache split between a device and a host tier; names load on first use, torch with them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from text2json.baselines.cache import TieredCache as TieredCache
    from text2json.baselines.cache import tiered_cache as tiered_cache
    from text2json.baselines.readers import reader_path as reader_path

_HOME = {
    "TieredCache": "text2json.baselines.cache",
    "tiered_cache": "text2json.baselines.cache",
    "reader_path": "text2json.baselines.readers",
}

__all__ = ["TieredCache", "reader_path", "tiered_cache"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'text2json.baselines' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        if error.name in ("torch", "transformers"):
            raise ImportError("models and strategies need torch: pip install 'text2json[baselines]'") from error
        raise
