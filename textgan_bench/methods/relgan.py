"""RelGAN: relational memory, relaxed words, many representations (Nie et al., 2019).

"RelGAN: Relational generative adversarial networks for text generation". A relational memory, which
has learnt by maximum likelihood first, turns what it has written into scores o_t. The word drawn
next is fed back; its relaxation, of the same noise, goes to the discriminator:

    y_t = one-hot(argmax(o_t + g_t)),   ŷ_t = softmax(beta_n (o_t + g_t)),   g_t ~ Gumbel(0, 1).

The inverse temperature beta_n = beta_max^(n / N) grows with the step n of the generator. The
discriminator D reads S representations x^(s) = (W^(s) x_1, W^(s) x_2, …) of a sentence x, each by
itself, and

    l_D = - 1/S sum_s E log sigmoid(D(r^(s)) - D(ŷ^(s))),
    l_G = - 1/S sum_s E log sigmoid(D(ŷ^(s)) - D(r^(s)))

are the relativistic losses of pairs of a real sentence r and a generated one. Sizes and constants
are those of the authors' code, weilinie/RelGAN, and so is the form of the relational memory. Here,
otherwise than there:

- beta_n ends at beta_max. The code has N = 5,000 but takes 2,000 steps of the generator for
  captions, so that beta_max = 100 ends at 6.3 (``annealing=5000`` brings this back).
- Padding is the symbol that ends a sentence, and the first that is read. As in the code D reads all
  T places of a real sentence, and padding is a symbol to it with a vector of its own. Behind the
  end of a generated sentence stands the same padding, exact, whatever the words before. The code
  goes on writing there, so that its generator has to learn to pad, and strikes padding out later.
- Likelihood counts words and end symbols, not the padding behind them.
- Where both players move on a batch of text, they do so on the same real sentences, and the
  generator last. The code takes other sentences for each step.

The code's filters need sentences of five words. Here shorter ones are filled up with zero vectors.
The biases of its last two layers are left out, which no loss depends on.

Shapes: B batch, T time, V vocabulary, H hidden, S representations, K filters of one span.
"""

from collections.abc import Iterable, Iterator
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import TextGenerator
from textgan_bench.kernels.dropout import Dropout
from textgan_bench.losses.adversarial import relativistic_loss
from textgan_bench.losses.likelihood import drawn_mask
from textgan_bench.losses.processes import process_mean
from textgan_bench.losses.relaxation import add_gumbel_noise_, soft_embedding
from textgan_bench.networks.autoregressive import LanguageModel, State
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.networks.pretraining import NO_PRETRAINING, Pretraining
from textgan_bench.networks.relational_memory import Inputs, RelationalMemory
from textgan_bench.tokens import PAD, TokenBatch

SLOTS = 1  # rows of the memory, code
SPANS = (2, 3, 4, 5)  # words under a filter, code
SUMMARY = 100  # units of the discriminator's last linear layer but one, code
GRADIENT_NORM = 5.0  # largest norm of a gradient in every phase, code
CACHED_ROWS = 64  # whose responses to 300 filters a processor's cache holds; measured


