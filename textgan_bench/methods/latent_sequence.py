"""The deep latent sequence model, and unsupervised machine translation, its baseline.

He, Wang, Neubig and Berg-Kirkpatrick (ICLR 2020), "A probabilistic formulation of unsupervised text
style transfer". A sentence x of one style was written from a sentence z of another, which nobody
has seen and which a language model p(z) of that style has drawn. One network, told the style to
write in, is both p(x | z) and its inverse q(z | x). For each sentence

    log p(x)  >=  E_q log p(x | z) - KL(q(z | x) || p(z)),
    KL(q(z | x) || p(z))  =  E_q [log q(z | x) - log p(z)].

Training is on L = L_back + kl KL + w L_self, each a mean over the symbols of a sentence, in nats:

    L_back = -log p(x | z'),  z' the likeliest words of q(z | x), through which no gradient passes,
    L_self = -log p(x | x'),  x' a noisy copy of x; its weight w decays from 1 to 0 linearly,

and KL that of one draw of z, through which gradients pass straight (Gumbel softmax; Jang et al.,
2017). The language models of the styles learn first (``pretraining``) and are kept.

``UNMT`` has no prior, L = L_back + w L_self: a denoising autoencoder and back-translation (Lample
et al., 2018, "Unsupervised machine translation using monolingual corpora only"), as He et al.
compare with it.

Sizes, weights and rates are those of the authors' code, cindyxinyiwang/deep-latent-sequence-model,
and so is the learning rate, halved whenever L of validation text is not the lowest so far. Here z'
is the likeliest word by word, where the code draws at temperature 0.01, x is read once for z and
z', and blanked words have a symbol of their own, there <unk>. Language models learn by Adam, there
by SGD that goes back to the best of them. Networks narrower than the code's start from larger
weights (``AttentionalTranslator``). The code's training ends with the sixth halving. Two oversights
are left out: attention to the padding behind a sentence, and dropout in the prior, which the code
turns off and, by training the network around it, on again.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden, N symbols.
"""

from abc import abstractmethod
from typing import cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.losses.likelihood import drawn_mask
from textgan_bench.losses.processes import process_mean
from textgan_bench.losses.relaxation import straight_through_choice
from textgan_bench.networks.attentional_translator import TEMPERATURE, AttentionalTranslator, Read
from textgan_bench.networks.autoregressive import LSTMLanguageModel
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.networks.text_noise import TextNoise
from textgan_bench.tokens import PAD, Batch, CipherBatch, TokenBatch, TransferBatch

PLAIN, CIPHER = 0, 1
"""The styles of cipher tables."""

OBJECTIVE = "validation/objective"
"""Name of L on validation text."""


class Prior(LSTMLanguageModel):
    """The language model of a style.

    Args:
        vocab_size: V.
        max_length: number of words of the longest sentence.
        embedding: E.
        hidden: H.
        dropout: rate in training, for inputs and outputs of the LSTM.
    """

    WEIGHT_RANGE, EMBEDDING_RANGE = 0.01, 0.1  # of the uniform weights at the start, code

    def __init__(
        self, vocab_size: int, max_length: int, embedding: int, hidden: int, dropout: float
    ) -> None:
        super().__init__(vocab_size, max_length, embedding, hidden)
        self.dropout = nn.Dropout(dropout)
        for weight in self.parameters():
            nn.init.uniform_(weight, -self.WEIGHT_RANGE, self.WEIGHT_RANGE)
        nn.init.uniform_(self.embedding.weight, -self.EMBEDDING_RANGE, self.EMBEDDING_RANGE)
        nn.init.zeros_(self.output.bias)

    def read(self, symbols: Tensor) -> Tensor:
        return self.read_vectors(self.embedding(symbols))

    def read_vectors(self, vectors: Tensor) -> Tensor:
        """(B, T, H) hidden states after each of word vectors (B, T, E)."""
        return cast(Tensor, self.dropout(self.cells(self.dropout(vectors))[0]))


