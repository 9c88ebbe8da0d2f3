"""The mode of a training step that a CUDA graph captures."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FIXED: ContextVar[bool] = ContextVar("fixed shapes", default=False)


@contextmanager
def fixed_shapes() -> Iterator[None]:
    """Let no shape and no branch depend on a value inside the block.

    Work is then done on padding, too; its results have no effect and no gradient.
    """
    token = _FIXED.set(True)
    try:
        yield
    finally:
        _FIXED.reset(token)


def shapes_are_fixed() -> bool:
    """Whether the caller is inside ``fixed_shapes``."""
    return _FIXED.get()
