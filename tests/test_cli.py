"""The commands as a user types them, in a checkout of one small table."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from textgan_bench import leaderboard
from textgan_bench.__main__ import explanation, main
from textgan_bench.runs import Run
from textgan_bench.scoring import parse, read_sentences
from textgan_bench.tokens import Vocabulary
from textgan_bench.training import announce_wandb

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"
RUN = Path("runs/noise/boring/quick-seed0")
RECORD = Path("leaderboard/records/noise/boring-quick-seed0.json")

RECIPES = {
    "trainer.yaml": """
        trainer:
          accelerator: cpu
          devices: 1
          num_sanity_val_steps: 0
          enable_model_summary: false
          logger:
            - class_path: pytorch_lightning.loggers.CSVLogger
              init_args: {save_dir: ., name: csv}
          callbacks:
            - class_path: textgan_bench.callbacks.RunProgress
    """,
    "smoke.yaml": "trainer: {max_epochs: 1, limit_train_batches: 1, limit_test_batches: 1}",
    "noise/data.yaml": "data: {class_path: tests.boring.BoringData}",
    "noise/boring.yaml": """
        model: {class_path: tests.boring.Boring}
        trainer: {max_epochs: 4}
        evaluate: {budget_label: four epochs}
    """,
    "noise/boring-quick.yaml": """
        trainer: {max_epochs: 2}
        evaluate: {budget_label: two epochs}
    """,
}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def write_recipe(name: str, text: str) -> None:
    path = Path("benchmarks") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = text.strip("\n").split("\n")
    margin = len(lines[0]) - len(lines[0].lstrip())
    path.write_text("\n".join(line[margin:] for line in lines), encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    for name, text in RECIPES.items():
        write_recipe(name, text)
    return tmp_path


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err


class Command:
    """A command line carried out in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *arguments: object) -> Result:
        self.capsys.readouterr()
        self.monkeypatch.setattr(sys, "argv", ["textgan_bench", *map(str, arguments)])
        try:
            status = main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = self.capsys.readouterr()
        return Result(status, out, err)

    def refused(self, *arguments: object) -> str:
        """The one line a mistake of the user ends in."""
        result = self(*arguments)
        assert result.status == 2
        (line,) = result.err.splitlines()
        return line

    def bench(self, *arguments: object) -> Result:
        result = self("bench", "boring", "--data", "noise", *arguments)
        assert result.status == 0, result.err
        return result


