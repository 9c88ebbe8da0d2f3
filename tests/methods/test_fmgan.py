from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from tests.methods.small import SMALL
from tests.methods.test_contract import corpus, frequencies, law, total_variation, unigram_law
from tests.trainer import fit
from textgan_bench.errors import UserError
from textgan_bench.losses.likelihood import drawn_mask, normal_kl
from textgan_bench.losses.transport import feature_movers_distance, sinkhorn_divergence
from textgan_bench.methods import FMGAN
from textgan_bench.methods.fmgan import StridedCNN
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.tokens import TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 6, 4


def small(**changes: Any) -> FMGAN:
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "embedding": 6,
        "hidden": 5,
        "latent_dim": 3,
        "filters": 4,
        "features": 7,
        "generator_steps": 1,
        **changes,
    }
    method = FMGAN(VOCAB_SIZE, MAX_LENGTH, **settings).double()
    for parameter in (method.generator.predict.weight, method.generator.bias):
        nn.init.normal_(parameter)  # far from uniform, so that prefixes and latents matter
    return method


@pytest.mark.parametrize("max_length", [1, 2, 4, 20, 32, 40, 52])
def test_features_are_those_of_loops_over_places(max_length: int) -> None:
    """Sentences as short as one word under filters of five, in the tables' lengths and less."""
    torch.manual_seed(0)
    network = StridedCNN(max_length, embedding=3, filters=2, features=4).double()
    for steps in {1, max_length}:
        words = torch.randn(2, steps, 3, dtype=torch.float64)
        padding = torch.randn(3, dtype=torch.float64)
        for sentence, found in zip(words, network(words, padding), strict=True):
            places = [padding] * 4 + [*sentence]
            places += [padding] * (max(max_length + 1, 5) + 4 - steps)
            for layer in (network.first, network.second):
                starts = range(0, len(places) - 4, 2)
                places = [convolve(layer, places[s : s + 5]).relu() for s in starts]
            expected = convolve(network.last, places).tanh()
            torch.testing.assert_close(found, expected)


def convolve(layer: nn.Conv1d, places: list[Tensor]) -> Tensor:
    assert layer.kernel_size == (len(places),)
    assert layer.bias is not None
    return layer.bias + sum(layer.weight[:, :, i] @ vector for i, vector in enumerate(places))


def test_every_word_of_the_longest_sentence_counts() -> None:
    method = small()
    batch = pad_sequences([[1, 2, 3, 4]])
    features = method.discriminator.of_text(batch)
    for place in range(4):
        ids = batch.ids.clone()
        ids[0, place] = 5
        other = method.discriminator.of_text(TokenBatch(ids, batch.lengths))
        assert not torch.allclose(features, other)


def test_players_have_the_sizes_of_table_12() -> None:
    """Huang et al. (2021): 1.7 and 3.8 million, on captions of the code's 50 words at most."""
    method = FMGAN(4_839, 50)
    sizes = [
        sum(parameter.numel() for parameter in player.parameters())
        for player in (method.generator, method.discriminator)
    ]
    assert sizes == pytest.approx([1.7e6, 3.8e6], rel=0.03)


def one_hot(batch: TokenBatch) -> Tensor:
    return torch.nn.functional.one_hot(batch.ids, VOCAB_SIZE).double()


def test_hard_soft_sentences_have_the_features_of_text() -> None:
    method = small()
    batch = pad_sequences([[1, 2], [3, 4, 5, 1], []], MAX_LENGTH)
    discriminator = method.discriminator
    expected = discriminator.of_text(batch)
    torch.testing.assert_close(discriminator.of_soft(one_hot(batch)), expected)
    torch.testing.assert_close(discriminator.of_soft(one_hot(batch)[:2, :3])[0], expected[0])


