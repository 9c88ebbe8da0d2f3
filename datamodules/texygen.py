"""The two corpora that Texygen made customary (Zhu et al., 2018): COCO captions and WMT news."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from datamodules.arrow import Encoded
from datamodules.counted import CountedCorpus, chosen, tokenise, words_of
from datamodules.lines import read_lines
from datamodules.sources import GITHUB, Source

_TEXYGEN = f"{GITHUB}/geek-ai/Texygen/3104e22ac75f3cc2070da2bf5e2da6d2bef149ad/data"
_GANS_FALLING_SHORT = (
    f"{GITHUB}/pclucas14/GansFallingShort/e6be915b1aed7843d83f7d543bfb8de9f3d3461f"
    "/real_data_experiments/data/news"
)


@dataclass(frozen=True)
class COCOTexygen(CountedCorpus):
    """Texygen's image captions: 10,000 for training and 10,000 for test, lower case.

    Neither COCO captions of LeakGAN nor comparable with them. Texygen has no validation split: a
    tenth of training is held out. A few of the published test sentences are in training.
    """

    FOLDER = "coco-texygen"
    TITLE = "COCO captions of Texygen"
    DISJOINT = False
    SOURCES: ClassVar[dict[str, Source]] = {
        "image_coco.txt": Source(
            f"{_TEXYGEN}/image_coco.txt",
            "2c0fd1f0f43aac6a9dc3926a535516ccf395de535e15ac1fd17cd569420736f5",
        ),
        "test_coco.txt": Source(
            f"{_TEXYGEN}/testdata/test_coco.txt",
            "72e25c9fb4d2cd43182ac602c92f6ffc377762147f9709572943b0b09174bcae",
        ),
    }
    words: int = 4_682
    """The largest number published."""
    max_length: int = 37
    """The longest sentence."""

    def files(self) -> tuple[Path, ...]:
        return self.choose(tuple(self.SOURCES), ("texygen_train.txt", "texygen_test.txt"))

    def read(self) -> Encoded:
        train, test = (tokenise(read_lines(path)) for path in self.files())
        validation, train = chosen(train, len(train) // 10)
        return self.encode({"train": train, "validation": validation, "test": test})


@dataclass(frozen=True)
class EMNLPNews(CountedCorpus):
    """Sentences of EMNLP 2017 WMT news, as LeakGAN and Texygen chose them, cased.

    About 270,000 for training, 10,000 for validation and 10,000 for test.
    """

    FOLDER = "emnlp_news"
    TITLE = "EMNLP 2017 WMT news"
    SOURCES: ClassVar[dict[str, Source]] = {
        "train.txt": Source(
            f"{_GANS_FALLING_SHORT}/train.txt", "66abc879b4d72f13de02183b71cffb8f3e83b5bd"
        ),
        "valid.txt": Source(
            f"{_GANS_FALLING_SHORT}/valid.txt",
            "e66a6fdd1f6cb15cb8f851051e5c49062270e0de1e69213289ce50b88a1d7281",
        ),
        "test_emnlp.txt": Source(
            f"{_TEXYGEN}/testdata/test_emnlp.txt",
            "03c646d08f766f4140443db4419b1f0ee292bc0db514208873e9f2e166b95bd2",
        ),
    }
    words: int = 5_742
    """The largest number published."""
    max_length: int = 52
    """That of ScratchGAN; longer sentences are left out."""

    def files(self) -> tuple[Path, ...]:
        return self.choose(tuple(self.SOURCES), ("gfs_valid.txt.gz", "texygen_test.txt.gz"))

    @property
    def title(self) -> str:
        if len(self.files()) == len(self.SOURCES):
            return self.TITLE
        return f"stand-in for {self.TITLE}, trained on a part of its validation text"

    def read(self) -> Encoded:
        train, *validation, test = (words_of(read_lines(path)) for path in self.files())
        if not validation:
            held_out, train = chosen(train, len(train) // 10)
            validation = [held_out]
        return self.encode({"train": train, "validation": validation[0], "test": test})
