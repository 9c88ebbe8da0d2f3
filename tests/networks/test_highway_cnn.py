"""The CNN with a highway layer against its formula, and its ways to judge against each other."""

from collections.abc import Iterable
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgan_bench.errors import UserError
from textgan_bench.networks import highway_cnn
from textgan_bench.networks.highway_cnn import HighwayCNN

FILTERS = {1: 3, 2: 4, 3: 5, 4: 0, 9: 7}


def network(dropout: float = 0.25) -> HighwayCNN:
    torch.manual_seed(0)
    return HighwayCNN(6, 5, embedding=4, filters=FILTERS, dropout=dropout)


def by_formula(cnn: HighwayCNN, ids: Tensor) -> Tensor:
    """(B,) scores: Kim (2014), eq. 2 to 4, and Srivastava et al. (2015), eq. 3, word by word."""
    rows = []
    for sentence in ids:
        words = cnn.embedding.weight[sentence]  # (T, E)
        maxima = []
        for group in cast("Iterable[nn.Conv1d]", cnn.groups):
            weight, bias = group.weight, cast(Tensor, group.bias)
            span = weight.shape[2]
            values = [
                torch.relu((weight * words[t : t + span].T).sum((1, 2)) + bias)
                for t in range(len(words) - span + 1)
            ]
            maxima.append(torch.stack(values).amax(0))
        x = torch.cat(maxima)
        change, gate = (cnn.highway.weight @ x + cnn.highway.bias).chunk(2)
        gate = torch.sigmoid(gate)
        x = gate * torch.relu(change) + (1 - gate) * x
        rows.append(cnn.score.weight[0] @ x + cnn.score.bias[0])
    return torch.stack(rows)


def test_scores_are_those_of_the_formula() -> None:
    cnn, ids = network().eval(), torch.randint(6, (7, 5))
    assert cnn.features == 12, "no filter spans four words, and nine are too many"
    assert torch.allclose(cnn(ids), by_formula(cnn, ids), atol=1e-6)


@pytest.mark.parametrize("many", [0, 10**6])
def test_many_sentences_are_judged_alike_by_tables_and_by_convolution(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(highway_cnn, "MANY", many)
    monkeypatch.setattr(highway_cnn, "JUDGED", 3)
    cnn = network()  # in training, when a judge has no dropout either
    ids = torch.randint(6, (8, 5))
    assert torch.allclose(cnn.judge(ids), by_formula(cnn, ids), atol=1e-6)


@pytest.mark.parametrize("many", [0, 10**6])
@pytest.mark.parametrize("judged", [1, 7, 100])
def test_what_sentences_share_is_looked_up_once(
    many: int, judged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of three share 1, 1, 2, 4 and all 5 words; filters span 1 to 3 words."""
    monkeypatch.setattr(highway_cnn, "MANY", many)
    monkeypatch.setattr(highway_cnn, "JUDGED", judged)
    cnn, looked_up, sums = network(), [0], highway_cnn._sums

    def counted(windows: Tensor, table: Tensor) -> Tensor:
        looked_up.append(windows[..., 0].numel())
        return sums(windows, table)

    monkeypatch.setattr(highway_cnn, "_sums", counted)
    shared = torch.tensor([1, 1, 2, 4, 5]).repeat_interleave(3)
    ids = torch.randint(6, (5, 5)).repeat_interleave(3, 0)
    ids = ids.where(torch.arange(5) < shared[:, None], torch.randint(6, (15, 5)))
    assert torch.allclose(cnn.judge(ids, shared, 3), by_formula(cnn, ids), atol=1e-6)
    # Of each run, one row's windows within the words it shares and all rows' others.
    once = sum(max(0, n - span + 1) for n in (1, 1, 2, 4, 5) for span in (1, 2, 3))
    every = 15 * (5 + 4 + 3)
    assert sum(looked_up) == (0 if many else every - 2 * once)
    assert cnn.judge(ids[:0], shared[:0], 3).shape == (0,)


def test_padding_is_a_symbol() -> None:
    cnn = network().eval()
    short = torch.tensor([[1, 2]])
    assert torch.equal(cnn(short), cnn(F.pad(short, (0, 3))))


def test_dropout_strikes_in_training_alone() -> None:
    cnn, ids = network(0.5), torch.randint(6, (4, 5))
    assert not torch.equal(cnn(ids), cnn(ids))
    cnn.eval()
    assert torch.equal(cnn(ids), cnn(ids))


def test_filters_that_are_all_too_long_are_refused() -> None:
    with pytest.raises(UserError, match=r"^filters=\{9: 7\}: none spans 5 words or fewer$"):
        HighwayCNN(6, 5, embedding=4, filters={9: 7}, dropout=0.0)
