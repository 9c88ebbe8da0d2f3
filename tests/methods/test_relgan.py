"""RelGAN against equations worked in numpy, plain convolutions and enumeration."""

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
import yaml
from scipy.stats import chisquare
from torch import Tensor, nn

from tests.benchmarks.test_recipes import BENCHMARKS, LAYERS, overlaid
from tests.methods.test_mle import sentence_probabilities
from textgan_bench.errors import UserError
from textgan_bench.methods import RelGAN
from textgan_bench.methods.relgan import Discriminator, Generator, strongest_responses
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.networks.relational_memory import RelationalMemory
from textgan_bench.tokens import PAD, TokenBatch, pad_sequences

Array = npt.NDArray[np.float64]