class _Transfer(Method):
    """What both methods share: network, losses without a prior, learning rate, what is written.

    Args:
        styles: number of styles of the data; cipher text has two, plain and cipher.
        embedding: size of the word vectors.
        hidden: units of each LSTM.
        dropout: rate in training.
        pooling: number of neighbouring states of the encoder, of which the largest entries are
            attended to; 1 for each state as it is.
        shuffle: number of places that the noise keeps a word within.
        drop: share of the words that the noise leaves out.
        blank: share of the words that the noise blanks.
        annealing: number of batches in which w decays to zero; 5 epochs of 400,000 sentences in
            batches of 32, code.
        lr: Adam learning rate of the translator at the start.

    Raises:
        UserError: a number is out of range.
    """

    GRADIENT_NORM = 5.0  # code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        styles: int = 2,
        embedding: int = 128,
        hidden: int = 512,
        dropout: float = 0.3,
        pooling: int = 1,
        shuffle: float = 3.0,
        drop: float = 0.1,
        blank: float = 0.2,
        annealing: int = 62_500,
        lr: float = 1e-3,
    ) -> None:
        super().__init__(vocab_size, max_length)
        if styles < 2:
            raise UserError(f"styles={styles}: a transfer is between two at least")
        if annealing < 1:
            raise UserError(f"annealing takes at least 1 batch, not {annealing}")
        self.save_hyperparameters()
        self.translator = AttentionalTranslator(
            vocab_size,
            max_length,
            styles=styles,
            embedding=embedding,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
        )
        self.noise = TextNoise(
            shuffle=shuffle, drop=drop, blank=blank, blank_symbol=self.translator.blank_symbol
        )
        self.styles = styles
        self.annealing = annealing
        self.lr = lr
        self.weights = {"translator/back": 1.0}

    @property
    def left(self) -> float:
        """w, the weight of L_self that is left."""
        return max(0.0, 1 - max(0, self.batches_done - self.untranslated) / self.annealing)

    @property
    def untranslated(self) -> int:
        """Number of batches before the first one that is translated."""
        return 0

    @abstractmethod
    def losses(self, text: TransferBatch, left: float) -> dict[str, Tensor]:
        """The losses by name, means over sentences, in nats a symbol; L_self if ``left`` of it."""

    def objective(self, losses: dict[str, Tensor], left: float) -> Tensor:
        """L, in nats a symbol."""
        weights = {**self.weights, "translator/self": left}
        return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()

    def rewriting_losses(self, read: Read, text: TransferBatch, left: float) -> dict[str, Tensor]:
        """L_back and L_self, by one pass over all that is rewritten as the text."""
        sources = {"translator/back": self.translator.translate(read, text.targets)}
        if left:
            sources["translator/self"] = self.noise(TokenBatch(text.ids, text.lengths))
        ids, lengths, labels = (
            column.repeat(len(sources), *[1] * (column.dim() - 1)) for column in text[:3]
        )
        written = TokenBatch(*map(torch.cat, zip(*sources.values(), strict=True)))
        nll = self.translator.teach(
            self.translator.read(written), labels, TokenBatch(ids, lengths)
        ).sum(1)
        means = (nll / self.symbols(lengths)).chunk(len(sources))
        return {name: mean.mean() for name, mean in zip(sources, means, strict=True)}

    def symbols(self, lengths: Tensor) -> Tensor:
        """(B,) words and end symbols of sentences that have ``lengths`` words."""
        return (lengths + 1).clamp(max=self.max_length)

    def text(self, batch: Batch) -> TransferBatch:
        """The sentences of a batch, of a cipher's both sides, padded to the longest possible.

        Raises:
            UserError: the batch has neither styles nor cipher text, or a style is unknown.
        """
        if isinstance(batch, CipherBatch):
            sides = torch.tensor([PLAIN, CIPHER], device=batch.ids.device)
            labels = sides.repeat_interleave(len(batch.ids))
            pairs = zip(batch.plain, batch.cipher, strict=True)
            ids, lengths = (torch.cat(pair) for pair in pairs)
            batch = TransferBatch(ids, lengths, labels, CIPHER - labels)
        if not isinstance(batch, TransferBatch):
            raise UserError(
                "the data have neither styles nor cipher text: a method that rewrites learns from "
                "batches of both, as those of DATA=yelp-transfer or DATA=yelp-wordsub"
            )
        if (found := int(batch.labels.max())) >= self.styles:
            raise UserError(f"style {found} is none of {self.styles} (model.init_args.styles)")
        missing = self.max_length - batch.ids.shape[1]
        return batch._replace(ids=F.pad(batch.ids, (0, missing), value=PAD))

    @torch.no_grad()
    def rewrite(self, batch: TransferBatch | CipherBatch) -> TokenBatch:
        """Each sentence in the style of its target; of a cipher the cipher text, deciphered."""
        if isinstance(batch, CipherBatch):
            read = self.translator.read(batch.cipher)
            return self.translator.translate(read, torch.full_like(batch.cipher_lengths, PLAIN))
        return self.translator.translate(self.translator.read(batch), batch.targets)

    def validation_step(
        self, batch: TransferBatch | CipherBatch, batch_idx: int
    ) -> dict[str, TokenBatch]:
        text, left = self.text(batch), self.left
        objective = self.objective(self.losses(text, left), left)
        self.log(OBJECTIVE, objective, batch_size=len(text.ids), sync_dist=True)
        return {"samples": self.rewrite(batch)}

    def on_validation_epoch_end(self) -> None:
        """Halve the translator's learning rate unless L is the lowest so far."""
        fitting = self.trainer.state.fn == TrainerFn.FITTING and not self.trainer.sanity_checking
        if fitting and self.updates_generator:
            plateau = cast(ReduceLROnPlateau, self.lr_schedulers())
            plateau.step(self.trainer.callback_metrics[OBJECTIVE])

    def test_step(
        self, batch: TransferBatch | CipherBatch, batch_idx: int
    ) -> dict[str, TokenBatch]:
        samples = {"samples": self.rewrite(batch)}
        if isinstance(batch, CipherBatch):
            return samples
        return {**samples, "references": TokenBatch(batch.ids, batch.lengths)}

    def configure_optimizers(self) -> tuple[list[Optimizer], list[ReduceLROnPlateau]]:
        optimizer = Adam(self.translator.parameters(), self.lr)
        return [optimizer], [ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0)]


