"""ARAE for unaligned style transfer (Zhao et al., ICML 2018).

One encoder, and a decoder for each of two styles y. A classifier u reads the style off the code and
the encoder learns to hide it, so that the other style's decoder has to supply its own:

    min over enc, dec_y:  -E log p_dec_y(x | enc(x) + noise)
    min over u:           -E log p_u(y | enc(x))
    min over enc:         -E log p_u(1 - y | enc(x))
    max over f:           E f(enc(x)) - E f(g(z)) - lambda E (||grad f(c')|| - 1)^2
    min over enc:         E f(enc(x)),     min over g:   -E f(g(z))

in this order, the critic several times. A sentence is transferred by decoding its code, without
noise, by the decoder of the other style. Sizes, rates and order are those of the authors' code,
jakezhaojb/ARAE, for Yelp.

Each expectation that has a y is a step of its own for each style. This matters. The classifier has
batch normalisation; in a batch of one style it removes from the gradient whatever would move all
codes of the style alike. In a batch of both styles nothing removes this part: each style is pushed
towards the other as a whole, and all codes shrink to one point (docs/arae.md).

The code draws new sentences for each step of critic and encoder, and always takes negative
sentences for the last of the encoder's losses. Here one batch serves all steps of an iteration, and
this loss takes the styles in turn.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden and code, Z latent.
"""

from typing import Literal, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.losses.adversarial import gradient_penalty
from textgan_bench.losses.processes import process_mean
from textgan_bench.networks.sentence_codes import (
    DecayingNoise,
    Decoder,
    Encoder,
    critic,
    perceptron,
    spread,
)
from textgan_bench.tokens import PAD, LabelledBatch, TokenBatch

STYLES = 2


def by_style(batch: LabelledBatch) -> list[TokenBatch]:
    """The sentences of each style.

    Raises:
        UserError: the batch has no sentence of one of the styles.
    """
    rows = [batch.labels == style for style in range(STYLES)]
    if not all(row.any() for row in rows):
        raise UserError("a training batch needs sentences of both styles")
    return [TokenBatch(batch.ids[row], batch.lengths[row]) for row in rows]


