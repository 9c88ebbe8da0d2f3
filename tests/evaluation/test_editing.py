"""Edits of generators whose smallest change is known, and as a command on a trained run."""

import math
from itertools import permutations

import pytest
import torch
from torch import Tensor

from tests.boring import BoringData
from tests.checkout import RUN, Command, write_recipe
from textgan_bench.cli import edit as cli_edit
from textgan_bench.evaluation import editing
from textgan_bench.evaluation.editing import (
    KEEP,
    LIMIT,
    OFFSET,
    OFFSET_STEP,
    RULES,
    Editor,
    Pool,
    Reached,
    Rule,
    descend,
    shift,
)
from textgan_bench.interfaces import Latents
from textgan_bench.methods import MLE
from textgan_bench.tokens import TokenBatch, length_mask, pad_sequences

TEMPERATURE = 2.0
PLAIN = Rule(1.0, adaptive=False)
A, MAN = 1, 2


class Linear:
    """Its latents are the scores of two words, or of more: it writes the word of the largest."""

    def __init__(self, words: int = 2, length: int = 3) -> None:
        self.words = words
        self.length = length

    def draw_latents(self, n: int, length: int | None = None) -> Latents:
        steps = self.length if length is None else length
        return Latents(torch.randn(n, steps, self.words), torch.full((n,), steps))

    def write_latents(self, latents: Latents) -> TokenBatch:
        mask = length_mask(latents.counts, latents.z.shape[1])
        return TokenBatch((latents.z.argmax(-1) + 1) * mask, latents.counts)

    def relax_latents(self, latents: Latents, ids: Tensor) -> tuple[Tensor, TokenBatch]:
        mask = length_mask(latents.counts, latents.z.shape[1])
        entries = (latents.z / TEMPERATURE).softmax(-1)
        chosen = entries.gather(2, (ids[:, :, None] - 1).clamp(min=0)).squeeze(2)
        return chosen * mask, self.write_latents(latents)

    def layers_of(self, latents: Latents) -> list[Tensor]:
        return [latents.z, 2 * latents.z]


def margins(*rows: list[float]) -> Latents:
    """Latents of sentences of the word 1, each ahead of word 2 by so much."""
    counts = torch.tensor([len(row) for row in rows])
    ahead = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    return Latents(torch.stack([ahead / 2, -ahead / 2], -1).double(), counts)


def steps_to_cross(margin: float, rate: float) -> int:
    """Steps until a margin is gone, whose gradient is that of 1 / (1 + exp(margin / τ))."""
    for step in range(LIMIT + 1):
        if margin < 0:
            return step
        p = 1 / (1 + math.exp(margin / TEMPERATURE))
        margin -= 2 * rate * p * (1 - p) / TEMPERATURE
    return -1


def of(found: list[Reached], row: int) -> list[Reached]:
    return [each for each in found if each.row == row]


def test_a_plain_step_is_the_gradient_of_the_sigmoid() -> None:
    sources = margins([3.0, 1.0, 2.0], [0.5], [2.5, 9.0])
    found = descend(Linear(), sources, MAN, PLAIN)
    for row, ahead in enumerate(([3.0, 1.0, 2.0], [0.5], [2.5, 9.0])):
        taken = {each.position: each.steps for each in of(found, row)}
        expected = {place: steps_to_cross(m, 1.0) for place, m in enumerate(ahead, start=1)}
        assert taken == {place: steps for place, steps in expected.items() if steps >= 0}
    assert len(of(found, 2)) == 1, "a margin of 9 is too wide for the steps there are"


def test_the_way_is_the_shortest_one_to_the_other_word() -> None:
    """Of one word alone: the nearest point with the other word lies margin / √2 away."""
    sources = margins([1.0], [2.0])
    for each in descend(Linear(), sources, MAN, PLAIN):
        shortest = (1.0, 2.0)[each.row] / math.sqrt(2)
        longest_step = 2 * 0.25 / TEMPERATURE / math.sqrt(2)
        assert shortest < each.moved < shortest + longest_step


