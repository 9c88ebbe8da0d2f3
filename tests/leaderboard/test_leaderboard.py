"""Records are refused in one line, written whole, and rendered as worked out by hand."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.disk import full_disk
from textgan_bench import leaderboard
from textgan_bench.leaderboard import Record, RecordError
from textgan_bench.leaderboard.__main__ import main
from textgan_bench.leaderboard.records import LATER

COMMITTED = Path(__file__).parents[2] / "leaderboard"

RUN = Record(
    method="nagan",
    data="hmm",
    seed=0,
    budget="quick",
    budget_label="1,000 updates instead of 19,550",
    scores={
        "oracle_nll": 3.5,
        "oracle_gap": 0.02,
        "reverse_lm/kn4": 4.5,
        "distinct_words": 300.0,
        "distinct_sentences": 0.99,
    },
    fingerprint={"profile": "nagan", "samples": 5000},
    data_revision="0123456789ab",
    data_source="samples of the oracle",
    num_samples=5000,
    generator_updates=1000,
    wall_clock_hours=0.25,
    hardware="2 CPU cores",
    config={"seed_everything": 0},
    commit="abc-dirty",
    versions={"torch": "2.13.0"},
)
ORACLE = replace(
    RUN,
    method="oracle",
    source="anchor",
    scores={
        "oracle_nll": 3.48,
        "oracle_gap": 0.0,
        "reverse_lm/kn4": 4.2,
        "distinct_words": 480.0,
        "distinct_sentences": 1.0,
    },
)
# A collapse: below the entropy, and worst where it counts.
COLLAPSED = replace(
    RUN,
    method="mle",
    scores={
        "oracle_nll": 2.0,
        "oracle_gap": -1.48,
        "reverse_lm/kn4": 6.25,
        "distinct_words": 10.0,
        "distinct_sentences": 0.5,
    },
)
SECOND_SEED = replace(
    RUN,
    seed=1,
    scores={
        "oracle_nll": 3.7,
        "oracle_gap": 0.22,
        "reverse_lm/kn4": 4.7,
        "distinct_words": 320.0,
        "distinct_sentences": 0.97,
    },
)

# Means and standard deviations (divisor n - 1) of 3.5 and 3.7: 3.6 and 0.1414, which supports two
# decimals; of 300 and 320: 310 and 14.1; of 0.99 and 0.97: 0.98 and 0.0141.
TABLE = """\
| Method | Budget | Seeds | Hours | Updates | Oracle NLL ≈ | Gap →0 | Reverse LM ↓ | Words ≈ \
| Sentences ≈ |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| oracle | anchor | 1 |  |  | 3.480 | 0.000 | 4.20 | 480 | 1.000 |
| mle | quick | 1 | ≥ 0.25 | ≥ 1,000 | 2.000 | -1.480 | 6.25 | 10 | 0.500 |
| nagan | quick | 2 | ≥ 0.25 | ≥ 1,000 | **3.60 ± 0.14** | **0.12 ± 0.14** | **4.60 ± 0.14** \
| **310 ± 14** | **0.980 ± 0.014** |
"""


def store(root: Path, *records: Record) -> None:
    for record in records:
        leaderboard.write(record, root)


def test_markdown_is_the_table_worked_by_hand(tmp_path: Path) -> None:
    store(tmp_path, RUN, SECOND_SEED, COLLAPSED, ORACLE)
    assert leaderboard.render(tmp_path) == [tmp_path / "tables/hmm.md", tmp_path / "tables/hmm.tex"]
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    assert TABLE in page
    assert "- Text: samples of the oracle\n- Scoring: profile nagan, samples 5000\n" in page
    assert (
        "- nagan, quick: 1,000 updates instead of 19,550; "
        "1,000 generator updates in 0.25 h up to the selected checkpoint on 2 CPU cores\n"
    ) in page


def notes(root: Path, *records: Record) -> str:
    store(root, *records)
    (line,) = [
        line
        for line in (root / "tables/hmm.md").read_text(encoding="utf-8").splitlines()
        if "generator updates" in line
    ]
    return line


def test_the_cost_of_a_row_is_that_of_the_whole_training(tmp_path: Path) -> None:
    selected = replace(RUN, config={"checkpoint": {"select": "fed/hash128"}})
    whole = replace(selected, training_updates=4000, training_hours=1.0)
    other = replace(whole, seed=1, training_hours=2.0)
    assert notes(tmp_path / "whole", whole, other).endswith(
        "4,000 generator updates in 1.50 h (tested after 1,000) on 2 CPU cores"
    )
    last = replace(RUN, config={"checkpoint": {"select": None}})
    assert notes(tmp_path / "last", last).endswith(
        "; 1,000 generator updates in 0.25 h on 2 CPU cores"
    )
    # A record of before says nothing of it, so neither does the mean.
    older = replace(selected, seed=2)
    assert notes(tmp_path / "older", whole, older).endswith(
        "1,000 generator updates in 0.25 h up to the selected checkpoint on 2 CPU cores"
    )
    path = older.path(tmp_path / "older")
    content = json.loads(path.read_text(encoding="utf-8"))
    for name in LATER:
        del content[name]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert leaderboard.load(path) == older


def test_a_row_says_how_much_it_was_trained(tmp_path: Path) -> None:
    last = replace(RUN, config={"checkpoint": {"select": None}}, generator_updates=10_000)
    stopped = replace(COLLAPSED, training_updates=800, training_hours=0.1, generator_updates=800)
    store(tmp_path, last, replace(last, seed=1, generator_updates=12_000), stopped)
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    assert "| nagan | quick | 2 | 0.25 | 11,000 |" in page
    assert "| mle | quick | 1 | 0.10 | 800 |" in page


def test_a_row_says_which_checkpoint_was_tested_where_it_is_not_the_last(tmp_path: Path) -> None:
    early = replace(RUN, training_updates=4000, training_hours=0.0077)
    late = replace(early, seed=1, generator_updates=4000, training_hours=0.0003)
    store(tmp_path, early, late, replace(late, method="mle", seed=0))
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    # Means of 1,000 and 4,000 updates, of 0.0077 and 0.0003 hours.
    assert "| nagan | quick | 2 | 0.004 | 4,000 (tested 2,500) |" in page
    assert "| mle | quick | 1 | &lt; 0.001 | 4,000 |" in page


def test_what_deciphers_competes_in_accuracy_alone(tmp_path: Path) -> None:
    """It writes the very test text: an exact one is no nearer to real text than a wrong one."""
    right = {"token_accuracy": 1.0, "bleu_f/5": 0.995, "corpus_bleu/4": 1.0}
    wrong = {"token_accuracy": 0.97, "bleu_f/5": 0.947, "corpus_bleu/4": 0.93}
    real = replace(ORACLE, method="real", scores={"bleu_f/5": 0.951})
    rows = [
        replace(RUN, method=name, scores=scores)
        for name, scores in (("hmm_em", right), ("frequency_ranks", wrong))
    ]
    store(tmp_path, real, *rows)
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    assert "| hmm_em | quick | 1 | ≥ 0.25 | ≥ 1,000 | **1.000** | **1.000** | 0.995 |" in page
    assert page.count("**") == 4


def test_an_ablation_that_repeats_its_base_is_not_printed(tmp_path: Path) -> None:
    fewer = {key: value for key, value in RUN.scores.items() if key != "distinct_words"}
    ablation = replace(RUN, method="nagan.rnn", budget_label="other", scores=fewer)
    store(tmp_path / "same", RUN, SECOND_SEED, ablation)
    page = (tmp_path / "same/tables/hmm.md").read_text(encoding="utf-8")
    assert "| nagan.rnn |" not in page
    assert "- nagan.rnn, quick: nagan to the last digit here" in page
    assert "> nagan.rnn" in leaderboard.compare(ablation, [RUN]), "one that was asked for"
    started = replace(RUN, method="nagan.started", scores=RUN.scores | {"oracle_gap": 0.5})
    store(tmp_path / "started", RUN, started, replace(started, method="nagan.started.rnn"))
    page = (tmp_path / "started/tables/hmm.md").read_text(encoding="utf-8")
    assert "- nagan.started.rnn, quick: nagan.started to the last digit here" in page
    different = (
        replace(ablation, scores=RUN.scores | {"oracle_gap": 0.020000001}),
        replace(ablation, seed=2),
        replace(ablation, budget="cpu"),
        replace(ablation, method="mle"),
    )
    for number, other in enumerate(different):
        store(tmp_path / str(number), RUN, other)
        page = (tmp_path / str(number) / "tables/hmm.md").read_text(encoding="utf-8")
        assert f"| {other.method} | {other.budget} |" in page


def test_common_unknown_words_are_told_below_the_table(tmp_path: Path) -> None:
    scores = {"oov_rate": 0.41, "bleu_f/5": 0.1}
    store(tmp_path, replace(RUN, scores=scores), replace(ORACLE, scores=scores))
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    assert "- 41% of the words are unknown and match nothing in BLEU" in page
    assert "BLEU-F" not in page.partition("## ")[2]


def test_a_score_that_one_seed_lacks_is_that_of_no_row(tmp_path: Path) -> None:
    """The mean of the other seeds would be of those that went well."""
    reason = "no word was written"
    lacking = replace(
        SECOND_SEED,
        scores={key: value for key, value in SECOND_SEED.scores.items() if key != "oracle_nll"},
        left_out={"oracle_nll": reason},
    )
    store(tmp_path, RUN, lacking, ORACLE)
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    assert "| nagan | quick | 2 | ≥ 0.25 | ≥ 1,000 | – | 0.12 ± 0.14 |" in page
    assert f"- nagan, quick: no oracle_nll of seed 1, as {reason}\n" in page


def test_scores_of_other_data_or_scoring_share_no_table(tmp_path: Path) -> None:
    other_data = replace(RUN, method="mle", data_revision="ffffffffffff")
    other_scoring = replace(RUN, method="mle_transformer", fingerprint={"samples": 100})
    store(tmp_path, RUN, other_data, other_scoring)
    leaderboard.render(tmp_path)
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    blocks = page.split("\n## ")[1:]
    assert len(blocks) == 3
    for method in ("nagan", "mle", "mle_transformer"):
        assert sum(f"| {method} |" in block for block in blocks) == 1


def test_a_forward_score_never_stands_alone(tmp_path: Path) -> None:
    store(tmp_path, replace(RUN, scores={"oracle_nll": 3.5}))
    leaderboard.render(tmp_path)
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    assert "| Oracle NLL ≈ | Reverse LM ↓ | Words ≈ | Sentences ≈ |" in page
    assert "| nagan | quick | 1 | ≥ 0.25 | ≥ 1,000 | 3.500 | – | – | – |" in page


def test_published_rows_keep_their_digits_and_their_own_block(tmp_path: Path) -> None:
    store(tmp_path, RUN)
    paper = {
        "citation": "Someone (2020)",
        "tables": [
            {
                "data": "hmm",
                "where": "Table 3",
                "note": "Another oracle.",
                "seeds": 3,
                "rows": [{"method": "SomeGAN", "scores": {"oracle_nll": "3.4 ± 0.05"}}],
            }
        ],
    }
    (tmp_path / "published").mkdir()
    (tmp_path / "published/someone2020.json").write_text(json.dumps(paper), encoding="utf-8")
    leaderboard.render(tmp_path)
    page = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    ours, theirs = page.split("\n## ")[1:]
    assert theirs.startswith("Someone (2020), Table 3\n")
    assert "| *SomeGAN* | *paper* | *3* | *3.4 ± 0.05* |" in theirs
    assert "SomeGAN" not in ours


def test_the_terminal_shows_the_row_among_its_peers() -> None:
    elsewhere = replace(RUN, method="elsewhere", data_revision="ffffffffffff")
    *lines, legend = leaderboard.compare(RUN, [ORACLE, COLLAPSED, elsewhere, RUN]).splitlines()
    assert legend == "* the best of its budget"
    assert len({len(line) for line in lines}) <= 2  # right-aligned, but for a trailing mark
    header, oracle, collapsed, run = (line.split() for line in lines)
    assert header[:5] == ["Method", "Budget", "Seeds", "Hours", "Updates"]
    assert oracle == ["oracle", "anchor", "1", "3.480", "0.000", "4.20", "480", "1.000"]
    assert collapsed == [
        "mle",
        "quick",
        "1",
        *("≥", "0.25", "≥", "1,000"),
        "2.000",
        "-1.480",
        "6.25",
        "10",
        "0.500",
    ]
    assert run[:8] == [">", "nagan", "quick", "1", "≥", "0.25", "≥", "1,000"]
    assert run[8:] == ["3.500*", "0.020*", "4.50*", "300*", "0.990*"]


def test_a_record_survives_the_file(tmp_path: Path) -> None:
    path = leaderboard.write(RUN, tmp_path)
    assert path == tmp_path / "records/hmm/nagan-quick-seed0-0123456789ab.json"
    assert leaderboard.load(path) == RUN
    assert leaderboard.write(ORACLE, tmp_path).name == "anchor-oracle-0123456789ab.json"
    assert leaderboard.load_records(tmp_path) == [ORACLE, RUN]


def printable(line: str) -> str:
    """The line, which a terminal shows as it is."""
    assert line.isprintable()
    assert len(line) < 500
    return line


def refusal(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The one line that rendering ends in."""
    monkeypatch.setattr("sys.argv", ["leaderboard", str(root)])
    with pytest.raises(SystemExit) as end:
        main()
    return printable(str(end.value))


