"""A reader's model card, with its figures from `text2json sweep readers` and its training from the recipes.

`python -m text2json.baselines.readers.card reader-llama --sweep DIR` writes `README.md` into the folder of
the reader's weights, in the form that the Hub shows; the front matter is huggingface_hub's.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from safetensors import safe_open

from text2json.baselines.readers import reader_path
from text2json.baselines.readers.recipe import Recipe, load_recipe
from text2json.errors import DataError, told_in_a_line

TEMPLATE = Path(__file__).with_name("card.template.md")
Row = dict[str, str]


def card(name: str, folder: Path, results: Sequence[Row]) -> str:
    """Return the text of a reader's card.

    Args:
        name: the reader's.
        folder: its weights.
        results: rows of the sweep's `results.csv` that are its own.
    """
    recipes = lineage(name)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    parts = {
        "NAME": name,
        "FAMILY": {"llama": "Llama", "qwen3": "Qwen 3"}[config["model_type"]],
        "SIZE": f"{parameters(folder) / 1e6:.1f}M parameters",
        "SHAPE": shape(config),
        "FIGURES": figures(results),
        "RECIPES": " and then ".join(f"`{recipe.name}`" for recipe in recipes),
        "HOURS": f"{sum(recipe.hours or 0 for recipe in recipes):.1f} hours",
        "STAGES": stages(recipes),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for place, part in parts.items():
        text = text.replace(f"@{place}@", part)
    return f"---\n{front_matter(name, results).to_yaml()}\n---\n\n{text}"


def front_matter(name: str, results: Sequence[Row]) -> ModelCardData:
    """Return what the Hub indexes."""
    measured = [
        EvalResult(task_type="text-generation", dataset_type="text2json", dataset_name=f"text2json {row['data']}",
                   dataset_config=row["data"],  # what tells data sets apart in the index
                   metric_type="f1", metric_name="record F1", metric_value=round(float(row["score"]), 3))
        for row in results
    ]  # fmt: skip
    return ModelCardData(model_name=name, language="en", license="apache-2.0", library_name="transformers",
                         pipeline_tag="text-generation", eval_results=measured,
                         tags=["structured-extraction", "json", "kv-cache", "small-model"])  # fmt: skip


def parameters(folder: Path) -> int:
    """Return how many numbers the weights hold."""
    with safe_open(folder / "model.safetensors", "np") as weights:
        sizes = [weights.get_slice(key).get_shape() for key in weights.keys()]  # noqa: SIM118 - no mapping
    return sum(int(size[0]) * (int(size[1]) if len(size) == 2 else 1) for size in sizes)


def shape(config: dict[str, Any]) -> str:
    """Return the architecture as a list."""
    said = {
        "layers": config["num_hidden_layers"],
        "hidden size": config["hidden_size"],
        "query heads": config["num_attention_heads"],
        "kv-heads": config["num_key_value_heads"],
        "head size": config["head_dim"],
        "rotary base": f"{config['rope_parameters']['rope_theta']:g}",
        "vocabulary": f"{config['vocab_size']:,}, byte-level BPE, shared by all readers",
    }
    return "\n".join(f"- {name}: {value}" for name, value in said.items())


def figures(results: Sequence[Row]) -> str:
    """Return the table of what the reader reaches."""
    lines = ["| documents | tokens | samples | record F1 | field F1 | valid |", "|---|---|---|---|---|---|"]
    for row in results:
        lines.append(
            f"| {row['data']} | {float(row['prompt_tokens']):,.0f} | {row['samples']} | {interval(row, 'score')} "
            f"| {interval(row, 'field_f1')} | {100 * float(row['valid']):.0f} % |"
        )
    return "\n".join(lines)


def interval(row: Row, figure: str) -> str:
    """Return `0.95 (0.91 to 0.98)`."""
    value, low, high = (float(row[f"{figure}{end}"]) for end in ("", "_low", "_high"))
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def lineage(name: str) -> list[Recipe]:
    """Return the recipes whose training is in a reader's weights, in the order in which they are followed."""
    recipe = load_recipe(name)
    return [*(lineage(recipe.start) if recipe.start else ()), recipe]


def stages(recipes: Sequence[Recipe]) -> str:
    """Return the table of all stages of some recipes."""
    lines = ["| recipe | stage | tokens | row lengths | learning rate |", "|---|---|---|---|---|"]
    for recipe in recipes:
        for stage in recipe.stages:
            lines.append(
                f"| {recipe.name} | {stage.name} | {stage.tokens / 1e6:.1f}M | {', '.join(map(str, stage.lengths))} "
                f"| {stage.rate[0]:g} to {stage.rate[1]:g} |"
            )
    return "\n".join(lines)


def write(reader: str, sweep: Path) -> None:
    """Write a reader's card beside its weights.

    Raises:
        DataError: no result of the sweep is that reader's.
    """
    with (sweep / "results.csv").open(encoding="utf-8", newline="") as stream:
        results = [row for row in csv.DictReader(stream) if row["model"] == reader]
    if not results:
        raise DataError(f"no row of {reader}", file=sweep / "results.csv", remedy="run `text2json sweep readers`")
    folder = reader_path(reader)
    (folder / "README.md").write_text(card(reader, folder, results), encoding="utf-8")


def main() -> None:
    """Parse the command line and write the card."""
    parser = argparse.ArgumentParser(description="Write a reader's model card.")
    parser.add_argument("reader")
    parser.add_argument("--sweep", type=Path, required=True, help="the folder of `text2json sweep readers --out`")
    args = parser.parse_args()
    with told_in_a_line():
        write(args.reader, args.sweep)


if __name__ == "__main__":
    main()
