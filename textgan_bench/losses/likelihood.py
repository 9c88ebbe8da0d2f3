"""Likelihood of sentences under an autoregressive model that ends them with a symbol, and the
divergence that bounds it under a latent.

Shapes: B batch, T time, V vocabulary, N counted symbols.

A model that writes at most T words draws the end symbol after fewer than T words. After T words it
draws nothing: the sentence is over. The likelihood counts exactly the symbols that are drawn. So
the probabilities of all sentences of 0 to T words sum to one, and a language whose sentences all
have T words loses nothing.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def log_frequencies(counts: Tensor) -> Tensor:
    """Log frequencies from counts (V,), a half added to each, so that nothing is impossible.

    >>> log_frequencies(torch.tensor([1.0, 0.0])).exp()
    tensor([0.7500, 0.2500])
    """
    smoothed = counts + 0.5
    return (smoothed / smoothed.sum()).log()


def drawn_mask(lengths: Tensor, steps: int) -> Tensor:
    """(B, T) bool, True on the words of each sentence and on its end symbol, for T = ``steps``.

    >>> drawn_mask(torch.tensor([0, 1, 2]), 2).tolist()
    [[True, False], [True, True], [True, True]]
    """
    return torch.arange(steps, device=lengths.device) <= lengths[:, None]


def symbol_nll(logits: Tensor, ids: Tensor, lengths: Tensor) -> Tensor:
    """Negative log-likelihood of each symbol; a row's sum is that of its sentence.

    Args:
        logits: (N, V) rows, one for each True of ``drawn_mask``, in its order. Padding is left out
            because over a real vocabulary the output layer is the most costly part of a model.
        ids: (B, T) symbols, the end symbol wherever ``lengths`` says that a sentence is over.
        lengths: (B,) numbers of words in each sentence.

    Returns:
        (B, T), nats, in [0, inf) on words and the end symbol and zero after it.

    >>> symbol_nll(torch.zeros(3, 4), torch.tensor([[2, 0, 0], [0, 0, 0]]), torch.tensor([1, 0]))
    tensor([[1.3863, 1.3863, 0.0000],
            [1.3863, 0.0000, 0.0000]])
    """
    drawn = drawn_mask(lengths, ids.shape[1])
    nll = F.cross_entropy(logits, ids[drawn], reduction="none")  # (N,)
    return nll.new_zeros(ids.shape).masked_scatter(drawn, nll)


def normal_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) of each entry, in nats.

    >>> normal_kl(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 0.0]))
    tensor([0., 2.])
    """
    return (mean.square() + log_variance.exp() - log_variance - 1) / 2


CERTAIN = 1e-6
"""Least NLL that ``complement_nll`` tells from 0, below which it has no slope: in float32 1 - p has
hardly a digit left there."""


def complement_nll(nll: Tensor) -> Tensor:
    """-log(1 - p) of events whose -log p is ``nll``, in nats, in [0, 13.8].

    >>> complement_nll(torch.tensor([0.5, 0.25]).log().neg())
    tensor([0.6931, 0.2877])
    """
    return -torch.log1p(-torch.exp(-nll.clamp(min=CERTAIN)))