def left_out(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """The one line that names what rendering leaves out; the other record is rendered."""
    other = replace(ORACLE, data="cfg")
    other_path = other.path(root)
    other_path.parent.mkdir(parents=True, exist_ok=True)
    other_path.write_text(json.dumps(asdict(other)), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["leaderboard", str(root)])
    main()
    out, err = capsys.readouterr()
    assert out.split() == [str(root / f"tables/cfg.{suffix}") for suffix in ("md", "tex")]
    start, line = err[: len("left out: ")], err[len("left out: ") :]
    assert start == "left out: "
    assert line.endswith("\n")
    return printable(line[:-1])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": 2}, "schema 2 is newer"),
        ({"schema": 10**400}, "is newer"),
        ({"schema": "1"}, "schema is '1'"),
        ({"schema": True}, "schema is True"),
        ({"schema": 0}, "schema is 0, less than 1"),
        ({"seed": None}, "seed is None"),
        ({"seed": True}, "seed is True"),
        ({"seed": -1}, "seed is -1, less than 0"),
        ({"seed": 1.5}, "seed is 1.5, not a whole number"),
        ({"scores": {"oracle_nll": float("nan")}}, "score oracle_nll is nan"),
        ({"scores": {"oracle_nll": "3.5"}}, "score oracle_nll is '3.5'"),
        ({"scores": {"oracle_nll": 10**400}}, "score oracle_nll is 1000"),
        ({"scores": {"oracle_nll": 1e300}}, r"score oracle_nll is 1e\+300"),
        ({"scores": {"oracle_nll": True}}, "score oracle_nll is True"),
        ({"scores": {"two\nlines": None}}, "score two lines is None"),
        ({"scores": [3.5]}, r"scores is \[3.5\], not an object"),
        ({"knob": {"dropout": "0.1"}}, "knob dropout is '0.1'"),
        ({"knob": {"dropout": None}}, "knob dropout is None"),
        ({"knob": {"dropout": [0.1]}}, r"knob dropout is \[0.1\]"),
        ({"knob": 0.1}, "knob is 0.1, not an object"),
        ({"wall_clock_hours": float("nan")}, "wall_clock_hours is nan"),
        ({"wall_clock_hours": float("inf")}, "wall_clock_hours is inf"),
        ({"wall_clock_hours": -1}, "wall_clock_hours is -1, less than 0"),
        ({"training_hours": -1}, "training_hours is -1, less than 0"),
        ({"num_samples": 0}, "num_samples is 0, less than 1"),
        ({"generator_updates": -5}, "generator_updates is -5, less than 0"),
        ({"training_updates": 10**400}, "training_updates is 1000"),
        ({"budget_label": "\ud800"}, "cannot be read as JSON"),
        ({"config": {"lr": float("inf")}}, "config or fingerprint is no JSON"),
        ({"left_out": None}, "left_out is None, not an object"),
        ({"left_out": {"oracle_nll": None}}, "reason for no oracle_nll is None"),
        ({"source": "hearsay"}, "source is 'hearsay'"),
        ({"source": "\x1b[31m"}, "source is"),
        ({"method": "\x1b[31m" + "\n"}, "belongs to"),
        ({"colour": "red"}, "unknown colour"),
        ({"two\nlines": "red"}, "unknown two lines"),
    ],
)
def test_a_bad_record_is_named_and_left_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    complaint: str,
) -> None:
    path = RUN.path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(asdict(RUN) | change), encoding="utf-8")
    line = left_out(tmp_path, monkeypatch, capsys)
    assert line.startswith(f"{path}: ")
    assert re.search(complaint, line)
    assert not (tmp_path / "tables/hmm.md").exists()
    with pytest.raises(RecordError, match=r"records/hmm/"):
        leaderboard.load_records(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "cannot be read as JSON"),
        ("{", "cannot be read as JSON"),
        ("[]", "a record is a JSON object"),
        ("{}", "lacks budget"),
        ("\x80", "cannot be read as JSON"),
        ("[" * 100_000 + "]" * 100_000, "more than 100 levels"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "more than 100 levels"),
        ("[" * 950 + "]" * 950, "more than 100 levels"),
        (f'{{"seed": {"1" * 5_000}}}', "cannot be read as JSON"),
        ('{"seed": 0, "seed": 1}', "an object has 'seed' twice"),
        ('{"scores": {"bleu": 0, "bleu": 1}}', "an object has 'bleu' twice"),
    ],
)
def test_what_is_no_record_is_named_and_left_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
    complaint: str,
) -> None:
    path = tmp_path / "records/hmm/broken.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode("latin-1"))
    line = left_out(tmp_path, monkeypatch, capsys)
    assert line.startswith(f"{path}: ")
    assert complaint in line


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_no_record(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], None],
) -> None:
    path = tmp_path / "records/hmm/broken.json"
    path.parent.mkdir(parents=True)
    make(path)
    assert left_out(tmp_path, monkeypatch, capsys) == f"{path}: is no regular file"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"citation": None}, "citation is None, not text"),
        (
            {"rows": [{"method": "GAN", "scores": {"oracle_nll": 3.4}}]},
            "is 3.4, not text",
        ),
        ({"rows": [{"method": "GAN", "scores": ["3.4"]}]}, "no attribute 'items'"),
        ({"rows": 1}, "not iterable"),
    ],
)
def test_a_bad_published_table_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], complaint: str
) -> None:
    path = tmp_path / "published/someone2020.json"
    path.parent.mkdir(parents=True)
    table = {"data": "hmm", "where": "Table 3", "note": "", "seeds": 3, "rows": []}
    citation = change.pop("citation", "Someone (2020)")
    content = {"citation": citation, "tables": [table | change]}
    path.write_text(json.dumps(content), encoding="utf-8")
    line = refusal(tmp_path, monkeypatch)
    assert line.startswith(f"{path}: not a list of published tables")
    assert complaint in line


