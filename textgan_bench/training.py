"""``fit`` and ``test``: Lightning's command line over the two kinds of plug-in."""

import inspect
import logging
import math
import os
import re
import signal
import warnings
from argparse import ArgumentError
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from pydoc import locate
from textwrap import shorten
from traceback import walk_tb
from typing import Any, cast

import torch
import yaml
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from textgan_bench.callbacks import PeriodicCheckpoint, RunProgress
from textgan_bench.errors import meant
from textgan_bench.evaluation import Evaluate, trained_on
from textgan_bench.files import named, own_temporary_folder
from textgan_bench.graphed import CaptureSteps
from textgan_bench.interfaces import Method, TextDataModule, TextGenerator
from textgan_bench.recipes import LARGEST_SEED, read
from textgan_bench.runs import Run, is_loaded_again, load_checkpoint, without_places

STATE = ("loops", "optimizer_states", "lr_schedulers", "callbacks")
"""Parts of a checkpoint beside the weights."""
REASON = 200
"""Characters at most of why a checkpoint does not fit, which may name each of its tensors."""
SIZES = ("vocab_size", "max_length")
"""What the command line tells a method of the data."""
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
    ".*step\\(\\) is running without CUDA graph capture.*",  # the steps before the first capture
)
# How the parser complains of an option of a class, among all else that it might be, and of others.
OF_CLASS = re.compile(r"class_path '([\w.]+)':.*?Option '(\w+)' is not accepted", re.DOTALL)
OF_VALUE = re.compile(
    r"class_path '([\w.]+)':\s*(.*?)\s*- Expected a <class 'NoneType'>", re.DOTALL
)
OF_COMMAND = re.compile(r"unrecognized arguments: (--[\w.]+)")
OF_FILE = re.compile(r"does not accept option '([\w.]+)'")
CHATTY = ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.seed")


def keeps_files() -> bool:
    """Whether this is the process of several that keeps the run's files: the first.

    Its rank is known from the start, however it was started: by Lightning, torchrun or SLURM.
    """
    return rank_zero_only.rank == 0  # type: ignore[attr-defined]


def is_distributed(devices: object, nodes: int) -> bool:
    """Whether a run of these settings has several processes."""
    return devices not in (1, "1", "auto") or nodes > 1


