"""Hyper-parameters that make each method learn a language of a few sentences in seconds.

A class that is not listed runs with the defaults of its paper.
"""

from typing import Any

from textgan_bench.methods.nagan import Start
from textgan_bench.networks.pretraining import Pretraining

TRANSFORMER = {"width": 16, "blocks": 1, "heads": 2, "feed_forward": 32}

SMALL: dict[str, dict[str, Any]] = {
    "MLE": {"embedding": 16, "hidden": 16, "lr": 1e-2},
    "TransformerMLE": {**TRANSFORMER, "embedding": 16, "lr": 1e-2},
    "MDLM": {**TRANSFORMER, "embedding": 16, "lr": 1e-2, "warm_up": 10, "averaging": 0.95},
    "AAE": {"embedding": 16, "hidden": 32, "autoencoder_lr": 3.0, "critic_lr": 3e-3},
    "ARAETransfer": {"embedding": 16, "hidden": 32, "latent_dim": 8, "autoencoder_lr": 3.0},
    "CrossAlignedAutoencoder": {
        "embedding": 16,
        "style": 8,
        "content": 24,
        "filters": 8,
        "lr": 3e-3,
    },
    "Autoencoder": {"embedding": 16, "hidden": 32, "lr": 3.0},
    "VAE": {
        "embedding": 16,
        "hidden": 32,
        "latent_dim": 8,
        "word_dropout": 0.5,  # without it so short sentences need no latent
        "annealing": 600,
        "lr": 1e-2,
    },
    "ARAE": {
        "embedding": 16,
        "hidden": 32,
        "latent_dim": 8,
        "autoencoder_lr": 3.0,
        "generator_lr": 3e-3,
        "critic_lr": 3e-3,
    },
    "FMGAN": {
        "embedding": 16,
        "hidden": 32,
        "latent_dim": 8,
        "filters": 16,
        "features": 16,
        "sharpness": 5.0,
        "generator_steps": 1,
        "generator_lr": 1e-2,
        "discriminator_lr": 1e-5,  # at 1e-4 features of samples turn away for good
    },
    "GumbelSoftmaxGAN": {
        "hidden": 32,
        "annealing": 200,
        "confidence": 0.99,  # a tenth of the symbols wrong is a third of the sentences
        "lr": 2e-3,
    },
    "ImportanceSampledGAN": {"hidden": 16},
    "LeakGAN": {
        "embedding": 16,
        "hidden": 32,
        "discriminator_embedding": 16,
        "filters": {1: 16, 2: 32, 3: 32},
        "duration": 2,  # so that a sentence of three words has two goals
        "discriminator_steps": 1,
        "discriminator_lr": 1e-3,
        "likelihood_every": 1,  # the first batch is one of the game, and most are not
        "likelihood_batches": 3,
    },
    "RelGAN": {
        "embedding": 8,
        "head_size": 8,
        "representations": 8,
        "filters": 16,
        # Words are sharp from the start: soft ones are told from text by their softness alone.
        "sharpness": 5.0,
        "annealing": 1,
        "discriminator_steps": 1,
        "generator_lr": 2e-3,
        "discriminator_lr": 2e-3,
    },
    "ScratchGAN": {
        "hidden": 32,
        "fixed": 8,
        "learnt": 8,
        "generator_lr": 1e-3,
        "discriminator_lr": 1e-2,
    },
    "SeqGAN": {
        "embedding": 16,
        "hidden": 32,
        "discriminator_embedding": 16,
        "filters": {1: 16, 2: 32, 3: 32},
        "discriminator_dropout": 0.0,
        "discriminator_l2": 0.001,
        "rollouts": 4,
        "discriminator_steps": 1,
        "generator_lr": 5e-3,
        "discriminator_lr": 3e-3,
    },
    "IRL": {
        "embedding": 16,
        "hidden": 32,
        "layer": 64,
        "reward_embedding": 128,  # a small one tells prefixes apart too late
        "reward_hidden": 128,
        "reward_layer": 128,
        "reward_dropout": 0.0,
        "entropy": 0.35,
        "rollouts": 2,
        "minibatches": 2,
        "reward_steps": 1,
        "generator_lr": 1e-2,
        "reward_lr": 0.4,
        "reward_decay": 50,
    },
    "CipherGAN": {"embedding": 8, "filters": 4, "discriminator_filters": 2, "blocks": 1},
    "LMDiscriminator": {"embedding": 16, "style": 8, "content": 24, "lr": 3e-3},
    "UNMT": {"embedding": 8, "hidden": 16, "dropout": 0.0, "annealing": 100},
    "DeepLatentSequence": {
        "embedding": 8,
        "hidden": 16,
        "dropout": 0.0,
        "annealing": 100,
        "pretraining": Pretraining(likelihood=1),
    },
    "NAGANDecipherment": {**TRANSFORMER, "embedding_dim": 16},
    "NAGAN": {
        **TRANSFORMER,
        "latent_dim": 8,
        "embedding_dim": 16,
        "dropout": 0.1,
        "score_regulariser": 0.1,
        "gradient_penalty": 0.1,
        "generator_lr": 5e-3,
        "discriminator_lr": 1e-2,
        "averaging": 0.98,
        "start": Start(score_std=1.0, frequency_rate=0.01, young_average=True, epsilon=1e-5),
    },
}

PRETRAINED: dict[str, dict[str, Any]] = {
    "IRL": {"pretraining": Pretraining(likelihood=120), "reward_steps": 20},
}
"""Options of methods that learn a language in so few steps only after maximum likelihood. Tests
that teach none begin with the game."""

STEPS: dict[str, int] = {
    "GumbelSoftmaxGAN": 400,
    "AAE": 300,
    "ARAE": 600,
    "RelGAN": 300,
    "VAE": 300,
}
"""Training steps where 200 do not do: a temperature has to fall, codes are learnt, weights grow."""

CONSTANT_STEPS: dict[str, int] = dict.fromkeys(
    ("AAE", "ARAE", "Autoencoder", "ImportanceSampledGAN"), 100
)
"""Training steps of one sentence where fewer do: they write it from the 50th or the 75th on."""

SANITY_STEPS: dict[str, int] = {"MDLM": 1200, "NAGAN": 800}
"""Training steps of a whole language where 400 do not do: NAGAN's averaged weights come behind, and
MDLM learns each symbol only where it is masked."""

KNOBS: dict[str, tuple[float, float]] = {"temperature": (0.2, 5.0), "dropout": (0.0, 0.9)}
"""Two settings of each knob, far apart."""

KEEPS_FEW = {"AAE", "FMGAN", "GumbelSoftmaxGAN", "ImportanceSampledGAN", "RelGAN"}
"""They keep few sentences of a small language (docs/arae.md, gumbel.md and importance.md). FMGAN
writes the likeliest of each latent. RelGAN starts without likelihood here: its samples go from some
sentences to others."""

WRITES_ON = {"GumbelSoftmaxGAN", "MDLM"}
"""Padding is a symbol to them, behind which others follow."""

LABELLED = {"ARAETransfer", "CrossAlignedAutoencoder"}
"""They learn from sentences of two classes."""

COUNTS = {"FrequencyRanks", "HMMEM", "SparseHMMEM"}
"""They follow no gradient."""

DECIPHERS = COUNTS | {
    "CipherGAN",
    "DeepLatentSequence",
    "LMDiscriminator",
    "NAGANDecipherment",
    "UNMT",
}
"""They learn from plain and cipher text."""

TURNS: dict[str, int] = {"DeepLatentSequence": 2}
"""Batches in which every player learns, where one batch is not enough: the priors come first."""
