"""``interpolate``, ``shift`` and ``walk``: sentences along a line through a trained run's space.

Zhao et al. (2018), "Adversarially regularized autoencoders": interpolation, and arithmetic with the
means of sentences that have a word. The paper walks in the generator's noise (``NoiseSpace``), to
which no sentence leads back. Codes of given sentences are joined, too (``LatentSpace``), so that
any autoencoder can be asked.

Shapes: H code, Z latent.
"""

import torch
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.evaluation.editing import Editor
from textgan_bench.interfaces import Latents, LatentWriter, Method, SentenceCoder, TextDataModule
from textgan_bench.tokens import Sentence, pad_sequences

EXAMPLES = 1_000
"""Training sentences whose codes a mean is of, at most; not tuned."""

WRITTEN = 10_000
"""Sentences among which those with a word are looked for. The authors' code writes a million, and
finds subjects and verbs with a parser."""


class LatentSpace:
    """Sentences of a data set as codes of a method, and back.

    Args:
        model: an autoencoder, trained.
        data: set up.

    Raises:
        UserError: the method has no codes.
    """

    def __init__(self, model: Method, data: TextDataModule) -> None:
        if not isinstance(model, SentenceCoder):
            raise UserError(f"{type(model).__name__} turns no sentence into a code; ARAE does")
        self.model = model
        self.data = data

    @torch.no_grad()
    def codes(self, sentences: list[Sentence]) -> Tensor:
        """(N, H) codes of N sentences.

        Raises:
            UserError: one is empty, too long, or has a word that the vocabulary cannot express.
        """
        if not all(sentences):
            raise UserError("an empty sentence has no code")
        encode = self.data.vocabulary.encode
        return self.model.encode(pad_sequences(list(map(encode, sentences)), self.data.max_length))

    def sentences(self, codes: Tensor) -> list[Sentence]:
        """The sentence of each code (N, H)."""
        return self.data.vocabulary.decode_batch(self.model.decode(codes))

    def line(self, start: Sentence, end: Sentence, n: int) -> list[Sentence]:
        """Sentences of ``n`` codes evenly spaced from that of ``start`` to that of ``end``.

        Raises:
            UserError: there are fewer than two, or a sentence has no code.
        """
        if n < 2:
            raise UserError(f"-n {n}: a line has two ends at least")
        first, last = self.codes([start, end])
        share = torch.linspace(0, 1, n)[:, None]
        return self.sentences(first + share * (last - first))  # not lerp, exact at one end only

    def mean(self, word: str) -> Tensor:
        """(H,) mean code of training sentences that have a word.

        Raises:
            UserError: none has it.
        """
        having = [sentence for sentence in self.data.sentences("train") if word in sentence]
        if not having:
            raise UserError(f"no training sentence has the word '{word}'")
        return self.codes(having[:EXAMPLES]).mean(0)

    def arithmetic(self, sentence: Sentence, minus: str, plus: str, n: int) -> list[Sentence]:
        """Sentences of code + k (mean with ``plus`` - mean with ``minus``), k = 0, 1 .. n - 1.

        Raises:
            UserError: there are fewer than two, a word is in no training sentence, or the
                sentence has no code.
        """
        if n < 2:
            raise UserError(f"-n {n}: a line has two ends at least")
        offset = self.mean(plus) - self.mean(minus)
        multiples = torch.arange(n)[:, None]
        return self.sentences(self.codes([sentence]) + multiples * offset)


class NoiseSpace:
    """What a generator's noise says of its sentences.

    Args:
        model: a generator of one latent a sentence, trained.
        data: set up.

    Raises:
        UserError: its sentences do not follow from one latent each.
    """

    def __init__(self, model: Method, data: TextDataModule) -> None:
        if not isinstance(model, LatentWriter) or model.draw_latents(1).z.shape[1] != 1:
            raise UserError(
                f"{type(model).__name__} does not write a sentence from one latent; ARAE does"
            )
        self.model = model
        self.data = data

    @torch.no_grad()
    def sentences(self, latents: Tensor) -> list[Sentence]:
        """The sentence of each latent (N, Z)."""
        ones = torch.ones(len(latents), dtype=torch.int64, device=latents.device)
        return self.data.text(self.model.write_latents(Latents(latents[:, None], ones)))

    def line(self, n: int) -> list[Sentence]:
        """Sentences of ``n`` latents evenly spaced between two that are drawn.

        Raises:
            UserError: there are fewer than two.
        """
        if n < 2:
            raise UserError(f"-n {n}: a line has two ends at least")
        first, last = self.model.draw_latents(2).z[:, 0]  # (Z,)
        share = torch.linspace(0, 1, n, device=first.device)[:, None]
        return self.sentences((1 - share) * first + share * last)

    def arithmetic(self, minus: str, plus: str, n: int, size: int = WRITTEN) -> list[Sentence]:
        """Sentences of latent + k (mean with ``plus`` - mean with ``minus``), k = 0, 1 .. n - 1.

        The latent is that of the first sentence written that has ``minus`` and lacks ``plus``; the
        means are over the latents of ``size`` sentences that have the word.

        Raises:
            UserError: there are fewer than two, the words are the same, the vocabulary lacks one,
                or none of the sentences has one.
        """
        if n < 2:
            raise UserError(f"-n {n}: a line has two ends at least")
        editor = Editor(self.model, self.data)
        pair = editor.pair(minus, plus)
        pool = editor.pool([pair], 1, size=size)
        offset = pool.offset(pair)
        if offset is None or pair not in pool.sources:
            raise UserError(
                f"among {size:,} sentences none has '{minus}' and lacks '{plus}', or none has "
                f"'{plus}'"
            )
        (latent,) = pool.sources[pair].z[:, 0]
        multiples = torch.arange(n, device=latent.device)[:, None]
        return self.sentences(latent + multiples * offset[0].to(latent))
