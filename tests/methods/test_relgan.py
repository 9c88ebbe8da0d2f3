"""RelGAN against its equations in numpy, plain convolutions, enumeration and finite differences."""

import inspect
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chisquare
from torch import Tensor, nn

from tests.methods.test_mle import sentence_probabilities
from tests.trainer import fit
from textgan_bench.errors import UserError
from textgan_bench.losses.adversarial import relativistic_loss
from textgan_bench.losses.relaxation import gumbel_noise_like
from textgan_bench.methods import RelGAN
from textgan_bench.methods.relgan import Discriminator, Generator, strongest_responses
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.networks.relational_memory import RelationalMemory
from textgan_bench.recipes import content, layers, merged
from textgan_bench.tokens import PAD, pad_sequences

Array = npt.NDArray[np.float64]

VOCAB_SIZE, MAX_LENGTH = 3, 2
SENTENCES = [s for n in range(MAX_LENGTH + 1) for s in product((1, 2), repeat=n)]


def stirred(network: nn.Module) -> Any:
    """The network in double precision, every parameter random, gains and biases, too."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.6)
    return network.double().eval()


def small(**changes: Any) -> RelGAN:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "embedding": 4,
        "head_size": 3,
        "representations": 3,
        "filters": 4,
        **changes,
    }
    return RelGAN(VOCAB_SIZE, MAX_LENGTH, **sizes)


# ---- the memory, sentence by sentence and head by head ----


def arrays(network: nn.Module) -> dict[str, Array]:
    return {name: value.detach().numpy() for name, value in network.named_parameters()}


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def remembered(w: dict[str, Array], memory: Array, x: Array, heads: int) -> Array:
    """(S, H) memory of one sentence after the input x (E,)."""

    def normalised(rows: Array, name: str) -> Array:
        centred = (rows - rows.mean()) / rows.std()  # one mean, one deviation for all rows
        return np.asarray(w[f"{name}.gain"] * centred + w[f"{name}.bias"])

    width = memory.shape[1]
    size = width // heads
    row = w["input.weight"] @ x + w["input.bias"]
    rows = np.vstack([memory, row])
    mixed = normalised(rows @ w["projection.weight"].T, "projection_norm")
    attended = np.zeros_like(rows)
    for head in range(heads):
        first = 3 * size * head
        query, key, value = (mixed[:, first + part * size :][:, :size] for part in range(3))
        for place in range(len(rows)):
            weights = np.exp(key @ query[place] / np.sqrt(3 * size))
            attended[place, head * size : (head + 1) * size] = weights @ value / weights.sum()
    rows = normalised(rows + attended, "attention_norm")
    inner = np.maximum(rows @ w["mlp.0.weight"].T + w["mlp.0.bias"], 0)
    rows = normalised(rows + inner @ w["mlp.2.weight"].T + w["mlp.2.bias"], "mlp_norm")
    admit = w["input_gates.weight"] @ row + np.tanh(memory) @ w["memory_gates.weight"].T
    new = np.tanh(rows[: len(memory)])
    return sigmoid(admit[:, :width]) * new + sigmoid(admit[:, width:] + 1) * memory


@pytest.mark.parametrize("slots", [1, 3])
def test_a_memory_follows_its_equations(slots: int) -> None:
    module = stirred(RelationalMemory(5, slots, 2, 4))
    vectors = torch.randn(3, 6, 5, dtype=torch.float64)
    memory = module.start(3)
    expected = [np.eye(slots, 8) for _ in range(3)]
    for t in range(6):
        memory = module(module.prepare(vectors[:, t]), memory)
        for b in range(3):
            expected[b] = remembered(arrays(module), expected[b], vectors[b, t].numpy(), 2)
    np.testing.assert_allclose(memory.detach().numpy(), np.stack(expected), rtol=1e-9)


def test_scores_of_words_are_a_linear_map_of_the_memory() -> None:
    generator = stirred(Generator(7, 4, embedding=5, heads=2, head_size=4))
    ids = torch.tensor([[0, 3, 6, 2], [0, 1, 1, 5]])
    scores = generator.output(generator.read(ids)).detach().numpy()
    w, inner = arrays(generator), arrays(generator.memory)
    for b, sentence in enumerate(ids.tolist()):
        memory = np.eye(1, 8)
        for t, word in enumerate(sentence):
            memory = remembered(inner, memory, w["embedding.weight"][word], 2)
            expected = w["output.weight"] @ memory[0] + w["output.bias"]
            np.testing.assert_allclose(scores[b, t], expected, rtol=1e-9)


# ---- relaxed words ----


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_samples_follow_the_likelihood_at_a_temperature(temperature: float) -> None:
    method, n = small(), 20_000
    nn.init.normal_(method.generator.output.weight)  # far from uniform: prefixes matter
    ids, lengths = method.sample(n, temperature=temperature)
    counts = Counter(tuple(r[:k]) for r, k in zip(ids.tolist(), lengths.tolist(), strict=True))
    p = torch.tensor(sentence_probabilities(method.generator, temperature), dtype=torch.float64)
    assert float(p.sum()) == pytest.approx(1, rel=1e-5)
    assert n * p.min() > 5  # or the chi-square law would not hold
    assert chisquare([counts[s] for s in SENTENCES], n * p / p.sum()).pvalue > 1e-3
    if temperature == 1:
        log_prob = method.log_prob(pad_sequences(SENTENCES, MAX_LENGTH))
        torch.testing.assert_close(log_prob.exp().double(), p, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_the_words_behind_relaxed_ones_follow_the_likelihood() -> None:
    generator, n = small().generator, 20_000
    nn.init.normal_(generator.output.weight)
    relaxed, lengths = generator.relaxed(n, torch.eye(VOCAB_SIZE), 3.0)  # (B, T, V)
    rows = zip(relaxed.argmax(-1).tolist(), lengths.tolist(), strict=True)
    counts = Counter(tuple(row[:length]) for row, length in rows)
    p = torch.tensor(sentence_probabilities(generator, 1.0), dtype=torch.float64)
    assert chisquare([counts[s] for s in SENTENCES], n * p / p.sum()).pvalue > 1e-3


@torch.no_grad()
def test_a_relaxed_word_and_the_word_fed_back_are_of_the_same_noise() -> None:
    generator = stirred(Generator(6, 5, embedding=5, heads=2, head_size=4))
    generator.output.bias[PAD] = -100.0  # no sentence ends
    torch.manual_seed(3)
    relaxed, lengths = generator.relaxed(8, torch.eye(6, dtype=torch.float64), 0.7)
    torch.manual_seed(3)
    noise = torch.stack([gumbel_noise_like(relaxed[:, t]) for t in range(5)], 1)
    read = F.pad(relaxed.argmax(-1)[:, :-1], (1, 0), value=PAD)
    scores = generator.output(generator.read(read))
    assert lengths.tolist() == [5] * 8
    torch.testing.assert_close(relaxed, torch.softmax(0.7 * (scores + noise), -1))


def test_gradients_of_relaxed_words_are_those_of_finite_differences() -> None:
    generator = stirred(Generator(5, 4, embedding=3, heads=2, head_size=2))
    table = torch.randn(5, 3, dtype=torch.float64)
    weight = torch.randn(6, 4, 3, dtype=torch.float64)

    def value() -> Tensor:
        torch.manual_seed(5)  # the same noise, and so the same words
        return (generator.relaxed(6, table, 1.3)[0] * weight).sum()

    parameters = list(generator.parameters())
    gradients = torch.autograd.grad(value(), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert gradient.abs().max() > 1e-4
        place = int(gradient.abs().argmax())
        entries = parameter.data.view(-1)
        slope = 0.0
        for step in (1e-6, -1e-6):
            entries[place] += step
            slope += float(value().detach()) / (2 * step)
            entries[place] -= step
        assert gradient.flatten()[place].item() == pytest.approx(slope, rel=1e-4)


@torch.no_grad()
def test_behind_its_end_a_sample_reads_as_the_same_sentence_of_text_does() -> None:
    """At a sharp relaxation the discriminator cannot tell one from the other."""
    torch.manual_seed(1)
    method = RelGAN(5, 9, embedding=4, head_size=3, representations=3, filters=4).eval()
    words = method.discriminator.words.weight
    nn.init.normal_(words)
    vectors, lengths = method.generator.relaxed(200, words, 1e6)
    ids = torch.cdist(vectors, words).argmin(-1)  # (B, T), the nearest word vector
    assert len(lengths.unique()) > 3
    assert ((ids == PAD).cumsum(1) == 0).sum(1).tolist() == lengths.tolist()
    assert all(not any(row[k:]) for row, k in zip(ids.tolist(), lengths.tolist(), strict=True))
    torch.testing.assert_close(
        method.discriminator(vectors, lengths), method.discriminator(words[ids], lengths)
    )


# ---- the discriminator ----


def judged(w: dict[str, Array], sequence: Array) -> float:
    """Score of one representation of one sentence, (T,) numbers."""
    maxima = []
    for group, span in enumerate((2, 3, 4, 5)):
        filters, bias = w[f"filters.{group}.weight"][:, 0], w[f"filters.{group}.bias"]
        windows = [sequence[t : t + span] for t in range(len(sequence) - span + 1)]
        maxima.append(np.maximum([filters @ window + bias for window in windows], 0).max(0))
    x = np.concatenate(maxima)
    gate = sigmoid(w["gate.weight"] @ x)
    x = gate * np.maximum(w["transform.weight"] @ x, 0) + (1 - gate) * x
    return float((w["score.weight"] @ (w["summary.weight"] @ x)).item())


def test_a_discriminator_follows_its_equations_on_every_representation() -> None:
    module: Discriminator = stirred(Discriminator(6, representations=3, filters=4, dropout=0.25))
    batch = pad_sequences([[1, 2, 5, 3, 3, 4, 1, 2], [4], []], 20)  # padding counts, all of it
    with torch.no_grad():  # windows of five that hold nothing but padding are the strongest
        module.words.weight[PAD] = 9.0
        module.filters[3].weight.abs_()  # type: ignore[operator]
    vectors = module.words(batch.ids)
    for b, length in enumerate(batch.lengths.tolist()):  # relaxed, the end symbol, too
        vectors[b, : length + 1] -= torch.rand(length + 1, 3)
    scores = module(vectors, batch.lengths)
    w = arrays(module)
    expected = [[judged(w, sentence[:, s]) for s in range(3)] for sentence in vectors.data.numpy()]
    np.testing.assert_allclose(scores.detach().numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("length", [1, 4])
def test_a_sentence_shorter_than_a_filter_is_filled_with_zeros(length: int) -> None:
    module = stirred(Discriminator(6, representations=2, filters=4, dropout=0.0))
    vectors = torch.randn(3, length, 2, dtype=torch.float64)
    scores = module(vectors, torch.tensor([length, 0, 1]))
    filled = F.pad(vectors, (0, 0, 0, 5 - length)).numpy()
    expected = [[judged(arrays(module), sentence[:, s]) for s in range(2)] for sentence in filled]
    np.testing.assert_allclose(scores.detach().numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("span", [2, 5])
def test_the_strongest_response_is_the_maximum_of_a_convolution(span: int) -> None:
    torch.manual_seed(0)
    rows = torch.randn(150, 9, dtype=torch.float64, requires_grad=True)  # in three portions
    weight = torch.randn(7, span, dtype=torch.float64, requires_grad=True)
    slope = torch.randn(150, 7, dtype=torch.float64)
    plain = F.conv1d(rows[:, None], weight[:, None]).amax(2)
    found = strongest_responses(rows, weight)
    torch.testing.assert_close(found, plain)
    for ours, theirs in zip(
        torch.autograd.grad(found, (rows, weight), slope),
        torch.autograd.grad(plain, (rows, weight), slope),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_dropout_falls_on_a_quarter_of_the_features_in_training() -> None:
    module = Discriminator(6, representations=400, filters=5, dropout=0.25)
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    for group in module.filters:
        nn.init.ones_(group.bias)  # type: ignore[arg-type]
    nn.init.constant_(module.summary.weight, 0.02)
    nn.init.constant_(module.score.weight, 1.0)
    vectors, lengths = torch.zeros(5, 9, 400), torch.tensor([9] * 5)
    # The closed gate halves each of 20 features of 1, whose weights are 100 times 0.02.
    assert torch.allclose(module.eval()(vectors, lengths), torch.tensor(20.0))
    kept = module.train()(vectors, lengths) * 0.75
    assert kept.mean().item() == pytest.approx(20 * 0.75, rel=0.02)
    assert kept.var().item() == pytest.approx(20 * 0.75 * 0.25, rel=0.1)


# ---- the game ----


def test_losses_compare_a_real_and_a_generated_sentence_at_each_representation() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(2, 4, 3, dtype=torch.float64)
    pairs = zip(real.flatten().tolist(), fake.flatten().tolist(), strict=True)
    expected = np.mean([-np.log(1 / (1 + np.exp(b - a))) for a, b in pairs])
    assert relativistic_loss(real, fake).item() == pytest.approx(expected)


def test_the_inverse_temperature_ends_at_its_maximum() -> None:
    method = small(sharpness=100.0, annealing=4)
    assert [method.annealed(n) for n in (1, 2, 3)] == pytest.approx([100**0.25, 10, 100**0.75])
    assert [method.annealed(n) for n in (4, 5)] == [100.0, 100.0]


def test_batches_are_spent_on_likelihood_then_on_five_steps_against_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method = small(
        sharpness=8.0,
        annealing=2,
        pretraining=Pretraining(likelihood=2, discriminator=1),
    )
    seen: list[tuple[str, bool]] = []
    steps: list[tuple[str, float, float | None]] = []
    sharpness: list[float] = []
    relaxed, descend, log = method.generator.relaxed, method.descend, method.log_losses

    def note_write(n: int, table: Tensor, beta: float) -> tuple[Tensor, Tensor]:
        sharpness.append(beta)
        return relaxed(n, table, beta)

    def note_step(loss: Tensor, optimizer: Any, clip: float | None = None) -> None:
        group = optimizer.param_groups[0]
        player = "generator" if group["params"][0] is own[0] else "discriminator"
        others = method.discriminator if player == "generator" else method.generator
        for parameter in others.parameters():
            parameter.grad = None
        descend(loss, optimizer, clip)
        assert all(parameter.grad is None for parameter in others.parameters())
        steps.append((player, group["lr"], clip))

    def note_batch(losses: dict[str, Tensor]) -> None:
        seen.append((method.phase, method.updates_generator))
        log(losses)

    own = list(method.generator.parameters())
    monkeypatch.setattr(method.generator, "relaxed", note_write)
    monkeypatch.setattr(method, "descend", note_step)
    monkeypatch.setattr(method, "log_losses", note_batch)
    fit(method, [pad_sequences([[1, 2], [2]], MAX_LENGTH)] * 13)

    learns, judges = ("generator", 1e-2, 5.0), ("discriminator", 1e-4, 5.0)
    game = [("game", False)] * 4 + [("game", True)]
    assert seen == [("likelihood", True)] * 2 + [("discriminator", False)] + game * 2
    a_round = [judges] * 5 + [("generator", 1e-4, 5.0)]
    assert steps == [learns] * 2 + [judges] + a_round * 2
    assert sharpness == pytest.approx([8**0.5] * 7 + [8] * 6)


def test_words_and_ends_share_the_mean_of_the_likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    method = small(pretraining=Pretraining(likelihood=1))
    nn.init.zeros_(method.generator.output.weight)  # uniform over three symbols
    logged: list[dict[str, Tensor]] = []
    monkeypatch.setattr(method, "log_losses", logged.append)
    fit(method, [pad_sequences([[1, 2], [2], []], MAX_LENGTH)])
    assert [losses["generator/nll"].item() for losses in logged] == pytest.approx([np.log(3)])


def test_steps_are_positive() -> None:
    for name in ("annealing", "discriminator_steps"):
        with pytest.raises(UserError, match=rf"{name}=0.*1 step or more"):
            small(**{name: 0})


# ---- sizes and recipes ----


def test_networks_have_the_sizes_and_first_weights_of_the_code() -> None:
    """Counted from the shapes of weilinie/RelGAN at 5,000 words, less the last two biases."""
    torch.manual_seed(0)
    method = RelGAN(5000, 20)
    memory = (
        (32 * 512 + 512)  # input
        + (512 * 1536 + 2 * 1536)  # queries, keys, values
        + 2 * (512 * 512 + 512)  # two layers
        + 2 * 2 * 512  # normalisations
        + 2 * 512 * 1024  # gates
    )
    generator = 5000 * 32 + memory + 512 * 5000 + 5000
    discriminator = (
        5000 * 64
        + 300 * (2 + 3 + 4 + 5)
        + 4 * 300
        + 2 * 1200 * 1200
        + (1200 * 100 + 100)  # but for the biases that cancel: 100 and 1
    )
    for player, size in ((method.generator, generator), (method.discriminator, discriminator)):
        assert sum(parameter.numel() for parameter in player.parameters()) == size
    cut = 0.8796  # deviation of a standard normal law cut at 2
    for weight, std in (
        (method.generator.output.weight, 512**-0.5),
        (method.generator.embedding.weight, 5000**-0.5),
        (method.discriminator.words.weight, 5000**-0.5),
        (method.discriminator.gate.weight, 1200**-0.5),
        (method.discriminator.filters[3].weight, (2 / 5) ** 0.5),
    ):
        assert isinstance(weight, Tensor)
        assert weight.abs().max() <= 2 * std
        assert weight.std().item() == pytest.approx(cut * std, rel=0.06)


BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RECIPES = list(
    product(("coco", "lstm", "hmm"), ("relgan", "relgan.scratch"), ("quick", "cpu", "paper"))
)
"""Those of other tables have the steps of one of these."""
DEFAULTS = {name: p.default for name, p in inspect.signature(RelGAN).parameters.items()}


@pytest.mark.parametrize(("data", "method", "budget"), RECIPES)
def test_a_recipe_anneals_over_all_steps_of_the_generator(
    data: str, method: str, budget: str
) -> None:
    files = layers(method, data, budget, BENCHMARKS)
    recipe = merged((str(path), content(path)) for path in files)
    options = recipe["model"]["init_args"]
    epoch = recipe["data"]["init_args"]["batches_per_epoch"].value
    batches = recipe["trainer"]["max_epochs"].value * epoch
    likelihood = options["pretraining"]["likelihood"].value
    game = batches - likelihood
    assert "discriminator" not in options["pretraining"]
    assert game == options["annealing"].value * DEFAULTS["discriminator_steps"]
    assert recipe["checkpoint"]["select"].value is None, "a selected one may lie before the game"
    label = recipe["evaluate"]["budget_label"].value
    assert f"{game:,} batches of the game" in label
    assert (f"{likelihood:,} batches of likelihood" in label) == bool(likelihood)
    assert (method == "relgan.scratch") == (not likelihood)
