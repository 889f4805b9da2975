"""Where a reader errs, given the right answer so far: `python -m text2json.baselines.readers.forced MODEL --data DATA`.

A name or value counts as wrong where its first token is not the likeliest: a name's says which record comes next, a
value's what is stated of it. What follows is mostly copied. Names of documents that exclude an entity, and
of those with scattered facts, are counted apart too: a training may win some and lose others.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from text2json.baselines.chat import user_turn
from text2json.baselines.models import load_model
from text2json.baselines.readers.hints import reply_spans, token_at
from text2json.baselines.readers.stage_data import read, reply
from text2json.errors import DataError, told_in_a_line

APART = {"excluded": "names beside excluded entities", "scattered": "names beside scattered facts"}
"""What a document's `knobs` count → what its names are counted as besides."""


@torch.inference_mode()
def misses(
    model: Any, tokenizer: PreTrainedTokenizerBase, rows: Iterable[Mapping[str, str]]
) -> tuple[Counter[str], Counter[str]]:
    """Return how many names, values and whole answers there are, and how many of them `model` gets wrong.

    Args:
        model: answers.
        tokenizer: the model's.
        rows: samples' `problem`, `answer` and, to count names apart, `knobs`; names and values are those of flat
            records of strings.
    """
    there: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for row in rows:
        text = reply(row["answer"], name_first=True)
        prompt = tokenizer(user_turn(tokenizer, row["problem"]), add_special_tokens=False)["input_ids"]
        answer = tokenizer([text + tokenizer.eos_token], add_special_tokens=False)[0]
        ids = torch.tensor([prompt + answer.ids], device=model.device)
        guesses = model(ids, logits_to_keep=len(answer.ids) + 1).logits[0, :-1].argmax(-1)
        right = (guesses == ids[0, len(prompt) :]).tolist()
        there["answers"] += 1
        wrong["answers"] += not all(right)
        knobs = json.loads(row.get("knobs", "{}"))
        apart = [kind for knob, kind in APART.items() if knobs.get(knob)]
        for (_, key), spans in reply_spans(json.loads(text)).items():
            for kind in ["names", *apart] if key == "name" else ["values"]:
                there[kind] += 1
                wrong[kind] += not right[token_at(answer, spans[0][0])]
    return there, wrong


def main() -> None:
    """Parse the command line and print the counts."""
    parser = argparse.ArgumentParser(description="Where a reader errs, given the right answer so far.")
    parser.add_argument("model", help="as `text2json run --model` takes it")
    parser.add_argument("--data", type=Path, required=True, help="a folder that `text2json generate` wrote")
    args = parser.parse_args()
    with told_in_a_line():
        loaded = load_model(args.model)
        rows = (row for chunk in read(args.data, "problem", "answer", "knobs") for row in chunk)
        there, wrong = misses(loaded.model, loaded.tokenizer, rows)
        if not there:
            raise DataError("no documents", file=args.data, remedy="write some with `text2json generate`")
        counts = (f"{kind} wrong: {wrong[kind]} of {all_} ({wrong[kind] / all_:.1%})" for kind, all_ in there.items())
        print(", ".join(counts))  # noqa: T201


if __name__ == "__main__":
    main()
