"""What is not in NAGAN's paper, and that nothing of it is there by default."""

import copy
import inspect
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from tests.methods.nagan.test_method import MAX_LENGTH, VOCAB_SIZE, batch, small, train
from tests.trainer import fit
from textgan_bench.kernels.cuda_graphs import CountedRAdam
from textgan_bench.kernels.shapes import fixed_shapes
from textgan_bench.losses.relaxation import gumbel_noise_like
from textgan_bench.methods import NAGAN
from textgan_bench.methods.nagan import Start
from textgan_bench.methods.nagan.ablations import build_discriminator, build_generator
from textgan_bench.methods.nagan.cooccurrence import neighbour_counts, word_vectors
from textgan_bench.methods.nagan.discriminator import TransformerDiscriminator
from textgan_bench.methods.nagan.start import calibrate, look_at_neighbours, start_at_vectors
from textgan_bench.networks.transformer import Attention, Shape, sinusoidal_positions
from textgan_bench.tokens import PAD, length_mask
from textgan_bench.training.checkpoint_files import load_checkpoint

TABLE_9 = {
    "width": 128,
    "blocks": 5,
    "heads": 4,
    "latent_dim": 64,
    "embedding_dim": 300,
    "dropout": 0.25,
    "temperature": 1.0,
    "gradient_penalty": 1.0,
    "score_regulariser": 1.0,
    "generator_lr": 2e-4,
    "discriminator_lr": 5e-4,
    "discriminator_l2": 0.05,
    "averaging": 0.9999,
}
"""For real data."""

EVERYTHING = Start(
    score_std=3.0,
    word_vectors=True,
    neighbours=True,
    frequency_rate=0.1,
    warm_up=7,
    young_average=True,
    epsilon=1e-5,
)


STILL = {"generator_lr": 0.0, "discriminator_lr": 0.0, "discriminator_l2": 0.0}
"""Players that learn nothing."""


def optimizers_of(method: NAGAN) -> list[CountedRAdam]:
    """The generator's and the discriminator's."""
    return cast("list[CountedRAdam]", method.configure_optimizers())


def test_the_defaults_are_table_9_for_real_data() -> None:
    options = inspect.signature(NAGAN).parameters
    assert {name: options[name].default for name in TABLE_9} == TABLE_9
    assert NAGAN.BETAS == (0.5, 0.9)
    unset = {"generator", "discriminator", "feed_forward", "inference_dropout", "start"}
    assert set(options) == {*TABLE_9, *unset, "vocab_size", "max_length"}


def test_the_default_leaves_networks_and_optimizers_as_pytorch_has_them() -> None:
    method = small(**STILL)
    torch.manual_seed(0)
    shape = Shape(width=8, blocks=2, heads=2, feed_forward=8)
    generator = build_generator(
        "non_autoregressive",
        VOCAB_SIZE,
        MAX_LENGTH,
        shape,
        latent_dim=4,
        temperature=1.0,
        embedding_dim=6,
        table=lambda: torch.empty(0),
    )
    discriminator = build_discriminator(
        "transformer", VOCAB_SIZE, MAX_LENGTH, shape, embedding_dim=6
    )
    train(method, [batch([2, 3])])
    pairs = ((method.generator, generator), (method.discriminator, discriminator))
    for ours, plain in pairs:
        for name, value in plain.state_dict().items():
            assert torch.equal(ours.state_dict()[name], value), name
    optimizers = optimizers_of(method)
    assert [optimizer.defaults["eps"] for optimizer in optimizers] == [1e-8, 1e-8]
    assert [optimizer.warm_up for optimizer in optimizers] == [0, 0]
    assert asdict(method.start) == asdict(Start())


def test_drawing_fakes_changes_nothing_and_a_step_holds_the_bias_alone() -> None:
    method = small(start=EVERYTHING, **STILL)
    text = [batch([2, 4, 6])]
    train(method, text)
    before = copy.deepcopy(method.state_dict())
    mask = length_mask(torch.tensor([2, 3]), MAX_LENGTH)
    method.generator.fake(mask, 0.1, method.discriminator.embedding)
    changed = [k for k, v in method.state_dict().items() if not torch.equal(v, before[k])]
    assert changed == []
    train(method, text)
    changed = [k for k, v in method.state_dict().items() if not torch.equal(v, before[k])]
    assert sorted(changed) == [
        "average.scores.bias",
        "frequencies.written",
        "generator.scores.bias",
        "updates",
    ]


def test_a_start_is_kept_in_checkpoints_that_load_safely(tmp_path: Path) -> None:
    method = small(start=EVERYTHING)
    trainer = fit(method, [batch([2, 4, 6])])
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    assert load_checkpoint(tmp_path / "last.ckpt")["hyper_parameters"]["start"] == EVERYTHING
    restored = NAGAN.load_from_checkpoint(tmp_path / "last.ckpt")
    assert restored.start == EVERYTHING
    for name, value in method.state_dict().items():
        assert torch.equal(restored.state_dict()[name], value), name


