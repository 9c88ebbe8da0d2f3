"""Semi-supervised inference, on pairs whose label is a word of the hypothesis."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from benchmarks.figures import entailment
from benchmarks.figures.entailment import (
    PUBLISHED,
    SHARES,
    SUPERVISED,
    Classifier,
    Result,
    accuracy,
    anew,
    encoder_of,
    fit,
    load,
    measure,
    page,
    read_pairs,
    table,
)
from tests.boring import BoringData
from textgan_bench.errors import MissingError, UserError
from textgan_bench.files import replace_rows
from textgan_bench.methods import MLE
from textgan_bench.networks.sentence_codes import Encoder
from textgan_bench.tokens import Vocabulary
from textgan_bench.training.run import Run

WORDS = ("yes", "perhaps", "no")
VOCABULARY = Vocabulary(("<pad>", "<unk>", "a", "man", "rides", *WORDS))


def write_pairs(folder: Path, n: int = 120) -> None:
    for part in entailment.PARTS:
        labels = [row % 4 - 1 for row in range(n)]  # a quarter without a label that people agree on
        columns = {
            "premise": [f"A man rides{'.' * (row % 2)}" for row in range(n)],
            "hypothesis": [f"A {WORDS[max(label, 0)]} MAN" for label in labels],
            "label": labels,
        }
        pq.write_table(pa.table(columns), folder / f"{part}.parquet")


def test_pairs_are_read_with_their_labels(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    pairs = read_pairs(tmp_path, "test", VOCABULARY, 3)
    assert pairs.labels.tolist() == [0, 1, 2] * 30
    words = VOCABULARY.decode_batch(pairs.hypotheses)
    assert words[:3] == [["a", word, "man"] for word in WORDS]
    assert set(map(tuple, VOCABULARY.decode_batch(pairs.premises))) == {("a", "man", "rides")}


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"lacks train.parquet: labelled pairs .* stand-in"):
        read_pairs(tmp_path, "train", VOCABULARY, 3)
    columns = {"premise": ["a"], "hypothesis": ["a"], "label": ["neutral"]}
    pq.write_table(pa.table(columns), tmp_path / "train.parquet")
    with pytest.raises(UserError, match="label holds string"):
        read_pairs(tmp_path, "train", VOCABULARY, 3)
    pq.write_table(pa.table({"premise": ["a"], "hypothesis": ["a"]}), tmp_path / "train.parquet")
    with pytest.raises(UserError, match="has no labels"):
        read_pairs(tmp_path, "train", VOCABULARY, 3)


def test_a_classifier_learns_what_decides(tmp_path: Path) -> None:
    write_pairs(tmp_path, 400)
    train, validation, test = (
        read_pairs(tmp_path, part, VOCABULARY, 3) for part in entailment.PARTS
    )
    torch.manual_seed(0)
    model = Classifier(Encoder(len(VOCABULARY), 8, 16))
    before = accuracy(model, test)
    assert before <= 1 / 3 + 1e-9, "one label is chosen for all pairs that differ in nothing seen"
    assert accuracy(fit(model, train, validation, epochs=40), test) > 0.95


def test_an_encoder_anew_has_the_sizes_and_none_of_the_weights() -> None:
    old = Encoder(len(VOCABULARY), 8, 16)
    new = anew(old)
    shapes = [weight.shape for weight in old.parameters()]
    assert [weight.shape for weight in new.parameters()] == shapes
    assert not any(map(torch.equal, old.parameters(), new.parameters()))


def test_each_encoder_is_tried_at_each_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pairs(tmp_path, 400)
    learnt = Encoder(len(VOCABULARY), 8, 16)
    monkeypatch.setattr(entailment, "encoder_of", lambda run: (learnt, VOCABULARY, 3))
    monkeypatch.setattr(
        Run, "load_config", lambda run: {"evaluate": {"method": "arae", "budget": "cpu"}}
    )
    started: list[Encoder] = []

    def fitted(model: Classifier, *_: object) -> Classifier:
        started.append(model.encoder)
        return model

    monkeypatch.setattr(entailment, "fit", fitted)
    results = measure([Run(tmp_path)], tmp_path, 1, 0)
    assert [(result.encoder, result.share) for result in results] == [
        (name, share) for share in SHARES for name in (SUPERVISED, "arae")
    ]
    assert [result.pairs for result in results] == [67, 67, 32, 32, 16, 16]  # of 300
    for supervised, pretrained in zip(started[::2], started[1::2], strict=True):
        for ours, theirs, old in zip(
            supervised.parameters(), pretrained.parameters(), learnt.parameters(), strict=True
        ):
            assert theirs.equal(old)
            assert theirs is not old, "a share must not train on where the one before ended"
            assert not ours.equal(old)


def test_a_method_without_an_encoder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = BoringData()
    model = MLE(data.vocab_size, data.max_length, embedding=2, hidden=2)
    monkeypatch.setattr(entailment, "load_trained", lambda folder: (model, data))
    with pytest.raises(UserError, match="MLE has no encoder of sentences"):
        encoder_of(Run(Path("any")))


def test_the_table_has_the_figures_of_the_paper(tmp_path: Path) -> None:
    results = [
        Result(SUPERVISED, "", "medium", 120, 0.61),
        Result("arae", "cpu", "medium", 120, 0.655),
        Result("vae", "cpu", "medium", 120, 0.6),
    ]
    replace_rows(tmp_path / "found.csv", Result._fields, results)
    assert load(tmp_path / "found.csv") == results
    assert table(results).splitlines()[2:] == [
        f"| {SUPERVISED} | – | 0.610 | 0.659 |",
        "| arae | cpu | 0.655 | 0.709 |",
        "| vae | cpu | 0.600 | – |",
    ]
    assert all(list(row) == list(SHARES) for row in PUBLISHED.values())


def test_a_page_without_measurements_says_how_to_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entailment, "ACCURACIES", tmp_path / "none.csv")
    assert "python -m benchmarks.figures.entailment --pairs" in page()
