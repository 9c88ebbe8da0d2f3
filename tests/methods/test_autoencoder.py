import torch

from tests.methods.test_contract import corpus
from tests.trainer import fit
from textgan_bench.methods import Autoencoder

VOCAB_SIZE, MAX_LENGTH = 6, 4


def small() -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(VOCAB_SIZE, MAX_LENGTH, embedding=8, hidden=12)


def test_generated_codes_have_the_moments_of_what_was_observed() -> None:
    method = small()
    torch.manual_seed(1)
    scales = torch.linspace(0, 2, 12)  # one direction has no variance at all
    codes = torch.randn(50, 40, 12) * scales + torch.arange(12)
    for batch in codes:
        method.noise.step()
        method.observe(batch)
    observed = codes.flatten(0, 1)
    torch.testing.assert_close(method.mean, observed.mean(0))
    generated = method.generate(20_000)
    torch.testing.assert_close(generated.mean(0), observed.mean(0), atol=0.06, rtol=0)
    torch.testing.assert_close(generated.T.cov(), observed.T.cov(), atol=0.15, rtol=0)


def test_old_codes_fade() -> None:
    method = small()
    method.noise.updates.fill_(10_000)
    method.observe(torch.ones(8, 12))
    torch.testing.assert_close(method.mean, torch.full((12,), 0.01))


def test_training_observes_the_codes_of_its_sentences() -> None:
    method = small()
    fit(method, [corpus(64) for _ in range(3)])
    # Codes have norm one, hence so has the trace of their second moment.
    torch.testing.assert_close(method.second_moment.trace(), torch.tensor(1.0))
