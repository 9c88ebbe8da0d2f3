"""What every method that ``textgan_bench.methods`` exports has to do.

The language has 150 sentences: two or three of five words, from an HMM with three states. All of it
can be enumerated, so that what a method has learnt is a total variation and not a score.
"""

import inspect
import math
from collections import defaultdict
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tests.methods.small import (
    CONSTANT_STEPS,
    DECIPHERS,
    KEEPS_FEW,
    KNOBS,
    LABELLED,
    PRETRAINED,
    SMALL,
    STEPS,
    TURNS,
    WRITES_ON,
)
from tests.trainer import fit
from textgan_bench import methods
from textgan_bench.functional.hmm import forward_log_likelihood, sample_sequences
from textgan_bench.interfaces import (
    ARGMAX,
    GUMBEL,
    INVERSION,
    Method,
    SentenceCoder,
    TextGenerator,
)
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.tokens import (
    PAD,
    Batch,
    CipherBatch,
    TokenBatch,
    TransferBatch,
    length_mask,
    pad_sequences,
)
from textgan_bench.training.checkpoints import PeriodicCheckpoint
from textgan_bench.training.run import LAST

VOCAB_SIZE, MAX_LENGTH = 6, 4  # no sentence is as long as it may be
BATCH_SIZE = 64

START = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
TRANSITION = torch.tensor(
    [[0.05, 0.9, 0.05], [0.05, 0.05, 0.9], [0.9, 0.05, 0.05]], dtype=torch.float64
)
EMISSION = torch.tensor(
    [[0.8, 0.2, 0, 0, 0], [0, 0.1, 0.7, 0.2, 0], [0, 0, 0, 0.3, 0.7]], dtype=torch.float64
)
SENTENCES = [s for n in (2, 3) for s in product(range(1, VOCAB_SIZE), repeat=n)]

EXPORTED = [getattr(methods, name) for name in methods.__all__]
every_method = pytest.mark.parametrize("kind", EXPORTED, indirect=True)

M = TypeVar("M", bound=Method)


def corpus(n: int) -> TokenBatch:
    lengths = torch.randint(2, 4, (n,))
    ids = torch.zeros(n, MAX_LENGTH, dtype=torch.int64)
    ids[:, :3] = sample_sequences(n, 3, START, TRANSITION, EMISSION) + 1
    return TokenBatch(ids * length_mask(lengths, MAX_LENGTH), lengths)


def lesson(kind: type[Method]) -> Batch:
    """A training batch of the language, in classes or with cipher text if the method wants it."""
    batch = corpus(BATCH_SIZE)
    if kind.__name__ in DECIPHERS:
        ids, lengths = corpus(BATCH_SIZE)
        return CipherBatch(*batch, (ids % (VOCAB_SIZE - 1) + 1).where(ids != PAD, PAD), lengths)
    if kind.__name__ not in LABELLED:
        return batch
    labels = (batch.ids[:, 0] > 1).long()
    return TransferBatch(batch.ids, batch.lengths, labels, 1 - labels)


def law() -> Tensor:
    """(150,) probability of each of ``SENTENCES``."""
    ids, lengths = pad_sequences(SENTENCES)
    words = (ids - 1).clamp(min=0)
    likelihood = forward_log_likelihood(words, lengths, START, TRANSITION, EMISSION).exp()
    return likelihood / 2  # two lengths, as likely as each other


def unigram_law() -> Tensor:
    """(150,) probabilities if words were drawn at their frequencies, one by one."""
    word = torch.zeros(VOCAB_SIZE, dtype=torch.float64)
    for sentence, p in zip(SENTENCES, law().tolist(), strict=True):
        for index in sentence:
            word[index] += p
    word /= word.sum()
    return torch.stack([word[list(sentence)].prod() for sentence in SENTENCES]) / 2


def frequencies(batch: TokenBatch) -> Tensor:
    """(150,) share of each of ``SENTENCES``; they sum to less than one if others were written."""
    index = {sentence: i for i, sentence in enumerate(SENTENCES)}
    rows = zip(batch.ids.tolist(), batch.lengths.tolist(), strict=True)
    cells = [index.get(tuple(row[:length]), len(SENTENCES)) for row, length in rows]
    counts = torch.bincount(torch.tensor(cells), minlength=len(SENTENCES) + 1)
    return counts[:-1].double() / len(cells)


def total_variation(p: Tensor, q: Tensor) -> float:
    """In [0, 1]; what ``p`` and ``q`` leave to sentences outside the language counts as one."""
    return float((p - q).abs().sum() + (p.sum() - q.sum()).abs()) / 2


def steps(kind: type[Method]) -> int:
    return STEPS.get(kind.__name__, 200)


