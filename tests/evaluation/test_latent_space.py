"""Lines through codes, on a coder whose codes are known, and as commands on a trained run."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.boring import BoringData
from tests.checkout import RUN, Command, write_recipe
from textgan_bench.evaluation.latent_space import LatentSpace
from textgan_bench.evaluation.text import parse
from textgan_bench.methods import ARAE, MLE
from textgan_bench.tokens import Batch, TokenBatch


class Indices(ARAE):
    """The code of a sentence is its indices, rounded when they are read back."""

    def encode(self, batch: Batch) -> Tensor:
        return batch.ids.double()

    def decode(self, codes: Tensor, temperature: float = 0.0) -> TokenBatch:
        ids = codes.round().long()
        return TokenBatch(ids, (ids != 0).sum(1))


def space() -> LatentSpace:
    data = BoringData()
    return LatentSpace(Indices(data.vocab_size, data.max_length, embedding=2, hidden=2), data)


def test_a_line_joins_two_sentences() -> None:
    assert space().line(["a", "man"], ["rides", "zwölf"], 3) == [
        ["a", "man"],
        ["man", "rides"],
        ["rides", "zwölf"],
    ]


def test_a_shift_adds_the_difference_of_two_means(monkeypatch: pytest.MonkeyPatch) -> None:
    latent = space()
    sentences = [["man", "a"], ["man", "man"], ["rides", "man"], ["rides", "rides"]]
    monkeypatch.setattr(latent.data, "sentences", lambda split: sentences)
    # With "man" (2, 1), (2, 2), (3, 2), with "rides" (3, 2), (3, 3): (2.33, 1.67) and (3, 2.5).
    torch.testing.assert_close(latent.mean("rides"), torch.tensor([3, 2.5, 0, 0]).double())
    assert latent.arithmetic(["a", "man"], "man", "rides", 4) == [
        ["a", "man"],
        ["man", "rides"],  # + (0.67, 0.83)
        ["man", "zwölf"],
        ["rides", "zwölf"],
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda latent: latent.line(["a"], ["man"], 1), "-n 1"),
        (lambda latent: latent.line([], ["man"], 2), "empty"),
        (lambda latent: latent.line(["a"] * 5, ["man"], 2), "5 words"),
        (lambda latent: latent.arithmetic(["a"], "man", "unicorn", 2), "'unicorn'"),
        (lambda latent: latent.arithmetic(["a"], "man", "rides", 0), "-n 0"),
    ],
)
def test_what_cannot_be_is_said(call: Callable[[LatentSpace], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(space())


def test_a_method_without_codes_is_refused() -> None:
    data = BoringData()
    with pytest.raises(ValueError, match="MLE turns no sentence into a code"):
        LatentSpace(MLE(data.vocab_size, data.max_length, embedding=2, hidden=2), data)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_commands_print_sentences_of_a_run(command: Command) -> None:
    write_recipe(
        "noise/boring-quick.yaml",
        """
        model:
          class_path: textgan_bench.methods.Autoencoder
          init_args: {embedding: 8, hidden: 8}
        trainer: {max_epochs: 1}
        evaluate: {budget_label: one epoch}
        """,
    )
    command.bench()
    line = command("interpolate", RUN, "a man", "zwölf rides", "-n", "5")
    assert line.status == 0, line.err
    assert len(parse(line.out)) == 5
    shifted = command("shift", RUN, "a man", "man", "rides", "-n", "3")
    assert len(parse(shifted.out)) == 3
    assert parse(shifted.out)[0] == parse(line.out)[0], "both start at the sentence itself"
    assert "no training sentence" in command.refused("shift", RUN, "a man", "man", "cow")
