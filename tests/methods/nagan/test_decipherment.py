"""Losses, gradients and noise of the decipherment by hand, and a cipher that it breaks."""

import itertools
import math
from collections.abc import Iterable
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.speed.plain_nagan_decipherment import PlainNAGANDecipherment
from tests.trainer import fit
from textgan_bench.methods import NAGANDecipherment
from textgan_bench.methods.nagan.decipherment import Additions
from textgan_bench.methods.nagan.sides import CIPHER, PLAIN, SIDES, Judge, JudgesApart, Sides
from textgan_bench.networks.packing import rows_of
from textgan_bench.tokens import PAD, CipherBatch, TokenBatch, length_mask, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 6, 5
PLAIN_LENGTHS, CIPHER_LENGTHS = torch.tensor([3, 5, 1]), torch.tensor([4, 2, 2])
TINY: dict[str, Any] = {"width": 8, "blocks": 2, "heads": 2, "feed_forward": 12, "embedding_dim": 6}


def sentences(lengths: Tensor) -> TokenBatch:
    ids = torch.randint(1, VOCAB_SIZE, (len(lengths), MAX_LENGTH))
    return TokenBatch(ids * length_mask(lengths, MAX_LENGTH), lengths)


@pytest.fixture
def batch() -> CipherBatch:
    torch.manual_seed(1)
    return CipherBatch(*sentences(PLAIN_LENGTHS), *sentences(CIPHER_LENGTHS))


@pytest.fixture
def method() -> PlainNAGANDecipherment:
    torch.manual_seed(0)
    options: dict[str, Any] = {"dropout": 0.0, "temperature": 0.7, "drop": 0.0, "shuffle": 0.0}
    return PlainNAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY, **options).double()


