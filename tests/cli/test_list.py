"""``list``: which rows the recipes make, and which of them have a record."""

from dataclasses import replace
from pathlib import Path

from tests.checkout import RECORD, Command, write_recipe
from textgan_bench import leaderboard


def test_rows_are_listed_with_the_number_of_seeds_that_have_a_record(command: Command) -> None:
    write_recipe("other/data.yaml", "data: {class_path: tests.boring.BoringData}")
    write_recipe("other/boring.yaml", "model: {class_path: tests.boring.Boring}")
    before = command("list", "boring")
    assert before.status == 0
    header, noise, other, _, legend = before.out.splitlines()
    assert header.split() == ["data", "method", "paper", "quick"]
    assert noise.split() == ["noise", "boring", "·", "·"]
    assert other.split() == ["other", "boring", "·"]
    assert "without a record" in legend

    command.bench()
    command.bench("--seed", "1")
    record = leaderboard.load(RECORD)
    leaderboard.write(replace(record, data_revision="r2"))  # the same seed on other data
    assert command("list", "boring").out.splitlines()[1].split() == ["noise", "boring", "·", "2"]
    short = [line.split() for line in command("list").out.splitlines()]
    assert short[:3] == [
        ["data", "methods", "with", "a", "record"],
        ["noise", "1", "1"],
        ["other", "1", "0"],
    ]
    assert short[4] == ["methods:", "boring"]


def test_a_method_and_a_data_set_choose_what_is_listed(command: Command) -> None:
    write_recipe("noise/plain.yaml", "model: {class_path: tests.boring.Boring}")
    write_recipe("other/data.yaml", "data: {class_path: tests.boring.BoringData}")
    write_recipe("other/boring.yaml", "model: {class_path: tests.boring.Boring}")

    def listed(*arguments: str) -> list[list[str]]:
        lines = command("list", *arguments).out.splitlines()
        return [line.split()[:2] for line in lines[1:-2]]

    assert listed("noise") == listed("--data", "noise")
    assert listed("boring") == [["noise", "boring"], ["other", "boring"]]
    assert listed("--data", "noise") == [["noise", "boring"], ["noise", "plain"]]
    assert listed("plain", "--data", "noise") == [["noise", "plain"]]
    assert "no method plan (did you mean plain?)" in command.refused("list", "plan")
    assert "no data set nois (did you mean noise?)" in command.refused("list", "--data", "nois")


def test_combined_variants_are_listed_where_they_are_named_or_have_a_record(
    command: Command,
) -> None:
    for variant in ("one", "two"):
        write_recipe(f"noise/boring.{variant}.yaml", "model: {init_args: {}}")

    def listed(*arguments: str) -> list[list[str]]:
        return [line.split() for line in command("list", *arguments).out.splitlines()[1:-2]]

    assert ["noise", "boring.one.two", "·", "·"] not in listed("noise")
    assert listed("boring.one.two") == [["noise", "boring.one.two", "·", "·"]]
    command.bench()
    leaderboard.write(replace(leaderboard.load(RECORD), method="boring.one.two"))
    assert ["noise", "boring.one.two", "·", "1"] in listed("noise")
    assert "no method boring.one.three" in command.refused("list", "boring.one.three")


def test_a_damaged_record_is_named_by_the_list(command: Command) -> None:
    damaged = Path("leaderboard/records/noise/boring-quick-seed0-r1.json")
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{", encoding="utf-8")
    assert f"{damaged}: cannot be read" in command.refused("list")


def test_the_suites_own_list_is_narrow_enough_to_be_read(
    command: Command,
) -> None:
    root = Path(__file__).parents[2]
    command.monkeypatch.chdir(root)
    lines = command("list").out.splitlines()
    rows = command("list", "hmm").out.splitlines()
    assert len(lines) < 40
    assert len(rows) > 15
    assert max(map(len, lines + rows)) <= 100
