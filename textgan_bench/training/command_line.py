"""``fit`` and ``test``: Lightning's command line over the two kinds of plug-in."""

import logging
import os
import signal
import warnings
from argparse import ArgumentError
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.distributed import DistError

from textgan_bench.errors import TerminatedError, UserError
from textgan_bench.files import named, own_temporary_folder
from textgan_bench.interfaces import Method, TextDataModule
from textgan_bench.recipes import GENERATION, LARGEST_SEED, read
from textgan_bench.training.capture import CaptureSteps
from textgan_bench.training.checkpoint_files import is_loaded_again
from textgan_bench.training.checkpoints import PeriodicCheckpoint
from textgan_bench.training.evaluate import Evaluate
from textgan_bench.training.processes import be_the_first, is_distributed, keeps_files
from textgan_bench.training.progress import RunProgress
from textgan_bench.training.refusals import misspelt, refuse
from textgan_bench.training.restore import (
    is_restoring,
    load_state,
    of_another_version,
    trained_on,
)
from textgan_bench.training.run import Run
from textgan_bench.training.wandb_logger import RunWandbLogger

SIZES = ("vocab_size", "max_length")
"""What the command line tells a method of the data."""

TENSORBOARD = "pytorch_lightning.loggers.TensorBoardLogger"

SECTIONS = ("seed_everything", "trainer", "model", "data", "evaluate", "checkpoint")

# Known and harmless here; a run should print what its reader can act on.
SILENCED = (
    ".*does not have many workers.*",  # batches are cut from memory
    ".*checkpoint that ended before the epoch ended.*",  # the data module keeps the place in it
    ".*LightningCLI's args parameter.*",
    ".*smaller than the logging interval.*",
    ".*overridden `on_before_batch_transfer` in `LightningModule`.*",  # no data module has its own
    ".*There is a wandb run already in progress.*",  # bench tests in the run it trained in
    ".*isinstance\\(treespec, LeafSpec\\).*",
    ".*too uniform for Kneser-Ney discounts.*",  # a table marks such a score by †
    ".*`srun` command is available on your system but is not used.*",  # one device needs no srun
    ".*step\\(\\) is running without CUDA graph capture.*",  # the steps before the first capture
)

CHATTY = ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.seed")


class RecipeParser(LightningArgumentParser):
    """Lightning's parser of recipes, which are UTF-8 whatever the encoding of the terminal is."""

    def parse_path(self, path: Any, *arguments: Any, **named: Any) -> Any:
        return self.parse_string(read(Path(path)), path, *arguments, **named)


