"""What a sampler's fingerprint says, and whether it belongs to the text that it lies beside."""

from pathlib import Path

import pytest
import torch

from tests.boring import Boring
from tests.methods.small import SMALL
from textgan_bench.errors import UserError
from textgan_bench.evaluation.sampler import (
    beside,
    read_sampler,
    sampler_fingerprint,
    write_sampler,
)
from textgan_bench.evaluation.text import write_sentences
from textgan_bench.interfaces import ARGMAX, GUMBEL, INVERSION
from textgan_bench.methods import ARAE, MDLM, MLE, NAGAN, GumbelSoftmaxGAN

SIZES = {"width": 8, "blocks": 1, "heads": 2, "feed_forward": 8, "latent_dim": 4}


def test_every_field_that_decides_a_sample_is_there() -> None:
    method = MLE(6, 4, **SMALL["MLE"])
    sampler = sampler_fingerprint(method, seed=3)
    assert len(sampler.pop("code").removesuffix("-dirty")) in (7, 40)  # unknown, or a commit
    assert sampler == {
        "draw": INVERSION,
        "dtype": "float32",
        "nucleus": "none",
        "knob": "temperature",
        "setting": 1.0,
        "passes": 4,
        "seed": 3,
    }
    turned = sampler_fingerprint(method.double(), seed=3, setting=0.5)
    assert (turned["setting"], turned["dtype"]) == (0.5, "float64")


def test_methods_draw_by_their_own_rules() -> None:
    def rule(kind: type, *setting: float, **options: object) -> tuple[str, str]:
        method = kind(6, 4, **(options or SMALL.get(kind.__name__, {})))
        sampler = sampler_fingerprint(method, 0, *setting)
        return sampler["draw"], sampler["dtype"]

    assert rule(MDLM) == (INVERSION, "float64")
    assert rule(MDLM, **{**SMALL["MDLM"], "precision": "float32"}) == (INVERSION, "float32")
    assert rule(GumbelSoftmaxGAN) == (GUMBEL, "float32")
    assert rule(ARAE) == (ARGMAX, "float32"), "temperature 0"
    assert rule(ARAE, 0.7) == (INVERSION, "float32")
    assert rule(NAGAN, **SIZES) == (ARGMAX, "float32")
    assert rule(NAGAN, **SIZES, generator="autoregressive_gumbel")[0] == GUMBEL
    assert rule(NAGAN, **SIZES, generator="autoregressive_soft")[0] == ARGMAX


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.txt"
    write_sentences(path, [["a", "man"]])
    return path


def test_a_fingerprint_is_read_back_beside_its_text_alone(samples: Path) -> None:
    assert read_sampler(samples) is None
    sampler = sampler_fingerprint(Boring(6, 4), seed=1)
    write_sampler(samples, sampler)
    assert read_sampler(samples) == sampler
    write_sentences(samples, [["another", "man"]])
    with pytest.raises(UserError, match="is of another text than"):
        read_sampler(samples)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"text": "0", "sampler": 1}'])
def test_a_damaged_fingerprint_is_refused_in_one_line(samples: Path, content: str) -> None:
    beside(samples).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"says nothing of a sampler.*delete it"):
        read_sampler(samples)


def test_the_type_of_number_is_that_of_the_weights() -> None:
    assert Boring(6, 4).to(torch.float64).draw_dtype == torch.float64
