"""Multi-needle retrieval, as in NeedleBench (arXiv 2407.11963): needles at even depths, all asked for in one prompt."""

from __future__ import annotations

from text2json.errors import SpecError
from text2json.generators.bits import Bits
from text2json.generators.question import LEAD_OUT
from text2json.generators.sample_parts import CANARY
from text2json.generators.tasks.haystack import even_depths, plant
from text2json.generators.tasks.parts import ATTEMPTS, different, evidence, patterns, stream
from text2json.generators.templates import template
from text2json.generators.text import Sentence, sentence
from text2json.generators.words import made_up
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample

MOST = 64
HEAD = "Read the text below. After it you are asked {count} about single statements in it.\n\n"
TAIL = "\n\n{questions}\nAnswer with a JSON list of {count}, in the order of the questions, one word for each."
PERSON = template("{first_names} {last_names}")


def compose(name: str, *, needles: int, length: int, split: str, seed: int, number: int) -> Sample:
    """Return sample `number`.

    Args:
        name: the task's.
        needles: statements asked for, 1 to 64.
        length: characters of the whole prompt, about.
        split: of the names, words and patterns.
        seed: another one gives other samples.
        number: which sample.

    Raises:
        SpecError: there are no such samples.
    """
    if not 1 <= needles <= MOST:
        raise SpecError(f"{name}: needles={needles}", remedy=f"give 1 to {MOST}")
    for attempt in range(ATTEMPTS):
        bits = stream(name, needles, length, split, seed, number, attempt)
        sample = _attempt(name, needles, length, split, number, bits)
        if sample is not None:
            return sample
    raise SpecError(f"{name}: no haystack without the needles' words", remedy="lower length or needles")


def _attempt(name: str, needles: int, length: int, split: str, number: int, bits: Bits) -> Sample | None:
    people = different(lambda: PERSON(bits, split), needles)
    words = different(lambda: made_up(bits, split), needles, people)
    frames = [bits.choice(patterns("statements", "needles")[split]).split(" | ") for _ in range(needles)]
    statements: list[Sentence] = []
    asked: list[str] = []
    for place, (frame, person, word) in enumerate(zip(frames, people, words, strict=True)):
        slots = {"S": ((person, None),), "v": ((word, (place, "")),)}
        statements.append(sentence(frame[0], slots, capital=False))
        asked.append(f"{place + 1}. {frame[1].replace('{S}', person)}")
    questions = "a question" if needles == 1 else f"{needles} questions"
    head = HEAD.format(count=questions)
    tail = TAIL.format(questions="\n".join(asked), count="one string" if needles == 1 else f"{needles} strings")
    tail += LEAD_OUT
    depths = even_depths(needles) if needles > 1 else [bits.below(1001)]
    text, places = plant(statements, depths, length=length - len(head) - len(tail), split=split, bits=bits)
    problem = head + text + tail
    if any(problem.count(word) > 1 for word in words):
        return None
    return task_sample(
        f"{name}-{number:06d}",
        task=name,
        problem=problem,
        gold=words,
        text_span=(len(head), len(head) + len(text)),
        evidence=evidence(places, len(head)),
        knobs={"needles": needles, "length": length, "split": split, "depths": depths},
        canary=CANARY,
    )
