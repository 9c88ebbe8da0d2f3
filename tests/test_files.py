"""Files are replaced in one step, nothing but a file is replaced, and no kill leaves a trace."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.disk import full_disk
from textgan_bench.files import UNFINISHED, clear, is_stream, locked, replace_text, replaced

ROOT = Path(__file__).parent.parent


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_has_its_old_content_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new/text"
    replace_text(path, "zwölf\r\n")
    with pytest.raises(KeyboardInterrupt), replaced(path) as file:  # noqa: PT012
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == "zwölf\r\n".encode()
    assert names(path.parent) == ["text"]


def test_a_link_leads_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("text")
    for content in ("first", "second"):  # at first it leads nowhere
        replace_text(tmp_path / "link", content)
        assert (tmp_path / "text").read_text() == content
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("mode", [0o400, 0o640, 0o755])
def test_a_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "text"
    path.touch(mode)
    path.chmod(mode)
    replace_text(path, "a man\n")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_mode_of_any_other(tmp_path: Path) -> None:
    replace_text(tmp_path / "ours", "")
    (tmp_path / "other").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replace_text(pipe, "a man\n")
    assert os.read(reading, 100) == b"a man\n"
    os.close(reading)
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_a_device_is_written_to(tmp_path: Path) -> None:
    device = tmp_path / "null"
    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    replace_text(device, "a man\n")
    assert device.is_char_device()
    assert names(tmp_path) == ["null"]


def test_what_a_process_was_started_with_is_written_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    with log.open("a") as appending:  # as by ``--output /dev/stdout >> log``
        path = Path(f"/dev/fd/{appending.fileno()}")
        assert is_stream(path)
        replace_text(path, "a man\n")
    assert log.read_text() == "before\na man\n"
    assert not is_stream(log)
    assert not is_stream(Path("/dev/null"))


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        replace_text(tmp_path / "folder", "")
    assert caught.value.filename == str(tmp_path / "folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_a_full_disk_is_named_by_the_file_that_has_no_room(tmp_path: Path) -> None:
    path = tmp_path / "text"
    replace_text(path, "old")
    with full_disk(), pytest.raises(OSError, match="File too large") as caught:
        replace_text(path, "new")
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["text"]
    with pytest.raises(OSError, match="No space left") as caught:
        replace_text(Path("/dev/full"), "new")
    assert caught.value.filename == "/dev/full"


def test_what_a_kill_left_is_cleared_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    orphan = tmp_path / f"checkpoints/{UNFINISHED}0123abcd"
    orphan.parent.mkdir()
    orphan.write_text("half")
    with replaced(tmp_path / "text") as file:
        clear(tmp_path)
        assert not orphan.exists()
        file.write(b"whole")
    assert (tmp_path / "text").read_text() == "whole"


def test_the_next_file_of_a_folder_clears_it(tmp_path: Path) -> None:
    (tmp_path / f"{UNFINISHED}0123abcd").write_text("half")
    with replaced(tmp_path / "text"):
        replace_text(tmp_path / "other", "")
    assert names(tmp_path) == ["other", "text"]


OWN = """
import sys, tempfile
from textgan_bench.files import own_temporary_folder
own_temporary_folder()
open(tempfile.mkdtemp() + "/text", "w").close()
print(tempfile.gettempdir(), flush=True)
sys.stdin.read()
"""


def test_a_temporary_folder_goes_with_its_process_or_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def process() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", OWN]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def folder(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return Path(process.stdout.readline().strip()).name

    with process() as killed, process() as alive:
        left, kept = folder(killed), folder(alive)
        killed.kill()
        killed.wait()
        assert names(tmp_path) == sorted([left, kept])
        with process() as other:
            made = folder(other)
            assert names(tmp_path) == sorted([kept, made])
    assert names(tmp_path) == []


def test_only_temporary_folders_of_processes_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that was unpacked in the temporary folder bears the same name, and is no one's."""
    (tmp_path / "textgan_bench-main").mkdir()
    (tmp_path / "textgan_bench-main" / "README.md").touch()
    (tmp_path / "textgan_bench-0.1.0.tar.gz").touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    subprocess.run([sys.executable, "-c", OWN], cwd=ROOT, input="", text=True, check=True)
    assert names(tmp_path) == ["textgan_bench-0.1.0.tar.gz", "textgan_bench-main"]
    assert names(tmp_path / "textgan_bench-main") == ["README.md"]


def test_a_lock_is_waited_for_or_refused(tmp_path: Path) -> None:
    order = []

    def other() -> None:
        with locked(tmp_path / "new"):
            order.append("other")

    with locked(tmp_path / "new"):
        waiting = threading.Thread(target=other)
        waiting.start()
        with pytest.raises(BlockingIOError), locked(tmp_path / "new", wait=False):
            pass
        time.sleep(0.05)
        order.append("this")
    waiting.join()
    assert order == ["this", "other"]
    assert names(tmp_path / "new") == []
