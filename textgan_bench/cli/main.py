"""``python -m textgan_bench fit | test | bench | data | sample | interpolate | …``."""

import gc
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from textgan_bench.cli.arguments import USAGE_ERROR, parser
from textgan_bench.cli.openmp import share_processors
from textgan_bench.cli.options import refuse_unknown
from textgan_bench.errors import (
    FailedChecksError,
    FailedRunsError,
    TerminatedError,
    UserError,
    explanation,
    meant,
    one_line,
    print_anything,
)
from textgan_bench.files import named
from textgan_bench.recipes import (
    ALL,
    SMOKE,
    content,
    data_arguments,
    is_own_text,
    layers,
    merged,
    ordered,
    read,
    section_of,
    table,
)

FAILURE = 1
OUTPUT = "standard output"
TRAINING = ("fit", "test")
"""Commands whose arguments are Lightning's."""
RESUMED = {
    "bench": "; without FORCE=1 (bench --force) the same command goes on from here",
    "grid": "; the same command goes on from here",
    "sweep": "; the same command goes on from here",
}
"""What to say where a command that a signal ended keeps what it has."""


def parse(arguments: list[str]) -> dict[str, Any]:
    """The options of a command line whose names and paths there are.

    They are looked up before a command imports what it needs, which takes seconds.

    Raises:
        FileNotFoundError: there are no recipes here.
        UserError: there is no such method, data set, budget or setting, or a file is no
            configuration.
    """
    root = parser()
    name = next(iter(arguments), "")
    if name in TRAINING:
        options = vars(root.parse_known_args(arguments)[0])
        for path in filter(os.path.exists, options["config"] or []):
            read(Path(path))
        return options
    if name in root.commands:
        root.commands[name].refuse_misspelt(arguments[1:])
    elif not name.startswith("-") and name:
        known = ", ".join(root.commands)
        root.error(f"there is no command {name}{meant(name, root.commands)}; there are {known}")
    options = vars(root.parse_args(arguments))
    if name == "grid":
        for each in options["data"]:
            asked, _ = data_arguments(each, None)
            for method in options["methods"]:
                layers(method, asked, options["budget"])
        options["options"] = dict(options["options"])
    data = options["name"] if name == "data" else options.get("data")
    if data is not None and data != ALL and "data_dir" in options:
        asked, _ = data_arguments(
            data, options["data_dir"], tokenised=options.get("tokenised", False)
        )
        table(asked)
        if name in ("bench", "recipe"):
            paths = layers(options["method"], asked, options["budget"])
            changes = ordered(options["changes"])
            stack = [*map(content, paths), *map(section_of, changes)]
            settings = merged(("", layer) for layer in stack)
            for change in changes:
                refuse_unknown(change, settings)
        if name == "bench" and options["recorded"]:
            _check_recorded(asked, options["budget"], options["changes"])
    return options


def _check_recorded(data: str, budget: str, changes: list[str]) -> None:
    if not changes:
        raise UserError("--record is said of a run with --set; any other is recorded anyway")
    if is_own_text(data) or budget == SMOKE:
        raise UserError("--record: own text and smoke tests have no record on the leaderboard")


def run(arguments: list[str]) -> None:
    """Carry out one command; only what it needs is imported."""
    options = parse(arguments)
    command = options.pop("command")
    if command in TRAINING:
        from textgan_bench.training.command_line import fit_or_test

        fit_or_test(arguments)
    else:
        gc.disable()  # what is imported stays: to look for garbage in it is a fifth of the time
        try:
            module = import_module(f"textgan_bench.cli.{command}")
            gc.freeze()
        finally:
            gc.enable()
        getattr(module, command)(**options)


def _drop_output() -> None:
    """Let Python, when it ends, not fail once more over what could not be printed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console() -> int:
    """What the script ``textgan-bench`` runs: ``main``, and completion for the shell.

    Plug-ins are imported from the working folder, as ``python -m`` imports them.
    """
    sys.path.insert(0, str(Path.cwd()))
    if "_ARGCOMPLETE" in os.environ:
        from textgan_bench.cli.completion import complete

        complete(parser())
    return main()


def main() -> int:
    """Exit status: a mistake of the user ends in one line, a defect in its traceback."""
    share_processors()
    print_anything()
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        with named(OUTPUT):  # whatever else is written has a name
            run(sys.argv[1:])
            sys.stdout.flush()
    except BrokenPipeError:  # as in ``sample … | head``
        _drop_output()
        return 128 + signal.SIGPIPE
    except (FailedRunsError, FailedChecksError) as error:
        print(f"textgan_bench: {one_line(str(error))}", file=sys.stderr)
        return FAILURE
    except Exception as error:
        message = explanation(error)
        if message is None:
            raise
        print(f"textgan_bench: {one_line(message)}", file=sys.stderr)
        if isinstance(error, OSError) and error.filename == OUTPUT:
            _drop_output()
        return USAGE_ERROR
    except KeyboardInterrupt as stop:
        return _stopped(stop)
    except SystemExit as end:
        # Lightning leaves with a status of its own, which on SIGTERM would read as success.
        if isinstance(end.__context__, KeyboardInterrupt):
            return _stopped(end.__context__)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _terminate(number: int, frame: FrameType | None) -> None:
    raise TerminatedError


def _stopped(stop: KeyboardInterrupt) -> int:
    """Exit status of a command that a signal ended, after a word on what becomes of it."""
    print(f"interrupted{RESUMED.get(sys.argv[1], '')}", file=sys.stderr)
    return 128 + (signal.SIGTERM if isinstance(stop, TerminatedError) else signal.SIGINT)
