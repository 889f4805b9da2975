"""Train a reader: `python -m text2json.baselines.readers.train reader-llama --work DIR`.

A recipe (`recipes/<name>.toml`) lists stages, each with its documents (written by `text2json generate`), its row
lengths and its learning rates. Every step draws from a generator seeded with the recipe's seed and the step's
number, so a run that was stopped goes on from its checkpoint as if it had not been. The log is `DIR/log.jsonl`, a
line every `log_every` steps; the finished model, in 16-bit safetensors with its tokeniser, is `DIR/<name>`.

Hidden matrices learn by Muon (K. Jordan et al. 2024, in torch since 2.9), embeddings and norms by AdamW; the
loss stands on the answer's tokens only; the forward pass runs in bfloat16 over float32 weights, or in float32 on a
processor that has no instructions for bfloat16.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow a busy machine tenfold

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from text2json.baselines.chat import user_turn
from text2json.baselines.readers import attention
from text2json.baselines.readers.architecture import build_model
from text2json.baselines.readers.batches import IGNORED, Batch, Documents, make_batch
from text2json.baselines.readers.recipe import Recipe, Schedule, Stage, load_recipe
from text2json.baselines.readers.rows import RandomRows
from text2json.baselines.readers.shares import Shares
from text2json.baselines.readers.stage_data import generated, make_tokenizer, read, stage_documents
from text2json.baselines.readers.tokenizer import ORDINARY
from text2json.baselines.readers.transplant import SHAPED, transplant
from text2json.baselines.wide_products import native, widened
from text2json.errors import DataError, SpecError, told_in_a_line

STOP = threading.Event()
"""Set by a signal that asks to stop; the step at hand is finished and a checkpoint written first."""

Measure = Callable[[Batch], tuple[Tensor, Tensor, Tensor]]


@dataclass
class Progress:
    """Where a run stands: steps and tokens in all, the stage, tokens and steps inside it, seconds of work."""

    step: int = 0
    tokens: int = 0
    stage: int = 0
    stage_tokens: int = 0
    seconds: float = 0.0


class Trainer:
    """Holds the model and its optimisers, and moves them by one batch at a time."""

    shares_rows = not torch.cpu._is_amx_tile_supported()
    """Each thread learns from its share of the rows, instead of all from each row in a compiled step: on processors
    without AMX, where compiling gains nothing (3,940 and 3,750 tokens a second in rows of 1,152, AVX-512 with bfloat16)
    and takes a minute or two for each row length."""

    def __init__(self, model: PreTrainedModel, recipe: Schedule) -> None:
        attention.install(model)
        self.model = model
        self.optimizers = self.make_optimizers(recipe)
        torch._dynamo.config.recompile_limit = 64  # one graph for each row length
        self.shares = Shares(model, recipe.threads) if self.shares_rows else None
        self.compiled = self.compile_measure() if recipe.compile and self.shares is None else self.measure

    def make_optimizers(self, recipe: Schedule) -> list[torch.optim.Optimizer]:
        """Return the optimisers of the weights that learn."""
        hidden = [p for n, p in self.model.named_parameters() if p.ndim == 2 and "embed" not in n]
        known = {id(parameter) for parameter in hidden}
        rest = [p for p in self.model.parameters() if id(p) not in known]
        return [
            torch.optim.Muon(hidden, weight_decay=recipe.weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, betas=(0.9, 0.98), weight_decay=0.0),
        ]

    def compile_measure(self) -> Measure:
        """Return `measure`, compiled as a whole."""
        compiled: Measure = torch.compile(self.measure, dynamic=False)
        return compiled

    def weights(self) -> dict[str, Tensor]:
        """Return what a checkpoint keeps of the model."""
        return dict(self.model.state_dict())

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Take back what `weights` returned."""
        self.model.load_state_dict(weights)

    def restore(self, state: dict[str, Any]) -> Progress:
        """Take back a checkpoint's weights and optimisers; return where it stood."""
        self.load_weights(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        return Progress(**state["progress"])

    def measure(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `measure` does of the model."""
        return measure(self.model, batch)

    def step(self, batch: Batch, rate: float, hints: float = 0.0) -> tuple[float, float, float]:
        """Learn from one batch at learning rate `rate`, hints weighing `hints`.

        Returns:
            The loss on the answers, that of the hints, and the share of tokens right.
        """
        if self.shares is not None:  # nothing is compiled, so shapes are free
            batch = batch.trimmed()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        loss, shown, right = self.learn(batch, hints)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            with widened():  # Muon multiplies in bfloat16
                optimizer.step()
            optimizer.zero_grad()
        return float(loss.detach()), float(shown.detach()), token_accuracy(right, batch.targets)

    def learn(self, batch: Batch, hints: float) -> tuple[Tensor, Tensor, Tensor]:
        """Add a batch's gradients to the model's; return the losses and what is right, as `measure`."""
        if self.shares is not None and len(batch.ids) > 1:
            return self.shares.learn(measure, batch, hints)
        attention.seen(self.model).on = hints > 0
        loss, shown, right = self.compiled(batch)
        (loss + hints * shown).backward()
        return loss, shown, right

    @torch.no_grad()
    def check(self, batch: Batch) -> dict[str, float]:
        """Return the share of held-out tokens, and of whole answers, that greedy decoding would get right."""
        loss, _, right = self.measure(batch)
        return {
            "held_out_loss": round(float(loss), 4),
            "held_out_tokens": round(token_accuracy(right, batch.targets), 4),
            "held_out_answers": round(float(right.all(1).float().mean()), 4),
        }


def measure(model: PreTrainedModel, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean loss over the learned places, that of the hints, and (B, M) whether each place is right."""
    ids, places, targets, hints = batch.ids, batch.places, batch.targets, batch.hints
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=native()):
        hidden = model.model(input_ids=ids, position_ids=batch.positions, use_cache=False).last_hidden_state
        hidden = hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))
        logits = model.lm_head(hidden)
    logits = logits.float()
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    shown = attention.seen(model).loss(hints) if attention.seen(model).on else torch.zeros(())
    return loss, shown, (logits.argmax(-1) == targets) | (targets == IGNORED)


