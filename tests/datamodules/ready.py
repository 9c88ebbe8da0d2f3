"""A corpus that was read, as a data module."""

from datamodules import TextData
from datamodules.corpus import Corpus


def ready(corpus: Corpus, batch_size: int = 64, batches_per_epoch: int | None = None) -> TextData:
    data = TextData(corpus, batch_size, batches_per_epoch)
    data.prepare_data()
    data.setup("test")
    return data
