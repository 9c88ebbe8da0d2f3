"""BLEU of samples against references, of references against samples, and their harmonic mean."""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from textgan_bench.functional.bleu import IndexedText, cross_bleu
from textgan_bench.tokens import UNKNOWN_TOKEN


class BLEU(Metric):
    """Forward, backward and harmonic BLEU: means over sentences, each scored against all others.

    ``bleu_f`` is the BLEU of the samples with all references, ``bleu_b`` that of the references
    with all samples, ``bleu_ha`` their harmonic mean, all in [0, 1] and higher is better
    (Shi et al., 2018, "Toward diverse text generation with inverse reinforcement learning").
    Values grow with the number of references and of samples: compare equal numbers only.
    Duplicates and empty sentences count; ``<unk>`` matches nothing, not even ``<unk>``.

    Args:
        references: sentences as lists of words; they are indexed once.
        order: longest n-gram, part of the keys.

    >>> metric = BLEU([["a", "cat", "sits", "on", "a", "mat"]], order=2)
    >>> metric.update([["a", "cat", "sits"], ["a", "dog", "barks"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'bleu_f/2': 0.208, 'bleu_b/2': 0.447, 'bleu_ha/2': 0.284}
    """

    full_state_update = False
    higher_is_better = True

    bleu_words: list[Tensor]
    bleu_lengths: list[Tensor]

    def __init__(self, references: Sequence[Sequence[str]], order: int = 5) -> None:
        super().__init__()
        if order < 1:
            raise ValueError(f"the longest n-gram has at least 1 word, not {order}")
        self.order = order
        types = dict.fromkeys(chain.from_iterable(references))
        types.pop(UNKNOWN_TOKEN, None)
        self._index = {word: index for index, word in enumerate(types)}
        self._references = self._encode(references)
        # Words that no reference has match nothing, so indices of the others are all that is kept.
        self.add_state("bleu_words", default=[], dist_reduce_fx="cat")
        self.add_state("bleu_lengths", default=[], dist_reduce_fx="cat")

    def _encode(self, sentences: Iterable[Sequence[str]]) -> IndexedText:
        sentences = list(sentences)
        words = (self._index.get(word, -1) for word in chain.from_iterable(sentences))
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        return IndexedText(np.fromiter(words, np.int64, int(lengths.sum())), lengths)

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        text = self._encode(samples)
        self.bleu_words.append(torch.from_numpy(text.words).to(self.device))
        self.bleu_lengths.append(torch.from_numpy(text.lengths).to(self.device))

    def compute(self) -> dict[str, Tensor]:
        samples = IndexedText(
            dim_zero_cat(self.bleu_words).cpu().numpy(),
            dim_zero_cat(self.bleu_lengths).cpu().numpy(),
        )
        forward, backward = (
            torch.tensor(scores.mean(), device=self.device)
            for scores in cross_bleu(samples, self._references, self.order)
        )
        # 2 f b / (f + b); zero, and not 0 / 0, where no word matches
        harmonic = 2 * forward * backward / (forward + backward).clamp_min(1e-300)
        return {
            f"bleu_f/{self.order}": forward,
            f"bleu_b/{self.order}": backward,
            f"bleu_ha/{self.order}": harmonic,
        }
