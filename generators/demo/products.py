"""Products with their specifications."""

from __future__ import annotations

from collections.abc import Callable

from text2json.generators import lexicon
from text2json.generators.bits import Bits
from text2json.generators.demo.domain import Domain
from text2json.generators.splits import split_of
from text2json.generators.words import letters, made_up

MONTHS = ("January", "February", "March", "April", "May", "June", "July",
          "August", "September", "October", "November", "December")  # fmt: skip


class Products(Domain):
    """Household goods and small devices, all of them invented."""

    name = "products"
    noun = "products"

    def __init__(self) -> None:
        self.makers: dict[str, Callable[[Bits, str], str]] = {
            "manufacturer": self.manufacturer,
            "colour": lambda bits, split: bits.choice(lexicon.part("colours", split)),
            "weight": lambda bits, _: f"{bits.between(1, 48)}.{bits.below(10)} kg",
            "price": lambda bits, _: f"${bits.between(9, 1999)}.{bits.choice(('00', '49', '90', '95', '99'))}",
            "material": self.material,
            "power": lambda bits, _: f"{5 * bits.between(3, 600)} W",
            "warranty": lambda bits, _: f"{bits.between(3, 120)} months",
            "origin": lambda bits, split: bits.choice(lexicon.part("countries", split)),
            "capacity": lambda bits, _: f"{bits.between(0, 60)}.{bits.below(100):02d} litres",
            "designer": self.person,
            "code": lambda bits, _: f"{letters(bits, 2)}-{bits.between(1000, 99999)}",
            "released": lambda bits, _: f"{bits.choice(MONTHS)} {bits.between(1986, 2025)}",
        }
        self.fields = tuple(self.makers)

    def entity(self, bits: Bits, split: str) -> tuple[str, str]:
        """Return a brand-like name, with a number in half of the cases, and the kind of product."""
        name = made_up(bits, split)
        form = bits.below(4)
        if form == 0:
            name += f" {made_up(bits, split)}"
        elif form == 1:
            name += f" {letters(bits, bits.between(1, 2))}{bits.between(2, 980)}"
        elif form == 2:
            name += f" {bits.between(2, 980)}"
        return name, bits.choice(lexicon.load("product_kinds"))

    def value(self, field: str, bits: Bits, split: str) -> str:
        """Return a value; numbers and words that belong to the other split are drawn again."""
        while True:
            value = self.makers[field](bits, split)
            if field in ("warranty", "power") or split_of(value) == split:  # too few numbers to part
                return value

    def manufacturer(self, bits: Bits, split: str) -> str:
        """Return a firm's name."""
        first = made_up(bits, split) if bits.chance(50) else bits.choice(lexicon.part("last_names", split))
        return f"{first} {bits.choice(lexicon.load('firm_endings'))}"

    def material(self, bits: Bits, split: str) -> str:
        """Return a material with its finish."""
        return f"{bits.choice(lexicon.load('finishes'))} {bits.choice(lexicon.load('materials'))}"

    def person(self, bits: Bits, split: str) -> str:
        """Return a person's name."""
        return f"{bits.choice(lexicon.part('first_names', split))} {bits.choice(lexicon.part('last_names', split))}"
