"""Labels stay with their sentences, and rewritten sentences stay out of training."""

from pathlib import Path

import pytest
import torch

from datamodules import Yelp, YelpTransfer
from datamodules.lines import read_lines
from datamodules.yelp import PUBLISHED
from textgan_bench.scoring import score
from textgan_bench.tokens import LabelledBatch

SHARED = Path("../shared/data/yelp")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
def test_labels_are_those_of_the_files() -> None:
    data = Yelp(SHARED)
    data.setup()
    test = data.splits["test"]
    assert isinstance(test, LabelledBatch)
    assert torch.bincount(test.labels).tolist() == [2_500, 2_500]
    for label, name in ((0, "neg"), (1, "pos")):
        lines = set(read_lines(SHARED / f"shen_dev_{name}.txt.gz"))
        rows = (test.labels == label).tolist()
        sentences = zip(data.sentences("test"), rows, strict=True)
        known = [" ".join(s) for s, of_it in sentences if of_it and "<unk>" not in s]
        assert len(known) > 2_300, "nearly every word is in training too"
        assert lines.issuperset(known)
    rewritten = {
        line for name in ("neg", "pos") for line in read_lines(SHARED / f"li_test_{name}.txt")
    }
    assert len(rewritten) == 1_000
    assert rewritten.isdisjoint(map(" ".join, data.sentences("train")))


def published(folder: Path) -> None:
    words = ("good", "bad", "food", "place", "staff")
    for name in PUBLISHED:
        _, part, label = name.split(".")
        lines = [f"{part} {a} {b} {'no' if label == '0' else 'yes'}" for a in words for b in words]
        (folder / name).write_text("\n".join(lines) + "\n")


def test_batches_of_transfer_hold_as_many_sentences_of_each_style(tmp_path: Path) -> None:
    published(tmp_path)
    data = YelpTransfer(tmp_path, batch_size=8)
    data.setup()
    batches = list(data.train_dataloader())
    assert len(batches) == 25 // 4
    for batch in batches:
        assert isinstance(batch, LabelledBatch)
        assert batch.labels.bincount().tolist() == [4, 4]


def test_a_batch_that_both_styles_cannot_share_is_refused(tmp_path: Path) -> None:
    published(tmp_path)
    data = YelpTransfer(tmp_path, batch_size=7)
    data.setup()
    with pytest.raises(ValueError, match="batch_size=7 is no multiple of the 2 groups"):
        data.train_dataloader()


def test_the_published_layout(tmp_path: Path) -> None:
    published(tmp_path)
    data = Yelp(tmp_path, batch_size=5)
    data.setup()
    assert "stand-in" not in data.source
    for split, part in (("train", "train"), ("validation", "dev"), ("test", "test")):
        tokens = data.splits[split]  # type: ignore[index]
        assert isinstance(tokens, LabelledBatch)
        assert len(tokens.ids) == 50
        for sentence, label in zip(data.sentences(split), tokens.labels.tolist(), strict=True):  # type: ignore[arg-type]
            assert sentence[-1] == ("no", "yes")[label]
            assert sentence[0] in (part, "<unk>")
    (batch, *_) = data.train_dataloader()
    assert isinstance(batch, LabelledBatch)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
def test_a_copy_keeps_everything_and_transfers_next_to_nothing() -> None:
    data = YelpTransfer(SHARED)
    data.setup("test")
    metrics = data.metrics("test")
    scores = score(metrics, data.sentences("test"), data.aligned("test"))
    assert scores["source_bleu/4"] == pytest.approx(1)
    assert scores["transfer_accuracy"] < 0.1, "as much as the classifier errs on real text"
    assert scores["perplexity/kn5"] > 1
    assert scores["reverse_perplexity/kn5"] > 1
    with pytest.raises(ValueError, match="more than"):
        score(metrics, [*data.sentences("test"), ["good"]])
    assert "transfer_accuracy" not in score(data.metrics("validation"), data.sentences("test"))
