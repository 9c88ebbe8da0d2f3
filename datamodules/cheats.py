"""Cheats: samplers that know training text alone, each built to win one score without a model.

Three papers of 2026 show how far nonsense leads the usual columns ("Hacking generative perplexity",
"Generative frontiers", "Is your diffusion sampler actually correct?"). As rows of every table of
generation these show a reader which columns each of them fools, and which give it away.

``likeliest``
    The most probable sentences of a 4-gram Kneser-Ney model of training text, of each length as
    many as training text has: no text of as many different sentences has a better LM score.
``tempered``
    Words drawn on their own, their frequencies raised to the power at which a word has the entropy
    that text has: the nats a word of validation text under that model. (The row ``unigram`` has the
    frequencies themselves, and so their entropy.)
``memorised``
    Training sentences: what a generator that keeps its training text would write.
``altered``
    Training sentences with one word changed for another that training text has between the same two
    neighbours: copies that no count of copies finds.
``repeated``
    One training sentence over and over, of a thousand the one that the model likes best.
"""

import math
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from itertools import chain, cycle, islice

from datamodules.arrow import Encoded
from textgan_bench.functional.kneser_ney import UNKNOWN, NGramModel, estimate
from textgan_bench.functional.likeliest import likeliest_sentences
from textgan_bench.functional.ngram_scores import NGramScorer
from textgan_bench.tokens import Sentence

MODEL_WORDS = 1_000_000
"""Words of training text, drawn by sentence, that a model is made of: all of COCO's."""

CANDIDATES = 1_000
"""Training sentences that ``repeated`` chooses from."""

EDGE = None
"""Neighbour of the first and of the last word."""

Gap = tuple[str | None, str | None]
"""The words on either side of a word."""


def cheats(data: Encoded, n: int, seed: int) -> dict[str, Callable[[], list[Sentence]]]:
    """What writes ``n`` sentences of each cheat, by name; always the same of a seed."""
    train, validation = data.sentences("train"), data.sentences("validation")
    model = cache(lambda: model_of(train, _numbers(seed, "model")))
    writers: dict[str, Callable[[random.Random], list[Sentence]]] = {
        "likeliest": lambda numbers: likeliest(train, model(), n, numbers),
        "tempered": lambda numbers: tempered(train, entropy(model(), validation), n, numbers),
        "memorised": lambda numbers: memorised(train, n, numbers),
        "altered": lambda numbers: altered(train, n, numbers),
        "repeated": lambda numbers: repeated(train, model(), n, numbers),
    }
    return {name: partial(write, _numbers(seed, name)) for name, write in writers.items()}


def _numbers(seed: int, name: str) -> random.Random:
    """Random numbers of their own for each cheat, so that none depends on another."""
    return random.Random(f"{seed} {name}")


def model_of(text: Sequence[Sentence], numbers: random.Random) -> NGramModel:
    """The 4-gram model of ``MODEL_WORDS`` words of a text, or of all there are."""
    known: list[Sentence] = []
    words = 0
    for sentence in numbers.sample(text, len(text)):
        if words >= MODEL_WORDS:
            break
        known.append(sentence)
        words += len(sentence)
    with warnings.catch_warnings(action="ignore"):  # of too little text for discounts
        return estimate(known, dict.fromkeys(chain.from_iterable(known)), order=4)


def entropy(model: NGramModel, text: Iterable[Sentence]) -> float:
    """Nats a word of a text under a model, ends of sentences left out."""
    words, _ = NGramScorer(model).log_prob([*text])
    return -float(words.mean())


def likeliest(
    text: Sequence[Sentence], model: NGramModel, n: int, numbers: random.Random
) -> list[Sentence]:
    """The most probable sentences of each length, of which there are as many as in the text.

    Where there are no more of a length, they come again.
    """
    lengths = Counter(map(len, numbers.choices(text, k=n)))
    written = set(chain.from_iterable(text))
    found = likeliest_sentences(model, lengths, () if UNKNOWN in written else (UNKNOWN,))
    sentences = [
        sentence
        for length, number in lengths.items()
        for sentence in islice(cycle(found[length]), number)
    ]
    return numbers.sample(sentences, n)


