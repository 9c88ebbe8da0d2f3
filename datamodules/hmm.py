"""Synthetic sentences of a known distribution: a hidden Markov model fitted on captions.

The synthetic data of NAGAN (Huang et al., under review, ICLR 2021, section A.4.2): 100 states, 500
words, sentences of 20 words, 50,000 of them for training. Its oracle is not public; the one shipped
here is described in ``oracle/fit.py``, so values compare with each other and not with the paper's.
"""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from datamodules.in_memory import InMemoryDataModule
from textgan_bench.errors import MissingError, UserError
from textgan_bench.functional.hmm import forward_log_likelihood, sample_sequences
from textgan_bench.interfaces import Sentence, Split
from textgan_bench.metrics import OracleNLL
from textgan_bench.metrics.profiles import DEFAULT, build_profile
from textgan_bench.tokens import PAD_TOKEN, TokenBatch, Vocabulary, padding_mask

ORACLE = Path(__file__).parent / "oracle" / "hmm.npz"
LENGTH = 20  # A.4.2
HELD_OUT = 5_000  # sentences of validation and of test; A.4.2 scores 5,000 generated sentences

# Seeds of the sampler; the oracle's entropy was measured with seed 0.
SEEDS: dict[Split, int] = {"train": 1, "validation": 2, "test": 3}
ANCHOR_SEED = 1_000


class HMMOracle:
    """A hidden Markov model over the word indices 1..V; index 0 is padding.

    It has no end state: the probability of a sentence is that of its words given its length.

    Args:
        path: parameters (.npz), described by a .json file of the same name.

    Raises:
        MissingError: one of the two files is missing.
        UserError: the parameters are damaged or not those described.
    """

    entropy: float
    entropy_se: float
    words: tuple[str, ...]
    sha256: str

    def __init__(self, path: Path = ORACLE) -> None:
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
                self._parameters = tuple(
                    normalised(arrays[name]) for name in ("start", "transition", "emission")
                )
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
        """``n`` sentences of ``LENGTH`` words."""
        generator = torch.Generator().manual_seed(seed)
        symbols = sample_sequences(n, LENGTH, *self._parameters, generator=generator)
        return TokenBatch(symbols + 1, torch.full((n,), LENGTH))


def normalised(rows: np.ndarray) -> Tensor:
    """Float32 rows as float64 rows that sum to one."""
    exact = torch.from_numpy(rows).double()
    return exact / exact.sum(dim=-1, keepdim=True)


class HMM(InMemoryDataModule):
    """Samples of the shipped oracle, the same at each run: only their order follows the seed.

    Args:
        batch_size: 128 in NAGAN (Table 9, synthetic).
        train_size: 50,000 in NAGAN (A.4.2); fewer are the first of them.
        batches_per_epoch: one pass over the data if None, as in NAGAN (A.4.2: one training step is
            one epoch).

    Raises:
        UserError: a size is not positive.
    """

    def __init__(
        self,
        batch_size: int = 128,
        train_size: int = 50_000,
        batches_per_epoch: int | None = None,
    ) -> None:
        if train_size < 1:
            raise UserError(f"train_size is at least 1, not {train_size}")
        self.oracle = HMMOracle()
        super().__init__(len(self.oracle.words) + 1, LENGTH, batch_size, batches_per_epoch)
        self.train_size = train_size
        self.vocabulary = Vocabulary((PAD_TOKEN, *self.oracle.words))
        self.source = (
            f"{train_size:,} samples of an HMM oracle (100 states, 500 words, length 20) fitted on "
            f"5,000 COCO captions; entropy {self.oracle.entropy:.4f} nats per word"
        )

    def setup(self, stage: str | None = None) -> None:
        if self.splits:
            return
        sizes: dict[Split, int] = {
            "train": self.train_size,
            "validation": HELD_OUT,
            "test": HELD_OUT,
        }
        self.splits = {name: self.oracle.sample(sizes[name], SEEDS[name]) for name in sizes}
        digest = hashlib.sha256(self.oracle.sha256.encode())
        for tokens in self.splits.values():
            digest.update(tokens.ids.numpy().tobytes())
        self.revision = digest.hexdigest()[:12]

    def build_metrics(
        self, references: list[Sentence], train: list[Sentence] | None
    ) -> list[Metric]:
        return [
            OracleNLL(self.oracle, self.vocabulary),
            *build_profile(DEFAULT, references, self.vocabulary, train=train),
            self.fed(references),
        ]

    def anchors(self, n: int, seed: int = 0) -> dict[str, list[Sentence]]:
        """``oracle``: fresh samples of it; ``unigram`` and ``uniform`` words."""
        generator = torch.Generator().manual_seed(ANCHOR_SEED + seed)
        fresh = self.decode(self.oracle.sample(n, ANCHOR_SEED + seed))
        return {"oracle": fresh} | self.frequency_anchors(n, generator)
