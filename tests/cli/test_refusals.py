"""``fit``, ``test``, ``sample`` and ``score`` as a user types them."""

import json
import math
import os
import signal
from functools import wraps
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.distributed import DistNetworkError

from datamodules import hmm
from tests.boring import Boring, BoringData
from tests.checkout import RECORD, RUN, Command, write_recipe
from textgan_bench import leaderboard
from textgan_bench.errors import UserError, explanation
from textgan_bench.evaluation.text import parse
from textgan_bench.files import UNFINISHED
from textgan_bench.interfaces import TextGenerator
from textgan_bench.reading import read_sentences
from textgan_bench.tokens import Vocabulary
from textgan_bench.training.run import Run

SHARED = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def layers() -> list[str]:
    names = ("trainer.yaml", "noise/data.yaml", "noise/boring.yaml")
    return [f"--config=benchmarks/{name}" for name in names]


def test_fit_and_test_do_what_bench_does(command: Command) -> None:
    command.bench()
    settings = [*layers(), "--trainer.max_epochs=2", "--trainer.default_root_dir=runs/mine"]
    assert command("fit", *settings).status == 0
    checkpoint = "runs/mine/checkpoints/last.ckpt"
    arguments = ("test", *settings, f"--ckpt_path={checkpoint}", "--evaluate.leaderboard=mine")
    assert command(*arguments).status == 0
    assert Path("runs/mine/samples.txt").read_bytes() == (RUN / "samples.txt").read_bytes()
    assert list(Path("mine").rglob("unnamed-paper-seed0-r1.json"))
    other = command.refused(*arguments, "--model.init_args.lr=3")
    assert "was trained with other settings (model.init_args.lr: 0.1, now 3.0)" in other


NAGAN = ["--model=textgan_bench.methods.NAGAN"]
START = "textgan_bench.methods.NAGAN.start has no option"
NEIGHBOURS = "(did you mean neighbours?)"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model.init_args.lrr=3"], "tests.boring.Boring has no option lrr (did you mean lr?)"),
        (["--data.init_args.sise=3"], "BoringData has no option sise (did you mean size?)"),
        ([*NAGAN, "--model.init_args.start.neigbours=true"], f"{START} neigbours {NEIGHBOURS}"),
        ([*NAGAN, "--model.init_args.start={neigbours: true}"], f"{START} neigbours {NEIGHBOURS}"),
        ([*NAGAN, "--model.init_args.strat.latent_gain=2"], "NAGAN has no option strat (did you"),
        (["--trainer.max_epoch=3"], "--trainer.max_epoch (did you mean --trainer.max_epochs?)"),
        (["--checkpont.minutes=3"], "--checkpont.minutes (did you mean --checkpoint.minutes?)"),
        (["--trainer.max_epochs=many"], "max_epochs"),
        (["--config=nope.yaml"], "nope.yaml"),
        (["--ckpt_path=nope.ckpt"], "nope.ckpt"),
        (["--nonsense=1"], "nonsense"),
        (["--trainer.accelerator=abacus"], "abacus"),
        (["--trainer.devices=many"], "devices"),
        (["--trainer.devices=1000"], "devices=1000"),
        (["--checkpoint.select=bleu_f/5"], "collapsed"),
    ],
)
def test_fit_refuses_in_one_line(command: Command, arguments: list[str], expected: str) -> None:
    settings = [*layers(), "--trainer.default_root_dir=runs/mine"]
    assert expected in command.refused("fit", *settings, *arguments)


