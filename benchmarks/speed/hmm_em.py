"""Iterations of EM on cipher text against hmmlearn, from the same start.

The text's 200 most frequent words and ``<unk>`` are 201 symbols. 8,000 sentences are plain text,
whose bigrams are the transitions. Of 512 others, enciphered, the emissions are learnt. hmmlearn
updates the emissions alone, too, and scales its variables as ours are.
"""

from collections import Counter
from itertools import chain

import numpy as np
import torch
from hmmlearn.hmm import CategoricalHMM
from torch import Tensor

from benchmarks.speed.claims import Claim, Texts, check, main, medians
from datamodules.keys import substitution
from textgan_bench.losses.hidden_markov import places, posteriors
from textgan_bench.losses.likelihood import log_frequencies
from textgan_bench.networks.cipher_keys import Side, closeness, smoothed
from textgan_bench.tokens import PAD_TOKEN, UNKNOWN_TOKEN, Vocabulary, pad_sequences

WORDS, SENTENCES, PLAIN, ITERATIONS = 200, 512, 8_000, 2
ROUNDS = 3
"""Of some ten seconds each, nearly all of them hmmlearn's."""


def measure(texts: Texts) -> list[Claim]:
    frequent = Counter(chain.from_iterable(texts.sentences)).most_common(WORDS)
    vocabulary = Vocabulary((PAD_TOKEN, UNKNOWN_TOKEN, *(word for word, _ in frequent)))
    size, symbols = len(vocabulary), len(vocabulary) - 1
    plain = pad_sequences([vocabulary.encode(words) for words in texts.sentences[:PLAIN]])
    other = texts.sentences[PLAIN : PLAIN + SENTENCES]
    cipher = substitution(size).encipher(pad_sequences([vocabulary.encode(w) for w in other]))

    side, of_cipher = (Side(size, max(plain.ids.shape[1], cipher.ids.shape[1])) for _ in range(2))
    side.add(plain)
    of_cipher.add(cipher)
    frequencies = log_frequencies(side.symbols[1:]).exp()
    counts = torch.zeros(size**2, dtype=torch.float64)
    pairs, numbers = side.bigrams()
    counts[pairs] = numbers
    transition = smoothed(counts.view(size, size)[1:, 1:], frequencies)
    start = smoothed(side.by_place[0, 1:], frequencies)
    first = closeness(of_cipher.symbols[1:], side.symbols[1:], 0.3).softmax(0)  # (cipher, plain)

    def ours() -> tuple[Tensor, list[float]]:
        emitted, history = first, []
        for _ in range(ITERATIONS):
            at = places(cipher.lengths, cipher.ids.shape[1])
            seen = at.pack(cipher.ids - 1)
            states, nll = posteriors(seen, at.sizes, start, transition, emitted)
            history.append(-float(nll.sum()))
            expected = torch.zeros_like(emitted).index_add_(0, seen, states)
            emitted = expected / expected.sum(0)
        return emitted, history

    at = np.arange(cipher.ids.shape[1]) < cipher.lengths.numpy()[:, None]
    column, lengths = (cipher.ids.numpy() - 1)[at][:, None], cipher.lengths.numpy()

    def theirs() -> CategoricalHMM:
        model = CategoricalHMM(
            n_components=symbols,
            n_features=symbols,
            n_iter=ITERATIONS,
            tol=-np.inf,
            params="e",
            init_params="",
            implementation="scaling",
        )
        model.startprob_, model.transmat_ = start.numpy(), transition.numpy()
        model.emissionprob_ = first.T.numpy()
        return model.fit(column, lengths)

    model, (emitted, history) = theirs(), ours()
    likelihoods = np.array(model.monitor_.history)
    check(bool(np.allclose(history, likelihoods, rtol=1e-9, atol=0)), "likelihoods of hmmlearn")
    check(bool(np.allclose(emitted.T, model.emissionprob_, atol=1e-9)), "emissions of hmmlearn")
    time = medians({"ours": ours, "hmmlearn": theirs}, ROUNDS)
    return [
        Claim(
            "HMM-EM of 201 symbols / hmmlearn, scaling",
            20,
            time["hmmlearn"] / time["ours"],
            note=f"an iteration on {SENTENCES} sentences, {len(column):,} symbols, in "
            f"{1e3 * time['ours'] / ITERATIONS:.0f} ms",
        )
    ]


if __name__ == "__main__":
    main(measure)
