"""CipherGAN (Gomez, Huang, Zhang, Li, Osama and Kaiser, ICLR 2018): a CycleGAN of discrete text.

"Unsupervised cipher cracking using discrete GANs". F writes plain text x as cipher text, G cipher
text y as plain text, each as a distribution over all symbols at each place. Every network reads
words through one table W of word vectors: a word is its row of W, a distribution p the mean p W of
the rows, so that what is written lies among the words and not apart from them. With a
discriminator D of each side, whose scores are means over stretches of a sentence,

    L_adv = E (D_Y(F(x) W) - 1)^2 + E (D_X(G(y) W) - 1)^2
    L_cyc = E |G(F(x) W) - x|_1 + E |F(G(y) W) - y|_1
    L_D   = sum over X and Y of [E (D(x W) - 1)^2 + E D(x' W)^2] / 2 + alpha E (|D'(x~)| - 1)^2

where a sentence stands for its one-hots, x' for one of the latest translations, and x~ for a point
drawn evenly between a sentence and a translation, embedded (Gulrajani et al., 2017). F and G
descend L_adv + lambda L_cyc, D_X and D_Y descend L_D, and W descends L_D + lambda L_cyc. The words
move as long as they are learnt, so that a discriminator cannot tell a translation by its not being
exactly a word. All step at once. |p - x|_1 is 2 (1 - p_x), as p sums
to 1.

Sizes and rates are those of the authors' code, for-ai/CipherGAN, in its set for Vigenère on 200
words (``vigenere_brown_vocab_200``). So are these: padding is a symbol, written, judged and part of
the cycle like any other; the scores of words are normalised and cut at zero, as other layers are;
each network has a vector of its own for each place; of a batch of 50 sentences or more, the latest
translations are the first 50 of the batch before, and before the first batch they are one
distribution of zeros. The code's instance normalisation has the axes of an image, and so takes
places and channels of a sentence together; so does this.

Departures: the point x~ is a constant but for W, and no word is deciphered as padding.

Shapes: B batch, T time, V vocabulary, E embedding, C channels, S stretches, P past translations.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.losses.adversarial import unit_slope_penalty
from textgan_bench.losses.processes import process_rows
from textgan_bench.networks.cipher_keys import both_sides
from textgan_bench.networks.knobs import check_dropout
from textgan_bench.tokens import PAD, CipherBatch, TokenBatch, length_mask

STD = 0.02  # of all weights of convolutions, and of the scales of the translators, code


def truncated_normal_(weight: Tensor, mean: float) -> None:
    """Draw normal numbers less than two standard deviations from ``mean``."""
    nn.init.trunc_normal_(weight, mean, STD, mean - 2 * STD, mean + 2 * STD)


class Convolution(nn.Linear):
    """A convolution of (B, T, C) to ceil(T / stride) places: zeros on both sides, more at the end.

    So TensorFlow pads ("SAME"). It is a matrix product, whose second derivatives are products, too:
    on sentences of 30 places a step takes half the time of one with PyTorch's convolutions.
    """

    def __init__(self, inputs: int, outputs: int, span: int = 1, stride: int = 1) -> None:
        super().__init__(inputs * span, outputs)
        self.span = span
        self.stride = stride
        truncated_normal_(self.weight, 0.0)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.span > 1:
            steps = x.shape[1]
            missing = max(0, (-(-steps // self.stride) - 1) * self.stride + self.span - steps)
            padded = F.pad(x, (0, 0, missing // 2, missing - missing // 2))
            x = padded.unfold(1, self.span, self.stride).flatten(2)  # (B, S, C span)
        return super().forward(x)


class Normalisation(nn.Module):
    """Places and channels of a sentence to mean 0 and variance 1, then scaled by channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[1:]) * self.weight + self.bias


class Block(nn.Module):
    """What two layers add to their input, cut at zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Convolution(channels, channels),
            Normalisation(channels),
            nn.ReLU(),
            Convolution(channels, channels),
            Normalisation(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


class Places(nn.Module):
    """A learnt vector for each place, put behind the word's ("concatenated timing", code)."""

    def __init__(self, max_length: int, embedding: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(max_length, embedding))

    def forward(self, words: Tensor) -> Tensor:
        """(B, T, 2 E) channels from words (B, T, E)."""
        return torch.cat([words, self.vectors.expand(len(words), -1, -1)], 2)


