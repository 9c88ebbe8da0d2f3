"""Text that is worse than real text by a known amount."""

import random
from collections import defaultdict

Text = list[list[str]]


def ngram_samples(text: Text, order: int, n: int, generator: random.Random) -> Text:
    """Sentences drawn from the n-grams of ``text`` without smoothing."""
    following = defaultdict(list)
    for words in text:
        marked = ["<s>"] * (order - 1) + words + ["</s>"]
        for end in range(order - 1, len(marked)):
            following[tuple(marked[end - order + 1 : end])].append(marked[end])
    samples = []
    for _ in range(n):
        marked = ["<s>"] * (order - 1)
        while marked[-1] != "</s>":
            marked.append(generator.choice(following[tuple(marked[1 - order :])]))
        samples.append(marked[order - 1 : -1])
    return samples
