"""The generators of NAGAN (Huang et al., 2021) by name: its own and those of its ablation."""

from typing import Literal, Unpack, get_args

from textgan_bench.networks.autoregressive_transformer import (
    AutoregressiveTransformer,
    SoftAutoregressiveTransformer,
)
from textgan_bench.networks.latent_transformer import (
    LatentTransformer,
    NonAutoregressiveTransformer,
)
from textgan_bench.networks.transformer import Shape

GeneratorKind = Literal["non_autoregressive", "autoregressive_soft", "autoregressive_gumbel"]


def build_generator(
    kind: GeneratorKind,
    vocab_size: int,
    max_length: int,
    *,
    latent_dim: int,
    temperature: float,
    neighbour_start: bool,
    embedding_dim: int,
    latent_gain: float,
    score_std: float,
    frequency_rate: float,
    **shape: Unpack[Shape],
) -> LatentTransformer:
    """A row of Table 3.

    Args:
        kind: of generator.
        latent_dim: Z.
        temperature: of relaxed words.
        neighbour_start: whether positional attention is that to neighbouring places at first.
        embedding_dim: of the words an autoregressive generator reads.
        latent_gain, score_std: of the first weights of the non-autoregressive one.
        frequency_rate: at which its bias follows the frequencies of words; 0 for not at all.
        shape: of the Transformer.

    Raises:
        ValueError: there is no such kind, or frequencies are to be held by one that cannot.
    """
    sizes = (vocab_size, max_length, latent_dim, temperature, neighbour_start)
    if frequency_rate and kind != "non_autoregressive":
        raise ValueError(f"generator={kind} has no frequency_rate: set it to 0")
    match kind:
        case "non_autoregressive":
            return NonAutoregressiveTransformer(
                *sizes, latent_gain, score_std, frequency_rate, **shape
            )
        case "autoregressive_soft":
            return SoftAutoregressiveTransformer(*sizes, embedding_dim, **shape)
        case "autoregressive_gumbel":
            return AutoregressiveTransformer(*sizes, embedding_dim, **shape)
    raise ValueError(f"generator={kind}: choose one of {', '.join(get_args(GeneratorKind))}")
