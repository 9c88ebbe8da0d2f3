"""Pieces are worked at by several threads, and come back in order."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from textgan_bench.functional.threads import MOST, WAITING, in_order, on_threads, one_thread


@pytest.fixture
def three_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("three_threads")
def test_results_come_in_order_from_as_many_threads_as_pytorch_uses() -> None:
    meeting = threading.Barrier(3, timeout=60)

    def work(piece: int) -> tuple[int, int, int]:
        meeting.wait()  # which none passes before three have come
        time.sleep(0.01 * (-piece % 3))  # the first of three ends last
        return piece, threading.get_ident(), torch.get_num_threads()

    with on_threads():
        found = list(in_order(work, range(9)))

    assert [piece for piece, _, _ in found] == list(range(9))
    assert len({thread for _, thread, _ in found} - {threading.get_ident()}) == 3
    assert {threads for _, _, threads in found} == {1}
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_work_within_a_thread_and_outside_of_the_block_has_one_thread() -> None:
    def idents(_: int) -> set[int]:
        return set(in_order(lambda _: threading.get_ident(), range(4)))

    with on_threads():
        within = list(in_order(idents, range(3)))

    assert all(len(each) == 1 for each in within)
    assert idents(0) == {threading.get_ident()}


@pytest.mark.usefixtures("three_threads")
def test_few_pieces_wait_for_a_thread() -> None:
    made: list[int] = []
    done: list[int] = []

    def pieces() -> Iterator[int]:
        for piece in range(20):
            made.append(piece)
            assert len(made) - len(done) <= 3 + WAITING
            yield piece

    with on_threads():
        done.extend(in_order(lambda piece: piece, pieces()))

    assert done == list(range(20))


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("bad", [0, 4, 9])
def test_an_error_of_a_piece_is_raised_in_its_place(bad: int) -> None:
    def work(piece: int) -> int:
        if piece == bad:
            raise ValueError(f"piece {piece}")
        return piece

    found: list[int] = []
    with on_threads(), pytest.raises(ValueError, match=f"piece {bad}"):
        found.extend(in_order(work, range(10)))

    assert found == list(range(bad))
    assert torch.get_num_threads() == 3


def test_many_processors_have_few_threads() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(4 * MOST)
    try:
        with on_threads():
            idents = list(in_order(lambda _: threading.get_ident(), range(8 * MOST)))
    finally:
        torch.set_num_threads(threads)

    assert 1 <= len(set(idents)) <= MOST


@pytest.mark.usefixtures("three_threads")
def test_one_thread_ends_with_the_block_and_with_an_error() -> None:
    def fail() -> None:
        raise ValueError(f"{torch.get_num_threads()} thread inside")

    with pytest.raises(ValueError, match="1 thread inside"), one_thread():
        fail()

    assert torch.get_num_threads() == 3
