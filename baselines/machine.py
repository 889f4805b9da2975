"""What a run is computed on, with which versions, and the memory that the operating system saw it take."""

from __future__ import annotations

import os
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from text2json import __version__
from text2json.baselines.kernels import library

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def versions() -> dict[str, str]:
    """Return the versions of everything that decides an output."""
    names = ("torch", "transformers", "tokenizers", "numpy")
    return {"text2json": __version__, "python": platform.python_version()} | {name: version(name) for name in names}


def hardware() -> dict[str, Any]:
    """Return processor, cores, threads, memory, what computes decoding steps, and the GPU where there is one."""
    found: dict[str, Any] = {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "memory_gib": memory_gib(),
        "kernels": library.name(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
        found["gpu_memory_gib"] = round(torch.cuda.mem_get_info()[1] / 2**30)
    return found


def processor() -> str:
    """Return the processor's name as the system gives it; empty where it gives none."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def memory_gib() -> int | None:
    """Return the machine's memory; None where the system does not say."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    except (ValueError, OSError, AttributeError):
        return None


def free_bytes(device: torch.device) -> int | None:
    """Return the memory that is free for tensors on `device`; None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    try:
        return _field(Path("/proc/meminfo"), "MemAvailable")
    except OSError:
        return None


def reset_peak() -> None:
    """Begin to measure peak memory anew, where the system allows it; elsewhere the peak is the whole process's."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    try:
        CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return


def peak_rss_bytes() -> int:
    """Return the peak resident memory since `reset_peak`, or of the whole process where that cannot be told."""
    try:
        peak = _field(STATUS, "VmHWM")
    except OSError:
        peak = None
    if peak is not None:
        return peak
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # macOS counts in bytes, others in KiB


def peak_gpu_bytes() -> int | None:
    """Return the most that torch held on the GPU since `reset_peak`; None without a GPU."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def _field(file: Path, name: str) -> int | None:
    for line in file.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
