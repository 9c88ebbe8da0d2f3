"""ARAE for unaligned style transfer (Zhao et al., ICML 2018).

One encoder, and a decoder for each of k styles y. A classifier u reads the style off the code and
the encoder learns to hide it, so that another style's decoder has to supply its own:

    min over enc, dec_y:  -E log p_dec_y(x | enc(x) + noise)
    min over u:           -E log p_u(y | enc(x))
    min over enc:         -E mean over y' != y of log p_u(y' | enc(x))
    max over f:           E f(enc(x)) - E f(g(z)) - lambda E (||grad f(c')|| - 1)^2
    min over enc:         E f(enc(x)),     min over g:   -E f(g(z))

in this order, the critic several times. A sentence is transferred by decoding its code, without
noise, by the decoder of the style that it is to have. Sizes, rates and order are those of the
authors' code, jakezhaojb/ARAE, for Yelp, which has two styles. The paper transfers three topics of
questions, too, and does not say what the encoder's loss is there; of two styles the mean above is
the code's -E log p_u(1 - y | enc(x)).

Each expectation that has a y is a step of its own for each style. This matters. The classifier has
batch normalisation; in a batch of one style it removes from the gradient whatever would move all
codes of the style alike. In a batch of several styles nothing removes this part: each style is
pushed towards the others as a whole, and all codes shrink to one point (docs/arae.md).

The code draws new sentences for each step of critic and encoder, and always takes negative
sentences for the last of the encoder's losses. Here one batch serves all steps of an iteration, and
this loss takes the styles in turn.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden and code, Z latent, k styles.
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
from textgan_bench.losses.processes import process_mean, process_share
from textgan_bench.networks.sentence_codes import (
    DecayingNoise,
    Decoder,
    Encoder,
    critic,
    perceptron,
    spread,
)
from textgan_bench.tokens import PAD, LabelledBatch, TokenBatch, TransferBatch


def by_style(batch: LabelledBatch | TransferBatch, styles: int) -> list[TokenBatch]:
    """The sentences of each style, 0 to ``styles`` - 1.

    Raises:
        UserError: the batch has no sentence of one of the styles, or one of no style.
    """
    counts = torch.bincount(batch.labels, minlength=styles).tolist()
    if len(counts) > styles or not all(counts):
        raise UserError(
            f"a training batch needs sentences of each of {styles} styles, and of no other; it has "
            f"{', '.join(map(str, counts))} of style 0, 1 and so on (model.init_args.styles)"
        )
    rows = [batch.labels == style for style in range(styles)]
    return [TokenBatch(batch.ids[row], batch.lengths[row]) for row in rows]


class ARAETransfer(Method):
    """ARAE with a code classifier and a decoder a style; defaults are those of the code for Yelp.

    Args:
        styles: k, number of styles of the data.
        embedding: dimensions of a word vector; encoder and decoders have one each.
        hidden: width of all LSTMs, of the code and of the layers of generator, critic and
            classifier.
        latent_dim: size of the latent z.
        noise: standard deviation of the noise on codes that are decoded in training.
        noise_decay: factor on the noise every 100 steps.
        penalty: lambda, weight of the gradient penalty.
        critic_steps: number of the critic's steps in a training step, which take the styles in
            turn from the first on.
        encoder_weight: factor on the critic's gradient in the encoder.
        classifier_weight: factor on the classifier's gradient in the encoder.
        autoencoder_optimizer: "sgd", as the code has it, or "adam", which learns the words of a
            large vocabulary sooner and is for reduced budgets.
        autoencoder_lr: learning rate of the autoencoder, whose gradients are clipped to norm 1.
        generator_lr, critic_lr, classifier_lr: Adam learning rates.

    Raises:
        UserError: there are fewer than two styles.
    """

    BETAS = (0.5, 0.999)  # of Adam, code
    GRADIENT_NORM = 1.0  # of the autoencoder, code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        styles: int = 2,
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
        if styles < 2:
            raise UserError(f"styles={styles}: a transfer is between two at least")
        self.save_hyperparameters()
        self.styles = styles
        self.encoder = Encoder(vocab_size, embedding, hidden)
        decoders = [Decoder(vocab_size, max_length, embedding, hidden) for _ in range(styles)]
        for decoder in decoders[1:]:
            decoder.output = decoders[0].output  # one layer of words serves all, code
        self.decoders = nn.ModuleList(decoders)
        self.generator = perceptron(
            [latent_dim, hidden, hidden, hidden], nn.ReLU(), normalise_first=True
        )
        self.critic = critic(hidden)
        # The log odds of each further style against style 0; of two styles one number, as the code.
        self.classifier = perceptron(
            [hidden, hidden, hidden, styles - 1], nn.ReLU(), normalise_first=False
        )
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

    def training_step(self, batch: LabelledBatch | TransferBatch, batch_idx: int) -> None:
        """Autoencoder, classifier, encoder against it, critic, then encoder and generator.

        Raises:
            UserError: the batch has no sentence of one of the styles, or one of no style.
        """
        autoencoder_optimizer, generator_optimizer, critic_optimizer, classifier_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        styles = by_style(batch, self.styles)
        # Several processes may have unequally many sentences of a style.
        shares = [process_share(len(sentences.ids), self.device) for sentences in styles]

        reconstructions = []
        for sentences, decoder in zip(styles, self.decoders, strict=True):
            nll = decoder(self.noise(self.encoder(sentences)), sentences)  # (B, T)
            reconstructions.append(nll.sum() / process_mean(sentences.lengths.sum().float()))
            self.descend(reconstructions[-1], autoencoder_optimizer, clip=self.GRADIENT_NORM)

        recognised = []
        for style, codes in enumerate(self.codes(styles)):
            recognised.append(shares[style] * self.nll_of_styles(codes)[style])
            self.descend(recognised[-1], classifier_optimizer)

        with self.frozen(self.classifier):
            for style, sentences in enumerate(styles):
                nll = self.nll_of_styles(self.encoder(sentences))  # (k,)
                others = torch.cat([nll[:style], nll[style + 1 :]])
                hidden = self.classifier_weight * shares[style] * others.mean()
                self.descend(hidden, autoencoder_optimizer, clip=self.GRADIENT_NORM)

        real = self.codes(styles)
        for step in range(self.critic_steps):
            codes, share = real[step % self.styles], shares[step % self.styles]
            with torch.no_grad():
                fake = self.generate(len(codes))
            distance = share * (self.critic(codes).mean() - self.critic(fake).mean())
            slope = share * gradient_penalty(self.critic, codes, fake)
            self.descend(self.penalty * slope - distance, critic_optimizer)

        with self.frozen(self.critic):
            turn = batch_idx % self.styles
            codes, share = self.encoder(styles[turn]), shares[turn]
            lowered = self.encoder_weight * share * self.critic(codes).mean()
            self.descend(lowered, autoencoder_optimizer, clip=self.GRADIENT_NORM)
            raised = share * self.critic(self.generate(len(codes))).mean()
            self.descend(-raised, generator_optimizer)

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

    def nll_of_styles(self, codes: Tensor) -> Tensor:
        """(k,) nats, cross-entropy of the classifier on codes (B, H) said to be of each style."""
        odds = self.classifier(codes)  # (B, k - 1) against style 0
        if self.styles == 2:  # as the code has it: what follows is the same but for rounding
            return torch.stack(
                [
                    F.binary_cross_entropy_with_logits(odds, torch.full_like(odds, style))
                    for style in range(2)
                ]
            )
        return -F.pad(odds, (1, 0)).log_softmax(1).mean(0)

    def generate(self, n: int) -> Tensor:
        """(B, H) codes of ``n`` new latents."""
        return self.generator(torch.randn(n, self.latent_dim, device=self.device))

    @torch.no_grad()
    def transfer(self, batch: TransferBatch) -> TokenBatch:
        """Each sentence in the style of its target, by its likeliest words."""
        codes = self.encoder(batch)  # (B, H)
        ids = torch.empty(len(codes), self.max_length, dtype=torch.int64, device=self.device)
        for style, decoder in enumerate(self.decoders):
            rows = batch.targets == style
            if rows.any():
                ids[rows] = cast(Decoder, decoder).decode(codes[rows], temperature=0.0).ids
        return TokenBatch(ids, (ids != PAD).sum(1))

    def validation_step(self, batch: TransferBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.transfer(batch)}

    def test_step(self, batch: TransferBatch, batch_idx: int) -> dict[str, TokenBatch]:
        source = TokenBatch(batch.ids, batch.lengths)
        return {"samples": self.transfer(batch), "references": source}
