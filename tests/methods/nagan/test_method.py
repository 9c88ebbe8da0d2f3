import copy
from contextlib import nullcontext

import pytest
import pytorch_lightning as pl
import torch
from scipy import stats
from torch import Tensor, nn
from torch.utils.data import DataLoader

from textgan_bench.functional.adversarial import max_gradient_penalty
from textgan_bench.functional.relaxation import gumbel_noise_like
from textgan_bench.functional.shapes import fixed_shapes
from textgan_bench.methods import NAGAN
from textgan_bench.methods.nagan.cooccurrence import neighbour_counts, word_vectors
from textgan_bench.networks.autoregressive import draw
from textgan_bench.tokens import PAD, TokenBatch, length_mask

VOCAB_SIZE, MAX_LENGTH = 9, 6


def small(**changes: float) -> NAGAN:
    torch.manual_seed(0)
    shape = {"width": 8, "blocks": 2, "heads": 2, "feed_forward": 8, "latent_dim": 4}
    return NAGAN(VOCAB_SIZE, MAX_LENGTH, **{**shape, "embedding_dim": 6, **changes})  # type: ignore[arg-type]


def batch(lengths: list[int]) -> TokenBatch:
    length = torch.tensor(lengths)
    ids = torch.randint(1, VOCAB_SIZE, (len(lengths), MAX_LENGTH))
    return TokenBatch(ids * length_mask(length, MAX_LENGTH), length)


def train(method: NAGAN, batches: list[TokenBatch], accelerator: str = "cpu") -> NAGAN:
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator=accelerator,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(method, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]
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


def test_first_scores_vary_by_score_std_around_the_stretched_log_frequencies() -> None:
    batches = [batch([6] * 200) for _ in range(3)]
    counts = torch.bincount(torch.cat([b.ids.flatten() for b in batches]), minlength=VOCAB_SIZE)
    method = train(small(score_std=5.0, generator_lr=0.0), batches)
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
    generator.calibrate(counts, mask, 0.1)
    scores = generator(torch.randn(200, 20, 64), mask, 0.1)
    law = counts / counts.sum()
    for drawn in (scores, scores + gumbel_noise_like(scores)):
        used = torch.bincount(drawn.argmax(-1), minlength=500) / len(drawn)
        uniform = 0.5 * (law - 1 / 500).abs().sum()
        assert 0.5 * (law - used).abs().sum() < 0.5 * uniform


def test_words_of_like_neighbours_start_alike_to_both_players() -> None:
    batches = [batch([2, 4, 6]) for _ in range(20)]
    still = {"generator_lr": 0.0, "discriminator_lr": 0.0, "discriminator_l2": 0.0}
    method = train(small(vector_start=True, embedding_scale=4.0, **still), batches)
    counts = neighbour_counts((b.ids for b in batches), VOCAB_SIZE)
    torch.testing.assert_close(method.discriminator.embedding.table, word_vectors(counts, 6))
    # Rows that are projections of six-dimensional vectors: eight random ones would not be.
    vectors = word_vectors(counts, 6)[PAD + 1 :]
    for player in (method.generator, method.average):
        found = player.scores.weight.detach()
        projected = vectors @ torch.linalg.lstsq(vectors, found).solution
        torch.testing.assert_close(projected, found, rtol=0, atol=1e-4)
    weight = torch.randn(VOCAB_SIZE - 1, 2)
    method.generator.scores.weight = nn.Parameter(weight)
    size = weight.std().item()
    vectors = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).repeat(4, 1)
    method.generator.start_at(vectors)
    score = method.generator.scores.weight
    assert score.std().item() == pytest.approx(size, rel=1e-5)
    assert torch.equal(score[0], score[2])
    assert not torch.equal(score[0], score[1])


def test_starts_and_the_warm_up_reach_both_players() -> None:
    plain, method = small(), small(neighbour_start=True, generator_warm_up=7)
    for player in ("generator", "discriminator"):
        name = "positional_attention" if player == "generator" else "self_attention"
        for before, block in zip(
            getattr(plain, player).blocks, getattr(method, player).blocks, strict=True
        ):
            gained = getattr(block, name).output.weight / getattr(before, name).output.weight
            gain = 4.0 if player == "generator" else 3.0
            torch.testing.assert_close(gained, torch.full_like(gained, gain))
    assert [optimizer.warm_up for optimizer in method.configure_optimizers()] == [7, 0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("rate", "held"), [(0.0, False), (0.1, True)])
