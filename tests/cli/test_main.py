"""What a command line says before anything of the command is imported."""

import os
import shutil
import subprocess
import sys
import tomllib
from argparse import Namespace
from pathlib import Path

import pytest

from textgan_bench.cli.arguments import USAGE_ERROR
from textgan_bench.cli.completion import _names
from textgan_bench.cli.main import console, run

ROOT = Path(__file__).parents[2]

# Without torch a process starts in a tenth of a second.
COMMAND = """
import sys
from textgan_bench.cli.main import console

try:
    status = console()
except SystemExit as end:
    status = end.code
assert not {"torch", "numpy"} & sys.modules.keys()
sys.exit(status)
"""


def carried_out(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script ``textgan-bench`` with the words of a line, which may import no torch."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *line.split()],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("bnech nagan", "no command bnech (did you mean bench?); there are fit, test, bench, grid"),
        ("sample benchmarks --knob x", "x is no number that a knob can be turned to"),
        ("bench nagann", "no method nagann (did you mean nagan?): benchmarks/hmm has"),
        ("bench NAGAN", "no method NAGAN (did you mean nagan?)"),
        ("bench nagan --data coko", "no data set coko (did you mean coco?)"),
        ("bench nagan --budget qick", "no budget qick (did you mean quick?)"),
        ("bench nagan --bugdet quick", "no option --bugdet (did you mean --budget?)"),
        ("bench nagan --bugdet=quick", "no option --bugdet (did you mean --budget?)"),
        ("bench nagan --devices 3x", "3x is no number of devices, 1 or more, nor auto"),
        ("bench nagan --nodes 0", "0 is no number of machines"),
        ("bench nagan --extras neares", "no extra score neares (did you mean nearest?); there are"),
        (
            "bench nagan --set model.init_args.generatr_lr=1e-4",
            "textgan_bench.methods.NAGAN has no option generatr_lr (did you mean generator_lr?)",
        ),
        (
            "recipe nagan --set trainer.max_epoch=3",
            "no option max_epoch (did you mean max_epochs?)",
        ),
        ("bench gumbel.1000 --data coco", "; gumbel.1000 is in cfg"),
        ("bench mle --data coco --data_dir /nowhere", "/nowhere does not exist ("),
        ("grid nagann", "no method nagann (did you mean nagan?): benchmarks/hmm has"),
        ("grid nagan mle --data hmm coko", "no data set coko (did you mean coco?)"),
        (
            "grid nagan arae_transfer --data hmm",
            "; arae_transfer is in snli-topics, y",
        ),
        ("grid nagan --budget qick", "no budget qick (did you mean quick?)"),
        ("grid nagan --cluster slrum", "no cluster slrum (did you mean slurm?); there are local"),
        ("grid nagan --per_device 0", "0 is no number of runs, 1 or more"),
        ("grid nagan --retries -1", "-1 is no number of retries, 0 or more"),
        ("grid nagan --hours 0", "0 is no number of hours, 0.1 or more"),
        ("grid nagan --sbatch mem", "mem is no option of sbatch: write name=value"),
        ("grid nagan --sbatch time=1", "time belongs to the grid"),
        ("list nagann", "no method nagann (did you mean nagan?): there are aae, arae"),
        ("list coko", "no method coko (did you mean coco?)"),
        ("list --data coko", "no data set coko (did you mean coco?)"),
        ("list --data coco --dta hmm", "no option --dta (did you mean --data?)"),
        ("data snil", "no data set snil (did you mean snli?)"),
        ("score README.md --data coko", "no data set coko (did you mean coco?)"),
        ("score none --data coco", "none does not exist"),
        ("score README.md --references none", "none does not exist"),
        ("score README.md --refrences x", "no option --refrences (did you mean --references?)"),
        ("score README.md --references README.md --profile nagn", "(did you mean nagan?); there"),
        ("compare runs/none README.md", "runs/none does not exist"),
        ("sample runs/none", "runs/none does not exist"),
        ("sweep runs/none", "runs/none does not exist"),
        ("shift runs/none a b c", "runs/none does not exist"),
        ("interpolate runs/none a b", "runs/none does not exist"),
        ("fit --config=none.yaml --model.init_args.lr=3", "none.yaml does not exist"),
        ("test --ckpt_path none.ckpt", "none.ckpt does not exist"),
    ],
)
def test_what_is_not_there_is_named_at_once(line: str, complaint: str) -> None:
    done = carried_out(line)
    assert done.returncode == USAGE_ERROR, done.stderr
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["--version"])
    assert capsys.readouterr().out.startswith("textgan_bench 0.")


