"""Inputs of property tests."""

from hypothesis import strategies as st

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda word: word.split() == [word]
)
"""Anything without blanks."""

FEW_WORDS = st.sampled_from(["a", "man", "dog", "sees", "zwölf"])
"""So few that n-grams repeat."""


def sentences(words: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    """Texts of some sentences, empty ones among them."""
    return st.lists(st.lists(words, max_size=9), min_size=1, max_size=20)


LENGTHS = st.lists(st.integers(1, 13), min_size=1, max_size=9)
"""Words in each sentence of a batch."""
