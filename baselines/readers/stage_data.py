"""The documents of a training stage: written by `text2json generate`, tokenised once, kept in the work folder."""

from __future__ import annotations

import hashlib
import itertools
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from transformers import PreTrainedTokenizerBase

from text2json.baselines.chat import user_turn
from text2json.baselines.readers.batches import Documents, Tokens
from text2json.baselines.readers.hints import NONE, hints, reply_spans
from text2json.baselines.readers.recipe import Recipe, Stage
from text2json.baselines.readers.scramble import Scrambler
from text2json.baselines.readers.tokenizer import CHAT_TEMPLATE, train_tokenizer

CHUNK = 2000


def generated(command: str, work: Path) -> Path:
    """Return the folder that `text2json generate COMMAND` wrote, or a task's file, running it on first use.

    It runs as a program of its own, so that models never depend on the generators' code.
    """
    digest = hashlib.sha256(command.encode()).hexdigest()[:12]
    words = shlex.split(command)
    name, verb = (f"{digest}.jsonl", words) if words[0] == "tasks" else (digest, ["generate", *words])
    written = work / "data" / name
    if not written.exists():
        written.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "text2json", *verb, "--out", str(written)], check=True)
    return written


def read(folder: Path, *columns: str) -> Iterator[list[dict[str, Any]]]:
    """Yield chunks of rows, cut to `columns`, of a JSONL file or of every Parquet file below `folder`."""
    if folder.is_file():
        with folder.open(encoding="utf-8") as lines:
            while chunk := [json.loads(line) for line in itertools.islice(lines, CHUNK)]:
                yield [{column: row[column] for column in columns} for row in chunk]
    for file in sorted(folder.rglob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(CHUNK, columns=list(columns)):
            yield batch.to_pylist()


def reply(answer: str, *, name_first: bool) -> str:
    """Return what the model is to write: a table in its fence, strings, or records.

    Records give their name before their other keys if so wanted.
    """
    gold = json.loads(answer)
    if isinstance(gold, str):
        return f"```tsv\n{gold}```"
    if not name_first or not all(isinstance(record, dict) for record in gold):
        return answer
    records = [{"name": record["name"], **record} for record in gold]
    return json.dumps(records, separators=(",", ":"), ensure_ascii=False)


def tokenized(
    command: str, tokenizer: PreTrainedTokenizerBase, work: Path, *, name_first: bool, scramble: float
) -> list[Tokens]:
    """Return what `tokenize` does of a command's documents; it is kept, since a run that resumes needs it again."""
    folder = generated(command, work)
    kind = [tokenizer.backend_tokenizer.to_str(), name_first, scramble, "hints 10"]
    if tokenizer.chat_template != CHAT_TEMPLATE:  # the readers' own goes without saying
        kind.append(tokenizer.chat_template)
    file = folder.parent / f"{folder.stem}-{hashlib.sha256(json.dumps(kind).encode()).hexdigest()[:8]}.npz"
    if not file.exists():
        samples = tokenize(folder, tokenizer, name_first=name_first, scramble=scramble)
        draft = file.with_suffix(".draft.npz")
        np.savez(
            draft,
            ids=np.concatenate([sample.ids for sample in samples]),
            ends=np.cumsum([len(sample.ids) for sample in samples]),
            prompts=np.array([sample.prompt for sample in samples]),
            hints=np.concatenate([sample.hints for sample in samples]),
            hint_ends=np.cumsum([len(sample.hints) for sample in samples]),
        )
        draft.replace(file)
    with np.load(file) as kept:
        ids, hints = (np.split(kept[name], kept[ends][:-1]) for name, ends in (("ids", "ends"), ("hints", "hint_ends")))
        return [Tokens(*parts) for parts in zip(ids, map(int, kept["prompts"]), hints, strict=True)]


def tokenize(
    folder: Path, tokenizer: PreTrainedTokenizerBase, *, name_first: bool = True, scramble: float = 0.0
) -> list[Tokens]:
    """Return every sample, in the chat format that the runner uses too.

    Args:
        folder: documents as `text2json generate` writes them.
        tokenizer: with a chat template and an end token.
        name_first: see `Stage`.
        scramble: the share of gold values that are replaced by made-up words, see `Scrambler`.
    """
    scrambler = Scrambler(tokenizer, scramble if folder.is_dir() else 0.0)  # tasks already ask for made-up words
    samples: list[Tokens] = []
    for rows in read(folder, "problem", "answer", "evidence", "knobs"):
        parts = [scrambler.scramble(row) if folder.is_dir() else (row["problem"], row["answer"], {}) for row in rows]
        replies = [reply(answer, name_first=name_first) for _, answer, _ in parts]
        turns = [user_turn(tokenizer, problem) for problem, _, _ in parts]
        prompts = tokenizer(turns, add_special_tokens=False)
        answers = tokenizer([text + tokenizer.eos_token for text in replies], add_special_tokens=False)
        for number, (problem, _, evidence) in enumerate(parts):
            prompt, answer = prompts[number], answers[number]
            opening = turns[number].index(problem)
            spans = {leaf: [(a + opening, b + opening) for a, b in found] for leaf, found in evidence.items()}
            shown = hints(prompt, spans, answer, reply_spans(json.loads(replies[number]))) if evidence else NONE
            samples.append(Tokens(np.asarray(prompt.ids + answer.ids, dtype=np.int32), len(prompt.ids), shown))
    return samples


def stage_documents(
    stage: Stage, tokenizer: PreTrainedTokenizerBase, work: Path
) -> tuple[Documents | None, Documents | None]:
    """Return the stage's documents and its held-out documents, grouped by row length."""

    def samples(commands: list[str], scramble: float) -> list[Tokens]:
        return [
            pair
            for command in commands
            for pair in tokenized(command, tokenizer, work, name_first=stage.name_first, scramble=scramble)
        ]

    learned = samples(stage.generate, stage.scramble)
    held_out = samples([stage.held_out] if stage.held_out is not None else [], 0.0)
    return (
        Documents.group(learned, stage.lengths) if learned else None,
        Documents.group(held_out, stage.lengths) if held_out else None,
    )


def make_tokenizer(recipe: Recipe, work: Path) -> PreTrainedTokenizerBase:
    """Train the recipe's tokeniser on the documents and answers of its `tokenizer_texts`."""
    folders = [generated(command, work) for command in recipe.tokenizer_texts]
    texts = (
        text
        for folder in folders
        for rows in read(folder, "problem", "answer")
        for text in [row["problem"] for row in rows] + [row["answer"] for row in rows]
    )
    return train_tokenizer(texts, vocab_size=recipe.vocab_size)
