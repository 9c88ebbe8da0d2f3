"""ARAE's five critic steps and the encoder's own: codes of one pass beside a pass for each.

The networks are the authors' for SNLI, the text is that of all scripts. Both forms draw the same
noise from the same state; the gradient that the encoder gets and the critic that is left are
compared before anything is timed. The words of the decoder are no part of it.
"""

from copy import deepcopy

import torch
from torch import Tensor
from torch.optim import Adam

from benchmarks.speed.claims import SEED, Claim, Texts, check, main, medians
from textgan_bench.losses.adversarial import gradient_penalty
from textgan_bench.methods import ARAE
from textgan_bench.tokens import Batch


def adversarial_phase(method: ARAE, batch: Batch, once: bool) -> list[Tensor]:
    """Gradient of the encoder and weights of the critic after its steps; ``method`` stays."""
    critic = deepcopy(method.critic)
    optimizer = Adam(critic.parameters(), method.critic_lr, method.BETAS)
    torch.manual_seed(SEED)
    codes = method.encode(batch)
    for _ in range(method.critic_steps):
        with torch.no_grad():
            real = method.noise(codes if once else method.encode(batch))
            fake = method.generate(len(codes))
        distance = critic(real).mean() - critic(fake).mean()
        loss = method.penalty * gradient_penalty(critic, real, fake) - distance
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    score = critic(method.noise(codes if once else method.encode(batch))).mean()
    gradient = torch.autograd.grad(score, list(method.encoder.parameters()))
    return [*gradient, *critic.parameters()]


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(SEED)
    method = ARAE(texts.data.vocab_size, texts.data.max_length)
    batch = next(iter(texts.data.train_dataloader()))
    pairs = zip(*(adversarial_phase(method, batch, once) for once in (True, False)), strict=True)
    check(all(torch.equal(*pair) for pair in pairs), "ARAE's critic steps")
    times = medians(
        {
            "ours": lambda: adversarial_phase(method, batch, once=True),
            "plain": lambda: adversarial_phase(method, batch, once=False),
        }
    )
    ratio = times["plain"] / times["ours"]
    note = f"the same to the last bit; {1000 * times['ours']:.0f} ms of the processor"
    return [Claim("ARAE: codes anew / codes of one pass", 1.5, ratio, note=note)]


if __name__ == "__main__":
    main(measure)