def initialise(network: nn.Module) -> None:
    """Weights from a normal law cut at two deviations, 1 / sqrt(fan-in); biases zero (code).

    The deviation of filters is sqrt(2 / fan-in). The fan-in of word vectors is V.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            std = module.in_features**-0.5
        elif isinstance(module, nn.Embedding):
            std = module.num_embeddings**-0.5
        elif isinstance(module, nn.Conv1d):
            std = (2 / module.kernel_size[0]) ** 0.5
        else:
            continue
        nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
        if not isinstance(module, nn.Embedding) and module.bias is not None:
            nn.init.zeros_(module.bias)


class Generator(LanguageModel):
    """A relational memory between word vectors and scores of words."""

    output: nn.Linear

    def __init__(
        self, vocab_size: int, max_length: int, embedding: int, heads: int, head_size: int
    ) -> None:
        super().__init__(max_length)
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.memory = RelationalMemory(embedding, SLOTS, heads, head_size)
        self.output = nn.Linear(SLOTS * self.memory.width, vocab_size)
        initialise(self)

    def read(self, symbols: Tensor) -> Tensor:
        (memory,) = self.start(len(symbols))
        hidden = []
        for inputs in over_time(self.memory.prepare(self.embedding(symbols))):
            memory = self.memory(inputs, memory)
            hidden.append(memory.flatten(1))
        return torch.stack(hidden, 1)

    def start(self, n: int) -> State:
        return (self.memory.start(n),)

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        memory = self.memory(self.memory.prepare(self.embedding(symbols)), state[0])
        return memory.flatten(1), (memory,)

    def relaxed(self, n: int, table: Tensor, sharpness: float) -> tuple[Tensor, Tensor]:
        """Write ``n`` sentences and embed their relaxed words.

        The gradient goes through relaxed words and the memory, not through the choice of the words
        that are fed back and of the place where a sentence ends.

        Args:
            table: (V, S) vectors that relaxed words are means of.
            sharpness: beta, the inverse temperature of relaxed words.

        Returns:
            (B, T, S) vectors, those of padding behind the end, and (B,) numbers of words.
        """
        live = torch.arange(n, device=table.device)
        symbols, state = torch.full_like(live, PAD), self.start(n)
        lengths = torch.zeros_like(live)
        vectors, places = [], []
        for t in range(self.max_length):
            hidden, state = self.step(symbols, state)
            scores = add_gumbel_noise_(self.output(hidden))  # (B', V) of the B' not yet over
            vectors.append(soft_embedding(scores, table, 1 / sharpness))
            places.append(live * self.max_length + t)
            symbols = scores.argmax(-1)
            going = symbols != PAD
            if not going.all():
                live, symbols = live[going], symbols[going]
                state = tuple(part[going] for part in state)
                if not len(live):
                    break
            lengths[live] += 1
        padding = table[PAD].expand(n * self.max_length, -1)
        written = padding.index_copy(0, torch.cat(places), torch.cat(vectors))
        return written.unflatten(0, (n, self.max_length)), lengths


def over_time(inputs: Inputs) -> Iterator[Inputs]:
    """Those of each step, (B, …), from those of all, (B, T, …)."""
    return map(Inputs, *(part.unbind(1) for part in inputs))


def strongest_responses(rows: Tensor, weight: Tensor) -> Tensor:
    """(N, K) largest product of each filter (K, span) with a window of each of rows (N, T).

    Equal, in value and gradient, to a convolution and its maximum over time. Here the products of
    a few rows stay in the processor's cache until it is known which are the largest; the others
    are forgotten, and the gradient never meets them. This takes a quarter of the time of both
    passes of a convolution (20 words, 300 filters), which would write and read all of them.
    """
    span = weight.shape[1]
    with torch.no_grad():
        best = []
        for few in rows.split(CACHED_ROWS if rows.device.type == "cpu" else len(rows)):
            responses = few.unfold(1, span, 1) @ weight.T  # (N', windows, K)
            # As an image with a channel a filter, whose maxima are found for many at a time.
            image = responses[:, :, None].permute(0, 3, 1, 2)  # (N', K, windows, 1)
            _, places = F.max_pool2d(image, (image.shape[2], 1), return_indices=True)
            best.append(places.flatten(1))
        start = torch.cat(best)  # (N, K)
    products = [weight[:, j] * rows.gather(1, start + j) for j in range(span)]
    return torch.stack(products).sum(0)


class Discriminator(nn.Module):
    """A convolutional network that scores each representation of a sentence.

    A representation has one number a word (code: an embedding of 64, split into 64), which filters
    of several spans read.
    """

    def __init__(self, vocab_size: int, representations: int, filters: int, dropout: float) -> None:
        super().__init__()
        features = filters * len(SPANS)
        self.words = nn.Embedding(vocab_size, representations)
        self.filters = nn.ModuleList(nn.Conv1d(1, filters, span) for span in SPANS)
        self.transform = nn.Linear(features, features, bias=False)
        self.gate = nn.Linear(features, features, bias=False)
        self.dropout = dropout
        # Losses are of differences of two scores, from which a bias of these layers would vanish.
        self.summary = nn.Linear(features, SUMMARY, bias=False)
        self.score = nn.Linear(SUMMARY, 1, bias=False)
        initialise(self)

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """(B, S) scores of vectors (B, T, S); their differences count, as logits of "more real".

        Vectors behind ``lengths`` (B,) and the end symbol are those of padding.
        """
        # Windows of padding alone are all the same: one of each span, behind the last end symbol,
        # is as good as more.
        steps = min(vectors.shape[1], int(lengths.max()) + 1 + SPANS[-1])
        rows = vectors[:, :steps].transpose(1, 2).flatten(0, 1)  # (N, T), N = B S
        rows = F.pad(rows, (0, max(0, SPANS[-1] - steps)))
        responses = [
            strongest_responses(rows, group.weight[:, 0]) + cast(Tensor, group.bias)
            for group in cast("Iterable[nn.Conv1d]", self.filters)
        ]
        features = F.relu(torch.cat(responses, 1))  # (N, 4 K)
        gate = torch.sigmoid(self.gate(features))
        highway = torch.lerp(features, F.relu(self.transform(features)), gate)
        highway = Dropout(self.dropout if self.training else 0.0)(highway)
        # Nothing stands between the last two layers, so that their product takes one for both.
        weight = self.score.weight @ self.summary.weight  # (1, 4 K)
        return F.linear(highway, weight).view(len(vectors), -1)


class RelGAN(TextGenerator):
    """Relational GAN; defaults are those of the authors' code.

    Args:
        embedding: E, size of the generator's word vectors.
        heads: number of heads of the memory's attention.
        head_size: units of a head; the memory has ``heads`` times as many.
        representations: S, number of representations that the discriminator reads.
        filters: K, number of the discriminator's filters of each of the spans 2, 3, 4 and 5.
        dropout: rate of dropout in the discriminator.
        sharpness: beta_max, the last inverse temperature; 100 or 1,000 for text, 1 for the oracle
            of 20 words (issue 22 of the code).
        annealing: N, number of the generator's steps in the game until beta is beta_max: all of
            them, as the recipe counts them.
        discriminator_steps: number of steps of the discriminator a step of the generator.
        pretraining_lr: Adam learning rate of the generator before the game.
        generator_lr, discriminator_lr: Adam learning rates in the game.
        pretraining: batches of text before the game; the code has 150 epochs of likelihood.

    Raises:
        UserError: a number of steps is not positive.
    """

    knob: ClassVar[str] = "temperature"
    setting = 1.0

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 32,
        heads: int = 2,
        head_size: int = 256,
        representations: int = 64,
        filters: int = 300,
        dropout: float = 0.25,
        sharpness: float = 100.0,
        annealing: int = 2000,
        discriminator_steps: int = 5,
        pretraining_lr: float = 1e-2,
        generator_lr: float = 1e-4,
        discriminator_lr: float = 1e-4,
        pretraining: Pretraining = NO_PRETRAINING,
    ) -> None:
        super().__init__(vocab_size, max_length)
        if min(annealing, discriminator_steps) < 1:
            raise UserError(
                f"annealing={annealing}, discriminator_steps={discriminator_steps}: "
                "each is 1 step or more"
            )
        self.save_hyperparameters()
        self.generator = Generator(vocab_size, max_length, embedding, heads, head_size)
        self.discriminator = Discriminator(vocab_size, representations, filters, dropout)
        self.sharpness = sharpness
        self.annealing = annealing
        self.discriminator_steps = discriminator_steps
        self.pretraining_lr = pretraining_lr
        self.generator_lr = generator_lr
        self.discriminator_lr = discriminator_lr
        self.pretraining = pretraining

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            Adam(self.generator.parameters(), self.pretraining_lr),
            Adam(self.generator.parameters(), self.generator_lr),
            Adam(self.discriminator.parameters(), self.discriminator_lr),
        ]

    def annealed(self, step: int) -> float:
        """The inverse temperature beta of the generator's ``step`` in the game, from 1."""
        exponent: float = min(step / self.annealing, 1.0)
        return self.sharpness**exponent

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """A step of likelihood; or one of the discriminator, and at times one of the generator."""
        optimizers = cast("list[LightningOptimizer]", self.optimizers())
        pretraining_optimizer, generator_optimizer, discriminator_optimizer = optimizers
        self.phase = self.pretraining.phase(self.batches_done)
        if self.phase == "likelihood":
            self.updates_generator = True
            drawn = drawn_mask(batch.lengths, self.max_length).sum()
            loss = self.generator(batch).sum() / process_mean(drawn.float())
            self.descend(loss, pretraining_optimizer, GRADIENT_NORM)
            self.log_losses({"generator/nll": loss})
            return
        played = max(0, self.batches_done - self.pretraining.game)
        rounds, turn = divmod(played, self.discriminator_steps)
        self.updates_generator = self.phase == "game" and turn == self.discriminator_steps - 1
        sharpness = self.annealed(rounds + 1)

        with self.frozen(self.generator):
            samples = self._scores_of_samples(len(batch.ids), sharpness)
            loss = relativistic_loss(self._scores_of_text(batch), samples)
            self.descend(loss, discriminator_optimizer, GRADIENT_NORM)
        losses = {"discriminator/loss": loss}
        if self.updates_generator:
            with self.frozen(self.discriminator):
                samples = self._scores_of_samples(len(batch.ids), sharpness)
                generator_loss = relativistic_loss(samples, self._scores_of_text(batch))
                self.descend(generator_loss, generator_optimizer, GRADIENT_NORM)
            losses["generator/loss"] = generator_loss
        self.log_losses(losses)

    def _scores_of_text(self, batch: TokenBatch) -> Tensor:
        """(B, S) scores of real sentences, padded to T."""
        ids = F.pad(batch.ids, (0, self.max_length - batch.ids.shape[1]), value=PAD)
        scores: Tensor = self.discriminator(self.discriminator.words(ids), batch.lengths)
        return scores

    def _scores_of_samples(self, n: int, sharpness: float) -> Tensor:
        """(B, S) scores of ``n`` sentences that the generator writes."""
        vectors, lengths = self.generator.relaxed(n, self.discriminator.words.weight, sharpness)
        scores: Tensor = self.discriminator(vectors, lengths)
        return scores

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
