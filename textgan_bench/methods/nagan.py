"""NAGAN: a text GAN with a non-autoregressive generator (Huang et al., under review, ICLR 2021).

The generator translates latents Z = [z_1 … z_L], z_t ~ N(0, I), to a sentence in parallel,

    h = Transformer(Z),   s_t = MLP(h_t) (+ Gumbel noise in training),   o_t = onehot(argmax s_t),

and is differentiated by the straight-through estimator (eq. 7-8, 22-24). The length L is drawn
from the lengths of the training set. The discriminator is a Transformer encoder with max-pooling
(eq. 9-10). They minimise

    L_D = -E log D(x) - E log(1 - D(G(Z))) + lambda (max ||grad D(O')||^2 + E D(O)^2)
    L_G = -E log D(G(Z))

(eq. 12, 13, 25, 27) with O' = lambda_i O_r + (1 - lambda_i) O_f between a real and a fake
sentence of the same length. Samples come from the moving average of the generator's parameters
(eq. 28), without Gumbel noise and with the training dropout, which at inference trades quality
against diversity (4.1).

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width, Z latent.
"""

import copy
from collections.abc import Iterable
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer, RAdam

from textgan_bench.functional.adversarial import (
    discriminator_loss,
    max_gradient_penalty,
    non_saturating_loss,
)
from textgan_bench.functional.relaxation import gumbel_noise_like, straight_through_embedding
from textgan_bench.interfaces import TextGenerator
from textgan_bench.networks.transformer import (
    EncoderBlock,
    LatentDecoderBlock,
    sinusoidal_positions,
)
from textgan_bench.tokens import PAD, TokenBatch, length_mask, padding_mask

SAMPLING_BATCH = 256  # bounds the memory of the scores, N x V; not tuned

UNIGRAM_STD = 2.5
"""Deviation of normal scores around log frequencies at which their argmax comes nearest to drawing
words at these frequencies: measured on the HMM oracle, and about 3 on COCO. Gumbel scores: 1.28."""


class Generator(nn.Module):
    """Non-autoregressive Transformer from latents to word scores (A.3.1)."""

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        width: int,
        blocks: int,
        heads: int,
        feed_forward: int,
        latent_dim: int,
        latent_gain: float,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.latents = nn.Linear(latent_dim, width)
        self.blocks = nn.ModuleList(
            LatentDecoderBlock(width, heads, feed_forward) for _ in range(blocks)
        )
        with torch.no_grad():
            for block in cast("Iterable[LatentDecoderBlock]", self.blocks):
                block.latent_attention.output.weight.mul_(latent_gain)
        # The padding symbol is never written: score v belongs to word v + 1.
        self.scores = nn.Linear(width, vocab_size - 1)
        self.positions: Tensor
        self.register_buffer("positions", sinusoidal_positions(max_length, width), persistent=False)

    @torch.no_grad()
    def calibrate(
        self, word_counts: Tensor, score_std: float, z: Tensor, mask: Tensor, dropout: float
    ) -> None:
        """Let the argmax of the first scores draw words about at their frequencies.

        Each word's score varies by ``score_std`` around its log frequency, stretched as much as
        makes that deviation equivalent to Gumbel noise beside the plain log frequency.

        Measured on z and corrected in the output layer (data-dependent initialisation, Salimans
        and Kingma, 2016, section 3): most of what a deep post-norm stack puts out at first is the
        same for all latents, and one output layer on top of it prefers a few words to all others.

        Args:
            word_counts: (V - 1,) in the training set; a half is added to each, so that a word
                never seen stays possible.
            score_std: positive.
            z: (B, T, Z) latents to measure on.
            mask: (B, T) bool, True on words.
            dropout: that of training.
        """
        smoothed = word_counts + 0.5
        self.scores.bias.zero_()
        scores = self(z, mask, dropout)  # (N, V - 1)
        scale = score_std / scores.std(0).mean()
        self.scores.weight.mul_(scale)
        stretched = score_std / UNIGRAM_STD * (smoothed / smoothed.sum()).log()
        self.scores.bias.copy_(stretched - scale * scores.mean(0))

    def forward(self, z: Tensor, mask: Tensor, dropout: float) -> Tensor:
        """(N, V - 1) scores of the N words of ``mask`` (B, T) from latents z (B, T, Z)."""
        positions = self.positions[: z.shape[1]]  # (T, H)
        latents = F.dropout(self.latents(z) + positions, dropout)  # (B, T, H)
        hidden = latents
        for block in self.blocks:
            hidden = block(hidden, latents, positions, mask[:, None, None], dropout)
        return self.scores(hidden[mask])


