"""LeakGAN's law, rewards, ranks and gradients against enumeration and the formulas written out."""

from itertools import pairwise, product
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from scipy.stats import rankdata
from torch import Tensor
from torch.nn import functional as F

from tests.trainer import fit
from textgan_bench.errors import UserError
from textgan_bench.methods import LeakGAN
from textgan_bench.methods.leakgan import rescale_by_rank
from textgan_bench.networks.autoregressive import write
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.tokens import PAD, TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH, DURATION = 3, 5, 2
SENTENCES: list[tuple[int, ...]] = [
    s for n in range(MAX_LENGTH + 1) for s in product((1, 2), repeat=n)
]


def small(vocab_size: int = VOCAB_SIZE, max_length: int = MAX_LENGTH, **options: object) -> LeakGAN:
    torch.manual_seed(3)
    sizes: dict[str, object] = {
        "embedding": 4,
        "hidden": 4,
        "discriminator_embedding": 4,
        "filters": {1: 3, 2: 3, 4: 2},
        "duration": DURATION,
        "rollouts": 2,
        "discriminator_steps": 1,
    }
    method = LeakGAN(vocab_size, max_length, **sizes | options)  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in method.parameters():
            weight.normal_(std=0.7)  # far from what they start at, where all sentences are alike
    return method


def of_all() -> TokenBatch:
    return pad_sequences([list(sentence) for sentence in SENTENCES], MAX_LENGTH)


def feature(method: LeakGAN, words: tuple[int, ...] | list[int]) -> Tensor:
    """(F,) features of a prefix, by convolution over it and padding."""
    ids = torch.tensor([[*words, *[PAD] * (method.max_length - len(words))]])
    return method.discriminator.extract(ids)[0].detach()


def goals_of(method: LeakGAN, words: list[int]) -> list[Tensor]:
    """G of each block of a sentence, the first learnt, word by word."""
    manager = method.manager
    state, goals = None, []
    held: list[Tensor] = [manager.first]
    for t in range(len(words) + 1):
        hidden, state = manager.cells(feature(method, words[:t])[None, None], state)
        goal = manager.output(hidden[0, 0])
        goals.append(goal / goal.norm())
        if t and t % DURATION == 0:
            held.append(torch.stack(goals[t - DURATION + 1 :]).sum(0))
    return held


def log_probs_of(method: LeakGAN, words: list[int]) -> list[Tensor]:
    """log p of each word and of the end symbol, from the matrix O (V, 16) of each place."""
    worker, hidden_size = method.worker, method.worker.cells.hidden_size
    matrix = worker.output.weight.view(-1, hidden_size + 1, 16)  # of h and 1
    state, drawn = None, []
    held = goals_of(method, words)
    for t, symbol in enumerate([*words, PAD][:MAX_LENGTH]):
        before = torch.tensor([[words[t - 1] if t else PAD]])
        hidden, state = worker.cells(worker.embedding(before), state)
        table = torch.einsum("h,vhg->vg", hidden[0, 0], matrix[:, :-1]) + matrix[:, -1]  # (V, 16)
        aim = worker.project.weight @ held[t // DURATION].detach()
        drawn.append((table @ (aim / aim.norm())).log_softmax(0)[symbol])
    return drawn


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return a @ b / (a.norm() * b.norm()) if float(a.norm()) else torch.zeros(())


def test_the_law_is_that_of_the_formulas_and_sums_to_one() -> None:
    method = small().double()
    log_probs = method.log_prob(of_all())
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-12)
    for sentence, log_prob in zip(SENTENCES, log_probs, strict=True):
        written = torch.stack(log_probs_of(method, list(sentence))).sum()
        assert log_prob.item() == pytest.approx(written.item(), abs=1e-10)


def test_a_word_is_drawn_by_the_law_that_it_is_judged_by() -> None:
    """The authors' code gives a goal other words in sampling than in training."""
    method = small().double()
    batch = of_all()
    writer = method.writer()
    state, before = writer.start(len(batch.ids)), torch.full_like(batch.ids[:, 0], PAD)
    total = torch.zeros(len(batch.ids), dtype=torch.float64)
    for t in range(MAX_LENGTH):
        with torch.no_grad():
            hidden, state = writer.step(before, state)
            log_probs = writer.output(hidden).log_softmax(-1)
        before = batch.ids[:, t]
        total += log_probs.gather(1, before[:, None])[:, 0] * (batch.lengths >= t)
    assert torch.allclose(total, method.log_prob(batch), atol=1e-12)


