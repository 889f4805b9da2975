"""Needle tasks in the manner of RULER (arXiv 2404.06654, section 3): keys with numbers, of which some are asked for."""

from __future__ import annotations

from text2json.errors import SpecError
from text2json.generators.question import LEAD_OUT
from text2json.generators.sample_parts import CANARY
from text2json.generators.tasks.haystack import plant
from text2json.generators.tasks.parts import different, evidence, patterns, stream
from text2json.generators.templates import template
from text2json.generators.text import sentence
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample

HEAD = "Remember the numbers that the text below gives; you are asked for some of them after it.\n\n"
TAIL = "\n\n{question}\nAnswer with a JSON list of strings."
KEY = template("{title_adjectives} {title_nouns} {A}{10-99}")
NUMBER = template("{1000000-9999999}", shared=True)


def compose(
    name: str, *, keys: int, values: int, queries: int, length: int, split: str, seed: int, number: int
) -> Sample:
    """Return sample `number`.

    Args:
        name: the task's.
        keys: things that have numbers.
        values: numbers of each.
        queries: things whose numbers are asked for.
        length: characters of the whole prompt, about.
        split: of the things and the patterns.
        seed: another one gives other samples.
        number: which sample.

    Raises:
        SpecError: there are no such samples.
    """
    if not 1 <= queries <= keys or values < 1:
        raise SpecError(f"{name}: keys={keys}, values={values}, queries={queries}",
                        remedy="give 1 <= queries <= keys, and values of at least 1")  # fmt: skip
    bits = stream(name, keys, values, queries, length, split, seed, number)
    things = different(lambda: KEY(bits, split), keys)
    numbers = different(lambda: NUMBER(bits, split), keys * values)
    statement, question = bits.choice(patterns("statements", "numbers")[split]).split(" | ")
    made = []
    for place, value in enumerate(numbers):
        asked = place if place < queries * values else None  # the first keys are those asked for
        slots = {"S": ((things[place // values], None),), "v": ((value, None if asked is None else (asked, "")),)}
        made.append(sentence(statement, slots, capital=False))
    bits.shuffle(made)
    asked_for = things[:queries]
    listed = asked_for[0] if queries == 1 else ", ".join(asked_for[:-1]) + " and " + asked_for[-1]
    tail = TAIL.format(question=question.replace("{S}", listed)) + LEAD_OUT
    depths = sorted(bits.below(1001) for _ in made)
    text, places = plant(made, depths, length=length - len(HEAD) - len(tail), split=split, bits=bits)
    return task_sample(
        f"{name}-{number:06d}",
        task=name,
        problem=HEAD + text + tail,
        gold=numbers[: queries * values],
        text_span=(len(HEAD), len(HEAD) + len(text)),
        evidence=evidence(places, len(HEAD)),
        knobs={"keys": keys, "values": values, "queries": queries, "length": length, "split": split},
        canary=CANARY,
    )
