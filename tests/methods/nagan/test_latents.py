"""What NAGAN says of its latents: they determine a sentence, and the relaxed words follow them."""

import pytest
import torch
from torch.autograd import gradcheck

from tests.methods.nagan.test_method import MAX_LENGTH, VOCAB_SIZE, small
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Latents, LatentWriter, WordwiseWriter
from textgan_bench.methods import FMGAN, NAGAN
from textgan_bench.tokens import PAD, length_mask


def model() -> NAGAN:
    method = small(temperature=0.5).eval()
    method.length_counts[[2, 4, 5]] = 1
    with torch.no_grad():
        method.average.scores.weight.mul_(5)  # words that differ
    return method


def test_samples_without_dropout_follow_from_latents_alone() -> None:
    method = model()
    assert isinstance(method, WordwiseWriter)
    torch.manual_seed(1)
    sampled = method.sample(40, dropout=0.0)
    torch.manual_seed(1)
    latents = method.draw_latents(40)
    written = method.write_latents(latents)
    assert torch.equal(written.ids, sampled.ids)
    assert torch.equal(written.lengths, sampled.lengths)
    alone = [
        method.write_latents(Latents(latents.z[i : i + 1], latents.counts[i : i + 1])).ids
        for i in range(40)
    ]
    assert torch.equal(torch.cat(alone), written.ids)


def test_relaxed_words_are_the_softmax_of_scores_at_the_temperature() -> None:
    method = model().double()
    latents = method.draw_latents(6)
    mask = length_mask(latents.counts, latents.z.shape[1])
    ids = torch.randint(1, VOCAB_SIZE, mask.shape) * mask
    entries, written = method.relax_latents(latents, ids)
    assert not entries[~mask].any()
    for i, length in enumerate(latents.counts.tolist()):
        whole = torch.ones(1, length, dtype=torch.bool)
        scores = method.average(latents.z[i : i + 1, :length], whole, 0.0) / 0.5
        logs = scores - scores.exp().sum(-1, keepdim=True).log()
        expected = logs.exp()[torch.arange(length), ids[i, :length] - PAD - 1]
        torch.testing.assert_close(entries[i, :length], expected)
    assert torch.equal(written.ids, method.write_latents(latents).ids[:, : mask.shape[1]])


def test_relaxed_words_have_the_gradient_of_differences() -> None:
    method = model().double()
    latents = method.draw_latents(2)
    mask = length_mask(latents.counts, latents.z.shape[1])
    ids = torch.randint(1, VOCAB_SIZE, mask.shape) * mask
    z = latents.z.clone().requires_grad_()
    assert gradcheck(lambda z: method.relax_latents(Latents(z, latents.counts), ids)[0], (z,))


def test_layers_end_at_the_state_that_words_are_scored_from() -> None:
    method = model()
    latents = method.draw_latents(3, MAX_LENGTH)
    first, *_, last = states = method.layers_of(latents)
    assert len(states) == 1 + len(method.average.blocks)
    mask = torch.ones(3, MAX_LENGTH, dtype=torch.bool)
    scores = method.average(latents.z, mask, 0.0)
    torch.testing.assert_close(method.average.scores(last).flatten(0, 1), scores)
    network = method.average
    expected = network.latents(network.input_scale * latents.z) + network.positions
    torch.testing.assert_close(first, expected)


def test_what_has_no_latent_a_word_is_refused() -> None:
    method = small(generator="autoregressive_soft")
    method.length_counts[4] = 1
    with pytest.raises(UserError, match="no latent a word"):
        method.draw_latents(2)
    with pytest.raises(UserError, match="1 to 6 words, not 7"):
        model().draw_latents(2, MAX_LENGTH + 1)
    with pytest.raises(UserError, match="lengths"):
        small().draw_latents(2)


def test_fmgan_writes_from_one_latent_a_sentence() -> None:
    torch.manual_seed(0)
    method = FMGAN(6, 4, embedding=6, hidden=5, latent_dim=3, filters=4, features=7)
    assert isinstance(method, LatentWriter)
    assert not isinstance(method, WordwiseWriter)
    torch.manual_seed(1)
    sampled = method.sample(9)
    torch.manual_seed(1)
    latents = method.draw_latents(9)
    assert latents.z.shape == (9, 1, 3)
    assert torch.equal(method.write_latents(latents).ids, sampled.ids)
