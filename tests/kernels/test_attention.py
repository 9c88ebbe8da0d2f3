from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.derivatives import DEVICE, DTYPE, assert_alike, derivatives
from tests.philox import factors
from textgan_bench.kernels.attention import OWN, attention
from textgan_bench.kernels.dropout import Dropout
from textgan_bench.kernels.sources import split

HEADS, SENTENCES, RATE = 2, 3, 0.25
SOURCES = {"self": (3,), "positional": (2, 1), "latent": (1, 2)}


def plain(bias: Tensor, *sources: Tensor, keep: float | Tensor = 1.0) -> Tensor:
    q, k, v = (x.unflatten(-1, (HEADS, -1)) for x in split(sources))  # (B, T, heads, D)
    scores = torch.einsum("bthd,bshd->bhts", q, k) / q.shape[-1] ** 0.5 + bias
    return torch.einsum("bhts,bshd->bthd", keep * scores.softmax(-1), v).flatten(2)


def own_scores(time: int, others: bool) -> Tensor:
    return torch.eye(time, dtype=DTYPE, device=DEVICE) * (OWN if others else 0)


def padding(time: int) -> Tensor:
    bias = torch.zeros(SENTENCES, 1, 1, time, device=DEVICE)
    bias[1, :, :, time // 2 :] = -torch.inf
    bias[2, :, :, 1:] = -torch.inf
    return bias


def draw(time: int, width: int, kind: str) -> list[Tensor]:
    torch.manual_seed(0)
    shapes = ((SENTENCES, time, n * width) for n in SOURCES[kind])
    return [torch.randn(shape, dtype=DTYPE, device=DEVICE) for shape in shapes]


def attend(bias: Tensor, seed: Tensor | None, *sources: Tensor, own: float = 0.0) -> Tensor:
    kernels = pytest.importorskip("textgan_bench.kernels.triton_attention", exc_type=ImportError)
    return kernels.FusedAttention.apply(seed, RATE, HEADS, own, bias, *sources)


@pytest.mark.parametrize(("time", "width"), [(6, 8), (17, 40), (24, 64)])
@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("others", [False, True])
def test_kernels_have_the_derivatives_of_the_formula(
    time: int, width: int, kind: str, others: bool
) -> None:
    sources, bias, own = draw(time, width, kind), padding(time), own_scores(time, others)
    steep = len(sources)
    ours = derivatives(lambda *x: attend(bias, None, *x, own=float(own[0, 0])), sources, steep)
    assert_alike(ours, derivatives(lambda *x: plain(bias + own, *x), sources, steep))


@pytest.mark.parametrize("kind", SOURCES)
def test_kernels_drop_probabilities(kind: str) -> None:
    time, width = 17, 40
    sources, bias = draw(time, width, kind), padding(time)
    seed = torch.tensor([11], device=DEVICE)
    head, query, key = torch.meshgrid(
        torch.arange(SENTENCES * HEADS), torch.arange(time), torch.arange(time), indexing="ij"
    )
    block = 32  # the power of two that holds a sentence
    places = ((head * block + query) * block + key).view(SENTENCES, HEADS, time, time)
    kept = factors(11, RATE, places).to(DEVICE)
    ours = derivatives(lambda *x: attend(bias, seed, *x), sources, steep=0)
    theirs = derivatives(lambda *x: plain(bias, *x, keep=kept), sources, steep=0)
    assert_alike(ours, theirs)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        derivatives(lambda *x: attend(bias, seed, *x), sources, steep=1)


def test_kernels_take_a_cotangent_of_any_strides() -> None:
    (source,), bias = draw(6, 8, "self"), padding(6)
    weights = torch.randn(3, 24, 6, dtype=DTYPE, device=DEVICE).transpose(1, 2)

    def second(function: Callable[[Tensor], Tensor], take: Callable[[Tensor], Tensor]) -> Tensor:
        leaf = source.clone().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).square().sum(), leaf, create_graph=True)
        return torch.autograd.grad(take(slope), leaf)[0]

    for take in (torch.sum, lambda slope: (slope * weights).sum()):
        ours = second(lambda x: attend(bias, None, x), take)
        assert_alike([ours], [second(lambda x: plain(bias, x), take)])


def test_kernels_read_what_is_the_same_for_all_sentences() -> None:
    """Position codes are projected once."""
    codes, values = draw(6, 8, "positional")
    ours = derivatives(
        lambda x, y: attend(padding(6), None, x.expand(SENTENCES, -1, -1), y),
        [codes[:1], values],
        2,
    )
    theirs = derivatives(
        lambda x, y: plain(padding(6), x.expand(SENTENCES, -1, -1), y), [codes[:1], values], 2
    )
    assert_alike(ours, theirs)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("rate", [0.0, RATE])
def test_a_word_attends_to_the_others_or_is_alone(kind: str, rate: float) -> None:
    sources, bias = [x.cpu() for x in draw(6, 8, kind)], padding(6).cpu()
    kept = Mask(torch.ones(SENTENCES, HEADS, 6, 6), rate)
    found = attention(bias, *sources, heads=HEADS, dropout=kept, others=True)
    *_, values = split(sources)
    torch.testing.assert_close(found[2, :1], values[2, :1])  # a sentence of one word
    expected = plain(bias + own_scores(6, True).cpu(), *sources)
    torch.testing.assert_close(found, expected.to(found.dtype))
    moved = [x.clone() for x in split(sources)]
    moved[1][0, 3] += 1  # the key and the value of a word
    moved[2][0, 3] += 1
    changed = attention(bias, *moved, heads=HEADS, dropout=kept, others=True) != found
    assert changed.any(-1)[0].tolist() == [True, True, True, False, True, True]


