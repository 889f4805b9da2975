"""One sample: what the model writes under full attention, and what becomes of it under each strategy."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from text2json.baselines.diagnosis.causes import Inquest, Output
from text2json.baselines.diagnosis.evidence import Watched, pieces, writing_steps
from text2json.baselines.diagnosis.measures import divergence
from text2json.baselines.diagnosis.prefilled import CHUNK, Prefilled, forward, greedy, release
from text2json.baselines.diagnosis.probe import SUMS, Probe
from text2json.baselines.diagnosis.tally import EVIDENCE, PieceTally, Tally
from text2json.baselines.diagnosis.tokens import prompt_tokens
from text2json.baselines.models import LoadedModel
from text2json.baselines.strategies.full import Full
from text2json.baselines.strategy import Strategy
from text2json.metrics.counts import RIGHT
from text2json.metrics.first_wrong import Leaf, judge_leaves
from text2json.metrics.scoring import score_sample
from text2json.schemas.canonical import canonical_json
from text2json.schemas.diagnosis import LeafLine, SampleLine, Scored
from text2json.schemas.sample import Sample

Looks = list[tuple[list[float], list[float]]]
"""For each step, the evidence recall of every piece: by any head, and by the heads that carry it."""


@dataclass(frozen=True)
class Examined:
    """One sample, read once; `under` diagnoses a strategy.

    Args:
        loaded: the model.
        sample: with its evidence.
        strategies: which will be diagnosed.
        max_new_tokens: generation limit.
    """

    loaded: LoadedModel
    sample: Sample
    strategies: Sequence[Strategy]
    max_new_tokens: int

    @cached_property
    def prompt(self) -> Prompt:
        """The prompt's tokens and the evidence in them."""
        tokens = prompt_tokens(self.loaded, self.sample.problem)
        return Prompt(tokens.ids, Watched(pieces(self.sample, tokens)))

    @cached_property
    def prefilled(self) -> Prefilled:
        """The prompt, read."""
        return Prefilled(self.loaded, self.prompt.ids, self.strategies)

    @cached_property
    def full(self) -> Output:
        """What full attention writes: the tokens that every strategy is forced along."""
        cache = self.prefilled.fork(Full())
        ids = list(greedy(self.loaded, cache, self.prefilled.first, self.max_new_tokens))
        release(cache)
        return Output(self.loaded, ids)

    @cached_property
    def full_leaves(self) -> list[Leaf]:
        """The gold's leaves in it."""
        return judge_leaves(self.sample, self.full.text)

    @cached_property
    def writes(self) -> dict[int, list[int]]:
        """Step → the pieces of evidence whose value it writes under full attention."""
        return writing_steps(self.prompt.watched.pieces, places(self.full_leaves), self.full.spans)

    def probe(self) -> Probe:
        """Return a new observer of the evidence."""
        return Probe(self.prefilled.exact, torch.tensor(self.prompt.watched.tokens, dtype=torch.long))

    def under(self, strategy: Strategy) -> SampleLine:
        """Diagnose one strategy."""
        started = time.perf_counter()
        probe = self.probe()
        tally = self.forced(strategy, probe)
        same = all(tally.agrees)
        own, looks = (self.full, []) if same else self.free(strategy)
        inquest = Inquest(self.prefilled, strategy, own,
                          exact_stores=probe.exact_stores, exact_selection=probe.exact_selection)  # fmt: skip
        leaves = self.full_leaves if same else judge_leaves(self.sample, own.text)
        return SampleLine(
            id=self.sample.id,
            strategy=strategy.spec,
            prompt_tokens=self.prefilled.length,
            full=scored(self.sample, self.full),
            own=scored(self.sample, own),
            same_output=same,
            layers=probe.places,
            sums=sums(tally),
            course={**tally.course, "divergence": tally.divergence, "agrees": [float(each) for each in tally.agrees]},
            leaves=list(self.leaf_lines(leaves, tally, inquest, looks)),
            seconds=round(time.perf_counter() - started, 3),
        )

    def forced(self, strategy: Strategy, probe: Probe) -> Tally:
        """Lead a strategy along the tokens of full attention, and measure every step."""
        tally, ids = Tally(), self.full.ids
        cache = self.prefilled.fork(strategy, probe)
        exact = self.prefilled.logits(ids[:-1])
        for start in range(0, len(ids) - 1, CHUNK):
            rows: list[Tensor] = []
            for place in range(start, min(start + CHUNK, len(ids) - 1)):
                rows.append(forward(self.loaded, cache, [ids[place]])[-1])
                tally.add(probe.take(), self.prompt.watched, self.writes.get(place, ()))
            away = divergence(next(exact), torch.stack(rows)).tolist()
            for place, (far, row) in enumerate(zip(away, rows, strict=True), start):
                tally.compare(far, int(row.argmax()) == ids[place + 1], self.writes.get(place, ()))
        self.prefilled.rewind()
        release(cache)
        return tally

    def free(self, strategy: Strategy) -> tuple[Output, Looks]:
        """Let a strategy write on its own; note what each step reads of the evidence."""
        probe, watched = self.probe(), self.prompt.watched
        cache = self.prefilled.fork(strategy, probe)
        ids: list[int] = []
        looks: Looks = []
        for token in greedy(self.loaded, cache, self.prefilled.first, self.max_new_tokens):
            if ids:
                seen = watched.look(probe.take(), range(len(watched.pieces)))
                looks.append(([look.any_head for look in seen], [look.carried for look in seen]))
            ids.append(token)
        release(cache)
        return Output(self.loaded, ids), looks

    def leaf_lines(self, leaves: Sequence[Leaf], tally: Tally, inquest: Inquest, looks: Looks) -> Iterator[LeafLine]:
        """Yield what became of each leaf of the gold."""
        before = {(leaf.record, leaf.field): leaf.verdict for leaf in self.full_leaves}
        rows: dict[tuple[int, str], list[int]] = defaultdict(list)
        for row, piece in enumerate(self.prompt.watched.pieces):
            rows[piece.record, piece.field].append(row)
        for leaf in leaves:
            own = rows[leaf.record, leaf.field]
            line = LeafLine(
                record=leaf.record,
                field=leaf.field,
                gold=canonical_json(leaf.gold),
                full_verdict=before[leaf.record, leaf.field],
                verdict=leaf.verdict,
                **recalls([tally.pieces[row] for row in own if row in tally.pieces]),
            )
            if leaf.verdict != RIGHT:
                fault = inquest.fault(leaf)
                line.cause, line.located, line.wrong_token = fault.cause, fault.located, fault.token
                line.full_writes = fault.full_writes
                if fault.token is not None:
                    line.wrote = str(self.loaded.tokenizer.decode([inquest.output.ids[fault.token]]))
                    line.recall_any_at_fault, line.recall_carried_at_fault = at_fault(
                        looks, fault.token, rows[leaf.record, (leaf.blames or leaf).field]
                    )
            yield line


