"""LeakGAN: a generator that reads the discriminator's features (Guo et al., 2018).

"Long text generation via adversarial training with leaked information". The discriminator D is
SeqGAN's, a convolutional network; f_t are its features of the first t words, padding in place of
the others. The generator has two halves. The manager reads f_0, f_1, … and sets a goal g_t, a
direction of features; the worker reads the words and draws the next one along the goals of c words:

    G_k = g_(k-1)c+1 + … + g_kc, |g_t| = 1, G_0 learnt,    w_k = W G_k / |W G_k|,
    p(x_t+1 | x_1..t) = softmax(O_t w_k),    O_t (V, 16) from the worker's LSTM, k = floor(t / c).

With R_k from the rank of Q_k = mean of D over sentences completed from the first (k + 1) c words,

    L_D = - E log D(x) - E_p log(1 - D(x)),
    grad L_manager = - E_p sum_k R_k grad cos(f_(k+1)c - f_kc, G_k),
    grad L_worker = - E_p sum_t cos(f_t+1 - f_kc, G_k) grad log p(x_t+1 | x_1..t),
    R_k = sigmoid(16 (1/2 - rank / B)), rank 1 the largest of the B sentences of a batch.

Maximum likelihood, in which the manager has R_k = 1, takes turns with the discriminator before the
game (algorithm 1) and with the generator in it ("interleaved training").

Sizes and constants are those of the authors' code, CR-Gjx/LeakGAN, folder "No Temperature". With it
goals change every c words, where the paper sums the last c at each word; the reward of a word is
the change since its goal was set, where the paper averages over c words before it; w_k has length
1; the discriminator has neither dropout nor a penalty. Departures from the code:

- There tf.losses.cosine_distance averages over the batch, so that all words of it have one reward,
  and all blocks the mean of theirs. Here each has its own, as in the paper.
- Rewards are ranked by value. There they are ranked in the order of a dictionary.
- There the word before a block is read by its goal in training, not in sampling, and twice by
  roll-outs. Here a goal reads all words before it in all three, so that the likelihood is exact.
- Words to come are padding, as in a short sentence. There they are a symbol of their own, which the
  discriminator never meets while it learns.
- One G_0 serves all sentences, where there is one a row of the batch. Its captions are drawn for
  the game at temperature 1.25; here all are at 1.
- Samples for the discriminator are fresh in every batch, and it has one logit (see SeqGAN); the
  moments of Adam go on from likelihood to game.

Shapes: B batch, T time, N words of the longest sentence, K blocks of c words, F features, H hidden,
V vocabulary.
"""

from collections.abc import Mapping
from typing import ClassVar, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam, Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import TextGenerator
from textgan_bench.losses.adversarial import discriminator_loss
from textgan_bench.losses.likelihood import drawn_mask, symbol_nll
from textgan_bench.losses.processes import process_mean, process_rows
from textgan_bench.networks.autoregressive import State, write
from textgan_bench.networks.highway_cnn import HighwayCNN
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.networks.prefix_features import PrefixFeatures
from textgan_bench.networks.pretraining import NO_PRETRAINING, Phase, Pretraining
from textgan_bench.networks.rollouts import roll_out
from textgan_bench.tokens import PAD, TokenBatch

FILTERS = {1: 100, **dict.fromkeys((2, 3, 4, 5), 200), **dict.fromkeys(range(6, 11), 100)}
FILTERS |= {15: 160, 20: 160}  # code, synthetic data
GOAL = 16  # code: size of w
STEEPNESS = 16.0  # code: of the sigmoid over ranks
GRADIENT_NORM = 5.0  # code: of manager and worker, each by itself
START_STD = 0.1  # code: of all weights of the generator