class UNMT(_Transfer):
    """Denoising and back-translation; the defaults are the code's for word substitution."""

    def training_step(self, batch: TransferBatch | CipherBatch, batch_idx: int) -> None:
        """A step on L.

        Raises:
            UserError: the batch has neither styles nor cipher text, or a style is unknown.
        """
        left = self.left
        losses = self.losses(self.text(batch), left)
        optimizer = cast(LightningOptimizer, self.optimizers())
        self.descend(self.objective(losses, left), optimizer, clip=self.GRADIENT_NORM)
        self.log_losses(losses)

    def losses(self, text: TransferBatch, left: float) -> dict[str, Tensor]:
        return self.rewriting_losses(self.translator.read(text), text, left)


class DeepLatentSequence(_Transfer):
    """Translations with a prior; the defaults are the code's for word substitution.

    Args:
        pretraining: batches on which the language models learn, before anything is translated.
        kl: weight of the divergence from the prior.
        prior_lr: Adam learning rate of the language models.
        styles: number of styles of the data; cipher text has two, plain and cipher.
        embedding: size of the word vectors, those of the language models, too.
        hidden: units of each LSTM, those of the language models, too.
        dropout: rate in training, of the language models, too.
        pooling: number of neighbouring states of the encoder, of which the largest entries are
            attended to; 1 for each state as it is.
        shuffle: number of places that the noise keeps a word within.
        drop: share of the words that the noise leaves out.
        blank: share of the words that the noise blanks.
        annealing: number of batches in which w decays to zero; 5 epochs of 400,000 sentences in
            batches of 32, code.
        lr: Adam learning rate of the translator at the start.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        pretraining: Pretraining,
        kl: float = 0.03,
        prior_lr: float = 1e-3,
        styles: int = 2,
        embedding: int = 128,
        hidden: int = 512,
        dropout: float = 0.3,
        pooling: int = 1,
        shuffle: float = 3.0,
        drop: float = 0.1,
        blank: float = 0.2,
        annealing: int = 62_500,
        lr: float = 1e-3,
    ) -> None:
        if pretraining.likelihood < 1 or pretraining.discriminator:
            raise UserError(
                f"{pretraining}: the priors are language models, which learn on 1 batch or more, "
                "and there is no discriminator"
            )
        super().__init__(
            vocab_size,
            max_length,
            styles=styles,
            embedding=embedding,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
            shuffle=shuffle,
            drop=drop,
            blank=blank,
            annealing=annealing,
            lr=lr,
        )
        self.priors = nn.ModuleList(
            Prior(vocab_size, max_length, embedding, hidden, dropout) for _ in range(styles)
        )
        self.pretraining = pretraining
        self.prior_lr = prior_lr
        self.weights["translator/kl"] = kl

    @property
    def untranslated(self) -> int:
        return self.pretraining.game

    def configure_optimizers(self) -> tuple[list[Optimizer], list[ReduceLROnPlateau]]:
        optimizers, schedules = super().configure_optimizers()
        return [*optimizers, Adam(self.priors.parameters(), self.prior_lr)], schedules

    def training_step(self, batch: TransferBatch | CipherBatch, batch_idx: int) -> None:
        """A step of the language models, or later one of the translator on L.

        Raises:
            UserError: the batch has neither styles nor cipher text, or a style is unknown.
        """
        translator_optimizer, prior_optimizer = cast("list[LightningOptimizer]", self.optimizers())
        text, left = self.text(batch), self.left
        self.phase = self.pretraining.phase(self.batches_done)
        self.updates_generator = self.phase == "game"
        if self.phase == "likelihood":
            loss = self.prior_loss(text)
            self.descend(loss, prior_optimizer, clip=self.GRADIENT_NORM)
            self.log_losses({"prior/nll": loss})
            return
        for prior in cast("list[Prior]", list(self.priors)):
            prior.dropout.eval()  # and no LSTM, since that of cuDNN has no gradient out of training
        with self.frozen(self.priors):
            losses = self.losses(text, left)
            self.descend(
                self.objective(losses, left), translator_optimizer, clip=self.GRADIENT_NORM
            )
        self.log_losses(losses)

    def prior_loss(self, text: TransferBatch) -> Tensor:
        """NLL of text under the language model of its style, in nats a symbol, mean over styles."""
        symbols = self.symbols(text.lengths)
        of_styles = [text.labels == style for style in range(self.styles)]
        counts = process_mean(
            torch.stack([(symbols * of_style).sum() for of_style in of_styles]).float()
        )
        losses = []
        for prior, of_style, n in zip(self.priors, of_styles, counts, strict=True):
            if of_style.any():
                nll = prior(TokenBatch(text.ids[of_style], text.lengths[of_style]))
                losses.append(nll.sum() / n)
        return torch.stack(losses).sum() / self.styles

    def losses(self, text: TransferBatch, left: float) -> dict[str, Tensor]:
        read = self.translator.read(text)
        losses = self.rewriting_losses(read, text, left)
        losses["translator/kl"] = self.divergence(read, text).mean()
        return losses

    def divergence(self, read: Read, text: TransferBatch) -> Tensor:
        """(B,) KL(q(z | x) || p(z)) of one z for each sentence, in nats a symbol of z."""
        priors = cast("list[Prior]", list(self.priors))
        tables = torch.cat([prior.embedding.weight for prior in priors], 1)  # (V, styles E)
        z = self.translator.relax(read, text.targets, tables)
        steps = z.scores.shape[1]
        drawn = drawn_mask(z.words.lengths, steps)
        vectors = z.others.chunk(self.styles, 2)  # of each prior (B, T, E)
        kl = torch.zeros(drawn.shape, dtype=z.scores.dtype, device=drawn.device)
        for style, prior in enumerate(priors):
            rows = text.targets == style
            if not rows.any():
                continue
            first = prior.embedding.weight[PAD].expand(int(rows.sum()), 1, -1)
            hidden = prior.read_vectors(torch.cat([first, vectors[style][rows, :-1]], 1))
            own = drawn & rows[:, None]
            log_p = prior.output(hidden[drawn[rows]]).log_softmax(1)  # (N, V)
            log_q = z.scores[own].log_softmax(1)
            ratios = straight_through_choice(z.perturbed[own], log_q - log_p, TEMPERATURE)
            kl = kl.masked_scatter(own, ratios)
        return kl.sum(1) / self.symbols(z.words.lengths)
