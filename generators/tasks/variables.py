"""Variable tracking in the manner of RULER (arXiv 2404.06654, section 3): chains of assignments in a haystack."""

from __future__ import annotations

from text2json.errors import SpecError
from text2json.generators.question import LEAD_OUT
from text2json.generators.sample_parts import CANARY
from text2json.generators.tasks.haystack import plant
from text2json.generators.tasks.parts import different, evidence, stream
from text2json.generators.text import Sentence, sentence
from text2json.generators.words import letters
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample

HEAD = "Follow the assignments of variables that stand in the text below.\n\n"
TAIL = "\n\nWhich {count} variables have the value {value}, directly or through another variable?"
TAIL += "\nAnswer with a JSON list of strings."
FIRST = {"train": "Let {v} be {x}.", "test": "Set {v} to {x}."}
NEXT = {"train": "Let {v} be the same as {x}.", "test": "Set {v} to the value of {x}."}


def compose(name: str, *, chains: int, hops: int, length: int, split: str, seed: int, number: int) -> Sample:
    """Return sample `number`.

    Args:
        name: the task's.
        chains: chains of variables, each with a value of its own; one is asked for.
        hops: assignments of a chain from variable to variable.
        length: characters of the whole prompt, about.
        split: of the haystack and the statements.
        seed: another one gives other samples.
        number: which sample.

    Raises:
        SpecError: there are no such samples.
    """
    if chains < 1 or hops < 0:
        raise SpecError(f"{name}: chains={chains}, hops={hops}", remedy="give at least 1 chain, and hops from 0")
    bits = stream(name, chains, hops, length, split, seed, number)
    names = different(lambda: letters(bits, 5), chains * (hops + 1))
    values = different(lambda: str(bits.between(10000, 99999)), chains)
    waiting: list[list[Sentence]] = []
    for chain in range(chains):
        own = names[chain * (hops + 1) : (chain + 1) * (hops + 1)]
        waiting.append(
            [
                sentence((NEXT if hop else FIRST)[split], {
                    "v": ((variable, None if chain else (hop, "")),),
                    "x": ((own[hop - 1] if hop else values[chain], None),),
                }, capital=False)
                for hop, variable in enumerate(own)
            ]
        )  # fmt: skip
    order = [chain for chain in range(chains) for _ in range(hops + 1)]
    bits.shuffle(order)
    statements = [waiting[chain].pop(0) for chain in order]  # a chain keeps its order
    tail = TAIL.format(count=hops + 1, value=values[0]) + LEAD_OUT
    depths = sorted(bits.below(1001) for _ in statements)
    text, places = plant(statements, depths, length=length - len(HEAD) - len(tail), split=split, bits=bits)
    return task_sample(
        f"{name}-{number:06d}",
        task=name,
        problem=HEAD + text + tail,
        gold=names[: hops + 1],
        text_span=(len(HEAD), len(HEAD) + len(text)),
        evidence=evidence(places, len(HEAD)),
        knobs={"chains": chains, "hops": hops, "length": length, "split": split},
        canary=CANARY,
    )
