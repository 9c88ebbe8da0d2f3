"""Sentences of Yelp reviews with the sentiment of each (Shen et al., 2017)."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from datamodules.arrow import Encoded
from datamodules.counted import HELD_OUT, CountedCorpus, chosen, words_of
from datamodules.judging import Judging, Transfer
from datamodules.lines import read_lines
from datamodules.sources import GITHUB, Source
from datamodules.styles import Labelled, encode_styles, rows_of_styles, with_targets
from textgan_bench.tokens import Batch

STYLES = ("negative", "positive")
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


@dataclass(frozen=True)
class Yelp(CountedCorpus):
    """Sentences of at most 15 words, lower case, labelled negative (0) or positive (1).

    Validation and test are 2,500 sentences of each label. The stand-in trains on the published test
    files and holds out the published validation files; the sentences for which Li et al. (2018)
    collected rewrites are kept out of its training.
    """

    FOLDER = "yelp"
    TITLE = "Yelp sentences of Shen et al."
    SOURCES: ClassVar[dict[str, Source]] = {
        name: Source(f"{_SHEN}/{name}", checksum) for name, checksum in _CHECKSUMS.items()
    }
    words: int = 10_000
    """More than the text has."""
    max_length: int = 15
    """The longest published sentence."""

    def files(self) -> tuple[Path, ...]:
        return self.choose(PUBLISHED, STAND_IN)

    @property
    def title(self) -> str:
        if self.files()[0].name == PUBLISHED[0]:
            return self.TITLE
        return f"stand-in for {self.TITLE}: their test files for training, validation held out"

    def labelled(self) -> Labelled:
        """Negative and positive sentences of each split, duplicates left in."""
        parts = [words_of(read_lines(path)) for path in self.files()]
        texts: Labelled = {"train": [], "validation": [], "test": []}
        for label in range(len(STYLES)):
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

    def read(self) -> Encoded:
        return encode_styles(self, self.labelled(), STYLES)


@dataclass(frozen=True)
class YelpTransfer(Yelp):
    """The same sentences, to be rewritten with the other sentiment."""

    @property
    def judging(self) -> Judging:
        return Transfer()

    def read(self) -> Encoded:
        return with_targets(super().read())

    def training_groups(self, train: Batch) -> list[Tensor]:
        """Negative and positive sentences; both authors' codes draw as many of each in a batch."""
        return rows_of_styles(train)
