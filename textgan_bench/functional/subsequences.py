"""The longest common subsequence of two sentences, and how much of them it is."""

from collections.abc import Sequence


def common_places(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Places in ``a`` and in ``b`` of a longest common subsequence; of several the leftmost in a.

    >>> common_places(["a", "black", "cat"], ["a", "cat", "sits"])
    [(0, 0), (2, 1)]
    """
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]  # of a[i:] and b[j:]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            skipped = max(lengths[i + 1][j], lengths[i][j + 1])
            lengths[i][j] = 1 + lengths[i + 1][j + 1] if a[i] == b[j] else skipped
    places = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            places.append((i, j))
            i, j = i + 1, j + 1
        elif lengths[i][j + 1] >= lengths[i + 1][j]:
            j += 1
        else:
            i += 1
    return places


def overlap(a: Sequence[str], b: Sequence[str]) -> float:
    """Words of a longest common subsequence over those of the longer sentence, in [0, 1].

    Huang et al. (under review, ICLR 2021), section 4.3. Two empty sentences are the same.

    >>> overlap(["a", "black", "cat"], ["a", "white", "cat", "sits"])
    0.5
    """
    return len(common_places(a, b)) / max(len(a), len(b)) if a or b else 1.0
