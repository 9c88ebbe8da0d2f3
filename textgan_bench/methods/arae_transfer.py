"""ARAE for unaligned style transfer (Zhao et al., ICML 2018).

One encoder, and a decoder for each of two styles y. A classifier u reads the style off the code and
the encoder learns to hide it, so that the other style's decoder has to supply its own:

    min over enc, dec_y:  -E log p_dec_y(x | enc(x) + noise)
    min over u:           -E log p_u(y | enc(x))
    max over f:           E f(enc(x)) - E f(g(z)) - lambda E (||grad f(c')|| - 1)^2
    min over enc:         E f(enc(x)) - E log p_u(1 - y | enc(x)),     min over g:   -E f(g(z))

in this order, the critic several times. A sentence is transferred by decoding its code, without
noise, by the decoder of the other style. Sizes and rates are those of the authors' code,
jakezhaojb/ARAE, for Yelp. It takes batches of one style each and a step for each of the encoder's
losses; here a batch holds both styles and a step is on the sum.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden and code, Z latent.
"""

from typing import cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from textgan_bench.functional.processes import process_mean
from textgan_bench.functional.wasserstein import gradient_penalty
from textgan_bench.interfaces import Method
from textgan_bench.networks.sentence_codes import DecayingNoise, Decoder, Encoder, perceptron
from textgan_bench.tokens import PAD, LabelledBatch, TokenBatch

STYLES = 2


class ARAETransfer(Method):
    """ARAE with a code classifier and two decoders; defaults are those of the code for Yelp.

    Args:
        embedding: dimensions of a word, of encoder and decoders each.
        hidden: of all LSTMs, of the code and of the layers of generator, critic and classifier.
        latent_dim: of z.
        noise: standard deviation of the noise on codes that are decoded in training.
        noise_decay: its factor every 100 steps.
        penalty: lambda, weight of the gradient penalty.
        critic_steps: of the critic in a training step.
        encoder_weight: of the critic's gradient in the encoder.
        classifier_weight: of the classifier's gradient in the encoder.
        autoencoder_lr: of SGD, gradients clipped to norm 1.
        generator_lr, critic_lr, classifier_lr: of Adam.
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
        self.generator = perceptron([latent_dim, hidden, hidden, hidden], nn.ReLU(), critic=False)
        self.critic = perceptron([hidden, hidden, hidden, 1], nn.LeakyReLU(0.2), critic=True)
        self.classifier = perceptron([hidden, hidden, hidden, 1], nn.ReLU(), critic=True)
        self.latent_dim = latent_dim
        self.noise = DecayingNoise(noise, noise_decay)
        self.penalty = penalty
        self.critic_steps = critic_steps
        self.encoder_weight = encoder_weight
        self.classifier_weight = classifier_weight
        self.autoencoder_lr = autoencoder_lr
        self.generator_lr = generator_lr
        self.critic_lr = critic_lr
        self.classifier_lr = classifier_lr

    def configure_optimizers(self) -> list[Optimizer]:
        autoencoder = [*self.encoder.parameters(), *self.decoders.parameters()]
        return [
            SGD(autoencoder, self.autoencoder_lr),
            Adam(self.generator.parameters(), self.generator_lr, self.BETAS),
            Adam(self.critic.parameters(), self.critic_lr, self.BETAS),
            Adam(self.classifier.parameters(), self.classifier_lr, self.BETAS),
        ]

    def training_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Autoencoder, classifier, critic, then encoder and generator."""
        autoencoder_optimizer, generator_optimizer, critic_optimizer, classifier_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )

        reconstruction = self.reconstruction(self.noise(self.encoder(batch)), batch)
        self.descend(reconstruction, autoencoder_optimizer, clip=self.GRADIENT_NORM)

        codes = self.encoder(batch)  # (B, H), of all the steps that follow
        recognised = self.style_loss(codes.detach(), batch.labels)
        self.descend(recognised, classifier_optimizer)

        for _ in range(self.critic_steps):
            with torch.no_grad():
                real, fake = self.noise(codes), self.generate(len(codes))
            distance = self.critic(real).mean() - self.critic(fake).mean()
            slope = gradient_penalty(self.critic, real, fake)
            self.descend(self.penalty * slope - distance, critic_optimizer)

        with self.frozen(self.critic, self.classifier):
            lowered = self.encoder_weight * self.critic(self.noise(codes)).mean()
            hidden = self.classifier_weight * self.style_loss(codes, 1 - batch.labels)
            self.descend(lowered + hidden, autoencoder_optimizer, clip=self.GRADIENT_NORM)
            self.descend(-self.critic(self.generate(len(codes))).mean(), generator_optimizer)

        self.noise.step()
        self.log_losses(
            {
                "autoencoder/nll": reconstruction,
                "classifier/nll": recognised,
                "critic/distance": distance,
                "critic/gradient_penalty": slope,
            }
        )

    def reconstruction(self, codes: Tensor, batch: LabelledBatch) -> Tensor:
        """Nats a word of sentences, each under the decoder of its own style."""
        nll = codes.new_zeros(())
        for style, decoder in enumerate(self.decoders):
            rows = batch.labels == style
            if rows.any():
                own = TokenBatch(batch.ids[rows], batch.lengths[rows])
                nll = nll + decoder(codes[rows], own).sum()
        return nll / process_mean(batch.lengths.sum().float())

    def style_loss(self, codes: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of the classifier, in nats."""
        scores = self.classifier(codes).squeeze(1)  # (B,) log odds of style 1
        return F.binary_cross_entropy_with_logits(scores, labels.to(scores))

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
