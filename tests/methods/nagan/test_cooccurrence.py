from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from textgan_bench.methods.nagan.cooccurrence import (
    neighbour_counts,
    positive_mutual_information,
    word_vectors,
)

SENTENCES = [[3, 1, 2], [3, 2], [1, 1, 1, 2], [4]]
VOCAB_SIZE = 6  # word 5 is never used
IDS = torch.tensor([words + [0] * (5 - len(words)) for words in SENTENCES])


def counted_by_hand() -> torch.Tensor:
    counts = torch.zeros(VOCAB_SIZE, 4, VOCAB_SIZE)
    for words in SENTENCES:
        around = [0, 0, *words, 0, 0]
        for t, word in enumerate(words, start=2):
            for place, offset in enumerate((-2, -1, 1, 2)):
                counts[word, place, around[t + offset]] += 1
    return counts


def language(sentences: int) -> torch.Tensor:
    """A word of 1 to 10, one of 11 to 20 and one of 21 to 30, drawn one by one."""
    torch.manual_seed(0)
    return torch.randint(1, 11, (sentences, 3)) + torch.tensor([0, 10, 20])


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_neighbours_are_counted_at_each_place(batch_size: int) -> None:
    counts = neighbour_counts(IDS.split(batch_size), VOCAB_SIZE)
    assert torch.equal(counts.to_dense().view(VOCAB_SIZE, 4, VOCAB_SIZE), counted_by_hand())


def test_counts_of_parts_add_up() -> None:
    parts = [neighbour_counts([rows], VOCAB_SIZE) for rows in IDS.split(2)]
    whole = neighbour_counts([IDS], VOCAB_SIZE)
    assert torch.equal((parts[0] + parts[1]).to_dense(), whole.to_dense())


def test_mutual_information_is_that_of_the_probabilities() -> None:
    counts = neighbour_counts([IDS], VOCAB_SIZE)
    information = positive_mutual_information(counts).to_dense().view(VOCAB_SIZE, 4, VOCAB_SIZE)
    for place in range(4):
        joint = counted_by_hand()[:, place].double() / sum(map(len, SENTENCES))
        independent = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
        expected = (joint / independent).log().nan_to_num(0).clamp(min=0)
        torch.testing.assert_close(information[:, place], expected.float())


def test_vectors_have_the_angles_of_numpys_singular_vectors() -> None:
    counts = neighbour_counts([language(500)], 31)
    u, s, _ = np.linalg.svd(positive_mutual_information(counts).to_dense().double().numpy())
    components = torch.from_numpy(u[:, :4] * s[:4])
    expected = F.normalize(components - components.mean(0), dim=1).float()
    vectors = word_vectors(counts, 4)
    torch.testing.assert_close(vectors.norm(dim=1), torch.full((31,), 2.0))
    torch.testing.assert_close(vectors @ vectors.T / 4, expected @ expected.T, rtol=0, atol=1e-3)


def test_words_of_like_neighbours_have_like_vectors() -> None:
    vectors = word_vectors(neighbour_counts([language(2000)], 31), 8)[1:]
    alike = F.cosine_similarity(vectors[:, None], vectors, dim=2).view(3, 10, 3, 10).mean((1, 3))
    assert alike.diagonal().min() > 0.8
    assert (alike - alike.diagonal().diag()).max() < 0.2


def test_vectors_are_the_same_at_each_call_and_draw_nothing() -> None:
    counts = neighbour_counts([language(200)], 31)
    state = torch.get_rng_state()
    first = word_vectors(counts, 8)
    assert torch.equal(torch.get_rng_state(), state)
    torch.randn(3)
    assert torch.equal(word_vectors(counts, 8), first)


def test_dimensions_beyond_the_number_of_words_are_0() -> None:
    counts = neighbour_counts([IDS], VOCAB_SIZE)
    vectors = word_vectors(counts, 9)
    assert vectors.norm(dim=1)[1:] == pytest.approx([3.0] * (VOCAB_SIZE - 1), abs=1e-5)
    assert (vectors[:, VOCAB_SIZE:] == 0).all()
    torch.testing.assert_close(
        vectors[:, :VOCAB_SIZE] / 3, word_vectors(counts, VOCAB_SIZE) / 6**0.5
    )


def test_the_sign_that_a_processor_gives_a_component_does_not_matter() -> None:
    counts = neighbour_counts([language(2000)], 31)
    decompose = torch.svd_lowrank

    def turned(*arguments: Any, **options: Any) -> tuple[Tensor, Tensor, Tensor]:
        u, s, v = decompose(*arguments, **options)
        return -u, s, -v

    expected = word_vectors(counts, 8)
    with patch("torch.svd_lowrank", turned):
        assert torch.equal(word_vectors(counts, 8), expected)
