"""Data sets that the tests share; what is encoded of them stays out of the checkout."""

import os
from collections.abc import Iterator
from typing import get_args

import pytest

from datamodules import TextData, sources
from datamodules.corpus import Corpus
from tests.datamodules.ready import LONG_TO_READ, Texts, construct, parameters, ready
from textgan_bench.interfaces import Split


@pytest.fixture(scope="session", autouse=True)
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One folder for all processes of a run, so that each text is encoded once."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "ROOT", root / "data")
        yield


@pytest.fixture(
    scope="session",
    params=parameters(lambda name: name in LONG_TO_READ),
    ids=lambda kind: kind.__name__,
)
def kind(request: pytest.FixtureRequest) -> type[Corpus]:
    corpus: type[Corpus] = request.param
    return corpus


@pytest.fixture(scope="session")
def data(kind: type[Corpus]) -> TextData:
    return ready(construct(kind))


@pytest.fixture(scope="session")
def texts(data: TextData) -> Texts:
    return {split: list(map(tuple, data.sentences(split))) for split in get_args(Split)}
