"""Work on pieces of a text by several threads, with the digits of one.

PyTorch shares a product out among its threads, so that its last digits depend on their number.
Here each thread takes whole pieces and computes alone, and what comes of them is taken in the order
of the pieces: the digits are the same on any number of processors.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Threads at most: each holds a piece of the text, and Python's own work is done by one at once."""
WAITING = 2
"""Pieces that are made before a thread is free for them, so that none waits for one."""

_threads: ContextVar[int] = ContextVar("threads", default=1)


@contextmanager
def on_threads() -> Iterator[None]:
    """Let ``in_order`` use as many threads as PyTorch does, up to ``MOST``, until the block ends.

    PyTorch uses as many as there are processors, or as OMP_NUM_THREADS says.
    """
    token = _threads.set(min(torch.get_num_threads(), MOST))
    try:
        yield
    finally:
        _threads.reset(token)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread until the block ends.

    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    threads = torch.get_num_threads()
    if threads > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if threads > 1:
            torch.set_num_threads(threads)


def in_order(work: Callable[[T], R], pieces: Iterable[T]) -> Iterator[R]:
    """What ``work`` makes of each piece, in their order; on one thread outside ``on_threads``.

    No more pieces are alive than threads and ``WAITING`` ones, beside the results that were handed
    out. ``work`` is called by several threads at once and changes nothing that another call reads.
    Until the last result PyTorch uses one thread, in each of these and here: more would wait for
    processors that these have.

    >>> with on_threads():
    ...     list(in_order(str.upper, ["a", "b", "c"]))
    ['A', 'B', 'C']
    """
    threads = _threads.get()
    if threads == 1:
        yield from map(work, pieces)
        return
    running: deque[Future[R]] = deque()
    with one_thread():
        pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            for piece in pieces:
                running.append(pool.submit(work, piece))
                if len(running) == threads + WAITING:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
