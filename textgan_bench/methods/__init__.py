"""One file per method; a recipe names the class by this package."""

from textgan_bench.methods.arae import ARAE
from textgan_bench.methods.gumbel import GumbelSoftmaxGAN
from textgan_bench.methods.importance import ImportanceSampledGAN
from textgan_bench.methods.mle import MLE, TransformerMLE
from textgan_bench.methods.nagan import NAGAN
from textgan_bench.methods.scratchgan import ScratchGAN

__all__ = [
    "ARAE",
    "MLE",
    "NAGAN",
    "GumbelSoftmaxGAN",
    "ImportanceSampledGAN",
    "ScratchGAN",
    "TransformerMLE",
]
