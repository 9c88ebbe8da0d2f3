"""IRL against enumeration: gradients, returns, partition function; its reward by the formula."""

import math
from itertools import product

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.trainer import fit
from textgan_bench.errors import UserError
from textgan_bench.methods import IRL
from textgan_bench.methods.irl import partition_weights
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.tokens import TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 3, 2
SENTENCES: list[tuple[int, ...]] = [(), *product((1, 2)), *product((1, 2), repeat=2)]


def small(vocab_size: int = VOCAB_SIZE, max_length: int = MAX_LENGTH, **options: object) -> IRL:
    torch.manual_seed(3)
    sizes: dict[str, object] = {
        "embedding": 4,
        "hidden": 4,
        "layer": 5,
        "reward_embedding": 4,
        "reward_hidden": 5,
        "reward_layer": 6,
        "reward_dropout": 0.0,
        "minibatches": 1,
        "reward_steps": 1,
    }
    method = IRL(vocab_size, max_length, **sizes | options)  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in method.parameters():
            weight.normal_(std=0.7)  # at the start all sentences are alike
    return method


def of_all() -> TokenBatch:
    return pad_sequences([list(sentence) for sentence in SENTENCES], MAX_LENGTH)


def gradient(loss: Tensor, module: torch.nn.Module) -> Tensor:
    found = torch.autograd.grad(loss, [*module.parameters()])
    return torch.cat([part.flatten() for part in found])


class Kept:
    """Losses that a step was to descend on, the first with its gradient."""

    def __init__(self, method: IRL, monkeypatch: pytest.MonkeyPatch) -> None:
        self.losses: list[Tensor] = []

        def keep(loss: Tensor, optimizer: object, clip: float) -> None:
            assert clip == 5.0
            self.losses.append(loss)

        class Rate:
            optimizer = torch.optim.SGD(method.reward.parameters(), 1.0)

        monkeypatch.setattr(method, "optimizers", lambda: [None, None, Rate()])
        monkeypatch.setattr(method, "descend", keep)


def logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


def official_rewards(method: IRL, ids: list[int]) -> list[float]:
    """Of Irl_gen's ``Rewarder``, gate by gate, with the weights of ``method``."""
    w = {name: p.detach().double().numpy() for name, p in method.reward.named_parameters()}
    split = np.split(w["cells.weight_ih_l0"], 4), np.split(w["cells.weight_hh_l0"], 4)
    bias = np.split(w["cells.bias_ih_l0"] + w["cells.bias_hh_l0"], 4)
    units = len(bias[0])
    h, c = np.zeros(units), np.zeros(units)
    x = w["embedding.weight"][0]  # the start token
    found = []
    for symbol in ids:
        i, f, g, o = (
            u @ x + v @ h + b for u, v, b in zip(*split, bias, strict=True)
        )  # PyTorch's order of gates
        c = logistic(f) * c + logistic(i) * np.tanh(g)
        h = logistic(o) * np.tanh(c)
        state = np.maximum(w["layer.weight"] @ h + w["layer.bias"], 0)
        for k in range(2):
            change, gate = (
                np.split(w[f"highways.{k}.weight"], 2),
                np.split(w[f"highways.{k}.bias"], 2),
            )
            tran = np.maximum(change[0] @ state + gate[0], 0)
            opened = logistic(change[1] @ state + gate[1])
            state = tran * opened + (1 - opened) * state
        every = logistic(w["output.weight"] @ state + w["output.bias"])
        found.append(float(every[symbol]))
        x = w["embedding.weight"][symbol]
    return found


def test_rewards_are_those_of_the_official_formula() -> None:
    method = small(vocab_size=5, max_length=4).double()
    batch = pad_sequences([[1, 2, 3, 4], [4, 4], []], 4)
    rewards = method.reward(batch.ids)
    expected = [official_rewards(method, row) for row in batch.ids.tolist()]
    assert torch.allclose(rewards, torch.tensor(expected, dtype=torch.float64), atol=1e-12)
    assert rewards.max() - rewards.min() > 0.2


