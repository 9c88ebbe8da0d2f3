"""The shipped oracle against hmmlearn and its own description, and the script that made it."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hmmlearn.hmm import CategoricalHMM

from datamodules.hmm import HMM, ORACLE, SEEDS, SIZES, HMMOracle
from datamodules.oracle import fit
from tests.datamodules.ready import ready
from textgan_bench.errors import UserError
from textgan_bench.tokens import TokenBatch

CAPTIONS = Path("../shared/data/coco/large_train.txt.gz")


@pytest.fixture(scope="module")
def oracle() -> HMMOracle:
    return HMMOracle()


@pytest.fixture(scope="module")
def description() -> dict[str, float]:
    figures: dict[str, float] = json.loads(ORACLE.with_suffix(".json").read_text())
    return figures


def by_hmmlearn(parameters: Mapping[str, np.ndarray]) -> CategoricalHMM:
    start, transition, emission = (
        parameters[name].astype(np.float64) for name in ("start", "transition", "emission")
    )
    model = CategoricalHMM(len(start), n_features=emission.shape[1], implementation="scaling")
    model.startprob_ = start / start.sum()
    model.transmat_ = transition / transition.sum(axis=1, keepdims=True)
    model.emissionprob_ = emission / emission.sum(axis=1, keepdims=True)
    return model


def nll_by_hmmlearn(parameters: Mapping[str, np.ndarray], captions: list[list[str]]) -> float:
    """Nats per word of the captions' known words."""
    index = {word: i for i, word in enumerate(parameters["words"].tolist())}
    known = [[index[word] for word in caption if word in index] for caption in captions]
    symbols = [symbol for caption in known for symbol in caption]
    lengths = [len(caption) for caption in known if caption]
    return -float(by_hmmlearn(parameters).score(np.array(symbols)[:, None], lengths) / len(symbols))


def test_log_prob_agrees_with_hmmlearn_on_the_shipped_parameters(oracle: HMMOracle) -> None:
    with np.load(ORACLE) as arrays:
        model = by_hmmlearn(arrays)
    likely = oracle.sample(40, seed=9)
    unlikely = torch.randint(1, 501, (10, 20), generator=torch.Generator().manual_seed(0))
    batch = TokenBatch(
        torch.cat([likely.ids, unlikely]), torch.tensor([20] * 40 + list(range(1, 11)))
    )
    results = oracle.log_prob(batch).tolist()
    for row, length, log_prob in zip(batch.ids, batch.lengths.tolist(), results, strict=True):
        expected = model.score((row[:length, None] - 1).numpy())
        assert abs(log_prob - expected) / length < 1e-10


def test_every_word_is_possible(oracle: HMMOracle) -> None:
    """Mixing with 1e-6 uniform leaves each word at least 2e-9 in each state: 20.03 nats."""
    worst = min(
        oracle.log_prob(TokenBatch(torch.full((1, 20), word), torch.tensor([20]))).item() / 20
        for word in range(1, 501)
    )
    assert -20.04 < worst < -5


def test_entropy_is_that_of_fresh_samples(oracle: HMMOracle) -> None:
    nll = -oracle.log_prob(oracle.sample(5_000, seed=77)) / 20
    standard_error = (nll.std() / 5_000**0.5).item()
    assert nll.mean().item() == pytest.approx(oracle.entropy, abs=3 * standard_error)
    assert oracle.entropy_se == pytest.approx(nll.std().item() / 50_000**0.5, rel=0.1)


def test_the_stored_entropy_is_measured_on_samples_of_seed_zero(
    oracle: HMMOracle, description: dict[str, float]
) -> None:
    n = int(description["entropy_samples"])
    nll = -oracle.log_prob(oracle.sample(n, seed=0)) / 20
    assert nll.mean().item() == pytest.approx(oracle.entropy, abs=oracle.entropy_se / 10)


