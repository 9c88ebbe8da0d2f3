"""Losses of the deep latent sequence model by enumeration, by one-hots and by a plain loop.

The language has two words and at most two of them, so that all seven sentences can be listed.
"""

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.trainer import fit, loader, trainer
from textgan_bench.methods import UNMT, DeepLatentSequence
from textgan_bench.methods.latent_sequence import OBJECTIVE, Prior
from textgan_bench.networks import attentional_translator
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.tokens import PAD, CipherBatch, TokenBatch, TransferBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 3, 2
SENTENCES: list[tuple[int, ...]] = [(), *product((1, 2)), *product((1, 2), repeat=2)]
ONCE = Pretraining(likelihood=1)
SMALL: dict[str, Any] = {"embedding": 3, "hidden": 4, "dropout": 0.0, "annealing": 10}


def every() -> TokenBatch:
    return pad_sequences(SENTENCES, MAX_LENGTH)


def rewritten(source: tuple[int, ...], n: int, label: int = 0) -> TransferBatch:
    """``n`` times a sentence that is to have the other style."""
    labels = torch.full((n,), label)
    return TransferBatch(*pad_sequences([source] * n, MAX_LENGTH), labels, 1 - labels)


def bold(method: DeepLatentSequence | UNMT) -> None:
    """Weights far from those of the start, at which all sentences are alike."""
    torch.manual_seed(5)
    for weight in method.parameters():
        torch.nn.init.normal_(weight, std=0.8)


@pytest.fixture
def method() -> DeepLatentSequence:
    built = DeepLatentSequence(VOCAB_SIZE, MAX_LENGTH, pretraining=ONCE, **SMALL)
    bold(built)
    return built.double().eval()


def prior_of(method: DeepLatentSequence, style: int) -> Prior:
    return cast(Prior, method.priors[style])


def log_q(method: DeepLatentSequence | UNMT, source: tuple[int, ...], style: int) -> Tensor:
    """(7,) log q(z | x) of all sentences."""
    read = method.translator.read(pad_sequences([source] * len(SENTENCES), MAX_LENGTH))
    return -method.translator.teach(read, torch.full((len(SENTENCES),), style), every()).sum(1)


def test_translations_of_a_sentence_are_a_distribution(method: DeepLatentSequence) -> None:
    totals = [log_q(method, source, style) for source in SENTENCES for style in (0, 1)]
    for log_probs in totals:
        assert float(log_probs.exp().sum()) == pytest.approx(1.0, abs=1e-12)
    assert not torch.allclose(totals[0], totals[1])  # it is told the style
    assert not torch.allclose(totals[0], totals[2])  # and reads the sentence


@pytest.mark.parametrize("label", [0, 1])
def test_the_divergence_is_that_of_all_translations(method: DeepLatentSequence, label: int) -> None:
    """Each over its symbols, as both terms of a sentence are divided by them."""
    n, target = 60_000, 1 - label
    with torch.no_grad():
        q = log_q(method, (2, 1), target)
        p = -prior_of(method, target)(every()).sum(1)
        symbols = method.symbols(every().lengths)
        expected = float((q.exp() * (q - p) / symbols).sum())
        batch = rewritten((2, 1), n, label)
        torch.manual_seed(2)
        found = method.divergence(method.translator.read(batch), batch)
    error = float(found.std()) / math.sqrt(n)
    assert abs(float(found.mean()) - expected) < 4 * error < 0.05


def test_drawn_translations_have_their_probabilities(method: DeepLatentSequence) -> None:
    n = 60_000
    with torch.no_grad():
        batch = rewritten((1,), n)
        read = method.translator.read(batch)
        torch.manual_seed(3)
        words = method.translator.relax(read, batch.targets, torch.zeros(VOCAB_SIZE, 1)).words
        q = log_q(method, (1,), 1).exp()
    rows = zip(words.ids.tolist(), words.lengths.tolist(), strict=True)
    found = [SENTENCES.index(tuple(row[:length])) for row, length in rows]
    shares = torch.bincount(torch.tensor(found), minlength=len(SENTENCES)) / n
    torch.testing.assert_close(shares.double(), q, atol=0.01, rtol=0)


