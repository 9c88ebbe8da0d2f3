import pytest
import torch
from torch import nn

from tests.methods.test_contract import corpus, fit
from textgan_bench.methods import ARAE
from textgan_bench.methods.arae import Decoder
from textgan_bench.tokens import TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 6, 4


def small(**changes: float) -> ARAE:
    torch.manual_seed(0)
    sizes = {"embedding": 8, "hidden": 12, "latent_dim": 4}
    return ARAE(VOCAB_SIZE, MAX_LENGTH, **{**sizes, **changes})  # type: ignore[arg-type]


def test_codes_lie_on_the_unit_sphere_whatever_the_padding() -> None:
    method = small()
    batch = pad_sequences([[1, 2, 3], [4], []], 4)
    codes = method.encoder(batch)
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(method.encoder(pad_sequences([[4]]))[0], codes[1])


def test_decoding_follows_the_likelihood() -> None:
    """The argmax at each step, found by scoring one symbol more of each prefix."""
    torch.manual_seed(0)
    decoder = Decoder(VOCAB_SIZE, MAX_LENGTH, 8, 12)
    decoder.output.weight.data.mul_(8)
    codes = torch.randn(20, 12)
    ids, lengths = decoder.decode(codes, temperature=0.0)
    for code, row, length in zip(codes, ids.tolist(), lengths.tolist(), strict=True):
        prefix = row[:length]
        for t in range(min(length + 1, MAX_LENGTH)):
            options = pad_sequences(
                [[*prefix[:t], *([w] if w else [])] for w in range(VOCAB_SIZE)], 4
            )
            nll = decoder(code.expand(VOCAB_SIZE, -1), options)
            assert int(nll[:, t].argmin()) == (prefix[t] if t < length else 0)


def test_sentences_are_reconstructed_after_training() -> None:
    method = small()
    fit(method, [corpus(64) for _ in range(300)])
    method.eval()
    batch = corpus(200)
    again = method.reconstruct(batch)
    assert (again.ids == batch.ids).all(1).float().mean() > 0.5


def test_each_player_is_moved_by_its_own_loss_alone() -> None:
    still = {"autoencoder_lr": 0.0, "generator_lr": 0.0, "critic_lr": 0.0}
    players = {
        "autoencoder_lr": ("encoder", "decoder"),
        "generator_lr": ("generator",),
        "critic_lr": ("critic",),
    }
    for rate, names in players.items():
        method = small(**{**still, rate: 0.1})
        before = {name: p.detach().clone() for name, p in method.named_parameters()}
        fit(method, [corpus(8)])
        moved = {
            name.split(".")[0] for name, p in method.named_parameters() if not p.equal(before[name])
        }
        assert moved == set(names)


def test_encoder_and_critic_pull_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The critic raises the score of real codes that the encoder then lowers."""
    method = small(penalty=0.0)
    critic = nn.Linear(12, 1, bias=False)
    critic.weight.data.fill_(2.0)
    method.critic = critic  # type: ignore[assignment]
    losses: list[float] = []
    batch = corpus(8)

    monkeypatch.setattr(method, "optimizers", lambda: [None] * 3)
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    monkeypatch.setattr(method, "descend", lambda loss, *_, **__: losses.append(loss.item()))
    codes, fakes = torch.ones(8, 12) / 12, torch.zeros(8, 12)
    monkeypatch.setattr(method, "_noisy", lambda _: codes)
    monkeypatch.setattr(method, "generate", lambda n: fakes)
    monkeypatch.setattr(method.decoder, "forward", lambda *_: codes.clone().requires_grad_())
    method.training_step(batch, 0)
    assert losses[1:6] == pytest.approx([-2.0] * 5)  # the critic, f(real) - f(fake) = 2
    assert losses[6:] == pytest.approx([0.1 * 2.0, 0.0], abs=1e-6)  # encoder, generator


def test_noise_on_codes_shrinks_every_hundred_steps() -> None:
    method = small()
    codes = torch.zeros(2000, 12)
    for updates, deviation in ((0, 0.05), (99, 0.05), (200_000, 0.05 * 0.9995**2000)):
        method.updates.fill_(updates)
        assert method._noisy(codes).std().item() == pytest.approx(deviation, rel=0.05)


def test_an_interpolation_starts_and_ends_at_the_sentences_of_its_latents() -> None:
    method = small().eval()
    start, end = torch.randn(2, 4)
    path = method.interpolate(start, end, 5)
    ends = method.decoder.decode(method.generator(torch.stack([start, end])), 0.0)
    assert path.ids.shape == (5, MAX_LENGTH)
    assert torch.equal(path.ids[[0, 4]], ends.ids)
    with pytest.raises(ValueError, match="at least 2 steps, not 1"):
        method.interpolate(start, end, 1)


def test_no_offset_transfers_nothing() -> None:
    method, batch = small().eval(), pad_sequences([[1, 2], [3]], MAX_LENGTH)
    unmoved: TokenBatch = method.transfer(batch, torch.zeros(12))
    assert torch.equal(unmoved.ids, method.reconstruct(batch).ids)
    target = pad_sequences([[4, 4]], MAX_LENGTH)
    offset = 1e6 * method.encoder(target)[0].detach()
    assert torch.equal(method.transfer(batch, offset).ids[0], method.reconstruct(target).ids[0])


def test_a_negative_temperature_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        small().sample(1, temperature=-1.0)
