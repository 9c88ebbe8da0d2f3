"""One file per method; a recipe names the class by this package."""

from textgan_bench.methods.aae import AAE
from textgan_bench.methods.arae import ARAE
from textgan_bench.methods.arae_transfer import ARAETransfer
from textgan_bench.methods.autoencoder import Autoencoder
from textgan_bench.methods.ciphergan import CipherGAN
from textgan_bench.methods.cross_aligned import CrossAlignedAutoencoder
from textgan_bench.methods.fmgan import FMGAN
from textgan_bench.methods.frequency_ranks import FrequencyRanks
from textgan_bench.methods.gumbel import GumbelSoftmaxGAN
from textgan_bench.methods.hmm_em import HMMEM
from textgan_bench.methods.importance import ImportanceSampledGAN
from textgan_bench.methods.irl import IRL
from textgan_bench.methods.latent_sequence import UNMT, DeepLatentSequence
from textgan_bench.methods.leakgan import LeakGAN
from textgan_bench.methods.lm_discriminator import LMDiscriminator
from textgan_bench.methods.mdlm import MDLM
from textgan_bench.methods.mle import MLE, TransformerMLE
from textgan_bench.methods.nagan import NAGAN, NAGANDecipherment
from textgan_bench.methods.relgan import RelGAN
from textgan_bench.methods.scratchgan import ScratchGAN
from textgan_bench.methods.seqgan import SeqGAN
from textgan_bench.methods.sparse_hmm_em import SparseHMMEM
from textgan_bench.methods.vae import VAE

__all__ = [
    "AAE",
    "ARAE",
    "FMGAN",
    "HMMEM",
    "IRL",
    "MDLM",
    "MLE",
    "NAGAN",
    "UNMT",
    "VAE",
    "ARAETransfer",
    "Autoencoder",
    "CipherGAN",
    "CrossAlignedAutoencoder",
    "DeepLatentSequence",
    "FrequencyRanks",
    "GumbelSoftmaxGAN",
    "ImportanceSampledGAN",
    "LMDiscriminator",
    "LeakGAN",
    "NAGANDecipherment",
    "RelGAN",
    "ScratchGAN",
    "SeqGAN",
    "SparseHMMEM",
    "TransformerMLE",
]
