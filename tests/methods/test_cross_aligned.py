import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer import fit
from textgan_bench.methods import CrossAlignedAutoencoder
from textgan_bench.networks.styled_autoencoder import StyleVectors
from textgan_bench.tokens import PAD, TokenBatch, TransferBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH, STYLE, CONTENT = 8, 4, 8, 24
STYLED, CONTENTS = (1, 2), (3, 4, 5, 6)


def small(**changes: Any) -> CrossAlignedAutoencoder:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding": 16, "style": STYLE, "content": CONTENT, "filters": 8}
    return CrossAlignedAutoencoder(VOCAB_SIZE, MAX_LENGTH, **{**sizes, **changes})


def exact(**changes: float) -> CrossAlignedAutoencoder:
    """In double precision and without dropout, with scores far enough apart to write with."""
    method = small(**changes).double().eval()
    method.autoencoder.output.weight.data.mul_(8)
    return method


def corpus(n: int, words: tuple[int, ...] = STYLED) -> TransferBatch:
    """A word that tells the style, and two that do not."""
    labels = torch.randint(len(words), (n,))
    content = torch.tensor(CONTENTS)[torch.randint(len(CONTENTS), (n, 2))]
    ids = torch.cat([torch.tensor(words)[labels][:, None], content, torch.zeros(n, 1).long()], 1)
    turns = torch.arange(n) % (len(words) - 1)
    return TransferBatch(ids, torch.full((n,), 3), labels, (labels + 1 + turns) % len(words))


def mixed() -> TransferBatch:
    """Three sentences of one style and one of the other, of all lengths."""
    words = pad_sequences([[1, 3, 4], [2], [1, 5, 6, 4], [1]], MAX_LENGTH)
    return TransferBatch(*words, torch.tensor([0, 1, 0, 0]), torch.tensor([1, 0, 1, 1]))


def judge(
    method: CrossAlignedAutoencoder,
    batch: TransferBatch,
    written: TokenBatch,
    real: Tensor,
    fake: Tensor,
) -> Tensor:
    weights, of_transfers = map(method.style_weights, (batch.labels, batch.targets))
    return method.adversarial_losses(batch, written, weights, of_transfers, real, fake)


def states(n: int) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(n, STYLE + CONTENT, dtype=torch.float64).tanh()


def gru(cell: torch.nn.GRU, fed: Tensor, state: Tensor) -> Tensor:
    """One step by the equations of Cho et al. (2014), as PyTorch's documentation has them."""
    weight_fed, weight_state, bias_fed, bias_state = cell.parameters()
    from_fed = (weight_fed @ fed + bias_fed).chunk(3)
    from_state = (weight_state @ state + bias_state).chunk(3)
    reset, update = (torch.sigmoid(from_fed[i] + from_state[i]) for i in range(2))
    new = torch.tanh(from_fed[2] + reset * from_state[2])
    return (1 - update) * new + update * state


def test_soft_decoding_is_that_of_a_plain_loop() -> None:
    network, start, gamma = exact().autoencoder, states(3), 0.7
    unrolled, (ids, lengths) = network.soft(start, gamma)
    for row, state in enumerate(start):
        fed, words = network.words.weight[PAD], []
        for t in range(MAX_LENGTH):
            torch.testing.assert_close(unrolled[row, t], state)
            state = gru(network.generator, fed, state)
            scores = network.output.weight @ state + network.output.bias
            exponentials = [math.exp(score / gamma) for score in scores.tolist()]
            fed = sum(
                weight / sum(exponentials) * word
                for weight, word in zip(exponentials, network.words.weight, strict=True)
            )
            words.append(int(scores.argmax()))
        torch.testing.assert_close(unrolled[row, MAX_LENGTH], state)
        written = words[: words.index(PAD)] if PAD in words else words
        assert ids[row].tolist() == written + [PAD] * (MAX_LENGTH - len(written))
        assert lengths[row] == len(written)


def test_soft_decoding_becomes_greedy_as_the_temperature_falls() -> None:
    network, start = exact().autoencoder, states(50)
    greedy = network.write(start)
    unrolled, soft = network.soft(start, 1e-6)
    assert greedy.lengths.unique().numel() > 1
    assert torch.equal(soft.ids, greedy.ids)
    assert torch.equal(soft.lengths, greedy.lengths)
    taught, _ = network.teach(start, greedy)
    for row, words in enumerate(greedy.lengths.tolist()):
        torch.testing.assert_close(unrolled[row, : words + 1], taught[row, : words + 1])


