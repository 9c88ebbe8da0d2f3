from pathlib import Path

import pytest
import torch

from textgan_bench.networks.word_vectors import WordVectors, read_word_vectors
from textgan_bench.tokens import Vocabulary

VOCABULARY = Vocabulary(("<pad>", "a", "zwölf"))


def test_fixed_vectors_stay_and_the_rest_learns(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("the 9 9\nzwölf 1 -2.5\n", encoding="utf-8")
    words = WordVectors(3, fixed=2, learnt=1, from_file=True)
    drawn = words.fixed[1].clone()
    words.fix(read_word_vectors(path, VOCABULARY))
    assert words.fixed[2].tolist() == [1, -2.5]
    assert torch.equal(words.fixed[1], drawn)
    words(torch.tensor([2])).sum().backward()
    assert words.fixed.grad is None
    assert words.learnt.grad is not None
    assert words.learnt.grad.tolist() == [[0], [0], [1]]


def test_without_a_file_all_of_a_vector_is_learnt() -> None:
    words = WordVectors(3, fixed=2, learnt=1, from_file=False)
    words.table().sum().backward()
    assert all(parameter.grad is not None for parameter in words.parameters())
    ids = torch.tensor([[0, 2]])
    assert torch.equal(words(ids), words.table()[ids])


@pytest.mark.parametrize(
    ("text", "message"),
    [("a 1 x\n", "line 1"), ("the 1 2\n", "none of the 3 words")],
    ids=["no number", "other words"],
)
def test_a_file_that_does_not_serve_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_word_vectors(path, VOCABULARY)


def test_a_wrong_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="3 numbers, where 2"):
        WordVectors(3, 2, 1, from_file=True).fix({1: torch.zeros(3)})
