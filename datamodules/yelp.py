"""Sentences of Yelp reviews with the sentiment of each (Shen et al., 2017)."""

from itertools import chain, cycle
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from datamodules.arrow import Corpus
from datamodules.lines import encode_lines, read_lines
from datamodules.sources import GITHUB, Source
from datamodules.text import HELD_OUT, TextCorpus, chosen, frequent_words, unseen, words_of
from textgan_bench.interfaces import Sentence, Split
from textgan_bench.metrics.perplexity import Perplexity, ReversePerplexity
from textgan_bench.metrics.transfer import TransferScores, style_classifier
from textgan_bench.tokens import LabelledBatch

NEGATIVE, POSITIVE = 0, 1
_SHEN = (
    f"{GITHUB}/shentianxiao/language-style-transfer/f078a9d342705ea62b04dd3ac5926d3467c2ac63"
    "/data/yelp"
)
_CHECKSUMS = {
    "sentiment.train.0": "036fc63dbd061c90f6ee7239153a091e65efebaf",
    "sentiment.train.1": "bacfff7637e2e98b9c37590c29e81f0ec99bf7ab",
    "sentiment.dev.0": "405ef6d4bfbc8bb92c3c55b496f315069cb5edb49ed34a07b1206341b83c344b",
    "sentiment.dev.1": "3509f6573411bbda2d5c071ed72ad276c12356c15c06205b8fdf74b217970c61",
    "sentiment.test.0": "b7466e8859e9948892a859af7938a82c801c99b69f884014082fd072a155bbf2",
    "sentiment.test.1": "a66e0ec3f0e1230ad4d2c822750a381cf6d99a99fa9b5ae79546f21ff79ed5c3",
}
PUBLISHED = tuple(_CHECKSUMS)
STAND_IN = (
    "shen_test_neg.txt.gz",
    "shen_test_pos.txt.gz",
    "shen_dev_neg.txt.gz",
    "shen_dev_pos.txt.gz",
    "li_test_neg.txt",
    "li_test_pos.txt",
)


