"""Corpora that the hub has as plain parquet: image captions, and the sentences of SNLI."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import ClassVar

from datamodules.lines import read_lines
from datamodules.sources import HUB, Source, parquet_files, read_columns
from datamodules.text import HELD_OUT, TextCorpus, chosen, tokenise, words_of
from textgan_bench.interfaces import Sentence, Split

_SNLI = f"{HUB}/stanfordnlp/snli@cdb5c3d5eed6ead6e5a341c8e56e669bb666725b/plain_text"
_COCO2014 = f"{HUB}/justram/COCO2014-Captions"
_COCO2017 = f"{HUB}/phiyodr/coco2017@036f3f8291db64d17faad9b09e59dd30bb65c4d7/data"


class HubCorpus(TextCorpus):
    """The distinct sentences of some columns of a data set of the hub.

    A local folder holds its parquet files, laid out as on the hub, or the stand-in for them.
    """

    COLUMNS: ClassVar[Sequence[str]]
    PARTS: ClassVar[dict[Split, str]]
    """The hub's names of the splits; where it has no test part, validation gives both."""
    STAND_IN: ClassVar[Sequence[str]]

    def files(self) -> tuple[Path, ...]:
        parts = dict.fromkeys(self.PARTS.values())
        found = [parquet_files(self.folder, part) for part in parts]
        if all(found):
            return tuple(path for paths in found for path in paths)
        return self.choose([f"{part}.parquet" for part in parts], self.STAND_IN)

    @property
    def is_published(self) -> bool:
        return self.files()[0].suffix == ".parquet"

    @property
    def title(self) -> str:
        return self.TITLE if self.is_published else f"stand-in for {self.TITLE}"

    def texts(self) -> dict[Split, list[Sentence]]:
        return self.published() if self.is_published else self.stand_in()

    def published(self) -> dict[Split, list[Sentence]]:
        """All of the training part, and ``HELD_OUT`` sentences for each of the others."""
        texts = {split: self.sentences_of(part) for split, part in self.PARTS.items()}
        validation, rest = chosen(texts["validation"], HELD_OUT, self.fits)
        test, _ = chosen(texts.get("test", rest), HELD_OUT, self.fits)
        return {"train": texts["train"], "validation": validation, "test": test}

    def sentences_of(self, part: str) -> list[Sentence]:
        """The distinct lines of all columns: SNLI repeats a premise for each hypothesis of it."""
        files = (read_columns(path, self.COLUMNS) for path in parquet_files(self.folder, part))
        return tokenise(list(dict.fromkeys(chain.from_iterable(chain.from_iterable(files)))))

    def stand_in(self) -> dict[Split, list[Sentence]]:
        """Tokenised lines; validation is held out of training, a tenth of it at most."""
        train_file, test_file = self.files()
        lines = words_of(read_lines(train_file))
        validation, train = chosen(lines, min(HELD_OUT, len(lines) // 10), self.fits)
        test, _ = chosen(words_of(read_lines(test_file)), HELD_OUT, self.fits)
        return {"train": train, "validation": validation, "test": test}


class SNLI(HubCorpus):
    """Sentences of the Stanford natural language inference corpus, as NAGAN reads it.

    Bowman et al. (2015); Huang et al. (2021, A.4.3): premises and hypotheses without their links,
    714,667 / 5,000 / 5,000 sentences of 42,981 words, cut at 40. How those sentences were chosen is
    not stated: here they are all distinct ones, in the corpus's own splits and case.

    Args:
        data_dir: folder of the parquet files or of the stand-in; downloaded if None.
        words: in the vocabulary, at most; 42,981 in NAGAN.
        max_length: T; 40 in NAGAN.
        batch_size: 64 in NAGAN (Table 9, real data).
        batches_per_epoch: 1,500 in NAGAN (A.7); one pass over the data if None.

    Raises:
        FileNotFoundError: the folder or a file is missing, or cannot be downloaded.
        UserError: a size is not positive, or a file is damaged.
    """

    FOLDER: ClassVar[str] = "snli"
    TITLE: ClassVar[str] = "sentences of SNLI"
    CUT: ClassVar[bool] = True
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
    COLUMNS: ClassVar[Sequence[str]] = ("premise", "hypothesis")
    PARTS: ClassVar[dict[Split, str]] = {
        "train": "train",
        "validation": "validation",
        "test": "test",
    }
    STAND_IN: ClassVar[Sequence[str]] = ("sentences_train.txt.gz", "sentences_test.txt.gz")

    def __init__(
        self,
        data_dir: str | Path | None = None,
        words: int = 42_981,
        max_length: int = 40,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(data_dir, words, max_length, batch_size, batches_per_epoch)


class SNLIARAE(SNLI):
    """The same sentences as ARAE reads them (Zhao et al., 2018, ``lang/run_snli.py``).

    Lower case, the 11,000 most frequent words, at most 15 of them: longer sentences are left out.
    """

    TITLE: ClassVar[str] = "sentences of SNLI as ARAE reads them"
    CUT: ClassVar[bool] = False

    def __init__(
        self,
        data_dir: str | Path | None = None,
        words: int = 11_000,
        max_length: int = 15,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(data_dir, words, max_length, batch_size, batches_per_epoch)

    def texts(self) -> dict[Split, list[Sentence]]:
        return {
            split: [[word.lower() for word in sentence] for sentence in sentences]
            for split, sentences in super().texts().items()
        }


class COCO2014(HubCorpus):
    """All captions of MS COCO 2014 in Karpathy's split, cased, one token a word or mark.

    Not the captions of LeakGAN: more of them, and another vocabulary. Chen et al. (2015).

    Args:
        data_dir: folder of the parquet files or of the stand-in; downloaded if None.
        words: in the vocabulary, at most; 10,000, the size customary in captioning.
        max_length: T; longer captions are left out; 32 as in LeakGAN's captions.
        batch_size: 64 as for LeakGAN's captions.
        batches_per_epoch: one pass over the data if None.

    Raises:
        FileNotFoundError: the folder or a file is missing, or cannot be downloaded.
        UserError: a size is not positive, or a file is damaged.
    """

    FOLDER: ClassVar[str] = "coco-2014"
    TITLE: ClassVar[str] = "captions of COCO 2014"
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
    COLUMNS: ClassVar[Sequence[str]] = ("caption",)
    PARTS: ClassVar[dict[Split, str]] = {"train": "train", "validation": "val", "test": "test"}
    STAND_IN: ClassVar[Sequence[str]] = ("captions_raw.txt.gz",)

    def __init__(
        self,
        data_dir: str | Path | None = None,
        words: int = 10_000,
        max_length: int = 32,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(data_dir, words, max_length, batch_size, batches_per_epoch)

    def stand_in(self) -> dict[Split, list[Sentence]]:
        lines = tokenise(read_lines(self.files()[0]))
        test, others = chosen(lines, HELD_OUT, self.fits)
        validation, train = chosen(others, HELD_OUT, self.fits)
        return {"train": train, "validation": validation, "test": test}


class COCO2017(COCO2014):
    """All captions of MS COCO 2017, whose validation images make both validation and test."""

    FOLDER: ClassVar[str] = "coco-2017"
    TITLE: ClassVar[str] = "captions of COCO 2017"
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
    COLUMNS: ClassVar[Sequence[str]] = ("captions",)
    PARTS: ClassVar[dict[Split, str]] = {"train": "train", "validation": "validation"}