class Manager(nn.Module):
    """The half of the generator that reads features and sets goals.

    Args:
        features: F.
        hidden: H.
        duration: c, number of words for which a goal is held.
    """

    def __init__(self, features: int, hidden: int, duration: int) -> None:
        super().__init__()
        self.duration = duration
        self.cells = nn.LSTM(features, hidden, batch_first=True)
        self.output = nn.Linear(hidden, features)
        self.first = nn.Parameter(torch.empty(features))
        """G_0."""
        for weight in self.parameters():
            nn.init.normal_(weight, std=START_STD)
        nn.init.trunc_normal_(self.first, std=START_STD, a=-2 * START_STD, b=2 * START_STD)

    def forward(self, features: Tensor) -> Tensor:
        """(B, K, F) goals G of blocks, from features (B, N, F) of prefixes of 0 words and more.

        K is one more than the whole blocks among the words.
        """
        blocks = (features.shape[1] - 1) // self.duration
        first = self.first.expand(len(features), 1, -1)
        if not blocks:
            return first
        hidden, _ = self.cells(features[:, : blocks * self.duration + 1])
        goals = self.direct(hidden[:, 1:])
        return torch.cat([first, goals.unflatten(1, (blocks, self.duration)).sum(2)], 1)

    def direct(self, hidden: Tensor) -> Tensor:
        """(…, F) goals g of length 1 from hidden states (…, H)."""
        return F.normalize(self.output(hidden), dim=-1)