def test_fit_and_test_keep_out_of_a_folder_where_another_is_at_work(command: Command) -> None:
    settings = [*layers(), "--trainer.default_root_dir=runs/mine"]
    with Run(Path("runs/mine")).locked():
        for name in ("fit", "test"):
            assert "another process is at work in runs/mine" in command.refused(name, *settings)
    assert not Path("runs").exists(), "what was made for the lock alone is gone"


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        ("train_dataloader", ("bench", "boring", "--data", "noise")),
        ("training_step", ("bench", "boring", "--data", "noise")),
        ("training_step", ("fit", *layers(), "--trainer.default_root_dir=runs/mine")),
        ("validation_step", ("bench", "boring", "--data", "noise")),
        ("test_step", ("bench", "boring", "--data", "noise")),
        ("anchors", ("bench", "boring", "--data", "noise")),
        ("sample", ("sample", RUN)),
        ("sentences", ("score", RUN / "samples.txt", "--data", "noise")),
        ("prepare_data", ("data", "noise")),
    ],
)
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("default_signals")
def test_a_signal_ends_any_command_with_its_status(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    stop: signal.Signals,
    step: str,
    arguments: tuple[object, ...],
) -> None:
    if arguments[0] not in ("bench", "fit", "data"):
        command.bench()
    owner = Boring if step in vars(Boring) or step in vars(TextGenerator) else BoringData
    carry_out = getattr(owner, step)
    begun: list[str] = []

    @wraps(carry_out)  # Lightning looks at the arguments
    def stopped(*given: Any, **named: Any) -> Any:
        if not begun:
            begun.append(step)
            os.kill(os.getpid(), stop)
        return carry_out(*given, **named)

    monkeypatch.setattr(owner, step, stopped)
    result = command(*arguments)
    assert begun
    assert result.status == 128 + stop
    assert result.err.splitlines()[-1].startswith("interrupted")
    if arguments[0] == "bench":
        assert "without FORCE=1 (bench --force) the same command" in result.err
        command.bench()


def test_score_gives_the_numbers_of_the_run(command: Command) -> None:
    command.bench()
    result = command("score", RUN / "samples.txt", "--data", "noise", "--json")
    record = leaderboard.load(RECORD)
    content = json.loads(result.out)
    assert (content["scores"], content["left_out"]) == (record.scores, {})
    assert content["fingerprint"] == record.fingerprint
    assert content["sampler"] == record.sampler
    assert (record.sampler["seed"], record.sampler["draw"]) == (record.seed, "inversion")
    shown = command("score", RUN / "samples.txt", "--data", "noise").out
    assert shown.splitlines()[-1].startswith("sampler: draw inversion, dtype float32, nucleus none")
    assert (content["data"], content["data_revision"]) == ("noise", "r1")


def test_sample_writes_sentences_of_the_run(command: Command) -> None:
    command.bench()
    first = command("sample", RUN, "-n", "30", "--seed", "5").out
    assert len(parse(first)) == 30
    assert command("sample", RUN, "-n", "30", "--seed", "5").out == first
    assert command("sample", RUN, "-n", "30", "--seed", "6").out != first
    command("sample", RUN, "-n", "30", "--seed", "5", "--output", "some.txt")
    assert Path("some.txt").read_text(encoding="utf-8") == first
    scored = command("score", "some.txt", "--data", "noise", "--json").out
    assert json.loads(scored)["sampler"]["seed"] == 5
    Path("some.txt").write_text("a man\n", encoding="utf-8")
    refused = command.refused("score", "some.txt", "--data", "noise")
    assert "some.txt.sampler.json is of another text than some.txt" in refused
    # At zero temperature the mode is the only sentence.
    frozen = command("sample", RUN, "-n", "30", "--knob", "1e-9").out
    assert len(set(frozen.splitlines())) == 1


