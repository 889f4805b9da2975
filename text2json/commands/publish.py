"""`text2json publish`: put a data folder of a frozen version on the Hub."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", metavar="DATASET", type=Path,
                        help="a folder written by `text2json generate CONFIG --version VERSION`")  # fmt: skip
    parser.add_argument("--repo", required=True, metavar="ORG/NAME", help="the data set's name on the Hub")
    parser.add_argument("--private", action="store_true", help="make the repository private, if it is made now")
    parser.add_argument("--dry-run", action="store_true", help="check and show what would be sent; send nothing")
    parser.add_argument("--endpoint", metavar="URL", help="another Hub (default: HF_ENDPOINT, or huggingface.co)")


def run(args: argparse.Namespace) -> int:
    """Check the folder, publish it, and say how to read it back."""
    from text2json.console import line, note, progress
    from text2json.hub import HubClient
    from text2json.manifest import MANIFEST, read_manifest
    from text2json.publishing import edition_of, publish

    configs = read_manifest(args.folder / MANIFEST).configs
    with progress("check", sum(entry.samples for splits in configs.values() for entry in splits.values())) as advance:
        edition = edition_of(args.folder, advance)
    for place, content in edition.files().items():
        line(f"{place}: {len(content) if isinstance(content, bytes) else content.stat().st_size:,} bytes")
    if args.dry_run:
        line("\nnothing was sent")
        return 0
    hub = HubClient(args.endpoint, told=note)
    done = publish(hub, edition, args.repo, private=args.private)
    state = "published" if done else "was published already"
    line(f"\nversion {edition.version} {state}: {hub.api.endpoint}/datasets/{args.repo}/tree/{edition.version}")
    line(f'read it back: text2json.load("{args.repo}@{edition.version}:{sorted(configs)[0]}")')
    return 0