def test_other_words_are_kept_by_a_tenth() -> None:
    sources = margins([1.0, 1.0])
    (latents,) = sources.z
    leaf = latents.clone().requires_grad_()
    p = torch.sigmoid((leaf[:, 0] - leaf[:, 1]) / TEMPERATURE)  # of the word they have
    ((1 - p[0]) + KEEP * p[1]).backward()
    slope, _ = editing._gradient(
        Linear(), sources, torch.tensor([[MAN, A]]), torch.tensor([[1.0, KEEP]]).double()
    )
    torch.testing.assert_close(slope[0], leaf.grad)


def test_adam_is_that_of_pytorch() -> None:
    rule = Rule(0.1, adaptive=True)
    start = margins([1.7, 0.6], [4.0, 3.0])
    found = descend(Linear(), start, MAN, rule)
    assert len(found) == 4
    for row, place in ((0, 0), (0, 1), (1, 0), (1, 1)):
        z = start.z[row].clone().requires_grad_()
        optimizer = torch.optim.Adam([z], rule.rate, maximize=True)
        steps = 0
        while (z.argmax(-1) == 0).all():
            optimizer.zero_grad()
            entries = (z / TEMPERATURE).softmax(-1)
            (entries[place, 1] + KEEP * entries[1 - place, 0]).backward()
            optimizer.step()
            steps += 1
        (mine,) = (each for each in of(found, row) if each.position == place + 1)
        assert mine.steps == steps
        assert mine.moved == pytest.approx(float((z.detach() - start.z[row]).norm()), rel=1e-5)


def test_an_offset_moves_all_sentences_alike() -> None:
    offset = torch.tensor([[-1.0, 1.0], [0.0, 0.0]])
    found = shift(Linear(), margins([0.5, 1.0], [1.7], [99.0, 0.1]), MAN, offset)
    taken = {each.row: each.steps for each in found}
    each_step = 2 * OFFSET_STEP
    assert taken == {0: math.ceil(0.5 / each_step), 1: math.ceil(1.7 / each_step)}
    assert all(each.position is None for each in found)


def test_plain_is_the_step_as_printed() -> None:
    assert RULES["plain"] == PLAIN


def editor(model: object | None = None) -> Editor:
    return Editor(model or Linear(5), BoringData())


def test_means_are_those_of_the_sentences_with_a_word() -> None:
    """Of one position and two words: a difference of N(0, 2), given its sign, has mean 2 / √π."""
    torch.manual_seed(0)
    edits = editor(Linear(2, length=1))
    pool = edits.pool([edits.pair("a", "man")], 3, size=20_000)
    offset = pool.offset(edits.pair("a", "man"))
    assert offset is not None
    shift_of_one = 2 / math.sqrt(math.pi)
    expected = torch.tensor([-shift_of_one, shift_of_one])
    torch.testing.assert_close(offset[0], expected, atol=4 * 2 / math.sqrt(20_000), rtol=0)
    assert not offset[1:].any(), "no sentence reaches the other positions"
    sources = pool.sources[edits.pair("a", "man")]
    assert (edits.model.write_latents(sources).ids == A).all()
    assert len(sources.counts) == 3


def test_sources_lack_the_target_word() -> None:
    torch.manual_seed(0)
    edits = editor()
    pair = edits.pair("rides", "man")
    pool = edits.pool([pair], 20, size=2_000, whole=False)
    assert not pool.means
    sentences = edits.data.text(edits.model.write_latents(pool.sources[pair]))
    assert len(sentences) == 20
    assert all("rides" in words and "man" not in words for words in sentences)


def test_the_change_of_fewest_words_is_kept_then_the_shortest_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edits = editor(Linear(5))
    pair = edits.pair("a", "man")
    sources = Latents(torch.eye(5)[[0, 2, 3]][None], torch.tensor([3]))  # a rides zwölf

    def reached(ids: list[int], position: int, moved: float) -> Reached:
        return Reached(0, pad_sequences([ids]), position, 1, moved)

    found = [
        reached([2, 2, 4], 1, 0.1),
        reached([2, 3, 4], 2, 9.0),
        reached([2, 3, 4], 3, 8.0),
        reached([2, 3, 4], 1, 8.5),
    ]
    monkeypatch.setattr(editing, "descend", lambda *_: found)
    (kept,) = edits.edit(pair, sources, "adam", Pool({}, {}))
    assert kept.source == ["a", "rides", "zwölf"]
    assert (kept.edited, kept.position) == (["man", "rides", "zwölf"], 3)
    assert kept.overlap == pytest.approx(2 / 3)


