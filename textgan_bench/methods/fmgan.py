"""FMGAN: features of sentences matched by optimal transport (Chen et al., NeurIPS 2018).

"Adversarial text generation via feature-mover's distance". A recurrent generator G writes a
sentence from noise z ~ N(0, I), every word softened so that gradients pass:

    w_t = softmax(L v_t),   v_t the scores of words given z and the mean vectors of w_1 .. w_{t-1}.

A convolutional network F maps sentences, soft or real, to features. With the cosine cost
c(f, f') = 1 - f'f / (|f'| |f|) and plans T whose rows and columns sum to 1/n,

    D_FMD(f, f') = min over T of sum_ij T_ij c(f_i, f'_j),
    min over G, max over F:   E D_FMD(F(x), F(G(z))),

f and f' being the features of a batch of sentences x and of as many latents z. The plan is found by
IPOT (beta 1, 50 steps, each with one step inside). G starts as the decoder of a variational
autoencoder of the text (``pretraining``), whose encoder is a network like F:

    E_{z ~ q(z | x)} [-log p_G(x | z)] / T  +  KL(q(z | x) || N(0, I)) / Z,

the first over the T places of a sentence, the second over the Z dimensions, as in the code. A
sentence is written greedily, by the word of the highest score at each place.

Departures from the authors' code, vijini/FM-GAN, whose sizes and rates these are:

- Its script for COCO has the Sinkhorn divergence in place of D_FMD, and one of two for news an MMD.
  That divergence is the option ``distance="sinkhorn"``.
- Its IPOT multiplies by Q twice where one factor is Q transposed, so that columns do not sum to
  1/n, and differentiates the 50 steps. Here the plan is constant (envelope theorem).
- Its decoder reads the vector of the likeliest word, through which no gradient passes. Here it
  reads the mean vector, as in the paper; at L = 100 the two differ little.
- Real sentences begin with four padding symbols there, generated ones with none, which tells them
  apart by itself. Here both begin with them.
- A sentence is over at its first padding symbol, in the likelihood, in the game and in samples; its
  decoder writes on and learns padding as it learns words.
- The filters of the first layer start all alike there; here they differ.
- Learning rates are constant; its fall by 1 % every 3,000 steps.
- One set of latents serves a step of both players; there each draws its own.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden, Z latent, F features.
"""

from typing import ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Latents, TextGenerator
from textgan_bench.losses.likelihood import drawn_mask, normal_kl, symbol_nll
from textgan_bench.losses.processes import process_mean, process_rows
from textgan_bench.losses.relaxation import draw_
from textgan_bench.losses.transport import feature_movers_distance, sinkhorn_divergence
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.networks.pretraining import NO_PRETRAINING, Pretraining
from textgan_bench.tokens import PAD, TokenBatch

KERNEL, STRIDE = 5, 2  # of both strided layers, code
INITIAL_RANGE = 0.001  # word vectors and scores start uniform in [-0.001, 0.001], code
WRITING_BATCH = 512  # bounds the memory of the scores; not tuned
BETA, PROXIMAL_STEPS = 1.0, 50  # of IPOT, code
EPSILON, SINKHORN_STEPS = 1.0, 40  # of Sinkhorn's algorithm, code (COCO)

Distance = Literal["ipot", "sinkhorn"]


def _between(features: Tensor, others: Tensor, distance: Distance) -> Tensor:
    """The distance of two sets of features (B, F)."""
    if distance == "ipot":
        return feature_movers_distance(features, others, BETA, PROXIMAL_STEPS)
    return sinkhorn_divergence(features, others, EPSILON, SINKHORN_STEPS)


class UnitVectors(nn.Module):
    """Word vectors of length one (code)."""

    def __init__(self, vocab_size: int, embedding: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.empty(vocab_size, embedding))
        nn.init.uniform_(self.directions, -INITIAL_RANGE, INITIAL_RANGE)

    def forward(self) -> Tensor:
        """(V, E)."""
        return F.normalize(self.directions, dim=1)


