import math
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor, nn

from tests.boring import BoringData
from tests.methods.test_mle import sentence_probabilities
from tests.trainer import fit, loader
from textgan_bench.losses.likelihood import drawn_mask
from textgan_bench.methods import ScratchGAN
from textgan_bench.methods.scratchgan import cosine_positions
from textgan_bench.tokens import pad_sequences

VOCAB_SIZE, MAX_LENGTH = 3, 2
SENTENCES = [s for n in range(MAX_LENGTH + 1) for s in product((1, 2), repeat=n)]


def small(**changes: Any) -> ScratchGAN:
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "hidden": 6,
        "fixed": 2,
        "learnt": 3,
        "embedding_dropout": 0.0,
        **changes,
    }
    return ScratchGAN(VOCAB_SIZE, MAX_LENGTH, **settings)


def step(method: ScratchGAN, n: int, monkeypatch: pytest.MonkeyPatch) -> list[list[Tensor]]:
    """Gradients of the losses of generator and discriminator in one training step."""
    gradients = []
    players = [method.generator, method.discriminator]

    def record(loss: Tensor, player: nn.Module) -> None:
        gradients.append(list(torch.autograd.grad(loss, list(player.parameters()))))

    monkeypatch.setattr(method, "optimizers", lambda: players)
    monkeypatch.setattr(method, "descend", record)
    monkeypatch.setattr(method, "log_losses", lambda losses: None)
    method.training_step(pad_sequences([[1, 2]] * n), 0)
    return gradients


def test_the_generator_follows_the_gradient_of_the_expected_reward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Samples of a training step against all strings of the language of three symbols."""
    method = small(discount=1.0, baseline_decay=1.0).double()
    for module in (method.generator.output, method.discriminator):  # far from uniform and from 1/2
        for parameter in module.parameters():
            parameter.data.mul_(3)
    batch = pad_sequences(SENTENCES, MAX_LENGTH)
    with torch.no_grad():
        judged = torch.sigmoid(method.discriminator(batch.ids))
    rewards = ((2 * judged - 1) * drawn_mask(batch.lengths, MAX_LENGTH)).sum(1)
    expected_reward = (method.generator(batch).sum(1).neg().exp() * rewards).sum()
    generator = list(method.generator.parameters())
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(-expected_reward, generator)])
    sampled, _ = step(method, 40_000, monkeypatch)
    estimate = torch.cat([g.flatten() for g in sampled])
    assert exact.norm() > 0.02
    assert (estimate - exact).norm() < 0.1 * exact.norm()


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_samples_follow_the_likelihood_at_a_temperature(temperature: float) -> None:
    method, n = small(), 20_000
    for parameter in method.generator.parameters():  # far from uniform, so that prefixes matter
        parameter.data.mul_(2)
    ids, lengths = method.sample(n, temperature=temperature)
    counts = Counter(tuple(r[:k]) for r, k in zip(ids.tolist(), lengths.tolist(), strict=True))
    p = torch.tensor(sentence_probabilities(method.generator, temperature), dtype=torch.float64)
    assert float(p.sum()) == pytest.approx(1, rel=1e-5)
    expected = n * p / p.sum()
    assert expected.min() > 5  # or the chi-square law would not hold
    assert chisquare([counts[sentence] for sentence in SENTENCES], expected).pvalue > 1e-3


def test_the_baseline_is_a_moving_average_of_the_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    method = small(baseline_decay=0.25, discount=0.5)
    for parameter in method.discriminator.score.parameters():
        parameter.data.zero_()
    method.discriminator.score.bias.data.fill_(math.log(3))  # D = 3/4, r = 1/2 at each symbol
    method.generator.output.bias.data[0] = -100.0  # sentences of two words, returns 3/4 and 1/2
    step(method, 4, monkeypatch)
    assert method.baseline.item() == pytest.approx(0.75 * 0.625)


def test_the_discriminators_loss_is_half_a_cross_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    method = small()
    for parameter in method.discriminator.score.parameters():
        parameter.data.zero_()
    method.generator.output.bias.data[0] = -100.0
    losses = []
    monkeypatch.setattr(method, "optimizers", lambda: [None, None])
    monkeypatch.setattr(method, "descend", lambda loss, optimizer: losses.append(loss.item()))
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    method.training_step(pad_sequences([[1, 2]] * 4), 0)
    assert losses[1] == pytest.approx(math.log(2))


def test_the_discriminator_sees_only_what_was_written_before() -> None:
    method = ScratchGAN(5, 4, hidden=6, fixed=2, learnt=3).eval()
    scores = method.discriminator(torch.tensor([[1, 2, 3, 4], [1, 2, 4, 3]]))
    torch.testing.assert_close(scores[0, :2], scores[1, :2])
    assert (scores[0, 2] - scores[1, 2]).abs() > 1e-3


def test_position_signals_are_those_of_the_authors_code() -> None:
    """Shifted half waves: signal k of position t is cos(pi (t / period_k + 2 k / 7))."""
    signals = cosine_positions(20)
    assert signals.shape == (20, 8)
    for t, k in ((0, 0), (0, 1), (7, 3), (19, 7)):
        period = 2 * 10 ** (k / 7)  # from 2 to 20
        expected = math.cos(math.pi * (t / period + 2 * k / 7))
        assert signals[t, k].item() == pytest.approx(expected, abs=1e-5)


def test_the_slowest_position_signal_tells_all_places_apart() -> None:
    slowest = cosine_positions(20)[:, -1]
    assert (slowest.diff() < 0).all()


def test_discriminator_has_the_size_of_table_12() -> None:
    """Huang et al. (2021), 2.3 million, which leaves out the word vectors."""
    discriminator = ScratchGAN(50, 32).discriminator
    words = sum(parameter.numel() for parameter in discriminator.words.parameters())
    size = sum(parameter.numel() for parameter in discriminator.parameters()) - words
    assert size == pytest.approx(2.3e6, rel=0.03)


def test_word_vectors_of_a_file_are_read_before_training(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("man 1 2\n", encoding="utf-8")
    method = ScratchGAN(6, 4, hidden=4, fixed=2, learnt=1, glove=str(path))
    method._trainer = type("Trainer", (), {"world_size": 1, "datamodule": BoringData()})()
    method.setup("fit")
    for player in (method.generator, method.discriminator):
        assert player.words.fixed[2].tolist() == [1, 2]
        assert not player.words.fixed.requires_grad


def test_words_and_ends_start_at_their_frequencies_if_asked(tmp_path: Path) -> None:
    batches = [pad_sequences([[1], [1, 2], [1, 1]], MAX_LENGTH)]  # one end is drawn
    method = small(unigram_start=True, generator_lr=0.0)
    bias = method.generator.output.bias
    trainer = fit(method, batches)
    expected = torch.tensor([1 + 0.5, 4 + 0.5, 1 + 0.5])
    torch.testing.assert_close(bias.softmax(0), expected / expected.sum())
    bias.data.fill_(7.0)  # a training that goes on keeps what it has learnt
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    trainer.fit_loop.max_epochs = 2
    trainer.fit(method, loader(batches), ckpt_path=tmp_path / "last.ckpt")
    assert trainer.current_epoch == 2
    assert bias.tolist() == [7.0] * 3
    untouched = small(generator_lr=0.0)
    fit(untouched, batches)
    assert untouched.generator.output.bias.tolist() == [0.0] * 3
