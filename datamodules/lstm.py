"""The oracle that most text GANs are reported on: an LSTM with random weights.

Yu et al. (2017), "SeqGAN", section 5.1: an LSTM of 32 units over 5,000 words, its weights drawn
from N(0, 1), writes 10,000 training sentences of 20 words; a method is judged by the NLL of 10,000
of its own sentences under that LSTM. The weights are those of the authors' repository, whose file
the code of LeakGAN and IRL holds, too, so that values compare with theirs. Texygen, RelGAN and
TextGAN-PyTorch draw weights of their own: values on those oracles do not compare.
"""

import io
import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from datamodules.arrow import Encoded
from datamodules.corpus import FileCorpus
from datamodules.judging import Judging, WithOracle
from datamodules.sources import GITHUB, Source
from textgan_bench.errors import UserError
from textgan_bench.functional.lstm import SEQUENCES, Parameters, log_likelihood, sample_sequences
from textgan_bench.interfaces import Split
from textgan_bench.tokens import PAD_TOKEN, TokenBatch, Vocabulary, padding_mask

WORDS, UNITS, LENGTH = 5_000, 32, 20  # section 5.1
FILE = "target_params_py3.pkl"

SIZES: dict[Split, int] = {"train": 10_000, "validation": 5_000, "test": 10_000}
"""Sentences of each split; training and test are those of the protocol."""

SEEDS: dict[Split, int] = {"train": 1, "validation": 2, "test": 3}

ENTROPY, ENTROPY_SE = 5.7559, 0.0015
"""Nats a word, measured on 20,000 samples of seed 0 by ``LSTMOracle.measure``. Irl_gen's table has
5.75."""

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}
"""What the file may call when it is read: a pickle may otherwise run any code."""

SHAPES = [
    (WORDS, UNITS),
    *[(UNITS, UNITS), (UNITS, UNITS), (UNITS,)] * 4,
    (UNITS, WORDS),
    (WORDS,),
]


class ArraysOnly(pickle.Unpickler):
    """Reads a pickle of numpy arrays and refuses whatever else one may hold."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_parameters(path: Path) -> Parameters:
    """The parameters of the oracle, in float32.

    Raises:
        UserError: the file is damaged, or holds anything but the 15 arrays of the oracle.
    """
    try:
        arrays = ArraysOnly(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        found = [(np.shape(array), np.asarray(array).dtype.kind) for array in arrays]
        if found != [(shape, "f") for shape in SHAPES]:
            raise ValueError("its arrays are not those of the oracle")
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged pickle fails in many ways
        raise UserError(f"{path} is not the oracle of SeqGAN: {error}") from error
    embedding, *gates, output, output_bias = (
        torch.from_numpy(np.array(array, dtype=np.float32)) for array in arrays
    )
    inputs, recurrent, bias = (torch.cat(gates[part::3], -1) for part in range(3))
    return Parameters(embedding, inputs, recurrent, bias, output, output_bias)


class LSTMOracle:
    """The oracle over the word indices 1..5,000; index 0 is padding.

    The oracle's own indices are 0..4,999, of which it reads 0 before the first word. It has no end:
    the probability of a sentence is that of its words given its length.

    Args:
        path: parameters, the pickle of SeqGAN's repository.

    Raises:
        UserError: the file is damaged.
    """

    entropy = ENTROPY
    entropy_se = ENTROPY_SE
    knows_lengths = False

    def __init__(self, path: Path) -> None:
        self.lstm = read_parameters(path)

    def log_prob(self, batch: TokenBatch) -> Tensor:
        """(B,) float64 log probability of each sentence, in nats.

        Raises:
            UserError: a word index is outside 1..V.
        """
        words = batch.ids[padding_mask(batch)]
        if len(words) and not 1 <= int(words.min()) <= int(words.max()) <= WORDS:
            raise UserError(f"the oracle's words are 1..{WORDS}")
        lstm = self.lstm.to(torch.float32, batch.ids.device)
        return log_likelihood(batch.ids - 1, batch.lengths, lstm)

    def sample(self, n: int, seed: int) -> TokenBatch:
        """``n`` sentences of 20 words; 10,000 take some seconds."""
        return self._draw(n, seed)[0]

    def measure(self, n: int) -> tuple[float, float]:
        """The entropy in nats a word, by the mean over ``n`` samples, and its standard error.

        Of each word it takes the entropy given those before it, which varies less between
        sentences than the NLL does.
        """
        _, entropy = self._draw(n, seed=0)
        return entropy.mean().item(), (entropy.std() / n**0.5).item()

    def _draw(self, n: int, seed: int) -> tuple[TokenBatch, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        drawn = sample_sequences(n, LENGTH, self.lstm.to(torch.float64), generator)
        chunks = -(-n // SEQUENCES)
        parts = list(tqdm(drawn, "drawing from the oracle", chunks, leave=False, delay=2))
        symbols = torch.cat([part.symbols for part in parts]) + 1
        entropy = torch.cat([part.entropy for part in parts])
        return TokenBatch(symbols, torch.full((n,), LENGTH)), entropy


@dataclass(frozen=True)
class LSTM(FileCorpus):
    """Samples of SeqGAN's oracle, always the same; words are the oracle's own numbers."""

    FOLDER: ClassVar[str] = "lstm_oracle"
    TITLE: ClassVar[str] = "samples of the LSTM oracle of SeqGAN (5,000 words, length 20)"
    SOURCES: ClassVar[dict[str, Source]] = {
        FILE: Source(
            f"{GITHUB}/LantaoYu/SeqGAN/e2b52fb6309851b14765290e8a972ccac09f1bec/save/{FILE}",
            "5ac794a695dd6e0eb2bb689f3dfda55e4e0053e8c0399e6242630a95f1e60e8a",
        )
    }
    max_length: ClassVar[int] = LENGTH  # type: ignore[misc]

    @cached_property
    def oracle(self) -> LSTMOracle:
        (path,) = self.files()
        return LSTMOracle(path)

    @property
    def vocab_size(self) -> int:
        return WORDS + 1

    @property
    def judging(self) -> Judging:
        return WithOracle(self.oracle)

    def files(self) -> tuple[Path, ...]:
        return self.choose((FILE,))

    def read(self) -> Encoded:
        splits = {split: self.oracle.sample(n, SEEDS[split]) for split, n in SIZES.items()}
        source = (
            f"{SIZES['train']:,} {self.TITLE}; entropy {ENTROPY:.3f} nats per word, "
            f"scored on {SIZES['test']:,} generated sentences"
        )
        vocabulary = Vocabulary((PAD_TOKEN, *map(str, range(WORDS))))
        return Encoded(vocabulary, {**splits}, source)
