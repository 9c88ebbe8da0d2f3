"""A step of NAGAN as the field writes it, on the parameters of ours: what ours is compared with.

Every batch is padded to the longest sentence there is; sentences enter the discriminator as
one-hots, B x T x V, and fakes through softmax and straight-through one-hots of that size; the
penalty keeps the graph of all gradients; the parameters of the discriminator get gradients in the
generator's step, too; optimizers and the average loop over parameters.

The networks' modules are shared, in their padded form. Shapes: B batch, T time, V vocabulary, H
hidden width, Z latent.
"""

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import Optimizer, RAdam

from textgan_bench.kernels.dropout import Dropout
from textgan_bench.kernels.shapes import fixed_shapes
from textgan_bench.losses.adversarial import discriminator_loss, non_saturating_loss
from textgan_bench.methods import NAGAN
from textgan_bench.methods.nagan.generator import NonAutoregressiveTransformer
from textgan_bench.networks.packing import Padded
from textgan_bench.networks.transformer import LatentDecoderBlock
from textgan_bench.tokens import PAD, TokenBatch, length_mask


class PlainNAGAN(NAGAN):
    """The same method, written plainly."""

    def configure_optimizers(self) -> list[Optimizer]:
        ours = super().configure_optimizers()
        return [
            RAdam(
                optimizer.param_groups[0]["params"],
                **optimizer.defaults,
                decoupled_weight_decay=True,
                foreach=False,
            )
            for optimizer in ours
        ]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        generator_optimizer, discriminator_optimizer = cast("list[Optimizer]", self.optimizers())
        mask = length_mask(batch.lengths, self.max_length)
        z = [self._non_autoregressive.draw_latents(mask) for _ in range(2)]
        noise = [self._gumbel(mask) for _ in range(2)]
        mix = torch.rand(len(mask), 1, 1)
        adversarial, penalty, regulariser = self.plain_discriminator_losses(
            batch, z[0], noise[0], mix
        )
        discriminator_optimizer.zero_grad()
        loss = adversarial + self.gradient_penalty * penalty + self.score_regulariser * regulariser
        loss.backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        self.plain_generator_loss(mask, z[1], noise[1]).backward()
        generator_optimizer.step()
        self._average_parameters()

    @property
    def _non_autoregressive(self) -> NonAutoregressiveTransformer:
        return cast(NonAutoregressiveTransformer, self.generator)

    def _gumbel(self, mask: Tensor) -> Tensor:
        return -torch.log(-torch.log(torch.rand(*mask.shape, self.vocab_size - 1)))  # (B, T, V - 1)

    def plain_discriminator_losses(
        self, batch: TokenBatch, z: Tensor, noise: Tensor, mix: Tensor
    ) -> tuple[Tensor, ...]:
        """As ``discriminator_losses``, from latents z (B, T, Z) and noise (B, T, V - 1)."""
        mask = length_mask(batch.lengths, self.max_length)
        with torch.no_grad():
            words = (self._scores(z, mask) + noise).argmax(-1) + 1  # (B, T)
        dtype = self.discriminator.embedding.weight.dtype
        real = F.one_hot(batch.ids, self.vocab_size).to(dtype)  # (B, T, V)
        fake = F.one_hot(words, self.vocab_size).to(dtype)
        real_scores, fake_scores = self._score(real, mask), self._score(fake, mask)
        scores = torch.cat([real_scores, fake_scores])
        return (
            discriminator_loss(real_scores, fake_scores),
            self._penalty(torch.lerp(fake, real, mix), mask),
            scores.square().mean(),
        )

    def _penalty(self, mixed: Tensor, mask: Tensor) -> Tensor:
        one_hots = mixed[..., PAD + 1 :].requires_grad_()
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels have no second derivative
            scores = self._encode(one_hots @ self.discriminator.words, mask)
            (gradient,) = torch.autograd.grad(scores.sum(), one_hots, create_graph=True)
        return gradient.square().sum((1, 2)).max()

    def plain_generator_loss(self, mask: Tensor, z: Tensor, noise: Tensor) -> Tensor:
        """As ``generator_loss``, from latents z (B, T, Z) and noise (B, T, V - 1)."""
        scores = self._scores(z, mask) + noise  # (B, T, V - 1)
        soft = torch.softmax(scores / self.generator.temperature, -1)
        hard = F.one_hot(scores.argmax(-1), self.vocab_size - 1).to(soft.dtype)
        relaxed = (hard - soft).detach() + soft
        return non_saturating_loss(self._score(F.pad(relaxed, (1, 0)), mask))

    def _scores(self, z: Tensor, mask: Tensor) -> Tensor:
        """(B, T, V - 1)."""
        generator, layout = self._non_autoregressive, Padded(mask)
        codes = generator.positions.expand(len(z), -1, -1)  # (B, T, H)
        drop = Dropout(self.dropout)
        latents = drop(generator.latents(generator.input_scale * z) + codes)
        hidden, latents, codes = (layout.rows(x) for x in (latents, latents, codes))
        for block in cast("Iterable[LatentDecoderBlock]", generator.blocks):
            # The block itself projects the codes once, not for every sentence.
            attended = block.self_attention(hidden, hidden, hidden, layout, drop, others=True)
            hidden = block.norms[0](hidden, drop(attended))
            attended = block.positional_attention(codes, codes, hidden, layout, drop, others=True)
            hidden = block.norms[1](hidden, drop(attended))
            attended = block.latent_attention(hidden, latents, latents, layout, drop)
            hidden = block.norms[2](hidden, drop(attended))
            hidden = block.norms[3](hidden, drop(block.feed_forward(hidden)))
        return generator.scores(layout.pad(hidden))

    def _score(self, one_hot: Tensor, mask: Tensor) -> Tensor:
        """(B,) scores of one-hot sentences (B, T, V) or their mixtures."""
        return self._encode(one_hot @ self.discriminator.embedding.weight, mask)

    def _encode(self, embedded: Tensor, mask: Tensor) -> Tensor:
        with fixed_shapes():
            return self.discriminator(embedded, mask.sum(1))

    @torch.no_grad()
    def _average_parameters(self) -> None:
        self.updates += 1
        t = int(self.updates)
        gamma = self.averaging
        if self.start.young_average:
            gamma = min(gamma, (1 + t) / (4 + t))
        pairs = zip(self.average.parameters(), self.generator.parameters(), strict=True)
        for average, parameter in pairs:
            average.mul_(gamma).add_(parameter, alpha=1 - gamma)
