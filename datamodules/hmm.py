"""Synthetic sentences of a known distribution: a hidden Markov model fitted on captions.

The synthetic data of NAGAN (Huang et al., under review, ICLR 2021, section A.4.2): 100 states, 500
words, sentences of 20 words, 50,000 of them for training. Its oracle is not public; the one shipped
here is described in ``oracle/fit.py``, so values compare with each other and not with the paper's.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.arrow import Encoded
from datamodules.corpus import Corpus, Loaded
from datamodules.judging import Judging, WithOracle
from textgan_bench.errors import MissingError, UserError
from textgan_bench.functional.hmm import forward_log_likelihood, sample_sequences
from textgan_bench.interfaces import Split
from textgan_bench.metrics import TransitionError
from textgan_bench.metrics.profiles import Entry
from textgan_bench.tokens import PAD_TOKEN, TokenBatch, Vocabulary, padding_mask

ORACLE = Path(__file__).parent / "oracle" / "hmm.npz"
LENGTH = 20  # A.4.2
# A.4.2, which scores 5,000 generated sentences.
SIZES: dict[Split, int] = {"train": 50_000, "validation": 5_000, "test": 5_000}

# Seeds of the sampler; the oracle's entropy was measured with seed 0.
SEEDS: dict[Split, int] = {"train": 1, "validation": 2, "test": 3}


class HMMOracle:
    """A hidden Markov model over the word indices 1..V; index 0 is padding.

    It has no end state: the probability of a sentence is that of its words given its length.

    Args:
        path: parameters (.npz), described by a .json file of the same name.
        length: number of words of its samples. The description has the entropy of one length; that
            of another one is measured in the same way, which takes seconds.

    Raises:
        MissingError: one of the two files is missing.
        UserError: the parameters are damaged or not those described, or the length is not positive.
    """

    entropy: float
    entropy_se: float
    knows_lengths = False
    words: tuple[str, ...]
    sha256: str

    def __init__(self, path: Path = ORACLE, length: int = LENGTH) -> None:
        if length < 1:
            raise UserError(f"an oracle writes sentences of one word or more, not of {length}")
        self.length = length
        remedy = "restore it and its .json from the repository"
        try:
            content = path.read_bytes()
            description = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            self.sha256 = hashlib.sha256(content).hexdigest()
            if self.sha256 != description["sha256"]:
                raise ValueError(f"its sha256 is {self.sha256}, not {description['sha256']}")
            self.entropy = float(description["entropy"])
            self.entropy_se = float(description["entropy_se"])
            with np.load(path, allow_pickle=False) as arrays:
                self.words = tuple(arrays["words"].tolist())
                self.start, self.transition, self.emission = self._parameters = tuple(
                    normalised(arrays[name]) for name in ("start", "transition", "emission")
                )
            if length != int(description["length"]):
                self._measure(int(description["entropy_samples"]))
        except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise UserError(f"the oracle file {path} is damaged: {error}; {remedy}") from error
        except FileNotFoundError as error:
            raise MissingError(f"the oracle file {error.filename} is missing; {remedy}") from None

    def log_prob(self, batch: TokenBatch) -> Tensor:
        """(B,) float64 log probability of each sentence, in nats.

        Raises:
            UserError: a word index is outside 1..V.
        """
        words = batch.ids[padding_mask(batch)]
        if len(words) and not 1 <= int(words.min()) <= int(words.max()) <= len(self.words):
            raise UserError(f"the oracle's words are 1..{len(self.words)}")
        parameters = (rows.to(batch.ids.device) for rows in self._parameters)
        return forward_log_likelihood(batch.ids - 1, batch.lengths, *parameters)

    def sample(self, n: int, seed: int) -> TokenBatch:
        """``n`` sentences of ``length`` words."""
        generator = torch.Generator().manual_seed(seed)
        symbols = sample_sequences(n, self.length, *self._parameters, generator=generator)
        return TokenBatch(symbols + 1, torch.full((n,), self.length))

    def _measure(self, n: int) -> None:
        """The entropy, on ``n`` samples of seed 0, as that of the description was."""
        nll = -self.log_prob(self.sample(n, seed=0)) / self.length
        self.entropy, self.entropy_se = nll.mean().item(), (nll.std() / n**0.5).item()


class OfStates(WithOracle):
    """Beside the likelihood under the oracle, the transitions of its words and states judge."""

    def __init__(self, model: HMMOracle) -> None:
        super().__init__(model)
        self.model = model

    def of_test(self, data: Encoded) -> tuple[Entry, ...]:
        return (Entry(partial(TransitionError, self.model), ("vocabulary",)),)


def normalised(rows: np.ndarray) -> Tensor:
    """Float32 rows as float64 rows that sum to one."""
    exact = torch.from_numpy(rows).double()
    return exact / exact.sum(dim=-1, keepdim=True)


@dataclass(frozen=True)
class HMM(Corpus):
    """Samples of the shipped oracle, always the same: 50,000 for training in NAGAN (A.4.2).

    Args:
        max_length: number of words of each sentence; figure 3 of NAGAN's paper has several.
    """

    OURS = True
    max_length: int = LENGTH

    @cached_property
    def oracle(self) -> HMMOracle:
        """The shipped one."""
        return HMMOracle(length=self.max_length)

    @property
    def vocab_size(self) -> int:
        return len(self.oracle.words) + 1

    @property
    def judging(self) -> Judging:
        return OfStates(self.oracle)

    def load(self) -> Loaded:
        splits = {split: self.oracle.sample(SIZES[split], SEEDS[split]) for split in SIZES}
        digest = hashlib.sha256(self.oracle.sha256.encode())
        for tokens in splits.values():
            digest.update(tokens.ids.numpy().tobytes())
        source = (
            f"{SIZES['train']:,} samples of an HMM oracle (100 states, 500 words, length"
            f" {self.max_length}) fitted on 5,000 COCO captions; entropy {self.oracle.entropy:.4f}"
            " nats per word"
        )
        vocabulary = Vocabulary((PAD_TOKEN, *self.oracle.words))
        return Loaded(digest.hexdigest()[:12], Encoded(vocabulary, {**splits}, source))