HOSTILE = (
    "a|b <script>x()</script> [y](http://z) ![w](v) *i* _j_ `k` ~~l $m$ &lt;\n# n \x1b[31m%}\\"
)


def test_text_of_a_record_is_text_on_every_page(tmp_path: Path) -> None:
    record = replace(
        RUN,
        method="[x] \x1b[2J*",
        data="text-50%_off.txt",
        budget_label=HOSTILE,
        hardware=HOSTILE,
        data_source=HOSTILE,
        fingerprint={HOSTILE: HOSTILE},
        scores={HOSTILE: 1.0},
    )
    leaderboard.write(record, tmp_path)
    page = (tmp_path / "tables/text-50%_off.txt.md").read_text(encoding="utf-8")
    for raw in ("<script>", "[y](", "![w]", "*i*", " _j_", " `k`", "~~l", " $m$", "\x1b", "&lt;\n"):
        assert raw not in page
    assert r"&lt;script>x()&lt;/script> \[y\](http://z) !\[w\](v) \*i\* \_j\_ \`k\`" in page
    header, _, row = (line for line in page.splitlines() if line.startswith("|"))
    assert header.count("|") == row.count("|") == 7
    assert page.count("\n- ") == 3
    source = (tmp_path / "tables/text-50%_off.txt.tex").read_text(encoding="utf-8")
    assert r"\label{tab:text-50-_off.txt-1}" in source
    assert "\\midrule\n{[}x] " in source  # else it were an argument of the line before
    assert r"\textless{}script\textgreater{}" in source
    assert r"\%\}\textbackslash{}" in source
    assert "\x1b" not in source
    braces = re.sub(r"\\[{}]", "", source)
    assert braces.count("{") == braces.count("}")
    terminal = leaderboard.compare(record, [])
    assert terminal.count("\n") == 1
    assert terminal.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", sorted(asdict(RUN).keys() - LATER))