def be_the_first() -> None:
    """Keep the run's files, as its only process.

    Whatever started this process, as ``srun`` with more tasks than devices, may have numbered it
    among others that are at work on runs of their own, or are refused by the lock of this one.
    """
    rank_zero_only.rank = 0  # type: ignore[attr-defined]


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
        ValueError: the folder holds another run, another process is at work in it, or a checkpoint
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
            message = _misspelt(str(error), options)
            if message is None:
                raise
            raise ValueError(message) from error

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
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
        except Exception as error:
            if _is_restoring(error):
                path = self._get(self.config, "ckpt_path")
                raise ValueError(_of_another_version(path, self.model, error)) from error
            # Numbers that are not finite fail under many names, as that of a distribution or index.
            if subcommand == "fit" and self.trainer.world_size == 1:
                with suppress(RuntimeError):  # of a device that answers no more
                    self.model.check_finite()
            raise

    def _set_seed(self) -> None:
        seed = self._get(self.config, "seed_everything")
        if isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED:
            raise ValueError(f"seed_everything={seed}: a seed is 0 to {LARGEST_SEED}")
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
        _refuse(self.resolved)
        for name in SIZES:
            if config.model.init_args.get(name) is not None:
                raise ValueError(f"model.init_args.{name} is that of the data, and not to be set")
        if self.subcommand and config.ckpt_path is not None:
            self.trained_on = trained_on(load_state(Path(config.ckpt_path)))
        config.trainer.default_root_dir = str(run.folder)
        if self.subcommand == "fit" and keeps_files():
            run.claim(self.resolved)
        elif self.subcommand == "test":
            run.check(self.resolved)
            self.resolved = run.load_config()  # devices may differ
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
            if logger.class_path.endswith("WandbLogger") and keeps_files():
                title = run.folder.as_posix().removeprefix("runs/")
                given.id = run.wandb_id()
                given.name = os.environ.get("WANDB_NAME") or title
                given.project = os.environ.get("WANDB_PROJECT") or given.project
                given.save_dir = os.environ.get("WANDB_DIR") or given.save_dir

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer of the configuration.

        Raises:
            ValueError: Lightning refuses one of its settings, there are more processes than
                processors, which would bring the machine to a halt, or other processes were
                started than one for each device.
        """
        if self.alone and os.environ.get("SLURM_NTASKS", "1") != "1":
            kwargs["plugins"] = LightningEnvironment()  # the other tasks are no part of this run
        try:
            trainer = super().instantiate_trainer(**kwargs)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"trainer: {error}") from error
        processors = os.cpu_count() or 1
        if isinstance(trainer.accelerator, CPUAccelerator) and trainer.num_devices > processors:
            raise ValueError(
                f"devices={trainer.num_devices}: without a GPU a run takes one to {processors} here"
            )
        places = trainer.num_devices * trainer.num_nodes
        started = self._started(trainer)
        if started not in (None, places):
            raise ValueError(
                f"{started} processes were started for a run on {places} devices; it takes one "
                "for each, --devices times --nodes"
            )
        return trainer

    def _started(self, trainer: Trainer) -> int | None:
        """How many processes something else than Lightning started for this run, if it did."""
        if self.subcommand == "fit" and torch.distributed.is_torchelastic_launched():
            return int(os.environ["WORLD_SIZE"])
        starter: Any = getattr(trainer.strategy, "cluster_environment", None)
        return starter.world_size() if type(starter).__name__ == "SLURMEnvironment" else None

    def after_instantiate_classes(self) -> None:
        for callback in self.callbacks:
            if isinstance(callback, Evaluate):
                callback.config = without_places(self.resolved)
                callback.data_revision = self.trained_on
                self.datamodule.extras = callback.extras

    @property
    def callbacks(self) -> list[Callback]:
        """Callbacks of the trainer, which sets them in a way its annotations do not show."""
        callbacks: list[Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
        return callbacks

    def before_fit(self) -> None:
        for plug_in in (self.model, self.datamodule):
            for name, value in plug_in.hparams.items():
                if not is_loaded_again(value):
                    raise ValueError(
                        f"{type(plug_in).__name__} saves {name}={value!r}, with which no "
                        f"checkpoint is loaded: save_hyperparameters(ignore=['{name}'])"
                    )
        for logger in self.trainer.loggers if keeps_files() else []:
            if isinstance(logger, WandbLogger):
                from textgan_bench import tracking  # W&B takes half a second to import

                logger._wandb_init.pop("anonymous", None)  # W&B would warn that it has no effect
                tracking.prepare(Path(logger.save_dir or "."), logger._offline)

    before_test = before_fit

    def end_logging(self) -> None:
        """Leave W&B, so that the next run of this process does not go on in this one's place."""
        for logger in self.trainer.loggers if keeps_files() else []:
            # ``experiment`` would begin what has not begun.
            if isinstance(logger, WandbLogger) and logger._experiment is not None:
                logger.experiment.finish()


def fit_or_test(arguments: list[str]) -> None:
    """Carry out ``fit`` or ``test`` as the only process in the run's folder.

    Raises:
        ArgumentError: as of ``TrainingCLI``.
        ValueError: likewise.
    """
    with ExitStack() as locks:
        TrainingCLI(arguments, locks=locks)