class StridedCNN(nn.Module):
    """Features of a sentence: two strided convolutions and one over all that they leave.

    Padding, of the vector of the padding symbol, stands on both sides of a sentence, so that each
    filter of the first layer also sees words at its rim. A text of fewer words than a filter spans
    is padded to as many.

    Args:
        max_length: T, words of the longest sentence.
        embedding: E.
        filters: number of filters of the first layer; the second has twice as many (code).
        features: F.
    """

    def __init__(self, max_length: int, embedding: int, filters: int, features: int) -> None:
        super().__init__()
        self.before = KERNEL - 1
        self.places = max(max_length + 1, KERNEL) + 2 * (KERNEL - 1)
        left = self.places
        for _ in range(2):
            left = (left - KERNEL) // STRIDE + 1
        self.first = nn.Conv1d(embedding, filters, KERNEL, STRIDE)
        self.second = nn.Conv1d(filters, 2 * filters, KERNEL, STRIDE)
        self.last = nn.Conv1d(2 * filters, features, left)
        for layer in (self.first, self.second, self.last):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(cast(Tensor, layer.bias))

    def forward(self, words: Tensor, padding: Tensor) -> Tensor:
        """(B, F) features in (-1, 1) of word vectors (B, T, E), ``padding`` (E,) around them."""
        n, steps, _ = words.shape
        sides = (self.before, self.places - self.before - steps)
        left, right = (padding.expand(n, side, -1) for side in sides)
        hidden = torch.cat([left, words, right], 1).transpose(1, 2)  # (B, E, places)
        hidden = F.relu(self.second(F.relu(self.first(hidden))))
        return torch.tanh(self.last(hidden)).squeeze(2)


class Discriminator(nn.Module):
    """Features of sentences, by word vectors of its own."""

    def __init__(
        self, vocab_size: int, max_length: int, embedding: int, filters: int, features: int
    ) -> None:
        super().__init__()
        self.words = UnitVectors(vocab_size, embedding)
        self.features = StridedCNN(max_length, embedding, filters, features)

    def of_text(self, batch: TokenBatch) -> Tensor:
        """(B, F) features of sentences."""
        table = self.words()
        return self.features(F.embedding(batch.ids, table), table[PAD])

    def of_soft(self, symbols: Tensor) -> Tensor:
        """(B, F) features of soft sentences (B, T, V)."""
        table = self.words()
        return self.features(symbols @ table, table[PAD])


