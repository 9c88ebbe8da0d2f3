"""Figures by what their SVG says."""

import sys
from itertools import combinations
from pathlib import Path

import pytest

from textgan_bench.evaluation.figures import (
    _figure,
    _write_where_there_is_room,
    plot_bands,
    plot_changes,
    plot_curves,
    plot_lengths,
    plot_losses,
    plot_matrices,
    plot_texts,
)

TEXTS = {"real": [["a"], ["a", "b"]], "samples": [["a", "b", "c"]]}
POINTS = [{"knob": t, "lm_score/kn4": 4 + t, "reverse_lm/kn4": 5 - t} for t in (0.5, 1.0)]
AXES = ("lm_score/kn4", "LM score ↓"), ("reverse_lm/kn4", "Reverse LM ↓")


def test_both_texts_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    for name in ("one.svg", "two.svg", "three.png"):
        plot_lengths(TEXTS, tmp_path / name)
    svg = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {text} -->" in svg for text in ("real", "samples", "words in a sentence"))
    assert "dc:date" not in svg
    assert (tmp_path / "three.png").read_bytes().startswith(b"\x89PNG")


def test_points_carry_their_knob(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    plot_curves({"mle": POINTS}, [AXES, AXES[::-1]], tmp_path / "curve.svg")
    svg = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {text} -->" in svg for text in ("0.5", "1", "mle", "LM score ↓"))
    # A point whose score is not determined is not drawn, and the others are.
    plot_curves({"mle": [*POINTS, {"knob": 2.0}]}, [AXES], tmp_path / "less.svg")
    assert "<!-- 2 -->" not in (tmp_path / "less.svg").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="no score bleu_f/5"):
        plot_curves({"mle": POINTS}, [(("bleu_f/5", "BLEU-F ↑"), AXES[1])], tmp_path / "x.svg")


def test_a_number_is_written_where_it_covers_nothing() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    figure, axes = _figure(Path("curve.svg"))
    places = [(0.0, 0.0), (1.0, 1.0), *((0.5 + 0.001 * i, 0.5 + 0.001 * i) for i in range(30))]
    (line,) = axes.plot(*zip(*sorted(places), strict=True), marker="o")
    figure.draw_without_rendering()
    _write_where_there_is_room(
        axes, [(f"{number}", "k", place) for number, place in enumerate(places)]
    )
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts][:2] == ["0", "1"], "the first have their room"
    assert 2 < len(boxes) < len(places)
    assert not any(box.overlaps(other) for box, other in combinations(boxes, 2))
    outline = line.get_path().transformed(axes.transData)
    assert not any(outline.intersects_bbox(box, filled=False) for box in boxes)


def test_a_single_text_is_a_cross_where_its_scores_are_known(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    crosses = {"real": POINTS[0], "half": {"lm_score/kn4": 4.0}}
    plot_curves({"mle": POINTS}, [AXES], tmp_path / "curve.svg", crosses)
    svg = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert "<!-- real -->" in svg
    assert "<!-- half -->" not in svg


def test_mistakes_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"not lengths\.txt"):
        plot_lengths(TEXTS, tmp_path / "lengths.txt")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match=r"textgan_bench\[plot\]"):
        plot_lengths(TEXTS, tmp_path / "lengths.svg")


CURVES = {"discriminator": [(1.0, 0.7), (2.0, 0.6)], "generator": [(1.0, -0.1), (2.0, 0.3)]}


def test_panels_bands_and_texts_are_drawn_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    band = [(1.0, 0.5, 0.4, 0.7), (2.0, 0.2, 0.1, 0.3)]
    for folder in (tmp_path / "one", tmp_path / "two"):
        plot_losses({"(a)": CURVES, "(b)": CURVES}, folder / "losses.svg", "iteration")
        plot_bands({"loss": band}, folder / "band.svg", "epoch")
        plot_texts({"first": ["a cat", "a dog"], "second": ["a"]}, folder / "texts.svg")
    shown = {
        "losses": ("(a)", "(b)", "generator", "iteration"),
        "band": ("loss", "epoch"),
        "texts": ("first", "second", "a cat", "a dog"),
    }
    for name, words in shown.items():
        svg = (tmp_path / f"one/{name}.svg").read_text(encoding="utf-8")
        assert all(f"<!-- {word} -->" in svg for word in words)
        assert svg == (tmp_path / f"two/{name}.svg").read_text(encoding="utf-8")


def test_kept_words_are_grey_and_matrices_have_their_names(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    line = [("1", ["a", "cat"], [False, False]), ("2", ["a", "dog"], [True, False])]
    for folder in (tmp_path / "one", tmp_path / "two"):
        plot_changes({"Case": line}, folder / "changes.svg")
        panel = [[0.1, 0.9], [-0.2, 1.0]], ["big", "cat"], ["0", "1"]
        plot_matrices({"(a)": panel}, folder / "matrix.svg", x="word", y="layer", bar="cosine")
    shown = {
        "changes": ("Case", "1  a cat", "2    dog", "   a"),
        "matrix": ("(a)", "big", "cat", "word", "layer", "cosine"),
    }
    for name, texts in shown.items():
        svg = (tmp_path / f"one/{name}.svg").read_text(encoding="utf-8")
        assert all(f"<!-- {text} -->" in svg for text in texts)
        assert svg == (tmp_path / f"two/{name}.svg").read_text(encoding="utf-8")
    grey, black = (svg_of(tmp_path / "one/changes.svg", text) for text in ("   a", "2    dog"))
    assert "#999999" in grey
    assert "#999999" not in black


def svg_of(path: Path, text: str) -> str:
    """The element that shows a text, up to the next one."""
    return path.read_text(encoding="utf-8").split(f"<!-- {text} -->")[1].split("<!--")[0]


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    with pytest.raises(ValueError, match=r"\(a\) has no point of generator"):
        plot_losses({"(a)": {"generator": []}}, tmp_path / "losses.svg", "iteration")
    with pytest.raises(ValueError, match="loss has no point"):
        plot_bands({"loss": []}, tmp_path / "band.svg", "epoch")
    with pytest.raises(ValueError, match="no text"):
        plot_texts({}, tmp_path / "texts.svg")
    with pytest.raises(ValueError, match="no sentence"):
        plot_changes({}, tmp_path / "changes.svg")
    with pytest.raises(ValueError, match="no matrix"):
        plot_matrices({}, tmp_path / "matrix.svg", x="", y="", bar="")
