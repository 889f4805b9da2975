"""A strategy that selects as another does and reads exact keys and values: what only the selection loses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Sealed
from text2json.baselines.stores import ExactStore
from text2json.baselines.strategy import Strategy


@dataclass(frozen=True)
class ExactStores(Strategy):
    """The index, residents and selection of `inner`, whose stores are replaced by the exact prompt."""

    inner: Strategy

    name: ClassVar[str] = "exact-stores"
    source: ClassVar[str] = "-"
    summary: ClassVar[str] = "another strategy's selection, exact keys and values"

    def __getattribute__(self, name: str) -> Any:
        """Ask for as many queries and inputs as `inner` does."""
        home = object.__getattribute__(self, "inner") if name in ("prompt_queries", "reads_inputs") else self
        return object.__getattribute__(home, name)

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Seal as `inner` does, and put the exact prompt in place of its stores."""
        sealed = self.inner.seal(prompt)
        if sealed is None:
            return None
        return replace(sealed, keys=ExactStore("host", "keys", prompt.keys.contiguous()),
                       values=ExactStore("host", "values", prompt.values.contiguous()))  # fmt: skip
