"""``table``: what is printed, what is written, and what is said of a name that is none."""

from pathlib import Path

from tests.checkout import Command
from tests.leaderboard.test_papers import write_small
from textgan_bench.cli.arguments import FORMATS
from textgan_bench.leaderboard.papers import WRITERS

FILES = Path("leaderboard/tables/papers")


def test_a_table_is_printed_and_written_in_every_format(command: Command) -> None:
    assert tuple(WRITERS) == FORMATS
    write_small(Path("leaderboard"))
    done = command("table", "small")
    assert done.status == 0, done.err
    assert done.out == (FILES / "small.md").read_text(encoding="utf-8")
    assert done.err == f"written: {', '.join(f'{FILES}/small.{x}' for x in ('md', 'csv', 'tex'))}\n"
    for form in ("csv", "tex"):
        printed = command("table", "small", "--format", form).out
        assert printed == (FILES / f"small.{form}").read_text(encoding="utf-8")


def test_a_part_of_a_table_leaves_the_whole_one_in_its_place(command: Command) -> None:
    write_small(Path("leaderboard"))
    whole = command("table", "small").out
    part = command("table", "small", "--methods", "nagan", "--columns", "HMM NLL", "fed").out
    assert "| Model | HMM NLL ↓ | HMM FED ↓ |" in part
    assert "OtherGAN" not in part
    assert (FILES / "small.md").read_text(encoding="utf-8") == whole
    assert (FILES / "small-chosen.md").read_text(encoding="utf-8") == part


def test_what_there_is_not_is_said_in_one_line(command: Command) -> None:
    write_small(Path("leaderboard"))
    assert "no table smal (did you mean small?); there are small" in command.refused(
        "table", "smal"
    )
    assert "has no method mle" in command.refused("table", "small", "--methods", "mle")
    assert "there is no format pdf" in command.refused("table", "small", "--format", "pdf")
    listed = command("list").out
    assert "tables of papers: small\ntable NAME prints one" in listed


def test_where_there_is_none_the_line_says_so(command: Command) -> None:
    assert command.refused("table", "small").endswith("there are none in leaderboard/papers")
