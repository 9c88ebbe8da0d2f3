"""Scores of a deciphered or rewritten text, of which each sentence has its own reference.

``<unk>`` is a symbol like any other here: Brown-W-200 enciphers it with the other 200, and the
published figures count it where it is right. With the exact key both scores are 1, corpus BLEU only
if the text has a sentence as long as its longest n-gram.
"""

import operator
from collections.abc import Sequence

import torch
from sacrebleu.metrics import bleu as sacrebleu_bleu
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.metrics.inputs import PairedMetric

Sentences = Sequence[Sequence[str]]


class TokenAccuracy(PairedMetric):
    """Fraction of positions at which a sample has the word of its reference, in [0, 1].

    Higher is better. The accuracy of Gomez et al. (2018), "Unsupervised cipher cracking using
    discrete GANs", whose code takes the mean within each sentence and then over the sentences.
    Where the lengths differ, the positions are those of the longer sentence, so that missing and
    surplus words are errors. A pair of empty sentences has no position and does not count.

    >>> metric = TokenAccuracy()
    >>> metric.update([["a", "cat", "sat"], ["a"]], [["a", "dog", "sat"], ["a", "dog"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'token_accuracy': 0.583}
    """

    full_state_update = False

    accuracy_sum: Tensor
    accuracy_count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("accuracy_sum", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("accuracy_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, samples: Sentences, references: Sentences) -> None:
        _check_aligned(samples, references)
        accuracies = [
            sum(map(operator.eq, sample, reference)) / max(len(sample), len(reference))
            for sample, reference in zip(samples, references, strict=True)
            if sample or reference
        ]
        self.accuracy_sum += sum(accuracies)
        self.accuracy_count += len(accuracies)

    def compute(self) -> dict[str, Tensor]:
        if not self.accuracy_count:
            raise UserError("token accuracy needs at least one word")
        return {"token_accuracy": self.accuracy_sum / self.accuracy_count}


class CorpusBLEU(PairedMetric):
    """Corpus BLEU of samples, each against its own reference, in [0, 1]; higher is better.

    Papineni et al. (2002) as sacrebleu computes it (Post, 2018, "A call for clarity in reporting
    BLEU scores") on the words as given: case kept, smoothing ``exp``, which acts only on an order
    without any match. Divided by 100. A text without a sentence of ``order`` words has none of the
    longest n-grams, and 0 even as a copy, as with sacrebleu and NLTK. Not the BLEU of sets of
    unpaired sentences that ``BLEU`` is.

    Args:
        order: longest n-gram, part of the key.

    >>> metric = CorpusBLEU()
    >>> metric.update([["a", "cat", "sat", "on", "it"]], [["a", "cat", "sat", "on", "us"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'corpus_bleu/4': 0.669}
    """

    full_state_update = False

    corpus_matches: Tensor
    corpus_ngrams: Tensor
    corpus_lengths: Tensor

    def __init__(self, order: int = 4) -> None:
        super().__init__()
        self.order = order
        # The text is cut into words already, at which sacrebleu would warn.
        self._bleu = sacrebleu_bleu.BLEU(tokenize="none", max_ngram_order=order, force=True)
        for name, size in (("corpus_matches", order), ("corpus_ngrams", order)):
            self.add_state(name, torch.zeros(size, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("corpus_lengths", torch.zeros(2, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, samples: Sentences, references: Sentences) -> None:
        _check_aligned(samples, references)
        if not samples:
            return
        # sacrebleu sees numbers for words, since a word may hold a blank.
        index: dict[str, int] = {}
        texts = [
            [" ".join(str(index.setdefault(word, len(index))) for word in words) for words in side]
            for side in (samples, references)
        ]
        score = self._bleu.corpus_score(texts[0], [texts[1]])
        self.corpus_matches += torch.tensor(score.counts, device=self.device)
        self.corpus_ngrams += torch.tensor(score.totals, device=self.device)
        self.corpus_lengths += torch.tensor([score.sys_len, score.ref_len], device=self.device)

    def compute(self) -> dict[str, Tensor]:
        sample_length, reference_length = self.corpus_lengths.tolist()
        if not reference_length:
            raise UserError("corpus BLEU needs at least one word of reference")
        score = sacrebleu_bleu.BLEU.compute_bleu(
            self.corpus_matches.tolist(),
            self.corpus_ngrams.tolist(),
            sample_length,
            reference_length,
            smooth_method="exp",
            max_ngram_order=self.order,
        )
        # The exponential of logarithms may round a copy to more than 1.
        value = torch.tensor(min(score.score / 100, 1), dtype=torch.float64, device=self.device)
        return {f"corpus_bleu/{self.order}": value}


def _check_aligned(samples: Sentences, references: Sentences) -> None:
    if len(samples) != len(references):
        raise UserError(
            f"each sample has its own reference, but there are {len(samples)} samples"
            f" and {len(references)} references"
        )
