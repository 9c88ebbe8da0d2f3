"""``data``: download and encode data sets ahead, for machines without a network."""

from textgan_bench.errors import UserError
from textgan_bench.recipes import ALL, TEXT, data_module, tables


def data(name: str, *, data_dir: str | None, tokenised: bool = False) -> None:
    """Do what the first run on a data set would do, or on each of them if ``name`` is ``all``.

    Raises:
        FileNotFoundError: a source cannot be reached.
        UserError: there is no such data set, or some of all could not be prepared.
    """
    if name != ALL:
        _prepare(name, data_dir, tokenised)
        return
    if data_dir is not None or tokenised:
        raise UserError("--data_dir and --tokenised are said of one data set, not of all")
    failed = []
    for each in tables():
        if each == TEXT:
            continue
        try:
            _prepare(each, None, tokenised=False)
        except (OSError, ValueError) as error:
            print(f"{each}: {error}")
            failed.append(each)
    if failed:
        raise UserError(f"these data sets could not be prepared: {', '.join(failed)}")


def _prepare(name: str, data_dir: str | None, tokenised: bool) -> None:
    name, data = data_module(name, data_dir, tokenised=tokenised)
    data.prepare_data()
    data.setup("fit")
    print(f"{name}: {data.source}")
