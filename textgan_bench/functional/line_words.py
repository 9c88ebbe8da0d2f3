"""Lines of a text file as sentences, and their words as numbers without an object for each word.

What ``str.split`` and a dictionary do of a text word by word, arrays do here of its bytes: in a
third of the time, in which other threads go on.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from textgan_bench.functional.text_hashes import GOLDEN_RATIO
from textgan_bench.functional.word_numbers import SharedText, WordNumbers, word_numbers

_LINE_END = ord("\n")
_BLANKS = np.zeros(256, dtype=bool)
_BLANKS[[*range(9, 14), *range(28, 33)]] = True  # those of ASCII at which str.split splits
_OTHER_BLANKS = (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_CODES = np.array([int.from_bytes(chr(code).encode()) for code in _OTHER_BLANKS])
_PIECE = 8  # bytes of a word that are compared at once
_MASKS = np.array([2 ** (8 * size) - 1 for size in range(_PIECE + 1)], dtype=np.uint64)

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.intp]


class SharedLines(SharedText):
    """A ``SharedText`` of lines, split at blanks if somebody asks for a sentence.

    >>> text = SharedLines(["a  cat", "", "a"])
    >>> text.numbers.words.tolist(), text.numbers.lengths.tolist(), text.numbers.types
    ([0, 1, 0], [2, 0, 1], ['a', 'cat'])
    >>> list(text)
    [['a', 'cat'], [], ['a']]
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(())
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    @cached_property
    def sentences(self) -> Sequence[list[str]]:
        return [line.split() for line in self._lines]

    @cached_property
    def numbers(self) -> WordNumbers:
        return line_words(self._lines)


def line_words(lines: Sequence[str]) -> WordNumbers:
    """The words of lines, none of which holds a line end or a zero byte.

    It is ``word_numbers`` of the lines split.
    """
    text = "\n".join(lines).encode()
    # A line end behind the text, and as many bytes as its last piece may reach over.
    padded = np.frombuffer(text + b"\n" + bytes(_PIECE), np.uint8)
    if lines and (text.isascii() or not _has_other_blanks(padded)):
        inside = ~_BLANKS[padded[: len(text) + 1]]
        start = np.flatnonzero(inside & np.append(True, ~inside[:-1]))
        stop = np.flatnonzero(~inside & np.append(False, inside[:-1]))
        first = _first_equal(padded, start, stop - start)
        if first is not None:
            line_stop = np.flatnonzero(padded[: len(text) + 1] == _LINE_END)
            lengths = np.diff(np.searchsorted(start, line_stop), prepend=0)
            is_first = first == np.arange(len(first))
            number = np.cumsum(is_first, dtype=np.int32) - np.int32(1)
            bounds = zip(start[is_first].tolist(), stop[is_first].tolist(), strict=True)
            types = [text[begin:end].decode() for begin, end in bounds]
            return WordNumbers(number[first], lengths, types)
    return word_numbers([line.split() for line in lines])


def _has_other_blanks(text: Bytes) -> bool:
    """Whether UTF-8 text, with two bytes more, has a blank that is not of ASCII."""
    place = np.flatnonzero(text >= 0xC2)  # a character's first byte
    two = text[place].astype(np.int64) << 8 | text[place + 1]
    three = two << 8 | text[place + 2]
    return bool(np.isin(two, _CODES).any() or np.isin(three, _CODES).any())


def _first_equal(text: Bytes, start: Numbers, size: Numbers) -> NDArray[np.int32] | None:
    """Of each word the first that equals it; None if two that differ share a hash of 64 bits.

    Words of one piece cannot, as it is multiplied by an odd number.
    """
    windows = np.ndarray(len(text) - _PIECE + 1, "<u8", text, strides=(1,))
    hashes = (windows[start] & _MASKS[np.minimum(size, _PIECE)]) * GOLDEN_RATIO
    rest: list[tuple[Numbers, NDArray[np.uint64]]] = []
    longer = np.flatnonzero(size > _PIECE)
    while len(longer):
        done = _PIECE * (1 + len(rest))
        piece = windows[start[longer] + done] & _MASKS[np.minimum(size[longer] - done, _PIECE)]
        before = hashes[longer]
        hashes[longer] = ((before ^ before >> np.uint64(32)) + piece) * GOLDEN_RATIO
        rest.append((longer, piece))
        longer = longer[size[longer] > done + _PIECE]
    first = _first_of_hashes(hashes)
    if np.any(size[first] != size):
        return None
    beginning = windows[start]
    longer = rest[0][0] if rest else longer
    if np.any(beginning[first[longer]] != beginning[longer]):
        return None
    for longer, piece in rest:
        if np.any(piece[np.searchsorted(longer, first[longer])] != piece):
            return None
    return first


def _first_of_hashes(hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Of each the first that equals it, by a table that their highest bits point into."""
    bits = 1 + len(hashes).bit_length()
    table = np.full(2**bits, -1, dtype=np.int32)
    slot = (hashes >> np.uint64(64 - bits)).astype(np.intp)
    first = np.empty(len(hashes), dtype=np.int32)
    asking = np.arange(len(hashes), dtype=np.int32)
    # Of several for a slot numpy keeps the last, which backwards is the first.
    table[slot[::-1]] = asking[::-1]
    while len(asking):
        held = table[slot]
        first[asking] = held
        other = np.flatnonzero(hashes[held] != hashes[asking])
        # Equal ones go on to the next slot together.
        asking, slot = asking[other], slot[other] + 1 & len(table) - 1
        free = np.flatnonzero(table[slot] < 0)[::-1]
        table[slot[free]] = asking[free]
    return first
