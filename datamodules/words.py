"""How a line of own text is split into words: NLTK's rules, made independent of the place.

NLTK's word tokeniser (and with it Texygen's) looks at what stands beside a word: it turns its own
closing quote into an opening one when it meets it again, and splits a full stop only from the last
word of a line. So it reads its own words, or a model's sentence over them, as other words, and text
scored against itself has unknown words. Here every piece between blanks is split by itself, and no
word that comes of it is split any further: ``split_words(" ".join(words))`` is ``words``, in
whatever order words follow one another.
"""

import re
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nltk.tokenize import NLTKWordTokenizer

MARK = re.compile(
    r"""(</?[|\w:-]+/?>        # <unk>, </s>, <|endoftext|>
    |\[[A-Z][A-Z0-9_:-]+\]     # [MASK]
    |\{[A-Z][A-Z0-9_:-]+\}     # {NAME}
    |@[^\w\s@]{1,3}@)          # @-@, as Moses writes a hyphen within a word""",
    re.VERBOSE,
)
"""What stands for a word, or for nothing, and is no text: never split."""
STOPPED = re.compile(
    r"""[A-HJ-Z]\.                  # J.
    |(?:[^\W\d_]{1,2}\.){2,}       # U.S., e.g., Ph.D.
    |(?i:mr|mrs|ms|dr|prof|st|jr|sr|rev|hon|gen|col|capt|lt|sgt|sen|rep|gov|vs|etc|inc|ltd|co|corp
    |jan|feb|aug|sept|oct|nov|dec)\.""",
    re.VERBOSE,
)
"""Words that a full stop is a part of."""
_FOLLOWED = " x"
"""A further word, so that NLTK takes none for the last of its line."""


def split_words(line: str) -> list[str]:
    """Words, punctuation marks and marks such as ``<unk>``.

    >>> split_words('He said "I cannot see <unk>, Mr. Smith."')
    ['He', 'said', '``', 'I', 'can', 'not', 'see', '<unk>', ',', 'Mr.', 'Smith', '.', "''"]
    """
    return list(chain.from_iterable(map(_split, line.split())))


@lru_cache(2**16)
def _split(piece: str) -> tuple[str, ...]:
    """Words of a piece without blanks, each of which is split no further."""
    words, left = [], [piece]
    while left:
        part = left.pop()
        parts = _parts(part)
        if parts == [part]:
            words.append(part)
        else:
            left += reversed(parts)
    return tuple(words)


def _parts(piece: str) -> list[str]:
    marked = [part for part in MARK.split(piece) if part]
    if len(marked) > 1 or MARK.fullmatch(piece):
        return marked
    nltk = _nltk()
    if piece.isalpha() and not any(rule.search(f"{piece} ") for rule in nltk.CONTRACTIONS2):
        return [piece]  # which NLTK has no other rule for, and takes long to find
    words = nltk.tokenize(piece + _FOLLOWED)[:-1]
    return list(chain.from_iterable(map(_without_stop, words)))


@cache
def _nltk() -> "NLTKWordTokenizer":
    from nltk.tokenize import NLTKWordTokenizer  # most commands split nothing, and do without

    return NLTKWordTokenizer()


def _without_stop(word: str) -> list[str]:
    """A word and the full stop behind it, unless that is a part of it."""
    stem = word.removesuffix(".")
    if stem in ("", word) or stem.endswith(".") or STOPPED.fullmatch(word):
        return [word]
    return [stem, "."]
