"""``verify``: every score of submitted records, computed again from the texts they keep."""

import sys

from textgan_bench.errors import FailedChecksError, UserError, one_line
from textgan_bench.evaluation.submissions import Doubts, submitted_records
from textgan_bench.evaluation.text_files import notes
from textgan_bench.leaderboard import ROOT


def verify(*, data: str | None, data_dir: str | None) -> None:
    """Score the text of each submitted record, and say which records it does not bear out.

    Args:
        data: the only data set whose records are looked at.
        data_dir: where its files lie.

    Raises:
        FailedChecksError: a record cannot be used, or differs from what its text comes to.
        UserError: ``data_dir`` is of no data set that is named.
    """
    if data_dir is not None and data is None:
        raise UserError("--data_dir holds the files of one data set, which --data names")
    records, refused = submitted_records(data)
    for error in refused:
        print(f"left out: {error}", file=sys.stderr)
    doubts = Doubts(data_dir=data_dir)
    failed = len(refused)
    for record in records:
        with notes():
            complaints = doubts.recompute(record)
        print(f"{record.path()}: {'differs' if complaints else 'as its text'}", flush=True)
        for complaint in complaints:
            print(f"  {one_line(complaint)}")
        failed += bool(complaints)
    if failed:
        raise FailedChecksError(
            f"{failed} of {len(records) + len(refused)} records below {ROOT} failed, see above"
        )
    print(f"{len(records)} submitted records are what their texts come to")
