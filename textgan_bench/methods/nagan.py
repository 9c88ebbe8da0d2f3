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
from functools import partial
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.optim import Optimizer

from textgan_bench.functional.adversarial import (
    discriminator_loss,
    max_gradient_penalty,
    max_gradient_penalty_of_all,
    non_saturating_loss,
)
from textgan_bench.functional.cuda_graphs import CaptureError, CountedRAdam, GraphedStep
from textgan_bench.functional.relaxation import gumbel_noise_like, straight_through_embedding
from textgan_bench.interfaces import TextGenerator
from textgan_bench.networks.autoregressive import draw
from textgan_bench.networks.discriminators import TransformerDiscriminator
from textgan_bench.networks.latent_transformer import NonAutoregressiveTransformer
from textgan_bench.networks.packing import BUCKET, Packed, Padded
from textgan_bench.tokens import PAD, TokenBatch, length_mask, padding_mask

SAMPLING_BATCH = 256  # bounds the memory of the scores, N x V; not tuned


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
        self.generator = NonAutoregressiveTransformer(
            vocab_size, max_length, latent_dim=latent_dim, latent_gain=latent_gain, **shape
        )
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.discriminator = TransformerDiscriminator(
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
        self._graphed: GraphedStep | None = None

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            CountedRAdam(
                self.generator.parameters(),
                self.generator_lr,
                self.BETAS,
                eps=self.EPSILON,
                foreach=True,
            ),
            CountedRAdam(
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
        on_gpu = self.device.type == "cuda"
        capturable = self.trainer.world_size == 1 and self.trainer.precision == "32-true"
        if on_gpu and not capturable:
            rank_zero_warn("no CUDA graph on several devices or in another precision than 32-true")
        self._use_graphs(on_gpu and capturable)
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
        losses = self._replay(batch) if self._graphed else self._step(batch)
        names = (
            "discriminator/loss",
            "discriminator/gradient_penalty",
            "discriminator/score_regulariser",
            "generator/loss",
        )
        self.log_losses(dict(zip(names, losses, strict=True)))

    def _step(self, batch: TokenBatch) -> tuple[Tensor, ...]:
        generator_optimizer, discriminator_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        longest = int(batch.lengths.max())
        losses = self.discriminator_losses(batch.ids[:, :longest], batch.lengths)
        self.descend(self._weighted(*losses), discriminator_optimizer)
        with self.frozen(self.discriminator):
            generator_loss = self.generator_loss(length_mask(batch.lengths, longest))
            self.descend(generator_loss, generator_optimizer)
        self._average_parameters()
        return *losses, generator_loss

    def _weighted(self, adversarial: Tensor, penalty: Tensor, regulariser: Tensor) -> Tensor:
        return adversarial + self.gradient_penalty * penalty + self.score_regulariser * regulariser

    def static_step(self, real_ids: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """``_step`` for a CUDA graph: no shape and no branch depends on a value.

        Padding is worked on, and what is computed on it has no effect and no gradient.
        """
        generator_optimizer, discriminator_optimizer = cast(
            "list[CountedRAdam]", self.optimizers(use_pl_optimizer=False)
        )
        losses = self.discriminator_losses(real_ids, lengths, Padded)
        self._weighted(*losses).backward()
        discriminator_optimizer.update()
        discriminator_optimizer.zero_grad()
        with self.frozen(self.discriminator):
            generator_loss = self.generator_loss(length_mask(lengths, real_ids.shape[1]), Padded)
            generator_loss.backward()
            generator_optimizer.update()
            generator_optimizer.zero_grad()
        self._average_parameters()
        return *losses, generator_loss

    def _replay(self, batch: TokenBatch) -> tuple[Tensor, ...]:
        """A step as one graph, for each multiple of ``BUCKET`` that sentences are padded to."""
        longest = -(-int(batch.lengths.max()) // BUCKET) * BUCKET
        padding = min(longest, self.max_length) - batch.ids.shape[1]
        assert self._graphed is not None
        try:
            losses = self._graphed(F.pad(batch.ids, (0, padding), value=PAD), batch.lengths)
        except CaptureError as error:
            rank_zero_warn(f"no CUDA graph, so each step is several times slower: {error}")
            self._use_graphs(False)
            return self._step(batch)
        for optimizer in cast("list[LightningOptimizer]", self.optimizers()):
            optimizer.step()  # is counted; the graph has moved the parameters
        return losses

    def _use_graphs(self, use: bool) -> None:
        self._graphed = GraphedStep(self.static_step) if use else None
        for optimizer in cast("list[CountedRAdam]", self.optimizers(use_pl_optimizer=False)):
            optimizer.place(within_graph=use)

    def discriminator_losses(
        self, real_ids: Tensor, lengths: Tensor, layout: type[Padded] = Packed
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The adversarial loss (eq. 12), the gradient penalty and the score regulariser (eq. 25).

        ``real_ids`` (B, T) are met by as many fakes of the same ``lengths`` (B,).
        """
        mask = length_mask(lengths, real_ids.shape[1])
        with torch.no_grad():
            # What the argmax of scores with Gumbel noise draws, without the noise.
            drawn = draw(self.generator(self._latents(mask), mask, self.dropout, layout))  # (N,)
        fake_ids = layout(mask).pad(drawn + PAD + 1)  # (B, T)
        embedded = self.discriminator.embedding(torch.cat([real_ids, fake_ids]))
        judge = partial(self.discriminator, layout=layout)
        scores = judge(embedded, torch.cat([lengths, lengths]))
        real, fake = embedded.chunk(2)  # (B, T, E)
        mixed = torch.lerp(fake, real, torch.rand_like(real[:, :1, :1]))
        # One sentence after the other is less work, all at once has shapes known beforehand.
        penalty = max_gradient_penalty if layout is Packed else max_gradient_penalty_of_all
        return (
            discriminator_loss(*scores.chunk(2)),
            penalty(judge, mixed, lengths),
            scores.square().mean(),
        )

    def generator_loss(self, mask: Tensor, layout: type[Padded] = Packed) -> Tensor:
        """The generator's loss (eq. 13) on sentences of the lengths of ``mask`` (B, T)."""
        scores = self._noisy_scores(mask, layout)  # (N, V - 1)
        table = self.discriminator.projected_words()  # (V - 1, H)
        fake = straight_through_embedding(scores, table, self.temperature)  # (N, H)
        return non_saturating_loss(self.discriminator.judge(fake, layout(mask)))

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
            ids[chunk, : mask.shape[1]] = Packed(mask).pad(scores.argmax(-1) + PAD + 1)
        return TokenBatch(ids, lengths)

    def _latents(self, mask: Tensor) -> Tensor:
        return torch.randn(*mask.shape, self.generator.latent_dim, device=self.device)  # (B, T, Z)

    def _noisy_scores(self, mask: Tensor, layout: type[Padded] = Packed) -> Tensor:
        """(N, V - 1) training scores of new latents: with Gumbel noise (A.3.1)."""
        scores = self.generator(self._latents(mask), mask, self.dropout, layout)
        return scores.add_(gumbel_noise_like(scores))

    @torch.no_grad()
    def _average_parameters(self) -> None:
        self.updates += 1
        t = self.updates.double()
        gamma = ((1 + t) / (4 + t)).clamp(max=self.averaging)
        average: list[Tensor] = list(self.average.parameters())
        latest: list[Tensor] = list(self.generator.parameters())
        step = list(torch._foreach_sub(latest, average))
        torch._foreach_mul_(step, (1 - gamma).to(latest[0].dtype))
        torch._foreach_add_(average, step)
