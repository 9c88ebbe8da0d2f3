"""IRL: a reward learnt from text, and a generator that seeks it and entropy (Shi et al., 2018).

"Toward diverse text generation with inverse reinforcement learning". Each word x_t after x_<t has a
reward r between 0 and 1, and text is taken to come from p(x) = exp(R(x)) / Z with R(x) = sum_t r_t.
The reward model maximises the likelihood of text under p. The sum over all sentences in Z is
estimated from sentences x_j of the generator q, by weights v_j that sum to one over the batch:

    grad L_R = - E grad R(x) + sum_j v_j grad R(x_j),   v_j prop. to exp(R(x_j)) / q(x_j),
    grad L_G = - E_q sum_t A_t grad log q(x_t | x_<t),
    A_t = E sum_{s >= t} r_s - w sum_{s >= t} log q(x_s | x_<s).

The expectation in A_t is a mean over completions of x_1..t by the generator itself. A step of the
generator takes ratios of the probabilities of its sentences, after the step and before, cut at 0.8
and 1.2 (Schulman et al., 2017). At w = 1 the best q is p; the weight w of the entropy is not in the
paper, whose authors' README trades quality against diversity by it. For any w the best q is
proportional to exp(R / w), while v_j has R, as in the code.

Training begins with maximum likelihood, then with the reward model at equal v_j, ``pretraining``.
The game goes in rounds: some steps of the generator, then many of the reward model.

Sizes and constants are those of the authors' code, FudanNLP/Irl_gen. As there, padding is a symbol
to the reward model, so that all sentences have T rewards and length earns none. Departures from it:
the reward model's samples are fresh in every batch, where that trains three epochs on each set of
20,000 (10,000 of the oracle); its batches are as large as the generator's, where that halves them;
and the generator draws nothing after the end symbol, where that draws padding.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden, R completions.
"""

import math
from typing import ClassVar, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import TextGenerator
from textgan_bench.losses.likelihood import drawn_mask
from textgan_bench.losses.policy_gradient import clipped_surrogate, discounted_returns
from textgan_bench.losses.processes import process_logmeanexp, process_mean
from textgan_bench.networks.autoregressive import LSTMLanguageModel, State
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.networks.pretraining import NO_PRETRAINING, Pretraining
from textgan_bench.networks.rollouts import roll_out
from textgan_bench.tokens import PAD, TokenBatch

RATIO_CLIP = 0.2  # code
GRADIENT_NORM = 5.0  # code, of both players
REWARD_L2 = 1e-5  # code
START_STD = 0.1  # code: of all weights of both players
HIGHWAYS = 2  # code
JUDGED = 512
"""Sentences whose rewards are computed at once, of the many that a step of the generator needs."""


class Generator(LSTMLanguageModel):
    """An LSTM with a layer of rectified units between its states and the scores of symbols."""

    def __init__(
        self, vocab_size: int, max_length: int, embedding: int, hidden: int, layer: int
    ) -> None:
        super().__init__(vocab_size, max_length, embedding, hidden)
        self.layer = nn.Linear(hidden, layer)
        self.output = nn.Linear(layer, vocab_size)

    def read(self, symbols: Tensor) -> Tensor:
        return self.layer(super().read(symbols)).relu()

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, state = super().step(symbols, state)
        return self.layer(hidden).relu(), state