def test_dropout_falls_on_words_in_training_alone() -> None:
    method = small(reward_dropout=0.5, reward_embedding=200)
    ids = torch.tensor([[1, 2]] * 50)
    first, second = method.reward(ids).unbind(1)
    assert first.unique().numel() == 1, "the start is never dropped"
    assert second.unique().numel() > 40
    method.reward.eval()
    assert torch.equal(method.reward(ids), method.reward(ids))


def exact_reward_gradient(method: IRL, text: TokenBatch) -> Tensor:
    """grad (log Z - E R), where Z is a sum over all sentences there are."""
    log_partition = method.reward(of_all().ids).sum(1).logsumexp(0)
    return gradient(log_partition - method.reward(text.ids).sum(1).mean(), method.reward)


def test_weights_of_every_sentence_once_give_the_gradient_of_the_partition_function() -> None:
    method = small()
    text = pad_sequences([[1, 2], [2]], MAX_LENGTH)
    rewards = method.reward(of_all().ids).sum(1)
    weights = partition_weights(rewards.detach())  # as if drawn uniformly
    loss = (weights * rewards).sum() - method.reward(text.ids).sum(1).mean()
    exact = exact_reward_gradient(method, text)
    assert torch.allclose(gradient(loss, method.reward), exact, atol=1e-6)
    assert exact.norm() > 0.1


