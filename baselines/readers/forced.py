"""Where a reader errs, given the right answer so far: `python -m text2json.baselines.readers.forced MODEL --data DIR`.

A name or value counts as wrong where its first token is not the likeliest: a name's says which record comes next, a
value's what is stated of it. What follows is mostly copied.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from text2json.baselines.chat import user_turn
from text2json.baselines.readers import reader_names, reader_path
from text2json.baselines.readers.hints import reply_spans, token_at
from text2json.baselines.readers.stage_data import read, reply
from text2json.errors import DataError


@dataclass
class Misses:
    """How many names, values and whole answers there were, and how many of them were wrong."""

    names: int = 0
    names_wrong: int = 0
    values: int = 0
    values_wrong: int = 0
    answers: int = 0
    answers_wrong: int = 0

    def __str__(self) -> str:
        counts = {
            "names": (self.names_wrong, self.names),
            "values": (self.values_wrong, self.values),
            "answers": (self.answers_wrong, self.answers),
        }
        return ", ".join(
            f"{kind} wrong: {wrong} of {all_} ({wrong / max(all_, 1):.1%})" for kind, (wrong, all_) in counts.items()
        )


@torch.inference_mode()
def misses(model: Any, tokenizer: PreTrainedTokenizerBase, rows: Iterable[Mapping[str, Any]]) -> Misses:
    """Count what `model` gets wrong in the answers to `rows`: each has a `problem` and, as JSON, its flat records."""
    found = Misses()
    for row in rows:
        text = reply(row["answer"], name_first=True)
        prompt = tokenizer(user_turn(tokenizer, row["problem"]), add_special_tokens=False)["input_ids"]
        answer = tokenizer([text + tokenizer.eos_token], add_special_tokens=False)
        ids = torch.tensor([prompt + answer["input_ids"][0]])
        kept = len(answer["input_ids"][0]) + 1
        guesses = model(ids, logits_to_keep=kept).logits[0, :-1].argmax(-1)
        right = (guesses == ids[0, len(prompt) :]).tolist()
        found.answers += 1
        found.answers_wrong += not all(right)
        for (_, key), spans in reply_spans(json.loads(text)).items():
            wrong = not right[token_at(answer[0], spans[0][0])]
            if key == "name":
                found.names += 1
                found.names_wrong += wrong
            else:
                found.values += 1
                found.values_wrong += wrong
    return found


def main() -> None:
    """Parse the command line and print the counts."""
    parser = argparse.ArgumentParser(description="Where a reader errs, given the right answer so far.")
    parser.add_argument("model", help="a bundled reader's name, or a model's folder")
    parser.add_argument("--data", type=Path, required=True, help="documents as `text2json generate` writes them")
    args = parser.parse_args()
    folder = reader_path(args.model) if args.model in reader_names() else Path(args.model)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    rows = (row for chunk in read(args.data, "problem", "answer") for row in chunk)
    found = misses(model, tokenizer, rows)
    if not found.answers:
        raise DataError("no documents", file=args.data, remedy="write some with `text2json generate`")
    print(found)  # noqa: T201


if __name__ == "__main__":
    main()