class RewardModel(nn.Module):
    """Rewards of symbols: an LSTM, two highway layers, and an output unit for each symbol.

    Args:
        vocab_size: V.
        embedding: E.
        hidden: H.
        layer: units of the layers behind the LSTM.
        dropout: share of the entries of word vectors that is left out in training.
    """

    def __init__(
        self, vocab_size: int, embedding: int, hidden: int, layer: int, dropout: float
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.cells = nn.LSTM(embedding, hidden, batch_first=True)
        self.layer = nn.Linear(hidden, layer)
        self.highways = nn.ModuleList(nn.Linear(layer, 2 * layer) for _ in range(HIGHWAYS))
        self.output = nn.Linear(layer, vocab_size)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) rewards, in [0, 1], of each symbol of ids (B, T) after those before it."""
        words = F.dropout(self.embedding(ids[:, :-1]), self.dropout, self.training)
        start = self.embedding.weight[PAD].expand(len(ids), 1, -1)  # never dropped, code
        states, _ = self.cells(torch.cat([start, words], 1))  # (B, T, H)
        features = self.layer(states).relu()
        for highway in self.highways:
            change, gate = highway(features).chunk(2, -1)
            features = torch.lerp(features, change.relu(), gate.sigmoid())
        # The code scores all V symbols and takes that of the symbol at hand.
        bias = F.embedding(ids, self.output.bias[:, None]).squeeze(-1)
        scores = (features * F.embedding(ids, self.output.weight)).sum(-1) + bias
        return scores.sigmoid()


class IRL(TextGenerator):
    """Inverse reinforcement learning; defaults are those of the authors' code for captions.

    Args:
        embedding: size of the generator's word vectors.
        hidden: units of the generator's LSTM.
        layer: units between the generator's LSTM and its output.
        reward_embedding: size of the reward model's word vectors.
        reward_hidden: units of the reward model's LSTM.
        reward_layer: units of the layers between the reward model's LSTM and its output.
        reward_dropout: rate of dropout on the reward model's word vectors.
        entropy: w, weight of the entropy, 0 or more; a small one gives up diversity for quality.
            The paper's objective has 1.
        rollouts: number of completions of each prefix.
        minibatches: number of generator steps in a round, each on a batch of its own.
        reward_steps: number of reward steps in a round; the code takes 24 epochs of 78 batches.
        generator_lr: Adam learning rate, in pretraining and in the game.
        reward_lr: learning rate of the reward model's plain SGD, in the first rounds.
        reward_decay: number of rounds after which the reward model's learning rate falls by e.
        pretraining: batches before the game.

    Raises:
        UserError: a number is out of range.
    """

    knob: ClassVar[str] = "temperature"
    setting = 1.0

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 128,
        hidden: int = 128,
        layer: int = 256,
        reward_embedding: int = 256,
        reward_hidden: int = 256,
        reward_layer: int = 512,
        reward_dropout: float = 0.55,
        entropy: float = 1.0,
        rollouts: int = 4,
        minibatches: int = 4,
        reward_steps: int = 1872,
        generator_lr: float = 5e-3,
        reward_lr: float = 1e-2,
        reward_decay: int = 16,
        pretraining: Pretraining = NO_PRETRAINING,
    ) -> None:
        super().__init__(vocab_size, max_length)
        counts = {
            "rollouts": rollouts,
            "minibatches": minibatches,
            "reward_steps": reward_steps,
            "reward_decay": reward_decay,
        }
        for name, count in counts.items():
            if count < 1:
                raise UserError(f"{name}={count} is 1 or more")
        if not entropy >= 0:
            raise UserError(f"entropy={entropy} is 0 or more")
        self.save_hyperparameters()
        self.generator = Generator(vocab_size, max_length, embedding, hidden, layer)
        self.reward = RewardModel(
            vocab_size, reward_embedding, reward_hidden, reward_layer, reward_dropout
        )
        for weight in self.parameters():
            nn.init.normal_(weight, std=START_STD)
        self.entropy = entropy
        self.rollouts = rollouts
        self.minibatches = minibatches
        self.reward_steps = reward_steps
        self.generator_lr = generator_lr
        self.reward_lr = reward_lr
        self.reward_decay = reward_decay
        self.pretraining = pretraining

    def configure_optimizers(self) -> list[Optimizer]:
        # The game has an Adam of its own (code): its few hundred steps would otherwise be as short
        # as the moments of the likelihood make them.
        return [
            Adam(self.generator.parameters(), self.generator_lr),
            Adam(self.generator.parameters(), self.generator_lr),
            SGD(self.reward.parameters(), self.reward_lr),
        ]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """A step of the reward model, after the generator's steps where a round begins."""
        self.phase = self.pretraining.phase(self.batches_done)
        if self.phase == "likelihood":
            self.updates_generator = True
            self.log_losses({"generator/nll": self.imitate(batch)})
            return
        rounds, turn = divmod(max(self.batches_done - self.pretraining.game, 0), self.reward_steps)
        self.updates_generator = self.phase == "game" and turn == 0
        losses = self.play(len(batch.ids)) if self.updates_generator else {}
        lr = self.reward_lr * math.exp(-(rounds // self.reward_decay))
        self.log_losses({**losses, "reward/loss": self.explain(batch, lr)})

    def imitate(self, batch: TokenBatch) -> Tensor:
        """One step of maximum likelihood; nats a symbol."""
        optimizer, _, _ = cast("list[LightningOptimizer]", self.optimizers())
        symbols = drawn_mask(batch.lengths, self.max_length).sum()
        loss = self.generator(batch).sum() / process_mean(symbols.float())
        self.descend(loss, optimizer, clip=GRADIENT_NORM)
        return loss

    def play(self, n: int) -> dict[str, Tensor]:
        """The generator's steps of a round, on ``n`` sentences each, all drawn before the first."""
        _, optimizer, _ = cast("list[LightningOptimizer]", self.optimizers())
        samples = [self.generator.sample(n, temperature=1.0) for _ in range(self.minibatches)]
        with torch.no_grad():
            drawn_at = [self.log_probs(part) for part in samples]
        returns = [self.returns(part) for part in samples]
        losses = []
        for part, old, reward in zip(samples, drawn_at, returns, strict=True):
            log_probs = self.log_probs(part)  # (B, T)
            to_go = discounted_returns(log_probs.detach(), 1.0)
            # Over all places of a sentence (code), which matters to the cut of the gradient alone.
            advantages = reward - self.entropy * to_go
            loss = clipped_surrogate(log_probs, old, advantages, RATIO_CLIP) / self.max_length
            self.descend(loss, optimizer, clip=GRADIENT_NORM)
            losses.append(loss)
        return {
            "generator/loss": torch.stack(losses).mean(),
            "generator/reward": torch.cat(returns)[:, 0].mean(),
            "generator/entropy": -torch.cat(drawn_at).sum(1).mean(),
        }

    def explain(self, batch: TokenBatch, lr: float) -> Tensor:
        """One step of the reward model on a batch of text and as many fresh samples; nats."""
        *_, optimizer = cast("list[LightningOptimizer]", self.optimizers())
        for group in optimizer.optimizer.param_groups:
            group["lr"] = lr
        samples = self.generator.sample(len(batch.ids), temperature=1.0)
        real = F.pad(batch.ids, (0, self.max_length - batch.ids.shape[1]), value=PAD)
        weights = partition_weights(self.log_weights(samples))
        text, fake = self.reward(torch.cat([real, samples.ids])).sum(1).chunk(2)  # (B,) each
        squares = [
            weight.square().sum()
            for name, weight in self.reward.named_parameters()
            if not name.startswith("embedding")
        ]
        loss = (weights * fake).sum() - text.mean() + REWARD_L2 / 2 * torch.stack(squares).sum()
        self.descend(loss, optimizer, clip=GRADIENT_NORM)
        return loss

    @torch.no_grad()
    def log_weights(self, samples: TokenBatch) -> Tensor:
        """(B,) R - log q of samples, without dropout; zero before the game, as in the code."""
        if self.phase == "discriminator":
            return self.reward.output.weight.new_zeros(len(samples.ids))
        self.reward.eval()
        rewards = self.reward(samples.ids).sum(1)
        self.reward.train()
        return rewards - self.log_prob(samples)

    @torch.no_grad()
    def returns(self, samples: TokenBatch) -> Tensor:
        """(B, T) expected reward of each symbol drawn and of all that follow; zero after the end.

        The end symbol's holds the rewards of the padding behind it, so a value is in [0, T].
        """
        self.reward.eval()
        ends = samples.lengths.clamp(max=self.max_length - 1)[:, None]  # no choice follows
        own = self.rewards_to_go(samples.ids)  # (B, T)
        returns = torch.zeros_like(own).scatter_(1, ends, own.gather(1, ends))
        completed = roll_out(self.generator, samples, self.rollouts)
        last = completed.words - 1  # (R,) place of the prefix's last word
        found = self.rewards_to_go(completed.ids).gather(1, last[:, None]).squeeze(1)
        place = completed.sentence * self.max_length + last
        returns.view(-1).index_add_(0, place, found / self.rollouts)
        self.reward.train()
        return returns

    def rewards_to_go(self, ids: Tensor) -> Tensor:
        """(R, T) sums of the rewards from each place of sentences ids (R, T) on."""
        return torch.cat([discounted_returns(self.reward(part), 1.0) for part in ids.split(JUDGED)])

    def log_probs(self, batch: TokenBatch) -> Tensor:
        """(B, T) log probability of each symbol, in nats, zero after the end symbol."""
        nll: Tensor = self.generator(batch)
        return F.pad(-nll, (0, self.max_length - nll.shape[1]))

    def log_prob(self, batch: TokenBatch, *, temperature: float = 1.0) -> Tensor:
        nll: Tensor = self.generator(batch, temperature)
        return -nll.sum(1)

    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        """Draw ``n`` sentences; a ``temperature`` below 1 gives up diversity for quality.

        Raises:
            UserError: the temperature is out of range.
        """
        check_temperature(temperature)
        return self.generator.sample(n, temperature)


def partition_weights(log_weights: Tensor) -> Tensor:
    """(B,) importance weights from their logarithms (B,), up to a constant.

    They sum to one over the joint batch of all processes, each of which has its share times their
    number, since gradients are averaged.

    >>> partition_weights(torch.tensor([1000.0, 1000.0]))
    tensor([0.5000, 0.5000])
    """
    return (log_weights - process_logmeanexp(log_weights.logsumexp(0))).exp()