@dataclass(frozen=True)
class Prompt:
    """A prompt's tokens and the evidence in them."""

    ids: list[int]
    watched: Watched


def places(leaves: Sequence[Leaf]) -> dict[tuple[int, str, int | None], tuple[int, int]]:
    """Return (record, field, item) → the characters that write it; items of a list where the list is the gold's."""
    found: dict[tuple[int, str, int | None], tuple[int, int]] = {}
    for leaf in leaves:
        if leaf.place is None:
            continue
        found[leaf.record, leaf.field, None] = leaf.place.inside
        written = list(leaf.place.items)
        for number, item in enumerate(leaf.gold if isinstance(leaf.gold, list) else ()):
            equal = next((place for place in written if place.value == item), None)
            if equal is not None:
                found[leaf.record, leaf.field, number] = equal.inside
    return found


def recalls(tallies: Sequence[PieceTally]) -> dict[str, Any]:
    """Return a leaf's figures: means over the steps that write it, of all of its pieces."""
    steps, looked = sum(one.steps for one in tallies), sum(one.looked for one in tallies)
    mass = sum(one.mass for one in tallies)
    return {
        "steps": steps,
        "recall_any": sum(one.any_head for one in tallies) / steps if steps else None,
        "recall_carried": sum(one.carried for one in tallies) / looked if looked else None,
        "recall_mass": sum(one.mass_read for one in tallies) / mass if mass > 0 else None,
        "divergence": sum(one.divergence for one in tallies) / steps if steps else None,
    }


def at_fault(looks: Looks, token: int, rows: Sequence[int]) -> tuple[float | None, float | None]:
    """Return what the step that wrote `token` read of a leaf's pieces; None for the prefill's own token."""
    if not rows or not 0 < token <= len(looks):
        return None, None
    together, carried = ([figures[row] for row in rows] for figures in looks[token - 1])
    known = [one for one in carried if not np.isnan(one)]
    return float(np.mean(together)), float(np.mean(known)) if known else None


def sums(tally: Tally) -> dict[str, list[list[float]]]:
    """Return every sum by layer and head, to seven digits."""
    if tally.figures is None or tally.evidence is None:
        return {}
    named = zip((*SUMS, *EVIDENCE), np.concatenate([tally.figures, tally.evidence], -1).transpose(2, 0, 1), strict=True)
    return {name: [[float(f"{one:.7g}") for one in row] for row in rows] for name, rows in named}


def scored(sample: Sample, output: Output) -> Scored:
    """Return an output with its counts."""
    score = score_sample(sample, output.text, with_verdicts=False)
    return Scored(output=output.text, finish_reason=output.finish_reason, records=score.records, fields=score.fields)
