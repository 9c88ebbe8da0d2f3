"""Weights & Biases: what keeps a run from it is said before the run trains."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import wandb

from tests.checkout import Command, write_recipe
from textgan_bench import leaderboard
from textgan_bench.training import tracking

KEY = "0" * 40
SYNC = "; to sync the run later: wandb sync runs/a/wandb/offline-run-*\n"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def fresh_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """W&B as a process finds it, without a key and with folders of its own."""
    variables = ("MODE", "API_KEY", "BASE_URL", "SILENT", "DIR", "PROJECT", "NAME", "RUN_ID")
    for name in variables:
        monkeypatch.setenv(f"WANDB_{name}", "")  # whatever a test sets is undone after it
        monkeypatch.delenv(f"WANDB_{name}")
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "wandb" / name.lower()))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    wandb.teardown()
    yield
    wandb.teardown()


class Server(BaseHTTPRequestHandler):
    """Answers as W&B's does to whom it knows, and to all others."""

    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        viewer: dict[str, Any] = {"id": "1", "username": "ann", "entity": "ann", "flags": "{}"}
        known: dict[str, Any] = {"data": {"viewer": viewer | {"teams": {"edges": []}}}}
        unknown: dict[str, Any] = {"errors": [{"message": "invalid API key"}]}
        content = json.dumps(known if self.status == 200 else unknown).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


def mode() -> str:
    return str(wandb.setup().settings.mode)


@pytest.mark.parametrize(
    ("environment", "stored", "reason"),
    [
        ({}, "", " (there is no key, which `wandb login` stores)"),
        ({"MODE": ""}, "", " (there is no key, which `wandb login` stores)"),
        ({}, f"machine example.org login user password {KEY}", " (there is no key, which"),
        ({"MODE": "offline"}, "", SYNC),
        ({"MODE": "dryrun", "API_KEY": KEY}, "", SYNC),
    ],
)
def test_without_a_key_it_goes_on_offline_and_says_how_to_sync(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    stored: str,
    reason: str,
) -> None:
    (tmp_path / "netrc").write_text(stored, encoding="utf-8")
    for name, value in environment.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    tracking.prepare(Path("runs/a"), offline=False)
    assert mode() == "offline"
    out = capsys.readouterr().out
    assert out.startswith(f"W&B is offline{reason}")
    assert out.endswith(SYNC)


def test_where_it_is_disabled_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("WANDB_DATA_DIR", "/proc/none")
    tracking.prepare(Path("runs/a"), offline=False)
    assert not capsys.readouterr().out


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("machine", [None, "127.0.0.1", "api.wandb.ai"])
def test_a_key_that_the_server_knows_leaves_it_online(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    machine: str | None,
) -> None:
    if machine is None:
        monkeypatch.setenv("WANDB_API_KEY", KEY)
    elif machine == "127.0.0.1":
        machine = wandb.setup().settings.base_url.removeprefix("http://")
    (tmp_path / "netrc").write_text(f"machine {machine} login user password {KEY}")
    tracking.prepare(Path("runs/a"), offline=False)
    # The key of another server is none of this one.
    assert mode() == ("offline" if machine == "api.wandb.ai" else "online")
    assert bool(capsys.readouterr().out) == (machine == "api.wandb.ai")


