"""Language models as discriminators: losses by enumeration and by hand, and a key held exactly."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules.keys import Key, substitution
from tests.methods.ciphers import token_accuracy
from tests.trainer import fit
from textgan_bench.methods import LMDiscriminator
from textgan_bench.methods import lm_discriminator as module
from textgan_bench.methods.lm_discriminator import CIPHER, PLAIN, SoftLanguageModel, joined
from textgan_bench.tokens import PAD, CipherBatch, TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 5, 4
TINY: dict[str, Any] = {"embedding": 3, "style": 4, "content": 6}
Q = torch.tensor([0.05, 0.1, 0.2, 0.4, 0.25]).double()
"""Probability of each symbol under a language model that does not read."""


def exact(**changes: Any) -> LMDiscriminator:
    """In double precision and without dropout."""
    torch.manual_seed(0)
    options = {**TINY, "dropout": 0.0, **changes}
    return LMDiscriminator(VOCAB_SIZE, MAX_LENGTH, **options).double()


@pytest.fixture
def batch() -> CipherBatch:
    plain = pad_sequences([[1, 2, 3], [4]], MAX_LENGTH)
    cipher = pad_sequences([[3, 3], [1, 4, 4, 2]], MAX_LENGTH)
    return CipherBatch(*plain, *cipher)


def one_hots(ids: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(ids, VOCAB_SIZE).double()


def test_a_language_model_is_a_distribution_of_sentences() -> None:
    """The probabilities of all sentences of no to three words sum to one."""
    torch.manual_seed(0)
    model = SoftLanguageModel(VOCAB_SIZE, 3, 6, 0.0).double()
    words = range(1, VOCAB_SIZE)
    every = [s for n in range(4) for s in itertools.product(words, repeat=n)]
    nll = model.nll(pad_sequences(every, 3)).sum(1)
    assert float((-nll).exp().sum().detach()) == pytest.approx(1.0, abs=1e-12)


def test_certain_words_cost_what_words_do() -> None:
    """One-hots have the nats of their words, and the end symbol has none."""
    torch.manual_seed(0)
    model = SoftLanguageModel(VOCAB_SIZE, 3, 6, 0.0).double()
    ids, lengths = pad_sequences([[1, 2, 3], [4], [2, 2, 2, 1]], MAX_LENGTH)
    hard = model.nll(TokenBatch(ids, lengths))
    soft = model.soft_nll(one_hots(ids), lengths)
    words = ids != PAD
    torch.testing.assert_close(soft[words], hard[words])
    assert (soft[~words] == 0).all()
    assert float(hard[1, 1].detach()) > 0


def test_a_distribution_costs_the_mean_of_its_words_where_nothing_follows() -> None:
    torch.manual_seed(0)
    model = SoftLanguageModel(VOCAB_SIZE, 3, 6, 0.0).double()
    share = torch.tensor([0.1, 0.2, 0.3, 0.15, 0.25]).double()
    words = torch.stack([one_hots(torch.tensor(2)), share])[None]  # certain, then not
    last = [
        model.soft_nll(one_hots(torch.tensor([[2, symbol]])), torch.tensor([2]))[0, 1]
        for symbol in range(VOCAB_SIZE)
    ]
    expected = (share * torch.stack(last)).sum()
    torch.testing.assert_close(model.soft_nll(words, torch.tensor([2]))[0, 1], expected)


def blind(method: LMDiscriminator) -> None:
    """Let the language models say Q of each symbol and the generator write by a bias alone."""
    with torch.no_grad():
        for model in method.language_models:
            assert isinstance(model, SoftLanguageModel)
            model.output.weight.zero_()
            model.output.bias.copy_(Q.log())
        method.autoencoder.output.weight.zero_()
        method.autoencoder.output.bias.copy_(torch.tensor([0.0, 2.0, -1.0, 0.5, 1.0]))


@pytest.mark.parametrize("negatives", [0.0, 0.7])
def test_losses_by_hand(
    negatives: float, batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Language models and generator do not read, and the noise is nothing."""
    method = exact(negatives=negatives, temperature=0.6, adversarial_weight=0.5)
    blind(method)
    monkeypatch.setattr(module, "gumbel_noise_like", torch.zeros_like)
    monkeypatch.setattr(LMDiscriminator, "tau", 0.6)
    monkeypatch.setattr(method, "optimizers", lambda: ("autoencoder", "models"))
    losses: dict[Any, float] = {}
    logged: dict[str, Tensor] = {}
    monkeypatch.setattr(
        method, "descend", lambda loss, of: losses.__setitem__(of, float(loss.detach()))
    )
    monkeypatch.setattr(method, "log_losses", logged.update)
    method.training_step(batch, 0)

    sides = [[[1, 2, 3], [4]], [[3, 3], [1, 4, 4, 2]]]
    bias = [float(b) for b in method.autoencoder.output.bias.detach()]
    total = math.log(sum(map(math.exp, bias)))
    log_q = [math.log(float(q)) for q in Q]
    real, reconstruction = 0.0, 0.0
    for side in sides:
        for words in side:
            drawn = words if len(words) == MAX_LENGTH else [*words, PAD]
            real -= sum(log_q[w] for w in drawn) / len(words) / 2
            reconstruction -= sum(bias[w] - total for w in drawn) / 2
    soft = (method.autoencoder.output.bias.detach() / 0.6).softmax(0)
    say = -2 * float(soft @ Q.log())  # each written word of each side has the same
    assert losses["models"] == pytest.approx(real - negatives * say)
    assert losses["autoencoder"] == pytest.approx(reconstruction + 0.5 * say)
    assert float(logged["generator/adversarial"].detach()) == pytest.approx(say)
    assert float(logged["language_model/nll"].detach()) == pytest.approx(real)


