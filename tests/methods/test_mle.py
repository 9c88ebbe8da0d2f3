from collections import Counter
from itertools import product

import pytest
import torch
from scipy.stats import chisquare

from tests.trainer import loader, trainer
from textgan_bench.errors import UserError
from textgan_bench.kernels import row_chunks
from textgan_bench.losses.relaxation import draw
from textgan_bench.methods import MLE, TransformerMLE
from textgan_bench.networks.autoregressive import (
    GRULanguageModel,
    LanguageModel,
    LSTMLanguageModel,
    TransformerLanguageModel,
)
from textgan_bench.tokens import TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 3, 2
SENTENCES = [s for n in range(MAX_LENGTH + 1) for s in product((1, 2), repeat=n)]  # 7 of them


def network(kind: type[LanguageModel], vocab_size: int, max_length: int) -> LanguageModel:
    torch.manual_seed(3)
    if kind in (GRULanguageModel, LSTMLanguageModel):
        model: LanguageModel = kind(vocab_size, max_length, 6, 8)
    else:
        model = TransformerLanguageModel(vocab_size, max_length, 6, 8, 2, 2, 16, dropout=0.5)
    with torch.no_grad():  # far from uniform, so that prefixes matter
        for parameter in model.output.parameters():
            parameter.mul_(4)
    return model.double().eval()


KINDS = [GRULanguageModel, LSTMLanguageModel, TransformerLanguageModel]
every = pytest.mark.parametrize("kind", KINDS)


def sentence_probabilities(model: LanguageModel, temperature: float) -> list[float]:
    """Probability of each of ``SENTENCES``, one symbol of one sentence at a time."""
    probabilities = []
    for sentence in SENTENCES:
        probability, symbol, state = 1.0, 0, model.start(1)
        for drawn in [*sentence, 0][:MAX_LENGTH]:
            hidden, state = model.step(torch.tensor([symbol]), state)
            law = torch.softmax(model.output(hidden)[0] / temperature, 0)
            probability *= law[drawn].item()
            symbol = drawn
        probabilities.append(probability)
    return probabilities


@every
def test_likelihood_is_a_distribution_and_agrees_with_steps(kind: type[LanguageModel]) -> None:
    model = network(kind, VOCAB_SIZE, MAX_LENGTH)
    probabilities = model(pad_sequences(SENTENCES)).sum(1).neg().exp()
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-12)
    assert probabilities.tolist() == pytest.approx(sentence_probabilities(model, 1.0), rel=1e-9)


@every
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_sampling_law(kind: type[LanguageModel], temperature: float) -> None:
    model = network(kind, VOCAB_SIZE, MAX_LENGTH)
    n = 20_000
    ids, lengths = model.sample(n, temperature)
    counts = Counter(
        tuple(row[:length]) for row, length in zip(ids.tolist(), lengths.tolist(), strict=True)
    )
    expected = [n * p for p in sentence_probabilities(model, temperature)]
    assert min(expected) > 5  # or the chi-square law would not hold
    assert chisquare([counts[s] for s in SENTENCES], expected).pvalue > 1e-3


@every
def test_scores_are_those_of_padding_to_any_length(kind: type[LanguageModel]) -> None:
    model = network(kind, vocab_size=5, max_length=6)
    short, long = pad_sequences([[1, 4], [3]]), pad_sequences([[1, 4], [3], [2, 1, 4, 3, 2]], 6)
    torch.testing.assert_close(model(short).sum(1), model(long).sum(1)[:2])


def test_dropout_acts_in_training_and_not_in_sampling() -> None:
    model = network(TransformerLanguageModel, vocab_size=5, max_length=6)
    batch = pad_sequences([[1, 2, 3]], 6)
    assert torch.equal(model(batch), model(batch))
    model.train()
    assert not torch.equal(model(batch), model(batch))
    symbols = torch.tensor([1, 2])
    assert torch.equal(
        model.step(symbols, model.start(2))[0], model.step(symbols, model.start(2))[0]
    )


def test_draw_follows_the_softmax_and_skips_impossible_symbols(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_chunks, "CHUNK", 70_000)
    torch.manual_seed(0)
    probabilities = torch.tensor([0.5, 0.0, 0.3, 0.2, 0.0])
    drawn = draw(probabilities.log().expand(50_000, -1))
    counts = torch.bincount(drawn, minlength=5)
    assert counts[[1, 4]].tolist() == [0, 0]
    possible = [0, 2, 3]
    assert chisquare(counts[possible], 50_000 * probabilities[possible].double()).pvalue > 1e-3


@pytest.mark.parametrize(
    ("method", "millions"), [(MLE, 3.1), (TransformerMLE, 3.0)], ids=["GRU", "Transformer"]
)
def test_parameter_count_of_table_12(method: type[MLE | TransformerMLE], millions: float) -> None:
    """Huang et al. (2021), Table 12, at a vocabulary of 4,838 words and padding."""
    model = method(4839, 32)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(millions * 1e6, rel=0.03)


def test_nats_per_word_counts_words_and_sums_end_symbols() -> None:
    method = MLE(5, 4, embedding=6, hidden=8)
    for parameter in method.parameters():
        torch.nn.init.zeros_(parameter)  # uniform over the 5 symbols
    batch: TokenBatch = pad_sequences([[1, 2], [1, 2, 3, 4]], 4)
    log5 = torch.tensor(5.0).log()
    torch.testing.assert_close(method.nats_per_word(batch), (3 + 4) * log5 / 6)


def test_validation_averages_over_words_and_not_over_batches() -> None:
    torch.manual_seed(0)
    method = MLE(5, 4, embedding=6, hidden=8)
    sentences = [[1, 2, 3, 4], [4, 3, 2, 1], [2]]
    batches = [pad_sequences(sentences[:2], 4), pad_sequences(sentences[2:], 4)]

    (logged,) = trainer().validate(method, loader(batches), verbose=False)

    whole = method.nats_per_word(pad_sequences(sentences, 4)).item()
    assert logged["validation/nll"] == pytest.approx(whole, rel=1e-6)


def test_all_weights_start_as_spread_as_asked() -> None:
    torch.manual_seed(0)
    method = MLE(500, 20, embedding=32, hidden=32, cell="lstm", start_std=0.1)
    for weight in method.parameters():
        # Of the chi-square law of n squares: four deviations of the estimate.
        assert weight.std().item() == pytest.approx(0.1, rel=4 * (2 * weight.numel()) ** -0.5)
        assert abs(weight.mean().item()) < 0.4 * weight.numel() ** -0.5
    with pytest.raises(UserError, match=r"start_std=0.0 is above 0"):
        MLE(3, 2, start_std=0.0)