class Translator(nn.Module):
    """F or G: each word by itself, its place and what it shares with its sentence, two moments."""

    def __init__(
        self, vocab_size: int, max_length: int, embedding: int, filters: int, blocks: int
    ) -> None:
        super().__init__()
        self.places = Places(max_length, embedding)
        widths = [2 * embedding, filters, 2 * filters, 4 * filters]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [Convolution(inputs, outputs), Normalisation(outputs), nn.ReLU()]
        layers += [Block(widths[-1]) for _ in range(blocks)]
        layers += [Convolution(widths[-1], vocab_size), Normalisation(vocab_size), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        for layer in self.modules():
            if isinstance(layer, Normalisation):
                truncated_normal_(layer.weight, 1.0)

    def forward(self, words: Tensor) -> Tensor:
        """(B, T, V) distributions of the symbols written for words (B, T, E)."""
        scores: Tensor = self.layers(self.places(words))
        return scores.softmax(-1)


class Discriminator(nn.Module):
    """D: convolutions over words and places, half as many places and twice as many channels each.

    Args:
        max_length: T.
        embedding: E.
        filters: channels of the first layer.
        dropout: rate for its input, in training.
    """

    SPAN, SLOPE, DOUBLINGS = 15, 0.2, 5  # places under a filter, of negative numbers, layers: code

    def __init__(self, max_length: int, embedding: int, filters: int, dropout: float) -> None:
        super().__init__()
        self.places = Places(max_length, embedding)
        self.dropout = nn.Dropout(dropout)
        first = Convolution(2 * embedding, filters, self.SPAN, stride=2)
        layers: list[nn.Module] = [first, nn.LeakyReLU(self.SLOPE)]
        widths = [filters * 2**n for n in range(self.DOUBLINGS + 1)]
        for inputs, outputs in pairwise(widths):
            layers += [
                Convolution(inputs, outputs, self.SPAN, stride=2),
                Normalisation(outputs),
                nn.LeakyReLU(self.SLOPE),
            ]
        layers.append(Convolution(widths[-1], 1, self.SPAN))
        self.layers = nn.Sequential(*layers)

    def forward(self, words: Tensor) -> Tensor:
        """(B, S) scores of sentences (B, T, E); a real one should have 1, another one 0."""
        scores: Tensor = self.layers(self.dropout(self.places(words))).squeeze(2)
        return scores


class Past(nn.Module):
    """The latest translations into a side, P at most, of all processes."""

    kept: Tensor
    count: Tensor

    def __init__(self, size: int, max_length: int, vocab_size: int) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(size, max_length, vocab_size))
        self.register_buffer("count", torch.ones((), dtype=torch.int64))  # the zeros, at first

    @property
    def translations(self) -> Tensor:
        """(P, T, V) distributions, or fewer of them in the first batches."""
        return self.kept[: int(self.count)]

    def keep(self, translations: Tensor) -> None:
        """Add (B, T, V) distributions behind the others, and drop the oldest."""
        size = len(self.kept)
        new = process_rows(translations.detach())[:size]
        latest = torch.cat([self.translations, new])[-size:]
        self.kept[: len(latest)] = latest
        self.count.fill_(len(latest))


