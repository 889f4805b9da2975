"""Step 7: one line that names everything that changes the number."""

from __future__ import annotations

from dataclasses import dataclass, fields

from text2json.metrics.align import GATE
from text2json.metrics.limits import LIMITS
from text2json.metrics.uncertainty import RESAMPLES, SEED


@dataclass(frozen=True)
class Rules:
    """The rules that a score follows; the signature is made of these fields, so none can be left out."""

    version: str
    data: str
    gold: str
    align: str
    gate: float = GATE
    norm: str = "nfkc+quotes+space+invisible"
    absent: str = "null"
    repair: str = "no"
    truncated: str = "empty"
    missing: str = "empty"
    limits: str = str(LIMITS)
    interval: str = f"bootstrap{RESAMPLES}s{SEED}"

    def signature(self) -> str:
        """Return the rules as `text2json|version:...|data:...`."""
        return "|".join(["text2json", *(f"{field.name}:{getattr(self, field.name)}" for field in fields(self))])