def build(kind: type[M], **options: Any) -> M:
    torch.manual_seed(0)
    return kind(VOCAB_SIZE, MAX_LENGTH, **SMALL.get(kind.__name__, {}) | options)


def learner(kind: type[M]) -> M:
    """A method that is to learn a language."""
    return build(kind, **PRETRAINED.get(kind.__name__, {}))


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest) -> type[Method]:
    parameter: type[Method] = request.param
    return parameter


@pytest.fixture(scope="module")
def trained(kind: type[Method], tmp_path_factory: pytest.TempPathFactory) -> tuple[Method, Path]:
    """A method that has learnt the language, and its checkpoint."""
    method = learner(kind)
    trainer = fit(method, [lesson(kind) for _ in range(steps(kind))])
    checkpoint = tmp_path_factory.mktemp("checkpoint") / "last.ckpt"
    trainer.save_checkpoint(checkpoint)
    return method.eval(), checkpoint


@pytest.fixture(scope="module")
def generator(kind: type[Method], request: pytest.FixtureRequest) -> TextGenerator:
    if not issubclass(kind, TextGenerator):
        pytest.skip(f"{kind.__name__} writes nothing from nothing")
    method, _ = request.getfixturevalue("trained")  # not before: it takes seconds
    assert isinstance(method, TextGenerator)
    return method


def samples(generator: TextGenerator, n: int, **knob: float) -> TokenBatch:
    torch.manual_seed(1)
    return generator.sample(n, **knob)


@every_method
def test_samples_are_well_formed(generator: TextGenerator) -> None:
    ids, lengths = samples(generator, 300)
    assert (ids.dtype, lengths.dtype) == (torch.int64, torch.int64)
    assert (ids.shape, lengths.shape) == ((300, MAX_LENGTH), (300,))
    assert 0 <= lengths.min() <= lengths.max() <= MAX_LENGTH
    assert 0 <= ids.min() <= ids.max() < VOCAB_SIZE
    words = length_mask(lengths, MAX_LENGTH)
    assert (ids[words] != PAD).all()
    if type(generator).__name__ in WRITES_ON:
        words |= torch.arange(MAX_LENGTH) > lengths[:, None]
    assert (ids[~words] == PAD).all()


@every_method
def test_samples_are_closer_to_the_language_than_unigrams(generator: TextGenerator) -> None:
    # A distance of distributions: repeating what the oracle likes best does not lower it.
    learnt = total_variation(frequencies(samples(generator, 2000)), law())
    if type(generator).__name__ in KEEPS_FEW:
        untrained = samples(build(type(generator)).eval(), 2000)
        assert learnt < total_variation(frequencies(untrained), law())
    else:
        assert learnt < total_variation(unigram_law(), law())


@every_method
def test_the_knob_turns_the_distribution(generator: TextGenerator) -> None:
    knob = generator.knob
    assert knob is not None
    assert knob in inspect.signature(generator.sample).parameters
    low, high = (frequencies(samples(generator, 2000, **{knob: value})) for value in KNOBS[knob])
    assert total_variation(low, high) > 0.15  # two draws of one setting differ by about 0.1


class Watch(TorchFunctionMode):
    """Keeps the types of number that words are looked up or chosen in, and notes their noise."""

    def __init__(self) -> None:
        super().__init__()
        self.types: defaultdict[str, set[torch.dtype]] = defaultdict(set)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("searchsorted", "argmax", "log_") and args[0].is_floating_point():
            self.types[name].add(args[0].dtype)
        return func(*args, **(kwargs or {}))


@every_method
def test_words_are_drawn_as_the_method_declares(generator: TextGenerator) -> None:
    knob = str(generator.knob)
    for setting in {generator.setting, KNOBS[knob][0]}:
        with Watch() as watched:
            samples(generator, 5, **{knob: setting})
        calls = {
            INVERSION: {"searchsorted"},
            GUMBEL: {"argmax", "log_"},
            ARGMAX: {"argmax"},
        }[generator.draw_rule(setting)]
        assert dict(watched.types) == {call: {generator.draw_dtype} for call in calls}


@every_method
def test_samples_are_drawn_at_the_setting_that_the_method_declares(
    generator: TextGenerator,
) -> None:
    declared = samples(generator, 50, **{str(generator.knob): generator.setting})
    assert torch.equal(samples(generator, 50).ids, declared.ids)


@every_method
def test_a_setting_that_the_knob_has_not_is_refused(kind: type[Method]) -> None:
    method = build(kind)
    if not isinstance(method, TextGenerator):
        pytest.skip(f"{kind.__name__} writes nothing from nothing")
    for value in (math.nan, math.inf, -1.0, 1e4):
        with pytest.raises(ValueError, match=rf"^a (temperature|rate of dropout) .*, not {value}$"):
            method.sample(2, **{str(method.knob): value})