def plain_divergence(method: DeepLatentSequence, batch: TransferBatch, noise: Tensor) -> Tensor:
    """KL of one draw a sentence, sentence by sentence, on one-hots of the straight-through kind."""
    net, found = method.translator, []
    for row in range(len(batch.ids)):
        one = TokenBatch(batch.ids[row : row + 1], batch.lengths[row : row + 1])
        prior = prior_of(method, int(batch.targets[row]))
        read = net.read(one)
        place, vectors = net.start(read), net.styles(batch.targets[row : row + 1])
        before = prior.embedding.weight[PAD][None]
        state = prior.start(1)
        total, symbols = torch.zeros((), dtype=torch.float64), 0
        for t in range(MAX_LENGTH):
            prediction, place = net.step(read, place, vectors)
            scores = net.output(prediction)
            soft = (scores + noise[row : row + 1, t]).softmax(1)
            hard = F.one_hot(soft.argmax(1), VOCAB_SIZE).double()
            word = hard - soft.detach() + soft
            _, (hidden, cell) = prior.cells(before[:, None], tuple(x[None] for x in state))
            state = (hidden[0], cell[0])
            log_p = prior.output(hidden[0]).log_softmax(1)
            total = total + (word * (scores.log_softmax(1) - log_p)).sum()
            symbols += 1
            if int(hard.argmax()) == PAD:
                break
            vectors = word @ net.words.weight[:VOCAB_SIZE]
            before = word @ prior.embedding.weight
        found.append(total / symbols)
    return torch.stack(found)