def token_accuracy(right: Tensor, targets: Tensor) -> float:
    """Return the share of learned places that are right."""
    learned = targets != IGNORED
    return float((right & learned).sum() / learned.sum())


def rate_at(stage: Stage, stage_tokens: int, step: int, warmup: int) -> float:
    """Return the learning rate: a warm-up over the first steps of the run, then each stage's straight line."""
    share = min(1.0, stage_tokens / stage.tokens)
    return (stage.rate[0] + (stage.rate[1] - stage.rate[0]) * share) * min(1.0, (step + 1) / warmup)


def save_checkpoint(path: Path, trainer: Trainer, progress: Progress) -> None:
    """Write model, shape, optimisers and progress; the file appears under its name only when it is whole."""
    state = {
        "shape": {name: getattr(trainer.model.config, name, None) for name in SHAPED},
        "model": trainer.weights(),
        "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
        "progress": vars(progress),
    }
    draft = path.with_suffix(".draft")
    torch.save(state, draft)
    draft.replace(path)


def resume(recipe: Recipe, checkpoint: Path) -> tuple[Trainer, Progress]:
    """Continue from `checkpoint`, or begin where it does not exist.

    Raises:
        DataError: the checkpoint does not say what shape its weights have, as those of earlier versions.
    """
    if not checkpoint.exists():
        first = build(recipe, recipe.shape) if recipe.start is None else transplanted(recipe, checkpoint.parent)
        return Trainer(first, recipe), Progress()
    state = torch.load(checkpoint, weights_only=True)
    if "shape" not in state:
        raise DataError("a checkpoint of an earlier version", file=checkpoint, remedy="begin in another --work")
    trainer = Trainer(build(recipe, {**recipe.shape, **state["shape"]}), recipe)
    return trainer, trainer.restore(state)


def build(recipe: Recipe, shape: dict[str, Any]) -> PreTrainedModel:
    """Return the recipe's model as it begins."""
    return build_model(recipe.family, vocab_size=recipe.vocab_size, seed=recipe.seed, **shape)


def started_from(recipe: Recipe, work: Path) -> Path:
    """Return the finished reader that `recipe` begins from, beside the folder `work`; train it if need be."""
    if recipe.start is None:
        raise SpecError(f"{recipe.name} begins from nothing", remedy="give it tokenizer_texts")
    folder = work.resolve().parent / recipe.start
    done = folder / recipe.start
    return done if (done / "config.json").exists() else train(load_recipe(recipe.start), folder)


def transplanted(recipe: Recipe, work: Path) -> PreTrainedModel:
    """Return the recipe's model as it begins from the reader of another recipe."""
    old, tokenizer = AutoModelForCausalLM.from_pretrained(started_from(recipe, work)), tokenizer_of(recipe, work)
    commands = [command for stage in recipe.stages for command in stage.generate]
    rows = next(read(generated(commands[0], work), "problem"))[:16] if commands else []
    texts = [user_turn(tokenizer, row["problem"]) for row in rows]
    return transplant(old, tokenizer, recipe.family, texts=texts)


