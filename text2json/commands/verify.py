"""`text2json verify`: check a folder of documents against its manifest."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder written by `text2json generate`")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the verdict (default: text)")


def run(args: argparse.Namespace) -> int:
    """Print a line for each configuration and split; 1 if one is not as it should be."""
    import json
    from dataclasses import asdict

    from text2json.console import line, progress
    from text2json.manifest import MANIFEST, read_manifest
    from text2json.verification import verify

    manifest = read_manifest(args.folder / MANIFEST)
    total = sum(entry.samples for splits in manifest.configs.values() for entry in splits.values())
    with progress("verify", total) as advance:
        verdicts = verify(args.folder, advance)
    bad = any(verdict.problem for verdict in verdicts)
    if args.format == "json":
        line(json.dumps({"ok": not bad, "version": manifest.version, "parts": [asdict(part) for part in verdicts]},
                        indent=2))  # fmt: skip
        return int(bad)
    for part in verdicts:
        state = f"WRONG: {part.problem}" if part.problem else f"ok, {part.samples} samples, sha256 {part.sha256}"
        line(f"{part.config}/{part.split}: {state}")
    return int(bad)