class CipherGAN(Method):
    """A CycleGAN on embedded text; defaults are those of the code for 200 words.

    Args:
        vocab_size: V, padding counted; both sides share it.
        max_length: T, number of symbols of the longest sentence.
        embedding: E, size of a word vector, and of that of a place.
        filters: channels of the first layer of a translator.
        discriminator_filters: channels of the first layer of a discriminator.
        blocks: number of blocks of two layers in a translator.
        dropout: rate for the input of the discriminators.
        cycle: lambda, weight of the cycle.
        penalty: alpha, weight of the penalty on slopes of the discriminators.
        past: P, number of translations that the discriminators learn from.
        warm_up: number of batches in which the rate rises from a hundredth to ``lr``, by the same
            factor in each.
        lr: Adam learning rate of all networks.

    Raises:
        UserError: a number is out of range.
    """

    BETAS = (0.0, 0.9)  # of Adam, code
    FIRST = 0.01  # share of the rate at the start, code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 256,
        filters: int = 32,
        discriminator_filters: int = 32,
        blocks: int = 5,
        dropout: float = 0.5,
        cycle: float = 1.0,
        penalty: float = 10.0,
        past: int = 50,
        warm_up: int = 2_500,
        lr: float = 2e-4,
    ) -> None:
        super().__init__(vocab_size, max_length)
        check_dropout(dropout)
        if past < 1:
            raise UserError(f"the discriminators learn from 1 past translation or more, not {past}")
        if warm_up < 1:
            raise UserError(f"the warm-up takes at least 1 batch, not {warm_up}")
        self.save_hyperparameters()
        self.words = nn.Embedding(vocab_size, embedding)  # normal at first, as the code's
        to_cipher, to_plain = (
            Translator(vocab_size, max_length, embedding, filters, blocks) for _ in range(2)
        )
        self.to_cipher = to_cipher  # F
        self.to_plain = to_plain  # G
        self.discriminators = nn.ModuleList(
            Discriminator(max_length, embedding, discriminator_filters, dropout) for _ in range(2)
        )  # of plain and of cipher text
        self.past = nn.ModuleList(Past(past, max_length, vocab_size) for _ in range(2))
        self.cycle = cycle
        self.penalty = penalty
        self.warm_up = warm_up
        self.lr = lr

    def configure_optimizers(self) -> Adam:
        return Adam(self.parameters(), self.lr, self.BETAS)

    def training_step(self, batch: CipherBatch, batch_idx: int) -> None:
        """One step of all networks, each down its own losses.

        Raises:
            UserError: the batch has no cipher text.
        """
        optimizer = cast(LightningOptimizer, self.optimizers())
        for group in optimizer.param_groups:
            group["lr"] = self.lr * self.FIRST ** max(0.0, 1 - self.batches_done / self.warm_up)
        sides = self.sides(both_sides(batch))
        with self.frozen(self.words, self.discriminators):
            translations = self.translate(sides)
            adversarial = self.adversarial_loss(translations)
        cycle = self.cycle_loss(sides)
        discriminator, penalty = self.discriminator_losses(sides, translations)
        # Each network is in the graph of its own losses alone, W in those of its two: one gradient.
        loss = adversarial + self.cycle * cycle + discriminator + self.penalty * penalty
        self.descend(loss, optimizer)
        for past, translation in zip(self._past(), translations, strict=True):
            past.keep(translation)
        self.log_losses(
            {
                "generator/adversarial": adversarial,
                "generator/cycle": cycle,
                "discriminator/loss": discriminator,
                "discriminator/penalty": penalty,
            }
        )

    def sides(self, batch: CipherBatch) -> tuple[Tensor, Tensor]:
        """(B, T) plain text and (B, T) cipher text, padded to the longest sentence of all."""
        return self.padded(batch.ids), self.padded(batch.cipher_ids)

    def padded(self, ids: Tensor) -> Tensor:
        return F.pad(ids, (0, self.max_length - ids.shape[1]), value=PAD)

    def embed(self, distributions: Tensor) -> Tensor:
        """(B, T, E) mean words under distributions (B, T, V)."""
        return distributions @ self.words.weight

    def translate(self, sides: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """(B, T, V) plain text written for the cipher text, and cipher text for the plain text."""
        plain, cipher = sides
        return self.to_plain(self.words(cipher)), self.to_cipher(self.words(plain))

    def adversarial_loss(self, translations: tuple[Tensor, Tensor]) -> Tensor:
        """L_adv of translations into plain and into cipher text."""
        losses = [
            (discriminator(self.embed(translation)) - 1).square().mean()
            for discriminator, translation in zip(self.discriminators, translations, strict=True)
        ]
        return torch.stack(losses).sum()

    def cycle_loss(self, sides: tuple[Tensor, Tensor]) -> Tensor:
        """L_cyc, in [0, 4], means over all places."""
        as_plain, as_cipher = self.translate(sides)
        again = self.to_plain(self.embed(as_cipher)), self.to_cipher(self.embed(as_plain))
        losses = [
            2 * (1 - written.gather(2, ids[:, :, None])).mean()
            for written, ids in zip(again, sides, strict=True)
        ]
        return torch.stack(losses).sum()

    def discriminator_losses(
        self, sides: tuple[Tensor, Tensor], translations: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """L_D without the penalty, and the penalty without its weight.

        Args:
            sides: (B, T) plain and cipher text.
            translations: (B, T, V) distributions of plain and of cipher text, taken as constants.
        """
        losses, penalties = [], []
        parts = zip(self.discriminators, self._past(), sides, translations, strict=True)
        for discriminator, past, ids, translation in parts:
            words = self.words(ids)  # (B, T, E)
            real = (discriminator(words) - 1).square().mean()
            fake = discriminator(self.embed(past.translations)).square().mean()
            losses.append((real + fake) / 2)
            share = torch.rand(len(words), 1, 1, device=words.device, dtype=words.dtype)
            points = torch.lerp(words, self.embed(translation.detach()), share)
            penalties.append(unit_slope_penalty(discriminator, points))
        return torch.stack(losses).sum(), torch.stack(penalties).sum()

    def _past(self) -> Iterable[Past]:
        return cast("Iterable[Past]", self.past)

    @torch.no_grad()
    def decipher(self, cipher: TokenBatch) -> TokenBatch:
        """The likeliest plain symbol at each place of cipher text."""
        ids, lengths = cipher
        steps = ids.shape[1]
        written = self.to_plain(self.words(self.padded(ids)))[:, :steps]  # (B, T, V)
        plain = written[:, :, PAD + 1 :].argmax(-1) + PAD + 1
        return TokenBatch(plain.where(length_mask(lengths, steps), PAD), lengths)

    def validation_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.decipher(both_sides(batch).cipher)}

    def test_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.decipher(both_sides(batch).cipher)}
