"""SeqGAN's rewards: completions of all prefixes side by side, beside the loop the field writes.

Sizes are those of SeqGAN's oracle: 5,000 words, 20 to a sentence, 32 units, all twelve groups of
filters, 16 completions. The loop reads each prefix anew for each of its completions, draws by
``multinomial``, writes every sentence to its end and has each batch judged by convolution. Rewards
are random, so before anything is timed the means of both at each place are compared with their
spread. TextGAN-PyTorch, whose loop this is, was timed beside ours once (docs/rivals.md).
"""

import torch
from torch import Tensor

from benchmarks.speed.claims import SEED, Claim, Texts, check, main, medians
from textgan_bench.methods import SeqGAN
from textgan_bench.tokens import PAD, TokenBatch

VOCABULARY, LENGTH, SENTENCES = 5_001, 20, 16
ROUNDS = 3


@torch.no_grad()
def plain_rewards(method: SeqGAN, samples: TokenBatch) -> Tensor:
    """(B, T) rewards of sentences that are all of T words."""
    policy, ids = method.policy, samples.ids
    method.discriminator.eval()
    rewards = torch.zeros(ids.shape)
    for _ in range(method.rollouts):
        for given in range(1, LENGTH):
            state = policy.start(len(ids))
            hidden, state = policy.step(torch.full_like(ids[:, 0], PAD), state)
            for word in ids[:, :given].unbind(1):
                hidden, state = policy.step(word, state)
            words = [*ids[:, :given].unbind(1)]
            while len(words) < LENGTH:
                words.append(policy.output(hidden).softmax(-1).multinomial(1)[:, 0])
                hidden, state = policy.step(words[-1], state)
            rewards[:, given - 1] += method.discriminator(torch.stack(words, 1)).sigmoid()
        rewards[:, -1] += method.discriminator(ids).sigmoid()
    method.discriminator.train()
    return rewards / method.rollouts


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(SEED)
    method = SeqGAN(VOCABULARY, LENGTH)
    with torch.no_grad():  # no sentence ends early, so that the loop has nothing to drop
        for model in (method.generator, method.policy):
            model.output.bias[PAD] = -100.0
    samples = method.generator.sample(SENTENCES, temperature=1.0)
    ours, plain = method.rewards(samples), plain_rewards(method, samples)
    spread = (ours - plain).std(0) / SENTENCES**0.5  # (T,)
    apart = (ours.mean(0) - plain.mean(0)).abs()
    check(bool((apart[:-1] < 5 * spread[:-1]).all()), "rewards of prefixes")
    check(torch.allclose(ours[:, -1], plain[:, -1], atol=1e-5), "rewards of sentences")
    times = medians(
        {
            "ours": lambda: method.rewards(samples),
            "plain": lambda: plain_rewards(method, samples),
        },
        rounds=ROUNDS,
    )
    ratio = times["plain"] / times["ours"]
    note = f"{SENTENCES} sentences, {1000 * times['ours']:,.0f} ms of the processor"
    return [Claim("SeqGAN: rollouts one by one / side by side", 5, ratio, note=note)]


if __name__ == "__main__":
    main(measure)