def test_first_scores_vary_by_score_std_around_the_stretched_log_frequencies() -> None:
    batches = [batch([6] * 200) for _ in range(3)]
    counts = torch.bincount(torch.cat([b.ids.flatten() for b in batches]), minlength=VOCAB_SIZE)
    method = train(small(start=Start(score_std=5.0), generator_lr=0.0), batches)
    mask = length_mask(torch.full((2000,), 6), 6)
    scores = method.generator(torch.randn(2000, 6, 4), mask, method.dropout)
    frequencies = (counts[1:] + 0.5) / (counts[1:] + 0.5).sum()
    torch.testing.assert_close(scores.mean(0), 5.0 / 2.5 * frequencies.log(), rtol=0, atol=0.7)
    assert scores.std(0).mean().item() == pytest.approx(5.0, rel=0.1)


def test_first_words_come_about_at_their_frequencies() -> None:
    """Both with the noise of training and as the argmax of inference."""
    counts = 10_000 / torch.arange(1, 501)  # Zipf's law
    torch.manual_seed(0)
    generator = NAGAN(501, 20, width=64, blocks=2, embedding_dim=8).generator
    mask = length_mask(torch.full((200,), 20), 20)
    calibrate(generator, counts, mask, 0.1, score_std=6.0)
    scores = generator(torch.randn(200, 20, 64), mask, 0.1)
    law = counts / counts.sum()
    for drawn in (scores, scores + gumbel_noise_like(scores)):
        used = torch.bincount(drawn.argmax(-1), minlength=500) / len(drawn)
        uniform = 0.5 * (law - 1 / 500).abs().sum()
        assert 0.5 * (law - used).abs().sum() < 0.5 * uniform


def test_words_of_like_neighbours_start_alike_to_both_players() -> None:
    batches = [batch([2, 4, 6]) for _ in range(20)]
    method = train(small(start=Start(word_vectors=True), **STILL), batches)
    counts = neighbour_counts((b.ids for b in batches), VOCAB_SIZE)
    table, vectors = method.discriminator.embedding.weight.detach(), word_vectors(counts, 6)
    torch.testing.assert_close(table / table.std(), vectors / vectors.std())
    discriminator = cast(TransformerDiscriminator, method.discriminator)
    words = table @ discriminator.projection.weight.T
    codes = discriminator.positions
    assert words.square().mean().item() == pytest.approx(codes.square().mean().item(), rel=1e-5)
    # A step of RAdam has the size of its rate: of 1e-3 it changes such words by a thousandth.
    assert 0.5 < table[PAD + 1 :].square().mean().sqrt().item() < 2.0
    # Rows that are projections of six-dimensional vectors: eight random ones would not be.
    vectors = word_vectors(counts, 6)[PAD + 1 :]
    for player in (method.generator, method.average):
        found = player.scores.weight.detach()
        projected = vectors @ torch.linalg.lstsq(vectors, found).solution
        torch.testing.assert_close(projected, found, rtol=0, atol=1e-4)
    weight = torch.randn(VOCAB_SIZE - 1, 2)
    method.generator.scores.weight = nn.Parameter(weight)
    size = weight.std().item()
    vectors = torch.eye(2, 6)[torch.arange(VOCAB_SIZE) % 2]
    start_at_vectors(method.generator, method.discriminator, vectors)
    score = method.generator.scores.weight
    assert score.std().item() == pytest.approx(size, rel=1e-5)
    assert torch.equal(score[0], score[2])
    assert not torch.equal(score[0], score[1])


def test_starts_and_the_warm_up_reach_both_players() -> None:
    plain, method = small(), small(start=Start(neighbours=True, warm_up=7))
    for player in ("generator", "discriminator"):
        name = "positional_attention" if player == "generator" else "self_attention"
        for before, block in zip(
            getattr(plain, player).blocks, getattr(method, player).blocks, strict=True
        ):
            gained = getattr(block, name).output.weight / getattr(before, name).output.weight
            gain = 4.0 if player == "generator" else 3.0
            torch.testing.assert_close(gained, torch.full_like(gained, gain))
    assert [optimizer.warm_up for optimizer in optimizers_of(method)] == [7, 0]


def test_words_that_fell_out_of_use_come_back() -> None:
    torch.manual_seed(0)
    start = Start(frequency_rate=0.3)
    method = NAGAN(51, 20, width=32, blocks=1, embedding_dim=8, dropout=0.1, start=start)
    generator = method.generator
    counts = 10_000 / torch.arange(1, 51)
    mask = length_mask(torch.full((100,), 20), 20)
    method.frequencies.begin(counts, mask)
    calibrate(generator, counts, mask, 0.1, score_std=6.0)
    with torch.no_grad():
        generator.scores.bias[10:].sub_(30)

    def written() -> torch.Tensor:
        """(50,) how often each word is used."""
        words = generator.write(mask, 0.1, training=False).argmax(-1)
        return torch.bincount(words, minlength=50)

    assert not written()[10:].any()
    for _ in range(150):
        _, scores = generator.fake(mask[:50], 0.1, method.discriminator.embedding)
        method.frequencies.hold(generator, scores, mask[:50])

    used = written()
    assert used[10:].any()
    assert 0.5 * (used / used.sum() - counts / counts.sum()).abs().sum() < 0.1