def test_every_field_is_required_that_records_of_before_have(tmp_path: Path, name: str) -> None:
    path = tmp_path / "record.json"
    content = asdict(RUN)
    del content[name]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RecordError, match=name):
        leaderboard.load(path)


def test_tables_follow_a_record_at_once(tmp_path: Path) -> None:
    leaderboard.write(ORACLE, tmp_path)
    leaderboard.write(RUN, tmp_path)
    written = (tmp_path / "tables/hmm.md").read_bytes()
    leaderboard.render(tmp_path)
    assert b"| nagan | quick | 1 |" in written
    assert (tmp_path / "tables/hmm.md").read_bytes() == written


def test_the_table_written_last_has_the_records_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = leaderboard.usable_records
    other = threading.Thread(target=leaderboard.write, args=(ORACLE, tmp_path))

    def read_and_be_late(root: Path) -> tuple[list[Record], list[RecordError]]:
        records = read(root)
        if threading.current_thread() is not other:
            other.start()
            other.join(0.2)  # it could be done by now
        return records

    monkeypatch.setattr("textgan_bench.leaderboard.rendering.usable_records", read_and_be_late)
    leaderboard.write(RUN, tmp_path)
    other.join()
    table = (tmp_path / "tables/hmm.md").read_text(encoding="utf-8")
    assert f"| {RUN.method} |" in table
    assert f"| {ORACLE.method} |" in table


