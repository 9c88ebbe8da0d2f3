"""Corpora that the hub has as plain parquet: image captions, and the sentences of SNLI."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import ClassVar

from datamodules.arrow import Encoded
from datamodules.corpus import FileCorpus
from datamodules.counted import HELD_OUT, CountedCorpus, chosen, tokenise, words_of
from datamodules.lines import read_lines
from datamodules.sources import HUB, Source, parquet_files, read_columns
from textgan_bench.interfaces import Split
from textgan_bench.tokens import Sentence

_SNLI = f"{HUB}/stanfordnlp/snli@cdb5c3d5eed6ead6e5a341c8e56e669bb666725b/plain_text"
_COCO2014 = f"{HUB}/justram/COCO2014-Captions"
_COCO2017 = f"{HUB}/phiyodr/coco2017@036f3f8291db64d17faad9b09e59dd30bb65c4d7/data"

Texts = dict[Split, list[Sentence]]


@dataclass(frozen=True)
class HubText:
    """The distinct sentences of some columns of a data set of the hub.

    A local folder holds its parquet files, laid out as on the hub, or the stand-in for them.
    """

    columns: tuple[str, ...]
    parts: Mapping[Split, str]
    """The hub's names of the splits; where it has no test part, validation gives both."""
    stand_in: tuple[str, ...]
    """Files of lines that stand in for those of the hub."""

    def files(self, corpus: FileCorpus) -> tuple[Path, ...]:
        parts = dict.fromkeys(self.parts.values())
        found = [parquet_files(corpus.folder, part) for part in parts]
        if all(found):
            return tuple(path for paths in found for path in paths)
        return corpus.choose([f"{part}.parquet" for part in parts], self.stand_in)

    def is_published(self, corpus: FileCorpus) -> bool:
        return self.files(corpus)[0].suffix == ".parquet"

    def title(self, corpus: FileCorpus) -> str:
        return corpus.TITLE if self.is_published(corpus) else f"stand-in for {corpus.TITLE}"

    def published(self, corpus: FileCorpus) -> Texts:
        """All of the training part, and ``HELD_OUT`` sentences that fit for each of the others."""
        texts = {split: self._sentences(corpus.folder, part) for split, part in self.parts.items()}
        validation, rest = chosen(texts["validation"], HELD_OUT, corpus.fits)
        test, _ = chosen(texts.get("test", rest), HELD_OUT, corpus.fits)
        return {"train": texts["train"], "validation": validation, "test": test}

    def _sentences(self, folder: Path, part: str) -> list[Sentence]:
        """The distinct lines of all columns: SNLI repeats a premise for each hypothesis of it."""
        files = (read_columns(path, self.columns) for path in parquet_files(folder, part))
        return tokenise(list(dict.fromkeys(chain.from_iterable(chain.from_iterable(files)))))