def test_a_rate_of_zero_holds_no_word() -> None:
    method = small()
    generator, mask = method.generator, length_mask(torch.tensor([2, 3]), MAX_LENGTH)
    method.frequencies.begin(torch.arange(1.0, method.vocab_size), mask)
    before = copy.deepcopy(method.state_dict())
    _, scores = generator.fake(mask, 0.1, method.discriminator.embedding)

    method.frequencies.hold(generator, scores, mask)

    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


def test_padding_does_not_count_as_written() -> None:
    lengths = torch.tensor([2, 5, 6])
    method = small(start=Start(frequency_rate=0.05))
    mask = length_mask(lengths, MAX_LENGTH)
    for shapes in (nullcontext(), fixed_shapes()):
        written = method.frequencies.written.zero_()
        with shapes:
            _, scores = method.generator.fake(mask, 0.1, method.discriminator.embedding)
            method.frequencies.hold(method.generator, scores, mask)
        assert written.sum().item() == pytest.approx(lengths.sum().item(), rel=1e-6)


def test_words_are_held_by_the_expected_counts_of_drawn_words() -> None:
    """Against the softmax written out; the counts of the argmax would be whole numbers."""
    method = small(start=Start(frequency_rate=0.05))
    generator, mask = method.generator, length_mask(torch.tensor([2, 3]), MAX_LENGTH)
    scores = torch.randn(5, method.vocab_size - 1)
    method.frequencies.frequencies.fill_(1 / scores.shape[1])
    written = method.frequencies.written.zero_()
    before = generator.scores.bias.detach().clone()
    method.frequencies.hold(generator, scores, mask)
    counts = (scores.exp() / scores.exp().sum(1, keepdim=True)).sum(0)
    torch.testing.assert_close(written, counts)
    lack = ((5 / scores.shape[1] + 0.1) / (counts + 0.1)).log()
    torch.testing.assert_close(generator.scores.bias, before + 0.05 * lack)


def test_a_young_average_is_not_that_of_its_start() -> None:
    method = small(averaging=0.5, start=Start(young_average=True))
    expected = [p.clone() for p in method.average.parameters()]
    for t in range(1, 5):
        with torch.no_grad():
            for p in method.generator.parameters():
                p.add_(t)
        method._average_parameters()
        gamma = min(0.5, (1 + t) / (4 + t))
        expected = [
            gamma * mean + (1 - gamma) * p
            for mean, p in zip(expected, method.generator.parameters(), strict=True)
        ]
    torch.testing.assert_close(list(method.average.parameters()), expected)


def test_rare_words_of_the_generator_are_not_moved_by_noise() -> None:
    """A gradient far below epsilon moves its parameter far less than the learning rate."""
    method = small(start=Start(epsilon=1e-5))
    optimizer, _ = method.configure_optimizers()
    bias = method.generator.scores.bias
    before = bias.detach().clone()
    for _ in range(20):  # past the steps that RAdam takes without its denominator
        for parameter in method.generator.parameters():
            parameter.grad = torch.zeros_like(parameter)
        bias.grad = torch.tensor([1e-9, *[1e-2] * (len(bias) - 1)])
        optimizer.step()
    moved = (bias.detach() - before).abs()
    assert moved[0] < 1e-3 * moved[1]


@pytest.mark.parametrize("heads", [4, 8])
def test_heads_that_start_at_neighbours_attend_to_them(heads: int) -> None:
    """Read off from values that mark their places, head by head."""
    attention, size, places = Attention(128, heads), 128 // heads, 12
    look_at_neighbours(attention, gain=5.0)
    with torch.no_grad():
        attention.inputs.weight[256:] = torch.eye(128)
        attention.inputs.bias[256:] = 0
        attention.output.weight.copy_(torch.eye(128))
        attention.output.bias.zero_()
        codes = sinusoidal_positions(places, 128)[None]
        marks = torch.eye(places, size).repeat(1, heads)[None]
        weights = attention(codes, codes, marks)[0].view(places, heads, size)[..., :places]
    torch.testing.assert_close(weights.sum(-1), torch.ones(places, heads))
    for head in range(heads):
        offset = (-2, -1, 1, 2)[head % 4]
        for place in range(2, places - 2):
            assert weights[place, head].argmax() == place + offset
            assert weights[place, head].max() > (0.7 if heads == 4 else 0.5)


def test_starting_at_neighbours_turns_up_what_attention_adds() -> None:
    attention = Attention(8, 2)
    before, bias = attention.output.weight.clone(), attention.inputs.bias.clone()
    look_at_neighbours(attention, gain=5.0)
    assert torch.equal(attention.output.weight, 5 * before)
    assert torch.equal(attention.inputs.bias[16:], bias[16:])
    assert not attention.inputs.bias[:16].any()
