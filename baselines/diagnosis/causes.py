"""Why each wrong leaf is wrong, by what two other runs write after the very same tokens.

Exact attention reads the tokens that the strategy wrote. Where it goes wrong about the leaf too, the mistake is the
model's own. Otherwise the strategy's selection with exact keys and values reads them: where that goes wrong too, what
was needed was *not selected*; where it does not, it was *badly rebuilt*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from text2json.baselines.diagnosis.prefilled import Prefilled, forward, release
from text2json.baselines.diagnosis.tokens import LOST, output_spans, token_at
from text2json.baselines.models import LoadedModel
from text2json.baselines.runner import read_answer
from text2json.baselines.strategies.isolated import SelectionAlone
from text2json.baselines.strategy import Strategy
from text2json.metrics.counts import RIGHT
from text2json.metrics.first_wrong import Leaf
from text2json.schemas.diagnosis import BADLY_REBUILT, NOT_SELECTED, OWN_MISTAKE, Cause


@dataclass(frozen=True)
class Output:
    """What a run wrote.

    Args:
        loaded: the model, for its tokeniser.
        ids: every token, the stop token included.
    """

    loaded: LoadedModel
    ids: list[int]

    @cached_property
    def written(self) -> list[int]:
        """The tokens before the first stop token."""
        stops = self.loaded.stop_tokens
        return self.ids[: next((place for place, token in enumerate(self.ids) if token in stops), len(self.ids))]

    @cached_property
    def text(self) -> str:
        """What `run` would have kept."""
        return read_answer(self.loaded, "", self.ids, 0).output

    @property
    def finish_reason(self) -> str:
        """`stop`, or `length` where the limit was met."""
        return "length" if len(self.written) == len(self.ids) else "stop"

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Start and end of each written token in `text`."""
        return output_spans(self.loaded, self.written)

    def instead(self, place: int, token: int) -> str:
        """Return the text up to token `place` and `token` in its stead."""
        start = self.spans[place][0] if place < len(self.spans) else len(self.text)
        tokenizer = self.loaded.tokenizer
        before, after = (str(tokenizer.decode(ids, skip_special_tokens=True))
                         for ids in (self.written[:place], [*self.written[:place], token]))  # fmt: skip
        return self.text[:start] + after.rstrip(LOST)[len(before.rstrip(LOST)) :]


@dataclass(frozen=True)
class Fault:
    """The first wrong token of a leaf, and why it is wrong.

    Args:
        cause: see the module.
        token: its place in the output, None where no token is wrong but the output as a whole.
        located: the leaf itself names the token; otherwise it is where exact attention first writes another one.
        full_writes: what exact attention writes there.
    """

    cause: Cause
    token: int | None
    located: bool
    full_writes: str | None


class Inquest:
    """Finds causes in one output of one strategy."""

    def __init__(self, prefilled: Prefilled, strategy: Strategy, output: Output, *,
                 exact_stores: bool, exact_selection: bool) -> None:  # fmt: skip
        self.prefilled, self.strategy, self.output = prefilled, strategy, output
        self.exact_stores, self.exact_selection = exact_stores, exact_selection

    @cached_property
    def full(self) -> list[int]:
        """What exact attention writes at each place of the output, after the tokens before it."""
        ids = self.output.ids
        following = [int(token) for rows in self.prefilled.logits(ids[:-1]) for token in rows.argmax(-1)]
        return [int(self.prefilled.first.argmax()), *following]

    @cached_property
    def selecting(self) -> list[int]:
        """What the strategy's selection with exact keys and values writes at each place."""
        loaded, cache = self.prefilled.loaded, self.prefilled.fork(SelectionAlone(self.strategy))
        following = [int(forward(loaded, cache, [token])[-1].argmax()) for token in self.output.ids[:-1]]
        release(cache)
        return [int(self.prefilled.first.argmax()), *following]

    def fault(self, leaf: Leaf) -> Fault:
        """Return the fault of a leaf that is not right."""
        assert leaf.verdict != RIGHT
        place = None if leaf.wrong_at is None else self._place(leaf.wrong_at)
        located = place is not None
        if place is None:
            place = next((p for p, (a, b) in enumerate(zip(self.output.ids, self.full, strict=True)) if a != b), None)
        if place is None:
            return Fault(OWN_MISTAKE, None, located, None)
        return Fault(self._cause(leaf, place, located), place, located,
                     str(self.prefilled.loaded.tokenizer.decode([self.full[place]])))  # fmt: skip

    def _place(self, character: int) -> int | None:
        """Return the token that holds a character; the one that ended the output, for what stands behind it."""
        found = token_at(self.output.spans, character)
        ended = len(self.output.written) < len(self.output.ids)
        return found if found is not None else len(self.output.written) if ended else None

    def _cause(self, leaf: Leaf, place: int, located: bool) -> Cause:
        if not self._mends(leaf, place, self.full, located):
            return OWN_MISTAKE
        if self.exact_stores:
            return NOT_SELECTED
        if self.exact_selection or self._mends(leaf, place, self.selecting, located):
            return BADLY_REBUILT
        return NOT_SELECTED

    def _mends(self, leaf: Leaf, place: int, tokens: Sequence[int], located: bool) -> bool:
        """Tell whether another run, which writes `tokens`, is right at the place."""
        token = tokens[place]
        if not located:
            return token == self.full[place]
        if token == self.output.ids[place] or token in self.prefilled.loaded.stop_tokens:
            return False
        return leaf.allows(self.output.instead(place, token))
