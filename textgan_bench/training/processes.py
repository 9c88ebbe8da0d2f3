"""Which of the processes of a run keeps its files."""

from pytorch_lightning.utilities import rank_zero_only


def keeps_files() -> bool:
    """Whether this is the process of several that keeps the run's files: the first.

    Its rank is known from the start, however it was started: by Lightning, torchrun or SLURM.
    """
    return rank_zero_only.rank == 0  # type: ignore[attr-defined]


def is_distributed(devices: object, nodes: int) -> bool:
    """Whether a run of these settings has several processes."""
    return devices not in (1, "1", "auto") or nodes > 1


def be_the_first() -> None:
    """Keep the run's files, as its only process.

    Whatever started this process, as ``srun`` with more tasks than devices, may have numbered it
    among others that are at work on runs of their own, or are refused by the lock of this one.
    """
    rank_zero_only.rank = 0  # type: ignore[attr-defined]
