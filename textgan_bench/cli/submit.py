"""``submit``: a text of somebody else's method as a marked row of the leaderboard."""

from pathlib import Path
from typing import Any

from textgan_bench import leaderboard
from textgan_bench.evaluation.submissions import Submission
from textgan_bench.evaluation.submissions import submit as store
from textgan_bench.evaluation.text_files import notes


def submit(
    file: Path, *, data_dir: str | None, extras: list[str], force: bool, **told: Any
) -> None:
    """Score a text into a record marked as submitted, and print its row.

    Args:
        file: a sentence a line.
        data_dir: where the files of the data set lie.
        extras: slower scores for the record.
        force: whether it takes the place of another text of the same name.
        told: the fields of ``Submission``.

    Raises:
        FileNotFoundError: a file is missing.
        UserError: as of ``evaluation.submissions``.
    """
    submission = Submission(**told)
    with notes():
        record = store(file, submission, data_dir=data_dir, extras=tuple(extras), force=force)
    records, _ = leaderboard.usable_records()
    print(leaderboard.compare(record, [each for each in records if each.data == record.data]))
    for key, reason in record.left_out.items():
        print(f"without {key}: {reason}")
    print(f"record {record.path()}, text {record.text_path()}")
