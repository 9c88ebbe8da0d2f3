"""The suite's data sets, as LightningDataModules; they belong to the checkout, not the wheel."""

from datamodules.coco import COCO
from datamodules.hmm import HMM, HMMOracle

__all__ = ["COCO", "HMM", "HMMOracle"]
