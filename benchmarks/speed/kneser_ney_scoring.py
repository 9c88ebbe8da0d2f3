"""Log probability of a word under a 4-gram Kneser-Ney model, against nltk.lm.

Both have the same 500 sentences. The values differ, since NLTK's model has one fixed discount: it
is ours that is checked, by kenlm, which reads it from its ARPA file.
"""

import math
import tempfile
import warnings
from itertools import chain
from pathlib import Path

import kenlm
from nltk.lm import KneserNeyInterpolated
from nltk.lm.preprocessing import pad_both_ends, padded_everygram_pipeline

from benchmarks.speed.claims import Claim, Texts, check, main, medians
from textgan_bench.functional.kneser_ney import estimate, write_arpa
from textgan_bench.functional.ngram_scores import NGramScorer

ORDER = 4
FITTED, SCORED, BY_NLTK = 500, 5_000, 5


def measure(texts: Texts) -> list[Claim]:
    fitted, scored = texts.sentences[:FITTED], texts.sentences[FITTED : FITTED + SCORED]
    with warnings.catch_warnings(action="ignore"):
        model = estimate(fitted, dict.fromkeys(chain.from_iterable(fitted)), ORDER)
    scorer = NGramScorer(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.arpa"
        write_arpa(model, path)
        oracle = kenlm.Model(str(path))
        expected = math.log(10) * sum(oracle.score(" ".join(words)) for words in scored)
    total = sum(part.sum() for part in scorer.log_prob(scored))
    check(abs(total / expected - 1) < 1e-6, "kenlm")

    theirs = KneserNeyInterpolated(ORDER)
    theirs.fit(*padded_everygram_pipeline(ORDER, fitted))
    few = [list(pad_both_ends(words, ORDER)) for words in scored[:BY_NLTK]]

    def nltk() -> float:
        return sum(
            theirs.logscore(words[i], words[i - ORDER + 1 : i])
            for words in few
            for i in range(ORDER - 1, len(words) - ORDER + 2)  # words and one end mark
        )

    time = medians({"ours": lambda: scorer.log_prob(scored)})
    time |= medians({"nltk.lm": nltk}, rounds=1)
    per_token = time["ours"] / (sum(map(len, scored)) + len(scored))
    nltk_per_token = time["nltk.lm"] / (sum(map(len, scored[:BY_NLTK])) + BY_NLTK)
    note = f"{1e9 * per_token:.0f} ns; a model of {FITTED} sentences"
    return [
        Claim("Kneser-Ney score of a word / nltk.lm", 500, nltk_per_token / per_token, note=note)
    ]


if __name__ == "__main__":
    main(measure)
