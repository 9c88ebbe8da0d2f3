"""How many words and sentences the samples use: what no forward score can tell."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class Diversity(Metric):
    """Number of distinct words, and fraction of distinct sentences in [0, 1].

    Both are higher for more diverse text, and grow and fall with the number of samples.

    >>> metric = Diversity()
    >>> metric.update([["a", "cat"], ["a", "dog"], ["a", "cat"], []])
    >>> {key: float(value) for key, value in metric.compute().items()}
    {'distinct_words': 3.0, 'distinct_sentences': 0.75}
    """

    full_state_update = False
    higher_is_better = True

    word_hashes: list[Tensor]
    sentence_hashes: list[Tensor]
    sentence_count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("word_hashes", default=[], dist_reduce_fx="cat")
        self.add_state("sentence_hashes", default=[], dist_reduce_fx="cat")
        self.add_state("sentence_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        words = {word for sentence in samples for word in sentence}
        sentences = {"\n".join(sentence) for sentence in samples}
        self.word_hashes.append(_hashes(words).to(self.device))
        self.sentence_hashes.append(_hashes(sentences).to(self.device))
        self.sentence_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        if not self.sentence_count:
            raise ValueError("diversity needs at least one sample")
        words = len(dim_zero_cat(self.word_hashes).unique())
        sentences = len(dim_zero_cat(self.sentence_hashes).unique())
        return {
            "distinct_words": torch.tensor(words, device=self.device),
            "distinct_sentences": sentences / self.sentence_count.double(),
        }


def _hashes(texts: Iterable[str]) -> Tensor:
    """63-bit hashes, the same in every process (Python's own differ), as strings do not reduce."""
    digests = (blake2b(text.encode(), digest_size=8).digest() for text in texts)
    hashes = [int.from_bytes(digest, "big") >> 1 for digest in digests]
    return torch.tensor(hashes, dtype=torch.int64)
