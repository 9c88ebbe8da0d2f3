"""ScratchGAN: REINFORCE without pre-training (de Masson d'Autume et al., 2019).

"Training language GANs from scratch". The generator is a recurrent language model p; the recurrent
discriminator judges every word, given those before it. With t running over words and end symbol,

    L_D = - 1/2 E sum_t log D(x_t | x_<t) - 1/2 E_p sum_t log(1 - D(x_t | x_<t)),
    r_t = 2 D(x_t | x_<t) - 1,   R_t = sum_{s >= t} gamma^{s-t} r_s,
    grad L_G = - E_p sum_t (R_t - b) grad log p(x_t | x_<t),

where b is a moving average of the mean return. It works by dense rewards, large batches and a
regularised discriminator (paper, section 4). Sizes and constants are those of the authors' code,
deepmind-research/scratchgan. The paper's objective stands where that code departs: it also averages
over padded positions, which adds log 2 to L_D and draws b towards zero. Its players draw samples in
turn; here one set of samples serves a step of both.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden.
"""

import math
from pathlib import Path
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from textgan_bench.interfaces import TextDataModule, TextGenerator
from textgan_bench.losses.likelihood import drawn_mask, log_frequencies
from textgan_bench.losses.policy_gradient import discounted_returns, reinforce_loss
from textgan_bench.losses.processes import process_mean
from textgan_bench.networks.autoregressive import LanguageModel, State
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.networks.layer_norm_lstm import LayerNormLSTM
from textgan_bench.networks.word_vectors import WordVectors, read_word_vectors
from textgan_bench.tokens import PAD, TokenBatch

POSITION_SIGNALS = 8  # code


class TiedOutput(nn.Module):
    """Scores of words: products with their own vectors, and a bias."""

    def __init__(self, words: WordVectors) -> None:
        super().__init__()
        self.words = words
        self.bias = nn.Parameter(torch.zeros(len(words.learnt)))

    def forward(self, vectors: Tensor) -> Tensor:
        """(…, V) scores from predicted word vectors (…, E)."""
        return F.linear(vectors, self.words.table(), self.bias)


class Generator(LanguageModel):
    """Two LSTM layers between word vectors that are tied at input and output.

    Both layers read the projected input, and both are read by the output (code: Sonnet's DeepRNN).
    """

    output: TiedOutput

    def __init__(self, max_length: int, words: WordVectors, hidden: int) -> None:
        super().__init__(max_length)
        self.words = words
        self.input = nn.Linear(words.dimension, hidden, bias=False)
        self.first = nn.LSTM(hidden, hidden, batch_first=True)
        self.second = nn.LSTM(2 * hidden, hidden, batch_first=True)
        self.predict = nn.Linear(2 * hidden, words.dimension, bias=False)
        self.output = TiedOutput(words)

    def read(self, symbols: Tensor) -> Tensor:
        return self._layers(symbols, self.start(len(symbols)))[0]

    def start(self, n: int) -> State:
        return tuple(self.input.weight.new_zeros(n, self.first.hidden_size) for _ in range(4))

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        vectors, state = self._layers(symbols[:, None], state)
        return vectors[:, 0], state

    def _layers(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, T, E) predicted vectors after each of ``symbols`` (B, T), and the state after all."""
        h1, c1, h2, c2 = (part[None] for part in state)
        inputs = self.input(self.words(symbols))  # (B, T, H)
        low, (h1, c1) = self.first(inputs, (h1, c1))
        high, (h2, c2) = self.second(torch.cat([inputs, low], -1), (h2, c2))
        return self.predict(torch.cat([low, high], -1)), (h1[0], c1[0], h2[0], c2[0])


def cosine_positions(length: int) -> Tensor:
    """(T, 8) cosines cos(pi (t / period + shift)) of the position t, in [-1, 1] (code).

    Periods are evenly spaced in the logarithm from 2 to T, shifts evenly from 0 to 2. A period is
    half a wave, so that the longest does not return to where it started within a sentence.
    """
    periods = torch.logspace(math.log10(2), math.log10(max(length, 2)), POSITION_SIGNALS)
    shifts = torch.linspace(0, 2, POSITION_SIGNALS)
    return torch.cos(math.pi * (torch.arange(length)[:, None] / periods + shifts))


class Discriminator(nn.Module):
    """A layer-normalised LSTM that scores each symbol, real or not, given those before."""

    positions: Tensor

    def __init__(self, max_length: int, words: WordVectors, hidden: int, dropout: float) -> None:
        super().__init__()
        self.words = words
        self.dropout = dropout
        self.input = nn.Linear(words.dimension + POSITION_SIGNALS, hidden)
        self.lstm = LayerNormLSTM(hidden, hidden)
        self.score = nn.Linear(hidden, 1)
        self.register_buffer("positions", cosine_positions(max_length), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) scores, the logits of "real", of each symbol of ids (B, T)."""
        # Dropout falls on the table: an entry that is lost is lost wherever the word stands.
        table = F.dropout(self.words.table(), self.dropout, self.training)
        signals = self.positions[: ids.shape[1]].expand(len(ids), -1, -1)  # (B, T, 8)
        inputs = self.input(torch.cat([F.embedding(ids, table), signals], -1))  # (B, T, H)
        return self.score(self.lstm(inputs)).squeeze(-1)


