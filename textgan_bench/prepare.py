"""``data``: download and encode data sets ahead, for machines without a network."""

import yaml
from jsonargparse import ArgumentParser

from textgan_bench.interfaces import TextDataModule
from textgan_bench.recipes import ALL, TEXT, data_arguments, read, table, tables


def prepare(name: str, *, data_dir: str | None, tokenised: bool = False) -> None:
    """Do what the first run on a data set would do, or on each of them if ``name`` is ``all``.

    Raises:
        FileNotFoundError: a source cannot be reached.
        ValueError: there is no such data set, or some of all could not be prepared.
    """
    if name != ALL:
        _prepare(name, data_dir, tokenised)
        return
    if data_dir is not None or tokenised:
        raise ValueError("--data_dir and --tokenised are said of one data set, not of all")
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
        raise ValueError(f"these data sets could not be prepared: {', '.join(failed)}")


def data_module(
    name: str, data_dir: str | None, *, tokenised: bool = False
) -> tuple[str, TextDataModule]:
    """A table and its data module, as its runs make it; not set up.

    Its files are those of ``data_dir``, of a folder beside the checkout, or downloaded.

    Raises:
        ValueError: there is no such data set, or its file is no configuration.
    """
    name, arguments = data_arguments(name, data_dir, tokenised=tokenised)
    settings = yaml.safe_load(read(table(name) / "data.yaml"))["data"]
    settings["init_args"] = {**settings.get("init_args", {}), **arguments}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(TextDataModule, "data")
    data: TextDataModule = parser.instantiate(parser.parse_object({"data": settings})).data
    return name, data


def _prepare(name: str, data_dir: str | None, tokenised: bool) -> None:
    name, data = data_module(name, data_dir, tokenised=tokenised)
    data.prepare_data()
    data.setup("fit")
    print(f"{name}: {data.source}")