def test_what_is_written_of_a_side_is_judged_by_the_other_one(batch: CipherBatch) -> None:
    """As many words as the source; each side weighs the same, each sentence of it, each word."""
    method = exact()
    text = joined(batch)
    written = torch.rand(4, MAX_LENGTH, VOCAB_SIZE).double().softmax(-1)
    expected = torch.zeros(()).double()
    for row, (length, source) in enumerate([(3, PLAIN), (1, PLAIN), (2, CIPHER), (4, CIPHER)]):
        model = method.language_models[1 - source]
        assert isinstance(model, SoftLanguageModel)
        nll = model.soft_nll(written[[row], :length], torch.tensor([length]))
        expected = expected + nll.sum() / length / 2
    torch.testing.assert_close(method.likelihood_of_written(text, written), expected)


def test_slopes_are_finite_differences(batch: CipherBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the adversarial loss, through the Gumbel softmax that G and the language models read."""
    method = exact()
    monkeypatch.setattr(LMDiscriminator, "tau", 0.6)
    text = joined(batch)

    def value() -> Tensor:
        torch.manual_seed(4)
        content = method.autoencoder.encode(text)
        written = method.write_soft(method.autoencoder.start(1 - text.labels, content))
        return method.likelihood_of_written(text, written)

    parameters = dict(method.autoencoder.named_parameters())
    for name in ("words.weight", "encoder.weight_hh_l0", "generator_style.weight", "output.bias"):
        weight = parameters[name]
        (slope,) = torch.autograd.grad(value(), [weight])
        flat = weight.detach().view(-1)
        for place in range(0, len(flat), max(1, len(flat) // 4)):
            step, old = 1e-6, float(flat[place])
            flat[place] = old + step
            high = float(value().detach())
            flat[place] = old - step
            low = float(value().detach())
            flat[place] = old
            expected = (high - low) / (2 * step)
            assert float(slope.view(-1)[place]) == pytest.approx(expected, rel=1e-4, abs=1e-8)


def test_the_language_models_do_not_follow_the_generator(
    batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each player has the gradient of its own loss; without negatives none of what was written."""
    method = exact()
    moved: list[set[str]] = []

    def seen(loss: Tensor, optimizer: Any) -> None:
        method.zero_grad()
        loss.backward()
        named = method.named_parameters()
        moved.append({name.split(".")[0] for name, p in named if p.grad is not None})

    monkeypatch.setattr(LMDiscriminator, "tau", 0.6)
    monkeypatch.setattr(method, "optimizers", lambda: (None, None))
    monkeypatch.setattr(method, "descend", seen)
    monkeypatch.setattr(method, "log_losses", lambda losses: None)
    method.training_step(batch, 0)
    assert moved == [{"language_models"}, {"autoencoder"}]


def test_the_temperature_halves_in_each_epoch(batch: CipherBatch) -> None:
    method = exact(temperature=1.0)
    seen: list[float] = []
    step = method.training_step

    def training_step(batch: CipherBatch, batch_idx: int) -> None:
        seen.append(method.tau)
        step(batch, batch_idx)

    method.training_step = training_step  # type: ignore[method-assign]
    fit(method, [batch], max_epochs=12)
    assert seen == pytest.approx([max(0.5**epoch, 1e-3) for epoch in range(12)])


def hold(method: LMDiscriminator, key: Key) -> None:
    """Make E and G decipher by a key, exactly: E fills a register of words, and G empties it.

    A slot of the content has a channel for each word of each side: 1 where it is the word there, -1
    for other words, 0 in an empty slot. Both push all slots on by one place; the last one that G
    pushes out is the word that it writes. Gates are open or shut by their biases.
    """
    network, slot = method.autoencoder, 2 * VOCAB_SIZE
    hidden, sharp, shut = slot * (MAX_LENGTH + 1), 10.0, 30.0
    for parameter in network.parameters():
        parameter.data.zero_()
    network.words.weight.data.copy_(torch.eye(VOCAB_SIZE))
    network.encoder_style.bias.data[0] = -1.0  # -1 of plain text, 1 of cipher text
    network.encoder_style.weight.data[0] = 2.0
    for cells in (network.encoder, network.generator):
        weight_fed, weight_state, bias_fed, _ = cells.parameters()
        bias_fed.data[:hidden] = shut  # reset: the past is read
        bias_fed.data[hidden : 2 * hidden] = -shut  # update: the new state takes its place
        push = torch.zeros(hidden, hidden)
        for place in range(slot, hidden - slot):
            push[place + slot, place] = sharp  # E fills from the second slot on
        if cells is network.generator:
            push = torch.zeros(hidden, hidden)
            for place in range(slot, hidden):
                push[place - slot, place] = sharp  # G empties into the first
        else:
            push[0, 0] = sharp  # the side is not forgotten
            for side in (PLAIN, CIPHER):
                for word in range(VOCAB_SIZE):
                    row = slot + side * VOCAB_SIZE + word
                    push[row, 0] = sharp * (side - 0.5)
                    weight_fed.data[2 * hidden + row, word] = sharp
                    bias_fed.data[2 * hidden + row] = -sharp
        weight_state.data[2 * hidden :] = push
    plain = key.table.argsort(1)[0]
    for word in range(1, VOCAB_SIZE):
        network.output.weight.data[word, word] = 1.0
        network.output.weight.data[plain[word], VOCAB_SIZE + word] = 1.0
    network.output.weight.data[PAD] = 1.0  # far below 0 but for an empty slot
    network.output.bias.data[PAD] = 0.5


def test_the_exact_key_scores_one_and_a_key_with_errors_what_they_cost() -> None:
    """Through encoder, generator, the test step and the score of the tables."""
    slot = 2 * VOCAB_SIZE
    sizes = {"embedding": VOCAB_SIZE, "style": slot, "content": slot * MAX_LENGTH}
    method = LMDiscriminator(VOCAB_SIZE, MAX_LENGTH, **sizes).eval()
    words = range(1, VOCAB_SIZE)
    every = [s for n in range(1, MAX_LENGTH + 1) for s in itertools.product(words, repeat=n)]
    key = substitution(VOCAB_SIZE)
    plain = pad_sequences(every, MAX_LENGTH)
    test = CipherBatch(*plain, *key.encipher(plain))
    assert not torch.equal(test.ids, test.cipher_ids)
    hold(method, key)
    deciphered = method.test_step(test, 0)["samples"]
    assert torch.equal(deciphered.ids, test.ids)
    assert token_accuracy(deciphered, test.plain) == 1.0

    swapped = key.table.clone()
    swapped[0, [2, 3]] = key.table[0, [3, 2]]
    hold(method, Key(swapped))
    right = ((test.ids != PAD) & (test.ids != 2) & (test.ids != 3)).sum(1) / test.lengths
    accuracy = token_accuracy(method.test_step(test, 0)["samples"], test.plain)
    assert accuracy == pytest.approx(float(right.mean()), abs=1e-6)
    assert accuracy == pytest.approx(0.5)  # two of four words, each as frequent


def test_a_decipherment_hangs_on_its_own_sentence_alone(batch: CipherBatch) -> None:
    method = exact().eval()
    method.autoencoder.output.weight.data.mul_(8)  # so that sentences end at different places
    together = method.test_step(batch, 0)["samples"]
    for row, length in enumerate(batch.cipher_lengths.tolist()):
        alone = TokenBatch(batch.cipher_ids[[row], :length], batch.cipher_lengths[[row]])
        written = method.decipher(alone)
        assert torch.equal(written.ids[0], together.ids[row])
        assert torch.equal(written.lengths[0], together.lengths[row])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="the data have no cipher text"):
        fit(exact().float(), [pad_sequences([[1, 2, 3]], MAX_LENGTH)])
    with pytest.raises(ValueError, match="a temperature is above 0, not 0"):
        exact(temperature=0.0)