def test_samples_follow_the_law() -> None:
    method = small()
    n = 5_000
    torch.manual_seed(0)
    written = [tuple(w for w in ids if w) for ids in method.sample(n).ids.tolist()]
    observed = torch.tensor([written.count(sentence) for sentence in SENTENCES])
    expected = n * method.log_prob(of_all()).exp().detach()
    many = expected > 5
    chi_square = ((observed - expected).square() / expected)[many].sum()
    assert chi_square < 104, "63 cells at most: exceeded once in a thousand"


def expected_rewards(method: LeakGAN, batch: TokenBatch) -> Tensor:
    """(B, K) mean of D over all ends of the words up to the end of each block, by their law."""
    every = of_all()
    with torch.no_grad():
        verdicts = method.discriminator.eval()(every.ids).sigmoid()
        law = method.log_prob(every).exp()
    rows = []
    for ids, length in zip(batch.ids.tolist(), batch.lengths.tolist(), strict=True):
        row = []
        for end in range(DURATION, MAX_LENGTH + DURATION, DURATION):
            if end <= length and end < MAX_LENGTH:
                prefix = tuple(ids[:end])
                share = law * torch.tensor([s[:end] == prefix for s in SENTENCES])
                row.append((share * verdicts).sum() / share.sum())
            else:
                row.append(verdicts[SENTENCES.index(tuple(ids[:length]))])
        rows.append(torch.stack(row))
    return torch.stack(rows)


def test_rewards_are_the_mean_verdicts_over_all_ends_of_a_block() -> None:
    method = small(rollouts=2_000)
    chosen = [(), (1,), (2, 1), (1, 2, 2), (1, 1, 2, 1), (2, 2, 1, 1), (1, 2, 1, 2, 2)]
    batch = pad_sequences(chosen, MAX_LENGTH)
    torch.manual_seed(0)
    rewards, blocks = method.rewards(batch, method.writer())
    assert blocks.sum(1).tolist() == [0, 1, 1, 2, 2, 2, 3]
    # Each is a mean of 2,000 numbers in [0, 1]: its deviation is .011 at most.
    assert torch.allclose(rewards, expected_rewards(method, batch), atol=0.045)


def test_rewards_go_with_their_own_sentences() -> None:
    """TextGAN-PyTorch reshapes where it had to transpose, and gives the rewards of others."""
    method = small(vocab_size=6, max_length=6, rollouts=2_000)
    batch = pad_sequences([[1, 2, 3, 4, 5, 1], [5], [2] * 6, [4, 5, 4, 5], [2, 5, 2]], 6)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.manual_seed(0)
    rewards, blocks = method.rewards(batch, method.writer())
    permuted = TokenBatch(batch.ids[order], batch.lengths[order])
    again, blocks_again = method.rewards(permuted, method.writer())
    assert torch.equal(blocks[order], blocks_again)
    assert torch.allclose(rewards[order], again, atol=0.06)
    others = (rewards[:, None] - rewards).abs().amax(-1) + torch.eye(5)
    assert others.min() > 0.09, "the sentences differ by more than two draws do"


def test_the_best_sentence_has_the_largest_reward_whatever_its_place() -> None:
    """The authors' code ranks values in the order of a dictionary: the last one gets the most."""
    n = 7
    column = torch.tensor([0.31, 0.9, 0.02, 0.5, 0.47, 0.77, 0.05])
    everyone, nobody = torch.ones(n, 1, dtype=torch.bool), torch.zeros(0)
    for seed in range(5):
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
        rescaled = rescale_by_rank(column[order, None], everyone, nobody)[:, 0]
        rank = torch.from_numpy(rankdata(-column[order].numpy()))
        assert torch.allclose(rescaled.double(), torch.sigmoid(16 * (0.5 - rank / n)), atol=1e-6)
        assert torch.equal(rescaled.argsort(), column[order].argsort())


