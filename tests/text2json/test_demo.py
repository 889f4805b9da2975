from __future__ import annotations

from pathlib import Path

import pytest

from text2json.baselines.readers import reader_path
from text2json.cli import main
from text2json.demo import STRATEGIES


@pytest.mark.slow
def test_the_demo_shows_a_reader_that_reads_and_what_offloading_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out), "--samples", "12"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line.split()[:1] and line[0] != "-"}
    f1 = {spec: float(rows[spec][1]) for spec in STRATEGIES}
    device = {spec: float(rows[spec][4].replace(",", "")) for spec in STRATEGIES}
    assert f1["full"] > 0.7
    assert f1["full"] >= max(f1.values()) - 0.1
    assert all(device[spec] < device["full"] for spec in STRATEGIES[1:])
    page = (out / "index.html").read_text()
    assert "http://" not in page
    assert "https://" not in page
    assert all(spec in page for spec in STRATEGIES)
    assert main(["demo", "--out", str(out), "--samples", "12"]) == 0  # a second call finds its runs finished
    again = capsys.readouterr().out
    assert [line for line in again.splitlines() if line.startswith(STRATEGIES)] == [
        line for line in shown.splitlines() if line.startswith(STRATEGIES)
    ]


def test_the_bundled_reader_loads_with_plain_transformers() -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(reader_path("reader-llama"))
    assert model.config.model_type == "llama"
    assert model.config.num_attention_heads == 2 * model.config.num_key_value_heads
    assert sum(parameter.numel() for parameter in model.parameters()) < 8_000_000
