"""Between characters and tokens: where the prompt's tokens stand in the problem, and an output's in its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from text2json.baselines.models import LoadedModel
from text2json.errors import ModelError

LOST = "\ufffd"
"""What a tokeniser writes for a letter that is not complete."""


@dataclass(frozen=True)
class PromptTokens:
    """A problem as the model reads it.

    Args:
        ids: tokens, those of the chat template included.
        spans: start and end of each in `problem`, in characters; outside of it for the template's.
    """

    ids: list[int]
    spans: list[tuple[int, int]]

    def within(self, start: int, end: int) -> list[int]:
        """Return the tokens that hold a character of `problem[start:end]`."""
        return [place for place, (first, last) in enumerate(self.spans) if first < end and last > start]


def prompt_tokens(loaded: LoadedModel, problem: str) -> PromptTokens:
    """Return the tokens of `problem` as `LoadedModel.encode` makes them, with their places in it.

    Raises:
        ModelError: the tokeniser cannot tell places, or the chat template rewrites the problem.
    """
    plain = loaded.tokenizer.chat_template is None
    text = problem if plain else loaded.turn(problem)
    core = problem.strip()
    at = text.find(core)
    if at < 0:
        raise ModelError("the model's chat template rewrites the problem, so that its evidence cannot be found",
                         remedy="choose another model")  # fmt: skip
    if not loaded.tokenizer.is_fast:
        raise ModelError("the model's tokeniser does not tell where a token stands in a text",
                         remedy="choose a model with a fast tokeniser (tokenizer.json)")  # fmt: skip
    encoded = loaded.tokenizer(text, return_offsets_mapping=True, add_special_tokens=plain)
    shift = problem.find(core) - at
    return PromptTokens(encoded["input_ids"], [(a + shift, b + shift) for a, b in encoded["offset_mapping"]])


def output_spans(loaded: LoadedModel, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return start and end of every token in the output's text; a letter belongs to the token that completes it."""
    spans = []
    start = 0
    for count in range(1, len(ids) + 1):
        text = str(loaded.tokenizer.decode(list(ids[:count]), skip_special_tokens=True))
        end = max(start, len(text.rstrip(LOST)))
        spans.append((start, end))
        start = end
    return spans


def token_at(spans: Sequence[tuple[int, int]], character: int) -> int | None:
    """Return the token that holds a character; None behind the last one."""
    return next((place for place, (_, end) in enumerate(spans) if end > character), None)


def tokens_within(spans: Sequence[tuple[int, int]], start: int, end: int) -> list[int]:
    """Return the tokens that hold a character of `[start, end)`."""
    return [place for place, (first, last) in enumerate(spans) if first < end and last > start]
