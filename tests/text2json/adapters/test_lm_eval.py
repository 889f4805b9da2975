from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import text2json

lm_eval = pytest.importorskip("lm_eval", reason="pip install 'text2json[lm-eval]'")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # its own warnings are not ours to mend


def model(outputs: dict[str, str]) -> Any:
    """Return a model of lm-eval that answers each prompt as told."""
    from lm_eval.api.model import LM

    class Told(LM):
        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
            return [outputs[request.args[0]] for request in requests]

        def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> Any:
            raise NotImplementedError

        loglikelihood_rolling = loglikelihood

    return Told()


def test_it_gives_the_figures_of_score(documents: Path) -> None:
    from text2json.adapters.lm_eval import task

    data = list(text2json.load(str(documents)))
    outputs = [one["answer"] for one in data]
    outputs[0], outputs[1] = "no idea", json.dumps(json.loads(outputs[1])[:-1])
    report = text2json.score({one["id"]: text for one, text in zip(data, outputs, strict=True)}, data)
    told = {one["problem"]: text for one, text in zip(data, outputs, strict=True)}
    results = lm_eval.simple_evaluate(model=model(told), tasks=[task(data)], bootstrap_iters=0, random_seed=None)
    found = results["results"]["text2json"]
    assert found["record_f1,none"] == pytest.approx(report.records.f1)
    assert found["field_f1,none"] == pytest.approx(report.fields.f1)
    assert found["schema_valid,none"] == pytest.approx(report.schema_valid)