def small_oracle(path: Path) -> None:
    """Two states, three words, described as of length 4."""
    rng = np.random.default_rng(0)
    sizes = {"start": (2,), "transition": (2, 2), "emission": (2, 3)}
    arrays = {name: rng.dirichlet(np.ones(size[-1]), size[:-1]) for name, size in sizes.items()}
    words = np.array(["a", "b", "c"])
    np.savez(path, allow_pickle=False, words=words, **arrays)
    figures = {"entropy": 9.0, "entropy_se": 9.0, "entropy_samples": 40_000, "length": 4}
    described = {**figures, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(described))


@pytest.mark.parametrize("length", [1, 3])
def test_the_entropy_of_another_length_is_that_of_all_its_sentences(
    length: int, tmp_path: Path
) -> None:
    small_oracle(tmp_path / "small.npz")
    oracle = HMMOracle(tmp_path / "small.npz", length)
    every = torch.cartesian_prod(*[torch.arange(1, 4)] * length).view(-1, length)
    log_prob = oracle.log_prob(TokenBatch(every, torch.full((len(every),), length)))
    assert log_prob.exp().sum().item() == pytest.approx(1)
    exact = -(log_prob.exp() * log_prob).sum().item() / length
    assert oracle.entropy == pytest.approx(exact, abs=4 * oracle.entropy_se)
    assert 0 < oracle.entropy_se < 0.01
    assert HMMOracle(tmp_path / "small.npz", 4).entropy == 9.0, "described"
    assert oracle.sample(5, seed=0).ids.shape == (5, length)


def test_sentences_have_the_length_that_is_asked_for() -> None:
    corpus = HMM(max_length=7)
    assert corpus.load().encoded.splits["train"].ids.shape == (50_000, 7)
    assert corpus.oracle.entropy != HMM().oracle.entropy
    assert corpus.load().revision != HMM().load().revision
    with pytest.raises(UserError, match="of one word or more, not of 0"):
        HMM(max_length=0).load()


def test_words_outside_the_oracle_are_refused(oracle: HMMOracle) -> None:
    for word in (0, 501):
        with pytest.raises(ValueError, match=r"the oracle's words are 1\.\.500"):
            oracle.log_prob(TokenBatch(torch.tensor([[5, word]]), torch.tensor([2])))
    padded = TokenBatch(torch.tensor([[5, 0], [0, 0]]), torch.tensor([1, 0]))
    assert oracle.log_prob(padded)[1] == 0


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for suffix in (".npz", ".json"):
        shutil.copy(ORACLE.with_suffix(suffix), tmp_path)
    return tmp_path / ORACLE.name


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1_000])


def describe_nothing(path: Path) -> None:
    path.with_suffix(".json").write_text("{}")


def describe_badly(path: Path) -> None:
    path.with_suffix(".json").write_text("{")


@pytest.mark.parametrize("damage", [flip_a_bit, truncate, describe_nothing, describe_badly])
def test_a_damaged_oracle_is_refused(copy: Path, damage: Callable[[Path], None]) -> None:
    HMMOracle(copy)
    damage(copy)
    with pytest.raises(ValueError, match=r"oracle file .*hmm.npz is damaged: .*; restore it"):
        HMMOracle(copy)


def test_right_checksum_of_a_wrong_file(copy: Path, description: dict[str, float]) -> None:
    np.savez(copy, start=np.ones(1))
    sha256 = hashlib.sha256(copy.read_bytes()).hexdigest()
    copy.with_suffix(".json").write_text(json.dumps(description | {"sha256": sha256}))
    with pytest.raises(ValueError, match=r"is damaged: .*words"):
        HMMOracle(copy)


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_a_missing_oracle_is_named(copy: Path, suffix: str) -> None:
    copy.with_suffix(suffix).unlink()
    with pytest.raises(FileNotFoundError, match=f"hmm{suffix} is missing; restore it"):
        HMMOracle(copy)


def test_splits_are_samples_of_different_seeds(oracle: HMMOracle) -> None:
    splits = ready(HMM()).encoded.splits
    assert [len(splits[name].ids) for name in SEEDS] == [50_000, 5_000, 5_000]
    assert torch.equal(splits["test"].ids, oracle.sample(5_000, SEEDS["test"]).ids)
    assert len(set(SEEDS.values())) == 3


