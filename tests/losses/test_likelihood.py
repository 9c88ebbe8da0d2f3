import math
from itertools import product

import pytest
import torch

from textgan_bench.losses.likelihood import complement_nll, drawn_mask, symbol_nll
from textgan_bench.tokens import pad_sequences

WORDS, MAX_LENGTH = (1, 2), 3
SENTENCES = [s for n in range(MAX_LENGTH + 1) for s in product(WORDS, repeat=n)]  # 15 of them


def prefix_scores(prefix: tuple[int, ...]) -> list[float]:
    """Scores of <end>, 1 and 2 after a prefix: any function that tells prefixes apart."""
    code = sum(word * 3**i for i, word in enumerate(prefix))
    return [math.sin(code), 2 * math.cos(3 * code), math.sin(5 * code + 1)]


def log_softmax(scores: list[float]) -> list[float]:
    total = math.log(sum(math.exp(score) for score in scores))
    return [score - total for score in scores]


@pytest.fixture
def nll() -> torch.Tensor:
    """(15, 3) NLL of every sentence there is, under the model of ``prefix_scores``."""
    batch = pad_sequences(SENTENCES, MAX_LENGTH)
    logits = [
        prefix_scores(sentence[:t])
        for sentence in SENTENCES
        for t in range(min(len(sentence) + 1, MAX_LENGTH))
    ]
    return symbol_nll(torch.tensor(logits, dtype=torch.float64), *batch)


def test_probabilities_of_all_sentences_sum_to_one(nll: torch.Tensor) -> None:
    assert nll.sum(1).neg().exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_each_symbol_by_hand(nll: torch.Tensor) -> None:
    for sentence, row in zip(SENTENCES, nll.tolist(), strict=True):
        symbols = [*sentence, 0][:MAX_LENGTH]
        expected = [-log_softmax(prefix_scores(sentence[:t]))[s] for t, s in enumerate(symbols)]
        assert row == pytest.approx(expected + [0.0] * (MAX_LENGTH - len(symbols)), abs=1e-12)


def test_the_end_symbol_is_free_where_every_sentence_is_full() -> None:
    # A language of two-word sentences, each word half as likely as all words together.
    logits = torch.tensor([[-1e4, 0.0, 0.0]] * 2)
    assert symbol_nll(logits, torch.tensor([[1, 2]]), torch.tensor([2])).sum().item() == (
        pytest.approx(2 * math.log(2))
    )


def test_gradient_is_softmax_minus_one_hot_on_drawn_symbols() -> None:
    batch = pad_sequences([[2], [1, 1, 2]], MAX_LENGTH)
    logits = torch.randn(int(drawn_mask(batch.lengths, MAX_LENGTH).sum()), 3, requires_grad=True)
    symbol_nll(logits, *batch).sum().backward()
    one_hot = torch.eye(3)[torch.tensor([2, 0, 1, 1, 2])]
    torch.testing.assert_close(logits.grad, logits.detach().softmax(-1) - one_hot)


def test_the_complement_of_an_event_is_as_unlikely_as_the_event_is_likely() -> None:
    p = torch.tensor([1e-6, 0.25, 0.5, 0.999], dtype=torch.float64, requires_grad=True)
    nll = complement_nll(-p.log())
    torch.testing.assert_close(nll, -torch.log1p(-p), rtol=1e-12, atol=0)
    (slope,) = torch.autograd.grad(nll.sum(), p)
    torch.testing.assert_close(slope, 1 / (1 - p), rtol=1e-9, atol=0)


def test_the_complement_of_a_certain_event_is_finite() -> None:
    nll = torch.tensor([0.0, 1e-9], requires_grad=True)
    loss = complement_nll(nll).sum()
    (slope,) = torch.autograd.grad(loss, nll)
    assert loss.item() == pytest.approx(2 * -math.log(1e-6), rel=1e-3)
    assert slope.tolist() == [0.0, 0.0]