def test_a_column_ranks_its_own_and_equal_rewards_share_a_rank() -> None:
    rewards = torch.tensor([[0.2, 0.9], [0.2, 0.8], [0.7, 0.1], [0.1, 0.3]])
    counted = torch.tensor([[True, True], [True, False], [True, True], [True, False]])
    rescaled = rescale_by_rank(rewards, counted, torch.zeros(0))
    first = torch.sigmoid(16 * (0.5 - torch.tensor([2.5, 2.5, 1.0, 4.0]) / 4))
    assert torch.allclose(rescaled[:, 0], first)
    second = torch.sigmoid(16 * (0.5 - torch.tensor([1.0, 2.0]) / 2))
    assert torch.allclose(rescaled[[0, 2], 1], second)


def test_real_sentences_push_samples_down_the_ranks() -> None:
    rewards = torch.tensor([[0.2], [0.6], [0.4]])
    rescaled = rescale_by_rank(rewards, rewards > 0, torch.tensor([0.9, 0.5]))
    rank = torch.tensor([5.0, 2.0, 4.0])
    assert torch.allclose(rescaled[:, 0], torch.sigmoid(16 * (0.5 - rank / 5)))


def losses_of_a_step(
    method: LeakGAN, samples: TokenBatch, rewards: Tensor, monkeypatch: pytest.MonkeyPatch
) -> tuple[Tensor, Tensor]:
    """The losses of manager and worker on these samples, whose blocks have these rewards."""
    losses: list[Tensor] = []
    blocks = torch.arange(0, MAX_LENGTH, DURATION) < samples.lengths[:, None]
    monkeypatch.setattr("textgan_bench.methods.leakgan.write", lambda *_: samples)
    monkeypatch.setattr(method, "rewards", lambda *_: (rewards, blocks))
    monkeypatch.setattr(method, "optimizers", lambda: [None] * 5)
    monkeypatch.setattr(method, "descend", lambda loss, optimizer, clip: losses.append(loss))
    method.play(samples, 0)
    manager_loss, worker_loss = losses
    return manager_loss, worker_loss