def _refuse(config: dict[str, Any]) -> None:
    """End at settings that no run can have, and at those that would be without effect.

    Raises:
        ValueError: there is one.
    """
    for name, value in _numbers(config):
        if math.isnan(value):
            raise ValueError(f"{name} is nan, which is no number")
    trainer = config["trainer"]
    if trainer["max_steps"] != -1:
        raise ValueError(
            "trainer.max_steps counts a step of each player: use trainer.max_epochs, and "
            "trainer.limit_train_batches for a part of one"
        )
    needed = {"max_epochs", "limit_train_batches", "limit_test_batches"}
    if config["checkpoint"]["select"] is not None:
        needed.add("limit_val_batches")
    for name in sorted(needed):
        if trainer[name] == 0:
            raise ValueError(f"trainer.{name} is 0: nothing would be trained, selected or scored")


def _numbers(setting: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of a configuration, and where they stand in it."""
    if isinstance(setting, float):
        yield name, setting
    parts = dict(enumerate(setting)) if isinstance(setting, list) else setting
    for key, part in parts.items() if isinstance(parts, dict) else ():
        yield from _numbers(part, f"{name}.{key}" if name else str(key))


def _misspelt(complaint: str, options: Collection[str]) -> str | None:
    """What the parser complains of, and which option was meant; None if it is of another kind."""
    of_class = OF_CLASS.search(complaint)
    if of_class:
        path, name = of_class.groups()
        known = inspect.signature(cast(Callable[..., Any], locate(path))).parameters
        return f"{path} has no option {name}{meant(name, known)}"
    of_value = OF_VALUE.search(complaint)
    if of_value:
        return ": ".join(of_value.groups())
    of_command, of_file = OF_COMMAND.search(complaint), OF_FILE.search(complaint)
    name = of_command[1] if of_command else f"--{of_file[1]}" if of_file else None
    return name and f"there is no option {name}{meant(name, options)}"


def load_state(path: Path) -> dict[str, Any]:
    """Content of a checkpoint that a run can be resumed or tested from.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it cannot be read, or lacks a part without which a run would begin anew.
    """
    checkpoint = load_checkpoint(path)
    lacking = [part for part in STATE if part not in checkpoint]
    if not lacking and Evaluate.__qualname__ not in checkpoint["callbacks"]:
        lacking = ["evaluation"]
    if lacking:
        raise ValueError(f"{path} is no checkpoint of a run: it has no {', '.join(lacking)}")
    return checkpoint


def _is_restoring(error: Exception) -> bool:
    """Whether it comes of bringing back the state of a checkpoint, which fits in many ways not."""
    return any(
        frame.f_code.co_filename.endswith("checkpoint_connector.py")
        and frame.f_code.co_name.lstrip("_").startswith("restore")
        for frame, _ in walk_tb(error.__traceback__)
    )


def _of_another_version(path: Path | str, model: Method, error: Exception) -> str:
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return (
        f"{path} is of another version of {type(model).__name__}; train again, by FORCE=1 (bench "
        f"--force): {shorten(reason, REASON)}"
    )


def load_trained(run: Path) -> tuple[Method, TextDataModule]:
    """The method of a trained run, in evaluation mode, and its data, set up.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        ValueError: the checkpoint is damaged, or of another version of the method.
    """
    folder = Run(run)
    folder.load_config()
    path = folder.checkpoint(folder.tested_checkpoint())
    checkpoint = load_checkpoint(path)
    command_line = TrainingCLI([f"--config={folder.config}"], run=False)
    model: Method = command_line.model
    data: TextDataModule = command_line.datamodule
    data.prepare_data()
    data.setup("test")
    folder.check_revision(trained_on(checkpoint), data.revision)
    try:
        model.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        raise ValueError(_of_another_version(path, model, error)) from error
    return model.eval(), data


def load_generator(run: Path) -> tuple[TextGenerator, TextDataModule]:
    """The generator of a trained run, ready to sample, and its data, set up.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        ValueError: the checkpoint is damaged, or the run is no generator of sentences.
    """
    model, data = load_trained(run)
    if not isinstance(model, TextGenerator):
        raise ValueError(f"{type(model).__name__} does not write sentences from nothing")
    return model, data
