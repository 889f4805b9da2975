from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import text2json

inspect_ai = pytest.importorskip("inspect_ai", reason="pip install 'text2json[inspect]'")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # its own warnings are not ours to mend


def answers(outputs: list[str]) -> Any:
    """Return a model that says these texts, one after the other."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    said = [ModelOutput.from_content("mockllm/model", text) for text in outputs]
    for one in said:
        one.usage = ModelUsage()  # else it asks the network for a tokeniser
    return get_model("mockllm/model", custom_outputs=said)


def evaluated(task: Any, outputs: list[str], folder: Path, **options: Any) -> dict[str, float]:
    from inspect_ai import eval as evaluate

    (log,) = evaluate(
        task, model=answers(outputs), log_dir=str(folder), display="none", max_connections=1, max_samples=1, **options
    )
    assert log.status == "success", log.error
    return {name: float(metric.value) for score in log.results.scores for name, metric in score.metrics.items()}


def test_it_gives_the_figures_of_score(documents: Path, tmp_path: Path) -> None:
    from inspect_ai import Task
    from inspect_ai.solver import generate

    from text2json.adapters.inspect import records_scorer, to_inspect

    data = list(text2json.load(str(documents)))
    outputs = [one["answer"] for one in data]
    outputs[0], outputs[1] = "no idea", json.dumps(json.loads(outputs[1])[:-1])
    report = text2json.score({one["id"]: text for one, text in zip(data, outputs, strict=True)}, data)
    found = evaluated(Task(dataset=to_inspect(data), solver=generate(), scorer=records_scorer()), outputs, tmp_path)
    assert found["record_f1"] == pytest.approx(report.records.f1)
    assert found["field_f1"] == pytest.approx(report.fields.f1)


class City(BaseModel):
    name: str
    people: int


def test_ones_own_gold_under_a_pydantic_model(tmp_path: Path) -> None:
    from inspect_ai import Task
    from inspect_ai.dataset import Sample
    from inspect_ai.solver import generate

    from text2json.adapters.inspect import records_scorer

    gold = [{"name": "Oslo", "people": 709_000}, {"name": "Bergen", "people": 291_000}]
    said: list[dict[str, Any]] = [{"name": "Bergen", "people": "291,000"}, {"name": "Oslo", "people": 1}]
    task = Task(
        dataset=[Sample(input="Which cities?", target=json.dumps(gold))],
        solver=generate(),
        scorer=records_scorer(schema=City, key="name"),
    )
    found = evaluated(task, [json.dumps(said)], tmp_path)
    assert found == {"record_f1": 0.5, "field_f1": 0.75}
