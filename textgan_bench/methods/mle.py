"""Maximum-likelihood language models: the baselines every text GAN is read beside.

Graves (2013), "Generating sequences with recurrent neural networks" (GRU), and Vaswani et al.
(2017), "Attention is all you need" (causal Transformer), in the sizes of Huang et al. (2021),
"NAGAN", Table 12. With the padding symbol as x_0 and as the end symbol, the generator minimises

    E_x[ - sum_t log p(x_t | x_0 .. x_{t-1}) ],

t running over the words and, in a sentence shorter than the longest possible, its end symbol.

The papers leave two sizes open. The GRU's word vectors have 300 dimensions here, which the paper
gives for its discriminator: they make Table 12's 3.1 million parameters at a vocabulary of 4,838.
The Transformer's feed-forward width is 384, which comes within 2 % of the table's 3.0 million; the
256 that NAGAN's own sizes imply would miss it by 7 %.
"""

from typing import ClassVar, Literal, cast

from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam

from textgan_bench.errors import UserError
from textgan_bench.interfaces import TextGenerator
from textgan_bench.losses.processes import process_mean
from textgan_bench.networks.autoregressive import (
    GRULanguageModel,
    LanguageModel,
    LSTMLanguageModel,
    TransformerLanguageModel,
)
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.tokens import TokenBatch

GRADIENT_NORM = 5.0
"""Norm that gradients are clipped to; it is Texygen's, whose settings the paper keeps."""

CELLS = {"gru": GRULanguageModel, "lstm": LSTMLanguageModel}


class _MaximumLikelihood(TextGenerator):
    """Maximum likelihood for any autoregressive network."""

    knob: ClassVar[str] = "temperature"
    setting = 1.0

    def __init__(
        self, vocab_size: int, max_length: int, generator: LanguageModel, lr: float
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.generator = generator
        self.lr = lr

    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        """Draw ``n`` sentences; a ``temperature`` below 1 gives up diversity for quality.

        Raises:
            UserError: the temperature is out of range.
        """
        check_temperature(temperature)
        return self.generator.sample(n, temperature)

    def log_prob(self, batch: TokenBatch, *, temperature: float = 1.0) -> Tensor:
        nll: Tensor = self.generator(batch, temperature)  # (B, T)
        return -nll.sum(1)

    def nats_per_word(self, batch: TokenBatch) -> Tensor:
        """Mean NLL; as in the LM score, end symbols add to the sum and not to the count."""
        return -self.log_prob(batch).sum() / batch.lengths.sum()

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        loss = self.generator(batch).sum() / process_mean(batch.lengths.sum().float())
        self.descend(loss, cast(LightningOptimizer, self.optimizers()), clip=GRADIENT_NORM)
        self.log_losses({"generator/nll": loss})

    def validation_step(self, batch: TokenBatch, batch_idx: int) -> dict[str, TokenBatch]:
        # Weighted by words, the batches' means average to the mean of the split.
        self.log(
            "validation/nll",
            self.nats_per_word(batch),
            batch_size=int(batch.lengths.sum()),
            sync_dist=True,
        )
        return super().validation_step(batch, batch_idx)

    def configure_optimizers(self) -> Adam:
        return Adam(self.parameters(), lr=self.lr)


class MLE(_MaximumLikelihood):
    """Recurrent language model: one layer of 256 gated units (Huang et al., 2021, A.4.2).

    Args:
        cell: kind of cell; ``lstm`` is the baseline of Kusner and Hernández-Lobato (2016).
        start_std: standard deviation of all weights at the start; None for PyTorch's own start.

    Raises:
        UserError: there is no such cell, or the deviation is not above 0.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 300,
        hidden: int = 256,
        cell: Literal["gru", "lstm"] = "gru",
        start_std: float | None = None,
        lr: float = 1e-3,
    ) -> None:
        if cell not in CELLS:
            raise UserError(f"cell={cell}: choose one of {', '.join(CELLS)}")
        generator = CELLS[cell](vocab_size, max_length, embedding, hidden)
        if start_std is not None:
            if start_std <= 0:
                raise UserError(f"start_std={start_std} is above 0")
            for weight in generator.parameters():
                nn.init.normal_(weight, std=start_std)
        super().__init__(vocab_size, max_length, generator, lr)
        self.save_hyperparameters()


class TransformerMLE(_MaximumLikelihood):
    """Causal Transformer with NAGAN's blocks, heads and width (Huang et al., 2021, Table 9)."""

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 300,
        width: int = 128,
        blocks: int = 5,
        heads: int = 4,
        feed_forward: int = 384,
        dropout: float = 0.1,
        lr: float = 5e-4,
    ) -> None:
        generator = TransformerLanguageModel(
            vocab_size, max_length, embedding, width, blocks, heads, feed_forward, dropout
        )
        super().__init__(vocab_size, max_length, generator, lr)
        self.save_hyperparameters()