def test_the_gradient_of_soft_decoding_is_that_of_finite_differences() -> None:
    network, start = exact().autoencoder, states(2).requires_grad_()
    assert torch.autograd.gradcheck(lambda first: network.soft(first, 0.5)[0], start)
    table = network.words.weight
    (gradient,) = torch.autograd.grad(network.soft(start, 0.5)[0].sum(), table)
    flat, values = table.data.view(-1), []
    index = int(gradient.abs().argmax())
    for shift in (1e-6, -2e-6):
        flat[index] += shift
        values.append(network.soft(start, 0.5)[0].sum().item())
    slope = (values[0] - values[1]) / 2e-6
    assert gradient.flatten()[index].item() == pytest.approx(slope, rel=1e-5)


def test_the_likelihood_is_that_of_the_words_fed() -> None:
    network, start, batch = exact().autoencoder, states(4), mixed()
    _, nll = network.teach(start, batch)
    for row, state in enumerate(start):
        symbols = [*batch.ids[row, : batch.lengths[row]].tolist(), PAD][:MAX_LENGTH]
        expected = 0.0
        for fed, symbol in zip([PAD, *symbols], symbols, strict=False):
            state = gru(network.generator, network.words.weight[fed], state)
            expected -= network.output(state).log_softmax(-1)[symbol].item()
        assert nll[row].sum().item() == pytest.approx(expected)


def test_styles_start_as_long_as_those_of_the_authors_code() -> None:
    """Glorot's uniform law on a (1, 200) matrix and a (200,) bias: norms 1.00 and 1.73."""
    torch.manual_seed(0)
    styles = torch.stack([StyleVectors(2, 200)(torch.tensor([0, 1])) for _ in range(200)])
    weight, bias = math.sqrt(200 * 6 / 201 / 3), 1.0  # root of the mean squared norm
    first, second = styles.square().sum(-1).mean(0).sqrt().tolist()
    assert first == pytest.approx(bias, rel=0.02)
    assert second == pytest.approx(math.hypot(weight, bias), rel=0.02)


def test_content_is_read_backwards_from_a_style() -> None:
    network, batch = exact().autoencoder, mixed()
    content = network.encode(batch)
    for row, (ids, length, label, _) in enumerate(zip(*batch, strict=True)):
        weight, bias = network.encoder_style.weight[:, 0], network.encoder_style.bias
        state = torch.cat([bias + label * weight, torch.zeros(CONTENT).double()])
        for word in reversed(ids[:length].tolist()):
            state = gru(network.encoder, network.words.weight[word], state)
        torch.testing.assert_close(content[row], state[STYLE:])


def test_adversarial_losses_are_means_over_each_style(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eq. 8, term by term, of scores that are one number of the first state."""
    method, batch = exact(), mixed()
    real, fake = (
        torch.randn(4, MAX_LENGTH + 1, STYLE + CONTENT, dtype=torch.float64) for _ in range(2)
    )
    for style, discriminator in enumerate(method.discriminators):
        monkeypatch.setattr(discriminator, "forward", lambda states, _, at=style: states[:, 0, at])
    losses = judge(method, batch, TokenBatch(*batch[:2]), real, fake)
    for style in range(2):
        reals = [real[i, 0, style] for i in range(4) if batch.labels[i] == style]
        fakes = [fake[i, 0, style] for i in range(4) if batch.labels[i] != style]
        expected = -sum(score.sigmoid().log() for score in reals) / len(reals)
        expected -= sum((1 - score.sigmoid()).log() for score in fakes) / len(fakes)
        torch.testing.assert_close(losses[style], expected)


def test_only_states_of_sentences_are_judged() -> None:
    method, batch = exact(), mixed()
    real, fake = states(4 * (MAX_LENGTH + 1)).view(4, MAX_LENGTH + 1, -1), torch.zeros(4, 5, 32)
    written = TokenBatch(*pad_sequences([[1], [2, 3], [], [4, 4, 4]], MAX_LENGTH))
    before = judge(method, batch, written, real, fake.double())
    # The one before the first word, one after each, and the one after the end is none of them.
    for row, words in enumerate([3, 1, 4, 1]):
        real[row, words + 2 :] = 9
    for row, words in enumerate([1, 2, 0, 3]):
        fake[row, words + 2 :] = 9
    after = judge(method, batch, written, real, fake.double())
    assert torch.equal(before, after)
    real[2, MAX_LENGTH] = 9
    changed = judge(method, batch, written, real, fake.double())
    assert not torch.equal(before, changed)


def test_adversarial_losses_of_three_styles_are_means_over_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A style has its own sentences and the transfers that are to have it, and no others."""
    torch.manual_seed(2)
    method, batch = exact(styles=3), corpus(12, (1, 2, 7))
    real, fake = (
        torch.randn(12, MAX_LENGTH + 1, STYLE + CONTENT, dtype=torch.float64) for _ in range(2)
    )
    for style, discriminator in enumerate(method.discriminators):
        monkeypatch.setattr(discriminator, "forward", lambda states, _, at=style: states[:, 0, at])
    losses = judge(method, batch, TokenBatch(*batch[:2]), real, fake)
    for style in range(3):
        reals = [real[i, 0, style].sigmoid() for i in range(12) if batch.labels[i] == style]
        fakes = [fake[i, 0, style].sigmoid() for i in range(12) if batch.targets[i] == style]
        assert len(reals) + len(fakes) < 12
        expected = -sum(score.log() for score in reals) / len(reals)
        expected -= sum((1 - score).log() for score in fakes) / len(fakes)
        torch.testing.assert_close(losses[style], expected)


def test_a_style_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="style 2 is none of 2"):
        fit(small(), [corpus(32, (1, 2, 7))])
    with pytest.raises(ValueError, match="styles=1: a transfer is between two"):
        small(styles=1)