@pytest.mark.parametrize("n", [200, 20_000])
def test_the_importance_estimate_converges_to_the_gradient_of_the_likelihood(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the generator, as it knows its own likelihood."""
    method = small()
    kept = Kept(method, monkeypatch)
    text = pad_sequences([[1, 2], [2]] * (n // 2), MAX_LENGTH)
    monkeypatch.setattr("textgan_bench.methods.irl.REWARD_L2", 0.0)
    torch.manual_seed(0)
    method.explain(text, lr=0.1)
    exact = exact_reward_gradient(method, text)
    error = gradient(kept.losses[0], method.reward) - exact
    # Errors fall as 1 / sqrt(n): about 0.1 and 0.01 of the exact length.
    assert error.norm() < 3 / math.sqrt(n) * exact.norm()
    probabilities = method.log_prob(of_all()).exp()
    plain = (probabilities.detach() * method.reward(of_all().ids).sum(1)).sum()
    unweighted = gradient(plain - method.reward(text.ids).sum(1).mean(), method.reward)
    assert (unweighted - exact).norm() > 0.3 * exact.norm(), "q is far from p"


def test_before_the_game_all_samples_weigh_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    method = small().double()
    kept = Kept(method, monkeypatch)
    text = pad_sequences([[1, 2], [2], [1]], MAX_LENGTH)
    samples = pad_sequences([[2, 2], [], [1, 1]], MAX_LENGTH)
    monkeypatch.setattr(method.generator, "sample", lambda n, temperature: samples)
    method.phase = "discriminator"
    method.explain(text, lr=0.1)
    squares = sum(
        float(weight.detach().square().sum())
        for name, weight in method.reward.named_parameters()
        if name != "embedding.weight"
    )
    real, fake = (method.reward(batch.ids).sum(1).mean().item() for batch in (text, samples))
    assert kept.losses[0].item() == pytest.approx(fake - real + 1e-5 * squares / 2, rel=1e-9)


def expected_returns(method: IRL, batch: TokenBatch) -> Tensor:
    """(B, T) expected sums of rewards from each symbol on, over all ends and their padding."""
    every = of_all()
    with torch.no_grad():
        rewards = method.reward(every.ids)  # (7, T)
        nll: Tensor = method.generator(every)  # (7, T)
    returns = torch.zeros(batch.ids.shape)
    for row, (ids, length) in enumerate(
        zip(batch.ids.tolist(), batch.lengths.tolist(), strict=True)
    ):
        for t in range(min(length + 1, MAX_LENGTH)):
            if t == length or t + 1 == MAX_LENGTH:  # nothing is drawn any more
                own = SENTENCES.index(tuple(ids[:length]))
                returns[row, t] = rewards[own, t:].sum()
                continue
            for index, sentence in enumerate(SENTENCES):
                if sentence[: t + 1] == tuple(ids[: t + 1]):
                    probability = (-nll[index, t + 1 :].sum()).exp()
                    returns[row, t] += probability * rewards[index, t:].sum()
    return returns


def test_returns_are_the_mean_rewards_to_go_over_all_ends_of_a_prefix() -> None:
    method = small(rollouts=20_000)
    batch = of_all()
    torch.manual_seed(0)
    returns = method.returns(batch)
    assert method.reward.training
    # Each is a mean of 20,000 numbers in [0, 2]: its deviation is .007 at most.
    assert torch.allclose(returns, expected_returns(method, batch), atol=0.03)
    assert returns[0, 1] == 0, "after the end symbol nothing is chosen"


def test_returns_go_with_their_own_sentences() -> None:
    method = small(vocab_size=6, max_length=4, rollouts=4_000)
    batch = pad_sequences([[1, 2, 3, 4], [5], [], [4, 4, 1], [2, 5]], 4)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.manual_seed(0)
    returns = method.returns(batch)
    permuted = method.returns(TokenBatch(batch.ids[order], batch.lengths[order]))
    assert torch.allclose(returns[order], permuted, atol=0.1)
    others = (returns[:, None] - returns).abs().amax(-1) + torch.eye(5)
    assert others.min() > 0.2, "the sentences differ by more than two draws do"


@pytest.mark.parametrize("entropy", [0.0, 0.3, 1.0])
def test_the_expected_gradient_is_that_of_reward_and_weighted_entropy(
    entropy: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of - E_q R - w H(q), which for w = 1 is the divergence of q from p less log Z."""
    method = small(entropy=entropy)
    every = of_all()
    log_q = method.log_prob(every)
    assert float(log_q.detach().exp().sum()) == pytest.approx(1)
    with torch.no_grad():
        total = method.reward(every.ids).sum(1)
    objective = (log_q.exp() * (total - entropy * log_q)).sum()
    exact = gradient(-objective, method.generator)

    kept = Kept(method, monkeypatch)
    monkeypatch.setattr(method, "returns", lambda batch: expected_returns(method, batch))
    estimate = torch.zeros_like(exact)
    for sentence, probability in zip(SENTENCES, log_q.detach().exp(), strict=True):
        one = pad_sequences([list(sentence)], MAX_LENGTH)
        monkeypatch.setattr(method.generator, "sample", lambda n, temperature, one=one: one)
        method.play(1)
        estimate += probability * gradient(kept.losses[-1], method.generator) * MAX_LENGTH
    assert torch.allclose(estimate, exact, atol=1e-5)
    assert exact.norm() > 0.05


def test_all_sentences_of_a_round_are_drawn_before_its_first_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The loss of the second minibatch has the probabilities that it was drawn with."""
    method = small(entropy=0.5, minibatches=2)
    samples = pad_sequences([[1], [2, 1]], MAX_LENGTH)
    returns = torch.tensor([[1.5, 0.25], [0.125, 1.0]])
    monkeypatch.setattr(method.generator, "sample", lambda n, temperature: samples)
    monkeypatch.setattr(method, "returns", lambda batch: returns)
    monkeypatch.setattr(method, "optimizers", lambda: [None, None, None])
    old = method.log_probs(samples).detach()
    losses: list[float] = []

    def move(loss: Tensor, optimizer: object, clip: float) -> None:
        losses.append(loss.item())
        with torch.no_grad():
            for weight in method.generator.parameters():
                weight.add_(0.3)

    monkeypatch.setattr(method, "descend", move)
    method.play(2)
    with torch.no_grad():
        for weight in method.generator.parameters():
            weight.sub_(0.3)  # as they were at the second step
        new = method.log_probs(samples)
    expected = 0.0
    ratios = []
    for row, t in product(range(2), range(2)):
        entropy_to_go = -float(new[row, t:].sum())
        advantage = float(returns[row, t]) + 0.5 * entropy_to_go
        ratio = math.exp(float(new[row, t] - old[row, t]))
        ratios.append(ratio)
        expected -= min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage) / 4
    assert losses[1] == pytest.approx(expected, rel=1e-5)
    assert max(ratios) > 1.2
    assert min(ratios) < 0.8


class Moves(pl.Callback):
    """Phases, players that moved, and the reward model's learning rate, batch by batch."""

    def __init__(self, method: IRL) -> None:
        self.players = method.generator, method.reward
        self.before = self.weights()
        self.seen: list[tuple[str, bool, bool, bool]] = []
        self.rates: list[float] = []

    def weights(self) -> list[list[Tensor]]:
        return [[w.detach().clone() for w in player.parameters()] for player in self.players]

    def on_train_batch_end(
        self, trainer: pl.Trainer, method: pl.LightningModule, *_: object
    ) -> None:
        assert isinstance(method, IRL)
        after = self.weights()
        moved = [
            any(not torch.equal(a, b) for a, b in zip(*both, strict=True))
            for both in zip(self.before, after, strict=True)
        ]
        self.seen.append((method.phase, method.updates_generator, moved[0], moved[1]))
        self.rates.append(trainer.optimizers[2].param_groups[0]["lr"])
        self.before = after


def test_phases_follow_each_other_and_only_the_right_player_moves() -> None:
    method = small(
        pretraining=Pretraining(likelihood=2, discriminator=3), reward_steps=2, reward_decay=2
    )
    moves = Moves(method)
    fit(method, [pad_sequences([[1, 2]] * 4, MAX_LENGTH)] * 11, callbacks=[moves])
    likelihood = ("likelihood", True, True, False)
    reward = ("discriminator", False, False, True)
    turn, other = ("game", True, True, True), ("game", False, False, True)
    assert moves.seen == [likelihood] * 2 + [reward] * 3 + [turn, other] * 3
    # .01 e^-(round // 16) in the code.
    assert moves.rates == pytest.approx([0.01] * 9 + [0.01 / math.e] * 2)


def test_the_game_has_moments_of_its_own() -> None:
    """Its first step is as long as a first step of Adam is, whatever the likelihood left."""
    method = small(pretraining=Pretraining(likelihood=3), generator_lr=1e-3)
    lengths: list[float] = []

    class Lengths(pl.Callback):
        def on_train_batch_start(self, *_: object) -> None:
            self.before = method.generator.output.bias.detach().clone()

        def on_train_batch_end(self, *_: object) -> None:
            step = method.generator.output.bias.detach() - self.before
            lengths.append(float(step.abs().max()))

    fit(method, [pad_sequences([[1, 2]] * 4, MAX_LENGTH)] * 4, callbacks=[Lengths()])
    assert lengths[0] == pytest.approx(1e-3, rel=1e-3)
    assert lengths[3] == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [0.2, 1.0])
