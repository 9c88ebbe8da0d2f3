"""``python -m textgan_bench fit | test | bench | data | sample | interpolate | …``."""

import argparse
import math
import os
import signal
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from types import FrameType
from typing import Any, Never

from textgan_bench.errors import (
    FailedRunsError,
    TerminatedError,
    explanation,
    meant,
    one_line,
    print_anything,
)
from textgan_bench.files import named
from textgan_bench.openmp import share_processors
from textgan_bench.recipes import ALL, LARGEST_SEED, data_arguments, layers, read, table

FAILURE, USAGE_ERROR = 1, 2
OUTPUT = "standard output"
TRAINING = ("fit", "test")
"""Commands whose arguments are Lightning's."""
RESUMED = {
    "bench": "; without FORCE=1 the same command goes on from here",
    "sweep": "; the same command goes on from here",
}
"""What to say where a command that a signal ended keeps what it has."""
EXTRAS = ("nearest", "perplexity", "rnn")
"""The keys of ``metrics.profiles.EXTRAS``, which this module does not import for ``--help``."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    commands: Mapping[str, "Parser"]
    """Of the root: the parser of each command."""

    def error(self, message: str) -> Never:
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the arguments)\n")

    def refuse_misspelt(self, arguments: list[str]) -> None:
        """End at an option that there is not, which argparse may take for one that is missing."""
        options = list(self._option_string_actions)
        for argument in takewhile("--".__ne__, arguments):
            name = argument.partition("=")[0]
            if name.startswith("--") and not any(option.startswith(name) for option in options):
                self.error(f"there is no option {name}{meant(name, options)}")


class _Version(argparse.Action):
    def __call__(self, *_: object) -> Never:
        from importlib import metadata  # a third of the time that it takes to start

        print(f"textgan_bench {metadata.version('textgan_bench')}")
        sys.exit()


def _there(path: str) -> str:
    """The argument, if it is a path of something; whatever else is wrong with it is seen later."""
    if not Path(path).exists():
        raise argparse.ArgumentTypeError(f"{path} does not exist")
    return path


def _path(path: str) -> Path:
    """A path of something; ``-`` is what is piped in."""
    return Path(_there("/dev/stdin" if path == "-" else path))


def _output(path: str) -> Path:
    """A path that a file can have."""
    if not path or Path(path).is_dir():
        raise argparse.ArgumentTypeError(f"{path!r} is not the name of a file")
    return Path(path)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to {LARGEST_SEED}")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is no number that a knob can be turned to")
    return number


def _configuration(text: str) -> str:
    """A file's path, or YAML itself."""
    return text if ":" in text else _there(text)


