"""NAGAN: a text GAN with a non-autoregressive generator (Huang et al., under review, ICLR 2021).

The generator translates latents Z = [z_1 … z_L], z_t ~ N(0, I), to a sentence in parallel,

    h = Transformer(Z),   s_t = MLP(h_t) (+ Gumbel noise in training),   o_t = onehot(argmax s_t),

and is differentiated by the straight-through estimator (eq. 7-8, 22-24). The length L is drawn
from the lengths of the training set. The discriminator is a Transformer encoder with max-pooling
(eq. 9-10). They minimise

    L_D = -E log D(x) - E log(1 - D(G(Z))) + lambda (max ||grad D(O')||^2 + E D(O)^2)
    L_G = -E log D(G(Z))

(eq. 12, 13, 25, 27) with O' = lambda_i O_r + (1 - lambda_i) O_f between a real and a fake
sentence of the same length. Samples come from the moving average of the generator's parameters
(eq. 28), without Gumbel noise and with dropout, which at inference trades quality against
diversity (4.1).

Its ablations (4.2, A.4.4) replace one part each: an autoregressive generator, of the same lengths,
whose words are softmax s_t, or drawn from it by Gumbel noise (eq. 29); a convolutional or recurrent
discriminator; no gradient penalty; no dropout.

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width, Z latent.
"""

import copy
from collections.abc import Iterable
from functools import partial, reduce
from typing import ClassVar, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from textgan_bench.functional.adversarial import (
    discriminator_loss,
    max_gradient_penalty,
    non_saturating_loss,
)
from textgan_bench.functional.cuda_graphs import CountedRAdam
from textgan_bench.functional.knobs import check_dropout
from textgan_bench.graphed import GraphedGenerator
from textgan_bench.methods.nagan.ablations import (
    DiscriminatorKind,
    GeneratorKind,
    build_discriminator,
    build_generator,
)
from textgan_bench.methods.nagan.cooccurrence import neighbour_counts, word_vectors
from textgan_bench.networks.packing import Packed, rows_of
from textgan_bench.networks.transformer import Shape
from textgan_bench.tokens import PAD, TokenBatch, length_mask

SAMPLING_BATCH = 256  # bounds the memory of the scores, N x V; not tuned