def run_stage(
    trainer: Trainer,
    recipe: Schedule,
    progress: Progress,
    data: tuple[Documents | None, Documents | None],
    work: Path,
) -> None:
    """Train through the rest of the current stage, with checkpoints and a log."""
    stage = recipe.stages[progress.stage]
    documents, held_out = data
    rows = RandomRows(ORDINARY, trainer.model.config.vocab_size, stage.random_tasks)
    common: dict[str, Any] = {
        "rows": rows, "lengths": stage.lengths, "batch_tokens": stage.batch_tokens, "pad": 0
    }  # fmt: skip
    saved = started = time.monotonic()
    before = progress.seconds
    while progress.stage_tokens < stage.tokens:
        rng = np.random.default_rng([recipe.seed, progress.step])
        batch = make_batch(
            rng, documents=documents, random_share=stage.random_share, noise=stage.noise, reach=stage.reach, **common
        )
        rate = rate_at(stage, progress.stage_tokens, progress.step, recipe.warmup_steps)
        loss, shown, accuracy = trainer.step(batch, rate, stage.hints)
        progress.step += 1
        progress.tokens += batch.ids.numel()
        progress.stage_tokens += batch.ids.numel()
        progress.seconds = before + time.monotonic() - started
        if progress.step % recipe.log_every == 0:
            line: dict[str, Any] = {
                "stage": stage.name, "step": progress.step, "tokens": progress.tokens, "length": batch.ids.shape[1],
                "seconds": round(progress.seconds), "rate": rate,
                "loss": round(loss, 4), "tokens_right": round(accuracy, 4),
            }  # fmt: skip
            if stage.hints:
                line["hints"] = round(shown, 4)
            if held_out is not None and progress.step % (4 * recipe.log_every) == 0:
                rng = np.random.default_rng([recipe.seed, progress.step, 1])
                line |= trainer.check(make_batch(rng, documents=held_out, random_share=0.0, **common))
            write_log(work, line)
        if STOP.is_set() or time.monotonic() - saved > recipe.checkpoint_seconds:
            save_checkpoint(work / "checkpoint.pt", trainer, progress)
            saved = time.monotonic()
        if STOP.is_set():
            sys.exit(130)


def write_log(work: Path, line: dict[str, Any]) -> None:
    """Append `line` to the log and show it."""
    text = json.dumps(line)
    with (work / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(text + "\n")
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def export(trainer: Trainer, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the model in bfloat16 safetensors, with its tokeniser, as a plain transformers folder."""
    trainer.model.config._attn_implementation = "sdpa"
    trainer.model.bfloat16()
    trainer.model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def tokenizer_of(recipe: Recipe, work: Path) -> PreTrainedTokenizerBase:
    """Return the run's tokeniser, trained when it is first needed."""
    folder = work / "tokenizer" if recipe.tokenizer_texts else started_from(recipe, work)
    if not (folder / "tokenizer.json").exists():
        make_tokenizer(recipe, work).save_pretrained(folder)
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return tokenizer


def train(recipe: Recipe, work: Path) -> Path:
    """Follow `recipe` in the folder `work`; return the finished model's folder."""
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(recipe.threads)
    checkpoint = work / "checkpoint.pt"
    trainer, progress = resume(recipe, checkpoint)
    while progress.stage < len(recipe.stages):
        stage = recipe.stages[progress.stage]
        data = stage_documents(stage, tokenizer_of(recipe, work), work) if stage.generate else (None, None)
        run_stage(trainer, recipe, progress, data, work)
        progress.stage, progress.stage_tokens = progress.stage + 1, 0
        save_checkpoint(checkpoint, trainer, progress)
    export(trainer, tokenizer_of(recipe, work), work / recipe.name)
    return work / recipe.name


def stop_when_asked() -> None:
    """Let the signals that ask a process to end stop the training after a checkpoint."""
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, lambda *_: STOP.set())


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description="Train a reader model.")
    parser.add_argument("recipe", help="a recipe's name, or a path to a TOML file")
    parser.add_argument("--work", type=Path, required=True, help="folder for data, checkpoints, log and result")
    args = parser.parse_args()
    stop_when_asked()
    with told_in_a_line():
        print(train(load_recipe(args.recipe), args.work))  # noqa: T201


if __name__ == "__main__":
    main()