def test_gradients_of_the_divergence_are_those_of_one_hots(method: DeepLatentSequence) -> None:
    torch.manual_seed(4)
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1])
    batch = TransferBatch(*every(), labels, 1 - labels)
    noise = torch.distributions.Gumbel(0.0, 1.0).sample((7, MAX_LENGTH, VOCAB_SIZE)).double()
    with (
        patch.object(attentional_translator, "gumbel_noise_like", lambda _: noise),
        method.frozen(method.priors),
    ):
        ours = method.divergence(method.translator.read(batch), batch)
    plain = plain_divergence(method, batch, noise)
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)
    parameters = list(method.translator.parameters())
    weights = torch.arange(1.0, 8.0).double()
    gradients = [
        torch.autograd.grad((weights * values).sum(), parameters) for values in (ours, plain)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
        assert one.abs().max() > 0


def plain_nll(method: UNMT, source: list[int], style: int, words: list[int]) -> list[float]:
    """NLL of each symbol, by the equations, one sentence and one number at a time."""
    net = method.translator
    table = net.words.weight
    read = [PAD, *source, PAD]
    states = []
    cells = []
    for order, suffix in ((range(len(read)), ""), (reversed(range(len(read))), "_reverse")):
        weights = [
            getattr(net.encoder, f"{name}_l0{suffix}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        h = c = torch.zeros(4).double()
        of_direction: dict[int, Tensor] = {}
        for place in order:
            h, c = lstm(table[read[place]], h, c, *weights)
            of_direction[place] = h
        states.append([of_direction[place] for place in range(len(read))])
        cells.append(c)
    values = [torch.cat(pair) for pair in zip(*states, strict=True)]
    half = method.translator.pooling // 2
    values = [
        torch.stack(values[max(0, place - half) : place + half + 1]).amax(0)
        for place in range(len(values))
    ]
    c = net.bridge.weight @ torch.cat(cells)
    h, context = c.tanh(), torch.zeros(8).double()
    before, found = net.styles.weight[style], []
    cell = net.decoder
    for symbol in [*words, PAD][:MAX_LENGTH]:
        h, c = lstm(
            torch.cat([before, context]),
            h,
            c,
            *(cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh),
        )
        query = net.query.weight @ h + net.query.bias
        energies = [
            math.exp(float(net.energy.weight[0] @ (net.keys.weight @ value + query).tanh()))
            for value in values
        ]
        shares = torch.tensor(energies, dtype=torch.float64) / sum(energies)
        context = shares @ torch.stack(values)
        prediction = (net.readout.weight @ torch.cat([h, context])).tanh()
        found.append(-float((net.output.weight @ prediction).log_softmax(0)[symbol]))
        before = table[symbol]
    return found


def lstm(
    fed: Tensor, h: Tensor, c: Tensor, weight_fed: Tensor, weight_h: Tensor, *biases: Tensor
) -> tuple[Tensor, Tensor]:
    """One step by the equations that PyTorch's documentation has."""
    gates = weight_fed @ fed + weight_h @ h + sum(biases)
    update, forget, new, out = gates.chunk(4)
    c = forget.sigmoid() * c + update.sigmoid() * new.tanh()
    return out.sigmoid() * c.tanh(), c


@pytest.mark.parametrize("pooling", [1, 3])
def test_losses_of_rewriting_are_those_of_a_plain_loop(pooling: int) -> None:
    method = UNMT(
        VOCAB_SIZE, MAX_LENGTH, pooling=pooling, drop=0.0, blank=0.0, shuffle=0.0, **SMALL
    )
    bold(method)
    method.double().eval()
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1])
    text = TransferBatch(*every(), labels, 1 - labels)
    with torch.no_grad():
        losses = method.losses(text, 0.5)
        back, self_, likeliest = [], [], []
        for source, label in zip(SENTENCES, labels.tolist(), strict=True):
            words: list[int] = []
            while len(words) < MAX_LENGTH:  # the likeliest word, given those before
                nlls = [
                    plain_nll(method, [*source], 1 - label, [*words, w])[len(words)] for w in (1, 2)
                ]
                end = plain_nll(method, [*source], 1 - label, words)[len(words)]
                if end < min(nlls):
                    break
                words.append(1 + nlls.index(min(nlls)))
            likeliest.append(words)
            back.append(plain_nll(method, words, label, [*source]))
            self_.append(plain_nll(method, [*source], label, [*source]))
    assert len({tuple(words) for words in likeliest}) > 1
    for name, rows in (("translator/back", back), ("translator/self", self_)):
        expected = sum(sum(row) / len(row) for row in rows) / len(rows)
        assert float(losses[name]) == pytest.approx(expected, rel=1e-10), name
    assert float(method.objective(losses, 0.5)) == pytest.approx(
        float(losses["translator/back"]) + 0.5 * float(losses["translator/self"])
    )


def test_no_gradient_passes_through_the_likeliest_words() -> None:
    """That of L_back is that of finite differences with the words left as they are."""
    method = UNMT(VOCAB_SIZE, MAX_LENGTH, **SMALL)
    bold(method)
    method.double().eval()
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1])
    text = TransferBatch(*every(), labels, 1 - labels)
    (loss,) = method.losses(text, 0.0).values()
    loss.backward()
    with torch.no_grad():
        words = method.translator.translate(method.translator.read(text), text.targets)
    with torch.no_grad(), patch.object(method.translator, "translate", lambda *_: words):
        for name, weight in method.translator.named_parameters():
            assert weight.grad is not None, name
            index = int(weight.grad.abs().argmax())
            flat, values = weight.view(-1), []
            for shift in (1e-6, -2e-6):
                flat[index] += shift
                values.append(float(method.losses(text, 0.0)["translator/back"]))
            flat[index] += 1e-6
            slope = (values[0] - values[1]) / 2e-6
            assert float(weight.grad.view(-1)[index]) == pytest.approx(slope, rel=1e-5), name


