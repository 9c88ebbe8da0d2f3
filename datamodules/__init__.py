"""The suite's data sets, corpora of one ``TextData``; they belong to the checkout."""

from datamodules.brown import BrownW200, BrownW200Clean
from datamodules.cfg import CFG, CFGOracle
from datamodules.characters import CharacterCipher
from datamodules.ciphers import WordSub
from datamodules.coco import COCO
from datamodules.hmm import HMM, HMMOracle
from datamodules.hub import COCO2014, COCO2017, SNLI, SNLIARAE
from datamodules.lstm import LSTM, LSTMOracle
from datamodules.names import Names
from datamodules.own_text import Text
from datamodules.snli_topics import SNLITopics
from datamodules.text_data import TextData
from datamodules.texygen import COCOTexygen, EMNLPNews
from datamodules.yahoo import YahooAnswers
from datamodules.yelp import Yelp, YelpTransfer

__all__ = [
    "CFG",
    "COCO",
    "COCO2014",
    "COCO2017",
    "HMM",
    "LSTM",
    "SNLI",
    "SNLIARAE",
    "BrownW200",
    "BrownW200Clean",
    "CFGOracle",
    "COCOTexygen",
    "CharacterCipher",
    "EMNLPNews",
    "HMMOracle",
    "LSTMOracle",
    "Names",
    "SNLITopics",
    "Text",
    "TextData",
    "WordSub",
    "YahooAnswers",
    "Yelp",
    "YelpTransfer",
]
