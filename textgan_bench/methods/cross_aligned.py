"""Cross-aligned autoencoder (Shen, Lei, Barzilay and Jaakkola, NeurIPS 2017).

"Style transfer from non-parallel text by cross-alignment". An encoder E reads the content z off a
sentence x and its style y, a generator G writes a sentence of y and z. Fed with x_1 from (y_1, z_1)
G has the hidden states h_1. From (y_2, z_1) it writes x_1 in the other style, fed with mean words
under softmax(v_t / gamma), where v_t are its scores of word t; the states are then h~_1.

    L_rec  = -E log p_G(x_1 | y_1, E(x_1, y_1)) - E log p_G(x_2 | y_2, E(x_2, y_2))     (3)
    L_adv1 = -E log D_1(h_1) - E log(1 - D_1(h~_2)),   L_adv2 likewise of h_2 and h~_1  (8)

    min over D_1, D_2:  L_adv1 + L_adv2,   min over E, G:  L_rec - lambda (L_adv1 + L_adv2)  (9)

in this order, on the same states. A sentence is transferred by its likeliest words. The paper has
two styles. Of k styles each sentence has another one as its target; h~ are the states of sentences
that are to have it, and L_rec and L_adv are sums over all styles. Of two styles this is the above.

Sizes and rates are those of the authors' code, shentianxiao/language-style-transfer, as are the
encoder's reading backwards and the rule that E and G heed the discriminators only while the loss of
each is well below chance, 2 ln 2. The paper stands where the code has something else: Gumbel noise
in the softmax, -E log D_1(h~_2) in place of -L_adv1 for E and G, and training sentences whose words
are shuffled. Here the discriminators see the states of a sentence
alone; in the code they also see those after its end.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden, of which the content is a part, k
styles.
"""

from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.losses.processes import process_mean
from textgan_bench.networks.styled_autoencoder import StyledAutoencoder
from textgan_bench.networks.text_cnn import TextCNN
from textgan_bench.tokens import TokenBatch, TransferBatch


class CrossAlignedAutoencoder(Method):
    """Cross-aligned autoencoder; defaults are those of the code.

    Args:
        styles: k, number of styles of the data.
        embedding: dimensions of a word vector.
        style: dimensions of a style vector within a state.
        content: dimensions of the content z.
        spans: numbers of states under a filter of a discriminator.
        filters: number of filters of each span.
        dropout: rate in training, for the inputs and outputs of recurrent layers and the maxima of
            the discriminators.
        temperature: gamma, of the softmax that is fed back.
        adversarial_weight: lambda, factor on the adversarial losses of encoder and generator.
        lr: Adam learning rate of all players.

    Raises:
        UserError: there are fewer than two styles; in training, a sentence is of none of them.
    """

    BETAS = (0.5, 0.999)  # of Adam, code
    GRADIENT_NORM = 30.0  # of encoder and generator, code
    HEEDED = 1.2  # loss in nats below which both discriminators have to be, code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        styles: int = 2,
        embedding: int = 100,
        style: int = 200,
        content: int = 500,
        spans: tuple[int, ...] = (1, 2, 3, 4, 5),
        filters: int = 128,
        dropout: float = 0.5,
        temperature: float = 0.1,
        adversarial_weight: float = 1.0,
        lr: float = 5e-4,
    ) -> None:
        super().__init__(vocab_size, max_length)
        if styles < 2:
            raise UserError(f"styles={styles}: a transfer is between two at least")
        self.save_hyperparameters()
        self.styles = styles
        self.autoencoder = StyledAutoencoder(
            vocab_size, max_length, styles, embedding, style, content, dropout
        )
        self.discriminators = nn.ModuleList(
            TextCNN(style + content, spans, filters, dropout) for _ in range(styles)
        )
        self.temperature = temperature
        self.adversarial_weight = adversarial_weight
        self.lr = lr

    def configure_optimizers(self) -> list[Optimizer]:
        players = (self.autoencoder, self.discriminators)
        return [Adam(player.parameters(), self.lr, self.BETAS) for player in players]

    def training_step(self, batch: TransferBatch, batch_idx: int) -> None:
        """The discriminators, then encoder and generator (algorithm 1).

        Raises:
            UserError: a sentence is of none of the styles.
        """
        autoencoder_optimizer, discriminator_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        if (found := int(batch.labels.max())) >= self.styles:
            raise UserError(f"style {found} is none of {self.styles} (model.init_args.styles)")
        weights = self.style_weights(batch.labels)  # (B,)
        content = self.autoencoder.encode(batch)
        real, nll = self.autoencoder.teach(self.autoencoder.start(batch.labels, content), batch)
        fake, written = self.autoencoder.soft(
            self.autoencoder.start(batch.targets, content), self.temperature
        )
        weights_of_transfers = self.style_weights(batch.targets)
        judged = partial(self.adversarial_losses, batch, written, weights, weights_of_transfers)

        losses = judged(real.detach(), fake.detach())
        self.descend(losses.sum(), discriminator_optimizer)

        reconstruction = (weights * nll.sum(1)).sum()
        heeded = (process_mean(losses.detach()) < self.HEEDED).all()
        with self.frozen(self.discriminators):
            adversarial = self.adversarial_weight * heeded * judged(real, fake).sum()
            self.descend(
                reconstruction - adversarial, autoencoder_optimizer, clip=self.GRADIENT_NORM
            )

        self.log_losses(
            {
                "autoencoder/nll": nll.sum() / batch.lengths.sum(),
                "discriminator/loss": losses.mean(),
                "discriminator/heeded": heeded.float(),
            }
        )

    def style_weights(self, labels: Tensor) -> Tensor:
        """(B,) weights that turn a sum into the sum of k means, one over each style."""
        counts = process_mean(F.one_hot(labels, self.styles).sum(0).float())
        return 1 / counts[labels]

    def adversarial_losses(
        self,
        batch: TransferBatch,
        written: TokenBatch,
        weights: Tensor,
        weights_of_transfers: Tensor,
        real: Tensor,
        fake: Tensor,
    ) -> Tensor:
        """(k,) L_adv of each style, in nats.

        Args:
            batch: sentences, their styles and those of their transfers.
            written: transfers of the sentences.
            weights, weights_of_transfers: (B,) ``style_weights`` of both.
            real, fake: (B, T + 1, H) states of both.
        """
        losses = []
        for style, discriminator in enumerate(self.discriminators):
            # Of a sentence either itself or its transfer may be of this style; of two styles, is.
            own, given = batch.labels == style, batch.targets == style
            weight = torch.where(own, weights, weights_of_transfers) * (own | given)
            states = torch.where(own[:, None, None], real, fake)
            words = torch.where(own, batch.lengths, written.lengths)
            # The first state, one after each word and the one that ends the sentence.
            scores = discriminator(states, (words + 2).clamp(max=self.max_length + 1))
            losses.append(
                F.binary_cross_entropy_with_logits(scores, own.to(scores), weight, reduction="sum")
            )
        return torch.stack(losses)

    @torch.no_grad()
    def transfer(self, batch: TransferBatch) -> TokenBatch:
        """Each sentence in the style of its target."""
        content = self.autoencoder.encode(batch)
        return self.autoencoder.write(self.autoencoder.start(batch.targets, content))

    def validation_step(self, batch: TransferBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.transfer(batch)}

    def test_step(self, batch: TransferBatch, batch_idx: int) -> dict[str, TokenBatch]:
        source = TokenBatch(batch.ids, batch.lengths)
        return {"samples": self.transfer(batch), "references": source}