class ScratchGAN(TextGenerator):
    """REINFORCE from scratch; defaults are those of the authors' code.

    Args:
        hidden: units of each LSTM layer of both players.
        fixed: number of dimensions of a word vector that ``glove`` fixes; learnt without it.
        learnt: number of further dimensions of a word vector, always learnt.
        glove: text file of word vectors, a word and ``fixed`` numbers a line. The paper's are
            those of GloVe (Pennington et al., 2014), which do not come with this project.
        unigram_start: whether the first samples have the frequencies of training words and ends,
            which takes the place of many large batches; not in the paper (docs/scratchgan.md).
        embedding_dropout: rate of dropout on the discriminator's word vectors.
        discount: gamma, the factor on the reward of each later word.
        baseline_decay: share of its old value that the baseline keeps in a step.
        generator_lr, discriminator_lr: Adam learning rates.
        discriminator_l2: weight of the discriminator's L2 penalty, a part of its loss and so of
            Adam's gradient.
    """

    knob: ClassVar[str] = "temperature"
    setting = 1.0
    BETAS = (0.5, 0.999)  # of Adam, code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        hidden: int = 512,
        fixed: int = 300,
        learnt: int = 64,
        glove: str | None = None,
        unigram_start: bool = False,
        embedding_dropout: float = 0.1,
        discount: float = 0.23,
        baseline_decay: float = 0.08,
        generator_lr: float = 9.59e-5,
        discriminator_lr: float = 9.38e-3,
        discriminator_l2: float = 1e-6,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        own, judged = (WordVectors(vocab_size, fixed, learnt, glove is not None) for _ in range(2))
        self.generator = Generator(max_length, own, hidden)
        self.discriminator = Discriminator(max_length, judged, hidden, embedding_dropout)
        self.glove = glove
        self.unigram_start = unigram_start
        self.discount = discount
        self.baseline_decay = baseline_decay
        self.generator_lr = generator_lr
        self.discriminator_lr = discriminator_lr
        self.discriminator_l2 = discriminator_l2
        self.baseline: Tensor
        self.register_buffer("baseline", torch.zeros(()))

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            Adam(self.generator.parameters(), self.generator_lr, self.BETAS),
            Adam(
                self.discriminator.parameters(),
                self.discriminator_lr,
                self.BETAS,
                weight_decay=self.discriminator_l2,
            ),
        ]

    def setup(self, stage: str) -> None:
        """Read the word vectors of ``glove``."""
        super().setup(stage)
        if stage == "fit" and self.glove is not None:
            data = cast(TextDataModule, self.trainer.datamodule)  # type: ignore[attr-defined]
            vectors = read_word_vectors(Path(self.glove), data.vocabulary)
            for player in (self.generator, self.discriminator):
                player.words.fix(vectors)

    def on_train_start(self) -> None:
        if self.unigram_start and self.trainer.global_step == 0:
            symbols, lengths = self.count_training_text()
            symbols[PAD] = lengths[: self.max_length].sum()  # longer sentences have no end symbol
            with torch.no_grad():
                self.generator.output.bias.copy_(log_frequencies(symbols))

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """One step of each player on the same samples; the rewards precede the discriminator's."""
        generator_optimizer, discriminator_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        samples = self.generator.sample(len(batch.ids), temperature=1.0)
        real_scores, real_mask = self._scores(batch)  # (B, T)
        scores, mask = self._scores(samples)
        rewards = (2 * torch.sigmoid(scores.detach()) - 1) * mask  # (B, T)
        returns = discounted_returns(rewards, self.discount)
        mean_return = process_mean(returns.sum()) / process_mean(mask.sum().float())
        self.baseline.lerp_(mean_return, 1 - self.baseline_decay)
        log_probs = -self.generator(samples)  # (B, T)
        self.descend(reinforce_loss(log_probs, returns - self.baseline), generator_optimizer)

        # Every position counts alike in batches of any length, as in the sum over t.
        losses = F.softplus(-real_scores[real_mask]).sum() + F.softplus(scores[mask]).sum()
        loss = losses / (2 * len(batch.ids) * self.max_length)
        self.descend(loss, discriminator_optimizer)
        self.log_losses(
            {
                "discriminator/loss": loss,
                "generator/reward": rewards[mask].mean(),
                "generator/length": samples.lengths.float().mean(),
            }
        )

    def _scores(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """(B, T) scores, and True on words and the end symbol; T is their largest number."""
        steps = min(int(batch.lengths.max()) + 1, self.max_length)
        ids = F.pad(batch.ids, (0, steps - batch.ids.shape[1]), value=PAD)  # (B, T), cut or padded
        return self.discriminator(ids), drawn_mask(batch.lengths, steps)

    def log_prob(self, batch: TokenBatch, *, temperature: float = 1.0) -> Tensor:
        nll: Tensor = self.generator(batch, temperature)  # (B, T)
        return -nll.sum(1)

    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        """Draw ``n`` sentences; a ``temperature`` below 1 gives up diversity for quality.

        Raises:
            UserError: the temperature is out of range.
        """
        check_temperature(temperature)
        return self.generator.sample(n, temperature)
