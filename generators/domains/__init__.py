"""The domains, one file each; a new one is a new file with a class, a patterns file and a line here."""

from __future__ import annotations

import importlib
from functools import cache

from text2json.errors import SpecError, did_you_mean
from text2json.generators.domain import Domain

DOMAINS = {"products": "text2json.generators.domains.products:Products"}


@cache
def domain(name: str) -> Domain:
    """Return the domain called `name`.

    Raises:
        SpecError: there is none.
    """
    if name not in DOMAINS:
        raise SpecError(f"no domain {name!r}", remedy=did_you_mean(name, DOMAINS))
    module, _, cls = DOMAINS[name].partition(":")
    made: Domain = getattr(importlib.import_module(module), cls)()
    return made
