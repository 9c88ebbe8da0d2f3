"""Language models as discriminators (Yang, Hu, Dyer, Xing and Berg-Kirkpatrick, NeurIPS 2018).

"Unsupervised text style transfer using language models as discriminators", as a decipherment. The
encoder E and the generator G are those of the cross-aligned autoencoder (Shen et al., 2017): E
reads the content off a sentence and its side, G writes a sentence of a side and a content. What
judges the sentences that G writes in a side is a language model of the side, which has a say on
each word, where a classifier has one on the sentence. With x~ written in X of the content of y,

    L_rec   = -E log p_G(x | v_X, E(x, v_X)) - E log p_G(y | v_Y, E(y, v_Y))
    L_LM,X  = -E 1/|x| log p_X(x) + gamma E 1/|x~| log p_X(x~),   L_LM,Y likewise

    min over p_X, p_Y: L_LM,X + L_LM,Y
    min over E, G:     L_rec - lambda E 1/|x~| log p_X(x~) - lambda E 1/|y~| log p_Y(y~)

At gamma = 0 the language models read no negative samples and learn from text alone; the paper finds
this stable, and sometimes better. A word of x~ is a distribution s = softmax((scores + g) / tau)
under Gumbel noise g (Jang et al., 2017). G and the language model read its mean word, and the
latter's say on it is s · log p_X(. | what came before). tau falls by half in each epoch. A sentence
of x~ is as long as y: language models prefer short ones. So the mean over words is taken, too.

Text is deciphered by the likeliest words, up to the end symbol that G writes.

Sizes and rates are those of the authors' trials, ``texar/models/tsf/tsf_classifier_lm_rec_adv.py``
and ``examples/tsf`` in the history of asyml/texar. Departures from them: E is told the side, as the
paper's formulas have it, and the language models' say on words is a mean over words, as the paper
has it, while that of the reconstruction is a sum. Readings: docs/decipherment.md.

Shapes: B sentences of a side, T time, V vocabulary, E embedding, H hidden.
"""

from collections.abc import Iterable
from typing import cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.losses.likelihood import drawn_mask, symbol_nll
from textgan_bench.losses.relaxation import gumbel_noise_like
from textgan_bench.networks.cipher_keys import both_sides
from textgan_bench.networks.knobs import check_dropout
from textgan_bench.networks.styled_autoencoder import StyledAutoencoder
from textgan_bench.tokens import PAD, CipherBatch, LabelledBatch, TokenBatch, length_mask

SIDES = PLAIN, CIPHER = 0, 1
"""Labels v_X and v_Y."""


