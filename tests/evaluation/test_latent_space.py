"""Lines through codes and noise, on methods that are known, and as commands on a trained run."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.boring import BoringData
from tests.checkout import RUN, Command, write_recipe
from textgan_bench.evaluation.latent_space import LatentSpace, NoiseSpace
from textgan_bench.evaluation.text import parse
from textgan_bench.interfaces import Latents
from textgan_bench.methods import ARAE, MLE, Autoencoder
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


class Noise(ARAE):
    """A sentence of two words, the rounded entries of a latent that is drawn from a list."""

    def __init__(self, latents: list[list[float]]) -> None:
        data = BoringData()
        super().__init__(data.vocab_size, data.max_length, embedding=2, hidden=2)
        self.latents = torch.tensor(latents)
        self.drawn = 0

    def draw_latents(self, n: int) -> Latents:
        rows = (self.drawn + torch.arange(n)) % len(self.latents)
        self.drawn += n
        return Latents(self.latents[rows][:, None], torch.ones(n, dtype=torch.int64))

    def write_latents(self, latents: Latents) -> TokenBatch:
        ids = torch.nn.functional.pad(latents.z[:, 0].round().long(), (0, 2))
        return TokenBatch(ids, (ids != 0).sum(1))


def noise(latents: list[list[float]]) -> NoiseSpace:
    method = Noise(latents)
    found = NoiseSpace(method, BoringData())
    method.drawn = 0  # a latent was drawn to be looked at
    return found


def test_a_line_through_noise_joins_two_latents() -> None:
    ids = {word: i for i, word in enumerate(BoringData().vocabulary.tokens)}
    space = noise([[ids["a"], ids["a"]], [ids["rides"], ids["a"]]])
    assert space.line(3) == [["a", "a"], ["man", "a"], ["rides", "a"]]


def test_noise_moves_by_the_difference_of_two_means() -> None:
    """Indices: a 1, man 2, rides 3, zwölf 4."""
    space = noise([[1, 1], [2, 1.2], [2.4, 1], [3, 2], [4.2, 1], [3.4, 3]])
    # With "man" (2, 1.2), (2.4, 1), (3, 2), with "zwölf" (4.2, 1): (2.47, 1.4) to (4.2, 1).
    assert space.arithmetic("man", "zwölf", 2, size=6) == [["man", "a"], ["zwölf", "a"]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda space: space.line(1), "-n 1"),
        (lambda space: space.arithmetic("man", "rides", 1), "-n 1"),
        (lambda space: space.arithmetic("man", "cow", 3, size=4), "'cow'"),
        (lambda space: space.arithmetic("man", "rides", 3, size=4), "among 4 sentences none has"),
    ],
)
def test_what_noise_cannot_say_is_said(call: Callable[[NoiseSpace], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(noise([[1, 1], [2, 1]]))


def test_a_method_without_noise_is_refused() -> None:
    data = BoringData()
    with pytest.raises(ValueError, match="Autoencoder does not write a sentence from one latent"):
        NoiseSpace(Autoencoder(data.vocab_size, data.max_length, embedding=2, hidden=2), data)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_walk_prints_sentences_of_a_run(command: Command) -> None:
    write_recipe(
        "noise/boring-quick.yaml",
        """
        model:
          class_path: textgan_bench.methods.ARAE
          init_args: {embedding: 8, hidden: 8, latent_dim: 4}
        trainer: {max_epochs: 1}
        evaluate: {budget_label: one epoch}
        """,
    )
    command.bench()
    walked = command("walk", RUN, "-n", "5")
    assert walked.status == 0, walked.err
    assert len(parse(walked.out)) == 5
    assert command("walk", RUN, "-n", "5").out == walked.out, "the seed decides"
    assert "--from and --to" in command.refused("walk", RUN, "--from", "man")


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
