"""Training, interruption, resumption and test of a method too small to be anything but plumbing."""

import csv
import math
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from tests.boring import WORDS, Boring, BoringData, WordCounts
from tests.trainer import trainer
from textgan_bench import leaderboard
from textgan_bench.errors import UserError
from textgan_bench.evaluation import provenance
from textgan_bench.evaluation.sampler import read_sampler
from textgan_bench.evaluation.scores import score, score_chunks
from textgan_bench.leaderboard import curves
from textgan_bench.leaderboard.columns import Column
from textgan_bench.reading import read_sentences
from textgan_bench.tokens import Sentence, TokenBatch, pad_sequences
from textgan_bench.training.checkpoint_files import load_checkpoint
from textgan_bench.training.checkpoints import PeriodicCheckpoint
from textgan_bench.training.evaluate import Evaluate
from textgan_bench.training.run import BEST, LAST, Run

CONFIG = {"seed_everything": 3, "trainer": {"default_root_dir": "somewhere"}}
EPOCHS, BATCHES = 4, 6  # 24 sentences in batches of 4


class At(Callback):
    """Do something to the process when so many batches are done."""

    def __init__(self, updates: int, action: Any) -> None:
        self.updates = updates
        self.action = action

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.fit_loop.total_batch_idx + 1 == self.updates:
            self.action()


def crash() -> None:
    raise RuntimeError("killed")


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