def test_the_command_says_in_one_line_where_it_cannot_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, RUN)
    monkeypatch.setattr("sys.argv", ["leaderboard", str(tmp_path)])
    with full_disk(), pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == f"{tmp_path / 'tables/hmm.md'}: File too large"


def test_a_record_in_another_ones_place_is_refused(tmp_path: Path) -> None:
    path = leaderboard.write(RUN, tmp_path)
    path.rename(path.with_name("nagan-paper-seed0-0123456789ab.json"))
    with pytest.raises(RecordError, match=r"nagan-paper-seed0-.*nagan-quick-seed0-"):
        leaderboard.load_records(tmp_path)


def test_a_failed_write_leaves_the_old_record(tmp_path: Path) -> None:
    path = leaderboard.write(RUN, tmp_path)
    with pytest.raises(RecordError, match="oracle_nll is inf"):
        leaderboard.write(replace(RUN, scores={"oracle_nll": float("inf")}), tmp_path)
    with full_disk(), pytest.raises(OSError, match="too large") as caught:
        leaderboard.write(replace(RUN, commit="other"), tmp_path)
    assert caught.value.filename == str(path)
    assert leaderboard.load(path) == RUN
    assert list(path.parent.iterdir()) == [path]


def test_committed_tables_follow_from_the_committed_records(tmp_path: Path) -> None:
    root = tmp_path / "leaderboard"
    shutil.copytree(COMMITTED, root, ignore=shutil.ignore_patterns("tables"))
    for path in leaderboard.render(root):
        committed = COMMITTED / path.relative_to(root)
        assert path.read_bytes() == committed.read_bytes(), f"{committed}: run make tables"


