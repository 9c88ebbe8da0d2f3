"""The suite's data sets, as LightningDataModules; they belong to the checkout, not the wheel."""

from datamodules.brown import BrownW200, BrownW200Clean
from datamodules.cfg import CFG, CFGOracle
from datamodules.characters import CharacterCipher
from datamodules.ciphers import WordSub
from datamodules.coco import COCO
from datamodules.hmm import HMM, HMMOracle
from datamodules.hub import COCO2014, COCO2017, SNLI, SNLIARAE
from datamodules.names import Names
from datamodules.own_text import Text
from datamodules.texygen import COCOTexygen, EMNLPNews
from datamodules.yelp import Yelp, YelpTransfer

__all__ = [
    "CFG",
    "COCO",
    "COCO2014",
    "COCO2017",
    "HMM",
    "SNLI",
    "SNLIARAE",
    "BrownW200",
    "BrownW200Clean",
    "CFGOracle",
    "COCOTexygen",
    "CharacterCipher",
    "EMNLPNews",
    "HMMOracle",
    "Names",
    "Text",
    "WordSub",
    "Yelp",
    "YelpTransfer",
]
