"""Likelihood under the HMM oracle, and samples of it, against hmmlearn."""

import numpy as np
import torch
from hmmlearn.hmm import CategoricalHMM

from benchmarks.speed.claims import Claim, Texts, check, main, medians
from datamodules.hmm import LENGTH, ORACLE, HMMOracle, normalised
from textgan_bench.functional.hmm import forward_log_likelihood, sample_sequences

SEQUENCES = 5_000
SAMPLED_BY_HMMLEARN = 500


def measure(texts: Texts) -> list[Claim]:
    with np.load(ORACLE, allow_pickle=False) as arrays:
        names = "start", "transition", "emission"
        start, transition, emission = (normalised(arrays[name]) for name in names)
    states, words = emission.shape
    model = CategoricalHMM(n_components=states, n_features=words, implementation="scaling")
    model.startprob_, model.transmat_ = start.numpy(), transition.numpy()
    model.emissionprob_ = emission.numpy()

    batch = HMMOracle().sample(SEQUENCES, seed=7)
    symbols = batch.ids - 1
    column, lengths = symbols.reshape(-1, 1).numpy(), batch.lengths.numpy()

    def log_likelihood() -> torch.Tensor:
        return forward_log_likelihood(symbols, batch.lengths, start, transition, emission)

    def sample(n: int) -> torch.Tensor:
        return sample_sequences(n, LENGTH, start, transition, emission)

    expected = model.score(column, lengths)
    check(abs(float(log_likelihood().sum()) / expected - 1) < 1e-12, "hmmlearn")
    drawn = sample(50_000)
    nll = -forward_log_likelihood(
        drawn, torch.full((len(drawn),), LENGTH), start, transition, emission
    )
    theirs = np.array([model.sample(LENGTH)[0][:, 0] for _ in range(SAMPLED_BY_HMMLEARN)])
    their_nll = -forward_log_likelihood(
        torch.from_numpy(theirs), torch.full((len(theirs),), LENGTH), start, transition, emission
    )
    error = their_nll.std() / len(theirs) ** 0.5
    check(bool((nll.mean() - their_nll.mean()).abs() < 4 * error), "samples of hmmlearn")

    time = medians({"ours": log_likelihood, "hmmlearn": lambda: model.score(column, lengths)})
    sampling = medians(
        {
            "ours": lambda: sample(50_000),
            "hmmlearn": lambda: [model.sample(LENGTH) for _ in range(SAMPLED_BY_HMMLEARN)],
        }
    )
    ratio = sampling["hmmlearn"] / SAMPLED_BY_HMMLEARN / (sampling["ours"] / len(drawn))
    return [
        Claim(
            "HMM likelihood / hmmlearn, scaling",
            8,
            time["hmmlearn"] / time["ours"],
            note=f"{SEQUENCES:,} sentences of {LENGTH} words in {1e3 * time['ours']:.0f} ms",
        ),
        Claim("HMM samples / hmmlearn", 50, ratio, note=f"sentences of {LENGTH} words"),
    ]


if __name__ == "__main__":
    main(measure)