def test_the_revision_follows_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    revisions = []
    for size in (300, 301, 300):
        monkeypatch.setitem(SIZES, "train", size)
        revisions.append(HMM().loaded.revision)
    assert revisions[0] == revisions[2] != revisions[1]


def run_fit(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["fit", *map(str, arguments)])
    fit.main()


def write_captions(path: Path, lines: int = 60) -> Path:
    random = np.random.default_rng(0)
    path.write_text(
        "".join(" ".join(random.choice(list("abcdefg"), 6)) + "\n" for _ in range(lines))
    )
    return path


SMALL = ("--lines", 50, "--words", 5, "--states", 3, "--iterations", 2)


def test_fit_writes_an_oracle_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    captions, output = write_captions(tmp_path / "captions.txt"), tmp_path / "small.npz"
    run_fit(monkeypatch, captions, output, *SMALL)
    oracle = HMMOracle(output)
    assert f"entropy {oracle.entropy:.4f}" in capsys.readouterr().out
    # Uniform letters: the model can be no better than log 5 but for what it overfits.
    assert 1.3 < oracle.entropy < np.log(5) + 1e-6
    assert len(oracle.words) == 5
    assert oracle.sample(7, seed=0).ids.max() <= 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.txt", "o.npz"), "none.txt"),
        (("captions.txt", "o.npz", "--lines", 61), "captions.txt has 60 lines, 61 are needed"),
        (("captions.txt", "o.npz", *SMALL, "--words", 9), "7 distinct words, 9 are needed"),
        (("captions.txt", "o.bin"), "the output is an .npz file, not o.bin"),
        (("captions.txt", "there.npz"), "there.npz exists"),
        (("captions.txt", "o.npz", "--states", 0), "--states is at least 1, not 0"),
    ],
)
def test_fit_refuses_bad_input(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[object, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_captions(tmp_path / "captions.txt")
    (tmp_path / "there.npz").write_text("kept")
    with pytest.raises(SystemExit) as exit_:
        run_fit(monkeypatch, *arguments)
    assert exit_.value.code not in (0, None)
    assert message in f"{exit_.value.code} {capsys.readouterr().err}"
    assert not (tmp_path / "o.npz").exists()
    assert (tmp_path / "there.npz").read_text() == "kept"


def test_the_training_nll_is_that_of_the_parameters_that_are_written(tmp_path: Path) -> None:
    captions = fit.read_captions(write_captions(tmp_path / "captions.txt"), 60)
    parameters, figures = fit.fit(captions, words=5, states=3, iterations=2, seed=0)
    assert figures["training_nll"] == pytest.approx(nll_by_hmmlearn(parameters, captions), rel=1e-9)


@pytest.mark.skipif(not CAPTIONS.exists(), reason=f"{CAPTIONS} is not here")
def test_the_training_nll_is_that_of_the_shipped_parameters(description: dict[str, float]) -> None:
    captions = fit.read_captions(CAPTIONS, int(description["captions"]))
    with np.load(ORACLE) as shipped:
        expected = nll_by_hmmlearn(shipped, captions)
    assert description["training_nll"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
@pytest.mark.skipif(not CAPTIONS.exists(), reason=f"{CAPTIONS} is not here")
def test_the_script_makes_the_shipped_oracle(description: dict[str, float]) -> None:
    captions = fit.read_captions(CAPTIONS, int(description["captions"]))
    parameters, figures = fit.fit(captions, words=500, states=100, iterations=20, seed=0)
    with np.load(ORACLE) as shipped:
        assert (parameters["words"] == shipped["words"]).all()
    # Last digits differ between BLAS libraries and EM amplifies them, hence the tolerance.
    assert figures["training_nll"] == pytest.approx(description["training_nll"], abs=0.01)
    assert figures["training_tokens"] == description["training_tokens"] == 50_961


def test_transitions_judge_the_test_and_no_validation() -> None:
    judging = HMM().judging
    encoded: Any = None  # of which the entries do not depend
    assert [entry.name for entry in judging.of_test(encoded)] == ["TransitionError"]
    assert "TransitionError" not in [entry.name for entry in judging.entries]