def test_without_a_network_it_goes_on_offline_within_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(tracking, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and no more
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("WANDB_BASE_URL", address)
        wandb.setup()
        started = time.monotonic()
        tracking.prepare(Path("runs/a"), offline=False)
        assert time.monotonic() - started < 5
    assert mode() == "offline"
    assert f"W&B is offline ({address} cannot be reached){SYNC}" in capsys.readouterr().out
    wandb.teardown()
    tracking.prepare(Path("runs/a"), offline=False)  # nobody is there
    assert "cannot be reached" in capsys.readouterr().out
    wandb.teardown()
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(ValueError, match=r"WANDB_MODE=online, but .* cannot be reached"):
        tracking.prepare(Path("runs/a"), offline=False)


def test_what_the_recipe_wants_offline_asks_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(tracking, "_obstacle", None)
    tracking.prepare(Path("runs/a"), offline=True)
    assert mode() == "offline"
    assert capsys.readouterr().out == f"W&B is offline{SYNC}"


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("environment", "status", "complaint"),
    [
        ({"MODE": "bogus"}, 200, r"WANDB_MODE=bogus: W&B has online, .*disabled"),
        ({"MODE": "Offline"}, 200, r"WANDB_MODE=Offline \(did you mean offline\?\)"),
        ({"MODE": "online"}, 200, r"WANDB_MODE=online, but there is no key, which `wandb login`"),
        ({"API_KEY": "garbage"}, 200, "API key must have 40"),
        ({"API_KEY": KEY}, 401, "invalid API key; `wandb login` stores another key"),
        ({"BASE_URL": "garbage"}, 200, "W&B refuses a setting"),
        ({"DATA_DIR": "/proc/none"}, 200, "W&B's folder /proc/none cannot be .* by WANDB_DATA_DIR"),
        ({"DIR": "/proc/none"}, 200, "W&B's folder /proc/none cannot be written .* by WANDB_DIR"),
    ],
)
def test_what_cannot_be_had_is_refused(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], status: int, complaint: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.setattr(Server, "status", status)
    with pytest.raises(ValueError, match=complaint):
        tracking.prepare(Path("runs/a"), offline=False)


def test_a_home_that_cannot_be_written_is_told_as_a_folder_of_wandb(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/proc/none")
    with pytest.raises(ValueError, match=r"W&B's folder /proc/none/.* cannot be written"):
        tracking.prepare(Path("runs/a"), offline=False)


@pytest.fixture
def by_hand(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a run that no recipe names and that logs into W&B."""
    monkeypatch.delenv("WANDB_MODE")  # of the checkout
    write_recipe(
        "noise/boring-quick.yaml",
        """
        trainer:
          max_epochs: 1
          logger:
            - class_path: pytorch_lightning.loggers.WandbLogger
              init_args: {project: textgan_bench}
        """,
    )
    names = ("trainer.yaml", "noise/data.yaml", "noise/boring.yaml", "noise/boring-quick.yaml")
    return [f"--config=benchmarks/{name}" for name in names]


def test_fit_and_test_by_hand_log_without_a_key_where_the_user_says(
    command: Command, monkeypatch: pytest.MonkeyPatch, by_hand: list[str]
) -> None:
    init = wandb.init
    handed: list[dict[str, Any]] = []

    def watched(**arguments: Any) -> wandb.Run:
        handed.append(arguments)
        return init(**{**arguments, "mode": "disabled"})  # for speed

    monkeypatch.setattr(wandb, "init", watched)
    folder = "--trainer.default_root_dir=runs/mine"
    assert command("fit", *by_hand, folder).status == 0
    assert wandb.run is not None
    wandb.run.finish()
    wandb.teardown()  # as where the process ends
    identity = Path("runs/mine/wandb_id.txt").read_text().strip()
    assert handed[0] | {"project": "textgan_bench", "name": "mine"} == handed[0]
    assert (handed[0]["dir"], handed[0]["id"]) == ("runs/mine", identity)
    for name, value in (("PROJECT", "foo"), ("NAME", "bar"), ("DIR", "elsewhere")):
        monkeypatch.setenv(f"WANDB_{name}", value)
    checkpoint = "--ckpt_path=runs/mine/checkpoints/last.ckpt"
    result = command("test", *by_hand, folder, checkpoint)
    assert result.status == 0, result.err
    assert "W&B is offline (there is no key" in result.out
    assert "wandb sync elsewhere/wandb/offline-run-*" in result.out
    assert handed[1] | {"project": "foo", "name": "bar", "dir": "elsewhere"} == handed[1]
    assert handed[1]["id"] == identity
    # The record of a run that no recipe names lies beside it.
    records = [path.name for path in Path("runs/mine/records").rglob("*.json")]
    assert records == ["unnamed-paper-seed0-r1.json"]
    assert not Path(leaderboard.ROOT).exists()


def test_the_identity_of_a_run_is_the_users(
    command: Command, monkeypatch: pytest.MonkeyPatch, by_hand: list[str]
) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "mine")
    monkeypatch.setenv("WANDB_MODE", "bogus")
    line = command.refused("fit", *by_hand, "--trainer.default_root_dir=runs/mine")
    assert re.search("WANDB_MODE=bogus: W&B has online", line)
    assert Path("runs/mine/wandb_id.txt").read_text() == "mine\n"
    assert not Path("runs/mine/checkpoints").exists()