class Yelp(TextCorpus):
    """Sentences of at most 15 words, lower case, labelled negative (0) or positive (1).

    Validation and test are 2,500 sentences of each label. The stand-in trains on the published test
    files and holds out the published validation files; the sentences for which Li et al. (2018)
    collected rewrites are kept out of its training.

    Args:
        data_dir: folder of the files or of the stand-in; downloaded if None.
        words: in the vocabulary, at most; all of them.
        max_length: T; 15 words is the longest published sentence.
        batch_size: 64 in Shen et al.
        batches_per_epoch: one pass over the data if None.

    Raises:
        FileNotFoundError: the folder or a file is missing, or cannot be downloaded.
        UserError: a size is not positive, or a file is damaged.
    """

    FOLDER: ClassVar[str] = "yelp"
    SOURCES: ClassVar[dict[str, Source]] = {
        name: Source(f"{_SHEN}/{name}", checksum) for name, checksum in _CHECKSUMS.items()
    }
    TITLE: ClassVar[str] = "Yelp sentences of Shen et al."

    def __init__(
        self,
        data_dir: str | Path | None = None,
        words: int = 10_000,
        max_length: int = 15,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(data_dir, words, max_length, batch_size, batches_per_epoch)

    def files(self) -> tuple[Path, ...]:
        return self.choose(PUBLISHED, STAND_IN)

    @property
    def title(self) -> str:
        if self.files()[0].name == PUBLISHED[0]:
            return self.TITLE
        return f"stand-in for {self.TITLE}: their test files for training, validation held out"

    def texts(self) -> dict[Split, list[Sentence]]:
        labelled = self.labelled()
        return {split: labelled[split][0] + labelled[split][1] for split in labelled}

    def labelled(self) -> dict[Split, list[list[Sentence]]]:
        """Negative and positive sentences of each split, duplicates left in."""
        parts = [words_of(read_lines(path)) for path in self.files()]
        texts: dict[Split, list[list[Sentence]]] = {"train": [], "validation": [], "test": []}
        for label in (NEGATIVE, POSITIVE):
            train, held_out, others = parts[label::2]
            validation, rest = chosen(held_out, HELD_OUT // 2)
            texts["validation"].append(validation)
            if self.files()[0].name == PUBLISHED[0]:
                texts["train"].append(train)
                texts["test"].append(chosen(others, HELD_OUT // 2)[0])
            else:
                rewritten = set(map(tuple, chain(*parts[4:])))
                texts["train"].append([s for s in train if tuple(s) not in rewritten])
                texts["test"].append(chosen(rest, HELD_OUT // 2)[0])
        return texts

    def read(self) -> Corpus:
        labelled = self.labelled()
        text = list(chain(*labelled["train"], *labelled["validation"]))
        vocabulary = frequent_words(text, self.words)
        path = self.files()[0]
        encoded: dict[Split, LabelledBatch] = {}
        for split, classes in labelled.items():
            lines = [" ".join(sentence) for sentence in chain(*classes)]
            labels = [label for label, of_it in enumerate(classes) for _ in of_it]
            tokens = encode_lines(path, lines, vocabulary.encode, self.max_length)
            encoded[split] = LabelledBatch(*tokens, torch.tensor(labels))
        later: list[list[int]] = []
        splits: tuple[Split, ...] = ("test", "validation", "train")
        for split in splits:
            ids = encoded[split].ids.tolist()
            rows = unseen(ids, later)
            encoded[split] = LabelledBatch(*(column[rows] for column in encoded[split]))
            later += ids
        sizes = "; ".join(
            f"{(tokens.labels == NEGATIVE).sum():,} negative and "
            f"{(tokens.labels == POSITIVE).sum():,} positive {split}"
            for split, tokens in encoded.items()
        )
        source = f"{self.title}: {sizes}; {len(vocabulary) - 2:,} words"
        return Corpus(vocabulary, {**encoded}, source)


class YelpTransfer(Yelp):
    """The same sentences, to be rewritten with the other sentiment.

    Test scores are joined by those of Zhao et al. (2018) for transferred text: accuracy by a
    classifier fitted on the training text, BLEU against the sources, and both perplexities of
    5-grams; and by means of accuracy and BLEU.
    """

    def training_groups(self) -> list[Tensor]:
        """Negative and positive sentences; both authors' codes draw as many of each in a batch."""
        train = self.splits["train"]
        assert isinstance(train, LabelledBatch)
        return [(train.labels == label).nonzero().flatten() for label in (NEGATIVE, POSITIVE)]

    def aligned(self, split: Split) -> list[Sentence] | None:
        return self.sentences(split)

    def rewritings(self) -> dict[str, list[Sentence]]:
        """``copy``: the source as it is; ``other_style``: real sentences of the style to reach."""
        sources, tokens = self.sentences("test"), self.splits["test"]
        assert isinstance(tokens, LabelledBatch)
        labels = tokens.labels.tolist()
        real = {
            style: cycle([s for s, label in zip(sources, labels, strict=True) if label == style])
            for style in (NEGATIVE, POSITIVE)
        }
        return {"copy": sources, "other_style": [next(real[1 - label]) for label in labels]}

    def build_metrics(
        self, references: list[Sentence], train: list[Sentence] | None
    ) -> list[Metric]:
        metrics = super().build_metrics(references, train)
        # Several processes validate, and none has all sentences in order; a half has not all.
        if train is None or references is not self.sentences("test"):
            return metrics
        tokens, sources = self.splits["train"], self.splits["test"]
        assert isinstance(tokens, LabelledBatch)
        assert isinstance(sources, LabelledBatch)
        labelled = list(zip(train, tokens.labels.tolist(), strict=True))
        classes = ([s for s, label in labelled if label == of_it] for of_it in (NEGATIVE, POSITIVE))
        targets = (1 - sources.labels).tolist()
        metrics.append(TransferScores(style_classifier(*classes), targets))
        if "perplexity" not in self.extras:  # which are these two
            metrics += [
                Perplexity(train, self.vocabulary),
                ReversePerplexity(references, self.vocabulary),
            ]
        return metrics
