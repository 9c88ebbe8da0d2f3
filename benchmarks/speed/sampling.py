"""Sentences of recurrent networks against the plain loop: multinomial draws, every row to the end.

The networks are those of MLE and ScratchGAN in the size of their papers, untrained but for the end
symbol, which comes as often after each number of words as in the text: rows that have ended cost
nothing. Then what REINFORCE needs, the log-likelihood of the symbols drawn with its gradient: one
pass over the sentences against a loop that writes them and keeps its graph.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.speed.claims import Claim, Texts, check, main, medians
from textgan_bench.methods import MLE, ScratchGAN
from textgan_bench.networks.autoregressive import LanguageModel, State
from textgan_bench.tokens import PAD, TokenBatch

SENTENCES = 512  # a batch of ScratchGAN's
SCORED = 64


class EndOfText(nn.Module):
    """The output layer of a network, the end symbol's score set by the position."""

    ends: Tensor

    def __init__(self, output: nn.Module, ends: Tensor) -> None:
        super().__init__()
        self.output = output
        self.register_buffer("ends", ends)

    def forward(self, hidden: Tensor) -> Tensor:
        logits = self.output(hidden[..., :-1])
        logits[..., PAD] += self.ends[hidden[..., -1].long()]
        return logits


class WithLengths(LanguageModel):
    """A network whose sentences have given lengths; the last hidden unit is the position."""

    def __init__(self, network: LanguageModel, lengths: Tensor, vocab_size: int) -> None:
        super().__init__(network.max_length)
        counts = torch.bincount(lengths, minlength=self.max_length + 1).double() + 1e-3
        hazard = counts / counts.flip(0).cumsum(0).flip(0)  # P(ends after t words, if not before)
        ends = (hazard / (1 - hazard)).log()[:-1] + math.log(vocab_size - 1)
        self.network = network
        self.output = EndOfText(network.output, ends.float())

    def read(self, symbols: Tensor) -> Tensor:
        positions = torch.arange(symbols.shape[1]).expand(symbols.shape)
        return torch.cat([self.network.read(symbols), positions[..., None]], -1)

    def start(self, n: int) -> State:
        return (*self.network.start(n), next(self.parameters()).new_zeros(n, 1))

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        *state_before, position = state
        hidden, state_after = self.network.step(symbols, tuple(state_before))
        return torch.cat([hidden, position], 1), (*state_after, position + 1)


def plain_sample(network: LanguageModel, n: int) -> tuple[TokenBatch, Tensor]:
    """Sentences, and the probability (B, T) of each symbol drawn, 1 after the end."""
    state, symbols = network.start(n), torch.full((n,), PAD)
    going = torch.ones(n, dtype=torch.bool)
    ids, probabilities = [], []
    for _ in range(network.max_length):
        hidden, state = network.step(symbols, state)
        p = network.output(hidden).softmax(-1)  # (B, V)
        symbols = torch.multinomial(p.detach(), 1).squeeze(1)
        probabilities.append(p.gather(1, symbols[:, None]).squeeze(1).where(going, 1))
        going = going & (symbols != PAD)
        ids.append(symbols.where(going, PAD))
    batch = torch.stack(ids, 1)
    return TokenBatch(batch, (batch != PAD).sum(1)), torch.stack(probabilities, 1)


def measure(texts: Texts) -> list[Claim]:
    size = texts.data.vocab_size, texts.data.max_length
    lengths = torch.tensor([min(len(sentence), size[1]) for sentence in texts.sentences])
    torch.manual_seed(0)
    networks = (
        ("GRU of 256 units", MLE(*size).generator),
        ("two LSTMs of 512", ScratchGAN(*size).generator),
    )
    claims = []
    for name, network in networks:
        with_lengths = WithLengths(network, lengths, size[0])
        claims += [sampling(name, with_lengths), scoring(name, with_lengths)]
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
    ratio = time["plain"] / time["ours"]
    return Claim(f"sampling, {name} / multinomial loop", 3, ratio, note=note)


def scoring(name: str, network: LanguageModel) -> Claim:
    def plain() -> None:
        network.zero_grad()
        plain_sample(network, SCORED)[1].log().sum().backward()

    def ours() -> None:
        network.zero_grad()
        network(network.sample(SCORED, 1.0)).sum().neg().backward()

    with torch.no_grad():
        batch, probabilities = plain_sample(network, SCORED)
        nll = network(batch)
    off = F.pad(nll, (0, probabilities.shape[1] - nll.shape[1])) + probabilities.log()
    check(bool(off.abs().max() < 1e-4), f"log-probabilities of the {name}")
    time = medians({"ours": ours, "plain": plain})
    return Claim(
        f"the same with the gradient of log p, {name} / kept graph",
        1.5,
        time["plain"] / time["ours"],
        note=f"{SCORED} sentences in {1e3 * time['ours']:.0f} ms",
    )


if __name__ == "__main__":
    main(measure)