class Encoder(nn.Module):
    """The posterior q(z | x): mean and log variance of latents given a sentence."""

    def __init__(self, max_length: int, embedding: int, filters: int, latent_dim: int) -> None:
        super().__init__()
        self.features = StridedCNN(max_length, embedding, filters, latent_dim)
        self.hidden = nn.Linear(latent_dim, latent_dim)
        self.moments = nn.Linear(latent_dim, 2 * latent_dim)

    def forward(self, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, (B, Z) each, given word vectors (B, T, E)."""
        features = F.relu(self.features(words, padding))
        mean, log_variance = self.moments(F.relu(self.hidden(features))).chunk(2, -1)
        return mean, log_variance


class Generator(nn.Module):
    """An LSTM that reads a projected latent beside each word vector, and starts from it.

    Word vectors are those of input and output: the scores of words are their products with a
    vector predicted from the hidden state, and a bias (code).
    """

    def __init__(
        self, vocab_size: int, max_length: int, embedding: int, hidden: int, latent_dim: int
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.words = UnitVectors(vocab_size, embedding)
        self.start = nn.Linear(latent_dim, hidden)
        self.lstm = nn.LSTM(embedding + hidden, hidden, batch_first=True)
        self.predict = nn.Linear(hidden, embedding, bias=False)
        self.bias = nn.Parameter(torch.empty(vocab_size))
        for parameter in (self.predict.weight, self.bias):
            nn.init.uniform_(parameter, -INITIAL_RANGE, INITIAL_RANGE)

    def forward(self, latents: Tensor, batch: TokenBatch) -> Tensor:
        """(B, T) NLL in nats of words and end symbols given latents (B, Z).

        T is the longest row's number of them.
        """
        table = self.words()
        steps = min(int(batch.lengths.max()) + 1, self.max_length)
        ids = F.pad(batch.ids, (0, steps - batch.ids.shape[1]), value=PAD)  # (B, T), cut or padded
        before = F.embedding(F.pad(ids[:, :-1], (1, 0), value=PAD), table)  # (B, T, E)
        told, state = self._start(latents)
        beside = told[:, None].expand(-1, steps, -1)
        hidden, _ = self.lstm(torch.cat([before, beside], -1), state)  # (B, T, H)
        scores = self._scores(hidden[drawn_mask(batch.lengths, steps)], table)  # (N, V)
        return symbol_nll(scores, ids, batch.lengths)

    def soften(self, latents: Tensor, sharpness: float) -> Tensor:
        """(B, T, V) symbols of the simplex, softmax(``sharpness`` x scores), given latents (B, Z).

        A sentence is over where padding is the likeliest symbol; what follows is padding. T is the
        number of words of the longest sentence and its end symbol.
        """
        table = self.words()
        n, vocab_size = len(latents), len(table)
        padding = F.one_hot(torch.tensor(PAD), vocab_size).to(table)  # (V,)
        told, state = self._start(latents)
        vectors, going = table[PAD].expand(n, -1), latents.new_ones(n, dtype=torch.bool)
        symbols = []
        for _ in range(self.max_length):
            scores, state = self._step(vectors, told, state, table)
            symbol = torch.where(going[:, None], (sharpness * scores).softmax(-1), padding)
            symbols.append(symbol)
            vectors = symbol @ table
            going = going & (scores.argmax(-1) != PAD)
            if not going.any():
                break
        return torch.stack(symbols, 1)

    @torch.no_grad()
    def write(self, latents: Tensor, temperature: float) -> TokenBatch:
        """The sentence of each latent (B, Z): its likeliest words at temperature 0."""
        ids = torch.full((len(latents), self.max_length), PAD, device=latents.device)  # (B, T)
        rows = zip(ids.split(WRITING_BATCH), latents.split(WRITING_BATCH), strict=True)
        for chunk, part in rows:
            self._write(chunk, part, temperature)
        return TokenBatch(ids, (ids != PAD).sum(1))

    def _write(self, ids: Tensor, latents: Tensor, temperature: float) -> None:
        """Write sentences over the padding of ``ids``; one that has ended costs nothing more."""
        table = self.words()
        live = torch.arange(len(ids), device=ids.device)
        told, state = self._start(latents)
        words = ids[:, 0]
        for t in range(self.max_length):
            scores, state = self._step(F.embedding(words, table), told, state, table)
            words = draw_(scores / temperature) if temperature > 0 else scores.argmax(-1)
            going = words != PAD
            live, words, told = live[going], words[going], told[going]
            if not len(live):
                break
            state = (state[0][:, going], state[1][:, going])
            ids[live, t] = words

    def _start(self, latents: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """What is read beside each word, (B, H), and the first state: it is the cell (code)."""
        told = self.start(latents)
        return told, (torch.zeros_like(told)[None], told[None])

    def _step(
        self, vectors: Tensor, told: Tensor, state: tuple[Tensor, Tensor], table: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, V) scores after one more word vector (B, E), and the state that holds it."""
        hidden, state = self.lstm(torch.cat([vectors, told], -1)[:, None], state)
        return self._scores(hidden[:, 0], table), state

    def _scores(self, hidden: Tensor, table: Tensor) -> Tensor:
        """(…, V) scores of words from hidden states (…, H)."""
        return F.linear(self.predict(hidden), table, self.bias)


class FMGAN(TextGenerator):
    """Feature-mover's GAN; defaults are those of the authors' code for COCO (``textGAN_coco.py``).

    Args:
        embedding: dimensions of a word vector; the players have one each.
        hidden: units of the generator's LSTM.
        latent_dim: size of the latent z.
        filters: number of filters of the first of the convolutions.
        features: number of features of a sentence.
        sharpness: L, the factor on scores that makes soft words nearly hard.
        distance: distance of features that the players play for: ``ipot``, the paper's, or the
            ``sinkhorn`` divergence of the code.
        pretraining: batches on which the generator learns as the decoder of a variational
            autoencoder (``likelihood``), and then the discriminator alone. Without the former there
            is no encoder.
        discriminator_steps: number of the discriminator's steps to one of the generator: 5 in the
            code for news with IPOT (``textGAN_news2.py``).
        generator_steps: number of the generator's steps to one of the discriminator.
        pretraining_lr: Adam learning rate of encoder and generator in the first phase.
        generator_lr, discriminator_lr: Adam learning rates in the game.

    Raises:
        UserError: there is no such distance, or both players make several steps.
    """

    knob: ClassVar[str] = "temperature"
    setting = 0.0

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 300,
        hidden: int = 100,
        latent_dim: int = 128,
        filters: int = 300,
        features: int = 128,
        sharpness: float = 100.0,
        distance: Distance = "ipot",
        pretraining: Pretraining = NO_PRETRAINING,
        discriminator_steps: int = 1,
        generator_steps: int = 3,
        pretraining_lr: float = 1e-4,
        generator_lr: float = 1e-5,
        discriminator_lr: float = 1e-5,
    ) -> None:
        if distance not in ("ipot", "sinkhorn"):
            raise UserError(f"distance={distance}: choose one of ipot, sinkhorn")
        steps = (discriminator_steps, generator_steps)
        if min(steps) != 1:
            raise UserError(
                f"discriminator_steps={steps[0]}, generator_steps={steps[1]}: one of them is 1, "
                "the other at least 1"
            )
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        self.generator = Generator(vocab_size, max_length, embedding, hidden, latent_dim)
        self.discriminator = Discriminator(vocab_size, max_length, embedding, filters, features)
        self.encoder = (
            Encoder(max_length, embedding, filters, latent_dim) if pretraining.likelihood else None
        )
        self.latent_dim = latent_dim
        self.sharpness = sharpness
        self.distance = distance
        self.pretraining = pretraining
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.pretraining_lr = pretraining_lr
        self.generator_lr = generator_lr
        self.discriminator_lr = discriminator_lr

    def configure_optimizers(self) -> list[Optimizer]:
        """Adam of the generator and of the discriminator, and one of the autoencoder, if any."""
        optimizers: list[Optimizer] = [
            Adam(self.generator.parameters(), self.generator_lr),
            Adam(self.discriminator.parameters(), self.discriminator_lr),
        ]
        if self.encoder is not None:
            autoencoder = [*self.encoder.parameters(), *self.generator.parameters()]
            optimizers.append(Adam(autoencoder, self.pretraining_lr))
        return optimizers

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """A step of the autoencoder, or of the players whose turn it is."""
        self.phase = self.pretraining.phase(self.batches_done)
        if self.phase == "likelihood":
            self.updates_generator = True
            self._reconstruct(batch)
        else:
            self._play(batch)

    def _reconstruct(self, batch: TokenBatch) -> None:
        """A step of the variational autoencoder."""
        *_, optimizer = cast("list[LightningOptimizer]", self.optimizers())
        mean, log_variance = self._posterior(batch)
        latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        nll = self.generator(latents, batch)  # (B, T)
        kl = normal_kl(mean, log_variance)  # (B, Z)
        self.descend(nll.sum(1).mean() / self.max_length + kl.mean(), optimizer)
        self.log_losses(
            {
                "generator/nll": nll.sum() / process_mean(batch.lengths.sum().float()),
                "encoder/kl": kl.sum(1).mean(),
            }
        )

    def _posterior(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latents of sentences, (B, Z) each."""
        table = self.generator.words()
        encoder = cast(Encoder, self.encoder)
        return encoder(F.embedding(batch.ids, table), table[PAD])

    def _play(self, batch: TokenBatch) -> None:
        """A step of the discriminator, of the generator, or of one after the other."""
        generator_optimizer, discriminator_optimizer, *_ = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        turn = self.batches_done - self.pretraining.game + 1
        alone = self.phase == "discriminator"
        self.updates_generator = not alone and turn % self.discriminator_steps == 0
        latents = self._latents(len(batch.ids))
        with torch.set_grad_enabled(self.updates_generator):
            fake = self.generator.soften(latents, self.sharpness)  # (B, T, V)
        losses = {}
        if alone or turn % self.generator_steps == 0:
            distance = self._distance(batch, fake.detach())
            self.descend(-distance, discriminator_optimizer)
            losses["discriminator/distance"] = distance
        if self.updates_generator:
            with self.frozen(self.discriminator):
                distance = self._distance(batch, fake)
                self.descend(distance, generator_optimizer)
            losses["generator/distance"] = distance
        self.log_losses(losses)

    def _distance(self, batch: TokenBatch, fake: Tensor) -> Tensor:
        """The distance of sentences and soft sentences (B, T, V) of all processes."""
        real = process_rows(self.discriminator.of_text(batch))  # (B, F)
        return _between(process_rows(self.discriminator.of_soft(fake)), real, self.distance)

    def _latents(self, n: int) -> Tensor:
        """(B, Z) new latents."""
        return self.generator.bias.new_empty(n, self.latent_dim).normal_()

    def sample(self, n: int, *, temperature: float = 0.0) -> TokenBatch:
        """``n`` sentences, of a new latent each; 0, the code's, takes the likeliest words.

        Above 0 words are drawn from softmax(scores / ``temperature``), which adds to the variety
        that latents bring. Soft words of the game are those of 1 / ``sharpness``; the likelihood of
        the first phase is that of 1.

        Raises:
            UserError: the temperature is out of range.
        """
        if temperature != 0:
            check_temperature(temperature)
        return self.generator.write(self._latents(n), temperature)

    def draw_latents(self, n: int) -> Latents:
        """A latent for each of ``n`` sentences."""
        ones = torch.ones(n, dtype=torch.int64, device=self.device)
        return Latents(self._latents(n)[:, None], ones)  # (B, 1, Z)

    def write_latents(self, latents: Latents) -> TokenBatch:
        """The likeliest words of each latent (B, 1, Z)."""
        return self.generator.write(latents.z[:, 0], 0.0)
