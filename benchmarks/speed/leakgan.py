"""LeakGAN's rewards: features of growing prefixes, beside the loop that the field writes.

Sizes are those of the authors' code on SeqGAN's oracle: 5,000 words, 20 to a sentence, 32 units,
twelve groups of filters, 4 completions of each prefix of 4, 8, … words. The loop reads each prefix
anew for each of its completions, has every prefix of every sentence read by convolution, forms the
matrix O of all words and draws by ``multinomial``. Rewards are random, so before anything is timed
the means of both at each block are compared with their spread.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.speed.claims import SEED, Claim, Texts, check, main, medians
from textgan_bench.methods import LeakGAN
from textgan_bench.methods.leakgan import GOAL
from textgan_bench.networks.autoregressive import write
from textgan_bench.tokens import PAD, TokenBatch

VOCABULARY, LENGTH, SENTENCES = 5_001, 20, 16
ROUNDS = 3


def complete(method: LeakGAN, ids: Tensor, given: int) -> Tensor:
    """(B, T) sentences whose first ``given`` words are those of ids (B, T)."""
    manager, worker, duration = method.manager, method.worker, method.manager.duration
    table = worker.output.weight.view(VOCABULARY, -1, GOAL)  # (V, H + 1, 16)
    matrix = table.permute(1, 0, 2).flatten(1)  # (H + 1, 16 V)
    written = torch.full_like(ids, PAD)
    goals: list[Tensor] = []
    held = manager.first.expand(len(ids), -1)
    managed = worked = None
    before = written[:, 0]
    for t in range(LENGTH):
        features = method.discriminator.extract(written)
        states, managed = manager.cells(features[:, None], managed)
        goals.append(manager.direct(states[:, 0]))
        if t and t % duration == 0:
            held = torch.stack(goals[-duration:]).sum(0)
        hidden, worked = worker.cells(worker.embedding(before[:, None]), worked)
        rows = torch.addmm(matrix[-1], hidden[:, 0], matrix[:-1]).view(len(ids), -1, GOAL)
        scores = (rows @ worker.aim(held)[..., None]).squeeze(-1)
        before = ids[:, t] if t < given else F.softmax(scores, -1).multinomial(1)[:, 0]
        written[:, t] = before
    return written


@torch.no_grad()
def plain_rewards(method: LeakGAN, samples: TokenBatch) -> Tensor:
    """(B, K) rewards of sentences that are all of T words."""
    duration = method.manager.duration
    rewards = []
    for given in range(duration, LENGTH, duration):
        completed = [complete(method, samples.ids, given) for _ in range(method.rollouts)]
        verdicts = [method.discriminator(ids).sigmoid() for ids in completed]
        rewards.append(torch.stack(verdicts).mean(0))
    return torch.stack([*rewards, method.discriminator(samples.ids).sigmoid()], 1)


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(SEED)
    method = LeakGAN(VOCABULARY, LENGTH).eval()
    samples = write(method.writer(), SENTENCES, 1.0, torch.device("cpu"))
    while not bool((samples.lengths == LENGTH).all()):  # so that the loop has nothing to drop
        samples = write(method.writer(), SENTENCES, 1.0, torch.device("cpu"))

    def ours() -> Tensor:
        return method.rewards(samples, method.writer())[0]

    rewards, plain = ours(), plain_rewards(method, samples)
    spread = (rewards - plain).std(0) / SENTENCES**0.5  # (K,)
    apart = (rewards.mean(0) - plain.mean(0)).abs()
    check(bool((apart[:-1] < 5 * spread[:-1]).all()), "rewards of blocks")
    check(torch.allclose(rewards[:, -1], plain[:, -1], atol=1e-5), "rewards of sentences")
    times = medians({"ours": ours, "plain": lambda: plain_rewards(method, samples)}, rounds=ROUNDS)
    ratio = times["plain"] / times["ours"]
    note = f"{SENTENCES} sentences, {1000 * times['ours']:,.0f} ms of the processor"
    return [Claim("LeakGAN: features by convolution / word by word", 5, ratio, note=note)]


if __name__ == "__main__":
    main(measure)
