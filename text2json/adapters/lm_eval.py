"""The scorer in `lm-eval` (EleutherAI's lm-evaluation-harness): `pip install 'text2json[lm-eval]'`.

::

    import lm_eval
    from text2json import load
    from text2json.adapters.lm_eval import task

    lm_eval.simple_evaluate(model="hf", model_args="pretrained=...", tasks=[task(load("DATA"))])

In a YAML task of one's own: `process_results: !function my.process_results`, with `process_results` and the
aggregations `record_f1` and `field_f1` imported from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from text2json.adapters.counts import micro_f1, sums
from text2json.metrics.gold import iter_gold
from text2json.schemas.sample import Sample, sample_from_row

COLUMNS = tuple(field.name for field in fields(Sample))


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """Return what the metrics of one document are made of; `doc` has the columns of a sample."""
    found = sums(sample_from_row({name: doc[name] for name in COLUMNS}), results[0])
    return {"record_f1": found, "field_f1": found, "schema_valid": found["schema_valid"]}


def record_f1(items: Sequence[Mapping[str, float]]) -> float:
    """F1 over the records of all samples, right in every leaf."""
    return micro_f1(items, "record")


def field_f1(items: Sequence[Mapping[str, float]]) -> float:
    """F1 over the leaves of all samples."""
    return micro_f1(items, "field")


def config(samples: Iterable[Any], name: str = "text2json", max_tokens: int = 1024) -> dict[str, Any]:
    """Return the configuration of a task over these samples.

    Args:
        samples: what `text2json.load` returns.
        name: of the task.
        max_tokens: of an answer.
    """
    rows = [sample.to_dict() for sample in iter_gold(samples)]

    def dataset(**_: Any) -> dict[str, Any]:
        from datasets import Dataset

        return {"test": Dataset.from_list(rows)}

    kinds = {"record_f1": record_f1, "field_f1": field_f1, "schema_valid": "mean"}
    return {
        "task": name,
        "custom_dataset": dataset,
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{problem}}",
        "doc_to_target": "{{answer}}",
        "process_results": process_results,
        "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": max_tokens},
        "metric_list": [
            {"metric": metric, "aggregation": aggregation, "higher_is_better": True}
            for metric, aggregation in kinds.items()
        ],
        "metadata": {"version": 1.0},
    }


def task(samples: Iterable[Any], name: str = "text2json", max_tokens: int = 1024) -> Any:
    """Return a task of `lm_eval` over these samples; the arguments are those of `config`."""
    from lm_eval.api.task import ConfigurableTask

    return ConfigurableTask(config=config(samples, name, max_tokens))