def by_hand(method: FMGAN, latent: Tensor, read: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Scores of each place, from the gates of the LSTM; ``read`` turns them into a word vector."""
    generator, table = method.generator, method.generator.words()
    lstm, told = generator.lstm, method.generator.start(latent)
    weight_ih, weight_hh, bias_ih, bias_hh = lstm.parameters()
    hidden, cell, vector = torch.zeros_like(told), told, table[0]
    found = []
    for _ in range(MAX_LENGTH):
        gates = weight_ih @ torch.cat([vector, told]) + weight_hh @ hidden + bias_ih + bias_hh
        entry, forget, new, out = gates.chunk(4)
        cell = forget.sigmoid() * cell + entry.sigmoid() * new.tanh()
        hidden = out.sigmoid() * cell.tanh()
        scores = table @ (generator.predict.weight @ hidden) + generator.bias
        found.append(scores)
        vector = read(scores)
    return found


def following(vectors: Tensor) -> Callable[[Tensor], Tensor]:
    """Reads ``vectors`` one after the other, whatever the scores."""
    rest = iter(vectors)
    return lambda _: next(rest)


def test_sentences_are_written_by_the_likeliest_words_and_end_at_padding() -> None:
    method = small()
    method.generator.bias.data[0] = 1.0  # sentences of all lengths
    latents = 3 * torch.randn(200, 3, dtype=torch.float64)
    ids, lengths = method.generator.write(latents, 0.0)
    assert set(lengths.tolist()) == set(range(MAX_LENGTH + 1))
    table = method.generator.words()
    for latent, row, length in zip(latents, ids.tolist(), lengths.tolist(), strict=True):
        scores = by_hand(method, latent, lambda scores: table[scores.argmax()])
        words = [int(place.argmax()) for place in scores]
        end = words.index(0) if 0 in words else MAX_LENGTH
        assert row == words[:end] + [0] * (MAX_LENGTH - end)
        assert length == end


def test_soft_words_are_read_as_mean_vectors_and_padding_follows_the_end() -> None:
    method = small()
    method.generator.bias.data[0] = 1.0
    latents = 3 * torch.randn(40, 3, dtype=torch.float64)
    symbols = method.generator.soften(latents, sharpness=2.0)  # (B, T, V)
    table = method.generator.words()
    lengths = []
    for latent, found in zip(latents, symbols, strict=True):
        scores = by_hand(method, latent, lambda scores: (2 * scores).softmax(0) @ table)
        ends = [int(place.argmax()) == 0 for place in scores]
        length = ends.index(True) if True in ends else MAX_LENGTH
        lengths.append(length)
        for t, symbol in enumerate(found):
            expected = (2 * scores[t]).softmax(0) if t <= length else torch.eye(6).double()[0]
            torch.testing.assert_close(symbol, expected)
    assert min(lengths) < MAX_LENGTH
    assert symbols.shape == (40, min(max(lengths) + 1, MAX_LENGTH), VOCAB_SIZE)


def test_sharp_soft_sentences_are_those_that_are_written() -> None:
    method = small(latent_dim=8)
    latents = torch.randn(50, 8, dtype=torch.float64)
    ids = method.generator.soften(latents, sharpness=1e6).argmax(-1)
    written = method.generator.write(latents, 0.0).ids[:, : ids.shape[1]]
    torch.testing.assert_close(ids, written)


def test_likelihood_given_a_latent_is_a_distribution_that_samples_follow() -> None:
    torch.manual_seed(0)
    method = FMGAN(3, 2, embedding=4, hidden=3, latent_dim=2, filters=2, features=2).double()
    nn.init.normal_(method.generator.predict.weight)
    sentences = pad_sequences([[], [1], [2], [1, 1], [1, 2], [2, 1], [2, 2]], 2)
    latent = torch.randn(1, 2, dtype=torch.float64)
    p = (-method.generator(latent.expand(7, -1), sentences).sum(1)).exp()
    torch.testing.assert_close(p.sum(), torch.ones((), dtype=torch.float64))
    written = method.generator.write(latent.expand(20_000, -1), 1.0)
    shares = [(written.ids == row).all(1).double().mean() for row in sentences.ids]
    torch.testing.assert_close(torch.stack(shares), p, rtol=0, atol=0.015)


def test_kl_is_that_of_torch() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    posterior = Normal(mean, (log_variance / 2).exp())
    expected = kl_divergence(posterior, Normal(torch.zeros(5, 3), torch.ones(5, 3)))
    torch.testing.assert_close(normal_kl(mean, log_variance), expected)


class Played:
    """The losses of batches, with the player that each moves."""

    def __init__(self, method: FMGAN, monkeypatch: pytest.MonkeyPatch) -> None:
        self.method = method
        self.turns: list[str] = []
        self.losses: list[Tensor] = []
        players = ["generator", "discriminator", "autoencoder"]
        monkeypatch.setattr(
            method, "optimizers", lambda: players[: 2 + (method.encoder is not None)]
        )
        monkeypatch.setattr(method, "descend", self._note)
        monkeypatch.setattr(method, "log_losses", lambda losses: None)
        self.monkeypatch = monkeypatch

    def _note(self, loss: Tensor, player: str) -> None:
        self.turns.append(player)
        self.losses.append(loss)

    def batch(self, number: int, batch: TokenBatch) -> None:
        self.monkeypatch.setattr(FMGAN, "batches_done", number)
        self.method.training_step(batch, 0)


def test_the_first_phase_minimises_the_bound_on_the_likelihood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Mean over T places and over Z dimensions: both in nats, and by other code than the step."""
    method = small(pretraining=Pretraining(likelihood=1))
    played = Played(method, monkeypatch)
    batch = pad_sequences([[1, 2, 3], [4]], MAX_LENGTH)
    torch.manual_seed(3)
    played.batch(0, batch)
    torch.manual_seed(3)
    noise = torch.randn(2, 3, dtype=torch.float64)
    table = method.generator.words()
    assert method.encoder is not None
    features = method.encoder.features(table[batch.ids], table[0]).relu()
    moments = method.encoder.moments(method.encoder.hidden(features).relu())
    mean, deviation = moments[:, :3], (moments[:, 3:] / 2).exp()
    posterior = Normal(mean, deviation)
    bound = kl_divergence(posterior, Normal(0.0, 1.0)).sum() / 3
    for latent, row, length in zip(mean + noise * deviation, batch.ids, batch.lengths, strict=True):
        scores = by_hand(method, latent, following(table[row]))
        nll = torch.stack(
            [-place.log_softmax(0)[word] for place, word in zip(scores, row, strict=True)]
        )
        bound = bound + nll[drawn_mask(length[None], MAX_LENGTH)[0]].sum() / MAX_LENGTH
    assert played.turns == ["autoencoder"]
    torch.testing.assert_close(played.losses[0], bound / 2)
    assert (method.phase, method.updates_generator) == ("likelihood", True)


@pytest.mark.parametrize("distance", ["ipot", "sinkhorn"])
def test_players_pull_the_distance_of_features_both_ways(
    distance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = small(distance=distance)
    played = Played(method, monkeypatch)
    batch = pad_sequences([[1, 2, 3], [4], [5, 1]], MAX_LENGTH)
    torch.manual_seed(3)
    played.batch(0, batch)
    torch.manual_seed(3)
    fake = method.generator.soften(torch.randn(3, 3, dtype=torch.float64), method.sharpness)
    features = method.discriminator.of_soft(fake), method.discriminator.of_text(batch)
    expected = (
        feature_movers_distance(*features, beta=1.0, iterations=50)
        if distance == "ipot"
        else sinkhorn_divergence(*features, epsilon=1.0, iterations=40)
    )
    assert played.turns == ["discriminator", "generator"]
    torch.testing.assert_close(played.losses, [-expected, expected])
    own = [list(player.parameters()) for player in (method.discriminator, method.generator)]
    for loss, mine, sign in zip(played.losses, own, (-1, 1), strict=True):
        found = torch.autograd.grad(loss, mine)
        wanted = torch.autograd.grad(sign * expected, mine, retain_graph=True)
        torch.testing.assert_close(found, wanted)
    assert not any(p.grad_fn for p in method.parameters())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"discriminator_steps": 3}, ["d", "d", "dg", "d", "d", "dg"]),
        ({"generator_steps": 3}, ["g", "g", "dg", "g", "g", "dg"]),
        ({}, ["dg"] * 6),
    ],
)
def test_players_take_turns(
    options: dict[str, int], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    method = small(pretraining=Pretraining(likelihood=2, discriminator=1), **options)
    played = Played(method, monkeypatch)
    batch = pad_sequences([[1, 2], [3]], MAX_LENGTH)
    turns, phases, generator = [], [], []
    for number in range(9):
        played.turns.clear()
        played.batch(number, batch)
        turns.append("".join(player[0] for player in played.turns))
        phases.append(method.phase)
        generator.append(method.updates_generator)
    assert turns == ["a", "a", "d", *expected]
    assert phases == ["likelihood"] * 2 + ["discriminator"] + ["game"] * 6
    assert generator == [True, True, False, *("g" in turn for turn in expected)]


class Weights(pl.Callback):
    """The weights before training and after each batch."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Tensor]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen.append({n: p.detach().clone() for n, p in pl_module.named_parameters()})

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        self.on_train_start(trainer, pl_module)


def test_each_phase_moves_its_players_and_no_others() -> None:
    """Encoder and generator, then the discriminator, then both players of the game."""
    method = small(pretraining=Pretraining(likelihood=1, discriminator=1), sharpness=1.0).float()
    weights = Weights()
    batch = pad_sequences([[1, 2, 3, 4], [5, 3], [2]] * 5, MAX_LENGTH)
    fit(method, [batch] * 3, callbacks=[weights])
    expected = [{"encoder", "generator"}, {"discriminator"}, {"discriminator", "generator"}]
    for before, after, players in zip(weights.seen, weights.seen[1:], expected, strict=False):
        moved = {name for name in before if not torch.equal(before[name], after[name])}
        assert moved == {name for name in before if name.partition(".")[0] in players}


def test_without_likelihood_there_is_no_encoder() -> None:
    assert small().encoder is None
    assert small(pretraining=Pretraining(discriminator=5)).encoder is None
    assert len(small(pretraining=Pretraining(1)).configure_optimizers()) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": "energy"}, "distance=energy: choose one of ipot, sinkhorn"),
        ({"generator_steps": 2, "discriminator_steps": 3}, "one of them is 1"),
        ({"discriminator_steps": 0}, "one of them is 1"),
    ],
)
def test_what_cannot_be_played_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        small(**options)


@pytest.mark.slow
def test_the_game_alone_learns_a_sentence() -> None:
    """Without any likelihood, and with a discriminator that is slow enough."""
    torch.manual_seed(0)
    method = FMGAN(6, 4, **SMALL["FMGAN"])
    sentence = pad_sequences([[3, 1, 2]] * 64, 4)
    fit(method, [sentence] * 150)
    assert method.latest_losses["generator/distance"] < 0.01
    assert (method.eval().sample(200).ids == sentence.ids[0]).all(1).double().mean() > 0.9


@pytest.mark.slow
def test_the_decoder_of_latents_is_a_model_of_the_language_before_and_after_the_game() -> None:
    """Words drawn at temperature 1 from latents of the prior follow the law of the language."""
    settings = {**SMALL["FMGAN"], "pretraining_lr": 1e-2, "generator_lr": 1e-4}
    unigrams = total_variation(unigram_law(), law())
    for game in (0, 30):
        torch.manual_seed(0)
        method = FMGAN(6, 4, **settings, pretraining=Pretraining(likelihood=150))
        fit(method, [corpus(64) for _ in range(150 + game)])
        assert method.phase == ("game" if game else "likelihood")
        torch.manual_seed(1)
        drawn = method.eval().sample(2000, temperature=1.0)
        assert total_variation(frequencies(drawn), law()) < unigrams / 2