def test_words_that_fell_out_of_use_come_back(rate: float, held: bool) -> None:
    torch.manual_seed(0)
    method = NAGAN(51, 20, width=32, blocks=1, embedding_dim=8, dropout=0.1, frequency_rate=rate)
    generator = method.generator
    counts = 10_000 / torch.arange(1, 51)
    mask = length_mask(torch.full((100,), 20), 20)
    generator.calibrate(counts, mask, 0.1)
    with torch.no_grad():
        generator.scores.bias[10:].sub_(30)
    for _ in range(500):
        generator.fake(mask, 0.1, method.discriminator.embedding)
    words = generator.write(mask, 0.1, training=False).argmax(-1)
    used = torch.bincount(words, minlength=50)
    distance = 0.5 * (used / used.sum() - counts / counts.sum()).abs().sum()
    assert (distance < 0.1) == held
    assert bool(used[10:].any()) == held


def test_padding_does_not_count_as_written() -> None:
    lengths = torch.tensor([2, 5, 6])
    method = small(frequency_rate=0.05)
    mask = length_mask(lengths, MAX_LENGTH)
    for shapes in (nullcontext(), fixed_shapes()):
        written = method.generator.get_buffer("written").zero_()
        with shapes:
            method.generator.fake(mask, 0.1, method.discriminator.embedding)
        assert written.sum().item() == pytest.approx(lengths.sum().item(), rel=1e-6)


def test_words_are_held_by_the_expected_counts_of_drawn_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Against the softmax written out; the counts of the argmax would be whole numbers."""
    method = small(frequency_rate=0.05)
    generator, mask = method.generator, length_mask(torch.tensor([2, 3]), MAX_LENGTH)
    scores = torch.randn(5, method.vocab_size - 1)
    generator.get_buffer("frequencies").fill_(1 / scores.shape[1])
    written = generator.get_buffer("written").zero_()
    before = generator.scores.bias.detach().clone()
    monkeypatch.setattr(generator, "forward", lambda *arguments: scores)
    generator.fake(mask, 0.1, method.discriminator.embedding)
    counts = (scores.exp() / scores.exp().sum(1, keepdim=True)).sum(0)
    torch.testing.assert_close(written, counts)
    lack = ((5 / scores.shape[1] + 0.1) / (counts + 0.1)).log()
    torch.testing.assert_close(generator.scores.bias, before + 0.05 * lack)


@pytest.mark.parametrize(("gain", "together"), [(1.0, False), (16.0, True)])
def test_the_latent_gain_lets_the_words_of_a_sentence_agree(gain: float, together: bool) -> None:
    """Whether a word answers more to the latents of others than to its own."""
    torch.manual_seed(0)
    generator = NAGAN(501, 20, width=64, blocks=2, embedding_dim=8, latent_gain=gain).generator
    mask = length_mask(torch.full((100,), 20), 20)
    z = torch.randn(100, 20, 64)
    own, others = z.clone(), torch.randn(100, 20, 64)
    own[:, 5], others[:, 5] = torch.randn(100, 64), z[:, 5]
    scores, by_own, by_others = (
        generator(latents, mask, 0.0).view(100, 20, -1)[:, 5] for latents in (z, own, others)
    )
    assert ((by_others - scores).square().mean() > (by_own - scores).square().mean()) == together


def test_rare_words_of_the_generator_are_not_moved_by_noise() -> None:
    """A gradient far below epsilon moves its parameter far less than the learning rate."""
    method = small()
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


def test_an_untrained_model_knows_no_lengths() -> None:
    with pytest.raises(RuntimeError, match="lengths"):
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
    for t, value in enumerate(values, 1):
        gamma = min(0.5, (1 + t) / (4 + t))
        expected = [gamma * e + (1 - gamma) * v for e, v in zip(expected, value, strict=True)]
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


def test_each_player_is_moved_by_its_own_loss_alone() -> None:
    method = small()
    before = copy.deepcopy(method.generator.state_dict())
    method.generator_lr = 0.0
    train(method, [batch([3, 4])])
    for name, value in method.generator.named_parameters():
        assert name.startswith("scores.") or torch.equal(value, before[name])
    assert all(parameter.requires_grad for parameter in method.discriminator.parameters())


@pytest.mark.gpu
def test_a_gpu_computes_the_losses_of_the_cpu() -> None:
    method = small().double()
    lengths, embedded = torch.tensor([3, 6]), torch.randn(2, 6, 6, dtype=torch.float64)
    penalty = max_gradient_penalty(method.discriminator, embedded, lengths)
    scores = method.discriminator(embedded, lengths)
    method.cuda()
    on_gpu = max_gradient_penalty(method.discriminator, embedded.cuda(), lengths.cuda())
    torch.testing.assert_close(on_gpu.cpu(), penalty, rtol=1e-9, atol=0)
    scores_on_gpu = method.discriminator(embedded.cuda(), lengths.cuda())
    torch.testing.assert_close(scores_on_gpu.cpu(), scores, rtol=1e-9, atol=0)


@pytest.mark.gpu
def test_a_gpu_trains_and_samples() -> None:
    method = train(small(), [batch([3, 6])] * 3, accelerator="gpu").cuda()
    assert all(parameter.isfinite().all() for parameter in method.parameters())
    assert method.sample(4).ids.device.type == "cuda"