def test_the_smallest_margin_is_where_a_linear_generator_is_edited() -> None:
    edits = editor(Linear(2, length=4))
    ahead = [list(order) for order in permutations([0.3, 1.0, 1.8, 2.6])]
    done = edits.edit(edits.pair("a", "man"), margins(*ahead), "plain", Pool({}, {}))
    assert [edit.position for edit in done] == [row.index(0.3) + 1 for row in ahead]
    assert {edit.overlap for edit in done} == {3 / 4}
    assert {edit.steps for edit in done} == {steps_to_cross(0.3, 1.0)}


def test_an_edit_that_fails_says_so() -> None:
    edits = editor(Linear(2))
    (edit,) = edits.edit(edits.pair("a", "man"), margins([500.0]), "plain", Pool({}, {}))
    assert (edit.edited, edit.position, edit.steps) == (None, None, None)
    assert math.isnan(edit.overlap)
    nowhere = Pool({}, {A: torch.zeros(3, 2), MAN: None})
    (edit,) = edits.edit(edits.pair("a", "man"), margins([0.1]), OFFSET, nowhere)
    assert edit.edited is None


def test_a_word_that_is_never_written_has_no_offset(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits = editor(Linear(2))  # of five words it writes two
    monkeypatch.setattr(cli_edit, "load_generator", lambda run: (edits.model, edits.data))
    for source, target, message in (
        ("a", "rides", "has 'rides': there is no offset"),
        ("rides", "a", "has 'rides' and lacks 'a'"),
    ):
        options = ("--from", source, "--to", target, "--by", "offset")
        assert message in command.refused("edit", ".", *options)


def test_what_cannot_be_is_said() -> None:
    data = BoringData()
    with pytest.raises(ValueError, match="MLE does not write its sentences from latents"):
        Editor(MLE(data.vocab_size, data.max_length, embedding=2, hidden=2), data)
    with pytest.raises(ValueError, match=r"'mann' is not a word .* mean man"):
        editor().pair("a", "mann")
    with pytest.raises(ValueError, match="<pad>"):
        editor().pair("a", "<pad>")
    with pytest.raises(ValueError, match="'a' is to become another word"):
        editor().pair("a", "a")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_command_prints_edits_of_a_run(command: Command) -> None:
    write_recipe(
        "noise/boring-quick.yaml",
        """
        model:
          class_path: textgan_bench.methods.NAGAN
          init_args:
            {width: 8, blocks: 1, heads: 2, feed_forward: 8, latent_dim: 4, embedding_dim: 4}
        trainer: {max_epochs: 1}
        evaluate: {budget_label: one epoch}
        """,
    )
    write_recipe("noise/data.yaml", "data: {class_path: tests.evaluation.test_editing.Full}")
    command.bench()
    written = command("sample", RUN, "-n", "200", "--knob", "0").out
    word = max(("a", "man", "rides", "zwölf"), key=written.split().count)
    other = min(("a", "man", "rides", "zwölf"), key=written.split().count)
    for rule in RULES:
        done = command("edit", RUN, "--from", word, "--to", other, "-n", "3", "--by", rule)
        assert done.status == 0, done.err
        head, *rows = (line.split("\t") for line in done.out.splitlines())
        assert head == ["position", "steps", "overlap", "source", "edited"]
        assert len(rows) == 3
        assert all(word in row[3].split() and other not in row[3].split() for row in rows)
        edited = [row for row in rows if row[4] != "–"]
        assert all(other in row[4].split() for row in edited)
        said = done.err.split("\r")[-1]
        assert said.startswith(f"{len(edited)} of 3 edited")
    again = command("edit", RUN, "--from", word, "--to", other, "-n", "3", "--by", rule)
    assert again.out == done.out
    assert "'cow'" in command.refused("edit", RUN, "--from", "cow", "--to", "a")
    assert "no rule momentum" in command.refused(
        "edit", RUN, "--from", "a", "--to", "man", "--by", "momentum"
    )


class Full(BoringData):
    """No sentence is empty."""

    def __init__(self, size: int = 24, batch_size: int = 4) -> None:
        super().__init__(size, batch_size)
        lengths = self.batch.lengths.clamp(min=1)
        ids = self.batch.ids
        ids[:, 0] = ids[:, 0].clamp(min=1)
        self.batch = TokenBatch(ids, lengths)