class NAGAN(GraphedGenerator):
    """Non-autoregressive GAN; defaults are Table 9 for real data.

    Args:
        generator, discriminator: what writes and what judges; the rows of Tables 3 and 4.
        width, blocks, heads: of each Transformer (Table 9).
        feed_forward: not stated; 256 gives the parameter counts of Table 12.
        latent_dim, embedding_dim: of z_t and of the discriminator's words (Table 9).
        embedding_scale: of words beside the weights that are learnt, of the inverse size at first;
            not stated (docs/nagan.md).
        vector_start: let words of like neighbours in the training text be alike to both players at
            first; not in the paper (docs/nagan.md).
        neighbour_start: let attention of both Transformers, positional of the generator, start at
            the places around a word; not stated (docs/nagan.md).
        latent_gain: factor on the first output weights of the attention to the latents, which lets
            the words of a sentence agree; not stated (docs/nagan.md, as are the next two).
        score_std: standard deviation over the latents of a word's first scores; Gumbel's is 1.28.
        frequency_rate: of the output bias, towards the words' frequencies; in the paper 0.
        dropout: in the generator, in training (Table 9).
        inference_dropout: at inference, unless the knob is turned; the training's if None (4.1).
        temperature: of the straight-through estimator (Table 9).
        gradient_penalty: weight of the gradient penalty at the embedded sentence; lambda of Table 9
            is for one at the one-hot sentence (docs/nagan.md).
        score_regulariser: lambda, 1 on real data, 0.1 on synthetic data (Table 9).
        generator_lr, discriminator_lr, discriminator_l2: of RAdam (Table 9), L2 decoupled as then.
        generator_warm_up: batches in which the generator's rate grows; not in the paper
            (docs/nagan.md).
        averaging: gamma of the parameter average (Table 9), approached from below (docs/nagan.md).
    """

    knob: ClassVar[str] = "dropout"
    BETAS = (0.5, 0.9)  # of RAdam, Table 9
    # Of the generator's RAdam, not stated. Gradients of rare words' scores are of 1e-9, those of
    # other layers of 1e-3: at RAdam's own 1e-8, noise moves these words out of use (docs/nagan.md).
    EPSILON = 1e-5

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        generator: GeneratorKind = "non_autoregressive",
        discriminator: DiscriminatorKind = "transformer",
        width: int = 128,
        blocks: int = 5,
        heads: int = 4,
        feed_forward: int = 256,
        latent_dim: int = 64,
        embedding_dim: int = 300,
        embedding_scale: float = 1.0,
        vector_start: bool = False,
        neighbour_start: bool = False,
        latent_gain: float = 16.0,
        score_std: float = 6.0,
        frequency_rate: float = 0.0,
        dropout: float = 0.25,
        inference_dropout: float | None = None,
        temperature: float = 1.0,
        gradient_penalty: float = 25.0,
        score_regulariser: float = 1.0,
        generator_lr: float = 2e-4,
        discriminator_lr: float = 5e-4,
        discriminator_l2: float = 0.05,
        generator_warm_up: int = 0,
        averaging: float = 0.9999,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        shape = Shape(width=width, blocks=blocks, heads=heads, feed_forward=feed_forward)
        self.generator = build_generator(
            generator,
            vocab_size,
            max_length,
            shape,
            latent_dim=latent_dim,
            temperature=temperature,
            neighbour_start=neighbour_start,
            latent_gain=latent_gain,
            score_std=score_std,
            frequency_rate=frequency_rate,
            embedding_dim=embedding_dim,
            table=lambda: self.discriminator.words,
        )
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.discriminator = build_discriminator(
            discriminator,
            vocab_size,
            max_length,
            shape,
            embedding_dim=embedding_dim,
            embedding_scale=embedding_scale,
            neighbour_start=neighbour_start,
        )
        self.capturable = self.discriminator.capturable
        self.vector_start = vector_start
        self.dropout = dropout
        self.inference_dropout = dropout if inference_dropout is None else inference_dropout
        for rate in (self.dropout, self.inference_dropout):
            check_dropout(rate)
        self.gradient_penalty = gradient_penalty
        self.score_regulariser = score_regulariser
        self.generator_lr = generator_lr
        self.discriminator_lr = discriminator_lr
        self.discriminator_l2 = discriminator_l2
        self.generator_warm_up = generator_warm_up
        self.averaging = averaging
        self.length_counts: Tensor
        self.register_buffer("length_counts", torch.zeros(max_length + 1))
        self.updates: Tensor
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def configure_optimizers(self) -> list[Optimizer]:
        radam = partial(CountedRAdam, betas=self.BETAS)
        return [
            radam(
                self.generator.parameters(),
                self.generator_lr,
                eps=self.EPSILON,
                warm_up=self.generator_warm_up,
            ),
            radam(
                self.discriminator.parameters(),
                self.discriminator_lr,
                weight_decay=self.discriminator_l2,
            ),
        ]

    def on_train_start(self) -> None:
        """Count lengths and words of the training set, on all ranks, before the first step."""
        super().on_train_start()
        if self.updates > 0:
            return
        words, lengths = self.count_training_text()
        self.length_counts.copy_(lengths)
        if self.vector_start:
            self._start_at_word_vectors()
        drawn = torch.multinomial(self.length_counts, SAMPLING_BATCH, replacement=True)
        mask = length_mask(drawn, self.max_length)
        self.generator.calibrate(words[PAD + 1 :], mask, self.dropout)
        # Each rank measured it on its own latents.
        self.generator.load_state_dict(self.trainer.strategy.broadcast(self.generator.state_dict()))
        self.average.load_state_dict(self.generator.state_dict())

    def _start_at_word_vectors(self) -> None:
        """Vectors of the text of all processes, in both players."""
        embedding, strategy = self.discriminator.embedding, self.trainer.strategy
        text = cast("Iterable[TokenBatch]", self.trainer.train_dataloader)
        of_rank = neighbour_counts((batch.ids for batch in text), self.vocab_size)
        of_all = (strategy.broadcast(of_rank, rank) for rank in range(self.trainer.world_size))
        vectors = word_vectors(reduce(torch.add, of_all), embedding.embedding_dim).to(self.device)
        embedding.start_at(vectors)
        self.generator.start_at(vectors[PAD + 1 :])

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        losses = self.carry_out(batch)
        names = ("loss", "gradient_penalty", "score_regulariser")
        logged = [*(f"discriminator/{name}" for name in names), "generator/loss"]
        self.log_losses(dict(zip(logged, losses, strict=True)))

    def discriminator_losses(
        self, real_ids: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The adversarial loss (eq. 12), the gradient penalty and the score regulariser (eq. 25).

        ``real_ids`` (B, T) are met by as many fakes of the same ``lengths`` (B,).
        """
        layout = rows_of(length_mask(lengths, real_ids.shape[1]))
        embedding = self.discriminator.embedding
        fake = layout.pad(self.generator.fake(layout.mask, self.dropout, embedding))
        real = embedding(real_ids)  # (B, T, E)
        scores = self.discriminator(torch.cat([real, fake]), lengths.repeat(2))
        mixed = torch.lerp(fake, real, torch.rand_like(real[:, :1, :1]))
        return (
            discriminator_loss(*scores.chunk(2)),
            max_gradient_penalty(self.discriminator, mixed, lengths),
            scores.square().mean(),
        )

    def generator_loss(self, mask: Tensor) -> Tensor:
        """The generator's loss (eq. 13) on sentences of the lengths of ``mask`` (B, T)."""
        scores = self.generator.write(mask, self.dropout, training=True)  # (N, V - 1)
        fake = self.generator.relax(scores, self.discriminator.projected_words())
        return non_saturating_loss(self.discriminator.score_rows(fake, rows_of(mask)))

    def step(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """One step of the discriminator, one of the generator (algorithm 1) on ids (B, T)."""
        descend, (generator_optimizer, discriminator_optimizer) = self.players()
        adversarial, penalty, regulariser = self.discriminator_losses(ids, lengths)
        weighted = self.gradient_penalty * penalty + self.score_regulariser * regulariser
        descend(adversarial + weighted, discriminator_optimizer)
        with self.frozen(self.discriminator):
            generator_loss = self.generator_loss(length_mask(lengths, ids.shape[1]))
            descend(generator_loss, generator_optimizer)
        self._average_parameters()
        return adversarial, penalty, regulariser, generator_loss

    @torch.no_grad()
    def sample(self, n: int, *, dropout: float | None = None) -> TokenBatch:
        """``n`` sentences of the averaged generator; less ``dropout`` gives up diversity.

        Raises:
            RuntimeError: no training sentence was seen, so the lengths are unknown.
            ValueError: the rate is out of range.
        """
        rate = self.inference_dropout if dropout is None else dropout
        check_dropout(rate)
        if not self.length_counts.any():
            raise RuntimeError("NAGAN draws lengths from the training set and has seen none of it")
        ids = torch.full((n, self.max_length), PAD, device=self.device)
        lengths = torch.multinomial(self.length_counts, n, replacement=True)
        for rows, chunk in zip(
            ids.split(SAMPLING_BATCH), lengths.split(SAMPLING_BATCH), strict=True
        ):
            mask = length_mask(chunk, int(chunk.max()))
            scores = self.average.write(mask, rate, training=False)
            rows[:, : mask.shape[1]] = Packed(mask).pad(scores.argmax(-1) + PAD + 1)
        return TokenBatch(ids, lengths)

    @torch.no_grad()
    def _average_parameters(self) -> None:
        self.updates += 1
        t = self.updates.double()
        average, latest = list(self.average.parameters()), list(self.generator.parameters())
        share = 1 - ((1 + t) / (4 + t)).clamp(max=self.averaging)
        change = list(torch._foreach_sub(latest, average))  # type: ignore[arg-type]
        torch._foreach_mul_(change, share.to(latest[0].dtype))
        torch._foreach_add_(average, change)  # type: ignore[arg-type]