def test_the_generator_of_a_fixed_reward_comes_to_its_exponential(entropy: float) -> None:
    """The best q of reward and entropy is exp(R / w) / Z (Ziebart et al., 2008)."""
    method = small(entropy=entropy, minibatches=1, reward_lr=0.0, rollouts=2, generator_lr=3e-3)
    with torch.no_grad():
        best = (method.reward(of_all().ids).sum(1) / entropy).softmax(0)
    before = (method.log_prob(of_all()).detach().exp() - best).abs().sum() / 2
    fit(method, [pad_sequences([[1, 2]] * 256, MAX_LENGTH)] * 400)
    after = (method.log_prob(of_all()).detach().exp() - best).abs().sum() / 2
    assert before > 0.3
    assert after < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rollouts": 0}, "rollouts=0 is 1 or more"),
        ({"minibatches": 0}, "minibatches=0 is 1 or more"),
        ({"reward_steps": 0}, "reward_steps=0 is 1 or more"),
        ({"reward_decay": 0}, "reward_decay=0 is 1 or more"),
        ({"entropy": -0.1}, "entropy=-0.1 is 0 or more"),
        ({"entropy": math.nan}, "entropy=nan is 0 or more"),
    ],
)
def test_a_number_out_of_range_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        small(**options)  # type: ignore[arg-type]


def test_sizes_are_those_of_the_table() -> None:
    """Huang et al. (2021), Table 12: generator 2.0, reward model 5.4 million."""
    method = IRL(4839, 32)
    counts = [
        sum(weight.numel() for weight in player.parameters()) / 1e6
        for player in (method.generator, method.reward)
    ]
    assert [round(count, 1) for count in counts] == [2.0, 5.4]
