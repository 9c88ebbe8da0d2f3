"""A benchmark suite of text GANs: methods, metrics, evaluation and the leaderboard.

    from textgan_bench import evaluate

scores sentences in a script or a notebook.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textgan_bench.evaluation.evaluate import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]


def __getattr__(name: str) -> Any:
    # At the first use: commands start in a tenth of a second, and torch takes more than one.
    if name in __all__:
        from textgan_bench.evaluation import evaluate

        return getattr(evaluate, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