def test_sample_writes_to_what_is_no_file_and_to_no_folder(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.bench()
    text = command("sample", RUN).out
    os.mkfifo("pipe")
    reading = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    command("sample", RUN, "--output", "pipe")
    assert os.read(reading, 10_000).decode() == text
    os.close(reading)
    for path, expected in (("runs", "'runs' is not the name"), ("", "'' is not the name")):
        assert expected in command.refused("sample", RUN, "--output", path)
        assert expected in command.refused("score", RUN, "--data", "noise", "--neighbours", path)
    full = "No space left on device"
    assert command.refused("sample", RUN, "--output", "/dev/full").endswith(f"/dev/full: {full}")
    with Path("/dev/full").open("w", encoding="utf-8") as output:
        monkeypatch.setattr("sys.stdout", output)
        line = command.refused("sample", RUN)
    assert line == f"textgan_bench: standard output: {full}"
    assert not list(Path().rglob(f"{UNFINISHED}*"))


def test_sample_says_what_is_missing(command: Command) -> None:
    assert "runs/none does not exist" in command.refused("sample", "runs/none")
    assert "benchmarks is not a run" in command.refused("sample", "benchmarks")
    command.bench()
    assert "-n 0" in command.refused("sample", RUN, "-n", "0")
    (RUN / "checkpoints/last.ckpt").unlink()
    assert "no checkpoint" in command.refused("sample", RUN)


TEXT = "a man rides a very small horse\na dog barks at the old man now\n\na man\n"


def test_score_against_files(command: Command) -> None:
    Path("text").write_text(TEXT, encoding="utf-8")
    Path("other").write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    plain = command("score", "text", "--references", "text", "--json")
    content = json.loads(plain.out)
    assert content == json.loads(command("score", "other", "--references", "text", "--json").out)
    scores, settings = content["scores"], content["fingerprint"]
    assert scores["distinct_words"] == len(set(TEXT.split()))
    assert scores["distinct_sentences"] == 1
    assert scores["oov_rate"] == 0
    assert "fed/hash128" not in scores
    assert "--validation" in content["left_out"]["FED"]
    assert settings["samples"] == settings["references"] == 4
    assert settings["vocabulary"] == len(set(TEXT.split())) + 1  # and <unk>
    assert "distinct_words" in command("score", "text", "--references", "text").out


def test_what_is_piped_in_is_scored(command: Command) -> None:
    Path("text").write_text(TEXT, encoding="utf-8")
    options = ("--references", "text", "--bootstrap", "3")
    expected = command("score", "text", *options).out
    stdin, (read, write) = os.dup(0), os.pipe()
    os.write(write, TEXT.encode())
    os.close(write)
    os.dup2(read, 0)
    try:
        found = command("score", "-", *options).out
    finally:
        os.dup2(stdin, 0)
        os.close(read)
        os.close(stdin)
    assert "distinct_words" in found
    assert found == expected


def test_score_with_validation_text_gives_fed(command: Command) -> None:
    words = TEXT.split()
    lines = [f"{a} {b} {c}\n" for a in words for b in words for c in words]
    Path("text").write_text("".join(lines), encoding="utf-8")
    arguments = ("--references", "text", "--validation", "text", "--json")
    scores = json.loads(command("score", "text", *arguments).out)["scores"]
    assert scores["fed/hash128"] == pytest.approx(0, abs=1e-6)  # from itself


REAL = [
    f"a {size} {who} {does} the {what} ."
    for size in ("small", "tall", "young", "old")
    for who in ("man", "woman", "dog", "cat", "child")
    for does in ("sees", "hears", "likes")
    for what in ("house", "train", "horse", "sea", "fire", "street")
]  # 360 sentences


def scores_of(command: Command, lines: list[str]) -> dict[str, dict[str, Any]]:
    """What ``score --json`` prints of a text against REAL, its half for the encoder."""
    Path("real").write_text("".join(f"{line}\n" for line in REAL), encoding="utf-8")
    Path("text").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    arguments = ("--references", "real", "--validation", "real", "--train", "real", "--json")
    result = command("score", "text", *arguments)
    assert result.status == 0, result.err
    content: dict[str, dict[str, Any]] = json.loads(result.out)
    return content


def test_a_single_line_has_all_scores_but_those_of_a_spread(command: Command) -> None:
    content = scores_of(command, REAL[:1])
    assert content["left_out"] == {
        "FED": "a covariance needs at least 2 samples, not 1",
        "NeighbourCoverage": "NeighbourCoverage needs at least 6 samples, not 1",
        "SelfBLEU": "self-BLEU needs at least two sentences, not 1",
    }
    assert content["scores"]["bleu_f/5"] == 1
    assert content["scores"]["lm_score/kn4"] > 0
    shown = command("score", "text", "--references", "real").out
    assert "without FED: it needs --validation" in shown
    assert "without NovelSentences: it needs --train" in shown


def test_without_a_word_there_is_no_lm_score(command: Command) -> None:
    content = scores_of(command, ["", ""])
    assert content["left_out"]["lm_score/kn4"] == "no word was written"
    assert content["scores"]["bleu_ha/5"] == content["scores"]["distinct_words"] == 0


def test_unknown_words_score_as_such(command: Command) -> None:
    scores = scores_of(command, ["zwölf boxkämpfer jagen"] * 3 + ["viktor quer"])["scores"]
    assert scores["oov_rate"] == 1
    assert scores["bleu_f/5"] == scores["bleu_b/5"] == scores["bleu_ha/5"] == 0
    real = scores_of(command, REAL[::2])["scores"]
    assert scores["lm_score/kn4"] > real["lm_score/kn4"]
    assert scores["reverse_lm/kn4"] > real["reverse_lm/kn4"]
    assert scores["fed/hash128"] > real["fed/hash128"]


def test_a_collapse_of_fifty_sentences_is_given_away(command: Command) -> None:
    scores = scores_of(command, REAL[:50] * 7)["scores"]
    real = scores_of(command, REAL[:350])["scores"]
    assert scores["distinct_sentences"] == pytest.approx(50 / 350)
    assert scores["bleu_f/5"] == real["bleu_f/5"] == 1  # what a forward score makes of it
    assert scores["bleu_b/5"] < real["bleu_b/5"]
    assert scores["reverse_lm/kn4"] > real["reverse_lm/kn4"]
    assert scores["fed/hash128"] > real["fed/hash128"]


def test_a_data_set_judges_words_that_it_does_not_know(command: Command) -> None:
    command.monkeypatch.setitem(hmm.SIZES, "train", 9)
    write_recipe(
        "hmm/data.yaml",
        "data: {class_path: datamodules.TextData, init_args: {corpus: datamodules.HMM}}",
    )
    Path("text").write_text("a zwölf man\na man\n", encoding="utf-8")
    content = json.loads(command("score", "text", "--data", "hmm", "--json").out)
    unknown = "'zwölf' is not a word of this vocabulary of 500"
    assert content["left_out"] == {
        "OracleNLL": unknown,
        "TransitionError": unknown,
        "NeighbourCoverage": "NeighbourCoverage needs at least 6 samples, not 2",
    }
    assert content["scores"]["oov_rate"] == pytest.approx(1 / 5)
    assert content["fingerprint"]["encoder"] == "hash128"


def test_bootstrap_prints_errors_and_the_digits_they_support(command: Command) -> None:
    content = scores_of(command, REAL[::3])
    arguments = ("score", "text", "--references", "real", "--bootstrap", "20")
    found = json.loads(command(*arguments, "--json").out)
    errors = found["standard_errors"]
    assert set(errors) <= set(found["scores"])
    assert errors["lm_score/kn4"] > 0
    scores = content["scores"]
    places = max(0, min(2, 1 - math.floor(math.log10(errors["lm_score/kn4"]))))
    expected = f"{scores['lm_score/kn4']:.{places}f} ± {errors['lm_score/kn4']:.{places}f}"
    assert f" {expected}\n" in command(*arguments).out
    # A comparison takes these errors: a text does not differ from itself.
    compared = command("compare", "text", "text", *arguments[2:]).out
    assert "differs" not in compared
    noise = 2 * math.hypot(*[errors["bleu_f/4"]] * 2)
    (line,) = (line for line in compared.splitlines() if line.startswith("bleu_f/4"))
    assert float(line.split()[-4]) == pytest.approx(noise, abs=1e-3)
    assert "at least 2" in command.refused(*arguments[:-1], "1")
    # What is infinite in a resample has no error, and JSON has no word for it.
    scores_of(command, [*REAL[:2], "", ""])
    found = command(*arguments, "--json").out
    content = json.loads(found, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert "lm_score/kn4" in content["scores"].keys() - content["standard_errors"].keys()
    assert content["standard_errors"]["distinct_words"] > 0
    (line,) = [x for x in command(*arguments).out.splitlines() if x.startswith("lm_score/kn4 ")]
    assert "±" not in line


def test_another_encoder_names_its_score(command: Command) -> None:
    scores_of(command, REAL[:40])
    arguments = ("score", "text", "--references", "real", "--validation", "real", "--json")
    content = json.loads(command(*arguments, "--encoder", "hash16").out)
    assert "fed/hash16" in content["scores"]
    assert content["fingerprint"]["encoder"] == "hash16"
    assert "is no sentence encoder" in command.refused(*arguments, "--encoder", "nothing")


def test_neighbours_are_written_on_request(command: Command) -> None:
    scores_of(command, [REAL[5], "a zebra"])
    arguments = ("score", "text", "--references", "real")
    out = command(*arguments, "--train", "real", "--neighbours", "near.csv").out
    _, nearest, other = Path("near.csv").read_text(encoding="utf-8").splitlines()
    assert nearest.startswith("1.0000,")
    assert nearest.endswith(REAL[5])
    assert "a zebra" in other
    assert "nearest_ngram" in out
    assert "--train" in command.refused(*arguments, "--neighbours", "near.csv")


def test_extra_scores_are_computed_on_request(command: Command) -> None:
    scores_of(command, [REAL[5], "a zebra"])
    arguments = ("score", "text", "--references", "real", "--extras", "nearest", "perplexity")
    without = command(*arguments)
    assert "without NearestNGram: it needs --train" in without.out
    assert "without Perplexity: it needs --train" in without.out
    assert "reverse_perplexity/kn5" in without.out
    found = command(*arguments, "--train", "real", "--validation", "real", "--json")
    scores = json.loads(found.out)["scores"]
    # Of the n-grams of "a zebra" a training sentence of seven words has one.
    assert scores["nearest_ngram"] == pytest.approx((1 + 1 / (7 + 6 + 5 + 4 + 3 - 1)) / 2)
    assert {"nearest/hash128", "perplexity/kn5"} < scores.keys()
    assert "belong to the profile nagan" in command.refused(*arguments, "--profile", "texygen")


def test_lengths_are_drawn_on_request(command: Command) -> None:
    pytest.importorskip("matplotlib")
    scores_of(command, REAL[:9])
    result = command("score", "text", "--references", "real", "--lengths", "lengths.svg")
    assert result.status == 0, result.err
    assert "<svg" in Path("lengths.svg").read_text(encoding="utf-8")


def test_score_refuses_in_one_line(command: Command) -> None:
    Path("text").write_text(TEXT, encoding="utf-8")
    Path("empty").touch()
    Path("latin").write_bytes("zwölf".encode("latin-1"))
    for name, expected in (("none", "none"), ("empty", "is empty"), ("latin", "not UTF-8")):
        assert expected in command.refused("score", name, "--references", "text")
        assert expected in command.refused("score", "text", "--references", name)
    assert "--references" in command.refused("score", "text")
    assert "--data_dir" in command.refused(
        "score", "text", "--references", "text", "--data_dir", "x"
    )
    assert "there is no profile x; there are nagan" in command.refused(
        "score", "text", "--references", "text", "--profile", "x"
    )
    assert "no data set nope" in command.refused("score", "text", "--data", "nope")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published COCO samples are not here")
@pytest.mark.parametrize(
    ("file", "bleu", "lm_score"),
    [
        ("irl_gen_0.65.txt", (0.31232, 0.23287, 0.26680), 3.71),
        ("irl_gen_0.75.txt", (0.25549, 0.23273, 0.24358), 3.98),
    ],
)
def test_published_samples_score_as_calibrated(
    command: Command, file: str, bleu: tuple[float, float, float], lm_score: float
) -> None:
    references = SHARED / "coco" / "leakgan_test.txt"
    arguments = ("--references", references, "--json")
    scores = json.loads(command("score", SHARED / "calibration" / file, *arguments).out)["scores"]
    # NLTK's sentence BLEU-5 with method1, from the description of the files.
    found = (scores["bleu_f/5"], scores["bleu_b/5"], scores["bleu_ha/5"])
    assert found == pytest.approx(bleu, abs=1e-5)
    assert scores["lm_score/kn4"] == pytest.approx(lm_score, abs=0.03)


def test_a_slip_of_ours_keeps_its_traceback() -> None:
    def error_of(call: object) -> Exception:
        assert callable(call)
        with pytest.raises(Exception) as caught:  # noqa: PT011 (any of them)
            call()
        return caught.value

    assert "starts with" in str(explanation(error_of(lambda: Vocabulary(("a",)))))
    assert explanation(error_of(lambda: parse(cast(str, None)))) is None
    assert explanation(error_of(lambda: torch.nn.Linear(2, 2)(torch.zeros(3)))) is None
    assert explanation(error_of(lambda: int("two"))) is None
    missing = explanation(error_of(lambda: read_sentences(Path("/none/such"))))
    assert missing == "/none/such: No such file or directory"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("say it otherwise"), "say it otherwise"),
        (MisconfigurationException("two of one kind"), "two of one kind"),
        (DistNetworkError("socket"), "another process of this run has ended; the same command"),
        (RuntimeError("[gloo] remote worker is gone"), "another process of this run has ended"),
        (SIGTERMException(), None),
        (ValueError("a slip"), None),
        (RuntimeError("a slip"), None),
    ],
)
def test_errors_of_a_training_are_told_by_their_kind(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, line: str | None
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Boring, "training_step", fail)
    arguments = ("fit", *layers(), "--trainer.default_root_dir=runs/mine")
    if isinstance(error, Exception) and line is None:
        with pytest.raises(type(error), match="a slip"):
            command(*arguments)
        return
    result = command(*arguments)
    assert "Traceback" not in result.err
    assert result.status == (2 if line else 128 + signal.SIGTERM)
    assert result.err.splitlines()[-1].startswith(f"textgan_bench: {line}" if line else "interrup")
