"""Trainings side by side on one device: what each comes to alone, in less time than in turn.

A step of small kernels leaves most of a GPU idle, and launching it as a CUDA graph returns at once.
So the trainings take turns, a batch each, in threads of one process: while one prepares its next
batch the device works on those of the others, on a stream for each.

Nothing of a training depends on its neighbours. Only the one whose turn it is runs, so that the
state of the process, its random numbers above all, can be changed over with the turn.
"""

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from types import FrameType
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.seed import isolate_rng

from textgan_bench.callbacks import PeriodicCheckpoint
from textgan_bench.errors import report


class StoppedError(Exception):
    """A training left after a batch, its checkpoint saved, because the user asked for it."""


class Turns(Callback):
    """Passes the turn on after each batch; a callback of all trainers that share it.

    Args:
        members: how many trainings there are.
    """

    def __init__(self, members: int) -> None:
        self.members = members
        self.stopping = False
        self._order = deque(range(members))
        self._passed_on = threading.Condition()
        self._own = threading.local()

    @contextmanager
    def taken_by(self, member: int) -> Iterator[None]:
        """Take part as the ``member``-th in the order, from its first turn on."""
        self._own.member = member
        with self._passed_on:
            self._passed_on.wait_for(self._is_own)
        try:
            yield
        finally:
            with self._passed_on:
                self._order.remove(member)
                self._passed_on.notify_all()

    def give_way(self) -> None:
        """Let all others train one batch, with random numbers of their own."""
        with isolate_rng(include_cuda=False), _isolated_noise(), self._passed_on:
            self._order.rotate(-1)
            self._passed_on.notify_all()
            self._passed_on.wait_for(self._is_own)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.give_way()
        if self.stopping:
            for callback in trainer.checkpoint_callbacks:  # they come after all others
                if isinstance(callback, PeriodicCheckpoint):
                    callback.interrupt(StoppedError())

    def _is_own(self) -> bool:
        return bool(self._order[0] == self._own.member)


def train(trainings: Mapping[str, Callable[[Turns], None]]) -> list[str]:
    """Carry out all ``trainings``; each hands the ``Turns`` it is given to its trainer.

    One that fails says so at once and stops no other; Ctrl-C and SIGTERM stop all after their next
    batch.

    Args:
        trainings: by name.

    Returns:
        The names of those that failed.

    Raises:
        KeyboardInterrupt: they were stopped.
    """
    turns = Turns(len(trainings))
    failed: list[str] = []

    def take_part(member: int, name: str, training: Callable[[Turns], None]) -> None:
        with turns.taken_by(member):
            if turns.stopping:
                return
            try:
                # In a context of its own: the parser of configurations keeps what it built there.
                with _own_stream():
                    copy_context().run(training, turns)
            except StoppedError:
                pass
            except BaseException as error:
                failed.append(name)
                report(name, error)
            gc.collect()  # what a failed training held, memory of the device above all

    threads = [
        threading.Thread(target=take_part, args=(member, *each), daemon=True)
        for member, each in enumerate(trainings.items())
    ]
    with _isolated_noise(), _stopped_by_signals(turns):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if turns.stopping:
        raise KeyboardInterrupt
    return failed


@contextmanager
def _stopped_by_signals(turns: Turns) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        if turns.stopping:  # at once, as the threads cannot be left: the last checkpoints are whole
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        turns.stopping = True
        print(
            "\nstopping after this batch; without FORCE=1 the same command resumes", file=sys.stderr
        )

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _isolated_noise() -> Iterator[None]:
    """Let others draw on the GPU from a generator of their own, and come back to this one.

    A graph advances the state that it was captured with, so states change places here and are not
    overwritten, as they would be by ``isolate_rng``.
    """
    if not torch.cuda.is_available():
        yield
        return
    torch.cuda.init()
    device = torch.cuda.current_device()
    generator = torch.cuda.default_generators[device]
    own = generator.graphsafe_get_state()
    try:
        yield
    finally:
        generator.graphsafe_set_state(own)


@contextmanager
def _own_stream() -> Iterator[None]:
    """A stream and a generator of the GPU for the calling thread, where there is one."""
    if not torch.cuda.is_available():
        yield
        return
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())
    with torch.cuda.stream(torch.cuda.Stream()):
        yield
