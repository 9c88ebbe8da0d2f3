import copy
import math
from typing import Any

import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from tests.trainer import fit
from textgan_bench.errors import UserError
from textgan_bench.losses.adversarial import max_gradient_penalty, one_hot_product
from textgan_bench.losses.relaxation import draw, gumbel_noise_like
from textgan_bench.methods import NAGAN
from textgan_bench.tokens import PAD, TokenBatch, length_mask

VOCAB_SIZE, MAX_LENGTH = 9, 6


def small(**changes: Any) -> NAGAN:
    torch.manual_seed(0)
    shape = {"width": 8, "blocks": 2, "heads": 2, "feed_forward": 8}
    sizes: dict[str, Any] = {**shape, "latent_dim": 4, "embedding_dim": 6}
    return NAGAN(VOCAB_SIZE, MAX_LENGTH, **{**sizes, **changes})


def batch(lengths: list[int]) -> TokenBatch:
    length = torch.tensor(lengths)
    ids = torch.randint(1, VOCAB_SIZE, (len(lengths), MAX_LENGTH))
    return TokenBatch(ids * length_mask(length, MAX_LENGTH), length)


def train(method: NAGAN, batches: list[TokenBatch], accelerator: str = "cpu") -> NAGAN:
    fit(method, batches, accelerator=accelerator)
    return method


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_sizes_are_those_of_table_12() -> None:
    method = NAGAN(4839, 32)
    assert parameters(method.generator) == pytest.approx(2.0e6, rel=0.03)
    assert parameters(method.discriminator) == pytest.approx(2.2e6, rel=0.03)


def test_lengths_are_drawn_from_the_training_lengths() -> None:
    method = train(small(), [batch([2, 2, 2, 5]), batch([2, 5, 5, 6]), batch([2, 2, 2, 2])])
    assert method.length_counts.tolist() == [0, 0, 8, 0, 0, 3, 1]
    drawn = torch.bincount(method.sample(6000).lengths, minlength=7)
    assert drawn[[0, 1, 3, 4]].sum() == 0
    assert stats.chisquare(drawn[[2, 5, 6]].numpy(), [4000, 1500, 500]).pvalue > 1e-3


def test_an_untrained_model_knows_no_lengths() -> None:
    with pytest.raises(UserError, match="lengths"):
        small().sample(1)


