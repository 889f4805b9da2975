"""Folders and files that stand under their names only when they are whole: drafts beside them, renamed at the end.

A draft is locked while its run lives. So what a killed run left is known for what it is, and the next run with the
same target removes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from text2json.console import note
from text2json.errors import DataError

try:
    import fcntl
except ImportError:  # no such locks on this system: drafts of killed runs stay
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".draft"


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written to, before the work that would fill it.

    Raises:
        DataError: a file is in its place, or it may not be written to.
    """
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        reason = "may not be written to" if nearest.is_dir() else "is no folder"
        raise DataError(reason, file=nearest, remedy="choose another folder")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write into that becomes `folder` when all went well, and goes away otherwise.

    Raises:
        DataError: it cannot be written.
    """
    with _draft(folder) as draft:
        yield draft
        if folder.exists():
            folder.rmdir()
        draft.chmod(0o755)
        draft.rename(folder)


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """Give a place to write to that becomes `file` when all went well, and goes away otherwise.

    A link is followed; a device or a pipe, which nothing may take the place of, is written to as it is.

    Raises:
        DataError: it cannot be written.
    """
    if file.is_dir():
        raise DataError("is a folder", file=file, remedy="name a file")
    if file.exists() and not file.is_file():
        yield file
        return
    target = file.resolve() if file.is_symlink() else file
    with _draft(target) as draft:
        yield draft / target.name
        (draft / target.name).replace(target)


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Give a locked folder beside `target` that goes away at the end, with the parents made for it if all failed."""
    draft, lock, made = None, None, []
    try:
        made = [parent for parent in target.parents if not parent.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target)
        draft, lock = _locked_folder(target)
        yield draft
    except OSError as error:
        if draft is not None and not str(error.filename or draft).startswith((str(draft), str(target))):
            raise  # of something else, as of what is read meanwhile
        raise DataError(f"cannot be written: {error.strerror or error}", file=target,
                        remedy="free some space, or choose another place") from error  # fmt: skip
    finally:
        if draft is not None:
            _remove(draft)
        if lock is not None:
            os.close(lock)
        with suppress(OSError):  # what holds the target, or something of somebody else's, stays
            for parent in made:
                parent.rmdir()


def _remove(folder: Path) -> None:
    if folder.exists():
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(target: Path) -> tuple[Path, int | None]:
    while True:
        draft = target.parent / f".{target.name}-{os.urandom(8).hex()}{SUFFIX}"
        draft.mkdir(mode=0o700)
        lock = _lock(draft)
        if draft.exists():  # nobody took it for a leftover before it was locked
            return draft, lock
        if lock is not None:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder until the handle is closed or the process ends; nothing if it is locked or cannot be."""
    handle = None
    try:
        if fcntl is not None:
            handle = os.open(folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if handle is not None:
            os.close(handle)
        return None
    return handle


def remove_leftovers(target: Path) -> None:
    """Remove the drafts of `target` whose runs are no more."""
    for left in target.parent.iterdir():
        if not (left.name.startswith(f".{target.name}-") and left.name.endswith(SUFFIX)):
            continue
        lock = _lock(left)
        if lock is not None:
            _remove(left)
            os.close(lock)
            note(f"{left}: left by a run that was killed; removed")
