"""Downloads and encoded tables of the tests stay out of the checkout."""

from collections.abc import Iterator

import pytest

from datamodules import sources


@pytest.fixture(scope="session", autouse=True)
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "ROOT", tmp_path_factory.mktemp("data"))
        yield