class SoftLanguageModel(nn.Module):
    """A GRU that tells how likely a word, or a distribution of words, is after those before it.

    Args:
        vocab_size: V.
        embedding: E.
        hidden: H.
        dropout: rate for inputs and outputs of the recurrent layer, in training.
    """

    def __init__(self, vocab_size: int, embedding: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(vocab_size, embedding)
        self.cells = nn.GRU(embedding, hidden, batch_first=True)
        self.output = nn.Linear(hidden, vocab_size)
        self.dropout = nn.Dropout(dropout)

    def read(self, words: Tensor) -> Tensor:
        """(B, T, H) states before each of words (B, T, E), the first of which nothing precedes."""
        first = self.words.weight[PAD].expand(len(words), 1, -1)
        states, _ = self.cells(self.dropout(torch.cat([first, words[:, :-1]], 1)))
        return cast(Tensor, self.dropout(states))

    def nll(self, batch: TokenBatch) -> Tensor:
        """(B, T) nats of each word and end symbol of sentences, and 0 after it."""
        ids, lengths = batch
        states = self.read(self.words(ids))
        return symbol_nll(self.output(states[drawn_mask(lengths, ids.shape[1])]), ids, lengths)

    def soft_nll(self, words: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) expected nats of distributions of words (B, T, V), and 0 from ``lengths`` on."""
        mask = length_mask(lengths, words.shape[1])
        log_probs = self.output(self.read(words @ self.words.weight)[mask]).log_softmax(-1)
        nll = -(words[mask] * log_probs).sum(-1)  # (N,)
        return nll.new_zeros(mask.shape).masked_scatter(mask, nll)


class LMDiscriminator(Method):
    """An autoencoder of two sides and a language model of each; defaults are those of the trials.

    Args:
        vocab_size: V, padding counted; both sides share it.
        max_length: T, number of words of the longest sentence.
        embedding: E, dimensions of a word vector, in the autoencoder and in the language models.
        style: dimensions of the vector of a side within a state.
        content: dimensions of the content; a language model has states of ``style + content``.
        dropout: rate in training, for the inputs and outputs of recurrent layers.
        adversarial_weight: lambda.
        negatives: gamma, weight of what was written in the losses of the language models.
        temperature: tau in the first epoch.
        lr: Adam learning rate of all players.

    Raises:
        UserError: a number is out of range.
    """

    DECAY, COLDEST = 0.5, 1e-3  # of tau, an epoch and at least, code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 100,
        style: int = 200,
        content: int = 500,
        dropout: float = 0.5,
        adversarial_weight: float = 1.0,
        negatives: float = 0.0,
        temperature: float = 1.0,
        lr: float = 1e-4,
    ) -> None:
        super().__init__(vocab_size, max_length)
        check_dropout(dropout)
        if not temperature > 0:
            raise UserError(f"a temperature is above 0, not {temperature}")
        self.save_hyperparameters()
        self.autoencoder = StyledAutoencoder(
            vocab_size, max_length, len(SIDES), embedding, style, content, dropout
        )
        self.language_models = nn.ModuleList(
            SoftLanguageModel(vocab_size, embedding, style + content, dropout) for _ in SIDES
        )
        self.adversarial_weight = adversarial_weight
        self.negatives = negatives
        self.temperature = temperature
        self.lr = lr

    def configure_optimizers(self) -> list[Optimizer]:
        players = (self.autoencoder, self.language_models)
        return [Adam(player.parameters(), self.lr) for player in players]

    def training_step(self, batch: CipherBatch, batch_idx: int) -> None:
        """A step of the language models, then one of encoder and generator on the same sentences.

        Raises:
            UserError: the batch has no cipher text.
        """
        optimizers = cast("list[LightningOptimizer]", self.optimizers())
        autoencoder_optimizer, model_optimizer = optimizers
        text = joined(both_sides(batch))
        content = self.autoencoder.encode(text)
        own, other = (
            self.autoencoder.start(labels, content) for labels in (text.labels, 1 - text.labels)
        )
        _, nll = self.autoencoder.teach(own, text)
        written = self.write_soft(other)  # (2 B, T, V)

        real, fake = self.likelihoods(text, written.detach())
        self.descend(real - self.negatives * fake, model_optimizer)

        reconstruction = len(SIDES) * nll.sum(1).mean()
        with self.frozen(self.language_models):
            adversarial = self.likelihood_of_written(text, written)
        loss = reconstruction + self.adversarial_weight * adversarial
        self.descend(loss, autoencoder_optimizer)
        self.log_losses(
            {
                "autoencoder/nll": nll.sum() / text.lengths.sum(),
                "generator/adversarial": adversarial,
                "language_model/nll": real,
            }
        )

    @property
    def tau(self) -> float:
        """The temperature in this epoch."""
        return max(self.COLDEST, self.temperature * self.DECAY**self.current_epoch)

    def write_soft(self, start: Tensor) -> Tensor:
        """(2 B, T, V) distributions of words that G writes from states (2 B, H)."""
        words: list[Tensor] = []

        def feed(scores: Tensor) -> Tensor:
            words.append(((scores + gumbel_noise_like(scores)) / self.tau).softmax(-1))
            return words[-1] @ self.autoencoder.words.weight

        self.autoencoder.unroll(start, feed)
        return torch.stack(words, 1)

    def likelihoods(self, text: LabelledBatch, written: Tensor) -> tuple[Tensor, Tensor]:
        """E 1/|x| of -log p(x) of text and of what was written, in nats, sums over both sides.

        Args:
            text: sentences of both sides, the plain ones first.
            written: (2 B, T, V) words in the other side of each.
        """
        parts = zip(self._models(), sides_of(text), strict=True)
        real = [per_word(model.nll(side), side.lengths) for model, side in parts]
        fake = self.likelihood_of_written(text, written) if self.negatives else torch.zeros(())
        return torch.stack(real).sum(), fake.to(text.ids.device)

    def likelihood_of_written(self, text: LabelledBatch, written: Tensor) -> Tensor:
        """-E 1/|x~| log p(x~), in nats, a sum over both sides; arguments as of ``likelihoods``."""
        # What was written of cipher text is plain text, and is judged by its language model.
        sides = zip(written.chunk(2)[::-1], text.lengths.chunk(2)[::-1], strict=True)
        losses = [
            per_word(model.soft_nll(words, lengths), lengths)
            for model, (words, lengths) in zip(self._models(), sides, strict=True)
        ]
        return torch.stack(losses).sum()

    def _models(self) -> Iterable[SoftLanguageModel]:
        return cast("Iterable[SoftLanguageModel]", self.language_models)

    @torch.no_grad()
    def decipher(self, cipher: TokenBatch) -> TokenBatch:
        """The likeliest plain words of cipher text, one after the other, up to the end symbol."""
        sides = torch.full_like(cipher.lengths, CIPHER)
        content = self.autoencoder.encode(LabelledBatch(*cipher, sides))
        return self.autoencoder.write(self.autoencoder.start(1 - sides, content))

    def validation_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.decipher(both_sides(batch).cipher)}

    def test_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.decipher(both_sides(batch).cipher)}


def joined(batch: CipherBatch) -> LabelledBatch:
    """(2 B, T) sentences of both sides and their labels, the plain ones first."""
    labels = torch.tensor(SIDES, device=batch.ids.device).repeat_interleave(len(batch.ids))
    ids = torch.cat([batch.ids, batch.cipher_ids])
    return LabelledBatch(ids, torch.cat([batch.lengths, batch.cipher_lengths]), labels)


def sides_of(text: LabelledBatch) -> list[TokenBatch]:
    """The sentences of each side of a ``joined`` batch."""
    return [
        TokenBatch(*side) for side in zip(text.ids.chunk(2), text.lengths.chunk(2), strict=True)
    ]


def per_word(nll: Tensor, lengths: Tensor) -> Tensor:
    """The mean over sentences of that over words of nats (B, T)."""
    return (nll.sum(1) / lengths).mean()
