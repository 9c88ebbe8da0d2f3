"""Fit the HMM oracle on captions and measure its entropy: how ``hmm.npz`` was made.

    python -m datamodules.oracle.fit CAPTIONS.txt.gz OUTPUT.npz

NAGAN (Huang et al., under review, ICLR 2021, A.4.2) trains on the samples of a hidden Markov model
fitted with hmmlearn on COCO captions, but publishes neither the model nor its settings. This one
has a fixed number of EM iterations, because the stop moves the entropy by more than methods differ,
and no zero probabilities, so that every sentence has a finite likelihood.

Another BLAS may give other last digits, and EM amplifies them: the shipped file is the standard,
this script documents it.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import hmmlearn
import numpy as np
import torch
from hmmlearn.hmm import CategoricalHMM
from torch import Tensor

from datamodules.hmm import LENGTH, normalised
from datamodules.lines import read_lines
from textgan_bench.errors import UserError
from textgan_bench.functional.hmm import forward_log_likelihood, sample_sequences
from textgan_bench.tokens import pad_sequences

SMOOTHING = 1e-6
ENTROPY_SAMPLES = 50_000


def read_captions(path: Path, count: int) -> list[list[str]]:
    """The first ``count`` lines as words: those that the shipped oracle was fitted on.

    Raises:
        UserError: the file has fewer lines or is not UTF-8 text.
    """
    captions = [line.split() for line in read_lines(path)[:count]]
    if len(captions) < count:
        raise UserError(f"{path} has {len(captions)} lines, {count} are needed")
    return captions


def fit(
    captions: list[list[str]], words: int, states: int, iterations: int, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Parameters of the smoothed model and the figures of its training text."""
    counts = Counter(word for caption in captions for word in caption)
    if len(counts) < words:
        raise UserError(f"the captions have {len(counts)} distinct words, {words} are needed")
    kept = sorted(counts, key=lambda word: (-counts[word], word))[:words]
    sequences = encode(captions, kept)
    symbols = np.concatenate(sequences)
    model = CategoricalHMM(
        n_components=states,
        n_features=words,
        n_iter=iterations,
        tol=-np.inf,  # never stops early
        random_state=seed,
        implementation="scaling",
    )
    model.fit(symbols[:, None], [len(sequence) for sequence in sequences])
    parameters = {
        name: ((1 - SMOOTHING) * rows + SMOOTHING / rows.shape[-1]).astype(np.float32)
        for name, rows in (
            ("start", model.startprob_),
            ("transition", model.transmat_),
            ("emission", model.emissionprob_),
        )
    }
    figures = {
        "captions": len(captions),
        "training_tokens": len(symbols),
        "tokens_kept": round(len(symbols) / counts.total(), 4),
        # The last likelihood that hmmlearn kept is that of the parameters before its last step.
        "training_nll": training_nll(parameters, sequences),
    }
    return parameters | {"words": np.array(kept)}, figures


def encode(captions: list[list[str]], kept: Sequence[str]) -> list[list[int]]:
    """Places in ``kept`` of the words of captions; other words are dropped, and empty captions."""
    index = {word: i for i, word in enumerate(kept)}
    sequences = [[index[word] for word in caption if word in index] for caption in captions]
    return [sequence for sequence in sequences if sequence]


def training_nll(parameters: dict[str, np.ndarray], sequences: list[list[int]]) -> float:
    """Nats per word of the sequences under the model, exact."""
    symbols, lengths = pad_sequences(sequences)
    nll = -forward_log_likelihood(symbols, lengths, *_probabilities(parameters))
    return float(nll.sum() / lengths.sum())


def entropy(parameters: dict[str, np.ndarray], seed: int) -> tuple[float, float]:
    """Nats per word of the model's own samples, and the standard error."""
    model = _probabilities(parameters)
    generator = torch.Generator().manual_seed(seed)
    symbols = sample_sequences(ENTROPY_SAMPLES, LENGTH, *model, generator=generator)
    lengths = torch.full((ENTROPY_SAMPLES,), LENGTH)
    nll = -forward_log_likelihood(symbols, lengths, *model) / LENGTH
    return nll.mean().item(), (nll.std() / ENTROPY_SAMPLES**0.5).item()


def _probabilities(parameters: dict[str, np.ndarray]) -> list[Tensor]:
    return [normalised(parameters[name]) for name in ("start", "transition", "emission")]


def main() -> None:
    """Read the command line, fit, measure and write."""
    parser = argparse.ArgumentParser(
        prog="python -m datamodules.oracle.fit", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("captions", type=Path, help="one tokenised caption a line, .txt or .txt.gz")
    parser.add_argument("output", type=Path, help="new .npz file; its description goes to .json")
    parser.add_argument("--lines", type=int, default=5_000, help="captions read")
    parser.add_argument("--words", type=int, default=500, help="most frequent words kept")
    parser.add_argument("--states", type=int, default=100)
    parser.add_argument("--iterations", type=int, default=20, help="of EM, without early stop")
    parser.add_argument("--seed", type=int, default=0, help="of the initial parameters")
    arguments = parser.parse_args()
    if arguments.output.suffix != ".npz":
        parser.error(f"the output is an .npz file, not {arguments.output}")
    if arguments.output.exists():
        parser.error(f"{arguments.output} exists; records depend on it, so it is not overwritten")
    for name in ("lines", "words", "states", "iterations"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} is at least 1, not {getattr(arguments, name)}")
    try:
        captions = read_captions(arguments.captions, arguments.lines)
        parameters, figures = fit(
            captions, arguments.words, arguments.states, arguments.iterations, arguments.seed
        )
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    nats, standard_error = entropy(parameters, arguments.seed)
    np.savez(arguments.output, allow_pickle=False, **parameters)
    description = {
        "sha256": hashlib.sha256(arguments.output.read_bytes()).hexdigest(),
        "entropy": nats,
        "entropy_se": standard_error,
        "entropy_samples": ENTROPY_SAMPLES,
        "length": LENGTH,
        "words": arguments.words,
        "states": arguments.states,
        "iterations": arguments.iterations,
        "seed": arguments.seed,
        "smoothing": SMOOTHING,
        "captions_sha256": hashlib.sha256(arguments.captions.read_bytes()).hexdigest(),
        "hmmlearn": hmmlearn.__version__,
        "numpy": np.__version__,
    } | figures
    arguments.output.with_suffix(".json").write_text(json.dumps(description, indent=2) + "\n")
    print(f"{arguments.output}: entropy {nats:.4f} ± {standard_error:.4f} nats per word")


if __name__ == "__main__":
    main()
