"""Where the tensors of the host tier lie: in memory, pinned where a GPU fetches from it, or in mapped files on disk."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.parts import Tier
from text2json.errors import InputError


class Host(ABC):
    """Takes tensors off the device."""

    tier: ClassVar[Tier]

    @abstractmethod
    def keep(self, tensor: Tensor) -> Tensor:
        """Return the same values in this host's memory."""

    @abstractmethod
    def require(self, nbytes: int) -> None:
        """Make sure that `nbytes` more can be kept.

        Raises:
            InputError: they cannot.
        """


@dataclass(frozen=True)
class Memory(Host):
    """Main memory.

    Args:
        pin: a GPU fetches from it: memory is locked, so that copies run beside the host's work.
    """

    pin: bool = False

    tier: ClassVar[Tier] = "host"

    def require(self, nbytes: int) -> None:
        """Leave it to the operating system, which knows what else it could let go of."""

    def keep(self, tensor: Tensor) -> Tensor:
        """Return the tensor itself where host and device are one memory, otherwise a pinned copy."""
        if not self.pin:
            return tensor
        kept = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        kept.copy_(tensor, non_blocking=True)
        if tensor.is_cuda:
            torch.cuda.current_stream(tensor.device).synchronize()
        return kept


@dataclass(frozen=True)
class Disk(Host):
    """Files that are mapped into memory: the operating system reads what is touched, and lets go of what is not.

    A file loses its name as soon as it is mapped, so that nothing is left when the process ends, however it ends.

    Args:
        folder: where the files lie; not one in memory, such as a tmpfs.
    """

    folder: Path

    tier: ClassVar[Tier] = "disk"

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise InputError("no such folder for the disk tier", file=self.folder, remedy="make it, or give another")
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise InputError("the disk tier's folder cannot be written to", file=self.folder, remedy="give another")

    def require(self, nbytes: int) -> None:
        """Compare with the free space."""
        free = shutil.disk_usage(self.folder).free
        if nbytes > free:
            raise InputError(
                f"the disk tier needs {nbytes / 1e9:.3f} GB and {free / 1e9:.3f} GB are free",
                file=self.folder,
                remedy="free space, give another folder, or shorten the prompts",
            )

    def keep(self, tensor: Tensor) -> Tensor:
        """Return a mapped copy."""
        if tensor.numel() == 0:
            return tensor
        self.require(tensor.nbytes)
        try:
            mapped = self._map(tensor.nbytes)
        except (OSError, RuntimeError) as error:  # torch raises the latter when it cannot map
            raise InputError(f"the disk tier cannot keep {tensor.nbytes:,} bytes: {error}", file=self.folder,
                             remedy="free space, or give another folder") from error  # fmt: skip
        kept: Tensor = mapped.view(tensor.dtype).view(tensor.shape)
        return kept.copy_(tensor)

    def _map(self, nbytes: int) -> Tensor:
        handle, name = tempfile.mkstemp(prefix="text2json-", suffix=".kv", dir=self.folder)
        try:
            if hasattr(os, "posix_fallocate"):  # a write into a hole of a full disk would kill the process
                os.posix_fallocate(handle, 0, nbytes)
            return torch.from_file(name, shared=True, size=nbytes, dtype=torch.uint8)
        finally:
            os.close(handle)
            Path(name).unlink()


def host_for(model: torch.nn.Module, disk: str | Path | None) -> Host:
    """Return the host tier of a model: files in the folder `disk`, or memory."""
    if disk is not None:
        return Disk(Path(disk))
    return Memory(pin=next(model.parameters()).is_cuda)


def prompt_bytes(shape: torch.Size, element: int, layers: int) -> int:
    """Return the bytes of keys and values of `shape` in `layers` layers."""
    return 2 * math.prod(shape) * element * layers