def test_losses_and_gradients_are_those_of_one_pass_a_loss_on_one_hots(
    method: PlainNAGANDecipherment, batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same Gumbel noise on both; each sentence has a row of its own for each place."""
    noise = {
        side: 2 * torch.randn(len(PLAIN_LENGTHS), MAX_LENGTH, VOCAB_SIZE - 1).double()
        for side in SIDES
    }
    text = method.sides(batch)
    rows = text.layout.rows(torch.cat([noise[side] for side in SIDES]))
    monkeypatch.setattr(method, "perturb", lambda scores: scores + rows)
    plain_scores = method._scores

    def noisy_scores(words: Tensor, source: int, target: int, mask: Tensor) -> Tensor:
        scores = plain_scores(words, source, target, mask)
        monkeypatch.setattr(method, "gumbel", lambda _: noise[source])
        return scores

    monkeypatch.setattr(method, "_scores", noisy_scores)
    ours, written = method.translator_losses(text)
    ours["discriminator/loss"] = method.discriminator_loss(text, written)
    plain = method.plain_translator_losses(batch)
    plain["discriminator/loss"] = method.plain_discriminator_loss(batch)
    parameters = list(method.parameters())
    for name, loss in ours.items():
        torch.testing.assert_close(loss, plain[name], rtol=1e-12, atol=1e-12)
        one, other = (
            torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
            for value in (loss, plain[name])
        )
        for (label, _), a, b in zip(method.named_parameters(), one, other, strict=True):
            a, b = (torch.zeros(()) if x is None else x for x in (a, b))
            assert float((a - b).abs().max()) < 1e-12, (name, label)


def test_the_discriminator_is_a_distribution_of_sentences(method: PlainNAGANDecipherment) -> None:
    """Of either side: the probabilities of all sentences of three words sum to one."""
    every = torch.tensor(list(itertools.product(range(1, VOCAB_SIZE), repeat=3)))
    layout = rows_of(torch.ones_like(every, dtype=torch.bool))
    table = method.discriminator.table()
    words = layout.rows(every)
    totals = []
    for side in SIDES:
        labels = torch.full((len(every),), side)
        scores = method.discriminator(table[words], table, labels, layout)
        chosen = scores.log_softmax(-1).gather(1, words[:, None] - 1)
        log_probs = layout.pad(chosen.squeeze(1)).sum(1)
        assert float(log_probs.exp().sum().detach()) == pytest.approx(1.0, abs=1e-12)
        totals.append(log_probs)
    assert not torch.allclose(totals[0], totals[1])  # it is told the side


def test_losses_by_hand_where_words_do_not_depend_on_others(
    method: PlainNAGANDecipherment, batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D gives the word w the probability q_w everywhere, G writes the word 2 with the scores b."""
    q = torch.tensor([0.1, 0.2, 0.3, 0.15, 0.25]).double()
    b = torch.tensor([0.0, 3.0, 1.0, -1.0, 0.5]).double()
    with torch.no_grad():
        for output, bias in (
            (cast(Judge, method.discriminator).output, q.log()),
            (method.generator.scores, b),
        ):
            output.weight.zero_()
            output.bias.copy_(bias)
    monkeypatch.setattr(method, "perturb", lambda scores: scores)
    text = method.sides(batch)
    losses, written = method.translator_losses(text)
    assert (written == 2).all()
    sides = [
        [row[:n] for row, n in zip(tokens.ids.tolist(), tokens.lengths.tolist(), strict=True)]
        for tokens in (batch.plain, batch.cipher)
    ]

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    log_p = b.log_softmax(0)
    distance = sum(mean([-sum(float(log_p[w - 1]) for w in row) for row in s]) for s in sides)
    real = sum(mean([mean([-math.log(q[w - 1]) for w in row]) for row in s]) for s in sides)
    assert losses["generator/cycle"].item() == pytest.approx(distance)
    assert losses["generator/reconstruction"].item() == pytest.approx(distance)
    assert losses["generator/adversarial"].item() == pytest.approx(2 * -math.log(0.2))  # eq. 36
    judged = method.discriminator_loss(text, written).item()
    assert judged == pytest.approx(real + 2 * -math.log(1 - 0.2))  # eq. 35


def test_the_adversary_moves_the_generator_to_the_words_that_it_expects(
    method: PlainNAGANDecipherment, batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slope of L_adv at the bias b is that of -softmax(b / tau) log q by finite differences."""
    q = torch.tensor([0.1, 0.2, 0.3, 0.15, 0.25]).double()
    b = torch.tensor([0.0, 3.0, 1.0, -1.0, 0.5]).double()
    with torch.no_grad():
        for output, bias in (
            (cast(Judge, method.discriminator).output, q.log()),
            (method.generator.scores, b),
        ):
            output.weight.zero_()
            output.bias.copy_(bias)
    monkeypatch.setattr(method, "perturb", lambda scores: scores)
    losses, _ = method.translator_losses(method.sides(batch))
    (slope,) = torch.autograd.grad(losses["generator/adversarial"], [method.generator.scores.bias])
    step = 1e-6
    for v in range(len(b)):
        shift = step * torch.eye(len(b)).double()[v]
        high, low = (-2 * torch.softmax((b + s) / 0.7, 0) @ q.log() for s in (shift, -shift))
        assert float(slope[v]) == pytest.approx(float(high - low) / (2 * step), abs=1e-8)


def test_alpha_and_beta_decay_linearly_and_then_the_cycle_is_alone(
    batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    method = NAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY, annealing=4, adversarial=0.3)
    left: list[float] = []
    judges: list[Tensor] = []
    losses: list[set[str]] = []
    weighted = method.weighted

    def seen(of: dict[str, Tensor], share: float, soft: float) -> Tensor:
        left.append(share)
        losses.append(set(of))
        judges.append(cast(Judge, method.discriminator).output.weight.detach().clone())
        return weighted(of, share, soft)

    monkeypatch.setattr(method, "weighted", seen)
    fit(method, [batch] * 6)
    assert left == [1, 0.75, 0.5, 0.25, 0, 0]
    assert losses[3] == {f"generator/{x}" for x in ("cycle", "adversarial", "reconstruction")}
    assert losses[4] == {"generator/cycle"}
    moved = [not torch.equal(a, b) for a, b in itertools.pairwise(judges)]
    assert moved == [True, True, True, True, False]
    parts = {
        "generator/cycle": torch.tensor(5.0),
        "generator/adversarial": torch.tensor(7.0),
        "generator/reconstruction": torch.tensor(11.0),
    }
    assert float(weighted(parts, 0.5, 0)) == pytest.approx(5 + 0.3 * 0.5 * 7 + 0.5 * 11)


def test_a_decipherment_has_the_words_of_its_own_sentence_alone(batch: CipherBatch) -> None:
    """Whatever it is batched with, and as many words as the cipher text."""
    torch.manual_seed(0)
    method = NAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY).eval()
    together = method.test_step(batch, 0)["samples"]
    assert torch.equal(together.lengths, batch.cipher_lengths)
    assert torch.equal(together.ids != PAD, length_mask(together.lengths, MAX_LENGTH))
    for row, length in enumerate(batch.cipher_lengths.tolist()):
        alone = TokenBatch(batch.cipher_ids[[row], :length], batch.cipher_lengths[[row]])
        written = method.decipher(alone)
        assert torch.equal(written.ids[0], together.ids[row, :length])


def test_cipher_words_are_numbered_by_their_ranks_in_each_alphabet() -> None:
    """The most frequent plain word is 3; x is the most frequent at even places, y at odd ones."""
    torch.manual_seed(0)
    plain, cipher = pad_sequences([[3, 3, 3, 1, 1, 2]]), pad_sequences([[1, 2, 1, 2, 3, 3]])
    method = NAGANDecipherment(4, 6, **TINY, additions=Additions(ranks=2))
    unnumbered = NAGANDecipherment(4, 6, **TINY)
    batch = CipherBatch(*plain, *cipher)
    assert torch.equal(unnumbered.sides(batch).ids, torch.cat([plain.ids, cipher.ids]))
    for one in (method, unnumbered):
        fit(one, [batch] * 2)
    assert method.numbering.tolist() == [[0, 3, 2, 1], [0, 2, 3, 1]]
    assert unnumbered.numbering.tolist() == [[0, 1, 2, 3]]
    assert method.sides(batch).ids.tolist() == [plain.ids[0].tolist(), [3, 3, 3, 3, 1, 1]]
    # A decipherment reads the same numbers, and those of plain words are their own.
    again = NAGANDecipherment(4, 6, **TINY, additions=Additions(ranks=2))
    again.load_state_dict(method.state_dict())
    again.numbering.copy_(torch.arange(4).repeat(2, 1))
    renumbered = TokenBatch(method.sides(batch).ids[1:], cipher.lengths)
    assert torch.equal(method.eval().decipher(cipher).ids, again.eval().decipher(renumbered).ids)


def test_judges_apart_see_their_own_side_alone(batch: CipherBatch) -> None:
    """Each has the logits that it has of its sentences without the other, and no gradient else."""
    torch.manual_seed(0)
    method = NAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY, additions=Additions(apart=True))
    judges = cast(JudgesApart, method.discriminator)
    text = method.sides(batch)
    table = judges.table()
    words = text.words
    together = judges(F.embedding(words, table), table, text.labels, text.layout)
    for side, judge in enumerate(cast("Iterable[Judge]", judges.judges)):
        mask = text.layout.mask[text.labels == side]
        layout = rows_of(mask)
        own = layout.rows(text.ids[text.labels == side])
        alone = judge(judge.table()[own], judge.table(), text.labels[text.labels == side], layout)
        of_side = text.layout.rows(text.labels[:, None].expand(text.ids.shape)) == side
        torch.testing.assert_close(together[of_side], alone)
        loss = together[of_side].square().sum()
        gradients = torch.autograd.grad(
            loss, list(judges.parameters()), retain_graph=True, allow_unused=True
        )
        moved = {
            name.split(".")[1]
            for (name, _), gradient in zip(judges.named_parameters(), gradients, strict=True)
            if gradient is not None and gradient.abs().sum() > 0
        }
        assert moved == {str(side)}


@pytest.mark.parametrize("context", [False, True])
def test_without_context_a_word_is_deciphered_by_itself_and_its_place(context: bool) -> None:
    torch.manual_seed(0)
    additions = Additions(context=context, alphabets=1)
    method = NAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY, additions=additions).eval()
    sides = torch.ones(2, dtype=torch.int64)
    layout = rows_of(torch.ones(2, 4, dtype=torch.bool))
    ids = torch.tensor([[1, 2, 3, 4], [5, 2, 1, 4]])
    states = method.read(method.table()[ids.flatten()], sides, layout)
    one, other = layout.pad(method.write(states, 1 - sides, layout))
    alike = [torch.allclose(a, b, atol=1e-6) for a, b in zip(one, other, strict=True)]
    assert alike == ([False] * 4 if context else [False, True, False, True])


def test_own_words_start_alike_and_learn_apart(batch: CipherBatch) -> None:
    torch.manual_seed(0)
    additions = Additions(alphabets=1)
    method = NAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY, additions=additions)
    plain, cipher = method.table().chunk(2, 1)
    assert torch.equal(plain, cipher)
    fit(method, [batch] * 3)
    plain, cipher = method.table().chunk(2, 1)
    assert not torch.allclose(plain, cipher)
    assert not torch.allclose(
        method.generator.scores.weight, cast(nn.Linear, method.cipher_scores[0]).weight
    )


def test_each_alphabet_has_words_of_its_own(batch: CipherBatch) -> None:
    """Of two alphabets, what is learnt of the second one moves the odd places alone."""
    torch.manual_seed(0)
    additions = Additions(context=False, alphabets=2)
    method = NAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY, dropout=0.0, additions=additions)
    text = method.sides(batch)
    mask = text.layout.mask
    places = torch.arange(mask.shape[1]).expand(mask.shape)
    number = torch.where(text.labels[:, None] == PLAIN, 0, 1 + places % 2)[mask]
    found = method.places_of_alphabets(text.labels, text.layout)
    assert [rows.tolist() for rows in found] == [
        (number == each).nonzero().flatten().tolist() for each in range(3)
    ]

    def written() -> tuple[Tensor, Tensor]:
        words = F.embedding(text.words, method.table())
        states = method.read(words, text.labels, text.layout)
        return states, method.write(states, 1 - text.labels, text.layout)

    before = written()
    with torch.no_grad():
        cast(nn.Embedding, method.cipher_words[1]).weight.add_(1)
    of_second = number == 2
    moved = (written()[0] - before[0]).abs().sum(-1) > 1e-6
    assert torch.equal(moved, of_second)
    # What is written in the second alphabet are translations of plain words at odd places.
    before = written()
    with torch.no_grad():
        cast(nn.Linear, method.cipher_scores[1]).bias.add_(torch.arange(VOCAB_SIZE - 1.0))
    moved = (written()[1] - before[1]).abs().sum(-1) > 1e-6
    assert torch.equal(moved, (number == 0) & (places[mask] % 2 == 1))


def test_words_are_as_frequent_as_those_of_the_alphabet_of_their_place() -> None:
    torch.manual_seed(0)
    plain = pad_sequences([[1, 1, 1, 1, 2, 2]])
    cipher = pad_sequences([[3, 1, 3, 1, 1, 3]])  # 3 3 1 and 1 1 3
    additions = Additions(pretraining=1, closeness=0.2, alphabets=2)
    method = NAGANDecipherment(4, 6, **TINY, additions=additions)
    batch = CipherBatch(*plain, *cipher)
    fit(method, [batch])
    assert method.counts.tolist() == [[4, 2, 0], [1, 0, 2], [2, 0, 1]]
    likeliest = method.as_frequent(method.sides(batch)).argmax(-1) + PAD + 1
    assert likeliest.tolist() == [3, 1, 3, 1, 3, 1] + [1] * 6


def test_pretraining_translates_nothing(
    batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    additions = Additions(pretraining=2)
    method = NAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY, additions=additions, annealing=2)
    phases: list[str] = []
    left: list[float] = []
    weighted, pretrain = method.weighted, method.pretraining_losses

    def in_game(of: dict[str, Tensor], share: float, soft: float) -> Tensor:
        phases.append(method.phase)
        left.append(share)
        return weighted(of, share, soft)

    def before(of: Sides) -> dict[str, Tensor]:
        phases.append(method.phase)
        return pretrain(of)

    monkeypatch.setattr(method, "weighted", in_game)
    monkeypatch.setattr(method, "pretraining_losses", before)
    fit(method, [batch] * 5)
    assert phases == ["pretraining"] * 2 + ["game"] * 3
    assert left == [1, 0.5, 0]


def test_pretraining_has_the_reconstruction_and_the_first_term_of_the_discriminator(
    method: PlainNAGANDecipherment, batch: CipherBatch
) -> None:
    losses = method.pretraining_losses(method.sides(batch))
    reconstruction = method.plain_translator_losses(batch)["generator/reconstruction"]
    torch.testing.assert_close(losses["generator/reconstruction"], reconstruction)
    nll = torch.zeros(()).double()
    for side, tokens in ((PLAIN, batch.plain), (CIPHER, batch.cipher)):
        mask = length_mask(tokens.lengths, MAX_LENGTH)
        log_probs = method._log_probs(method._one_hot(tokens.ids), side, mask)
        nll -= (log_probs.sum(1) / tokens.lengths).mean().detach()
    torch.testing.assert_close(method.likelihood_loss(method.sides(batch)).detach(), nll)


def test_pretraining_teaches_words_of_about_the_same_frequency() -> None:
    """Of 8, 2 and 2 plain words: a cipher word seen 8 times stands for the first by the formula."""
    torch.manual_seed(0)
    plain = pad_sequences([[1] * 8 + [2] * 2 + [3] * 2])
    cipher = pad_sequences([[3] * 8 + [1] * 3 + [2]])
    additions = Additions(pretraining=1, closeness=0.2)
    method = NAGANDecipherment(4, 12, **TINY, dropout=0.0, additions=additions)
    batch = CipherBatch(*plain, *cipher)
    fit(method, [batch])
    assert method.counts.tolist() == [[8, 2, 2], [3, 1, 8]]
    text = method.sides(batch)
    known = method.as_frequent(text)
    rows = {PLAIN: known[:12], CIPHER: known[12:]}
    for side, own, others in (
        (PLAIN, [8.5] * 8 + [2.5] * 4, [3.5, 1.5, 8.5]),
        (CIPHER, [8.5] * 8 + [3.5] * 3 + [1.5], [8.5, 2.5, 2.5]),
    ):
        for found, seen in zip(rows[side], own, strict=True):
            weights = [
                other
                * math.exp(-(math.log(seen / other) ** 2) / (2 * (0.2**2 + 1 / seen + 1 / other)))
                for other in others
            ]
            expected = [math.log(weight / sum(weights)) for weight in weights]
            assert found.tolist() == pytest.approx(expected, rel=1e-5)

    states = method.read(F.embedding(text.words, method.table()), text.labels, text.layout)
    scores = method.write(states, 1 - text.labels, text.layout)
    by_hand = (known.exp() * (known - scores.log_softmax(-1))).sum()
    losses = method.pretraining_losses(text)
    torch.testing.assert_close(losses["generator/closeness"], by_hand)


def test_entropy_is_that_of_translations_and_fades(
    batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    additions = Additions(entropy=0.5, softness=2)
    options: dict[str, Any] = {"adversarial": 0.3, "annealing": 10, "additions": additions}
    method = NAGANDecipherment(VOCAB_SIZE, MAX_LENGTH, **TINY, dropout=0.0, **options)
    text = method.sides(batch)
    states = method.read(F.embedding(text.words, method.table()), text.labels, text.layout)
    scores = method.write(states, 1 - text.labels, text.layout)
    entropies = torch.distributions.Categorical(logits=scores).entropy()
    lengths = torch.cat([PLAIN_LENGTHS, CIPHER_LENGTHS]).tolist()
    means = torch.stack([words.mean() for words in entropies.split(lengths)])
    expected = means[: len(PLAIN_LENGTHS)].mean() + means[len(PLAIN_LENGTHS) :].mean()
    losses, _ = method.translator_losses(text)
    torch.testing.assert_close(losses["generator/entropy"], expected)

    left: list[float] = []
    weighted = method.weighted

    def seen(of: dict[str, Tensor], share: float, soft: float) -> Tensor:
        left.append(soft)
        return weighted(of, share, soft)

    monkeypatch.setattr(method, "weighted", seen)
    fit(method, [batch] * 4)
    assert left == [1, 0.5, 0, 0]
    parts = {"generator/cycle": torch.tensor(5.0), "generator/entropy": torch.tensor(2.0)}
    assert float(weighted(parts, 0.8, 0.25)) == pytest.approx(5 - 0.3 * 0.8 * 0.5 * 0.25 * 2)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="the data have no cipher text"):
        fit(NAGANDecipherment(4, 3, **TINY), [pad_sequences([[1, 2, 3]])])
    with pytest.raises(ValueError, match=r"drop is a probability, not 1.5"):
        NAGANDecipherment(4, 3, **TINY, drop=1.5)
    with pytest.raises(ValueError, match=r"shuffle is a number of places of at least 0, not -1"):
        NAGANDecipherment(4, 3, **TINY, shuffle=-1.0)
    with pytest.raises(ValueError, match="a period of at least 1, not 0"):
        Additions(ranks=0)
    with pytest.raises(ValueError, match="pretraining takes 0 batches or more, not -1"):
        Additions(pretraining=-1)
    with pytest.raises(ValueError, match="a spread is above 0, not 0"):
        Additions(pretraining=1, closeness=0.0)
    with pytest.raises(ValueError, match="closeness is taught in pretraining"):
        Additions(closeness=0.2)
    with pytest.raises(ValueError, match=r"at least 1 batch, not 0.3 in 0"):
        Additions(entropy=0.3, softness=0)
    with pytest.raises(ValueError, match=r"annealing takes at least 1 batch, not 0"):
        NAGANDecipherment(4, 3, **TINY, annealing=0)
