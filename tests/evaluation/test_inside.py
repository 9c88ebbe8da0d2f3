"""A look inside a generator that is known: each of its latents is the scores of its own word."""

from itertools import pairwise

import pytest
import torch

from tests.boring import WORDS, BoringData
from tests.evaluation.test_editing import Linear
from textgan_bench.evaluation.inside import Inside, kept_words, smoothness, strangeness
from textgan_bench.interfaces import Latents
from textgan_bench.methods import MLE
from textgan_bench.tokens import TokenBatch

SYMBOLS = len(WORDS) - 1


class Neighbours(Linear):
    """A word is the sign of its own latent and that of the one before it, which counts twice."""

    def write_latents(self, latents: Latents) -> TokenBatch:
        signs = (latents.z[:, :, 0] > 0).long()
        return TokenBatch(1 + signs + 2 * signs.roll(1, 1), latents.counts)


def inside(model: Linear | None = None) -> Inside:
    torch.manual_seed(0)
    return Inside(model or Linear(SYMBOLS), BoringData())


def test_a_latent_moves_its_own_word_alone() -> None:
    share = inside().moves(4_000, 3)
    off = share - torch.diag(share.diagonal())
    assert not off.any()
    expected = torch.full((3,), 1 - 1 / SYMBOLS).double()  # another of five equally likely words
    torch.testing.assert_close(share.diagonal(), expected, atol=0.03, rtol=0)


def test_rows_are_latents_and_columns_are_words() -> None:
    share = inside(Neighbours(1)).moves(4_000, 4)
    expected = 0.5 * (torch.eye(4) + torch.eye(4).roll(1, 1)).double()  # itself and the next word
    torch.testing.assert_close(share, expected, atol=0.04, rtol=0)


def test_a_line_has_both_ends_and_changes_each_word_as_its_latent_does() -> None:
    lines = inside().lines(20, 3, 101)
    torch.manual_seed(0)
    ends = [Linear(SYMBOLS).draw_latents(20, 3) for _ in range(2)]
    text = [BoringData().text(Linear(SYMBOLS).write_latents(end)) for end in ends]
    assert [line[0] for line in lines] == text[0]
    assert [line[-1] for line in lines] == text[1]
    # The largest of linear functions of λ is piecewise: none comes back once it was left.
    for line in lines:
        for place in range(3):
            words = [sentence[place] for sentence in line]
            runs = [word for i, word in enumerate(words) if i == 0 or words[i - 1] != word]
            assert len(runs) == len(set(runs))


@pytest.mark.parametrize("front", [True, False])
def test_a_sentence_grows_by_a_word_on_its_side(front: bool) -> None:
    for line in inside().growths(10, 1, 4, front=front):
        assert [len(sentence) for sentence in line] == [1, 2, 3, 4]
        for before, after in pairwise(line):
            assert before == (after[1:] if front else after[:-1])


def test_states_are_held_against_the_last() -> None:
    sentences, cosines = inside().layers(6, 3)
    assert [len(sentence) for sentence in sentences] == [3] * 6
    torch.testing.assert_close(cosines, torch.ones(6, 2, 3))  # the last is twice the first

    class Turned(Linear):
        def layers_of(self, latents: Latents) -> list[torch.Tensor]:
            return [torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 3.0**0.5]]])]

    _, cosines = inside(Turned(SYMBOLS)).layers(1, 1)
    torch.testing.assert_close(cosines, torch.tensor([[[0.5], [1.0]]]))  # 60 degrees


def test_how_much_a_sentence_keeps() -> None:
    lines = [
        [["a", "man"], ["a", "rides", "man"], ["a"]],
        [["zwölf"], ["zwölf"], ["zwölf"]],
    ]
    assert smoothness(lines) == pytest.approx((2 / 3 + 1 / 3 + 1 + 1) / 4)
    assert strangeness(lines) == 0
    assert kept_words(lines[0]) == [[False, False], [True, False, True], [True]]
    with pytest.raises(ValueError, match="two lines"):
        strangeness(lines[:1])


def test_a_method_without_latents_is_refused() -> None:
    data = BoringData()
    with pytest.raises(ValueError, match="MLE has no latent a word"):
        Inside(MLE(data.vocab_size, data.max_length, embedding=2, hidden=2), data)
