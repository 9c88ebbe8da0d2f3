import itertools
import math
from typing import Any, cast

import pytest
import torch
from torch.nn import functional as F

from tests.trainer import fit
from textgan_bench.methods import ARAETransfer
from textgan_bench.methods.arae_transfer import by_style
from textgan_bench.networks.sentence_codes import Decoder
from textgan_bench.tokens import TransferBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 8, 4
STYLED, CONTENT = (1, 2), (3, 4, 5, 6)


def small(**changes: Any) -> ARAETransfer:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding": 16, "hidden": 32, "latent_dim": 8}
    return ARAETransfer(VOCAB_SIZE, MAX_LENGTH, **{**sizes, **changes})


def corpus(n: int, words: tuple[int, ...] = STYLED) -> TransferBatch:
    """A word that tells the style, and two that do not; as many sentences of each style."""
    labels = torch.arange(n) % len(words)
    content = torch.tensor(CONTENT)[torch.randint(len(CONTENT), (n, 2))]
    ids = torch.cat([torch.tensor(words)[labels][:, None], content, torch.zeros(n, 1).long()], 1)
    turns = torch.arange(n) // len(words) % (len(words) - 1)
    return TransferBatch(ids, torch.full((n,), 3), labels, (labels + 1 + turns) % len(words))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_style_is_changed_and_the_content_kept(seed: int) -> None:
    """At the code's weight of the classifier, which in batches of both styles loses the content."""
    method = small(classifier_weight=1.0, classifier_lr=3e-3)
    torch.manual_seed(seed)
    fit(method, [corpus(64) for _ in range(1000)])
    method.eval()
    batch = corpus(500)
    ids, lengths = method.transfer(batch)
    assert batch.targets.equal(1 - batch.labels)
    other = torch.tensor(STYLED)[batch.targets]
    assert (ids[:, 0] == other).float().mean() > 0.95
    assert (ids[:, 1:3] == batch.ids[:, 1:3]).float().mean() > 0.5, "a quarter is chance"
    assert (lengths == 3).float().mean() > 0.9


@pytest.mark.slow
def test_each_of_three_styles_is_changed_into_each_other() -> None:
    words = (1, 2, 7)
    method = small(styles=3, critic_steps=6, classifier_lr=3e-3)
    torch.manual_seed(0)
    fit(method, [corpus(96, words) for _ in range(1000)])
    method.eval()
    batch = corpus(600, words)
    ids, _ = method.transfer(batch)
    right = ids[:, 0] == torch.tensor(words)[batch.targets]
    for source, target in itertools.permutations(range(3), 2):
        rows = (batch.labels == source) & (batch.targets == target)
        assert rows.sum() == 100
        assert right[rows].float().mean() > 0.95, (source, target)
    assert (ids[:, 1:3] == batch.ids[:, 1:3]).float().mean() > 0.5, "a quarter is chance"


def test_each_sentence_is_written_by_the_decoder_of_its_target() -> None:
    method = small(styles=3).eval()
    for style, word in enumerate((1, 2, 7)):
        always = torch.nn.Linear(32, VOCAB_SIZE)
        always.bias.data.copy_(100 * F.one_hot(torch.tensor(word), VOCAB_SIZE))
        method.decoders[style].output = always
    sentences = pad_sequences([[3], [4], [3, 4]])
    styles = torch.tensor([0, 1, 0]), torch.tensor([1, 0, 2])
    ids, lengths = method.transfer(TransferBatch(*sentences, *styles))
    assert ids.tolist() == [[2] * 4, [1] * 4, [7] * 4]
    assert lengths.tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("rate", "players"),
    [
        ("autoencoder_lr", {"encoder", "decoders"}),
        ("generator_lr", {"generator"}),
        ("critic_lr", {"critic"}),
        ("classifier_lr", {"classifier"}),
    ],
)
def test_each_player_is_moved_by_its_own_loss_alone(rate: str, players: set[str]) -> None:
    rates = ("autoencoder_lr", "generator_lr", "critic_lr", "classifier_lr")
    method = small(**{**dict.fromkeys(rates, 0.0), rate: 0.1})
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    fit(method, [corpus(8)])
    moved = {
        name.split(".")[0] for name, p in method.named_parameters() if not p.equal(before[name])
    }
    assert moved == players


