"""SeqGAN's rewards and gradient against enumeration, its phases, its roll-out policy."""

from itertools import product

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.trainer import fit
from textgan_bench.methods import SeqGAN
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.tokens import PAD, TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 3, 2
SENTENCES: list[tuple[int, ...]] = [(), *product((1, 2)), *product((1, 2), repeat=2)]


def small(vocab_size: int = VOCAB_SIZE, max_length: int = MAX_LENGTH, **options: object) -> SeqGAN:
    torch.manual_seed(3)
    sizes: dict[str, object] = {
        "embedding": 4,
        "hidden": 4,
        "discriminator_embedding": 4,
        "filters": {1: 3, 2: 3},
        "rollouts": 2,
        "discriminator_steps": 1,
    }
    method = SeqGAN(vocab_size, max_length, **sizes | options)  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in (*method.generator.parameters(), *method.discriminator.parameters()):
            weight.normal_()  # far from what they start at, where all sentences are alike
        for weight in method.policy.parameters():
            weight.normal_()
    return method


def of_all() -> TokenBatch:
    return pad_sequences([list(sentence) for sentence in SENTENCES], MAX_LENGTH)


def expected_rewards(method: SeqGAN, batch: TokenBatch) -> Tensor:
    """(B, T) Q of each symbol of eq. 4: the mean of D over all ends, weighted by the policy."""
    method.discriminator.eval()
    every = of_all()
    with torch.no_grad():
        verdicts = method.discriminator(every.ids).sigmoid()
        nll: Tensor = method.policy(every)  # (7, T), of symbols given those before
    q = torch.zeros(batch.ids.shape)
    for row, (ids, length) in enumerate(
        zip(batch.ids.tolist(), batch.lengths.tolist(), strict=True)
    ):
        for t in range(min(length + 1, MAX_LENGTH)):
            if t == length or t + 1 == MAX_LENGTH:  # nothing follows
                q[row, t] = verdicts[SENTENCES.index(tuple(ids[:length]))]
                continue
            for index, sentence in enumerate(SENTENCES):
                if sentence[: t + 1] == tuple(ids[: t + 1]):
                    q[row, t] += verdicts[index] * (-nll[index, t + 1 :].sum()).exp()
    return q


def test_rewards_are_the_mean_verdicts_over_all_ends_of_a_prefix() -> None:
    method = small(rollouts=20_000)
    batch = of_all()
    torch.manual_seed(0)
    rewards = method.rewards(batch)
    # Each is a mean of 20,000 numbers in [0, 1]: its deviation is .0035 at most.
    assert torch.allclose(rewards, expected_rewards(method, batch), atol=0.015)


def test_rewards_go_with_their_own_sentences() -> None:
    """TextGAN-PyTorch reshapes where it had to transpose, and gives the rewards of others."""
    method = small(vocab_size=6, max_length=4, rollouts=4_000)
    batch = pad_sequences([[1, 2, 3, 4], [5], [], [4, 4, 1], [2, 5]], 4)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.manual_seed(0)
    rewards = method.rewards(batch)
    permuted = method.rewards(TokenBatch(batch.ids[order], batch.lengths[order]))
    assert torch.allclose(rewards[order], permuted, atol=0.04)
    others = (rewards[:, None] - rewards).abs().amax(-1) + torch.eye(5)
    assert others.min() > 0.1, "the sentences differ by more than two draws do"


def test_sentences_of_no_word_have_the_verdict_alone() -> None:
    method = small(vocab_size=6, max_length=4)
    rewards = method.rewards(pad_sequences([[], []], 4))
    verdict = method.discriminator.judge(torch.full((1, 4), PAD)).sigmoid()
    assert torch.allclose(rewards, F.pad(verdict, (0, 3)).expand(2, 4))


def test_the_expected_gradient_is_that_of_the_expected_reward() -> None:
    """Where the policy is the generator, grad L_G is that of minus E_p D (Yu et al., eq. 6)."""
    method = small()
    method.follow(0.0)
    method.discriminator.eval()
    every = of_all()
    probabilities = method.log_prob(every).exp()  # (7,)
    assert float(probabilities.detach().sum()) == pytest.approx(1)
    with torch.no_grad():
        verdicts = method.discriminator(every.ids).sigmoid()
    exact = torch.autograd.grad(-(probabilities * verdicts).sum(), [*method.generator.parameters()])

    rewards = expected_rewards(method, every)
    log_probs = -method.generator(every)
    loss = -(probabilities.detach() * (rewards * log_probs).sum(1)).sum()
    estimate = torch.autograd.grad(loss, [*method.generator.parameters()])
    for one, other in zip(estimate, exact, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_the_loss_of_a_step_is_the_sum_of_rewards_times_log_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method = small()
    samples = pad_sequences([[1], [2, 1]], MAX_LENGTH)
    rewards = torch.tensor([[0.5, 0.25], [0.125, 1.0]])
    losses: list[Tensor] = []
    monkeypatch.setattr(method.generator, "sample", lambda n, temperature: samples)
    monkeypatch.setattr(method, "rewards", lambda batch: rewards)
    monkeypatch.setattr(method, "optimizers", lambda: [None, None, None])
    monkeypatch.setattr(method, "descend", lambda loss, optimizer, clip: losses.append(loss))
    method.play(2)
    nll: Tensor = method.generator(samples)
    assert losses[0].item() == pytest.approx((rewards * nll).sum().item(), rel=1e-6)


def test_the_policy_keeps_its_share_but_for_the_word_vectors() -> None:
    method = small()
    before = {name: weight.clone() for name, weight in method.policy.named_parameters()}
    method.follow(0.8)
    latest = dict(method.generator.named_parameters())
    for name, weight in method.policy.named_parameters():
        kept = 0.0 if name.startswith("embedding") else 0.8
        assert torch.allclose(weight, kept * before[name] + (1 - kept) * latest[name], atol=1e-6)


def test_the_penalty_of_one_logit_is_the_least_of_two() -> None:
    """The code has an output for each class and adds .2 (|W|² + |b|²) / 2 of both."""
    w = torch.randn(5, generator=torch.Generator().manual_seed(0)).double()
    share = torch.full((5,), 0.3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([share], max_iter=50)

    def penalty() -> Tensor:
        optimizer.zero_grad()
        value = ((share * w).square().sum() + ((1 - share) * w).square().sum()) / 2
        value.backward()
        return value

    optimizer.step(penalty)
    assert penalty().item() == pytest.approx((w.square().sum() / 4).item())


def test_phases_follow_each_other_and_only_the_right_player_moves() -> None:
    method = small(pretraining=Pretraining(likelihood=2, discriminator=3), discriminator_steps=2)
    seen: list[tuple[str, bool, bool, bool]] = []
    players = (*method.generator.parameters(), *method.discriminator.parameters())
    before = [weight.clone() for weight in players]

    class Moves(pl.Callback):
        def on_train_batch_end(self, *state: object) -> None:
            nonlocal before
            after = [weight.detach().clone() for weight in players]
            moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
            split = len([*method.generator.parameters()])
            seen.append(
                (method.phase, method.updates_generator, any(moved[:split]), any(moved[split:]))
            )
            before = after

    batch = pad_sequences([[1, 2]] * 4, MAX_LENGTH)
    fit(method, [batch] * 8, callbacks=[Moves()])
    likelihood = ("likelihood", True, True, False)
    discriminator = ("discriminator", False, False, True)
    turn, other = ("game", True, True, True), ("game", False, False, True)
    assert seen == [likelihood] * 2 + [discriminator] * 3 + [turn, other, turn]
