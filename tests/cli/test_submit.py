"""``submit`` and ``verify``: text of others becomes a marked row that anyone can check."""

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.checkout import Command, Result
from textgan_bench import leaderboard
from textgan_bench.evaluation.submissions import Doubts, Submission, submitted_records

ROOT = Path(__file__).parents[2]

# Two sentences of one word, one of three, one without: 24 in all, as the test set of ``noise``.
TEXT = "a\nman\na man rides\n\n" * 6
RECORD = Path("leaderboard/records/noise/submitted-mygan-paper-seed0-r1.json")
STORED = Path("leaderboard/submitted/noise/submitted-mygan-paper-seed0-r1.txt.gz")
NAMED = ("--data", "noise", "--method", "mygan", "--paper", "Ann (2026), https://example.org/a")


@pytest.fixture
def samples(checkout: Path) -> Path:
    path = checkout / "mine.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def submitted(command: Command, samples: Path, *arguments: object) -> Result:
    result = command("submit", samples, *NAMED, "--budget", "paper", *arguments)
    assert result.status == 0, result.err
    return result


def test_a_text_becomes_a_marked_row(command: Command, samples: Path) -> None:
    command.bench()
    result = submitted(
        command, samples, "--updates", 100, "--hours", 0.5, "--hardware", "an abacus"
    )
    record = leaderboard.load(RECORD)
    assert record.source == "submitted"
    assert record.paper == "Ann (2026), https://example.org/a"
    assert record.samples_hash == hashlib.sha256(TEXT.encode()).hexdigest()
    assert gzip.decompress(STORED.read_bytes()) == TEXT.encode()
    assert record.scores == {"words": 5 / 4, "empty": 1 / 4}
    assert record.cost == (100, 0.5)
    run = leaderboard.load(Path("leaderboard/records/noise/boring-quick-seed0-r1.json"))
    assert leaderboard.comparable(record, run)

    page = Path("leaderboard/tables/noise.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| mygan"))
    assert row.startswith("| mygan ‡ | paper | 1 | 0.50 | 100 |")
    assert "**" not in row, "it competes with no row"
    assert (
        "- mygan ‡, paper: submitted text of Ann (2026), https://example.org/a, scored here and "
        "trained elsewhere, so it competes with no row; as they say: as published; 100 generator "
        "updates in 0.50 h; on an abacus\n"
    ) in page
    names = [line.split()[1] for line in page.splitlines() if line.startswith("| ")]
    assert names[-1] == "mygan", "below the rows that were trained here"
    assert "> mygan ‡" in result.out
    assert f"record {RECORD}, text {STORED}" in result.out
    command.bench()  # which reads the records of all
    assert "| mygan ‡ |" in Path("leaderboard/tables/noise.md").read_text(encoding="utf-8")


def test_what_is_not_told_is_not_made_up(command: Command, samples: Path) -> None:
    submitted(command, samples)
    page = Path("leaderboard/tables/noise.md").read_text(encoding="utf-8")
    assert "as they say: as published; on not told" in page
    assert "Updates" not in page.partition("## ")[2]
    assert leaderboard.load(RECORD).cost is None


def test_the_hash_is_that_of_the_text_however_it_is_stored(
    command: Command, samples: Path, tmp_path: Path
) -> None:
    submitted(command, samples)
    first = RECORD.read_bytes(), STORED.read_bytes()
    zipped, utf_16 = tmp_path / "mine.txt.gz", tmp_path / "mine16.txt"
    zipped.write_bytes(gzip.compress(TEXT.replace("\n", "\r\n").encode()))
    utf_16.write_text(TEXT, encoding="utf-16")
    for file in (samples, zipped, utf_16):
        submitted(command, file)
        assert (RECORD.read_bytes(), STORED.read_bytes()) == first