class TrainingCLI(LightningCLI):
    """One run: a method, a data set, a trainer, and the callbacks every run has.

    The folder of the run is ``trainer.default_root_dir``. ``fit`` refuses one that holds another
    configuration, and so does ``test``.

    Args:
        arguments: command line after the program's name.
        run: whether to carry out the subcommand, or only to build the objects of a configuration.
        locks: of what the caller is at work in, to which the run's folder is added; None where it
            is among them.

    Raises:
        ArgumentError: an argument or a key of a configuration is wrong.
        UserError: the folder holds another run, another process is at work in it, or a checkpoint
            is damaged.
    """

    def __init__(
        self, arguments: list[str], run: bool = True, locks: ExitStack | None = None
    ) -> None:
        own_temporary_folder()  # before a configuration names W&B, which makes folders at import
        for message in SILENCED:
            warnings.filterwarnings("ignore", message)
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
        # Matrix products of a GPU with 10 bits of mantissa: several times faster.
        torch.backends.cuda.matmul.allow_tf32 = True
        self.resolved: dict[str, Any] = {}
        self.trained_on = ""
        self.locks = locks
        self.alone = True
        parser_kwargs: dict[str, Any] = {"exit_on_error": False, "allow_abbrev": False}
        try:
            super().__init__(
                Method,
                TextDataModule,
                save_config_callback=None,
                trainer_defaults={"callbacks": [RunProgress(), CaptureSteps()]},
                seed_everything_default=0,
                parser_class=RecipeParser,
                parser_kwargs=parser_kwargs
                | {name: dict(parser_kwargs) for name in self.subcommands()},
                subclass_mode_model=True,
                subclass_mode_data=True,
                args=arguments,
                run=run,
                auto_configure_optimizers=False,
            )
        except MisconfigurationException as error:
            raise UserError(str(error)) from error

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        arguments = {"model", "train_dataloaders", "val_dataloaders", "dataloaders", "datamodule"}
        return {"fit": arguments, "test": arguments}

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse; where there is no option of some name, say so in place of all that it is not."""
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            parsers = [parser, *self._subcommand_parsers.values()]
            options = {name for each in parsers for name in each._option_string_actions}
            message = misspelt(str(error), options)
            if message is None:
                raise
            raise UserError(message) from error

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--tasks",
            type=list[str],
            default=[GENERATION],
            help="folders of benchmarks/rows that are for the data; bench looks there",
        )
        parser.add_lightning_class_args(Evaluate, "evaluate")
        parser.add_lightning_class_args(PeriodicCheckpoint, "checkpoint")
        parser.link_arguments("seed_everything", "evaluate.seed")
        for size in SIZES:
            parser.link_arguments(f"data.{size}", f"model.init_args.{size}", apply_on="instantiate")

    def _run_subcommand(self, subcommand: str) -> None:
        if self.trainer.world_size > 1:  # Lightning's own handler lets all stop at the same batch
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            with named(str(self.trainer.default_root_dir)):  # a logger does not say where it writes
                super()._run_subcommand(subcommand)
        except SIGTERMException as end:  # all processes have stopped at the same batch
            raise TerminatedError from end
        except Exception as error:
            if is_restoring(error):
                path = self._get(self.config, "ckpt_path")
                raise UserError(of_another_version(path, self.model, error)) from error
            # Numbers that are not finite fail under many names, as that of a distribution or index.
            if subcommand == "fit" and self.trainer.world_size == 1:
                with suppress(RuntimeError):  # of a device that answers no more
                    self.model.check_finite()
            if isinstance(error, DistError) or "remote worker" in str(error):  # NCCL; Gloo's words
                raise UserError(
                    "another process of this run has ended; the same command resumes the run"
                ) from error
            raise

    def _set_seed(self) -> None:
        seed = self._get(self.config, "seed_everything")
        if isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED:
            raise UserError(f"seed_everything={seed}: a seed is 0 to {LARGEST_SEED}")
        super()._set_seed()

    def _parse_ckpt_path(self) -> None:
        """Leave the configuration to the configuration files; a checkpoint holds a copy of it."""

    def before_instantiate_classes(self) -> None:
        config = self.config[self.subcommand] if self.subcommand else self.config
        run = Run(Path(config.trainer.default_root_dir or "runs/unnamed"))
        self.alone = not is_distributed(config.trainer.devices, config.trainer.num_nodes)
        if self.alone:
            be_the_first()
        if self.locks is not None and keeps_files():
            self.locks.enter_context(run.locked())
        if config.evaluate.leaderboard is None:  # of a run that no recipe names
            config.evaluate.leaderboard = str(run.folder)
        content = yaml.safe_load(self.parser.dump(self.config, skip_unset=False))
        content = content[self.subcommand] if self.subcommand else content
        self.resolved = {name: content[name] for name in SECTIONS if name in content}
        refuse(self.resolved)
        _check_installed(config.trainer.logger)
        for name in SIZES:
            if config.model.init_args.get(name) is not None:
                raise UserError(f"model.init_args.{name} is that of the data, and not to be set")
        if self.subcommand and config.ckpt_path is not None:
            self.trained_on = trained_on(load_state(Path(config.ckpt_path)))
        config.trainer.default_root_dir = str(run.folder)
        if self.subcommand == "fit" and keeps_files():
            run.claim(self.resolved)
        elif self.subcommand == "test":
            run.check(self.resolved)
        if config.trainer.strategy == "auto" and not self.alone:
            # Each backward pass leaves the parameters of the other players without gradient.
            config.trainer.strategy = "ddp_find_unused_parameters_true"
        if self.subcommand:
            self._place_loggers(config.trainer.logger, run)

    def _place_loggers(self, loggers: Any, run: Run) -> None:
        """Let loggers write into the run folder, W&B under the run's own identity.

        What W&B's variables say of it comes first: W&B itself prefers what it is handed.
        """
        for logger in loggers if isinstance(loggers, list) else []:
            given = logger.init_args
            given.save_dir = str(run.folder)
            if logger.class_path == TENSORBOARD:
                given.name, given.default_hp_metric = "tensorboard", False
            if logger.class_path.endswith("WandbLogger") and keeps_files():
                title = run.folder.as_posix().removeprefix("runs/")
                given.id = run.wandb_id()
                given.name = os.environ.get("WANDB_NAME") or title
                given.project = os.environ.get("WANDB_PROJECT") or given.project
                given.save_dir = os.environ.get("WANDB_DIR") or given.save_dir

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer of the configuration.

        Raises:
            UserError: Lightning refuses one of its settings, there are more processes than
                processors, which would bring the machine to a halt, or other processes were
                started than one for each device.
        """
        if self.alone and os.environ.get("SLURM_NTASKS", "1") != "1":
            kwargs["plugins"] = LightningEnvironment()  # the other tasks are no part of this run
        try:
            trainer = super().instantiate_trainer(**kwargs)
        except (RuntimeError, TypeError, ValueError) as error:
            raise UserError(f"trainer: {error}") from error
        processors = os.cpu_count() or 1
        if isinstance(trainer.accelerator, CPUAccelerator) and trainer.num_devices > processors:
            raise UserError(
                f"devices={trainer.num_devices}: without a GPU a run takes one to {processors} here"
            )
        places = trainer.num_devices * trainer.num_nodes
        started = self._started(trainer)
        if started not in (None, places):
            raise UserError(
                f"{started} processes were started for a run on {places} devices; it takes one "
                "for each, --devices times --nodes"
            )
        return trainer

    def _started(self, trainer: Trainer) -> int | None:
        """How many processes something else than Lightning started for this run, if it did."""
        if self.subcommand == "fit" and torch.distributed.is_torchelastic_launched():
            return int(os.environ["WORLD_SIZE"])
        starter: Any = getattr(trainer.strategy, "cluster_environment", None)
        return starter.world_size() if isinstance(starter, SLURMEnvironment) else None

    def after_instantiate_classes(self) -> None:
        for callback in self.callbacks:
            if isinstance(callback, Evaluate):
                callback.data_revision = self.trained_on
                self.datamodule.judge_by(extras=callback.extras)

    @property
    def row(self) -> dict[str, str]:
        """Method, data and budget, as the record of the run will have them."""
        (evaluate,) = (each for each in self.callbacks if isinstance(each, Evaluate))
        return {"method": evaluate.method, "data": evaluate.data, "budget": evaluate.budget}

    @property
    def callbacks(self) -> list[Callback]:
        """Callbacks of the trainer, which sets them in a way its annotations do not show."""
        callbacks: list[Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
        return callbacks

    def before_fit(self) -> None:
        for plug_in in (self.model, self.datamodule):
            for name, value in plug_in.hparams.items():
                if not is_loaded_again(value):
                    raise UserError(
                        f"{type(plug_in).__name__} saves {name}={value!r}, with which no "
                        f"checkpoint is loaded: save_hyperparameters(ignore=['{name}'])"
                    )
        for logger in self.trainer.loggers if keeps_files() else []:
            if isinstance(logger, WandbLogger):
                from textgan_bench.training import tracking  # W&B takes half a second to import

                if isinstance(logger, RunWandbLogger):
                    logger.place(**self.row)
                logger._wandb_init.pop("anonymous", None)  # W&B would warn that it has no effect
                tracking.prepare(Path(logger.save_dir or "."), logger._offline)

    before_test = before_fit

    def end_logging(self) -> None:
        """Leave W&B, so that the next run of this process does not go on in this one's place."""
        for logger in self.trainer.loggers if keeps_files() else []:
            # ``experiment`` would begin what has not begun.
            if isinstance(logger, WandbLogger) and logger._experiment is not None:
                logger.experiment.finish()


def _check_installed(loggers: Any) -> None:
    """Refuse TensorBoard's logger, which an extra brings, before a folder is made."""
    chosen = [logger.class_path for logger in loggers] if isinstance(loggers, list) else []
    if TENSORBOARD in chosen and find_spec("tensorboard") is None:
        raise UserError("TensorBoard is not installed: pip install 'textgan_bench[tensorboard]'")


def fit_or_test(arguments: list[str]) -> None:
    """Carry out ``fit`` or ``test`` as the only process in the run's folder.

    Raises:
        ArgumentError: as of ``TrainingCLI``.
        UserError: likewise.
    """
    with ExitStack() as locks:
        TrainingCLI(arguments, locks=locks)
