"""NAGAN with one part replaced, on the language of the contract."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.methods.small import SMALL
from tests.methods.test_contract import BATCH_SIZE, MAX_LENGTH, VOCAB_SIZE, corpus, samples
from tests.trainer import fit
from textgan_bench.methods import NAGAN
from textgan_bench.tokens import PAD, length_mask, pad_sequences

NOT_HELD = replace(SMALL["NAGAN"]["start"], frequency_rate=0.0)

ABLATIONS: dict[str, dict[str, Any]] = {
    "soft": {"generator": "autoregressive_soft", "start": NOT_HELD},
    "gumbel": {"generator": "autoregressive_gumbel", "start": NOT_HELD},
    "cnn": {"discriminator": "cnn"},
    "cnn_layer_norm": {"discriminator": "cnn_layer_norm"},
    "rnn": {"discriminator": "rnn"},
    "no_penalty": {"gradient_penalty": 0.0},
    "no_dropout": {"dropout": 0.0},
}

every_ablation = pytest.mark.parametrize("name", ABLATIONS)


def build(name: str) -> NAGAN:
    torch.manual_seed(0)
    return NAGAN(VOCAB_SIZE, MAX_LENGTH, **{**SMALL["NAGAN"], **ABLATIONS[name]})


@every_ablation
def test_one_step_moves_every_player_and_stays_finite(name: str, tmp_path: Path) -> None:
    """And what is saved afterwards writes the same sentences."""
    method = build(name)
    before = {key: value.clone() for key, value in method.named_parameters()}
    trainer = fit(method, [corpus(BATCH_SIZE)])
    still = [key for key, value in method.named_parameters() if torch.equal(value, before[key])]
    assert all(value.isfinite().all() for value in method.parameters())
    assert still == []
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    restored = NAGAN.load_from_checkpoint(tmp_path / "last.ckpt")
    ids, lengths = samples(method, 50)
    assert torch.equal(samples(restored, 50).ids, ids)
    assert torch.equal(ids != PAD, length_mask(lengths, MAX_LENGTH))


@pytest.mark.slow
@every_ablation
def test_a_constant_sentence_is_learnt(name: str) -> None:
    if name == "no_penalty":
        pytest.skip("without the penalty the discriminator wins before the sentence is found")
    method = build(name)
    sentence = pad_sequences([[3, 1, 2]] * BATCH_SIZE, MAX_LENGTH)
    fit(method, [sentence] * 200)
    assert (samples(method, 500).ids == sentence.ids[0]).all(1).float().mean() > 0.6


def test_only_words_of_the_non_autoregressive_generator_are_held() -> None:
    options = {**SMALL["NAGAN"], "generator": "autoregressive_soft"}
    with pytest.raises(ValueError, match=r"generator has no start\.frequency_rate: set it to 0"):
        NAGAN(VOCAB_SIZE, MAX_LENGTH, **options)


def test_soft_words_are_mixtures_and_drawn_words_are_words() -> None:
    mask = length_mask(torch.tensor([3, 2]), MAX_LENGTH)
    distances = {}
    for name in ("soft", "gumbel"):
        method = build(name)
        embedding = method.discriminator.embedding
        words = embedding(torch.arange(PAD + 1, VOCAB_SIZE))
        fake, _ = method.generator.fake(mask, 0.1, embedding)  # (N, E)
        distances[name] = torch.cdist(fake, words).min(1).values.max().item()
    assert distances["gumbel"] < 1e-3 < 0.1 < distances["soft"]