class Session:
    """One process's worth of a run in ``folder``."""

    def __init__(self, folder: Path, *callbacks: Callback, **settings: Any) -> None:
        torch.manual_seed(1)
        self.folder = folder
        Run(folder).claim(settings.pop("config", CONFIG))
        self.data = BoringData(revision=settings.pop("revision", "r1"))
        self.model = Boring(self.data.vocab_size, self.data.max_length)
        self.evaluate = Evaluate(
            method="boring", data="noise", leaderboard=str(folder / "leaderboard"), seed=3
        )
        every = settings.pop("log_every_n_steps", 2)
        checkpoint = PeriodicCheckpoint(**settings)
        self.trainer = trainer(
            default_root_dir=folder,
            max_epochs=EPOCHS,
            logger=CSVLogger(folder, "csv", flush_logs_every_n_steps=1),
            callbacks=[*callbacks, self.evaluate, checkpoint],
            enable_checkpointing=True,
            num_sanity_val_steps=0,
            log_every_n_steps=every,
        )

    @property
    def last(self) -> Path:
        return self.folder / "checkpoints" / LAST

    def fit(self) -> "Session":
        resumed = self.last if self.last.exists() else None
        self.trainer.fit(self.model, self.data, ckpt_path=resumed)
        return self

    def test(self, name: str = LAST) -> "Session":
        checkpoint = self.folder / "checkpoints" / name
        self.trainer.test(self.model, self.data, ckpt_path=checkpoint, verbose=False)
        return self

    def record(self) -> leaderboard.Record:
        (record,) = leaderboard.load_records(self.folder / "leaderboard")
        return record


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def logged(folder: Path, column: str) -> dict[int, float]:
    """Values by logger step, of all sessions of a run."""
    values = {}
    for path in sorted(folder.glob("csv/*/metrics.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            if row.get(column):
                values[int(row["step"])] = float(row[column])
    return values


def test_a_killed_run_ends_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    undisturbed = Session(tmp_path / "a").fit()
    with pytest.raises(RuntimeError, match="killed"):
        Session(tmp_path / "b", At(2 * BATCHES + 3, crash)).fit()
    assert load_checkpoint(tmp_path / "b/checkpoints" / LAST)["epoch"] == 1  # epochs 0 and 1 done
    resumed = Session(tmp_path / "b").fit()

    assert int(resumed.model.batches) == EPOCHS * BATCHES
    assert resumed.evaluate.generator_updates == EPOCHS * BATCHES
    assert resumed.trainer.current_epoch == EPOCHS
    # Bit for bit: the noise goes on where it stopped and is not drawn again from the seed.
    assert torch.equal(resumed.model.generator, undisturbed.model.generator)
    assert torch.equal(resumed.model.critic, undisturbed.model.critic)
    for column in ("generator/loss", "validation/words"):
        assert logged(tmp_path / "b", column) == logged(tmp_path / "a", column)


@pytest.mark.parametrize("stop", [press_ctrl_c, terminate])
@pytest.mark.parametrize("updates", [3, BATCHES, BATCHES + 1, EPOCHS * BATCHES - 1])
def test_a_stop_waits_for_the_batch_and_the_run_goes_on_from_there(
    tmp_path: Path, updates: int, stop: Callable[[], None]
) -> None:
    before = signal.getsignal(signal.SIGINT)  # ignored where a shell runs this in the background
    with pytest.raises(SystemExit):
        Session(tmp_path, At(updates, stop)).fit()
    assert signal.getsignal(signal.SIGINT) is before
    assert int(load_checkpoint(tmp_path / "checkpoints" / LAST)["state_dict"]["batches"]) == updates
    resumed = Session(tmp_path).fit()
    assert int(resumed.model.batches) == EPOCHS * BATCHES
    assert resumed.evaluate.generator_updates == EPOCHS * BATCHES
    assert resumed.trainer.current_epoch == EPOCHS
    # One validation an epoch, at the update where it belongs: none is lost and none comes twice.
    rows = (tmp_path / "validation_samples.csv").read_text(encoding="utf-8").splitlines()
    shown = [int(row.split(",")[0]) for row in rows[1:]]
    assert shown == [epoch * BATCHES for epoch in range(1, EPOCHS + 1) for _ in range(10)]
    steps = sorted(logged(tmp_path, "validation/words"))
    assert steps == [epoch * BATCHES - 1 for epoch in range(1, EPOCHS + 1)]


def test_a_checkpoint_is_due_by_the_clock(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        Session(tmp_path, At(5, crash), minutes=0).fit()
    # The crash comes before the fifth batch is saved.
    assert int(load_checkpoint(tmp_path / "checkpoints" / LAST)["state_dict"]["batches"]) == 4
    resumed = Session(tmp_path, minutes=0).fit()
    assert int(resumed.model.batches) == resumed.evaluate.generator_updates == EPOCHS * BATCHES


class Phased(Boring):
    """Its first eight batches are of one phase, in which only the critic learns."""

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        first = self.batches_done < 8
        self.phase, self.updates_generator = ("alone", False) if first else ("game", True)
        super().training_step(batch, batch_idx)

    def log_prob(self, batch: TokenBatch, **knob: Any) -> Tensor:
        """Each word has the probability 1/8, and so has the end."""
        return -(batch.lengths + 1.0) * math.log(8)


def phased(folder: Path, *callbacks: Callback) -> Session:
    session = Session(folder, *callbacks)
    session.model = Phased(session.data.vocab_size, session.data.max_length)
    return session


def test_batches_and_hours_of_each_phase_are_counted_through_a_kill(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        phased(tmp_path, At(BATCHES + 1, crash)).fit()
    record = phased(tmp_path).fit().test().record()
    assert {name: spent["batches"] for name, spent in record.phases.items()} == {
        "alone": 8,
        "game": EPOCHS * BATCHES - 8,
    }
    assert record.generator_updates == record.training_updates == EPOCHS * BATCHES - 8
    hours = sum(spent["hours"] for spent in record.phases.values())
    assert record.training_hours is not None
    assert 0 < hours <= record.training_hours
    # The first phase ends within the second epoch, the last validation in it is that of the first.
    validations = logged(tmp_path, "validation/words")
    assert record.phases["alone"]["scores"]["words"] == validations[BATCHES - 1]
    assert record.phases["game"]["scores"]["words"] == validations[EPOCHS * BATCHES - 1]


def test_a_method_that_knows_its_likelihood_is_asked_for_that_of_the_test_text(
    tmp_path: Path,
) -> None:
    session = phased(tmp_path)
    record = session.fit().test().record()
    words = int(session.data.batch.lengths.sum())
    assert record.scores["nll"] == pytest.approx((words + session.data.size) / words * math.log(8))
    assert record.passes == session.data.max_length
    assert "nll" not in Session(tmp_path / "unknown").fit().test().record().scores


class Spoil(Callback):
    """Give a player a weight before a batch, which is counted from 1."""

    def __init__(self, player: str, value: float, batch: int) -> None:
        self.player, self.value, self.batch = player, value, batch

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        if trainer.fit_loop.total_batch_idx + 1 == self.batch:
            getattr(pl_module, self.player).data[0] = self.value


@pytest.mark.parametrize(("minutes", "kept"), [(0, 7), (60, BATCHES)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_run_and_is_named(
    tmp_path: Path, minutes: float, kept: int, value: float
) -> None:
    """By its name and batch, also where it was not due to be logged and others came since."""
    session = Session(tmp_path, Spoil("generator", value, 8), minutes=minutes, log_every_n_steps=10)
    with pytest.raises(FloatingPointError, match=r"generator/loss is nan in batch 8; .*FORCE=1"):
        session.fit()
    weights = load_checkpoint(session.last)["state_dict"]
    assert int(weights["batches"]) == kept
    resumed = Session(tmp_path).fit()
    assert int(resumed.model.batches) == EPOCHS * BATCHES, "what failed is not kept"


@pytest.mark.parametrize(("minutes", "found", "kept"), [(0, 8, 7), (60, 2 * BATCHES, BATCHES)])
def test_weights_that_are_not_finite_replace_no_checkpoint(
    tmp_path: Path, minutes: float, found: int, kept: int
) -> None:
    """No loss that is logged shows the critic's."""
    session = Session(tmp_path, Spoil("critic", math.inf, 8), minutes=minutes, select="words")
    with pytest.raises(FloatingPointError, match=f"critic is not finite in batch {found}"):
        session.fit()
    for name, batches in ((LAST, kept), (BEST, BATCHES)):
        weights = load_checkpoint(tmp_path / "checkpoints" / name)["state_dict"]
        assert int(weights["batches"]) == batches


def test_a_checkpoint_needs_no_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/none/such")
    session = Session(tmp_path).fit()
    assert [path.name for path in session.last.parent.iterdir()] == [LAST]


def test_a_finished_run_trains_no_further(tmp_path: Path) -> None:
    first = Session(tmp_path).fit()
    again = Session(tmp_path).fit()
    assert int(again.model.batches) == EPOCHS * BATCHES
    assert torch.equal(first.model.generator, again.model.generator)


def test_the_record_is_that_of_the_samples_file(tmp_path: Path) -> None:
    record = Session(tmp_path).fit().test().record()
    sentences = read_sentences(tmp_path / "samples.txt")
    assert len(sentences) == record.num_samples == 24
    assert [] in sentences, "the case of an empty sentence is not met"
    assert record.scores["words"] == pytest.approx(sum(map(len, sentences)) / 24, rel=1e-12)
    assert record.scores["empty"] == pytest.approx(sentences.count([]) / 24, rel=1e-12)
    assert record.generator_updates == EPOCHS * BATCHES
    assert record.knob == {"temperature": 1.0}
    assert read_sampler(tmp_path / "samples.txt") == record.sampler
    assert record.sampler["seed"] == record.seed
    assert record.sampler["setting"] == 1.0
    assert (record.data_revision, record.data_source) == ("r1", "noise")
    assert record.config == {"seed_everything": 3, "trainer": {}}
    assert record.fingerprint["references"] == 24
    assert record.fingerprint["vocabulary"] == len(WORDS) - 1


def test_a_trained_run_is_tested_at_another_setting_of_its_knob(tmp_path: Path) -> None:
    trained = Session(tmp_path).fit().test()
    warm = trained.record()
    session = Session(tmp_path, config=CONFIG | {"evaluate": {"knob": 0.25}})
    session.evaluate.knob = 0.25
    session.trainer.validate(session.model, session.data, ckpt_path=session.last, verbose=False)
    assert session.model.setting == 1.0, "a validation has the method's own setting"
    cold = session.test().record()
    assert cold.knob == {"temperature": 0.25}
    assert cold.sampler["setting"] == 0.25
    assert cold.config["evaluate"] == {"knob": 0.25}
    assert cold.scores["words"] != warm.scores["words"]
    torch.manual_seed(3)
    drawn = session.data.text(session.model.sample(24, temperature=0.25))
    assert drawn == read_sentences(tmp_path / "samples.txt")


def test_a_knob_that_is_not_there_is_refused_before_training(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.evaluate.knob = 0.5
    session.model.knob = None  # type: ignore[misc, assignment]
    with pytest.raises(UserError, match=r"evaluate\.knob=0\.5: Boring has no knob to turn"):
        session.fit()
    assert not session.last.exists()


def test_the_curve_of_the_validations_lies_beside_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "COLUMNS", (Column("words", "Words a sentence", "", 2),))
    record = Session(tmp_path).fit().test().record()
    root = tmp_path / "leaderboard"
    curve = curves.load_curve(root / "curves" / record.data / f"{record.path().stem}.json")
    assert curve.batches == [BATCHES * epoch for epoch in range(1, EPOCHS + 1)]
    values = logged(tmp_path, "validation/words").values()
    assert curve.scores == {"words": [float(f"{value:.5g}") for value in values]}


def test_the_samples_depend_on_checkpoint_and_seed_alone(tmp_path: Path) -> None:
    Session(tmp_path).fit().test()
    first = (tmp_path / "samples.txt").read_bytes()
    torch.rand(7)
    Session(tmp_path).test()
    assert (tmp_path / "samples.txt").read_bytes() == first


def test_training_time_adds_up_over_sessions(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        Session(tmp_path, At(3, press_ctrl_c)).fit()
    path = tmp_path / "checkpoints" / LAST
    checkpoint = load_checkpoint(path)
    checkpoint["callbacks"]["Evaluate"]["seconds"] += 7200
    torch.save(checkpoint, path)
    record = Session(tmp_path).fit().test().record()
    assert 2 < record.wall_clock_hours < 2.1


def test_a_record_has_the_cost_of_the_whole_training(tmp_path: Path) -> None:
    """Also where it is tested at an earlier checkpoint and was killed, as often as you like."""
    for updates in (BATCHES + 3, 2 * BATCHES + 3, None):
        killed = [] if updates is None else [At(updates, crash)]
        session = Session(tmp_path, *killed, select="words")
        if session.last.exists():  # an hour was spent before
            content = load_checkpoint(session.last)
            content["callbacks"]["Evaluate"]["seconds"] += 3600
            torch.save(content, session.last)
        with pytest.raises(RuntimeError, match="killed") if killed else nullcontext():
            session.fit()
    best = load_checkpoint(tmp_path / "checkpoints" / BEST)
    tested = int(best["state_dict"]["batches"])
    assert tested < EPOCHS * BATCHES, "the case of an earlier checkpoint is not met"
    record = Session(tmp_path).test(BEST).record()
    assert (record.generator_updates, record.training_updates) == (tested, EPOCHS * BATCHES)
    assert record.training_hours is not None
    assert record.wall_clock_hours < record.training_hours
    assert 2 < record.training_hours < 2.1


def test_a_record_does_not_guess_what_a_training_cost(tmp_path: Path) -> None:
    Session(tmp_path, select="words").fit()
    (tmp_path / "checkpoints" / LAST).unlink()
    record = Session(tmp_path).test(BEST).record()
    assert record.cost is None


def test_the_record_names_the_hardware_of_each_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = iter(["a", "a", "b", "a"])
    monkeypatch.setattr(provenance, "hardware", lambda *_: next(places))
    for updates in (3, 7, 12):
        with pytest.raises(SystemExit):
            Session(tmp_path, At(updates, press_ctrl_c)).fit()
    assert Session(tmp_path).fit().test().record().hardware == "a; then b; then a"


def test_the_selected_checkpoint_is_the_smallest_on_validation(tmp_path: Path) -> None:
    Session(tmp_path, select="words").fit()
    curve = logged(tmp_path, "validation/words")
    best = load_checkpoint(tmp_path / "checkpoints" / BEST)
    step = min(curve, key=lambda step: curve[step])
    assert int(best["state_dict"]["batches"]) == step + 1
    assert Session(tmp_path).test(BEST).record().generator_updates == step + 1


@pytest.mark.parametrize("forward", ["oracle_nll", "lm_score/kn4", "bleu_f/5", "perplexity/kn5"])
def test_no_forward_score_selects(forward: str) -> None:
    with pytest.raises(ValueError, match="collapsed"):
        PeriodicCheckpoint(select=forward)


def test_an_unknown_score_cannot_select(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"select=wrds is not among .*validation/words"):
        Session(tmp_path, select="wrds").fit()


def test_other_data_are_refused(tmp_path: Path) -> None:
    Session(tmp_path).fit()
    for action in ("fit", "test"):
        session = Session(tmp_path, revision="r2")
        with pytest.raises(ValueError, match="revision r1, and they are now r2"):
            getattr(session, action)()
    assert not (tmp_path / "leaderboard").exists()


def test_validation_writes_no_record(tmp_path: Path) -> None:
    session = Session(tmp_path).fit()
    session.trainer.validate(session.model, session.data, verbose=False)
    assert not (tmp_path / "leaderboard").exists()
    assert not (tmp_path / "samples.txt").exists()


def test_decoded_samples_are_logged_against_generator_updates(tmp_path: Path) -> None:
    Session(tmp_path).fit()
    with (tmp_path / "validation_samples.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["generator_updates", "sentence"]
    assert len(rows) == 10 * EPOCHS
    assert {row[0] for row in rows} == {"6", "12", "18", "24"}
    assert {word for row in rows for word in row[1].split()} <= set(WORDS[1:])


def test_what_a_killed_run_showed_is_shown_once(tmp_path: Path) -> None:
    path = tmp_path / "validation_samples.csv"
    Session(tmp_path).fit()
    once = path.read_bytes()
    path.write_bytes(once + once[:7])  # a run that was killed in the next line
    (tmp_path / "checkpoints" / LAST).unlink()  # and before it had a checkpoint
    Session(tmp_path).fit()
    assert path.read_bytes() == once


class Refuses(WordCounts):
    """A metric that takes no sentence of the word it is given."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    def update(self, samples: list[Sentence]) -> None:
        if any(self.word in sentence for sentence in samples):
            raise ValueError(f"no score for {self.word}")


def test_a_metric_that_refuses_leaves_the_others_alone() -> None:
    metrics = MetricCollection([WordCounts(), Refuses("a")])
    scores = score_chunks(metrics, [[["man"]], [["a", "man"]], [["man"]]])
    assert scores.values == {"words": pytest.approx(4 / 3), "empty": 0}
    assert scores.left_out == {"Refuses": "no score for a"}
    assert score(metrics, [["a"]]) == {"words": 1, "empty": 0}


class PerWord(Metric):
    """Sentences a word: infinite without any."""

    full_state_update = False
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(2), dist_reduce_fx="sum")

    def update(self, samples: list[Sentence]) -> None:
        self.counts += torch.tensor([len(samples), sum(map(len, samples))])

    def compute(self) -> dict[str, Tensor]:
        return {"per_word": self.counts[0] / self.counts[1]}


def test_a_generator_that_writes_nothing_has_a_record_without_what_that_makes_infinite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(self: Boring, n: int, *, temperature: float = 1.0) -> TokenBatch:
        return pad_sequences([[]] * n, self.max_length)

    both = [WordCounts(), PerWord()]
    monkeypatch.setattr(BoringData, "metrics", lambda *_: MetricCollection(both))
    monkeypatch.setattr(Boring, "sample", nothing)
    # Selection by it is without effect, and keeps a checkpoint to be tested.
    record = Session(tmp_path, select="per_word").fit().test(BEST).record()
    assert record.scores == {"words": 0, "empty": 1}
    assert record.left_out == {"per_word": "no word was written"}
    assert len(logged(tmp_path, "validation/per_word")) == EPOCHS
    assert all(map(math.isnan, logged(tmp_path, "validation/per_word").values())), "a gap"


def test_nothing_is_no_sample() -> None:
    with pytest.raises(ValueError, match="no sentences"):
        score(BoringData().metrics("test"), [])
