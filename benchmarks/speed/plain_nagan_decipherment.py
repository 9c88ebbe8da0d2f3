"""A step of NAGAN's decipherment as its equations say it: what ours is compared with.

Every loss has a pass of its own and every side, too, so that a translation is made for the cycle,
again for the adversary and again for the discriminator's step. Sentences are one-hots, B x T x V,
padded to the longest there is, and relaxed words are straight-through one-hots of that size.
Optimizers loop over parameters.

The networks' modules are shared, in their padded form. Shapes: B batch, T time, V vocabulary, H
hidden width.
"""

from itertools import chain
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer, RAdam

from textgan_bench.losses.relaxation import gumbel_noise_like
from textgan_bench.methods.nagan.decipherment import NAGANDecipherment
from textgan_bench.methods.nagan.sides import CIPHER, PLAIN, SIDES, Judge, LabelledTransformer
from textgan_bench.networks.packing import Padded
from textgan_bench.tokens import PAD, CipherBatch, TokenBatch, length_mask

Losses = dict[str, Tensor]


class PlainNAGANDecipherment(NAGANDecipherment):
    """The same method, written plainly."""

    def configure_optimizers(self) -> list[Optimizer]:
        ours = super().configure_optimizers()
        return [
            RAdam(group["params"], group["lr"], self.betas, foreach=False)
            for group in chain.from_iterable(optimizer.param_groups for optimizer in ours)
        ]

    def training_step(self, batch: CipherBatch, batch_idx: int) -> None:
        translator_optimizer, discriminator_optimizer = cast("list[Optimizer]", self.optimizers())
        translator_optimizer.zero_grad()
        losses = self.plain_translator_losses(batch)
        self.weighted(losses, 1.0, 0).backward()
        translator_optimizer.step()
        discriminator_optimizer.zero_grad()
        self.plain_discriminator_loss(batch).backward()
        discriminator_optimizer.step()

    def plain_translator_losses(self, batch: CipherBatch) -> Losses:
        """As ``translator_losses``."""
        sides = {PLAIN: batch.plain, CIPHER: batch.cipher}
        cycle = [self._cycle(sides[side], side) for side in SIDES]
        adversarial = [self._adversarial(sides[side], side) for side in SIDES]
        reconstruction = [self._reconstruction(sides[side], side) for side in SIDES]
        return {
            "generator/cycle": torch.stack(cycle).sum(),
            "generator/adversarial": torch.stack(adversarial).sum(),
            "generator/reconstruction": torch.stack(reconstruction).sum(),
        }

    def plain_discriminator_loss(self, batch: CipherBatch) -> Tensor:
        """As ``discriminator_loss``, on translations made anew."""
        losses = []
        for side, tokens in ((PLAIN, batch.plain), (CIPHER, batch.cipher)):
            mask = length_mask(tokens.lengths, self.max_length)
            real = self._log_probs(self._one_hot(tokens.ids), side, mask)
            losses.append(-_mean(real, mask))
            with torch.no_grad():
                fake = self._translate(self._one_hot(tokens.ids), side, 1 - side, mask)
            written = self._log_probs(fake, 1 - side, mask)
            losses.append(-_mean((1 - written.exp() * mask).log(), mask))
        return torch.stack(losses).sum()

    def _cycle(self, tokens: TokenBatch, side: int) -> Tensor:
        """L_cyc (eq. 33)."""
        mask = length_mask(tokens.lengths, self.max_length)
        there = self._translate(self._one_hot(tokens.ids), side, 1 - side, mask)
        scores = self._scores(there, 1 - side, side, mask)
        return self._distance(scores, tokens.ids, mask)

    def _adversarial(self, tokens: TokenBatch, side: int) -> Tensor:
        """L_adv (eq. 36) of the other side."""
        mask = length_mask(tokens.lengths, self.max_length)
        there = self._translate(self._one_hot(tokens.ids), side, 1 - side, mask)
        return -_mean(self._log_probs(there, 1 - side, mask), mask)

    def _reconstruction(self, tokens: TokenBatch, side: int) -> Tensor:
        """L_rec (eq. 32)."""
        mask = length_mask(tokens.lengths, self.max_length)
        noisy = self._one_hot(self.noise(tokens.ids, mask))
        return self._distance(self._scores(noisy, side, side, mask), tokens.ids, mask)

    def _distance(self, scores: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """d (eq. 34) between scores (B, T, V - 1) and sentences (B, T)."""
        chosen = scores.log_softmax(-1).gather(-1, (ids - PAD - 1).clamp(min=0)[..., None])
        return -(chosen.squeeze(-1) * mask).sum(1).mean()

    def _one_hot(self, ids: Tensor) -> Tensor:
        """(B, T, V)."""
        return F.one_hot(ids, self.vocab_size).to(self.encoder.embedding.weight.dtype)

    def _translate(self, words: Tensor, source: int, target: int, mask: Tensor) -> Tensor:
        """(B, T, V) straight-through one-hots of words (B, T, V) in the other side."""
        scores = self._scores(words, source, target, mask)
        scores = scores + self.gumbel(scores)
        soft = torch.softmax(scores / self.temperature, -1)
        hard = F.one_hot(scores.argmax(-1), self.vocab_size - 1).to(soft.dtype)
        return F.pad((hard - soft).detach() + soft, (1, 0)) * mask[..., None]

    def gumbel(self, scores: Tensor) -> Tensor:
        """Noise for scores (B, T, V - 1)."""
        return gumbel_noise_like(scores)

    def _scores(self, words: Tensor, source: int, target: int, mask: Tensor) -> Tensor:
        """(B, T, V - 1) scores of the words that are written for words (B, T, V)."""
        states = self._read(self.encoder, words, source, mask) + self.targets.weight[target]
        layout = Padded(mask)
        rate = self.dropout if self.training else 0.0
        hidden = self.generator.hidden(layout.rows(states), layout, rate)
        return layout.pad(self.generator.scores(hidden))

    def _log_probs(self, words: Tensor, side: int, mask: Tensor) -> Tensor:
        """(B, T) log P_D of words (B, T, V), 0 on padding."""
        first = self._one_hot(torch.full_like(mask[:, :1], PAD, dtype=torch.int64))
        before = torch.cat([first, words[:, :-1]], 1)
        judge = cast(Judge, self.discriminator)
        hidden = self._read(judge.transformer, before, side, mask)
        return (judge.output(hidden).log_softmax(-1) * words[..., PAD + 1 :]).sum(-1)

    def _read(
        self, transformer: LabelledTransformer, words: Tensor, side: int, mask: Tensor
    ) -> Tensor:
        """(B, T, H) hidden states of words (B, T, V)."""
        embedded = words @ transformer.embedding.weight + transformer.labels.weight[side]
        projected = transformer.projection(transformer.input_scale * embedded)
        layout = Padded(mask)
        hidden = layout.rows(projected + transformer.positions)
        for block in transformer.blocks:
            hidden = block(hidden, layout, causal=transformer.causal)
        return layout.pad(hidden)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over sentences of the mean of values (B, T) over words."""
    return ((values * mask).sum(1) / mask.sum(1)).mean()
