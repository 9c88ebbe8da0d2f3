"""What a run's folder tells about it."""

from pathlib import Path

import pytest

from textgan_bench.errors import UserError
from textgan_bench.training.run import LAST, Run


def write_log(folder: Path, version: int, rows: list[str]) -> None:
    path = folder / f"csv/version_{version}/metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(["epoch,loss,loss_max,step", *rows]), encoding="utf-8")


def test_the_log_is_read_through_interruptions(tmp_path: Path) -> None:
    write_log(tmp_path, 0, ["0,3.0,,49", "0,2.0,,99", "0,,5.0,99", "0,1.0,,149"])
    write_log(tmp_path, 2, ["0,1.5,,149", "0,1.25,6.5,199"])
    run = Run(tmp_path)
    assert run.logged("loss") == [(49, 3.0), (99, 2.0), (149, 1.5), (199, 1.25)]
    assert run.logged("loss", "loss_max") == [(199, 1.25, 6.5)]
    assert run.logged("loss_max") == [(99, 5.0), (199, 6.5)]


def test_what_is_not_logged_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has no log"):
        Run(tmp_path).logged("loss")
    write_log(tmp_path, 0, ["0,3.0,,49"])
    with pytest.raises(ValueError, match="has no reward"):
        Run(tmp_path).logged("reward")


def test_the_setting_of_the_test_makes_no_other_training(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.claim({"model": {"lr": 1.0}, "evaluate": {"budget": "quick"}})
    run.checkpoint(LAST).parent.mkdir()
    run.checkpoint(LAST).touch()
    turned = {"model": {"lr": 1.0}, "evaluate": {"budget": "quick", "knob": 0.5}}
    run.check(turned)
    assert run.recipe() == turned
    run.claim({"model": {"lr": 1.0}, "evaluate": {"budget": "quick", "knob": None}})
    assert run.recipe()["evaluate"]["knob"] is None
    for refuse, message in ((run.claim, "another configuration"), (run.check, "other settings")):
        with pytest.raises(UserError, match=message):
            refuse({"model": {"lr": 2.0}, "evaluate": {"budget": "quick", "knob": 0.25}})
    assert run.recipe()["evaluate"]["knob"] is None, "what is refused changes nothing"
