"""The table of reverse perplexities: what is measured, kept and shown beside the paper."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from benchmarks.figures import reverse_perplexity
from benchmarks.figures.reverse_perplexity import Row, load, measure, page, published, table
from tests.boring import BoringData
from textgan_bench.errors import UserError
from textgan_bench.files import replace_rows
from textgan_bench.tokens import Sentence
from textgan_bench.training.run import Run


def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Runs without training: what each was asked for, by its name."""
    asked: Counter[str] = Counter()

    def load_generator(folder: Path) -> tuple[nn.Module, BoringData]:
        return nn.Linear(1, 1), BoringData(revision=folder.parts[0])

    def draw(model: object, data: object, n: int) -> list[Sentence]:
        asked["samples"] += n
        return [["a"]] * n

    def perplexity(sentences: list[Sentence], data: BoringData) -> float:
        asked["models"] += 1
        return 50.0 + len(sentences)

    monkeypatch.setattr(reverse_perplexity, "load_generator", load_generator)
    monkeypatch.setattr(reverse_perplexity, "draw_sentences", draw)
    monkeypatch.setattr(reverse_perplexity, "perplexity", perplexity)
    monkeypatch.setattr(
        Run,
        "load_config",
        lambda run: {
            "evaluate": {"method": run.folder.name, "budget": "quick"},
            "seed_everything": 3,
        },
    )
    return asked


def test_each_run_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, path = opened(monkeypatch), tmp_path / "found.csv"
    first = measure([Run(Path("r/arae"))], 7, 0, path)
    assert first == [Row("r", "real", "", "", 7, 57.0), Row("r", "arae", "quick", "3", 7, 57.0)]
    assert load(path) == first
    again = measure([Run(Path("r/arae")), Run(Path("r/aae"))], 7, 0, path)
    assert again == [*first, Row("r", "aae", "quick", "3", 7, 57.0)]
    assert asked == {"samples": 14, "models": 3}
    assert len(measure([Run(Path("r/arae"))], 5, 0, path)) == 5, "of another number of samples"


def test_runs_of_different_text_do_not_share_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(monkeypatch)
    with pytest.raises(UserError, match="s/aae was trained on other text than r/arae"):
        measure([Run(Path("r/arae")), Run(Path("s/aae"))], 7, 0, tmp_path / "found.csv")


def test_published_figures_stand_beside_ours(tmp_path: Path) -> None:
    assert published()["Real data"] == "27.4"
    rows = [Row("r", "real", "", "", 9, 30.0), Row("r", "vae", "cpu", "0", 9, 1234.56)]
    replace_rows(tmp_path / "rows.csv", Row._fields, rows)
    assert load(tmp_path / "rows.csv") == rows
    assert table(rows).splitlines()[2:] == [
        "| real | – | – | 9 | 30.0 | 27.4 |",
        "| vae | cpu | 0 | 9 | 1,234.6 | – |",
    ]


def test_every_row_of_the_paper_has_a_name_of_ours() -> None:
    assert set(published()) == set(reverse_perplexity.NAMES.values())


def test_a_page_without_measurements_says_how_to_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reverse_perplexity, "PERPLEXITIES", tmp_path / "none.csv")
    assert "python -m benchmarks.figures.reverse_perplexity RUN" in page()


@pytest.mark.slow
def test_the_perplexity_of_a_uniform_word_is_the_number_of_words() -> None:
    """Sentences of one word, each of four as often: exp of ln 4 / 2, its end mark being certain."""
    data: Any = BoringData()
    data.sentences = lambda split: [[word] for word in ("a", "man", "rides", "zwölf")]
    found = reverse_perplexity.perplexity(data.sentences("train") * 100, data)
    assert found == pytest.approx(2.0, rel=0.1)
