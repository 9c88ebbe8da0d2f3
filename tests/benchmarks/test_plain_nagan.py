"""Our step of NAGAN against the plain one, with the same noise, in double precision."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from benchmarks.speed.bare import Bare
from benchmarks.speed.plain_nagan import PlainNAGAN
from tests.methods import test_contract as language
from tests.methods.small import SMALL
from textgan_bench.kernels.shapes import fixed_shapes
from textgan_bench.methods import NAGAN
from textgan_bench.methods.nagan import Start, generator
from textgan_bench.methods.nagan.start import calibrate
from textgan_bench.networks.packing import rows_of
from textgan_bench.tokens import PAD, TokenBatch, count, length_mask

VOCAB_SIZE, MAX_LENGTH = 11, 7
LENGTHS = torch.tensor([3, 6, 1, 4, 5])


@pytest.fixture
def method() -> PlainNAGAN:
    torch.manual_seed(0)
    plain = PlainNAGAN(VOCAB_SIZE, MAX_LENGTH, start=Start(young_average=True)).double()
    plain.dropout, plain.generator.temperature = 0.0, 0.7
    return plain


def batch() -> TokenBatch:
    ids = torch.randint(1, VOCAB_SIZE, (len(LENGTHS), MAX_LENGTH))
    return TokenBatch(ids * length_mask(LENGTHS, MAX_LENGTH), LENGTHS)


def test_losses_and_all_gradients_are_those_of_the_plain_step(
    method: PlainNAGAN, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, mask = batch(), length_mask(LENGTHS, MAX_LENGTH)
    longest = int(LENGTHS.max())
    z = torch.randn(*mask.shape, 64, dtype=torch.float64)
    noise = method._gumbel(mask).double()
    drawn = (method._scores(z, mask) + noise).argmax(-1)
    mix = torch.rand(len(mask), 1, 1, dtype=torch.float64)
    expected = (
        *method.plain_discriminator_losses(real, z, noise, mix),
        method.plain_generator_loss(mask, z, noise),
    )
    monkeypatch.setattr(method.generator, "draw_latents", lambda mask: z[:, : mask.shape[1]])
    monkeypatch.setattr(torch, "rand_like", lambda x: mix)
    modes = ((nullcontext, longest), (fixed_shapes, longest), (fixed_shapes, MAX_LENGTH))
    for shapes, length in modes:
        with shapes():
            layout = rows_of(mask[:, :length])
        fixed = layout.rows(drawn[:, :length]), layout.rows(noise[:, :length])
        monkeypatch.setattr(generator, "draw", lambda scores, fixed=fixed: fixed[0])
        monkeypatch.setattr(
            generator, "add_gumbel_noise_", lambda scores, fixed=fixed: scores + fixed[1]
        )
        with shapes():
            fake, _ = method.generator.fake(layout.mask, 0.0, method.discriminator.embedding)
            actual = (
                *method.discriminator_losses(real.ids[:, :length], fake, LENGTHS),
                method.generator_loss(layout.mask),
            )
        players = [method.discriminator] * 3 + [method.generator]
        for ours, plain, player in zip(actual, expected, players, strict=True):
            assert_same_loss(ours, plain, player)


def assert_same_loss(ours: Tensor, plain: Tensor, player: torch.nn.Module) -> None:
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)
    names = [name for name, _ in player.named_parameters()]
    parameters = list(player.parameters())
    one, other = (
        torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        for loss in (ours, plain)
    )
    for name, a, b in zip(names, one, other, strict=True):
        a, b = (torch.zeros(()) if g is None else g for g in (a, b))
        scale = max(1.0, float(b.abs().max()))
        torch.testing.assert_close(a / scale, b / scale, rtol=0, atol=1e-12, msg=name)


def test_the_vocabulary_enters_the_graph_once_and_only_for_the_generator() -> None:
    vocab_size = 5_000
    method = PlainNAGAN(vocab_size, MAX_LENGTH)
    parameters = {x.untyped_storage().data_ptr() for x in method.parameters()}
    saved: list[tuple[int, ...]] = []

    def keep(x: Tensor) -> Tensor:
        if (
            max(x.shape, default=0) >= vocab_size - 1
            and x.untyped_storage().data_ptr() not in parameters
        ):
            saved.append(tuple(x.shape))
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        mask = length_mask(LENGTHS, MAX_LENGTH)
        fake, _ = method.generator.fake(mask, 0.1, method.discriminator.embedding)
        sum(method.discriminator_losses(batch().ids, fake, LENGTHS))
        assert not saved
        with method.frozen(method.discriminator):
            method.generator_loss(mask)
    words, width = int(LENGTHS.sum()), 128
    assert sorted(saved) == [(words, vocab_size - 1), (vocab_size - 1, width)]


SEEDS, STRETCHES, STRETCH = 5, 5, 80


def curve(kind: type[NAGAN], seed: int) -> list[float]:
    """How far samples are from the contract tests' language after each stretch of training."""
    torch.manual_seed(seed)
    start: Start = SMALL["NAGAN"]["start"]
    options = SMALL["NAGAN"] | {"start": replace(start, frequency_rate=0.0)}  # lines both share
    method = kind(language.VOCAB_SIZE, language.MAX_LENGTH, **options)
    text = language.corpus(1_000)
    words, lengths = count([text], language.VOCAB_SIZE, language.MAX_LENGTH)
    method.length_counts.copy_(lengths)
    mask = length_mask(text.lengths, language.MAX_LENGTH)
    calibrate(method.generator, words[PAD + 1 :], mask, method.dropout, score_std=1.0)
    method.average.load_state_dict(method.generator.state_dict())
    step = Bare(method, text)
    distances = []
    for _ in range(STRETCHES):
        for _ in range(STRETCH):
            step.batch = language.corpus(language.BATCH_SIZE)
            step()
        written = language.frequencies(method.sample(2_000))
        distances.append(language.total_variation(written, language.law()))
    return distances


class BrainFloatNAGAN(NAGAN):
    """As by ``--trainer.precision bf16-mixed``, which holds for all of a step."""

    def step(self, ids: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.autocast("cpu", torch.bfloat16):
            return super().step(ids, lengths)


@pytest.fixture(scope="module")
def ours() -> torch.Tensor:
    return torch.tensor([curve(NAGAN, seed) for seed in range(SEEDS)])


@pytest.mark.slow
@pytest.mark.parametrize("kind", [PlainNAGAN, BrainFloatNAGAN])
def test_training_curves_agree_within_the_noise_of_seeds(
    kind: type[NAGAN], ours: torch.Tensor
) -> None:
    other = torch.tensor([curve(kind, seed) for seed in range(SEEDS)])
    noise = ((ours.var(0) + other.var(0)) / SEEDS).sqrt()
    print("total variation after each stretch, ours, the other's, noise of their difference:")
    print(torch.stack([ours.mean(0), other.mean(0), noise], 1))
    assert ((ours.mean(0) - other.mean(0)).abs() < 3 * noise).all()
    assert ours.mean(0)[-1] < ours.mean(0)[0], "nothing was learnt that could be compared"
