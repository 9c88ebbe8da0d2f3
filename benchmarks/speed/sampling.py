"""Sentences of recurrent networks against the plain loop: multinomial draws, every row to the end.

The networks are those of MLE and ScratchGAN in the size of their papers, untrained but for the end
symbol, whose bias makes sentences about as long as the text's: rows that have ended cost nothing.
Then what REINFORCE needs, the log-likelihood of the symbols drawn with its gradient: one pass over
the sentences against a loop that writes them and keeps its graph.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.speed.claims import Claim, Texts, check, main, medians
from textgan_bench.methods import MLE, ScratchGAN
from textgan_bench.networks.autoregressive import LanguageModel
from textgan_bench.tokens import PAD, TokenBatch

SENTENCES = 512  # a batch of ScratchGAN's
SCORED = 64


def end_bias(words: float, max_length: int, vocab_size: int) -> float:
    """The end symbol's score beside V - 1 scores of zero for so many words on average."""
    low, high = 0.0, 1.0  # probability to go on, found by bisection
    for _ in range(50):
        going = (low + high) / 2
        mean = sum(going**t for t in range(1, max_length + 1))
        low, high = (going, high) if mean < words else (low, going)
    return math.log((1 - going) / going * (vocab_size - 1))


def plain_sample(network: LanguageModel, n: int) -> tuple[TokenBatch, Tensor]:
    """Sentences, and the log-probability (B, T) of each symbol drawn."""
    state, symbols = network.start(n), torch.full((n,), PAD)
    going = torch.ones(n, dtype=torch.bool)
    ids, log_probs = [], []
    for _ in range(network.max_length):
        hidden, state = network.step(symbols, state)
        log_p = network.output(hidden).log_softmax(-1)  # (B, V)
        symbols = torch.multinomial(log_p.detach().exp(), 1).squeeze(1)
        log_probs.append(log_p.gather(1, symbols[:, None]).squeeze(1) * going)
        going = going & (symbols != PAD)
        ids.append(symbols.where(going, PAD))
    batch = torch.stack(ids, 1)
    return TokenBatch(batch, (batch != PAD).sum(1)), torch.stack(log_probs, 1)


def measure(texts: Texts) -> list[Claim]:
    vocab_size, max_length = texts.data.vocab_size, texts.data.max_length
    words = sum(map(len, texts.sentences)) / len(texts.sentences)
    torch.manual_seed(0)
    networks = {
        "GRU of 256 units": MLE(vocab_size, max_length).generator,
        "two LSTMs of 512": ScratchGAN(vocab_size, max_length).generator,
    }
    claims = []
    for name, network in networks.items():
        bias = network.output.bias
        assert isinstance(bias, Tensor)
        bias.data.zero_()[PAD] = end_bias(words, max_length, vocab_size)
        claims += [sampling(name, network), scoring(name, network)]
    return claims


def sampling(name: str, network: LanguageModel) -> Claim:
    def plain() -> TokenBatch:
        with torch.no_grad():
            return plain_sample(network, SENTENCES)[0]

    def ours() -> TokenBatch:
        return network.sample(SENTENCES, 1.0)

    theirs, drawn = plain().lengths.double(), ours().lengths.double()
    error = (theirs.var() / SENTENCES + drawn.var() / SENTENCES).sqrt()
    check(bool((theirs.mean() - drawn.mean()).abs() < 4 * error), f"lengths of the {name}")
    time = medians({"ours": ours, "plain": plain})
    note = f"{SENTENCES} sentences of {drawn.mean():.1f} words in {time['ours']:.2f} s"
    return Claim(f"sampling, {name} / multinomial loop", 3, time["plain"] / time["ours"], note=note)


def scoring(name: str, network: LanguageModel) -> Claim:
    def plain() -> None:
        network.zero_grad()
        plain_sample(network, SCORED)[1].sum().backward()

    def ours() -> None:
        network.zero_grad()
        network(network.sample(SCORED, 1.0)).sum().neg().backward()

    with torch.no_grad():
        batch, log_probs = plain_sample(network, SCORED)
        scored = -network(batch)
    off = (F.pad(scored, (0, log_probs.shape[1] - scored.shape[1])) - log_probs).abs().max()
    check(bool(off < 1e-4), f"log-probabilities of the {name}")
    time = medians({"ours": ours, "plain": plain})
    ratio = time["plain"] / time["ours"]
    return Claim(
        f"the same with the gradient of log p, {name} / kept graph",
        1.5,
        ratio,
        note=f"{SCORED} sentences in {1e3 * time['ours']:.0f} ms",
    )


if __name__ == "__main__":
    main(measure)
