"""The documents of a training stage: written by `text2json generate`, tokenised once, kept in the work folder."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from transformers import PreTrainedTokenizerBase

from text2json.baselines.readers.batches import Documents
from text2json.baselines.readers.recipe import Recipe, Stage
from text2json.baselines.readers.tokenizer import train_tokenizer

CHUNK = 2000


def generated(command: str, work: Path) -> Path:
    """Return the folder that `text2json generate COMMAND` wrote, running it on first use.

    It runs as a program of its own, so that models never depend on the generators' code.
    """
    digest = hashlib.sha256(command.encode()).hexdigest()[:12]
    folder = work / "data" / digest
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        program = [sys.executable, "-m", "text2json", "generate", *shlex.split(command), "--out", str(folder)]
        subprocess.run(program, check=True)
    return folder


def problems_and_answers(folder: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yield chunks of the columns `problem` and `answer` of every Parquet file below `folder`."""
    for file in sorted(folder.rglob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(CHUNK, columns=["problem", "answer"]):
            yield batch.column("problem").to_pylist(), batch.column("answer").to_pylist()


def with_name_first(answer: str) -> str:
    """Return the answer with each record's name before its other keys."""
    records = [{"name": record["name"], **record} for record in json.loads(answer)]
    return json.dumps(records, separators=(",", ":"), ensure_ascii=False)


def tokenize(
    folder: Path, tokenizer: PreTrainedTokenizerBase, *, name_first: bool = True
) -> list[tuple[np.ndarray, int]]:
    """Return (tokens, prompt length) of every sample, in the chat format that the runner uses too."""
    samples: list[tuple[np.ndarray, int]] = []
    for problems, answers in problems_and_answers(folder):
        prompts = tokenizer([f"<|user|>{text}<|assistant|>" for text in problems])["input_ids"]
        texts = map(with_name_first, answers) if name_first else answers
        replies = tokenizer([f"{text}<|end|>" for text in texts])["input_ids"]
        for prompt, reply in zip(prompts, replies, strict=True):
            samples.append((np.asarray(prompt + reply, dtype=np.int32), len(prompt)))
    return samples


def stage_documents(
    stage: Stage, tokenizer: PreTrainedTokenizerBase, work: Path
) -> tuple[Documents | None, Documents | None]:
    """Return the stage's documents and its held-out documents, grouped by row length."""

    def samples(commands: list[str]) -> list[tuple[np.ndarray, int]]:
        folders = [generated(command, work) for command in commands]
        return [pair for folder in folders for pair in tokenize(folder, tokenizer, name_first=stage.name_first)]

    learned = samples(stage.generate)
    held_out = samples([stage.held_out] if stage.held_out is not None else [])
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
        for problems, answers in problems_and_answers(folder)
        for text in (*problems, *answers)
    )
    return train_tokenizer(texts, vocab_size=recipe.vocab_size)
