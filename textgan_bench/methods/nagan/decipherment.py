"""NAGAN that deciphers: two texts, no pairs, one space of latents (Huang et al., 2021, 3.4, A.6).

An encoder E reads a sentence x and the label of its side, plain (X) or cipher (Y), the generator G
of NAGAN writes a sentence of as many words from the latents and the label of a side,

    Z = E(x, c_X),   F_{X→Y}(x) = G(Z, c_Y),   F_{Y→X} likewise                            (31)

and a causal Transformer P_D(x_t | x_{<t}, c), a language model of both sides, judges. With d the
cross-entropy of a sentence under the softmax of scores and x~ a noisy copy of x,

    L_rec,X = E d(x, G(E(x~, c_X), c_X)),   L_cyc,X = E d(x, F_{Y→X}(F_{X→Y}(x)))       (32, 33, 34)
    L_D,X = - E 1/L sum_t log P_D(x_t | x_{<t}, c_X) - E 1/L sum_t log(1 - P_D(x'_t | x'_{<t}, c_X))
    L_adv,X = - E 1/L sum_t log P_D(x'_t | x'_{<t}, c_X),   x' = F_{Y→X}(y)                 (35, 36)
    L_G = sum over X and Y of L_cyc + alpha L_adv + beta L_rec,   L_D = L_D,X + L_D,Y       (37, 38)

where words of x' are drawn as NAGAN draws them in training, by Gumbel noise, and are differentiated
by the straight-through estimator, as inputs and as the words whose probability is taken. alpha and
beta decay to zero linearly. The printed sign of the second term of L_D would ask D to hold what is
generated for real, and is read as the minus that the cited loss has (de Masson d'Autume et al.,
2019). E and D are the Transformer of NAGAN's discriminator (A.3.2).

A step makes each translation once, for the cycle, for L_adv and for the step of D. The two sides,
the noisy and the clean sentences, the real and the generated ones are one batch each. Readings of
what the paper leaves open: docs/decipherment.md. The closest relative that is public is NAST
(thu-coai/NAST), by the same first author.

Shapes: B sentences of a side, T time, N words of both sides, V vocabulary, E embedding, H hidden
width.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.kernels.cuda_graphs import CountedRAdam
from textgan_bench.losses.likelihood import complement_nll
from textgan_bench.losses.relaxation import (
    add_gumbel_noise_,
    straight_through_choice,
    straight_through_embedding,
)
from textgan_bench.methods.nagan.generator import NonAutoregressiveTransformer
from textgan_bench.methods.nagan.sides import (
    CIPHER,
    PLAIN,
    SIDES,
    Judge,
    JudgesApart,
    LabelledTransformer,
    Noise,
    Sides,
    leave_words_alone,
)
from textgan_bench.networks.cipher_keys import (
    both_sides,
    closeness,
    count_sides,
    decipher,
    fold,
    rank_key,
)
from textgan_bench.networks.knobs import check_dropout
from textgan_bench.networks.packing import Padded, rows_of
from textgan_bench.networks.transformer import Shape
from textgan_bench.tokens import PAD, Batch, CipherBatch, TokenBatch, length_mask


@dataclass(frozen=True)
class Additions:
    """Not in the paper; see docs/decipherment.md. The defaults leave all of it out.

    Args:
        ranks: period of the key by which cipher words are numbered as the plain words of the same
            frequency rank; None for their own numbers.
        pretraining: number of batches in which E and G learn the reconstruction and D the text,
            before anything is translated.
        context: whether words attend to others in E and G; a key does not look at them.
        apart: whether each side has a discriminator of its own, in the place of one for both.
        alphabets: period of the key, if cipher words have word vectors of their own in E and output
            layers of their own in G, for each alphabet, which start as those of plain words; None
            for a label alone.
        latent_scale: factor on the latents as inputs of G; None for the root of the width, as in
            NAGAN.
        closeness: spread of the frequency of a word between the sides, as of ``closeness``: in
            pretraining a translation is also taught the words of about the same frequency in the
            alphabet of its place, with which expectation maximisation starts. None for nothing.
        entropy: share of alpha that the entropy of translations is worth at first. With it L_G is
            the bound of a noisy channel, in which no word is given up before the adversary knows
            it: the cycle is the channel, the adversary the prior.
        softness: number of batches in which ``entropy`` decays to zero linearly.

    Raises:
        UserError: a number is out of range.
    """

    ranks: int | None = None
    pretraining: int = 0
    context: bool = True
    apart: bool = False
    alphabets: int | None = None
    latent_scale: float | None = None
    closeness: float | None = None
    entropy: float = 0.0
    softness: int = 1

    def __post_init__(self) -> None:
        for period in (self.ranks, self.alphabets):
            if period is not None and period < 1:
                raise UserError(f"a key has a period of at least 1, not {period}")
        if self.pretraining < 0:
            raise UserError(f"pretraining takes 0 batches or more, not {self.pretraining}")
        if self.closeness is not None and not self.closeness > 0:
            raise UserError(f"a spread is above 0, not {self.closeness}")
        if self.closeness is not None and not self.pretraining:
            raise UserError("closeness is taught in pretraining, which takes no batches here")
        if self.entropy < 0 or self.softness < 1:
            raise UserError(
                f"entropy is a weight of at least 0 that decays in at least 1 batch, not "
                f"{self.entropy} in {self.softness}"
            )


PAPER = Additions()

torch.serialization.add_safe_globals([Additions])  # a hyper-parameter, and so part of checkpoints


class NAGANDecipherment(Method):
    """Unsupervised decipherment by NAGAN; the defaults are A.6.2 for word substitution.

    Args:
        vocab_size: V, padding counted; both sides share it.
        max_length: number of words of the longest sentence.
        width: hidden width of each Transformer, and size of a latent (Table 9).
        blocks: number of blocks of each Transformer (Table 9).
        heads: number of attention heads (Table 9).
        feed_forward: width of the feed-forward layers, as NAGAN's.
        embedding_dim: size of the word vectors of E and D (Table 9).
        dropout: rate in the generator, in training alone (Table 9).
        temperature: softmax temperature of the straight-through estimator (Table 9).
        adversarial: alpha at the start (A.6.2).
        reconstruction: beta at the start (A.6.2).
        annealing: number of batches in which both decay to zero (A.6.2).
        drop: share of the words that the noise drops (He et al., 2020).
        shuffle: number of places that the noise keeps a word within (He et al., 2020).
        lr: learning rate of RAdam, for all players (A.6.2).
        betas: of RAdam (Table 9).
        additions: options that are not in the paper.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        width: int = 128,
        blocks: int = 5,
        heads: int = 4,
        feed_forward: int = 256,
        embedding_dim: int = 300,
        dropout: float = 0.25,
        temperature: float = 1.0,
        adversarial: float = 1.0,
        reconstruction: float = 1.0,
        annealing: int = 100_000,
        drop: float = 0.1,
        shuffle: float = 3.0,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.5, 0.9),
        additions: Additions = PAPER,
    ) -> None:
        super().__init__(vocab_size, max_length)
        check_dropout(dropout)
        if annealing < 1:
            raise UserError(f"annealing takes at least 1 batch, not {annealing}")
        self.save_hyperparameters()
        shape = Shape(width=width, blocks=blocks, heads=heads, feed_forward=feed_forward)
        self.encoder = LabelledTransformer(
            vocab_size, max_length, shape, embedding_dim=embedding_dim, causal=False
        )
        self.targets = nn.Embedding(len(SIDES), width)  # added to the latents
        self.generator = NonAutoregressiveTransformer(
            vocab_size, max_length, shape, latent_dim=width, temperature=temperature
        )
        if additions.latent_scale is not None:
            self.generator.input_scale = additions.latent_scale
        if not additions.context:
            leave_words_alone(self.encoder)
            leave_words_alone(self.generator)
        alphabets = range(additions.alphabets or 0)
        self.cipher_words = nn.ModuleList(copy.deepcopy(self.encoder.embedding) for _ in alphabets)
        self.cipher_scores = nn.ModuleList(copy.deepcopy(self.generator.scores) for _ in alphabets)
        judge = JudgesApart if additions.apart else Judge
        self.discriminator = judge(vocab_size, max_length, shape, embedding_dim=embedding_dim)
        self.noise = Noise(drop, shuffle)
        self.dropout = dropout
        self.temperature = temperature
        self.adversarial = adversarial
        self.reconstruction = reconstruction
        self.annealing = annealing
        self.lr = lr
        self.betas = betas
        self.additions = additions
        self.numbering: Tensor  # (P, V), of cipher words
        own = torch.arange(vocab_size)
        self.register_buffer("numbering", own.repeat(additions.ranks or 1, 1))
        self.counts: Tensor  # (1 + alphabets, V - 1), of plain words, then of those of each
        periods = additions.alphabets or 1
        self.register_buffer("counts", torch.zeros(1 + periods, vocab_size - 1))

    def configure_optimizers(self) -> list[Optimizer]:
        parts = self.encoder, self.targets, self.generator, self.cipher_words, self.cipher_scores
        translator = chain.from_iterable(part.parameters() for part in parts)
        players = (translator, self.discriminator.parameters())
        return [CountedRAdam(player, self.lr, self.betas) for player in players]

    def on_train_start(self) -> None:
        """Count words, unless a checkpoint has brought what is made of the counts.

        Raises:
            UserError: a side has no text.
        """
        ranks, is_close = self.additions.ranks, self.additions.closeness is not None
        if (ranks is None and not is_close) or self.trainer.global_step:
            return
        batches = cast("Iterable[Batch]", self.trainer.train_dataloader)
        plain, cipher = count_sides(batches, self.vocab_size, self.max_length)
        if ranks is not None:
            self.numbering.copy_(rank_key(plain.symbols, fold(cipher.by_place, ranks)))
        numbered = torch.zeros_like(cipher.by_place)
        for place, counts in enumerate(cipher.by_place):
            numbers = self.numbering[place % len(self.numbering)].cpu()
            numbered[place].index_add_(0, numbers, counts)
        by_alphabet = fold(numbered, self.additions.alphabets or 1)
        self.counts.copy_(torch.cat([plain.symbols[None], by_alphabet])[:, PAD + 1 :])

    def training_step(self, batch: CipherBatch, batch_idx: int) -> None:
        """A step of encoder and generator, then one of the discriminator on their translations.

        Raises:
            UserError: the batch has no cipher text.
        """
        optimizers = cast("list[LightningOptimizer]", self.optimizers())
        translator_optimizer, discriminator_optimizer = optimizers
        text = self.sides(both_sides(batch))
        past = self.batches_done - self.additions.pretraining
        if past < 0:
            self.phase = "pretraining"
            losses = self.pretraining_losses(text)
            self.descend(torch.stack([*losses.values()]).sum(), translator_optimizer)
            losses["discriminator/nll"] = self.likelihood_loss(text)
            self.descend(losses["discriminator/nll"], discriminator_optimizer)
            self.log_losses(losses)
            return
        self.phase = "game" if self.additions.pretraining else ""
        left = max(0.0, 1 - past / self.annealing)
        with self.frozen(self.discriminator):
            losses, written = self.translator_losses(text, alone=not left)
            soft = max(0.0, 1 - past / self.additions.softness)
            self.descend(self.weighted(losses, left, soft), translator_optimizer)
        if left:  # a discriminator that nobody listens to need not learn
            losses["discriminator/loss"] = self.discriminator_loss(text, written)
            self.descend(losses["discriminator/loss"], discriminator_optimizer)
        self.log_losses(losses)

    def sides(self, batch: CipherBatch) -> Sides:
        """Both sides of a batch, cipher words in their numbering, cut to the longest sentence."""
        cipher = decipher(self.numbering, batch.cipher)
        lengths = torch.cat([batch.lengths, cipher.lengths])
        longest = int(lengths.max())
        ids = torch.cat([batch.ids, cipher.ids])[:, :longest]
        labels = torch.tensor(SIDES, device=ids.device).repeat_interleave(len(batch.ids))
        return Sides(ids, labels, rows_of(length_mask(lengths, longest)), lengths)

    def weighted(self, losses: dict[str, Tensor], left: float, soft: float) -> Tensor:
        """L_G (eq. 37) of ``translator_losses``.

        Args:
            losses: by name.
            left: what is left of alpha and beta.
            soft: what is left of the weight of the entropy.
        """
        weights = {
            "generator/cycle": 1.0,
            "generator/adversarial": self.adversarial * left,
            "generator/reconstruction": self.reconstruction * left,
            "generator/entropy": -self.adversarial * left * self.additions.entropy * soft,
        }
        return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()

    def pretraining_losses(self, text: Sides) -> dict[str, Tensor]:
        """L_rec, and how far translations are from words of their frequency, by name."""
        layout, labels = text.layout, text.labels
        words = self.table()
        noisy = layout.rows(self.noise(text.ids, layout.mask))
        states = self.read(F.embedding(noisy, words), labels, layout)
        losses = {
            "generator/reconstruction": text.cross_entropy(self.write(states, labels, layout))
        }
        if self.additions.closeness is not None:
            states = self.read(F.embedding(text.words, words), labels, layout)
            scores = self.write(states, 1 - labels, layout)
            losses["generator/closeness"] = text.divergence(self.as_frequent(text), scores)
        return losses

    def likelihood_loss(self, text: Sides) -> Tensor:
        """The first term of L_D: nats a word of text under the discriminator."""
        table = self.discriminator.table()
        known = F.embedding(text.words, table)
        logits = self.discriminator(known, table, text.labels, text.layout)
        return text.mean(F.cross_entropy(logits, text.words - PAD - 1, reduction="none"))

    def as_frequent(self, text: Sides) -> Tensor:
        """(N, V - 1) log probability of each word of the other side for a word of a text.

        A word stands for those that are about as frequent, the more frequent one of two sooner.
        """
        spread = self.additions.closeness or 0.0
        counts = self.counts.double()
        plain, found, places = counts[PLAIN], [], []
        for side in SIDES:
            at = self.places_of_alphabets(torch.full_like(text.labels, CIPHER), text.layout)
            of_side = text.layout.rows(
                (text.labels == side)[:, None].expand(text.layout.mask.shape)
            )
            for cipher, rows in zip(counts[1:], at[1:], strict=True):
                own, other = (plain, cipher) if side == PLAIN else (cipher, plain)
                rows = rows[of_side[rows]]
                close = closeness(own[text.words[rows] - PAD - 1], own.sum(), other, spread)
                found.append((close + (other + 0.5).log()).log_softmax(-1).float())
                places.append(rows)
        return torch.cat(found)[torch.cat(places).argsort()]

    def places_of_alphabets(self, labels: Tensor, layout: Padded) -> list[Tensor]:
        """Numbers of the rows of the plain side, then of those of each alphabet of the other.

        Args:
            labels: (B,) side of each sentence.
            layout: rows of the N words of B sentences.
        """
        period = self.additions.alphabets or 1
        alphabet = torch.arange(layout.mask.shape[1], device=labels.device) % period  # (T,)
        of_words = torch.where(labels[:, None] == PLAIN, 0, 1 + alphabet)  # (B, T)
        rows = layout.rows(of_words)
        return [(rows == number).nonzero().squeeze(1) for number in range(1 + period)]

    def translator_losses(
        self, text: Sides, *, alone: bool = False
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of encoder and generator by name, each a sum over both sides.

        Args:
            text: sentences of both sides.
            alone: whether the cycle is all that counts.

        Returns:
            Losses in nats, of a sentence but for the adversarial one, which is of a word; and the
            words (N,) of the translations.
        """
        layout, labels, others = text.layout, text.labels, 1 - text.labels
        table = self.table()  # (V, H), or (V, A H)
        words, sides, targets = [text.words], [labels], [others]
        if not alone:
            words.append(layout.rows(self.noise(text.ids, layout.mask)))
            sides.append(labels)
            targets.append(labels)
        joint = layout if alone else rows_of(layout.mask.repeat(2, 1))
        states = self.read(F.embedding(torch.cat(words), table), torch.cat(sides), joint)
        scores = self.write(states, torch.cat(targets), joint)
        translated = scores[: len(words[0])]  # (N, V - 1)
        entropy = None
        if self.additions.entropy and not alone:
            log_probs = translated.log_softmax(-1)
            entropy = text.mean(-(log_probs.exp() * log_probs).sum(-1))
        translated = self.perturb(translated)

        judged = self.discriminator.table()  # (V, H)
        tables = torch.cat([table, judged], 1)[PAD + 1 :]
        relaxed = straight_through_embedding(translated, tables, self.temperature)
        to_read, to_judge = relaxed.split([table.shape[1], judged.shape[1]], 1)
        again = self.write(self.read(to_read, others, layout), labels, layout)
        losses = {"generator/cycle": text.cross_entropy(again)}
        if not alone:
            log_probs = self.discriminator(to_judge, judged, others, layout).log_softmax(-1)
            chosen = straight_through_choice(translated, log_probs, self.temperature)
            losses["generator/adversarial"] = -text.mean(chosen)
            losses["generator/reconstruction"] = text.cross_entropy(scores[len(words[0]) :])
        if entropy is not None:
            losses["generator/entropy"] = entropy
        return losses, translated.detach().argmax(-1) + PAD + 1

    def discriminator_loss(self, text: Sides, written: Tensor) -> Tensor:
        """L_D, in nats a word, of sentences and translations into their sides' vocabulary.

        Args:
            text: sentences of both sides.
            written: (N,) words of their translations.
        """
        table = self.discriminator.table()
        both = rows_of(text.layout.mask.repeat(2, 1))
        words = torch.cat([text.words, written])
        sides = torch.cat([text.labels, 1 - text.labels])
        logits = self.discriminator(F.embedding(words, table), table, sides, both)
        real, fake = F.cross_entropy(logits, words - PAD - 1, reduction="none").chunk(2)
        return text.mean(real) + text.mean(complement_nll(fake))

    def write(self, states: Tensor, targets: Tensor, layout: Padded) -> Tensor:
        """(N, V - 1) scores of words from E's states (N, H) and the sides (B,) to write in."""
        labels = self.targets(targets)[:, None].expand(-1, layout.mask.shape[1], -1)
        rate = self.dropout if self.training else 0.0
        hidden = self.generator.hidden(states + layout.rows(labels), layout, rate)
        if not len(self.cipher_scores):
            return self.generator.scores(hidden)
        outputs = (self.generator.scores, *self.cipher_scores)
        places = self.places_of_alphabets(targets, layout)
        scores = [output(hidden[rows]) for output, rows in zip(outputs, places, strict=True)]
        return torch.cat(scores)[torch.cat(places).argsort()]

    def table(self) -> Tensor:
        """(V, H) words as E reads them, or (V, A H) if plain words and alphabets have their own."""
        tables = (self.encoder.embedding, *self.cipher_words)
        return torch.cat([self.encoder.project(cast(nn.Embedding, each)) for each in tables], 1)

    def read(self, words: Tensor, labels: Tensor, layout: Padded) -> Tensor:
        """(N, H) states of E.

        Args:
            words: (N, H) or (N, A H) words, rows of ``table``.
            labels: (B,) side of each sentence.
            layout: rows of the N words of B sentences.
        """
        if len(self.cipher_words):
            places = self.places_of_alphabets(labels, layout)
            each = words.chunk(len(places), 1)
            read = [known[rows] for known, rows in zip(each, places, strict=True)]
            words = torch.cat(read)[torch.cat(places).argsort()]
        return self.encoder(words, labels, layout)

    def perturb(self, scores: Tensor) -> Tensor:
        """Scores (N, V - 1) with Gumbel noise, as in NAGAN's training (A.3.1)."""
        return add_gumbel_noise_(scores)

    @torch.no_grad()
    def decipher(self, cipher: TokenBatch) -> TokenBatch:
        """The likeliest plain word at each place of cipher text."""
        mask = length_mask(cipher.lengths, cipher.ids.shape[1])
        layout = rows_of(mask)
        sides = torch.full_like(cipher.lengths, CIPHER)
        ids = decipher(self.numbering, cipher).ids
        states = self.read(F.embedding(layout.rows(ids), self.table()), sides, layout)
        scores = self.write(states, 1 - sides, layout)
        return TokenBatch(layout.pad(scores.argmax(-1) + PAD + 1) * mask, cipher.lengths)

    def validation_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.decipher(both_sides(batch).cipher)}

    def test_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.decipher(both_sides(batch).cipher)}