@every_method
def test_a_checkpoint_brings_back_the_same_samples(
    kind: type[Method], generator: TextGenerator, trained: tuple[Method, Path]
) -> None:
    restored = kind.load_from_checkpoint(trained[1]).eval()
    assert isinstance(restored, TextGenerator)
    for before, after in zip(samples(generator, 50), samples(restored, 50), strict=True):
        assert torch.equal(before, after)


@every_method
def test_sentences_are_reconstructed_after_training(generator: TextGenerator) -> None:
    if not isinstance(generator, SentenceCoder):
        pytest.skip(f"{type(generator).__name__} has no codes of sentences")
    torch.manual_seed(1)
    batch = corpus(200)

    again = generator.decode(generator.encode(batch))

    assert (again.ids == batch.ids).all(1).float().mean() > 0.5


@every_method
def test_ranks_draw_different_noise(
    generator: TextGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    for rank in range(2):
        torch.manual_seed(5)  # the state that seed_everything leaves on every rank
        monkeypatch.setattr(generator, "_trainer", SimpleNamespace(world_size=2, global_rank=rank))
        generator.setup("fit")
        drawn.append(generator.sample(50).ids)

    assert not torch.equal(*drawn)


@every_method
def test_one_step_moves_every_player_and_stays_finite(kind: type[Method]) -> None:
    method = build(kind)
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    fit(method, [lesson(kind) for _ in range(TURNS.get(kind.__name__, 1))])
    after = dict(method.named_parameters())
    assert all(torch.isfinite(p).all() for p in after.values())
    still = [name for name in before if torch.equal(before[name], after[name])]
    assert still == []


class Steps(pl.Callback):
    """Numbers of the optimizers that move something, by phase."""

    def __init__(self) -> None:
        self.of_phase: dict[str, set[int]] = {}

    def on_train_start(self, trainer: pl.Trainer, method: Any) -> None:
        for number, optimizer in enumerate(trainer.optimizers):

            def note(*_: Any, number: int = number) -> None:
                self.of_phase.setdefault(method.phase, set()).add(number)

            optimizer.register_step_post_hook(note)


@every_method
def test_the_game_has_optimizers_of_its_own(kind: type[Method]) -> None:
    """By the moments that the likelihood leaves, the game's first steps are of another length."""
    if "pretraining" not in inspect.signature(kind).parameters:
        pytest.skip(f"{kind.__name__} has no pretraining")
    method, steps = build(kind, pretraining=Pretraining(likelihood=2)), Steps()
    fit(method, [lesson(kind)] * 4, callbacks=[steps])
    assert set(steps.of_phase) == {"likelihood", "game"}
    assert not steps.of_phase["likelihood"] & steps.of_phase["game"]


class Spoil(pl.Callback):
    """Lose all weights before the third batch."""

    def on_train_batch_start(self, trainer: pl.Trainer, method: Any, *place: Any) -> None:
        if place[-1] == 2:
            for weight in method.parameters():
                weight.data.fill_(math.nan)


@every_method
def test_weights_that_are_not_finite_show_in_a_loss_and_end_the_training(
    kind: type[Method], tmp_path: Path
) -> None:
    """And in no error of an index or a distribution; the checkpoint is that of the batch before."""
    method = build(kind)
    callbacks = [Spoil(), PeriodicCheckpoint(minutes=0)]
    with pytest.raises(FloatingPointError, match=r"^\w+/\w+ is nan in batch 3; "):
        fit(
            method,
            [lesson(kind)] * 5,
            callbacks=callbacks,
            default_root_dir=tmp_path,
            enable_checkpointing=True,
        )
    kept = torch.load(tmp_path / "checkpoints" / LAST, weights_only=True)
    assert all(weight.isfinite().all() for weight in kept["state_dict"].values())


@every_method
def test_a_constant_sentence_is_learnt(kind: type[Method]) -> None:
    """Texygen #31: a GAN that cannot repeat the one sentence it is shown learns nothing."""
    method = learner(kind)
    if not isinstance(method, TextGenerator):
        pytest.skip(f"{kind.__name__} writes nothing from nothing")
    sentence = pad_sequences([[3, 1, 2]] * BATCH_SIZE, MAX_LENGTH)
    fit(method, [sentence] * CONSTANT_STEPS.get(kind.__name__, steps(kind)))
    written = samples(method.eval(), 500)
    assert (written.ids == sentence.ids[0]).all(1).float().mean() > 0.6