@pytest.fixture
def command(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return Command(monkeypatch, capsys)


def batches(checkpoint: Path = RUN / "checkpoints/last.ckpt") -> int:
    return int(torch.load(checkpoint, weights_only=True)["state_dict"]["batches"])


def test_bench_goes_from_a_name_to_a_row_beside_the_anchors(command: Command) -> None:
    result = command.bench()
    record = leaderboard.load(RECORD)
    assert (record.method, record.data, record.seed) == ("boring", "noise", 0)
    assert (record.budget, record.budget_label) == ("quick", "two epochs")
    assert record.generator_updates == batches() == 12
    assert record.config["trainer"]["max_epochs"] == 2, "the layer overrides the row"
    assert record.config["model"]["class_path"] == "tests.boring.Boring"
    assert {r.method for r in leaderboard.load_records()} == {"boring", "real", "unigram"}
    for name in ("boring", "real", "unigram"):
        assert name in result.out
    assert "training: 100%" in result.err


def test_a_finished_run_is_shown_and_not_repeated(command: Command) -> None:
    first = command.bench()
    before = RECORD.stat().st_mtime_ns, (RUN / "checkpoints/last.ckpt").stat().st_mtime_ns
    again = command.bench()
    assert "is finished; FORCE=1" in again.out
    assert first.out.splitlines() == again.out.splitlines()[1:]
    assert before == (
        RECORD.stat().st_mtime_ns,
        (RUN / "checkpoints/last.ckpt").stat().st_mtime_ns,
    )
    Path("leaderboard/records/noise/anchor-unigram.json").unlink()
    assert "unigram" in command.bench().out
    assert "is finished" not in command.bench("--force").out
    assert before[0] != RECORD.stat().st_mtime_ns


def test_the_record_of_another_checkout_does_not_stand_for_a_run(command: Command) -> None:
    command.bench()
    shutil.rmtree("runs")
    assert "is finished" not in command.bench().out
    assert batches() == 12


def test_a_lost_record_is_written_anew_without_training(command: Command) -> None:
    command.bench()
    samples, trained = (RUN / "samples.txt").read_bytes(), batches()
    RECORD.unlink()
    command.bench()
    assert RECORD.exists()
    assert batches() == trained
    assert (RUN / "samples.txt").read_bytes() == samples


def test_budgets_and_seeds_have_folders_of_their_own(command: Command) -> None:
    command.bench("--budget", "paper", "--seed", "3")
    assert batches(Path("runs/noise/boring/paper-seed3/checkpoints/last.ckpt")) == 24
    record = leaderboard.load(Path("leaderboard/records/noise/boring-paper-seed3.json"))
    assert record.budget_label == "four epochs"
    assert record.config["seed_everything"] == 3


def test_smoke_keeps_no_record(command: Command) -> None:
    assert "boring" in command.bench("--budget", "smoke").out
    assert not Path("leaderboard").exists()


def test_another_recipe_does_not_continue_a_run(command: Command) -> None:
    command.bench()
    before = {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    write_recipe("noise/boring-quick.yaml", "trainer: {max_epochs: 3}")
    line = command.refused("bench", "boring", "--data", "noise")
    assert "another configuration" in line
    assert "FORCE=1" in line
    assert "max_epochs: 2, now 3" in line or "budget_label" in line
    assert before == {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    command.bench("--force")
    assert batches() == 18


def test_a_start_that_failed_binds_nothing(command: Command) -> None:
    write_recipe("noise/boring-quick.yaml", "trainer: {strategy: nope}")
    assert "nope" in command.refused("bench", "boring", "--data", "noise")
    write_recipe("noise/boring-quick.yaml", RECIPES["noise/boring-quick.yaml"])
    command.bench()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nope", "--data", "noise"), "METHOD=nope: benchmarks/noise has boring"),
        (("boring", "--data", "nope"), "DATA=nope: benchmarks has noise"),
        (
            ("boring", "--data", "noise", "--budget", "nope"),
            "BUDGET=nope: boring on noise has paper, smoke, quick",
        ),
        (("boring-quick", "--data", "noise"), "METHOD=boring-quick: benchmarks/noise has boring"),
        (("boring", "--data", "noise", "--data_dir", "x"), "data_dir"),
        (("boring", "--data", "noise", "--seed", "x"), "--seed"),
    ],
)
def test_bench_names_what_there_is(
    command: Command, arguments: tuple[str, ...], expected: str
) -> None:
    assert expected in command.refused("bench", *arguments)
    assert not [path for path in Path("runs").rglob("*") if path.is_file()]
    assert not Path("leaderboard").exists()


def test_two_processes_do_not_share_a_run(command: Command) -> None:
    command.bench()
    with Run(RUN).locked():
        line = command.refused("bench", "boring", "--data", "noise", "--force")
    assert "another process is at work" in line
    assert RECORD.exists()
    assert batches() == 12


def test_bench_belongs_into_a_checkout(command: Command) -> None:
    shutil.rmtree("benchmarks")
    assert "run from the root of the checkout" in command.refused("bench", "boring")


def damage(path: Path) -> bytes:
    content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    return content


def test_a_damaged_checkpoint_is_named_and_left_alone(command: Command) -> None:
    command.bench()
    RECORD.unlink()
    path = RUN / "checkpoints/last.ckpt"
    content = damage(path)
    assert f"{path} is damaged" in command.refused("bench", "boring", "--data", "noise")
    assert f"{path} is damaged" in command.refused("sample", RUN)
    assert path.read_bytes() == content


def test_a_newer_record_is_refused(command: Command) -> None:
    command.bench()
    content = json.loads(RECORD.read_text(encoding="utf-8")) | {"schema": 99}
    RECORD.write_text(json.dumps(content), encoding="utf-8")
    assert str(RECORD) in command.refused("bench", "boring", "--data", "noise")


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
    assert list(Path("mine").rglob("unnamed-paper-seed0.json"))
    other = command.refused(*arguments, "--model.init_args.lr=3")
    assert "was trained with other settings (model.init_args.lr: 0.1, now 3.0)" in other


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model.init_args.lrr=3"], "lrr"),
        (["--trainer.max_epochs=many"], "max_epochs"),
        (["--config=nope.yaml"], "nope.yaml"),
        (["--ckpt_path=nope.ckpt"], "nope.ckpt"),
        (["--nonsense=1"], "nonsense"),
        (["--trainer.accelerator=abacus"], "abacus"),
        (["--trainer.devices=many"], "devices"),
        (["--checkpoint.select=bleu_f/5"], "collapsed"),
    ],
)
def test_fit_refuses_in_one_line(command: Command, arguments: list[str], expected: str) -> None:
    settings = [*layers(), "--trainer.default_root_dir=runs/mine"]
    assert expected in command.refused("fit", *settings, *arguments)