@dataclass(frozen=True)
class SNLI(CountedCorpus):
    """Sentences of the Stanford natural language inference corpus, as NAGAN reads it.

    Bowman et al. (2015); Huang et al. (2021, A.4.3): premises and hypotheses without their links,
    714,667 / 5,000 / 5,000 sentences of 42,981 words, cut at 40. How those sentences were chosen is
    not stated: here they are all distinct ones, in the corpus's own splits and case.
    """

    FOLDER = "snli"
    TITLE = "sentences of SNLI"
    CUT = True
    SOURCES: ClassVar[dict[str, Source]] = {
        "train.parquet": Source(
            f"{_SNLI}/train-00000-of-00001.parquet",
            "ef9a7b25d97390a62aeda7abe26aec8640600f50b818eaeb9107097d60ac6620",
        ),
        "validation.parquet": Source(
            f"{_SNLI}/validation-00000-of-00001.parquet",
            "00f5ed8deaed007fef3022f0215b287efbab815b1bb31ac3f3ff4f4129d41ffe",
        ),
        "test.parquet": Source(
            f"{_SNLI}/test-00000-of-00001.parquet",
            "4696deda851c4d2385f26b58f2e13f9ed9f08ea7b42a3f4c2b97a9d08448878c",
        ),
    }
    HUB: ClassVar[HubText] = HubText(
        ("premise", "hypothesis"),
        {"train": "train", "validation": "validation", "test": "test"},
        ("sentences_train.txt.gz", "sentences_test.txt.gz"),
    )
    words: int = 42_981
    max_length: int = 40

    def files(self) -> tuple[Path, ...]:
        return self.HUB.files(self)

    @property
    def title(self) -> str:
        return self.HUB.title(self)

    def read(self) -> Encoded:
        return self.encode(self.texts())

    def texts(self) -> Texts:
        if self.HUB.is_published(self):
            return self.HUB.published(self)
        train_file, test_file = self.files()
        lines = words_of(read_lines(train_file))
        # Validation is held out of training, a tenth of it at most.
        validation, train = chosen(lines, min(HELD_OUT, len(lines) // 10), self.fits)
        test, _ = chosen(words_of(read_lines(test_file)), HELD_OUT, self.fits)
        return {"train": train, "validation": validation, "test": test}


@dataclass(frozen=True)
class SNLIARAE(SNLI):
    """The same sentences as ARAE reads them (Zhao et al., 2018, ``lang/run_snli.py``).

    Lower case, the 11,000 most frequent words, at most 15 of them: longer sentences are left out.
    """

    TITLE = "sentences of SNLI as ARAE reads them"
    CUT = False
    words: int = 11_000
    max_length: int = 15

    def read(self) -> Encoded:
        return self.encode(
            {
                split: [[word.lower() for word in sentence] for sentence in sentences]
                for split, sentences in self.texts().items()
            }
        )


@dataclass(frozen=True)
class COCO2014(CountedCorpus):
    """All captions of MS COCO 2014 in Karpathy's split, cased, one token a word or mark.

    Not the captions of LeakGAN: more of them, and another vocabulary. Chen et al. (2015).
    """

    FOLDER = "coco-2014"
    TITLE = "captions of COCO 2014"
    SOURCES: ClassVar[dict[str, Source]] = {
        "train.parquet": Source(
            f"{_COCO2014}@dbedda07a37cebd1b62bc170c6150f317e0a8243/data/"
            "train-00000-of-00001-b22be6d04082f592.parquet",
            "81010ca4299a3a52d8d6348d10c6c38d1756d40143359252607b6493b6fc559b",
        ),
        "val.parquet": Source(
            f"{_COCO2014}@dbedda07a37cebd1b62bc170c6150f317e0a8243/data/"
            "val-00000-of-00001-de098eb0136573bf.parquet",
            "3a1c57c5eff3d962e134556066eb8da8699aa8db0a6f2b1223087dcfbe84bc53",
        ),
        # Its copy by the hub: of the commit that added the file itself no full name was to be had.
        "test.parquet": Source(
            f"{_COCO2014}@234eb492457071502a78ed96698bfaa22a0e23f1/default/test/0000.parquet"
        ),
    }
    HUB: ClassVar[HubText] = HubText(
        ("caption",),
        {"train": "train", "validation": "val", "test": "test"},
        ("captions_raw.txt.gz",),
    )
    words: int = 10_000
    """The size customary in captioning."""
    max_length: int = 32
    """As in LeakGAN's captions; longer ones are left out."""

    def files(self) -> tuple[Path, ...]:
        return self.HUB.files(self)

    @property
    def title(self) -> str:
        return self.HUB.title(self)

    def read(self) -> Encoded:
        if self.HUB.is_published(self):
            return self.encode(self.HUB.published(self))
        lines = tokenise(read_lines(self.files()[0]))
        test, others = chosen(lines, HELD_OUT, self.fits)
        validation, train = chosen(others, HELD_OUT, self.fits)
        return self.encode({"train": train, "validation": validation, "test": test})


@dataclass(frozen=True)
class COCO2017(COCO2014):
    """All captions of MS COCO 2017, whose validation images make both validation and test."""

    FOLDER = "coco-2017"
    TITLE = "captions of COCO 2017"
    SOURCES: ClassVar[dict[str, Source]] = {
        "train.parquet": Source(
            f"{_COCO2017}/train-00000-of-00001-0084e041f1902997.parquet",
            "b9d8b200f1cec4f7398519001d5c9c732e2d5e9eb7e6263a3de53a6798e1d520",
        ),
        "validation.parquet": Source(
            f"{_COCO2017}/validation-00000-of-00001-e3c37e369512a3aa.parquet",
            "9f3d4cb8ef3f54f1d7b3ae6e023f753d5d2320185f6bf2348236dbbe2af23182",
        ),
    }
    HUB: ClassVar[HubText] = HubText(
        ("captions",), {"train": "train", "validation": "validation"}, ("captions_raw.txt.gz",)
    )