class Discriminator(nn.Module):
    """Transformer encoder from one-hot sentences, or their mixtures, to a score (A.3.2).

    A one-hot enters only through its product with the embedding table, so the embedded sentence
    stands for it everywhere.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        width: int,
        blocks: int,
        heads: int,
        feed_forward: int,
        embedding_dim: int,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim)  # entries from N(0, 1)
        self.projection = nn.Linear(embedding_dim, width)
        self.blocks = nn.ModuleList(EncoderBlock(width, heads, feed_forward) for _ in range(blocks))
        self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
        self.positions: Tensor
        self.register_buffer("positions", sinusoidal_positions(max_length, width), persistent=False)

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """(B,) scores, the logits of "real", of embedded sentences (B, T, E)."""
        mask = length_mask(lengths, embedded.shape[1])  # (B, T)
        hidden = self.projection(embedded) + self.positions[: embedded.shape[1]]  # (B, T, H)
        for block in self.blocks:
            hidden = block(hidden, mask[:, None, None])
        pooled = hidden.masked_fill(~mask[:, :, None], -torch.inf).amax(1)  # (B, H)
        return self.score(pooled).squeeze(-1)


class NAGAN(TextGenerator):
    """Non-autoregressive GAN; defaults are Table 9 for real data.

    Args:
        width: of the Transformers (Table 9).
        blocks: of each Transformer (Table 9).
        heads: of attention (Table 9).
        feed_forward: not stated; 256 gives the parameter counts of Table 12.
        latent_dim: of z_t (Table 9).
        embedding_dim: of the discriminator's words (Table 9).
        latent_gain: factor on the first output weights of the attention to the latents; not stated.
            At 1 a word hangs on its own z_t alone, and the words of a sentence can agree only if
            the latents are ignored; the trained network of the paper lets every z_i change every
            word (Figure 4), and so does a large gain from the start (docs/nagan.md).
        score_std: standard deviation over the latents of a word's first scores; not stated. It
            decides whether the latents or the Gumbel noise (standard deviation 1.28) choose the
            first words, and with that whether samples without the noise are diverse
            (docs/nagan.md).
        dropout: in the generator, in training and, unless turned, at inference (Table 9).
        temperature: of the straight-through estimator (Table 9).
        gradient_penalty: weight of the gradient penalty at the embedded sentence; lambda of Table 9
            is for one at the one-hot sentence (docs/nagan.md).
        score_regulariser: lambda, 1 on real data, 0.1 on synthetic data (Table 9).
        generator_lr, discriminator_lr: of RAdam (Table 9).
        discriminator_l2: L2 of the discriminator (Table 9), decoupled from the gradient as in the
            RAdam implementation of that time.
        averaging: gamma of the parameter average (Table 9), approached from below as
            min(gamma, (1 + t) / (4 + t)), an average over about the last third of a short run: at
            0.9999 throughout it would evaluate its initial weights.
    """

    knob: ClassVar[str] = "dropout"
    BETAS = (0.5, 0.9)  # of RAdam, Table 9
    # Of the generator's RAdam, not stated. The gradients of its score layer have a median of 1e-5,
    # 1e-9 for the rarest words, those of other layers 1e-3: at RAdam's own 1e-8, noise moves rare
    # words at the full learning rate, out of use in the end (docs/nagan.md).
    EPSILON = 1e-5

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        width: int = 128,
        blocks: int = 5,
        heads: int = 4,
        feed_forward: int = 256,
        latent_dim: int = 64,
        embedding_dim: int = 300,
        latent_gain: float = 16.0,
        score_std: float = 6.0,
        dropout: float = 0.25,
        temperature: float = 1.0,
        gradient_penalty: float = 25.0,
        score_regulariser: float = 1.0,
        generator_lr: float = 2e-4,
        discriminator_lr: float = 5e-4,
        discriminator_l2: float = 0.05,
        averaging: float = 0.9999,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        shape = {"width": width, "blocks": blocks, "heads": heads, "feed_forward": feed_forward}
        self.generator = Generator(
            vocab_size, max_length, latent_dim=latent_dim, latent_gain=latent_gain, **shape
        )
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.discriminator = Discriminator(
            vocab_size, max_length, embedding_dim=embedding_dim, **shape
        )
        self.score_std = score_std
        self.dropout = dropout
        self.temperature = temperature
        self.gradient_penalty = gradient_penalty
        self.score_regulariser = score_regulariser
        self.generator_lr = generator_lr
        self.discriminator_lr = discriminator_lr
        self.discriminator_l2 = discriminator_l2
        self.averaging = averaging
        self.length_counts: Tensor
        self.register_buffer("length_counts", torch.zeros(max_length + 1))
        self.updates: Tensor
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            RAdam(
                self.generator.parameters(),
                self.generator_lr,
                self.BETAS,
                eps=self.EPSILON,
                foreach=True,
            ),
            RAdam(
                self.discriminator.parameters(),
                self.discriminator_lr,
                self.BETAS,
                weight_decay=self.discriminator_l2,
                decoupled_weight_decay=True,
                foreach=True,
            ),
        ]

    def on_train_start(self) -> None:
        """Count lengths and words of the training set, on all ranks, before the first step."""
        if self.updates > 0:
            return
        word_counts = torch.zeros(self.vocab_size, device=self.device)
        length_counts = torch.zeros_like(self.length_counts)
        for batch in cast("Iterable[TokenBatch]", self.trainer.train_dataloader):
            ids, lengths = batch.ids.to(self.device), batch.lengths.to(self.device)
            word_counts += torch.bincount(ids[padding_mask(batch)], minlength=self.vocab_size)
            length_counts += torch.bincount(lengths, minlength=self.max_length + 1)
        strategy = self.trainer.strategy
        self.length_counts.copy_(strategy.reduce(length_counts, reduce_op="sum"))
        word_counts = cast(Tensor, strategy.reduce(word_counts, reduce_op="sum"))[PAD + 1 :]
        lengths = torch.multinomial(self.length_counts, SAMPLING_BATCH, replacement=True)
        mask = length_mask(lengths, self.max_length)
        self.generator.calibrate(
            word_counts, self.score_std, self._latents(mask), mask, self.dropout
        )
        # Each rank measured it on its own latents.
        self.generator.load_state_dict(strategy.broadcast(self.generator.state_dict()))
        self.average.load_state_dict(self.generator.state_dict())

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """One step of the discriminator, one of the generator (algorithm 1)."""
        generator_optimizer, discriminator_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        lengths = batch.lengths
        real_ids = batch.ids[:, : int(lengths.max())]  # (B, T)
        mask = length_mask(lengths, real_ids.shape[1])

        with torch.no_grad():
            fake_ids = self._words(self._noisy_scores(mask), mask)  # (B, T)
        embed = self.discriminator.embedding
        real, fake = embed(real_ids), embed(fake_ids)  # (B, T, E)
        scores = self.discriminator(torch.cat([real, fake]), torch.cat([lengths, lengths]))
        adversarial = discriminator_loss(*scores.chunk(2))
        mixed = torch.lerp(fake, real, torch.rand(len(real), 1, 1, device=self.device))
        gradient_penalty = max_gradient_penalty(self.discriminator, mixed, lengths)
        score_regulariser = scores.square().mean()
        self.descend(
            adversarial
            + self.gradient_penalty * gradient_penalty
            + self.score_regulariser * score_regulariser,
            discriminator_optimizer,
        )

        with self.frozen(self.discriminator):
            words = straight_through_embedding(
                self._noisy_scores(mask), embed.weight[PAD + 1 :], self.temperature
            )  # (N, E)
            fake = words.new_zeros(*mask.shape, words.shape[-1])
            fake[mask] = words
            generator_loss = non_saturating_loss(self.discriminator(fake, lengths))
            self.descend(generator_loss, generator_optimizer)

        self._average_parameters()
        self.log_losses(
            {
                "discriminator/loss": adversarial,
                "discriminator/gradient_penalty": gradient_penalty,
                "discriminator/score_regulariser": score_regulariser,
                "generator/loss": generator_loss,
            }
        )

    @torch.no_grad()
    def sample(self, n: int, *, dropout: float | None = None) -> TokenBatch:
        """``n`` sentences of the averaged generator, ``dropout`` the training's unless given.

        Raises:
            RuntimeError: no training sentence was seen, so the lengths are unknown.
        """
        if not self.length_counts.any():
            raise RuntimeError("NAGAN draws lengths from the training set and has seen none of it")
        rate = self.dropout if dropout is None else dropout
        ids = torch.full((n, self.max_length), PAD, device=self.device)
        lengths = torch.multinomial(self.length_counts, n, replacement=True)
        for start in range(0, n, SAMPLING_BATCH):
            chunk = slice(start, start + SAMPLING_BATCH)
            mask = length_mask(lengths[chunk], int(lengths[chunk].max()))
            scores = self.average(self._latents(mask), mask, rate)
            ids[chunk, : mask.shape[1]] = self._words(scores, mask)
        return TokenBatch(ids, lengths)

    def _latents(self, mask: Tensor) -> Tensor:
        z = self.generator.positions.new_empty(*mask.shape, self.generator.latent_dim)
        return z.normal_()  # (B, T, Z)

    def _noisy_scores(self, mask: Tensor) -> Tensor:
        """(N, V - 1) training scores of new latents: with Gumbel noise (A.3.1)."""
        scores = self.generator(self._latents(mask), mask, self.dropout)
        return scores + gumbel_noise_like(scores)

    @staticmethod
    def _words(scores: Tensor, mask: Tensor) -> Tensor:
        """(B, T) ids from the scores (N, V - 1) of the words of ``mask``."""
        ids = torch.full(mask.shape, PAD, device=mask.device)
        ids[mask] = scores.argmax(-1) + PAD + 1
        return ids

    @torch.no_grad()
    def _average_parameters(self) -> None:
        self.updates += 1
        t = int(self.updates)
        gamma = min(self.averaging, (1 + t) / (4 + t))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.generator.parameters()), 1 - gamma
        )