class ARAETransfer(Method):
    """ARAE with a code classifier and two decoders; defaults are those of the code for Yelp.

    Args:
        embedding: dimensions of a word vector; encoder and decoders have one each.
        hidden: width of all LSTMs, of the code and of the layers of generator, critic and
            classifier.
        latent_dim: size of the latent z.
        noise: standard deviation of the noise on codes that are decoded in training.
        noise_decay: factor on the noise every 100 steps.
        penalty: lambda, weight of the gradient penalty.
        critic_steps: number of the critic's steps in a training step.
        encoder_weight: factor on the critic's gradient in the encoder.
        classifier_weight: factor on the classifier's gradient in the encoder.
        autoencoder_optimizer: "sgd", as the code has it, or "adam", which learns the words of a
            large vocabulary sooner and is for reduced budgets.
        autoencoder_lr: learning rate of the autoencoder, whose gradients are clipped to norm 1.
        generator_lr, critic_lr, classifier_lr: Adam learning rates.
    """

    BETAS = (0.5, 0.999)  # of Adam, code
    GRADIENT_NORM = 1.0  # of the autoencoder, code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 128,
        hidden: int = 128,
        latent_dim: int = 32,
        noise: float = 0.1,
        noise_decay: float = 0.9995,
        penalty: float = 0.1,
        critic_steps: int = 5,
        encoder_weight: float = 0.01,
        classifier_weight: float = 1.0,
        autoencoder_optimizer: Literal["sgd", "adam"] = "sgd",
        autoencoder_lr: float = 1.0,
        generator_lr: float = 1e-4,
        critic_lr: float = 1e-4,
        classifier_lr: float = 1e-4,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        self.encoder = Encoder(vocab_size, embedding, hidden)
        decoders = [Decoder(vocab_size, max_length, embedding, hidden) for _ in range(STYLES)]
        decoders[1].output = decoders[0].output  # one layer of words serves both, code
        self.decoders = nn.ModuleList(decoders)
        self.generator = perceptron(
            [latent_dim, hidden, hidden, hidden], nn.ReLU(), normalise_first=True
        )
        self.critic = critic(hidden)
        self.classifier = perceptron([hidden, hidden, hidden, 1], nn.ReLU(), normalise_first=False)
        self.latent_dim = latent_dim
        self.noise = DecayingNoise(noise, noise_decay)
        self.penalty = penalty
        self.critic_steps = critic_steps
        self.encoder_weight = encoder_weight
        self.classifier_weight = classifier_weight
        self.autoencoder_optimizer = {"sgd": SGD, "adam": Adam}[autoencoder_optimizer]
        self.autoencoder_lr = autoencoder_lr
        self.generator_lr = generator_lr
        self.critic_lr = critic_lr
        self.classifier_lr = classifier_lr

    def configure_optimizers(self) -> list[Optimizer]:
        autoencoder = [*self.encoder.parameters(), *self.decoders.parameters()]
        return [
            self.autoencoder_optimizer(autoencoder, self.autoencoder_lr),
            Adam(self.generator.parameters(), self.generator_lr, self.BETAS),
            Adam(self.critic.parameters(), self.critic_lr, self.BETAS),
            Adam(self.classifier.parameters(), self.classifier_lr, self.BETAS),
        ]

    def training_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Autoencoder, classifier, encoder against it, critic, then encoder and generator.

        Raises:
            UserError: the batch has no sentence of one of the styles.
        """
        autoencoder_optimizer, generator_optimizer, critic_optimizer, classifier_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        styles = by_style(batch)

        reconstructions = []
        for sentences, decoder in zip(styles, self.decoders, strict=True):
            nll = decoder(self.noise(self.encoder(sentences)), sentences)  # (B, T)
            reconstructions.append(nll.sum() / process_mean(sentences.lengths.sum().float()))
            self.descend(reconstructions[-1], autoencoder_optimizer, clip=self.GRADIENT_NORM)

        recognised = []
        for style, codes in enumerate(self.codes(styles)):
            recognised.append(self.style_loss(codes, style))
            self.descend(recognised[-1], classifier_optimizer)

        with self.frozen(self.classifier):
            for style, sentences in enumerate(styles):
                hidden = self.style_loss(self.encoder(sentences), 1 - style)
                self.descend(
                    self.classifier_weight * hidden, autoencoder_optimizer, clip=self.GRADIENT_NORM
                )

        real = self.codes(styles)
        for step in range(self.critic_steps):
            codes = real[step % STYLES]
            with torch.no_grad():
                fake = self.generate(len(codes))
            distance = self.critic(codes).mean() - self.critic(fake).mean()
            slope = gradient_penalty(self.critic, codes, fake)
            self.descend(self.penalty * slope - distance, critic_optimizer)

        with self.frozen(self.critic):
            codes = self.encoder(styles[batch_idx % STYLES])
            lowered = self.encoder_weight * self.critic(codes).mean()
            self.descend(lowered, autoencoder_optimizer, clip=self.GRADIENT_NORM)
            self.descend(-self.critic(self.generate(len(codes))).mean(), generator_optimizer)

        self.noise.step()
        self.log_losses(
            {
                "autoencoder/nll": torch.stack(reconstructions).mean(),
                "autoencoder/spread": spread(torch.cat(real)),
                "classifier/nll": torch.stack(recognised).mean(),
                "critic/distance": distance,
                "critic/gradient_penalty": slope,
            }
        )

    @torch.no_grad()
    def codes(self, styles: list[TokenBatch]) -> list[Tensor]:
        """(B, H) codes of the sentences of each style, without gradient."""
        return [self.encoder(sentences) for sentences in styles]

    def style_loss(self, codes: Tensor, style: int) -> Tensor:
        """Nats, cross-entropy of the classifier on codes (B, H) that are said to be of a style."""
        odds = self.classifier(codes).squeeze(1)  # (B,) log odds of style 1
        return F.binary_cross_entropy_with_logits(odds, torch.full_like(odds, style))

    def generate(self, n: int) -> Tensor:
        """(B, H) codes of ``n`` new latents."""
        return self.generator(torch.randn(n, self.latent_dim, device=self.device))

    @torch.no_grad()
    def transfer(self, batch: LabelledBatch) -> TokenBatch:
        """Each sentence in the other style, by its likeliest words."""
        codes = self.encoder(batch)  # (B, H)
        ids = torch.empty(len(codes), self.max_length, dtype=torch.int64, device=self.device)
        for style, decoder in enumerate(self.decoders):
            rows = batch.labels == 1 - style
            if rows.any():
                ids[rows] = cast(Decoder, decoder).decode(codes[rows], temperature=0.0).ids
        return TokenBatch(ids, (ids != PAD).sum(1))

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.transfer(batch)}

    def test_step(self, batch: LabelledBatch, batch_idx: int) -> dict[str, TokenBatch]:
        source = TokenBatch(batch.ids, batch.lengths)
        return {"samples": self.transfer(batch), "references": source}
