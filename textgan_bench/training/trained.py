"""The method of a trained run, ready to sample, and its data."""

from pathlib import Path

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method, TextDataModule, TextGenerator
from textgan_bench.training.checkpoint_files import load_checkpoint
from textgan_bench.training.command_line import TrainingCLI
from textgan_bench.training.restore import of_another_version, trained_on
from textgan_bench.training.run import Run


def load_trained(run: Path) -> tuple[Method, TextDataModule]:
    """The method of a trained run, in evaluation mode, and its data, set up.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        UserError: the checkpoint is damaged, or of another version of the method.
    """
    folder = Run(run)
    knob = folder.load_config().get("evaluate", {}).get("knob")
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
        raise UserError(of_another_version(path, model, error)) from error
    if knob is not None:  # what its record was drawn at
        model.setting = knob
    return model.eval(), data


def load_generator(run: Path) -> tuple[TextGenerator, TextDataModule]:
    """The generator of a trained run, ready to sample, and its data, set up.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        UserError: the checkpoint is damaged, or the run is no generator of sentences.
    """
    model, data = load_trained(run)
    if not isinstance(model, TextGenerator):
        raise UserError(f"{type(model).__name__} does not write sentences from nothing")
    return model, data
