"""Word vectors with a fixed part, and the files that hold such vectors.

Shapes: V vocabulary, E embedding.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgan_bench.errors import UserError
from textgan_bench.tokens import Vocabulary

STD = 0.3836
"""Standard deviation of the entries of GloVe's vectors of 300 dimensions. The code of de Masson
d'Autume et al. (2019) draws the vectors of missing words with it."""


class WordVectors(nn.Module):
    """A table of V vectors: learnt dimensions, and ``fixed`` ones from a file or learnt, too."""

    def __init__(self, vocab_size: int, fixed: int, learnt: int, from_file: bool) -> None:
        super().__init__()
        self.dimension = fixed + learnt
        self.fixed = nn.Parameter(STD * torch.randn(vocab_size, fixed), not from_file)
        self.learnt = nn.Parameter(STD * torch.randn(vocab_size, learnt))

    def table(self) -> Tensor:
        """(V, E) vectors, the fixed part first."""
        return torch.cat([self.fixed, self.learnt], 1)

    def forward(self, ids: Tensor) -> Tensor:
        """(…, E) vectors of ids (…)."""
        return torch.cat([F.embedding(ids, self.fixed), F.embedding(ids, self.learnt)], -1)

    def fix(self, vectors: dict[int, Tensor]) -> None:
        """Set the fixed part of some words; the others keep their random one.

        Raises:
            UserError: the vectors do not have as many dimensions as the fixed part.
        """
        with torch.no_grad():
            for index, vector in vectors.items():
                if vector.shape != self.fixed[index].shape:
                    raise UserError(
                        f"word vectors of {len(vector)} numbers, where {self.fixed.shape[1]} are "
                        "expected: set fixed to the dimension of the file"
                    )
                self.fixed[index] = vector


def read_word_vectors(path: Path, vocabulary: Vocabulary) -> dict[int, Tensor]:
    """Vectors, by word index, of the words of ``vocabulary`` that a file in GloVe's format holds.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: a line is not a word and numbers, or no word of the vocabulary is there.
    """
    index = {token: i for i, token in enumerate(vocabulary.tokens)}
    vectors = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            word, *entries = line.rstrip("\n").split(" ")
            if word in index:
                try:
                    vectors[index[word]] = torch.tensor([float(entry) for entry in entries])
                except ValueError as error:
                    raise UserError(f"{path}, line {number}: {error}") from error
    if not vectors:
        raise UserError(f"{path} has a vector for none of the {len(index)} words")
    return vectors