@pytest.mark.slow
def test_each_of_three_styles_is_changed_into_each_other() -> None:
    words = (1, 2, 7)
    method = small(styles=3, lr=3e-3, dropout=0.1)
    fit(method, [corpus(96, words) for _ in range(400)])
    method.eval()
    batch = corpus(600, words)
    ids, _ = method.transfer(batch)
    right = ids[:, 0] == torch.tensor(words)[batch.targets]
    for source, target in itertools.permutations(range(3), 2):
        rows = (batch.labels == source) & (batch.targets == target)
        assert right[rows].float().mean() > 0.95, (source, target)
    assert (ids[:, 1:3] == batch.ids[:, 1:3]).float().mean() > 0.9, "a quarter is chance"


@pytest.mark.parametrize(("judged", "heeded"), [((1.1, 0.4), True), ((1.3, 0.4), False)])
def test_the_players_descend_equation_9(
    judged: tuple[float, float], heeded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, batch = exact(adversarial_weight=0.5), mixed()
    losses: list[float] = []
    monkeypatch.setattr(method, "optimizers", lambda: [None] * 2)
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    monkeypatch.setattr(method, "descend", lambda loss, *_, **__: losses.append(loss.item()))
    found = torch.tensor(judged, dtype=torch.float64)
    monkeypatch.setattr(method, "adversarial_losses", lambda *_: found)
    method.training_step(batch, 0)
    start = method.autoencoder.start(batch.labels, method.autoencoder.encode(batch))
    nll = method.autoencoder.teach(start, batch)[1].sum(1)
    reconstruction = nll[batch.labels == 0].mean() + nll[batch.labels == 1].mean()
    adversarial = 0.5 * sum(judged) if heeded else 0.0
    assert losses == pytest.approx([sum(judged), reconstruction.item() - adversarial])


def test_each_player_has_the_gradient_of_its_own_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    method, moved = small(), []

    def descend(loss: Tensor, *_: object, **__: object) -> None:
        method.zero_grad()
        loss.backward()
        names = [name for name, p in method.named_parameters() if p.grad is not None]
        moved.append({name.split(".")[0] for name in names})

    monkeypatch.setattr(method, "optimizers", lambda: [None] * 2)
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    monkeypatch.setattr(method, "descend", descend)
    method.training_step(mixed(), 0)
    assert moved == [{"discriminators"}, {"autoencoder"}]


def test_a_batch_of_one_style_trains() -> None:
    method, batch = small(), mixed()
    one = torch.ones_like(batch.labels)
    fit(method, [batch._replace(labels=one, targets=1 - one)])
    assert all(p.isfinite().all() for p in method.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "chance"), [(1.0, True), (0.0, False)])
def test_the_style_is_changed_and_the_content_kept(weight: float, chance: bool) -> None:
    method = small(lr=3e-3, dropout=0.1, adversarial_weight=weight)
    fit(method, [corpus(64) for _ in range(400)])
    method.eval()
    batch = corpus(500)
    ids, lengths = method.transfer(batch)
    other = torch.tensor(STYLED)[batch.targets]
    assert (ids[:, 0] == other).float().mean() > 0.95
    assert (ids[:, 1:3] == batch.ids[:, 1:3]).float().mean() > 0.9, "a quarter is chance"
    assert (lengths == 3).float().mean() > 0.95
    content = method.autoencoder.encode(batch)
    real, _ = method.autoencoder.teach(method.autoencoder.start(batch.labels, content), batch)
    start = method.autoencoder.start(batch.targets, content)
    fake, written = method.autoencoder.soft(start, method.temperature)
    losses = judge(method, batch, written, real, fake)
    # 2 ln 2 = 1.39 is that of discriminators that find nothing to tell transfers by.
    assert (losses.mean() > 1.0) == chance, losses