def tempered(
    text: Sequence[Sentence], nats: float, n: int, numbers: random.Random
) -> list[Sentence]:
    """Words drawn on their own so that each has ``nats`` of entropy; lengths as in the text.

    Uniform words where ``nats`` is more than they have.
    """
    counts = Counter(chain.from_iterable(text))
    weights = sharpened([*counts.values()], nats)
    lengths = [len(sentence) for sentence in numbers.choices(text, k=n)]
    drawn = iter(numbers.choices([*counts], weights, k=sum(lengths)))
    return [[*islice(drawn, length)] for length in lengths]


def sharpened(counts: Sequence[int], nats: float) -> list[float]:
    """Probabilities proportional to a power of ``counts`` whose entropy is ``nats``.

    >>> [round(p, 3) for p in sharpened([1, 3], 0.5)]
    [0.2, 0.8]
    """
    low, high = 0.0, 64.0
    for _ in range(60):
        power = (low + high) / 2
        low, high = (power, high) if _entropy(_powers(counts, power)) > nats else (low, power)
    return _powers(counts, low)


def _powers(counts: Sequence[int], power: float) -> list[float]:
    largest = max(counts)
    weights = [(count / largest) ** power for count in counts]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _entropy(probabilities: Iterable[float]) -> float:
    return -math.fsum(p * math.log(p) for p in probabilities if p)


def memorised(text: Sequence[Sentence], n: int, numbers: random.Random) -> list[Sentence]:
    """``n`` sentences of a text, none twice before all have come."""
    passes, rest = divmod(n, len(text))
    every = [sentence for _ in range(passes) for sentence in numbers.sample(text, len(text))]
    return every + numbers.sample(text, rest)


def altered(text: Sequence[Sentence], n: int, numbers: random.Random) -> list[Sentence]:
    """Sentences of a text, each with one word changed.

    Its place is drawn among those at which the text has another word between the same neighbours,
    and the word by how often it stands there. Where there is no such place, any word may follow.
    """
    chosen = memorised(text, n, numbers)
    between: defaultdict[Gap, Counter[str]] = defaultdict(Counter)
    asked = {gap for sentence in chosen for gap in _gaps(sentence)}
    for sentence in text:
        for gap, word in zip(_gaps(sentence), sentence, strict=True):
            if gap in asked:
                between[gap][word] += 1
    every = Counter(chain.from_iterable(text))
    return [_with_another_word(sentence, between, every, numbers) for sentence in chosen]


def _gaps(sentence: Sentence) -> Iterable[Gap]:
    """The two neighbours of each word."""
    return zip([EDGE, *sentence[:-1]], [*sentence[1:], EDGE], strict=True)


def _with_another_word(
    sentence: Sentence,
    between: Mapping[Gap, Counter[str]],
    every: Counter[str],
    numbers: random.Random,
) -> Sentence:
    gaps = [*_gaps(sentence)]
    places = numbers.sample(range(len(sentence)), len(sentence))
    known = (place for place in places if len(between[gaps[place]]) > 1)
    place = next(known, places[0])
    choices = between[gaps[place]]
    choices = Counter(choices if len(choices) > 1 else every)
    del choices[sentence[place]]
    if not choices:  # the text has a single word
        return sentence
    (word,) = numbers.choices([*choices], [*choices.values()])
    return [*sentence[:place], word, *sentence[place + 1 :]]


def repeated(
    text: Sequence[Sentence], model: NGramModel, n: int, numbers: random.Random
) -> list[Sentence]:
    """``n`` times one sentence of a text, that with the fewest nats a word of some drawn ones."""
    scorer = NGramScorer(model)

    def nats(sentence: Sentence) -> float:
        words, ends = scorer.log_prob([sentence])
        return -float(words.sum() + ends.sum()) / len(sentence)

    candidates = numbers.sample(text, min(CANDIDATES, len(text)))
    return [min(candidates, key=nats)] * n
