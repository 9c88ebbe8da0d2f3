"""Every sentence once, on however many processes, from wherever a run was interrupted."""

import time
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from datamodules import TextData
from datamodules.batches import EvaluationBatches, Shard, TrainingBatches
from tests.boring import Boring
from tests.datamodules.test_text_data import few
from tests.trainer import trainer
from textgan_bench.tokens import Batch, CipherBatch, LabelledBatch, TokenBatch, length_mask


def sentences(n: int, max_length: int = 6) -> TokenBatch:
    """Sentence i starts with the symbol i + 1 and has 1 + i % T symbols."""
    ids = torch.arange(1, n + 1)[:, None].repeat(1, max_length)
    lengths = 1 + torch.arange(n) % max_length
    return TokenBatch(ids * length_mask(lengths, max_length), lengths)


def training(
    n: int,
    batch_size: int,
    *,
    batches: int | None = None,
    shard: Shard | None = None,
    seed: int = 5,
) -> TrainingBatches:
    return TrainingBatches(
        sentences(n),
        batch_size,
        batches=batches,
        seed=seed,
        shard=shard or Shard(),
    )


def first_symbols(batches: list[Batch]) -> list[int]:
    return [symbol for batch in batches for symbol in batch.ids[:, 0].tolist()]


@pytest.mark.parametrize("world_size", [1, 2])
def test_a_batch_holds_equally_many_sentences_of_each_group(world_size: int) -> None:
    groups = [torch.arange(0, 30), torch.arange(30, 100)]
    ranks = [
        TrainingBatches(
            sentences(100),
            6,
            batches=None,
            seed=5,
            shard=Shard(rank, world_size),
            groups=groups,
        )
        for rank in range(world_size)
    ]
    shares = [list(rank) for rank in ranks]
    assert {len(share) for share in shares} == {30 // (3 * world_size)}, "the smaller group's"
    for batch in (batch for share in shares for batch in share):
        first = batch.ids[:, 0] <= 30
        assert first.tolist() == [True] * 3 + [False] * 3
    used = [symbol for share in shares for symbol in first_symbols(share)]
    assert len(set(used)) == len(used)


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_share_an_epoch_without_repeats_or_holes(world_size: int) -> None:
    n, batch_size = 100, 7
    ranks = [training(n, batch_size, shard=Shard(rank, world_size)) for rank in range(world_size)]
    for _ in range(2):
        shares = [list(rank) for rank in ranks]
        assert {len(share) for share in shares} == {n // (batch_size * world_size)}
        used = [symbol for share in shares for symbol in first_symbols(share)]
        assert len(set(used)) == len(used)
        assert n - len(used) < batch_size * world_size, "no more than an incomplete batch is lost"


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [8, 24, 25, 26, 27, 50])
def test_ranks_share_an_evaluation_without_repeats_or_holes(n: int, world_size: int) -> None:
    loaders = [
        EvaluationBatches(sentences(n), 8, Shard(rank, world_size)) for rank in range(world_size)
    ]
    shares = [list(loader) for loader in loaders]
    assert {len(share) for share in shares} == {len(loaders[0])}, "equally many, or one would wait"
    assert all(len(batch.ids) for share in shares for batch in share)
    used = [symbol for share in shares for symbol in first_symbols(share)]
    assert sorted(used) == list(range(1, n + 1))
    if world_size == 1:
        assert used == sorted(used)


def test_epochs_differ_and_seeds_repeat_them() -> None:
    loader, again, other = training(20, 4), training(20, 4), training(20, 4, seed=6)
    first, second = first_symbols(list(loader)), first_symbols(list(loader))
    assert sorted(first) == sorted(second)
    assert first != second
    assert first_symbols(list(again)) == first != first_symbols(list(other))


def test_an_epoch_longer_than_the_data_uses_every_sentence_before_it_repeats_one() -> None:
    order = first_symbols(list(training(5, 4, batches=3)))
    assert len(order) == 12
    assert sorted(order[:5]) == sorted(order[5:10]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("epoch", [0, 1])
def test_an_epoch_goes_on_where_it_was_left(epoch: int) -> None:
    whole = training(60, 4)
    for _ in range(epoch):
        list(whole)
    expected = first_symbols([*whole, *whole])
    broken = training(60, 4)
    for _ in range(epoch):
        list(broken)
    iterator = iter(broken)
    begun = [next(iterator) for _ in range(6)]
    resumed = training(60, 4, seed=99)
    resumed.load_state_dict(broken.state_dict())
    assert first_symbols([*begun, *resumed, *resumed]) == expected


def test_labels_and_cipher_text_go_with_their_sentences() -> None:
    tokens = sentences(30)
    labelled = LabelledBatch(*tokens, torch.arange(30))
    for batch in TrainingBatches(labelled, 4, batches=None, seed=0, shard=Shard()):
        assert isinstance(batch, LabelledBatch)
        assert (batch.ids[:, 0] == batch.labels + 1).all()
    both = CipherBatch(*tokens, *(column.flip(0) for column in tokens))
    for batch in TrainingBatches(both, 4, batches=None, seed=0, shard=Shard()):
        assert isinstance(batch, CipherBatch)
        assert (batch.plain.ids[:, 0] + batch.cipher.ids[:, 0] == 31).all()


class Interruption(pl.Callback):
    """Saves a checkpoint after some batches and stops."""

    def __init__(self, path: Path, after: int) -> None:
        self.path = path
        self.after = after

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.fit_loop.total_batch_idx + 1 == self.after:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt


class Seen(pl.Callback):
    """The batches a method was trained on."""

    def __init__(self) -> None:
        self.batches: list[list[list[int]]] = []

    def on_train_batch_start(self, trainer: pl.Trainer, _: object, batch: Batch, __: int) -> None:
        self.batches.append(batch.ids.tolist())


def train(callbacks: list[pl.Callback], data: TextData, checkpoint: Path | None = None) -> None:
    quiet = trainer(max_epochs=4, limit_val_batches=0, callbacks=callbacks)
    quiet.fit(Boring(4, 4), data, ckpt_path=checkpoint)


@pytest.mark.parametrize("after", [1, 5, 6, 8, 9])
def test_a_run_is_resumed_in_the_middle_of_an_epoch(tmp_path: Path, after: int) -> None:
    whole, first, rest = Seen(), Seen(), Seen()
    torch.manual_seed(3)
    train([whole], few(batch_size=2, batches_per_epoch=3))
    torch.manual_seed(3)
    path = tmp_path / "last.ckpt"
    with pytest.raises(SystemExit):
        train([first, Interruption(path, after)], few(batch_size=2, batches_per_epoch=3))
    torch.manual_seed(4)
    train([rest], few(batch_size=2, batches_per_epoch=3), path)
    assert len(whole.batches) == 12
    assert first.batches + rest.batches == whole.batches


def test_batches_keep_up_with_a_step_of_a_millisecond() -> None:
    tokens = TokenBatch(torch.ones(80_000, 32, dtype=torch.int32), torch.full((80_000,), 32))
    loader = TrainingBatches(tokens, 64, batches=2_000, seed=0, shard=Shard())
    start = time.process_time()  # of this process alone, whatever else the machine does
    assert sum(1 for _ in loader) == 2_000
    assert 2_000 / (time.process_time() - start) > 1_000