def test_gradients_of_both_halves_are_those_of_the_losses_written_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every word and every block has its own cosine; the authors' code averages over the batch."""
    method = small().double()
    samples = pad_sequences([[1, 2, 2, 1, 1], [2, 1], [], [1, 1, 2]], MAX_LENGTH)
    rewards = torch.rand(4, 3, dtype=torch.float64)
    manager_loss, worker_loss = losses_of_a_step(method, samples, rewards, monkeypatch)

    blocks = torch.arange(0, MAX_LENGTH, DURATION) < samples.lengths[:, None]
    ranked = rescale_by_rank(rewards, blocks, torch.zeros(0).double())
    manager_terms, worker_terms = [], []
    for b, length in enumerate(samples.lengths.tolist()):
        words = samples.ids[b, :length].tolist()
        held = goals_of(method, words)
        for k in range(-(-length // DURATION)):
            start, end = k * DURATION, min((k + 1) * DURATION, length)
            change = feature(method, words[:end]) - feature(method, words[:start])
            manager_terms.append(-ranked[b, k] * cosine(change, held[k]))
        for t, log_prob in enumerate(log_probs_of(method, words)):
            start = t - t % DURATION
            change = feature(method, words[: t + 1]) - feature(method, words[:start])
            reward = cosine(change, held[t // DURATION]).detach()
            worker_terms.append(-reward * log_prob)
    assert (len(manager_terms), len(worker_terms)) == (3 + 1 + 2, 5 + 3 + 1 + 4)

    for half, loss, terms in (
        (method.manager, manager_loss, manager_terms),
        (method.worker, worker_loss, worker_terms),
    ):
        written = torch.stack(terms).mean()
        assert loss.item() == pytest.approx(written.item(), abs=1e-10)
        weights = [*half.parameters()]
        exact = torch.autograd.grad(written, weights)
        for one, other in zip(torch.autograd.grad(loss, weights), exact, strict=True):
            assert torch.allclose(one, other, atol=1e-10)
            assert other.any()


def test_neither_half_learns_from_the_loss_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    method = small()
    samples = pad_sequences([[1, 2, 2, 1, 1], [2, 1]], MAX_LENGTH)
    losses = losses_of_a_step(method, samples, torch.rand(2, 3), monkeypatch)
    players = (method.manager, method.worker, method.discriminator)
    for own, loss in enumerate(losses):
        for i, player in enumerate(players):
            weights = [*player.parameters()]
            gradients = torch.autograd.grad(loss, weights, allow_unused=True, retain_graph=True)
            assert (i == own) == any(g is not None for g in gradients)


def test_the_manager_is_pretrained_to_point_where_the_text_goes() -> None:
    """Maximum likelihood gives every block the reward 1."""
    method = small(generator_lr=0.03, pretraining=Pretraining(likelihood=80))
    batch = pad_sequences([[1, 2, 1, 2, 1]] * 4, MAX_LENGTH)
    fit(method, [batch] * 80)
    words = [1, 2, 1, 2, 1]
    held = goals_of(method, words)
    for k, (start, end) in enumerate(pairwise((0, 2, 4, 5))):
        change = feature(method, words[:end]) - feature(method, words[:start])
        assert cosine(change, held[k]) > 0.9
    assert method.log_prob(batch).exp().min() > 0.9


def test_a_batch_of_empty_samples_moves_nothing_and_stays_finite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method = small()
    samples = pad_sequences([[], []], MAX_LENGTH)
    manager_loss, worker_loss = losses_of_a_step(method, samples, torch.rand(2, 3), monkeypatch)
    assert manager_loss.item() == worker_loss.item() == 0


def test_temperature_divides_the_scores() -> None:
    method = small()
    torch.manual_seed(0)
    cold = method.sample(200, temperature=1e-3).ids
    likeliest = SENTENCES[int(method.log_prob(of_all()).argmax())]
    assert len(cold.unique(dim=0)) < 5
    torch.manual_seed(0)
    drawn = write(method.writer(), 200, 1.0, torch.device("cpu"))
    torch.manual_seed(0)
    assert torch.equal(method.sample(200).ids, drawn.ids)
    assert likeliest in {tuple(w for w in ids if w) for ids in drawn.ids.tolist()}


def test_phases_take_turns_and_only_the_right_player_moves() -> None:
    method = small(
        pretraining=Pretraining(likelihood=2, discriminator=4),
        rounds=2,
        discriminator_steps=2,
        likelihood_every=2,
        likelihood_batches=1,
    )
    seen: list[tuple[str, bool, list[bool]]] = []
    players = (method.manager, method.worker, method.discriminator)

    def weights() -> list[Tensor]:
        return [torch.cat([w.detach().flatten() for w in p.parameters()]) for p in players]

    before = weights()

    class Moves(pl.Callback):
        def on_train_batch_end(self, *state: object) -> None:
            nonlocal before
            after = weights()
            moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
            seen.append((method.phase, method.updates_generator, moved))
            before = after

    batch = pad_sequences([[1, 2, 1]] * 16, MAX_LENGTH)
    fit(method, [batch] * 12, callbacks=[Moves()])
    discriminator = ("discriminator", False, [False, False, True])
    likelihood = ("likelihood", True, [True, True, False])
    turn, other = ("game", True, [True] * 3), ("game", False, [False, False, True])
    pretraining = [discriminator, discriminator, likelihood] * 2
    assert seen == [*pretraining, turn, other, turn, other, likelihood, turn]


@pytest.mark.parametrize(
    "options",
    [
        {"duration": 0},
        {"rollouts": 0},
        {"real_ranked": -0.5},
        {"likelihood_batches": -1},
        {"rounds": 2, "pretraining": Pretraining(likelihood=3)},
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        small(**options)


def test_features_enter_by_their_own_prefix_alone() -> None:
    """A word changes what follows it, and nothing before."""
    method = small(vocab_size=6, max_length=6).double()
    ids = torch.tensor([[1, 2, 3, 4, 5, 1], [1, 2, 3, 5, 5, 1]])
    batch = TokenBatch(ids, torch.tensor([6, 6]))
    features, goals = method.lead(method.cut(batch))
    assert torch.equal(features[0, :4], features[1, :4])
    assert not torch.equal(features[0, 4], features[1, 4])
    assert torch.equal(goals[0, :2], goals[1, :2])
    assert F.cosine_similarity(goals[0, 2], goals[1, 2], dim=0) < 1 - 1e-6