def test_samples_are_the_argmax_of_the_average_without_noise() -> None:
    method = small()
    method.length_counts[4] = 1
    torch.manual_seed(1)
    samples = method.sample(5, dropout=0.0)
    torch.manual_seed(1)
    lengths = torch.multinomial(method.length_counts, 5, replacement=True)
    mask = length_mask(lengths, 4)
    scores = method.average(torch.randn(5, 4, 4), mask, 0.0)
    assert torch.equal(samples.ids[:, :4][mask], scores.argmax(-1) + 1)
    assert (samples.ids[:, 4:] == PAD).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_argmax_of_scores_has_the_law_of_the_latents_noise(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores are means and normal noise here, so that a word's probability is an integral."""
    method = small(latent_dim=VOCAB_SIZE - 1).to(dtype)
    method.length_counts[MAX_LENGTH] = 1
    means = torch.tensor([0.0, 0.5, -1.0, -2.0, 1.0, -2.4, -2.3, 0.2], dtype=dtype)
    monkeypatch.setattr(method.average, "forward", lambda z, mask, dropout: means + z[mask])
    n = 20_000
    torch.manual_seed(1)
    drawn = method.sample(n // MAX_LENGTH).ids.ravel() - 1
    counts = torch.bincount(drawn, minlength=len(means))
    assert drawn.min() >= 0

    def probability(word: int) -> float:
        others = [float(mean) for i, mean in enumerate(means) if i != word]

        def density(x: float) -> float:
            below = math.prod(stats.norm.cdf(x - mean) for mean in others)
            return float(stats.norm.pdf(x - float(means[word]))) * below

        return float(integrate.quad(density, -8, 8)[0])

    law = [probability(word) for word in range(len(means))]
    assert sum(law) == pytest.approx(1, abs=1e-6)
    assert 5 < min(law) * len(drawn) < 50, "the rarest word is a tail"
    expected = [p * len(drawn) / sum(law) for p in law]
    assert stats.chisquare(counts.numpy(), expected).pvalue > 1e-3


def test_dropout_stays_at_inference_and_is_the_knob() -> None:
    method = small().eval()
    mask, z = length_mask(torch.full((64,), 6), 6), torch.randn(64, 6, 4)
    one, two = (method.average(z, mask, 0.25) for _ in range(2))
    assert not torch.equal(one, two)
    assert torch.equal(method.average(z, mask, 0.0), method.average(z, mask, 0.0))
    method.length_counts[6] = 1
    torch.manual_seed(1)
    default = method.sample(32)
    torch.manual_seed(1)
    assert torch.equal(default.ids, method.sample(32, dropout=0.25).ids)
    torch.manual_seed(1)
    assert not torch.equal(default.ids, method.sample(32, dropout=0.0).ids)


def test_sentences_are_drawn_at_the_dropout_of_inference() -> None:
    method = small(dropout=0.2, inference_dropout=0.4)
    method.length_counts[3] = 1
    torch.manual_seed(1)
    default = method.sample(32)
    for rate, same in ((0.4, True), (0.2, False)):
        torch.manual_seed(1)
        assert torch.equal(default.ids, method.sample(32, dropout=rate).ids) == same


def test_gumbel_noise_is_added_in_training_only() -> None:
    method = small(dropout=0.0)
    mask = length_mask(torch.tensor([3]), 3)
    torch.manual_seed(1)
    noisy = method.generator.write(mask, 0.0, training=True)
    torch.manual_seed(1)
    clean = method.generator(torch.randn(1, 3, 4), mask, 0.0)
    assert not torch.equal(noisy, clean)
    assert 0.3 < (noisy - clean).std() < 3


def test_fakes_drawn_without_noise_follow_the_law_of_the_noisy_argmax() -> None:
    torch.manual_seed(0)
    scores = (2 * torch.randn(30)).expand(20_000, -1)
    noisy = (scores + gumbel_noise_like(torch.empty(20_000, 30))).argmax(-1)
    counts = [torch.bincount(words, minlength=30) for words in (draw(scores), noisy)]
    often = sum(counts) >= 20
    assert stats.chi2_contingency(torch.stack(counts)[:, often]).pvalue > 1e-3


@pytest.mark.parametrize("length", [1, 3])
def test_padding_changes_neither_words_nor_score(length: int) -> None:
    method = small().double()
    lengths = torch.tensor([length])
    z = torch.randn(1, 6, 4, dtype=torch.float64)
    long = method.generator(z, length_mask(lengths, 6), 0.0)
    short = method.generator(z[:, :length], length_mask(lengths, length), 0.0)
    torch.testing.assert_close(long, short, rtol=0, atol=1e-12)
    embedded = torch.randn(1, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(
        method.discriminator(embedded, lengths),
        method.discriminator(embedded[:, :length], lengths),
        rtol=0,
        atol=1e-12,
    )


def test_average_follows_its_closed_form() -> None:
    method = small(averaging=0.5)
    start = [p.clone() for p in method.average.parameters()]
    values: list[list[Tensor]] = []
    for step in range(3):
        with torch.no_grad():
            for p in method.generator.parameters():
                p.add_(step + 1.0)
        values.append([p.detach().clone() for p in method.generator.parameters()])
        method._average_parameters()
    expected = start
    for value in values:
        expected = [0.5 * e + 0.5 * v for e, v in zip(expected, value, strict=True)]
    torch.testing.assert_close(list(method.average.parameters()), expected)


def test_l2_of_the_discriminator_is_decoupled() -> None:
    method = small(discriminator_lr=0.1, discriminator_l2=0.5)
    _, optimizer = method.configure_optimizers()
    weight = method.discriminator.get_parameter("projection.weight")
    before = weight.detach().clone()
    for parameter in method.discriminator.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close(weight.detach(), before * (1 - 0.1 * 0.5))


@pytest.mark.parametrize(
    ("still", "changes"),
    [
        ("generator", {"generator_lr": 0.0}),
        ("discriminator", {"discriminator_lr": 0.0, "discriminator_l2": 0.0}),
    ],
)
def test_each_player_is_moved_by_its_own_loss_alone(still: str, changes: dict[str, float]) -> None:
    method = small(**changes)
    before = copy.deepcopy(method.state_dict())
    train(method, [batch([3, 4])])
    for player in ("generator", "discriminator"):
        for name, value in method.get_submodule(player).named_parameters(prefix=player):
            assert torch.equal(value, before[name]) == (player == still), name
    assert all(parameter.requires_grad for parameter in method.discriminator.parameters())


@pytest.mark.gpu
def test_a_gpu_computes_the_losses_of_the_cpu() -> None:
    method = small().double()
    lengths, embedded = torch.tensor([3, 6]), torch.randn(2, 6, 6, dtype=torch.float64)
    product = one_hot_product(method.discriminator.words)
    penalty = max_gradient_penalty(method.discriminator, embedded, lengths, product)
    scores = method.discriminator(embedded, lengths)
    method.cuda()
    on_gpu = max_gradient_penalty(
        method.discriminator, embedded.cuda(), lengths.cuda(), product.cuda()
    )
    torch.testing.assert_close(on_gpu.cpu(), penalty, rtol=1e-9, atol=0)
    scores_on_gpu = method.discriminator(embedded.cuda(), lengths.cuda())
    torch.testing.assert_close(scores_on_gpu.cpu(), scores, rtol=1e-9, atol=0)


@pytest.mark.gpu
def test_a_gpu_trains_and_samples() -> None:
    method = train(small(), [batch([3, 6])] * 3, accelerator="gpu").cuda()
    assert all(parameter.isfinite().all() for parameter in method.parameters())
    assert method.sample(4).ids.device.type == "cuda"
