"""The tables of a diagnosis as files: Parquet for programs, CSV and JSONL for people."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from text2json.baselines.diagnosis.summary import FIGURES, Total, layer_rows, leaf_rows, step_rows

_LAYERS = pa.schema(
    [("strategy", pa.string()), ("layer", pa.int32()), ("head", pa.int32()), ("steps", pa.int64()),
     ("evidence_steps", pa.int64()), *((name, pa.float64()) for name in FIGURES)]
)  # fmt: skip
_STEPS = pa.schema(
    [("strategy", pa.string()), ("step", pa.int32()), ("samples", pa.int64()),
     *((name, pa.float64()) for name in ("mass_recovered", "overlap", "output_error", "divergence", "agreement"))]
)  # fmt: skip
_LEAVES = pa.schema(
    [("strategy", pa.string()), ("sample", pa.string()), ("record", pa.int32()), ("field", pa.string()),
     ("gold", pa.string()), ("full_verdict", pa.string()), ("verdict", pa.string()), ("cause", pa.string()),
     ("located", pa.bool_()), ("wrong_token", pa.int32()), ("wrote", pa.string()), ("full_writes", pa.string()),
     ("steps", pa.int32()),
     *((name, pa.float64()) for name in ("recall_any", "recall_carried", "recall_mass", "divergence",
                                         "recall_any_at_fault", "recall_carried_at_fault"))]
)  # fmt: skip


def write_tables(folder: Path, total: Total) -> None:
    """Write `layers`, `steps` and `leaves` of one strategy into its folder."""
    for name, schema, rows in (("layers", _LAYERS, layer_rows), ("steps", _STEPS, step_rows)):
        table = pa.Table.from_pylist(list(rows(total)), schema=schema)
        pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
        pyarrow.csv.write_csv(table, folder / f"{name}.csv")
    leaves = list(leaf_rows(total))
    pyarrow.parquet.write_table(pa.Table.from_pylist(leaves, schema=_LEAVES), folder / "leaves.parquet")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in leaves)
    (folder / "leaves.jsonl").write_text(text, encoding="utf-8", errors="replace")