PRINT = """
from textgan_bench.errors import print_anything

print_anything()
print("zw\\xf6lf \\u2013 \\u7537")
"""


def test_a_terminal_of_another_encoding_gets_replacements() -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=ROOT,
        env=os.environ | plain,
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"zw?lf ? ?\n", done.stderr


def test_the_script_is_installed_by_the_name_of_the_project() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        scripts = tomllib.load(file)["project"]["scripts"]
    assert scripts == {"textgan-bench": f"{console.__module__}:{console.__name__}"}


def test_the_installed_script_needs_no_module_from_the_folder_it_is_run_in() -> None:
    script = shutil.which("textgan-bench", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("the project is not installed beside this Python")
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [script, "list", "nagan"], cwd=ROOT, env=plain, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nagan" in done.stdout


@pytest.mark.parametrize(
    ("line", "some", "none"),
    [
        ("be", {"bench"}, {"data"}),
        ("bench ", {"nagan", "mle"}, {"nagan-cpu", "data"}),
        ("bench --data snli-arae a", {"aae", "arae"}, {"mle", "nagan"}),
        ("bench nagan --data co", {"coco", "coco-2014"}, {"hmm"}),
        ("bench nagan --data README", {"README.md"}, {"coco"}),
        ("bench nagan --data coco --budget ", {"paper", "quick", "cpu"}, {"cnn"}),
        ("bench nagan --bud", {"--budget"}, {"--data"}),
        ("grid mle na", {"nagan"}, {"data"}),
        ("grid mle --data co", {"coco"}, {"hmm"}),
        ("grid mle nagan --data hmm coco --budget ", {"paper", "quick"}, {"cnn"}),
        ("data a", {"all"}, {"coco"}),
        ("list sc", {"scratchgan"}, {"mle"}),
        ("list co", {"coco", "coco-2014"}, {"mle"}),
        ("list --data em", {"emnlp_news"}, {"coco"}),
        ("bench nagan --data nowhere --budget ", set(), {"quick"}),
        ("table nagan-t", {"nagan-table2", "nagan-table15"}, {"nagan"}),
        ("table nagan-table2 --methods s", {"seqgan", "scratchgan"}, {"aae"}),
        ("table nagan-table2 --columns s", {"snli-fed"}, {"coco-fed"}),
        ("table nowhere --methods ", set(), {"seqgan"}),
    ],
)
def test_the_shell_completes_names(
    tmp_path: Path, line: str, some: set[str], none: set[str]
) -> None:
    line = f"textgan-bench {line}"
    answer = tmp_path / "answer"
    done = carried_out(
        "",
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_STDOUT_FILENAME=str(answer),
        COMP_LINE=line,
        COMP_POINT=str(len(line)),
    )
    assert done.returncode == 0, done.stderr
    words = {word.strip() for word in answer.read_text(encoding="utf-8").split("\n")}
    assert some <= words
    assert not none & words


def test_the_shell_completes_nothing_where_there_are_no_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = Namespace(command="list", data=None)
    assert not _names(prefix="", parsed_args=typed)


# It writes what is there already.
TABLE = "table nagan-table10 --format csv"


@pytest.mark.parametrize(
    "line", ["--help", "--version", "list", "list hmm", "list nagan --data hmm", TABLE]
)
def test_what_needs_no_torch_imports_none(line: str) -> None:
    done = carried_out(line)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_scoring_imports_no_package_that_it_does_without() -> None:
    """Text against text does without Lightning, too, which a data set is made of."""
    code = """
import sys
import textgan_bench.cli.score

unused = {"datasets", "nltk", "wandb", "hmmlearn", "sklearn"}
print(*(unused | {"pytorch_lightning"}) & sys.modules.keys())
import datamodules

print(*unused & sys.modules.keys())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n\n"