def test_score_gives_the_numbers_of_the_run(command: Command) -> None:
    command.bench()
    result = command("score", RUN / "samples.txt", "--data", "noise", "--json")
    record = leaderboard.load(RECORD)
    assert json.loads(result.out) == {"scores": record.scores, "fingerprint": record.fingerprint}


def test_sample_writes_sentences_of_the_run(command: Command) -> None:
    command.bench()
    first = command("sample", RUN, "-n", "30", "--seed", "5").out
    assert len(parse(first)) == 30
    assert command("sample", RUN, "-n", "30", "--seed", "5").out == first
    assert command("sample", RUN, "-n", "30", "--seed", "6").out != first
    command("sample", RUN, "-n", "30", "--seed", "5", "--output", "some.txt")
    assert Path("some.txt").read_text(encoding="utf-8") == first
    # At zero temperature the mode is the only sentence.
    frozen = command("sample", RUN, "-n", "30", "--knob", "1e-9").out
    assert len(set(frozen.splitlines())) == 1


def test_sample_says_what_is_missing(command: Command) -> None:
    assert "runs/none is not a run" in command.refused("sample", "runs/none")
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
    assert "no FED" in plain.err
    assert settings["samples"] == settings["references"] == 4
    assert settings["vocabulary"] == len(set(TEXT.split())) + 1  # and <unk>
    assert "distinct_words" in command("score", "text", "--references", "text").out


def test_score_with_validation_text_gives_fed(command: Command) -> None:
    words = TEXT.split()
    lines = [f"{a} {b} {c}\n" for a in words for b in words for c in words]
    Path("text").write_text("".join(lines), encoding="utf-8")
    arguments = ("--references", "text", "--validation", "text", "--json")
    scores = json.loads(command("score", "text", *arguments).out)["scores"]
    assert scores["fed/hash128"] == pytest.approx(0, abs=1e-6)  # from itself


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
    assert "DATA=nope" in command.refused("score", "text", "--data", "nope")


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
    assert explanation(error_of(lambda: parse(None))) is None  # type: ignore[arg-type]
    assert explanation(error_of(lambda: torch.nn.Linear(2, 2)(torch.zeros(3)))) is None
    missing = explanation(error_of(lambda: read_sentences(Path("/none/such"))))
    assert missing == "/none/such: No such file or directory"


@pytest.mark.parametrize(
    ("environment", "stored", "mode"),
    [
        ({}, "", "offline"),
        ({"WANDB_API_KEY": "0" * 40}, "", None),
        ({}, "machine api.wandb.ai login user password key", None),
        ({}, "machine example.org login user password key", "offline"),
        ({"WANDB_MODE": "disabled"}, "", "disabled"),
        ({"WANDB_MODE": "offline", "WANDB_API_KEY": "0" * 40}, "", "offline"),
    ],
)
def test_without_a_key_wandb_stays_offline_and_says_how_to_sync(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    stored: str,
    mode: str | None,
) -> None:
    variables = ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_SILENT")
    for name in variables:
        monkeypatch.setenv(name, "")  # whatever the call sets is undone after the test
        monkeypatch.delenv(name)
    (tmp_path / "netrc").write_text(stored, encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    announce_wandb(Path("runs/a"))
    assert os.environ.get("WANDB_MODE") == mode
    assert ("wandb sync runs/a/wandb/" in capsys.readouterr().out) == (mode == "offline")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_goes_on_at_the_same_command(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    shutil.copy(ROOT / "benchmarks/trainer.yaml", "benchmarks/trainer.yaml")
    write_recipe(
        "noise/boring-quick.yaml",
        """
        model: {init_args: {seconds: 0.05}}
        trainer: {max_epochs: 30}
        checkpoint: {minutes: 0.001}
        """,
    )
    arguments = [sys.executable, "-m", "textgan_bench", "bench", "boring", "--data", "noise"]
    process = subprocess.Popen(arguments)
    path = RUN / "checkpoints/last.ckpt"
    deadline = time.monotonic() + 120
    while not path.exists() or batches() < 10:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, number)
    assert process.wait(60) != 0
    stopped = batches()
    assert 10 <= stopped < 180
    assert not RECORD.exists()

    resumed = subprocess.run(arguments, capture_output=True, text=True, timeout=240, check=False)
    err = resumed.stderr
    assert resumed.returncode == 0, err
    assert batches() == leaderboard.load(RECORD).generator_updates == 180
    assert f"| {stopped}/180" in err, "the bar goes on where it stopped"
    (identity,) = {path.name[-8:] for path in (RUN / "wandb").glob("offline-run-*")}
    assert identity == (RUN / "wandb_id.txt").read_text(encoding="utf-8").strip()
