"""Large tensors a few rows at a time, for row-wise computations with temporaries.

Shapes: N rows, V vocabulary.
"""

from collections.abc import Iterator

from torch import Tensor

CHUNK = 2**22
"""Elements of a chunk. The C library asks the system anew for every temporary above 32 MB, which
then faults on every page. With 20 million scores that costs more than the computation."""


def row_chunks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same few rows of each of ``tensors`` (N, V), as views that may be written to.

    >>> import torch
    >>> [rows.tolist() for (rows,) in row_chunks(torch.tensor([[1, 2], [3, 4]]))]
    [[[1, 2], [3, 4]]]
    """
    widest = max(x.shape[1] for x in tensors)
    rows = max(1, CHUNK // max(1, widest))
    return zip(*(x.split(rows) for x in tensors), strict=True)
