"""Words as numbers, found once for all that read the same text.

Several scores are made of one text, and each of them looks its words up in a dictionary of its own.
A dictionary is asked once a word of text. Asked for the few distinct words instead, and the answers
spread by an array, each further score costs a hundredth of that.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from itertools import chain, count
from typing import NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class WordNumbers(NamedTuple):
    """Sentences as numbers of their distinct words, laid end to end."""

    words: NDArray[np.int32]
    """(number of words,), in the order in which they first occur: 0, 1 and so on."""
    lengths: NDArray[np.int64]
    """(number of sentences,), words in each."""
    types: list[str]
    """The distinct words."""


class SharedText(Sequence[list[str]]):
    """Sentences that several functions are given, none of which may change them.

    What one works out of the text is kept for the others.

    >>> text = SharedText([["a", "cat"], ["a"]])
    >>> text.numbers.words.tolist(), text.numbers.types
    ([0, 1, 0], ['a', 'cat'])
    >>> [text.once("length", lambda: len(text)) for _ in range(2)]
    [2, 2]
    """

    def __init__(self, sentences: Sequence[list[str]]) -> None:
        self._given = sentences

    @property
    def sentences(self) -> Sequence[list[str]]:
        """The words of each."""
        return self._given

    def __len__(self) -> int:
        return len(self.sentences)

    @overload
    def __getitem__(self, index: int) -> list[str]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[list[str]]: ...

    def __getitem__(self, index: int | slice) -> list[str] | Sequence[list[str]]:
        return self.sentences[index]

    def __iter__(self) -> Iterator[list[str]]:
        return iter(self.sentences)

    @cached_property
    def numbers(self) -> WordNumbers:
        """The words as numbers."""
        return _numbered(self.sentences)

    @cached_property
    def _kept(self) -> dict[Hashable, object]:
        return {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, by a key under which always the same is made of the text."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]  # type: ignore[return-value]


def shared(sentences: Sequence[list[str]]) -> SharedText:
    """Sentences in which no function need look for what another one has found."""
    return sentences if isinstance(sentences, SharedText) else SharedText(sentences)


def word_numbers(sentences: Sequence[Sequence[str]]) -> WordNumbers:
    """The words of sentences as numbers, of a ``SharedText`` found once."""
    return sentences.numbers if isinstance(sentences, SharedText) else _numbered(sentences)


def once(sentences: Sequence[Sequence[str]], key: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives of sentences, kept for later where they are a ``SharedText``."""
    return sentences.once(key, make) if isinstance(sentences, SharedText) else make()


def _numbered(sentences: Sequence[Sequence[str]]) -> WordNumbers:
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    words = map(numbers.__getitem__, chain.from_iterable(sentences))
    found = np.fromiter(words, np.int32, int(lengths.sum()))
    return WordNumbers(found, lengths, list(numbers))
