"""What is to be written, checked before anything is made: configurations, splits, versions and knobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from text2json.batches import Part
from text2json.errors import SpecError
from text2json.generators.knobs import Knobs, configuration

READ = {
    "curated": ("domains", "records", "length", "fields", "levels", "bands", "order", "noise"),
    "demo": ("records", "length", "fields", "extra", "genres"),
}
"""The knobs that a maker of documents heeds, where it does not heed all."""


def plan(
    config: str, split: str, *, samples: int | None, seed: int | None, knobs: dict[str, Any], version: str | None
) -> list[Part]:
    """Return what is to be written, one part for each configuration and split.

    Raises:
        SpecError: something is unknown, impossible, or at odds with the frozen version.
    """
    if samples is not None and samples < 1:
        raise SpecError(f"{samples} samples", remedy="ask for at least one")
    parts = []
    for name in dict.fromkeys(config.split(",")):
        settings = configuration(name, **knobs)
        _check_heeded(name, settings, knobs)
        for half in dict.fromkeys(split.split(",")):
            if version is None:
                count = settings.samples if samples is None else samples
                parts.append(Part(name, half, count, 0 if seed is None else seed, knobs))
                continue
            from text2json.manifest import frozen_entry

            entry = frozen_entry(version, name, half)
            if knobs or samples not in (None, entry.samples) or seed not in (None, entry.seed):
                raise SpecError(f"version {version} of {name} is frozen: {entry.samples} samples, seed {entry.seed}",
                                remedy="leave out --samples, --seed and --set, or leave out --version")  # fmt: skip
            parts.append(Part(name, half, entry.samples, entry.seed, {}, entry.sha256))
    return parts


def _check_heeded(name: str, settings: Knobs, changes: Mapping[str, Any]) -> None:
    """Refuse changed knobs that would change nothing.

    Raises:
        SpecError: a knob is none of this configuration's, or more fields are asked for than there are.
    """
    read = READ.get(settings.maker)
    for knob in changes:
        if read is not None and knob not in read:
            raise SpecError(f"{name} does not heed {knob}", remedy=f"its knobs are {', '.join(sorted(read))}")
    if "fields" not in changes:
        return
    for kind in settings.domains:
        most = fields_of(settings, kind)
        if settings.fields[0] > most:
            raise SpecError(f"{settings.fields[0]} fields, but {kind} have {most} beside the name",
                            remedy=f"ask for at most {most}")  # fmt: skip


def fields_of(settings: Knobs, kind: str) -> int:
    """Return how many fields beside the name a configuration's documents of a domain can ask for."""
    if settings.maker == "curated":
        from text2json.generators.passages import collection

        return len(collection(kind).keys)
    if settings.maker == "demo":
        from text2json.generators.demo.composition import domain as products

        return len(products().fields)
    from text2json.generators.domain import domain

    return len(domain(kind).fields if settings.typed else domain(kind).stringy)