@pytest.mark.parametrize("kind", SOURCES)
def test_it_attends_to_words_alone(kind: str) -> None:
    sources, bias = [x.cpu() for x in draw(6, 8, kind)], padding(6).cpu()
    bias = bias.to(sources[0].dtype)
    whole = attention(bias, *sources, heads=HEADS)
    torch.testing.assert_close(whole, plain(bias, *sources))
    alone = attention(bias[2:, ..., :1], *(x[2:, :1] for x in sources), heads=HEADS)
    torch.testing.assert_close(alone, whole[2:, :1])


@pytest.mark.parametrize("others", [False, True])
def test_half_precision_takes_the_padding_of_full_precision(others: bool) -> None:
    sources, bias = [x.cpu().bfloat16() for x in draw(6, 8, "self")], padding(6).cpu()
    value = attention(bias, *sources, heads=HEADS, others=others)
    assert value.dtype == torch.bfloat16
    expected = plain(bias + own_scores(6, others).cpu(), *(x.double() for x in sources))
    torch.testing.assert_close(value.double(), expected.double(), rtol=0, atol=0.05)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels wherever they are asked for, on this device and in this type, too."""
    pytest.importorskip("triton")
    monkeypatch.setattr("textgan_bench.kernels.attention.can_take", lambda *tensors: True)


def name_of(value: Tensor) -> str:
    return type(value.grad_fn).__name__


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    ("time", "keys", "width", "by_kernels"),
    [
        (20, 20, 64, True),
        (1, 1, 8, True),
        (3, 5, 8, False),
        (5, 3, 8, False),
        (33, 33, 64, False),  # longer than the kernels were measured with
        (6, 6, 66, False),  # wider heads
    ],
)
def test_kernels_are_taken_only_for_what_they_are_made_for(
    time: int, keys: int, width: int, by_kernels: bool
) -> None:
    query = torch.randn(SENTENCES, time, width, dtype=DTYPE, device=DEVICE).requires_grad_()
    rest = torch.randn(SENTENCES, keys, 2 * width, dtype=DTYPE, device=DEVICE)
    bias = padding(keys).to(DTYPE) if keys > 1 else rest.new_zeros(SENTENCES, 1, 1, 1)
    value = attention(bias, query, rest, heads=HEADS)
    assert (name_of(value) == "FusedAttentionBackward") == by_kernels
    assert_alike([value.detach()], [plain(bias, query, rest).detach()])


@pytest.mark.usefixtures("taken")
def test_kernels_are_told_what_to_drop() -> None:
    sources, bias, dropout = draw(6, 8, "self"), padding(6).to(DTYPE), Dropout(RATE)
    once, twice = (attention(bias, *sources, heads=HEADS, dropout=dropout) for _ in range(2))
    assert not torch.allclose(once, twice)


@pytest.mark.usefixtures("taken")
def test_kernels_are_told_to_leave_out_the_word_itself() -> None:
    sources, bias = draw(6, 8, "self"), padding(6).to(DTYPE)
    value = attention(bias, *(x.requires_grad_() for x in sources), heads=HEADS, others=True)
    assert name_of(value) == "FusedAttentionBackward"
    assert_alike([value.detach()], [plain(bias + own_scores(6, True), *sources).detach()])


@pytest.mark.usefixtures("taken")
def test_kernels_know_no_causal_mask() -> None:
    sources = draw(6, 8, "latent")
    later = torch.full((6, 6), -torch.inf, dtype=DTYPE, device=DEVICE).triu(1)
    value = attention(None, *sources, heads=HEADS, causal=True)
    assert_alike([value], [plain(later, *sources)])


@pytest.mark.gpu
@pytest.mark.parametrize("kind", SOURCES)
def test_a_gpu_takes_the_kernels_and_drops_at_their_rate(kind: str) -> None:
    sources, bias = draw(20, 64, kind), torch.zeros(SENTENCES, 1, 1, 20, device="cuda")
    exact = attention(bias, *(x.requires_grad_() for x in sources), heads=HEADS)
    assert name_of(exact) == "FusedAttentionBackward"
    with torch.no_grad():
        mean = torch.stack(
            [attention(bias, *sources, heads=HEADS, dropout=Dropout(0.2)) for _ in range(2_000)]
        ).mean(0)
    torch.testing.assert_close(mean, exact, rtol=0, atol=0.1)
    dropout = Dropout(0.2)
    once, twice = (attention(bias, *sources, heads=HEADS, dropout=dropout) for _ in range(2))
    assert not torch.allclose(once, twice)


class Mask(Dropout):
    """Drops what ``keep`` says."""

    def __init__(self, keep: Tensor, rate: float = RATE) -> None:
        super().__init__(rate)
        self.keep = keep

    def __call__(self, x: Tensor) -> Tensor:
        assert x.shape == self.keep.shape
        return x * self.keep


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_a_processor_drops_probabilities_of_every_sentence(shared: bool, padded: bool) -> None:
    torch.manual_seed(0)
    time, width = 7, 8
    pair = torch.randn(1 if shared else SENTENCES, time, 2 * width, dtype=torch.float64)
    values = torch.randn(SENTENCES, time, width, dtype=torch.float64)
    keep = torch.randint(2, (SENTENCES, HEADS, time, time)) / (1 - RATE)
    bias = padding(time).cpu().double() if padded else None
    sources = [x.requires_grad_() for x in (pair, values)]

    ours = attention(bias, *sources, heads=HEADS, dropout=Mask(keep))
    spread = pair.expand(SENTENCES, -1, -1)
    theirs = plain(torch.zeros(()) if bias is None else bias, spread, values, keep=keep)

    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    weight = torch.randn_like(ours)
    found, wanted = (torch.autograd.grad((y * weight).sum(), sources) for y in (ours, theirs))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
