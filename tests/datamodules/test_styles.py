"""Sentences of several styles: labels, targets and the two layouts of Yahoo Answers."""

import csv
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
import torch

from datamodules import SNLITopics, YahooAnswers
from datamodules.snli_topics import topic_of
from datamodules.styles import other_styles
from datamodules.yahoo import BY_TOPIC, TOPICS, titles
from tests.datamodules.ready import ready
from textgan_bench.evaluation.scores import score
from textgan_bench.tokens import TransferBatch

SHARED = Path("../shared/data/snli")
WORDS = ("who", "what", "where", "when", "why", "how")
OF_TOPIC = {"science": "atoms", "music": "songs", "politics": "votes"}


def lines(part: str, topic: str) -> list[str]:
    return [f"{part} {a} do {OF_TOPIC[topic]} {b} {c} ?" for a, b, c in product(WORDS, repeat=3)]


def write_by_topic(folder: Path) -> None:
    for name in BY_TOPIC:
        part, number = name[:-5], int(name[-5])
        (folder / name).write_text("\n".join(lines(part, [*TOPICS][number - 1])) + "\n")


def write_tables(folder: Path) -> None:
    """As Zhang et al.: every cell quoted, quotes doubled, line breaks as two characters."""
    for part in ("train", "test"):
        with (folder / f"{part}.csv").open("w", newline="") as file:
            rows = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            for topic, number in TOPICS.items():
                for line in lines(part, topic):
                    rows.writerow([number, line.replace(" do ", "\\ndo "), 'a "word", two', "yes"])
                rows.writerow([3, f"health of {topic} ?", "", "no"])


@pytest.mark.parametrize("write", [write_by_topic, write_tables])
def test_either_layout_gives_topics_and_targets(write: object, tmp_path: Path) -> None:
    assert callable(write)
    write(tmp_path)
    data = ready(YahooAnswers(tmp_path), batch_size=9)
    assert "science, " in data.source
    sizes = {}
    for split, tokens in data.encoded.splits.items():
        assert isinstance(tokens, TransferBatch)
        for sentence, label in zip(data.sentences(split), tokens.labels.tolist(), strict=True):
            assert sentence[3] == [*OF_TOPIC.values()][label], sentence
            assert sentence[2] == "do", "a line break separates words"
            assert sentence[-1] == "?"
        pairs = Counter(zip(tokens.labels.tolist(), tokens.targets.tolist(), strict=True))
        assert len(pairs) == 6, "each topic is turned into each other"
        assert max(pairs.values()) - min(pairs.values()) <= 1
        sizes[split] = len(tokens.ids)
    held_out = 648 if write is write_by_topic else 3 * 21
    kept = 648 if write is write_by_topic else 3 * (216 - 21)
    assert sizes == {"train": kept, "validation": held_out, "test": 648}
    for batch in data.train_dataloader():
        assert isinstance(batch, TransferBatch)
        assert batch.labels.bincount().tolist() == [3, 3, 3]


def test_real_text_of_the_target_is_a_transfer_and_a_copy_is_none(tmp_path: Path) -> None:
    write_by_topic(tmp_path)
    data = ready(YahooAnswers(tmp_path))
    rewritings, metrics = data.rewritings(), data.metrics("test")
    other = score(metrics, rewritings["other_style"], data.aligned("test"))
    assert other["transfer_accuracy"] == 1
    copy = score(metrics, rewritings["copy"], data.aligned("test"))
    assert copy["transfer_accuracy"] == 0
    assert copy["source_bleu/4"] == 1


def test_without_the_questions_one_line_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text('"2","a","b","c"\n')
    for corpus in (YahooAnswers(tmp_path), YahooAnswers()):
        with pytest.raises(FileNotFoundError, match=r"train.csv and test.csv of Zhang .*, train2"):
            corpus.prepare()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('"2","why ?","because"', "row 2: the columns of Zhang"),
        ('"music","why ?","","because"', "row 2: the columns of Zhang"),
        ('"2","why" ?,"","because"', "no table of comma-separated values"),
    ],
)
def test_a_damaged_table_is_refused(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text(f'"8","who sings ?","","nobody"\n{row}\n')
    with pytest.raises(ValueError, match=message):
        titles(path)


def test_a_topic_without_a_question_is_refused(tmp_path: Path) -> None:
    write_by_topic(tmp_path)
    (tmp_path / "test2.txt").write_text("word " * 26 + "\n")
    with pytest.raises(ValueError, match="leaves no music sentence for test"):
        YahooAnswers(tmp_path).prepare()


def test_targets_of_two_styles_are_the_other() -> None:
    labels = torch.tensor([0, 1, 1, 0, 1])
    assert other_styles(labels).equal(1 - labels)


def test_the_first_noun_decides_the_topic() -> None:
    assert topic_of(["two", "women", "and", "a", "man"]) == 1
    assert topic_of(["kids", "and", "a", "lady"]) == 2
    assert topic_of(["a", "dog", "runs"]) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
def test_a_classifier_of_words_finds_the_topics_of_snli() -> None:
    """So that its accuracy on transfers means something, and copies have next to none."""
    data = ready(SNLITopics(SHARED))
    tokens = data.encoded.splits["test"]
    assert isinstance(tokens, TransferBatch)
    for sentence, label in zip(data.sentences("test"), tokens.labels.tolist(), strict=True):
        assert topic_of(sentence) in (label, None)  # a noun may be outside of the vocabulary
    metrics = data.metrics("test")
    other = score(metrics, data.rewritings()["other_style"], data.aligned("test"))
    assert other["transfer_accuracy"] > 0.95
