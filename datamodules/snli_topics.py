"""Sentences of SNLI by whom they are about: three styles that need no file of labels."""

from dataclasses import dataclass

from torch import Tensor

from datamodules.arrow import Encoded
from datamodules.hub import SNLIARAE
from datamodules.judging import Judging, Transfer
from datamodules.styles import Labelled, encode_styles, rows_of_styles, with_targets
from textgan_bench.tokens import Batch, Sentence

TOPICS = {
    "man": frozenset({"man", "men", "guy", "guys", "gentleman", "gentlemen"}),
    "woman": frozenset({"woman", "women", "lady", "ladies"}),
    "child": frozenset(
        {"child", "children", "kid", "kids", "toddler", "toddlers", "baby", "babies"}
        | {"boy", "boys", "girl", "girls"}
    ),
}


def topic_of(sentence: Sentence) -> int | None:
    """The number of the topic that the first noun of any topic is of, None without such a noun.

    >>> topic_of("a girl and a man talk .".split())
    2
    """
    for word in sentence:
        for number, nouns in enumerate(TOPICS.values()):
            if word in nouns:
                return number
    return None


@dataclass(frozen=True)
class SNLITopics(SNLIARAE):
    """SNLI's sentences about a man, a woman or a child, to be rewritten as about another of them.

    Of a made-up task: the first noun decides the topic, so that a transfer can be judged by eye. It
    shows that the transfer among several styles works; the paper's topics are those of
    ``YahooAnswers``. Lower case, at most 15 words.
    """

    TITLE = "sentences of SNLI about a man, a woman or a child"

    @property
    def judging(self) -> Judging:
        return Transfer()

    def labelled(self) -> Labelled:
        """The sentences of each topic; those that are too long or about none are left out."""
        texts: Labelled = {}
        for split, sentences in self.texts().items():
            texts[split] = [[] for _ in TOPICS]
            for sentence in sentences:
                words = [word.lower() for word in sentence]
                topic = topic_of(words)
                if topic is not None and self.fits(words):
                    texts[split][topic].append(words)
        return texts

    def read(self) -> Encoded:
        return with_targets(encode_styles(self, self.labelled(), tuple(TOPICS)))

    def training_groups(self, train: Batch) -> list[Tensor]:
        """The sentences of each topic."""
        return rows_of_styles(train)