def test_the_command_needs_only_the_standard_library(tmp_path: Path) -> None:
    store(tmp_path, RUN)
    program = (
        "import runpy, sys; runpy.run_module('textgan_bench.leaderboard', run_name='__main__')"
    )
    bare = [sys.executable, "-S", "-c", program, str(tmp_path)]
    done = subprocess.run(bare, cwd=COMMITTED.parent, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        str(tmp_path / f"tables/hmm.{suffix}") for suffix in ("md", "tex")
    ]
    (tmp_path / "records/hmm/nagan-quick-seed0-0123456789ab.json").write_text("{", encoding="utf-8")
    failed = subprocess.run(bare, cwd=COMMITTED.parent, capture_output=True, text=True, check=False)
    assert failed.returncode == 0
    assert failed.stderr.count("\n") == 1
    assert failed.stderr.startswith("left out: ")
    assert "nagan-quick-seed0-0123456789ab.json" in failed.stderr


def test_a_note_says_how_samples_were_drawn_and_older_records_have_none() -> None:
    sampler = {"draw": "inversion", "dtype": "float32", "seed": 0}
    rows = [
        replace(RUN, sampler=sampler),
        replace(SECOND_SEED, sampler={**sampler, "dtype": "float64", "seed": 1}),
        COLLAPSED,
    ]
    (block,) = leaderboard.blocks([ORACLE, *rows])
    notes = [note for note in block.notes if "sampler" in note]
    drawn = "draw inversion, dtype float32 or float64, seed 0 or 1"
    assert notes == [f"{RUN.method}, {RUN.budget}, sampler: {drawn}"]
