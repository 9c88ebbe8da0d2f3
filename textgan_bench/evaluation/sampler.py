"""The fingerprint of a sampler: all that decides, beside the weights, how samples were drawn.

Numbers of the field differ by what is not said: the type of number that a word is drawn in (Zheng
et al., 2024, "Masked diffusion models are secretly time-agnostic masked models and exploit
inaccurate categorical sampling"), a nucleus, the steps. A record holds these fields, and a file of
samples has them beside it, where ``score`` finds them.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgan_bench.errors import UserError
from textgan_bench.evaluation import provenance
from textgan_bench.files import replace_text

if TYPE_CHECKING:  # ``score`` does without Lightning, whose import takes two seconds
    from textgan_bench.interfaces import TextGenerator

NONE = "none"


def sampler_fingerprint(
    method: "TextGenerator", seed: int, setting: float | None = None
) -> dict[str, Any]:
    """What decides how a method's samples are drawn.

    Args:
        method: the generator, with its weights.
        seed: of the random numbers.
        setting: value of the knob, the method's own if None.

    Returns:
        ``draw``, the rule that turns scores into a word; ``dtype``, the type of number that it is
        applied in; ``nucleus``, the share of probability that words are drawn from, ``none`` for
        all of it, as no method here cuts any off; ``knob`` and its ``setting``; ``passes`` of a
        network; ``seed``; and ``code``, the commit.
    """
    value = (None if method.knob is None else method.setting) if setting is None else setting
    return {
        "draw": method.draw_rule(value),
        "dtype": str(method.draw_dtype).removeprefix("torch."),
        "nucleus": NONE,
        "knob": NONE if method.knob is None else method.knob,
        "setting": NONE if value is None else value,
        "passes": method.passes,
        "seed": seed,
        "code": provenance.commit(),
    }


def beside(samples: Path) -> Path:
    """Where the fingerprint of the sampler of a file of samples lies."""
    return samples.with_name(f"{samples.name}.sampler.json")


def write_sampler(samples: Path, sampler: dict[str, Any]) -> None:
    """Store the fingerprint beside a file of samples, and which text it is of."""
    content = {"text": _digest(samples), "sampler": sampler}
    replace_text(beside(samples), json.dumps(content, indent=2) + "\n")


def read_sampler(samples: Path) -> dict[str, Any] | None:
    """The fingerprint that lies beside a file of samples, None where there is none.

    Raises:
        UserError: it is damaged, or of another text.
    """
    path = beside(samples)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        text, sampler = content["text"], content["sampler"]
        if not isinstance(sampler, dict):
            raise TypeError("its sampler is no object")
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} says nothing of a sampler ({error}); delete it") from error
    if text != _digest(samples):
        raise UserError(f"{path} is of another text than {samples}; delete it, or write both anew")
    return sampler


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
