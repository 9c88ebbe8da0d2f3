"""Weights & Biases: what would keep a run from logging there is settled before it trains.

Without a key or a network a run logs offline and can be synced later. What the user asked for and
cannot have is said in one line.
"""

import netrc
import os
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from tempfile import TemporaryFile
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.request import urlopen

import wandb
from wandb import env
from wandb.errors import AuthenticationError

from textgan_bench.errors import UserError, meant

ONLINE, OFFLINE, DISABLED = ("online", "shared", "run"), ("offline", "dryrun"), "disabled"

MODES = (*ONLINE, *OFFLINE, DISABLED)
"""Values of ``WANDB_MODE``."""

KEYS_OF = "api.wandb.ai"
"""The machine that ``.netrc`` keeps keys of, by whatever name W&B calls its server."""

PATIENCE = 3.0
"""Seconds within which a server answers where there is a network."""


def prepare(folder: Path, offline: bool) -> None:
    """Let W&B log offline where it cannot do otherwise, and say how to sync the run later.

    Args:
        folder: what W&B is to write the run into.
        offline: whether the recipe wants no other.

    Raises:
        UserError: ``WANDB_MODE`` is none, or one that cannot be had; the server refuses the key;
            a folder of W&B cannot be written.
    """
    asked = os.environ.get("WANDB_MODE", "")
    if asked not in ("", *MODES):
        raise UserError(f"WANDB_MODE={asked}{meant(asked, MODES)}: W&B has {', '.join(MODES)}")
    if not asked:
        os.environ.pop("WANDB_MODE", None)  # an empty one is refused by W&B
    if asked == DISABLED or wandb.run is not None:  # in which the test of a training logs, too
        return
    _check_folders()
    try:
        settings = wandb.setup().settings
    except ValueError as error:
        raise UserError(f"W&B refuses a setting of its environment or files: {error}") from error
    if settings.mode == DISABLED:
        return
    reason = ""
    if not offline and settings.mode not in OFFLINE:
        reason = _obstacle(settings)
        if not reason:
            return
        if asked in ONLINE:
            raise UserError(f"WANDB_MODE={asked}, but {reason}; with offline the run can be synced")
    # The line below is all there is to say.
    silent = settings.silent if env.SILENT in os.environ else True
    wandb.setup(wandb.Settings(mode="offline", silent=silent))
    why = f" ({reason})" if reason else ""
    print(f"W&B is offline{why}; to sync the run later: wandb sync {folder}/wandb/offline-run-*")


def require_server(purpose: str) -> None:
    """End where W&B's server cannot be had, which nothing stands in for.

    Raises:
        UserError: there is no key, no network, W&B is offline, or the server refuses the key.
    """
    settings = wandb.setup().settings
    offline = settings.mode in (*OFFLINE, DISABLED)
    reason = f"WANDB_MODE={settings.mode}" if offline else _obstacle(settings)
    if reason:
        raise UserError(f"{purpose} needs W&B's server, but {reason}")


def leave_failed_run() -> None:
    """So that the next run of this process does not log in the place of the one that failed."""
    if wandb.run is not None:
        with suppress(Exception):  # of W&B, which would keep the next run from its start
            wandb.run.finish(exit_code=1)


def _check_folders() -> None:
    """Refuse folders that W&B would fail to write into in the middle of a training."""
    folders = {env.DATA_DIR: Path(env.get_data_dir()), env.CACHE_DIR: env.get_cache_dir()}
    if env.DIR in os.environ:
        folders[env.DIR] = Path(os.environ[env.DIR])
    for variable, folder in folders.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=folder).close()
        except OSError as error:
            raise UserError(
                f"W&B's folder {folder} cannot be written ({error.strerror}): name another one by "
                f"{variable}, or do without W&B by WANDB_MODE=disabled"
            ) from error


def _obstacle(settings: wandb.Settings) -> str:
    """What keeps W&B from its server, empty if nothing does.

    Raises:
        UserError: the server, or W&B itself, refuses the key.
    """
    no_key = "there is no key, which `wandb login` stores"
    if not _has_credentials(settings):
        return no_key
    if not _answers(settings.base_url):
        return f"{settings.base_url} cannot be reached"
    try:
        return "" if wandb.login(prompt=False) else no_key
    except AuthenticationError as error:
        raise UserError(
            f"W&B: {error}; `wandb login` stores another key, WANDB_MODE=offline needs none"
        ) from error


def _has_credentials(settings: wandb.Settings) -> bool:
    """Whether it is worth asking the server."""
    machines = (urlparse(settings.base_url).netloc, KEYS_OF)
    try:
        keys = netrc.netrc(os.environ.get("NETRC"))
        stored = any(map(keys.authenticators, machines))
    except (OSError, netrc.NetrcParseError):
        stored = False
    return stored or bool(settings.api_key or settings.identity_token_file)


def _answers(url: str) -> bool:
    """Whether a server is there, be it one that wants another request or certificate."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urlopen(url, timeout=PATIENCE).close()
        except HTTPError as error:
            if error.code >= 500:
                return
        except URLError as error:
            if not isinstance(error.reason, SSLError):
                return
        except (OSError, HTTPException):
            return
        answered.set()

    # The name of a host is looked up for longer than a connection is waited for.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answered.is_set()
