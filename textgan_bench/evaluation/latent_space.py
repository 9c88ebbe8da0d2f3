"""``interpolate`` and ``shift``: sentences along a line through the codes of a trained run.

Zhao et al. (2018), "Adversarially regularized autoencoders": interpolation, and arithmetic with the
mean codes of sentences that have a word. The paper walks in the generator's noise; here the line
joins codes of given sentences, so that any autoencoder can be asked.

Shapes: H code.
"""

import torch
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method, SentenceCoder, TextDataModule
from textgan_bench.tokens import Sentence, pad_sequences

EXAMPLES = 1_000
"""Training sentences whose codes a mean is of, at most; not tuned."""


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