def test_another_text_takes_no_place_unasked(command: Command, samples: Path) -> None:
    submitted(command, samples)
    samples.write_text(TEXT.replace("rides", "zwölf"), encoding="utf-8")
    line = command.refused("submit", samples, *NAMED, "--budget", "paper")
    assert f"{RECORD} is of another text: name another --seed or --budget" in line
    assert gzip.decompress(STORED.read_bytes()) == TEXT.encode()
    submitted(command, samples, "--force")
    assert "zwölf" in gzip.decompress(STORED.read_bytes()).decode()
    submitted(command, samples, "--seed", 1)
    assert len(submitted_records(None)[0]) == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((*NAMED,), "the following arguments are required: --budget"),
        ((*NAMED, "--budget", "an hour"), "--budget an hour: a name has letters, digits and"),
        ((*NAMED, "--budget", "hour"), "--budget hour needs --label, one line on what it changes"),
        ((*NAMED, "--budget", "paper", "--method", "../x"), "--method ../x: a name has letters"),
        ((*NAMED, "--budget", "paper", "--paper", " "), "--paper is empty: cite what describes"),
        ((*NAMED, "--budget", "paper", "--updates", 3), "--updates and --hours of the whole"),
        ((*NAMED, "--budget", "paper", "--hours", "x"), "x is no number of hours"),
        ((*NAMED, "--budget", "paper", "--data", "nois"), "no data set nois (did you mean noise?)"),
    ],
)
def test_what_cannot_be_a_row_is_refused(
    command: Command, samples: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    assert complaint in command.refused("submit", samples, *arguments)
    assert not Path("leaderboard").exists()


def test_a_row_has_as_many_sentences_as_any_other(command: Command, samples: Path) -> None:
    samples.write_text("a\n" * 23, encoding="utf-8")
    line = command.refused("submit", samples, *NAMED, "--budget", "paper")
    assert "mine.txt has 23 sentences, and rows of noise are scored on 24: draw as many" in line


def test_own_text_has_no_table() -> None:
    with pytest.raises(ValueError, match="no table on the leaderboard"):
        Submission(data="text-mine", method="m", paper="p", budget="paper")


def edit(**changes: object) -> None:
    content = json.loads(RECORD.read_text(encoding="utf-8"))
    RECORD.write_text(json.dumps(content | changes), encoding="utf-8")


def test_a_score_is_verified_from_its_text(command: Command, samples: Path) -> None:
    submitted(command, samples)
    honest = RECORD.read_bytes(), STORED.read_bytes()
    result = command("verify")
    assert result.status == 0, result.err
    assert "1 submitted records are what their texts come to" in result.out

    def doubts() -> str:
        found = command("verify", "--data", "noise")
        assert found.status == 1
        assert f"{RECORD}: differs" in found.out
        assert "1 of 1 records below leaderboard failed, see above" in found.err
        RECORD.write_bytes(honest[0])
        STORED.write_bytes(honest[1])
        return found.out

    edit(scores={"words": 1.25, "empty": 0.2})
    assert "empty is 0.25, the record says 0.2" in doubts()
    edit(scores={"words": 1.25, "empty": 0.25, "bleu_b/5": 0.9})
    assert "bleu_b/5 is not scored, the record says 0.9" in doubts()
    edit(left_out={"empty": "no word was written"})
    assert "left out is nothing, the record says empty" in doubts()
    STORED.write_bytes(gzip.compress(TEXT.replace("rides", "a").encode()))
    assert "its text is not the one that was submitted" in doubts()
    STORED.write_bytes(gzip.compress((TEXT + "a\n").encode()))
    assert "its text has more sentences, the record 24" in doubts()
    STORED.write_bytes(honest[1][:20])
    assert "is not gzipped text, or damaged" in doubts()
    STORED.unlink()
    assert "its text leaderboard/submitted/noise/" in doubts()
    fingerprint = leaderboard.load(RECORD).fingerprint
    edit(fingerprint=fingerprint | {"revision": -1})
    assert "scores are defined otherwise by now (revision -1, now 1)" in doubts()
    assert command("verify").status == 0


def test_a_record_of_data_that_are_not_there_stops_no_other(
    command: Command, samples: Path
) -> None:
    submitted(command, samples)
    record = replace(leaderboard.load(RECORD), data="nois")
    leaderboard.write(record)
    record.text_path().parent.mkdir()
    record.text_path().write_bytes(STORED.read_bytes())
    result = command("verify")
    assert result.status == 1
    assert "its data: no data set nois (did you mean noise?)" in result.out
    assert f"{RECORD}: as its text" in result.out


def test_a_score_that_differs_by_rounding_is_no_doubt(command: Command, samples: Path) -> None:
    submitted(command, samples)
    record = leaderboard.load(RECORD)
    assert Doubts().recompute(replace(record, scores={"words": 1.25000001, "empty": 0.25})) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"schema": 99}, "schema 99 is newer than this version's 1"),
        ({"paper": "\n"}, "is submitted, and names no paper"),
        ({"samples_hash": "abc"}, "samples_hash is no SHA-256 of the text submitted"),
        ({"method": "../../x\x1b[31m"}, "its content belongs to"),
        ({"scores": {"words": "1.25"}}, "the score words is '1.25'"),
        ({"\x1b[31m": 1}, "has the unknown"),
    ],
)
def test_a_newer_or_hostile_record_is_named_and_left_out(
    command: Command, samples: Path, changes: dict[str, object], complaint: str
) -> None:
    submitted(command, samples)
    submitted(command, samples, "--seed", 1)
    edit(**changes)
    result = command("verify")
    assert result.status == 1
    (line,) = (each for each in result.err.splitlines() if each.startswith("left out: "))
    assert line.startswith(f"left out: {RECORD}: ")
    assert complaint in line
    assert line.isprintable()
    assert "seed1-r1.json: as its text" in result.out
    exported = command("export", str(RECORD).replace("seed0", "seed1"), "--format", "model-index")
    assert exported.status == 0
    assert complaint in exported.err


@pytest.mark.slow
def test_committed_submissions_are_what_their_texts_come_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    records, refused = submitted_records(None)
    assert not refused
    doubts = Doubts()
    assert {record.path(): doubts.recompute(record) for record in records} == {
        record.path(): [] for record in records
    }