def test_the_bound_lies_below_the_likelihood_and_meets_it(method: DeepLatentSequence) -> None:
    """E_q log p(x | z) - KL of sums is log p(x) minus KL(q || p(z | x)), by enumeration."""
    x, label, target = (2,), 0, 1
    with torch.no_grad():
        q = log_q(method, x, target)
        p_z = -prior_of(method, target)(every()).sum(1)
        read = method.translator.read(every())
        taught = pad_sequences([x] * len(SENTENCES), MAX_LENGTH)
        p_x = -method.translator.teach(read, torch.full((7,), label), taught).sum(1)
        bound = (q.exp() * (p_x + p_z - q)).sum()
        evidence = (p_x + p_z).logsumexp(0)
        posterior = p_x + p_z - evidence
        gap = (q.exp() * (q - posterior)).sum()
    assert float(p_z.exp().sum()) == pytest.approx(1.0)
    assert float(gap) > 0
    assert float(evidence - bound) == pytest.approx(float(gap))


def test_padding_changes_no_loss(method: DeepLatentSequence) -> None:
    """Sentences have the losses of batches of their own."""
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1])
    text = TransferBatch(*every(), labels, 1 - labels)
    noise = torch.randn(7, MAX_LENGTH, VOCAB_SIZE).double()
    with torch.no_grad():
        with patch.object(attentional_translator, "gumbel_noise_like", lambda _: noise):
            together = method.divergence(method.translator.read(text), text)
        for row in range(7):
            one = TransferBatch(*(column[row : row + 1] for column in text))
            own = noise[row : row + 1]
            with patch.object(attentional_translator, "gumbel_noise_like", lambda _, own=own: own):
                alone = method.divergence(method.translator.read(one), one)
            assert float(alone) == pytest.approx(float(together[row]), rel=1e-12)


def test_priors_learn_the_text_of_their_styles_alone(method: DeepLatentSequence) -> None:
    """Their loss is the mean over styles of NLL a symbol, of a loop over sentences."""
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1])
    text = TransferBatch(*every(), labels, 1 - labels)
    expected = 0.0
    for style in (0, 1):
        rows = [row for row in range(7) if labels[row] == style]
        nll = sum(
            float(prior_of(method, style)(pad_sequences([SENTENCES[row]], 2)).sum()) for row in rows
        )
        expected += nll / sum(min(len(SENTENCES[row]) + 1, 2) for row in rows) / 2
    assert float(method.prior_loss(text)) == pytest.approx(expected)


@pytest.mark.parametrize("cipher", [False, True])
def test_phases_move_one_player_each(cipher: bool) -> None:
    """First the priors, then the translator; two batches of each."""
    method = DeepLatentSequence(
        VOCAB_SIZE, MAX_LENGTH, pretraining=Pretraining(likelihood=2), **SMALL
    )
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1])
    batch: Any = TransferBatch(*every(), labels, 1 - labels)
    if cipher:
        batch = CipherBatch(*every(), *every())
    seen: list[tuple[str, bool, set[str]]] = []

    def step() -> dict[str, Tensor]:
        return {name: weight.detach().clone() for name, weight in method.named_parameters()}

    original: Callable[..., None] = method.training_step

    def watched(*arguments: Any) -> None:
        before = step()
        original(*arguments)
        moved = {n.split(".")[0] for n, w in step().items() if not torch.equal(w, before[n])}
        seen.append((method.phase, method.updates_generator, moved))

    with patch.object(method, "training_step", watched):
        fit(method, [batch] * 4)
    assert seen == [("likelihood", False, {"priors"})] * 2 + [("game", True, {"translator"})] * 2