class Steps:
    """The losses of an iteration, and what the classifier was shown, in order."""

    def __init__(self, method: ARAETransfer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.losses: list[float] = []
        self.shown: list[torch.Tensor] = []
        monkeypatch.setattr(method, "optimizers", lambda: [None] * 4)
        monkeypatch.setattr(method, "log_losses", lambda logged: None)
        monkeypatch.setattr(
            method, "descend", lambda loss, *_, **__: self.losses.append(loss.item())
        )
        method.classifier.register_forward_pre_hook(lambda _, codes: self.shown.append(codes[0]))


def mixed() -> TransferBatch:
    words = pad_sequences([[1, 3], [2, 4, 5], [2]], MAX_LENGTH)
    return TransferBatch(*words, torch.tensor([1, 0, 0]), torch.tensor([0, 1, 1]))


def test_each_style_has_a_step_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the authors' code: batch normalisation must never see both styles at once."""
    method, batch = small(noise=0.0), mixed()
    first, second = by_style(batch, 2)
    assert first.ids.tolist() == batch.ids[1:].tolist()
    assert second.ids.tolist() == batch.ids[:1].tolist()
    steps = Steps(method, monkeypatch)
    method.classifier.eval()  # a batch of one sentence has no variance
    method.critic.eval()
    method.generator.eval()
    method.training_step(batch, 0)
    codes = [method.encoder(sentences) for sentences in (first, second)]
    for shown, expected in zip(steps.shown, codes * 2, strict=True):
        torch.testing.assert_close(shown, expected)
    for loss, own, decoder in zip(steps.losses, (first, second), method.decoders, strict=False):
        nll = cast(Decoder, decoder)(method.encoder(own), own).sum() / own.lengths.sum()
        assert loss == pytest.approx(nll.item())


def test_the_encoder_hides_what_the_classifier_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    method = small(encoder_weight=0.0, classifier_weight=2.0)
    steps = Steps(method, monkeypatch)
    monkeypatch.setattr(
        method.classifier, "forward", lambda codes: torch.full((len(codes), 1), 3.0)
    )
    method.training_step(corpus(8), 0)
    first, second = (math.log1p(math.exp(odds)) for odds in (3.0, -3.0))
    assert steps.losses[2:4] == pytest.approx([first, second]), "the classifier's, of each style"
    assert steps.losses[4:6] == pytest.approx([2 * second, 2 * first]), "the encoder's"


def test_the_encoder_hides_several_styles_behind_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three scores of a softmax by hand: of each style the mean over the two others."""
    method = small(styles=3, critic_steps=1, encoder_weight=0.0)
    steps = Steps(method, monkeypatch)
    odds = (2.0, -1.0)
    monkeypatch.setattr(
        method.classifier, "forward", lambda codes: torch.tensor([odds] * len(codes))
    )
    method.training_step(corpus(9, (1, 2, 7)), 0)
    total = 1 + math.exp(odds[0]) + math.exp(odds[1])
    nll = [math.log(total) - score for score in (0.0, *odds)]
    assert steps.losses[3:6] == pytest.approx(nll), "the classifier's, of each style"
    hidden = [(nll[1] + nll[2]) / 2, (nll[0] + nll[2]) / 2, (nll[0] + nll[1]) / 2]
    assert steps.losses[6:9] == pytest.approx(hidden), "the encoder's"


def test_critic_and_encoder_see_codes_without_noise() -> None:
    method, batch = small(noise=0.3, autoencoder_lr=0.0), corpus(8)
    codes = [method.encoder(sentences).detach() for sentences in by_style(batch, 2)]
    seen: list[torch.Tensor] = []
    method.critic.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    fit(method, [batch])
    shown = [sum(torch.equal(inputs, of_style) for inputs in seen) for of_style in codes]
    assert shown == [3 + 1, 2], "the critic takes the styles in turn, the encoder's step the first"


def test_a_batch_without_one_style_or_with_another_is_refused() -> None:
    batch = corpus(8)
    with pytest.raises(ValueError, match="each of 2 styles, and of no other; it has 8, 0 of style"):
        by_style(batch._replace(labels=torch.zeros(8, dtype=torch.int64)), 2)
    with pytest.raises(ValueError, match="it has 3, 3, 2 of style"):
        by_style(corpus(8, (1, 2, 7)), 2)
    with pytest.raises(ValueError, match="styles=1: a transfer is between two"):
        small(styles=1)