class Worker(nn.Module):
    """The half of the generator that reads words and draws the next one along a goal."""

    def __init__(self, vocab_size: int, features: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.cells = nn.LSTM(embedding, hidden, batch_first=True)
        self.project = nn.Linear(features, GOAL, bias=False)
        # O = reshape(A h + a), and O w is linear in the products of h, or 1, with w. So the (V, 16)
        # numbers of O are formed for no word.
        self.output = nn.Linear((hidden + 1) * GOAL, vocab_size, bias=False)
        for weight in self.parameters():
            nn.init.normal_(weight, std=START_STD)

    def aim(self, goals: Tensor) -> Tensor:
        """(…, 16) vectors w of length 1 from goals G (…, F)."""
        return F.normalize(self.project(goals), dim=-1)

    @staticmethod
    def combine(hidden: Tensor, aims: Tensor) -> Tensor:
        """(…, 16 (H + 1)) products of hidden states (…, H) and of 1 with w (…, 16)."""
        return (F.pad(hidden, (0, 1), value=1.0)[..., None] * aims[..., None, :]).flatten(-2)

    def forward(
        self, batch: TokenBatch, goals: Tensor, duration: int, temperature: float = 1.0
    ) -> Tensor:
        """(B, N + 1) NLL in nats of words and end symbols, at most T, under goals (B, K, F)."""
        steps = batch.ids.shape[1]
        hidden, _ = self.cells(self.embedding(F.pad(batch.ids[:, :-1], (1, 0), value=PAD)))
        aims = self.aim(goals).repeat_interleave(duration, 1)[:, :steps]
        drawn = drawn_mask(batch.lengths, steps)
        logits = self.output(self.combine(hidden[drawn], aims[drawn]))
        if temperature != 1.0:
            logits = logits / temperature
        return symbol_nll(logits, batch.ids, batch.lengths)


class LeakedWriter:
    """The generator as it draws word by word, for as long as no weight moves.

    The manager is asked only where a goal ends. It then reads the words written since at once.
    """

    def __init__(self, manager: Manager, worker: Worker, discriminator: HighwayCNN) -> None:
        self.max_length = discriminator.max_length
        self.manager = manager
        self.worker = worker
        self.prefixes = PrefixFeatures(discriminator)

    @property
    def output(self) -> nn.Module:
        return self.worker.output

    def start(self, n: int) -> State:
        features = self.prefixes.first()  # (1, F)
        _, (hidden, cell) = self.manager.cells(features[None])
        aim = self.worker.aim(self.manager.first)
        zeros = features.new_zeros(n, self.worker.cells.hidden_size)
        symbols = torch.empty(n, 0, dtype=torch.int64, device=features.device)
        managed = (part[0].expand(n, -1) for part in (hidden, cell))
        return symbols, zeros, zeros, aim.expand(n, -1), *managed, *self.prefixes.start(n)

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        read, hidden, cell, aims, *managed = state
        words = read.shape[1]  # the first symbol is none
        read = torch.cat([read, symbols[:, None]], 1)
        duration = self.manager.duration
        if words and words % duration == 0:
            aims, managed = self._set_goals(read[:, -duration:], words - duration, managed)
        past = (hidden[None], cell[None])
        _, (hidden, cell) = self.worker.cells(self.worker.embedding(symbols[:, None]), past)
        state = (read, hidden[0], cell[0], aims, *managed)
        return self.worker.combine(hidden[0], aims), state

    def _set_goals(
        self, words: Tensor, place: int, managed: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """(B, 16) vectors w after words (B, c) behind ``place`` others, and the manager's state."""
        hidden, cell, *memory = managed
        features, memory_after = self.prefixes.read(words, place, tuple(memory))  # (B, c, F)
        past = (hidden[None].contiguous(), cell[None].contiguous())
        states, (hidden, cell) = self.manager.cells(features, past)
        goals = self.manager.direct(states).sum(1)  # (B, F)
        return self.worker.aim(goals), [hidden[0], cell[0], *memory_after]


class LeakGAN(TextGenerator):
    """A manager and a worker; defaults are those of the authors' code on synthetic data.

    Args:
        embedding: size of the worker's word vectors.
        hidden: units of the LSTMs of manager and worker.
        discriminator_embedding: size of the discriminator's word vectors.
        filters: number of the discriminator's filters by their span, in words, 0 for none.
        discriminator_dropout: rate of dropout on the discriminator's features; the paper has 0.25.
        discriminator_l2: weight of the L2 penalty on the discriminator's output layer.
        duration: c, number of words for which a goal is held.
        rollouts: number of completions of each prefix of c, 2c, … words.
        real_ranked: number of real sentences, a generator step taken in the game, that are ranked
            with the samples, up to as many as these; the code has 0.5 on captions.
        discriminator_steps: number of discriminator steps a generator step; the code takes 15
            epochs of some 156 batches of 64 real and 64 generated sentences.
        generator_lr: Adam learning rate of manager and of worker, in likelihood and in the game.
        discriminator_lr: Adam learning rate.
        pretraining: batches before the game.
        rounds: number of equal parts of the pretraining, each of which begins with the
            discriminator.
        likelihood_every: number of generator steps of the game between likelihood.
        likelihood_batches: number of batches of likelihood after these.

    Raises:
        UserError: a number is out of range, or the rounds are not equal.
    """

    knob: ClassVar[str] = "temperature"
    setting = 1.0

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 32,
        hidden: int = 32,
        discriminator_embedding: int = 64,
        filters: Mapping[int, int] = FILTERS,
        discriminator_dropout: float = 0.0,
        discriminator_l2: float = 0.0,
        duration: int = 4,
        rollouts: int = 4,
        real_ranked: float = 0.0,
        discriminator_steps: int = 2340,
        generator_lr: float = 1e-2,
        discriminator_lr: float = 5e-5,
        pretraining: Pretraining = NO_PRETRAINING,
        rounds: int = 1,
        likelihood_every: int = 15,
        likelihood_batches: int = 0,
    ) -> None:
        super().__init__(vocab_size, max_length)
        counts = {
            "duration": duration,
            "rollouts": rollouts,
            "discriminator_steps": discriminator_steps,
            "rounds": rounds,
            "likelihood_every": likelihood_every,
        }
        for name, count in counts.items():
            if count < 1:
                raise UserError(f"{name}={count} is 1 or more")
        if min(real_ranked, likelihood_batches) < 0:
            raise UserError(
                f"real_ranked={real_ranked} and likelihood_batches={likelihood_batches} are 0 or"
                " more"
            )
        if pretraining.likelihood % rounds or pretraining.discriminator % rounds:
            raise UserError(f"rounds={rounds} does not divide the phases of {pretraining}")
        self.save_hyperparameters()
        self.discriminator = HighwayCNN(
            vocab_size,
            max_length,
            embedding=discriminator_embedding,
            filters=filters,
            dropout=discriminator_dropout,
        )
        features = self.discriminator.features
        self.manager = Manager(features, hidden, duration)
        self.worker = Worker(vocab_size, features, embedding, hidden)
        self.discriminator_l2 = discriminator_l2
        self.rollouts = rollouts
        self.real_ranked = real_ranked
        self.discriminator_steps = discriminator_steps
        self.generator_lr = generator_lr
        self.discriminator_lr = discriminator_lr
        self.pretraining = pretraining
        self.rounds = rounds
        self.likelihood_every = likelihood_every
        self.likelihood_batches = likelihood_batches

    def configure_optimizers(self) -> list[Optimizer]:
        halves = [self.manager, self.worker]
        # The likelihood and the game have an Adam of each half of their own (code).
        return [
            *(Adam(half.parameters(), self.generator_lr) for half in 2 * halves),
            Adam(self.discriminator.parameters(), self.discriminator_lr),
        ]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """A step of maximum likelihood, or of the discriminator and, on its turn, the generator."""
        self.phase, turn = self.plan(self.batches_done)
        self.updates_generator = self.phase == "likelihood" or turn is not None
        if self.phase == "likelihood":
            self.log_losses(self.imitate(batch))
            return
        losses = {} if turn is None else self.play(batch, turn)
        self.log_losses({**losses, "discriminator/loss": self.tell_apart(batch)})

    def plan(self, batch: int) -> tuple[Phase, int | None]:
        """What a batch, from 0, is spent on; the generator steps of the game before, on its turn.

        >>> few = Pretraining(likelihood=2, discriminator=2)
        >>> method = LeakGAN(
        ...     5, 4, filters={1: 2}, pretraining=few, rounds=2, discriminator_steps=2,
        ...     likelihood_every=1, likelihood_batches=1,
        ... )
        >>> [method.plan(batch)[0][0] for batch in range(10)]
        ['d', 'l', 'd', 'l', 'g', 'g', 'l', 'g', 'g', 'l']
        >>> [method.plan(batch)[1] for batch in range(4, 10)]
        [0, None, None, 1, None, None]
        """
        game = self.pretraining.game
        if batch < game:
            place = batch % (game // self.rounds)
            first = place < self.pretraining.discriminator // self.rounds
            return ("discriminator" if first else "likelihood"), None
        played = self.likelihood_every * self.discriminator_steps
        cycle, place = divmod(batch - game, played + self.likelihood_batches)
        if place >= played:
            return "likelihood", None
        step, later = divmod(place, self.discriminator_steps)
        return "game", None if later else cycle * self.likelihood_every + step

    def imitate(self, batch: TokenBatch) -> dict[str, Tensor]:
        """One step of both halves on text; the worker's loss in nats a symbol."""
        text = self.cut(batch)
        features, goals = self.lead(text)
        blocks = block_cosines(features, goals, text.lengths, self.manager.duration)
        manager_loss = -self.mean_of_blocks(blocks, text.lengths)
        nll = self.worker(text, goals.detach(), self.manager.duration)
        worker_loss = self.mean_of_symbols(nll, text.lengths)
        self.move(manager_loss, worker_loss, game=False)
        return {"manager/loss": manager_loss, "worker/nll": worker_loss}

    def play(self, batch: TokenBatch, turn: int) -> dict[str, Tensor]:
        """One step of both halves on as many samples as the batch has sentences."""
        writer = self.writer()
        samples = write(writer, len(batch.ids), 1.0, self.device)
        rewards, blocks = self.rewards(samples, writer)  # (B, K) both
        real = batch.ids[: int(self.real_ranked * turn)]
        ranked = rescale_by_rank(rewards, blocks, self.judge(real))
        text = self.cut(samples)
        features, goals = self.lead(text)
        duration = self.manager.duration
        cosines = block_cosines(features, goals, text.lengths, duration)
        manager_loss = -self.mean_of_blocks(ranked[:, : goals.shape[1]] * cosines, text.lengths)
        nll = self.worker(text, goals.detach(), duration)
        steps = word_cosines(features, goals, text.lengths, duration, nll.shape[1]).detach()
        worker_loss = self.mean_of_symbols(steps * nll, text.lengths)
        self.move(manager_loss, worker_loss, game=True)
        return {
            "manager/loss": manager_loss,
            "manager/reward": self.mean_of_blocks(rewards, text.lengths),
            "worker/loss": worker_loss,
            "worker/reward": self.mean_of_symbols(steps, text.lengths),
        }

    def tell_apart(self, batch: TokenBatch) -> Tensor:
        """One step of the discriminator on a batch of text and as many fresh samples; nats."""
        *_, optimizer = cast("list[LightningOptimizer]", self.optimizers())
        samples = write(self.writer(), len(batch.ids), 1.0, self.device)
        real = F.pad(batch.ids, (0, self.max_length - batch.ids.shape[1]), value=PAD)
        scores = self.discriminator(torch.cat([real, samples.ids])).chunk(2)
        loss = discriminator_loss(*scores) / 2
        self.descend(loss + self.discriminator_l2 * self.discriminator.penalty(), optimizer)
        return loss

    def move(self, manager_loss: Tensor, worker_loss: Tensor, *, game: bool) -> None:
        """One step of each half on its own loss, by the Adams of the game or of the likelihood."""
        optimizers = cast("list[LightningOptimizer]", self.optimizers())
        manager_optimizer, worker_optimizer = optimizers[2:4] if game else optimizers[:2]
        self.descend(manager_loss, manager_optimizer, clip=GRADIENT_NORM)
        self.descend(worker_loss, worker_optimizer, clip=GRADIENT_NORM)

    def writer(self) -> LeakedWriter:
        return LeakedWriter(self.manager, self.worker, self.discriminator)

    def cut(self, batch: TokenBatch) -> TokenBatch:
        """The batch with room for its longest sentence and an end symbol: (B, N + 1), at most T."""
        steps = min(int(batch.lengths.max()) + 1, self.max_length)
        ids = F.pad(batch.ids, (0, steps - batch.ids.shape[1]), value=PAD)
        return TokenBatch(ids, batch.lengths)

    def lead(self, text: TokenBatch) -> tuple[Tensor, Tensor]:
        """(B, N + 1, F) features of prefixes, without a gradient, and (B, K, F) goals of blocks."""
        longest = int(text.lengths.max())
        features = PrefixFeatures(self.discriminator).read_all(text.ids[:, :longest])
        # After T words no goal is set.
        return features, self.manager(features[:, : text.ids.shape[1]])

    @torch.no_grad()
    def rewards(self, samples: TokenBatch, writer: LeakedWriter) -> tuple[Tensor, Tensor]:
        """(B, K) Q of each block of c words, in [0, 1], and (B, K) whether it has a word.

        Q is the mean of D over completions of all words up to the end of the block, or D of the
        sentence if it ends within the block.
        """
        duration = self.manager.duration
        first = torch.arange(0, self.max_length, duration, device=samples.ids.device)  # (K,)
        lengths = samples.lengths[:, None]
        completed = first + duration <= lengths.clamp(max=self.max_length - 1)  # (B, K)
        rewards = self.judge(samples.ids)[:, None].masked_fill(completed, 0.0)
        rollouts = roll_out(writer, samples, self.rollouts, every=duration)
        place = rollouts.sentence * len(first) + rollouts.words // duration - 1
        judged = self.judge(rollouts.ids, rollouts.words, self.rollouts)
        rewards.view(-1).index_add_(0, place, judged / self.rollouts)
        return rewards, first < lengths

    def judge(self, ids: Tensor, shared: Tensor | None = None, repetitions: int = 1) -> Tensor:
        """(R,) probabilities that sentences ids (R, T) are real; ``HighwayCNN.judge``."""
        padded = F.pad(ids, (0, self.max_length - ids.shape[1]), value=PAD)
        return self.discriminator.judge(padded, shared, repetitions).sigmoid()

    def mean_of_symbols(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Mean of values (B, N + 1) over all words and end symbols of all processes."""
        drawn = drawn_mask(lengths, values.shape[1])
        return (values * drawn).sum() / process_mean(drawn.sum().to(values.dtype))

    def mean_of_blocks(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Mean of values (B, K) over all blocks with a word of all processes; 0 without any."""
        blocks = torch.arange(values.shape[1], device=lengths.device) * self.manager.duration
        started = blocks < lengths[:, None]
        count = process_mean(started.sum().to(values.dtype))
        return (values * started).sum() / count.where(count > 0, 1.0)

    def log_prob(self, batch: TokenBatch, *, temperature: float = 1.0) -> Tensor:
        text = self.cut(batch)
        _, goals = self.lead(text)
        nll: Tensor = self.worker(text, goals, self.manager.duration, temperature)
        return -nll.sum(1)

    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        """Draw ``n`` sentences; a ``temperature`` below 1 gives up diversity for quality.

        Raises:
            UserError: the temperature is out of range.
        """
        check_temperature(temperature)
        return write(self.writer(), n, temperature, self.device)


def block_cosines(features: Tensor, goals: Tensor, lengths: Tensor, duration: int) -> Tensor:
    """(B, K) cosines of goals and the changes of features over the words that these are held for.

    Args:
        features: (B, N + 1, F) features of prefixes of 0 to N words.
        goals: (B, K, F) goals of blocks.
        lengths: (B,) numbers of words; a sentence changes no more after them.
        duration: c.
    """
    first = torch.arange(goals.shape[1], device=goals.device) * duration
    return F.cosine_similarity(_change(features, first, first + duration, lengths), goals, dim=-1)


def word_cosines(
    features: Tensor, goals: Tensor, lengths: Tensor, duration: int, steps: int
) -> Tensor:
    """(B, ``steps``) cosines of goals and the changes of features since these were set.

    Those of the first symbols, one by one; the end symbol changes nothing. The other arguments are
    those of ``block_cosines``.
    """
    t = torch.arange(steps, device=goals.device)
    change = _change(features, t - t % duration, t + 1, lengths)
    goal = goals.repeat_interleave(duration, 1)[:, :steps]
    return F.cosine_similarity(change, goal, dim=-1)


def _change(features: Tensor, first: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """(B, N, F) differences of features between prefixes of first (N,) and last (N,) words."""
    before, after = (
        features.take_along_dim(torch.minimum(words, lengths[:, None])[..., None], 1)
        for words in (first, last)
    )
    return after - before


def rescale_by_rank(rewards: Tensor, counted: Tensor, others: Tensor) -> Tensor:
    """Bootstrapped rescaled activation: rewards by their rank in the batch (Guo et al., 2018).

    sigmoid(16 (1/2 - rank / n)) of the rank among n rewards of a column, 1 the largest. Equal ones
    share their mean rank. The batch is that of all processes.

    Args:
        rewards: (B, K) rewards.
        counted: (B, K) bool, whether a reward is there to be ranked.
        others: (M,) rewards that are ranked along in every column.

    >>> column = torch.tensor([[0.1], [0.9]])
    >>> rescale_by_rank(column, column > 0, torch.zeros(0))
    tensor([[3.3535e-04],
            [5.0000e-01]])
    """
    columns = rewards.shape[1]
    ranked = process_rows(torch.cat([rewards, others[:, None].expand(-1, columns)]))
    among = process_rows(torch.cat([counted, counted.new_ones(len(others), columns)]))
    higher = (ranked > rewards[:, None]) & among  # (B, B + M, K)
    level = (ranked == rewards[:, None]) & among
    rank = higher.sum(1) + (level.sum(1) + 1) / 2
    return torch.sigmoid(STEEPNESS * (0.5 - rank / among.sum(0).clamp(min=1)))