def parser() -> Parser:
    """Arguments of the commands; of those of ``fit`` and ``test``, which are Lightning's, files."""
    root = Parser(prog="textgan_bench", description="A benchmark of text GANs.")
    root.add_argument(
        "--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version"
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    root.commands = commands.choices
    for name, purpose in (("fit", "train a configuration"), ("test", "sample, score and record")):
        command = commands.add_parser(name, help=f"{purpose}; {name} --help", add_help=False)
        command.add_argument("--config", action="append", type=_configuration)
        command.add_argument("--ckpt_path", type=_there)

    bench = commands.add_parser("bench", help="train, test and show a row of the leaderboard")
    bench.add_argument("method", help="a recipe: benchmarks/<data>/<method>.yaml")
    bench.add_argument(
        "--data", default="hmm", help="a folder of benchmarks, or own text (%(default)s)"
    )
    bench.add_argument(
        "--seed",
        type=_seed,
        nargs="+",
        default=[0],
        dest="seeds",
        help="one or several (0)",
    )
    bench.add_argument("--budget", default="quick", help="a layer over it, or paper (%(default)s)")
    bench.add_argument(
        "--devices", default="auto", help="how many; auto is one, a GPU where there is one"
    )
    bench.add_argument(
        "--nodes", type=int, default=1, help="how many machines, by torchrun or SLURM (%(default)s)"
    )
    bench.add_argument("--data_dir", type=_there, help="where the files of the data set lie")
    _add_tokenised(bench)
    bench.add_argument(
        "--extras", nargs="+", default=[], choices=EXTRAS, help="slower scores for its record"
    )
    bench.add_argument("--force", action="store_true", help="discard the run there is, start again")

    data = commands.add_parser("data", help="download and encode a data set before it is needed")
    data.add_argument("name", help="a folder of benchmarks, or all")
    data.add_argument("--data_dir", type=_there, help="where the files of the data set lie")
    _add_tokenised(data)

    sample = commands.add_parser("sample", help="write sentences of a trained run")
    sample.add_argument("run", type=_path, metavar="RUN", help="its folder, runs/…")
    sample.add_argument("-n", type=int, default=20, help="how many sentences (%(default)s)")
    sample.add_argument(
        "--knob", type=_finite, help="quality against diversity; its method names it"
    )
    sample.add_argument("--seed", type=_seed, default=0, help="(%(default)s)")
    sample.add_argument("--output", type=_output, help="a text file instead of the terminal")

    interpolate = commands.add_parser("interpolate", help="sentences between two, by their codes")
    interpolate.add_argument("run", type=_path, metavar="RUN", help="its folder, of an autoencoder")
    interpolate.add_argument("start", metavar="A", help="a sentence, its words between blanks")
    interpolate.add_argument("end", metavar="B", help="another one")
    interpolate.add_argument("-n", type=int, default=8, help="how many sentences (%(default)s)")

    shift = commands.add_parser("shift", help="move a sentence from one word towards another")
    shift.add_argument("run", type=_path, metavar="RUN", help="its folder, of an autoencoder")
    shift.add_argument("sentence", metavar="SENTENCE", help="its words between blanks")
    shift.add_argument("minus", metavar="FROM", help="a word of training sentences to leave")
    shift.add_argument("plus", metavar="TO", help="a word of training sentences to approach")
    shift.add_argument("-n", type=int, default=8, help="how many steps (%(default)s)")

    sweep = commands.add_parser("sweep", help="score trained runs along their knobs, draw curves")
    sweep.add_argument("runs", type=_path, metavar="RUN", nargs="+", help="its folder, runs/…")
    sweep.add_argument("--values", type=_finite, nargs="+", help="of the knob, or known ones")

    score = commands.add_parser("score", help="score a text file, one sentence a line")
    score.add_argument("file", type=_path, metavar="FILE", help="- for what is piped in")
    _add_criteria(score, required=True)
    score.add_argument(
        "--neighbours", type=_output, metavar="CSV", help="write nearest training text"
    )
    score.add_argument(
        "--lengths", type=_output, metavar="SVG", help="draw the lengths of sentences"
    )
    score.add_argument(
        "--json", action="store_true", dest="as_json", help="all digits, and what they depend on"
    )

    compare = commands.add_parser("compare", help="say which differences of two exceed the noise")
    for name in ("A", "B"):
        compare.add_argument(
            name.lower(), type=_path, metavar=name, help="text, run, record, or score --json"
        )
    _add_criteria(compare, required=False)
    return root


def _add_tokenised(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tokenised", action="store_true", help="blanks separate the words of the own text already"
    )


def _add_criteria(command: argparse.ArgumentParser, *, required: bool) -> None:
    """What a text is judged by: the arguments of ``make_judge``."""
    against = command.add_mutually_exclusive_group(required=required)
    against.add_argument("--references", type=_path, help="real sentences, one a line")
    against.add_argument("--data", help="a folder of benchmarks, scored just as its runs are")
    command.add_argument("--data_dir", type=_there, help="where the files of the data set lie")
    _add_tokenised(command)
    command.add_argument(
        "--profile",
        dest="profile_name",
        metavar="PROFILE",
        default="nagan",
        help="definitions: nagan, texygen, irl-legacy or arae (%(default)s)",
    )
    command.add_argument("--vocabulary", type=_path, help="words the LMs know, one a line")
    command.add_argument(
        "--validation", type=_path, help="real sentences that the encoder hash128 is fitted on"
    )
    command.add_argument("--train", type=_path, help="training text: novelty, nearest neighbours")
    command.add_argument(
        "--encoder", help="of FED: hash128, st:NAME, use:FOLDER or package.module:function"
    )
    command.add_argument(
        "--extras", nargs="+", default=[], choices=EXTRAS, help="slower scores beside the default"
    )
    command.add_argument(
        "--bootstrap", type=int, metavar="N", help="standard errors from so many resamples"
    )


def parse(arguments: list[str]) -> dict[str, Any]:
    """The options of a command line whose names and paths there are.

    They are looked up before a command imports what it needs, which takes seconds.

    Raises:
        FileNotFoundError: there are no recipes here.
        ValueError: there is no such method, data set or budget, or a file is no configuration.
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
    data = options["name"] if name == "data" else options.get("data")
    if data is not None and data != ALL:
        asked, _ = data_arguments(data, options["data_dir"], tokenised=options["tokenised"])
        table(asked)
        if name == "bench":
            layers(options["method"], asked, options["budget"])
    return options


def run(arguments: list[str]) -> None:
    """Carry out one command; only what it needs is imported."""
    options = parse(arguments)
    command = options.pop("command")
    if command in TRAINING:
        from textgan_bench.training import fit_or_test

        fit_or_test(arguments)
    elif command == "bench":
        from textgan_bench.bench import bench

        bench(**options)
    elif command == "data":
        from textgan_bench.prepare import prepare

        prepare(**options)
    elif command == "sample":
        from textgan_bench.commands import sample

        sample(**options)
    elif command == "interpolate":
        from textgan_bench.latent import interpolate

        interpolate(**options)
    elif command == "shift":
        from textgan_bench.latent import shift

        shift(**options)
    elif command == "sweep":
        from textgan_bench.sweep import sweep

        sweep(**options)
    elif command == "compare":
        from textgan_bench.comparison import compare

        compare(**options)
    else:
        from textgan_bench.commands import score

        score(**options)


def _drop_output() -> None:
    """Let Python, when it ends, not fail once more over what could not be printed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    except FailedRunsError as error:
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
        if type(end).__name__ == "SIGTERMException":
            return _stopped(TerminatedError())
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


if __name__ == "__main__":
    sys.exit(main())
