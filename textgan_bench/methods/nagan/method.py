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
(eq. 28), without Gumbel noise and with dropout, which at inference trades quality against
diversity (4.1).

Its ablations (4.2, A.4.4) replace one part each: an autoregressive generator, of the same lengths,
whose words are softmax s_t, or drawn from it by Gumbel noise (eq. 29); a convolutional or recurrent
discriminator; no gradient penalty; no dropout.

Where the paper is silent: the inputs of both Transformers are multiplied by the root of their
width, and no word of the generator attends to itself, as in the code that A.3.1 names
(salesforce/nonauto-nmt). Layers start as PyTorch has them, and the embedding as a linear layer over
one-hots. The discriminator has no dropout: section 4 names the generator alone. ``Start`` holds
what helps and is not in the paper; it is off by default. All readings and the evidence:
docs/nagan.md.

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width, Z latent.
"""

import copy
from typing import ClassVar, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim import Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Latents, TextGenerator
from textgan_bench.kernels.cuda_graphs import CountedRAdam
from textgan_bench.losses.adversarial import discriminator_loss, non_saturating_loss
from textgan_bench.methods.nagan.ablations import (
    DiscriminatorKind,
    GeneratorKind,
    build_discriminator,
    build_generator,
)
from textgan_bench.methods.nagan.generator import NonAutoregressiveTransformer
from textgan_bench.methods.nagan.start import PAPER, Frequencies, Start
from textgan_bench.networks.knobs import check_dropout
from textgan_bench.networks.packing import Packed, rows_of
from textgan_bench.networks.transformer import Shape
from textgan_bench.tokens import PAD, TokenBatch, length_mask

SAMPLING_BATCH = 256  # bounds the memory of the scores, N x V; not tuned


class NAGAN(TextGenerator):
    """Non-autoregressive GAN; the defaults are Table 9 for real data.

    Args:
        vocab_size: V, padding counted.
        max_length: number of words of the longest sentence.
        generator: kind of generator, a row of Table 3.
        discriminator: kind of discriminator, a row of Table 4.
        width: hidden width of each Transformer (Table 9).
        blocks: number of blocks of each Transformer (Table 9).
        heads: number of attention heads (Table 9).
        feed_forward: width of the feed-forward layers; not stated, but 256 gives the parameter
            counts of Table 12.
        latent_dim: size of a latent z_t (Table 9).
        embedding_dim: size of the discriminator's word vectors (Table 9).
        dropout: rate in the generator, in training (Table 9).
        inference_dropout: rate at inference, unless the knob is turned; None for that of training
            (4.1).
        temperature: softmax temperature of the straight-through estimator (Table 9).
        gradient_penalty: weight of the gradient penalty: lambda, 1 on real data, 0.1 on synthetic
            data (Table 9).
        score_regulariser: weight of the score regulariser: lambda, as above (Table 9).
        generator_lr: learning rate of RAdam (Table 9).
        discriminator_lr: learning rate of RAdam (Table 9).
        discriminator_l2: weight decay of RAdam (Table 9), decoupled as in the RAdam of that time.
        averaging: gamma of the parameter average (Table 9).
        start: options that are not in the paper.
    """

    knob: ClassVar[str] = "dropout"
    BETAS = (0.5, 0.9)  # of RAdam, Table 9

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        generator: GeneratorKind = "non_autoregressive",
        discriminator: DiscriminatorKind = "transformer",
        width: int = 128,
        blocks: int = 5,
        heads: int = 4,
        feed_forward: int = 256,
        latent_dim: int = 64,
        embedding_dim: int = 300,
        dropout: float = 0.25,
        inference_dropout: float | None = None,
        temperature: float = 1.0,
        gradient_penalty: float = 1.0,
        score_regulariser: float = 1.0,
        generator_lr: float = 2e-4,
        discriminator_lr: float = 5e-4,
        discriminator_l2: float = 0.05,
        averaging: float = 0.9999,
        start: Start = PAPER,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        shape = Shape(width=width, blocks=blocks, heads=heads, feed_forward=feed_forward)
        self.generator = build_generator(
            generator,
            vocab_size,
            max_length,
            shape,
            latent_dim=latent_dim,
            temperature=temperature,
            embedding_dim=embedding_dim,
            table=lambda: self.discriminator.words,
        )
        self.discriminator = build_discriminator(
            discriminator, vocab_size, max_length, shape, embedding_dim=embedding_dim
        )
        start.prepare(self.generator, self.discriminator)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.frequencies = Frequencies(vocab_size, start.frequency_rate)
        self.capturable = self.discriminator.capturable
        self.dropout = dropout
        self.setting = dropout if inference_dropout is None else inference_dropout
        for rate in (self.dropout, self.setting):
            check_dropout(rate)
        self.gradient_penalty = gradient_penalty
        self.score_regulariser = score_regulariser
        self.generator_lr = generator_lr
        self.discriminator_lr = discriminator_lr
        self.discriminator_l2 = discriminator_l2
        self.averaging = averaging
        self.start = start
        self.length_counts: Tensor
        self.register_buffer("length_counts", torch.zeros(max_length + 1))
        self.updates: Tensor
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @property
    def passes(self) -> int:
        alone = isinstance(self.generator, NonAutoregressiveTransformer)
        return 1 if alone else self.max_length

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            CountedRAdam(
                self.generator.parameters(),
                self.generator_lr,
                self.BETAS,
                eps=self.start.epsilon,
                warm_up=self.start.warm_up,
            ),
            CountedRAdam(
                self.discriminator.parameters(),
                self.discriminator_lr,
                self.BETAS,
                weight_decay=self.discriminator_l2,
            ),
        ]

    def on_train_start(self) -> None:
        """Count the lengths of the training text (3.3), on all ranks, before the first step."""
        if self.updates > 0:
            return
        word_counts, length_counts = self.count_training_text()
        self.length_counts.copy_(length_counts)
        self.start.begin(
            self,
            self.generator,
            self.discriminator,
            self.frequencies,
            word_counts[PAD + 1 :],
            self.length_counts,
            self.dropout,
        )
        self.average.load_state_dict(self.generator.state_dict())

    def on_before_batch_transfer(self, batch: TokenBatch, dataloader_idx: int) -> TokenBatch:
        """Cut a batch to its longest sentence while it is on the host: no device is waited for."""
        if not self.trainer.training:
            return batch
        return TokenBatch(batch.ids[:, : int(batch.lengths.max())], batch.lengths)

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        losses = self.step(*batch)
        names = ("loss", "gradient_penalty", "score_regulariser")
        logged = [*(f"discriminator/{name}" for name in names), "generator/loss"]
        self.log_losses(dict(zip(logged, losses, strict=True)))

    def step(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Algorithm 1 on ids (B, T): one step of the discriminator, one of the generator."""
        optimizers = cast("list[LightningOptimizer]", self.optimizers())
        generator_optimizer, discriminator_optimizer = optimizers
        mask = length_mask(lengths, ids.shape[1])

        fake, scores = self.generator.fake(mask, self.dropout, self.discriminator.embedding)
        self.frequencies.hold(self.generator, scores, mask)  # not in the paper
        del scores  # (N, V - 1), which would be the largest tensor of the steps below
        adversarial, penalty, regulariser = self.discriminator_losses(ids, fake, lengths)
        weighted = self.gradient_penalty * penalty + self.score_regulariser * regulariser
        self.descend(adversarial + weighted, discriminator_optimizer)

        with self.frozen(self.discriminator):
            generator_loss = self.generator_loss(mask)
            self.descend(generator_loss, generator_optimizer)
        self._average_parameters()
        return adversarial, penalty, regulariser, generator_loss

    def discriminator_losses(
        self, real_ids: Tensor, fake: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The adversarial loss (eq. 12), the gradient penalty and the score regulariser (eq. 25).

        Args:
            real_ids: (B, T) words of real sentences.
            fake: (N, E) embedded words of as many generated sentences.
            lengths: (B,) lengths of both.
        """
        real = self.discriminator.embedding(real_ids)  # (B, T, E)
        padded = rows_of(length_mask(lengths, real_ids.shape[1])).pad(fake)  # (B, T, E)
        scores = self.discriminator.scores_of_both(real, padded, lengths)
        mixed = torch.lerp(padded, real, torch.rand_like(real[:, :1, :1]))
        return (
            discriminator_loss(*scores.chunk(2)),
            self.discriminator.penalty(mixed, lengths),
            scores.square().mean(),
        )

    def generator_loss(self, mask: Tensor) -> Tensor:
        """The generator's loss (eq. 13) on sentences of the lengths of ``mask`` (B, T)."""
        scores = self.generator.write(mask, self.dropout, training=True)  # (N, V - 1)
        fake = self.generator.relax(scores, self.discriminator.projected_words())  # (N, H)
        return non_saturating_loss(self.discriminator.score_rows(fake, rows_of(mask)))

    def draw_rule(self, setting: float | None) -> str:
        return self.average.draws

    @torch.no_grad()
    def sample(self, n: int, *, dropout: float | None = None) -> TokenBatch:
        """Draw ``n`` sentences of the averaged generator; less ``dropout`` gives up diversity.

        Raises:
            UserError: no training sentence was seen, so the lengths are unknown, or the rate is
                out of range.
        """
        rate = self.setting if dropout is None else dropout
        check_dropout(rate)
        ids = torch.full((n, self.max_length), PAD, device=self.device)
        lengths = self._draw_lengths(n)
        for rows, chunk in zip(
            ids.split(SAMPLING_BATCH), lengths.split(SAMPLING_BATCH), strict=True
        ):
            mask = length_mask(chunk, int(chunk.max()))
            scores = self.average.write(mask, rate, training=False)
            rows[:, : mask.shape[1]] = Packed(mask).pad(scores.argmax(-1) + PAD + 1)
        return TokenBatch(ids, lengths)

    def draw_latents(self, n: int, length: int | None = None) -> Latents:
        """Latents of ``n`` sentences of ``length`` words, or of lengths drawn as for a sample.

        Raises:
            UserError: the length is out of range, the lengths are unknown, or the generator is no
                non-autoregressive one.
        """
        writer = self._latent_writer()
        if length is not None and not 1 <= length <= self.max_length:
            raise UserError(f"a sentence has 1 to {self.max_length} words, not {length}")
        lengths = self._draw_lengths(n) if length is None else torch.full((n,), length)
        lengths = lengths.to(self.device)
        return Latents(writer.draw_latents(length_mask(lengths, int(lengths.max()))), lengths)

    @torch.no_grad()
    def write_latents(self, latents: Latents) -> TokenBatch:
        """The sentence of each row of latents, by the averaged generator without dropout (4.3).

        Raises:
            UserError: the generator is no non-autoregressive one.
        """
        writer = self._latent_writer()
        ids = torch.full((len(latents.z), self.max_length), PAD, device=self.device)
        parts = (tensor.split(SAMPLING_BATCH) for tensor in (ids, *latents))
        for rows, z, lengths in zip(*parts, strict=True):
            mask = length_mask(lengths, int(lengths.max()))
            layout = rows_of(mask)
            words = writer(z[:, : mask.shape[1]], mask, 0.0).argmax(-1) + PAD + 1  # (N,)
            rows[:, : mask.shape[1]] = layout.pad(words)
        return TokenBatch(ids, latents.counts)

    def relax_latents(self, latents: Latents, ids: Tensor) -> tuple[Tensor, TokenBatch]:
        """(B, T) entries o of the relaxed one-hots (eq. 23) at the words ``ids`` (B, T).

        Returns:
            Entries in [0, 1], differentiable in ``latents.z`` (B, T, Z), 0 on padding; and the
            sentences (B, T) that are written.

        Raises:
            UserError: the generator is no non-autoregressive one.
        """
        writer = self._latent_writer()
        mask = length_mask(latents.counts, latents.z.shape[1])
        layout = rows_of(mask)
        scores = writer(latents.z, mask, 0.0)  # (N, V - 1)
        entries = (scores / writer.temperature).softmax(-1)
        chosen = entries.gather(1, layout.rows(ids)[:, None] - PAD - 1).squeeze(1)  # (N,)
        words = layout.pad(scores.detach().argmax(-1) + PAD + 1)  # (B, T)
        return layout.pad(chosen), TokenBatch(words, latents.counts)

    @torch.no_grad()
    def layers_of(self, latents: Latents) -> list[Tensor]:
        """(B, T, H) states of the words: the projected latents, then the output of each block.

        Raises:
            UserError: the generator is no non-autoregressive one.
        """
        writer = self._latent_writer()
        layout = rows_of(length_mask(latents.counts, latents.z.shape[1]))
        return [layout.pad(state) for state in writer.states(layout.rows(latents.z), layout, 0.0)]

    def _latent_writer(self) -> NonAutoregressiveTransformer:
        if not isinstance(self.average, NonAutoregressiveTransformer):
            raise UserError(
                "an autoregressive generator of NAGAN has no latent a word, nor are its words "
                "written at once"
            )
        return self.average

    def _draw_lengths(self, n: int) -> Tensor:
        if not self.length_counts.any():
            raise UserError("NAGAN draws lengths from the training set and has seen none of it")
        return torch.multinomial(self.length_counts, n, replacement=True)

    @torch.no_grad()
    def _average_parameters(self) -> None:
        """Let the average follow the generator (eq. 28)."""
        self.updates += 1
        t = self.updates.double()
        average, latest = list(self.average.parameters()), list(self.generator.parameters())
        gamma = torch.full_like(t, self.averaging)
        if self.start.young_average:
            gamma = torch.minimum(gamma, (1 + t) / (4 + t))
        change = list(torch._foreach_sub(latest, average))  # type: ignore[arg-type]
        torch._foreach_mul_(change, (1 - gamma).to(latest[0].dtype))
        torch._foreach_add_(average, change)  # type: ignore[arg-type]
