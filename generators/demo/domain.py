"""What a domain is: how its entities are called, what can be said of them, and in which words."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from text2json.generators.bits import Bits

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent


class Domain(ABC):
    """One kind of thing that documents tell of."""

    name: str
    """In the plural, as in configurations and ids."""
    noun: str
    """What the instruction asks for, in the plural."""
    fields: tuple[str, ...]
    """What can be asked beside the name."""

    @abstractmethod
    def entity(self, bits: Bits, split: str) -> tuple[str, str]:
        """Return a name that belongs to `split`, and the noun for the thing that bears it."""

    @abstractmethod
    def value(self, field: str, bits: Bits, split: str) -> str:
        """Return a value of `field` that belongs to `split`, as the text states it."""

    @cached_property
    def patterns(self) -> Mapping[str, Any]:
        """The sentence patterns of `<name>.toml` beside this file."""
        return tomllib.loads((FOLDER / f"{self.name}.toml").read_text(encoding="utf-8"))

    @cached_property
    def _texts(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        found: dict[tuple[str, ...], tuple[str, ...]] = {
            (kind,): tuple(self.patterns[kind]) for kind in ("title", "intro", "filler")
        }
        for field, kinds in self.patterns["fields"].items():
            found |= {(field, kind): tuple(texts) for kind, texts in kinds.items()}
        return found

    def texts(self, *kind: str) -> tuple[str, ...]:
        """Return the patterns of a kind (`filler`) or of a field's kind (`weight`, `prose`).

        Both splits speak alike: what the demonstration holds out from its reader, which is too small to understand
        sentences of a kind that it never met, is every name and value.
        """
        return self._texts[kind]
