"""`text2json datasets`: list configurations and frozen versions."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the list (default: text)")


def run(args: argparse.Namespace) -> int:
    """Print both lists."""
    import json
    from dataclasses import asdict

    from text2json.console import line, table
    from text2json.generators.knobs import configurations
    from text2json.manifest import frozen, versions

    known = configurations()
    if args.format == "json":
        found = {version: frozen(version).model_dump(mode="json")["configs"] for version in versions()}
        line(json.dumps({"configurations": {name: asdict(knobs) for name, knobs in known.items()},
                         "versions": found}, indent=2))  # fmt: skip
        return 0
    rows = [[name, str(knobs.samples), f"{knobs.length[0]}-{knobs.length[1]}", knobs.about]
            for name, knobs in known.items()]  # fmt: skip
    line(table(["configuration", "samples", "characters"], [row[:3] for row in rows]))
    line("")
    for name, _, _, about in rows:
        line(f"{name}: {about}")
    for version in versions():
        line(f"\nversion {version}")
        for config, splits in frozen(version).configs.items():
            for split, entry in splits.items():
                line(f"  {config}/{split}: {entry.samples} samples, seed {entry.seed}, sha256 {entry.sha256}")
    return 0
