"""Where a number comes from: the commit, the machine and the versions that a record names."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import torch

CHECKOUT = Path(__file__).resolve().parents[2]

SOURCES = ("textgan_bench", "datamodules", "benchmarks")

PACKAGES = (
    "textgan_bench",
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "jsonargparse",
    "numpy",
    "kenlm",
)


def commit() -> str:
    """Hash of the checkout's commit, ``-dirty`` appended if code or recipes differ from it.

    ``unknown`` outside a checkout: an installed package may lie inside another project's one.
    """
    if _git("rev-parse", "--show-toplevel") != str(CHECKOUT):
        return "unknown"
    changed = _git("status", "--porcelain", "--", *SOURCES)
    return f"{_git('rev-parse', 'HEAD')}{'-dirty' if changed else ''}"


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(CHECKOUT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def hardware(device: torch.device, devices: int) -> str:
    """One line on ``devices`` accelerators, or on the processor where there is none."""
    if device.type == "cuda":
        return f"{devices} × {torch.cuda.get_device_name(device)}"
    processes = f"{devices} processes × " if devices > 1 else ""
    return f"{_processor()}, {processes}{torch.get_num_threads()} threads"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def versions() -> dict[str, str]:
    """Versions of Python and of the packages a score or a training may depend on."""
    installed = {name: metadata.version(name) for name in PACKAGES if _is_installed(name)}
    return {"python": platform.python_version(), **installed}


def _is_installed(name: str) -> bool:
    return any(metadata.distributions(name=name))
