"""Find entries in a folder of untrusted files: nothing outside of it is read, no symbolic link is followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from text2json.errors import DataError
from text2json.schemas.entry import ENTRY_FILE, PREDICTIONS_FILE, RESULTS

DEPTH = 4
"""`<model>/<strategy>/<config>/<id>` below `results`."""
FILES = (ENTRY_FILE, PREDICTIONS_FILE)


def entry_folders(root: Path) -> tuple[list[Path], list[str]]:
    """Return the folders of entries below `root`, in order, and what else stands there and should not.

    Raises:
        DataError: there are no results.
    """
    results = root / RESULTS
    if results.is_symlink() or not results.is_dir():
        raise DataError(f"no folder {RESULTS!r} here", file=root,
                        remedy="give a folder that `text2json submit` wrote, or a results repository")  # fmt: skip
    folders: list[Path] = []
    strays: list[str] = []
    for path in _walk(results):
        depth = len(path.relative_to(results).parts)
        place = path.relative_to(root).as_posix()
        if path.is_symlink():
            strays.append(f"{place}: a symbolic link, which is not followed")
        elif path.is_dir() and depth == DEPTH:
            folders.append(path)
        elif not path.is_dir() and (depth != DEPTH + 1 or path.name not in FILES):
            strays.append(f"{place}: no file of an entry, which are {' and '.join(FILES)} in "
                          f"{RESULTS}/<model>/<strategy>/<config>/<id>")  # fmt: skip
        elif path.is_dir() and depth > DEPTH:
            strays.append(f"{place}: a folder inside of an entry")
    return folders, strays


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
