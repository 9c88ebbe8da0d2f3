"""Labels stay with their sentences, and rewritten sentences stay out of training."""

import string
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch

from datamodules import Yelp, YelpTransfer
from datamodules.lines import read_lines
from datamodules.yelp import PUBLISHED
from tests.datamodules.ready import ready
from textgan_bench import leaderboard
from textgan_bench.evaluation.anchors import write_missing_anchors
from textgan_bench.evaluation.scores import score
from textgan_bench.interfaces import Split
from textgan_bench.leaderboard.tables import best
from textgan_bench.tokens import LabelledBatch, TransferBatch

SHARED = Path("../shared/data/yelp")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
def test_labels_are_those_of_the_files() -> None:
    data = ready(Yelp(SHARED))
    test = data.encoded.splits["test"]
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
    data = ready(YelpTransfer(tmp_path), batch_size=8)
    batches = list(data.train_dataloader())
    assert len(batches) == 25 // 4
    for batch in batches:
        assert isinstance(batch, TransferBatch)
        assert batch.labels.bincount().tolist() == [4, 4]
        assert batch.targets.tolist() == (1 - batch.labels).tolist()


def test_a_batch_that_both_styles_cannot_share_is_refused(tmp_path: Path) -> None:
    published(tmp_path)
    data = ready(YelpTransfer(tmp_path), batch_size=7)
    with pytest.raises(ValueError, match="batch_size=7 is no multiple of the 2 groups"):
        data.train_dataloader()


def test_the_published_layout(tmp_path: Path) -> None:
    published(tmp_path)
    data = ready(Yelp(tmp_path), batch_size=5)
    assert "stand-in" not in data.source
    parts: dict[Split, str] = {"train": "train", "validation": "dev", "test": "test"}
    for split, part in parts.items():
        tokens = data.encoded.splits[split]
        assert isinstance(tokens, LabelledBatch)
        assert len(tokens.ids) == 50
        for sentence, label in zip(data.sentences(split), tokens.labels.tolist(), strict=True):
            assert sentence[-1] == ("no", "yes")[label]
            assert sentence[0] in (part, "<unk>")
    (batch, *_) = data.train_dataloader()
    assert isinstance(batch, LabelledBatch)


OPINIONS = ("awful", "bad", "rude", "slow"), ("good", "great", "kind", "quick")


def write_opinions(folder: Path) -> None:
    """The published files, of sentences whose style is one word."""
    random = Random(0)
    for name in PUBLISHED:
        _, _, label = name.split(".")
        lines = [
            f"the {random.choice(string.ascii_lowercase)} was {random.choice(OPINIONS[int(label)])}"
            f" and so was {random.choice(string.ascii_lowercase)} {random.randrange(30)}"
            for _ in range(400)
        ]
        (folder / name).write_text("\n".join(lines) + "\n")


def opposite(sentence: list[str]) -> list[str]:
    turned = dict(zip(*OPINIONS, strict=True)) | dict(zip(*OPINIONS[::-1], strict=True))
    return [turned.get(word, word) for word in sentence]


@pytest.mark.filterwarnings("ignore:the text is too small or too uniform")
def test_anchors_bound_a_transfer_and_two_constant_sentences_lead_no_column(tmp_path: Path) -> None:
    write_opinions(tmp_path)
    data = ready(YelpTransfer(tmp_path), batch_size=5)
    data.judge_by(extras=["nearest"])
    write_missing_anchors("yelp-transfer", data, tmp_path)
    records = leaderboard.load_records(tmp_path)
    anchors = {record.method: record.scores for record in records}
    sources, metrics = data.sentences("test"), data.metrics("test")
    assert anchors["copy"]["source_bleu/4"] == 1
    assert anchors["copy"]["transfer_accuracy"] < 0.1
    assert anchors["other_style"]["transfer_accuracy"] > 0.9
    assert anchors["other_style"]["source_bleu/4"] < 0.5
    # What is relative to the training text is that of other real text, the rest of training text.
    held_out = score(metrics, sources)
    for key in ("perplexity/kn5", "nearest_ngram", "nearest/hash128", "novel_sentences"):
        assert anchors["real"][key] == held_out[key]
        assert anchors["real"][key] != score(metrics, data.sentences("train"))[key]
    assert anchors["real"]["bleu_f/5"] < held_out["bleu_f/5"] == pytest.approx(1)

    random, tokens = Random(1), data.encoded.splits["test"]
    assert isinstance(tokens, TransferBatch)
    constant = [
        ["the", "a", "was", OPINIONS[1 - label][0], "and", "so", "was", "b", "1"]
        for label in tokens.labels.tolist()
    ]
    words = data.vocabulary.tokens[2:]
    texts = {
        "constant": constant,
        "poor": [random.choices(words, k=12) for _ in sources],
        "poorer": [random.choices(words, k=15) for _ in sources],
        "good": [opposite(s) if random.random() < 0.7 else s for s in sources],
    }
    run = next(record for record in records if record.method == "copy")
    runs = {
        name: replace(
            run,
            method=name,
            source="run",
            budget="quick",
            scores=score(metrics, text, data.aligned("test")),
        )
        for name, text in texts.items()
    }
    assert runs["constant"].scores["transfer_accuracy"] == 1
    for rivals in (("poor", "poorer"), ("poor", "good")):
        rows = [*records, *(runs[name] for name in ("constant", *rivals))]
        (block,) = (b for b in leaderboard.blocks(rows) if len(b.rows) > 1)
        led = {row.method for column in block.columns for row in best(column, block.rows)}
        assert "constant" not in led
        assert rivals[1] in led
    for key in ("source_g2/4", "source_h2/4"):
        assert runs["constant"].scores[key] < runs["good"].scores[key]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
def test_a_copy_keeps_everything_and_transfers_next_to_nothing() -> None:
    data = ready(YelpTransfer(SHARED))
    metrics = data.metrics("test")
    scores = score(metrics, data.sentences("test"), data.aligned("test"))
    assert scores["source_bleu/4"] == 1
    assert scores["transfer_accuracy"] < 0.1, "as much as the classifier errs on real text"
    assert scores["perplexity/kn5"] == pytest.approx(74.6, abs=0.1)
    assert scores["reverse_perplexity/kn5"] > 1
    real = score(metrics, data.rewritings()["other_style"], data.aligned("test"))
    assert real["transfer_accuracy"] == pytest.approx(1 - scores["transfer_accuracy"])
    assert real["perplexity/kn5"] == pytest.approx(scores["perplexity/kn5"])
    assert "transfer_accuracy" not in score(data.metrics("validation"), data.sentences("test"))