def test_the_weight_of_denoising_decays_from_the_first_translation_on() -> None:
    method = DeepLatentSequence(
        VOCAB_SIZE, MAX_LENGTH, pretraining=Pretraining(likelihood=2), **SMALL | {"annealing": 4}
    )
    lefts: list[float] = []
    losses = method.losses

    def noted(text: TransferBatch, left: float) -> dict[str, Tensor]:
        lefts.append(left)
        found = losses(text, left)
        assert ("translator/self" in found) == (left > 0)
        return found

    with patch.object(method, "losses", noted):
        fit(method, [rewritten((1, 2), 4)] * 8)
    assert lefts == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_the_learning_rate_is_halved_after_each_validation_that_is_not_the_best(
    tmp_path: Path,
) -> None:
    """Those of the priors do not count, and an interruption, after the fourth, forgets none."""
    values = iter([1.0, 3.0, 4.0, 2.0, 2.5, 2.4])
    rates: list[float] = []
    batch = rewritten((1,), 2)

    def train(epochs: int, start: Path | None) -> None:
        method = DeepLatentSequence(VOCAB_SIZE, MAX_LENGTH, pretraining=ONCE, **SMALL)
        run = trainer(max_epochs=epochs, num_sanity_val_steps=0)

        def validated(*_: Any) -> dict[str, TokenBatch]:
            method.log(OBJECTIVE, torch.tensor(next(values)), batch_size=1)
            return {"samples": method.rewrite(batch)}

        halve = method.on_validation_epoch_end

        def halved() -> None:
            halve()
            rates.append(run.optimizers[0].param_groups[0]["lr"])

        with (
            patch.object(method, "validation_step", validated),
            patch.object(method, "on_validation_epoch_end", halved),
        ):
            run.fit(method, loader([batch]), loader([batch]), ckpt_path=start)
        run.save_checkpoint(tmp_path / "last.ckpt")

    train(4, None)
    train(6, tmp_path / "last.ckpt")
    assert rates == [1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4, 1.25e-4]


def test_what_cannot_be_is_refused_in_a_line() -> None:
    text = every()
    for batch, message in (
        (text, "neither styles nor cipher text: .* DATA=yelp-transfer or DATA=yelp-wordsub"),
        (TransferBatch(*text, torch.full((7,), 2), torch.zeros(7).long()), "style 2 is none of 2"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(UNMT(VOCAB_SIZE, MAX_LENGTH, **SMALL), [batch])
    for options, message in (
        ({"styles": 1}, "styles=1: a transfer is between two at least"),
        ({"annealing": 0}, "annealing takes at least 1 batch, not 0"),
        ({"pooling": 2}, "pooling=2: of an odd number"),
        ({"dropout": 1.0}, "a rate of dropout is at least 0 and less than 1, not 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            UNMT(VOCAB_SIZE, MAX_LENGTH, **SMALL | options)
    for pretraining in (Pretraining(), Pretraining(likelihood=1, discriminator=1)):
        with pytest.raises(ValueError, match="the priors are language models"):
            DeepLatentSequence(VOCAB_SIZE, MAX_LENGTH, pretraining=pretraining, **SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [UNMT, DeepLatentSequence])
def test_the_style_is_changed_and_the_content_kept(kind: type[UNMT | DeepLatentSequence]) -> None:
    options: dict[str, Any] = {"embedding": 16, "hidden": 32, "dropout": 0.0, "shuffle": 0.0}
    options |= {"annealing": 400, "lr": 5e-3}
    if kind is DeepLatentSequence:
        options |= {"pretraining": Pretraining(likelihood=100), "prior_lr": 1e-2, "kl": 0.1}
    torch.manual_seed(0)
    method = kind(8, 4, **options)
    fit(method, [styled(64) for _ in range(700)])
    method.eval()
    batch = styled(500)
    ids, lengths = method.rewrite(batch)
    assert (ids[:, 0] == batch.targets + 1).float().mean() > 0.95
    assert (ids[:, 1:3] == batch.ids[:, 1:3]).float().mean() > 0.9, "a quarter is chance"
    assert (lengths == 3).float().mean() > 0.95


def styled(n: int) -> TransferBatch:
    """A word that tells the style, 1 or 2, and two of four others."""
    labels = torch.randint(2, (n,))
    ids = torch.cat([labels[:, None] + 1, torch.randint(3, 7, (n, 2)), torch.zeros(n, 1).long()], 1)
    return TransferBatch(ids, torch.full((n,), 3), labels, 1 - labels)
