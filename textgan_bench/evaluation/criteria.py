"""What a text is judged by: a data set and its own metrics, or a profile over text files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchmetrics import MetricCollection

from textgan_bench.errors import UserError
from textgan_bench.evaluation.fingerprint import data_fingerprint, fingerprint
from textgan_bench.metrics import encoders
from textgan_bench.metrics.fed import SentenceEncoder
from textgan_bench.metrics.inputs import is_paired
from textgan_bench.metrics.profiles import DEFAULT, Basis, build_profile, profile
from textgan_bench.reading import read_lines, read_sentences
from textgan_bench.recipes import data_module
from textgan_bench.tokens import BLANKS, PAD, PAD_TOKEN, UNKNOWN_TOKEN, Sentence, Vocabulary

if TYPE_CHECKING:  # Lightning takes a second to import, which text against text does without
    from textgan_bench.interfaces import TextDataModule


@dataclass(frozen=True)
class Criteria:
    """Metrics whose reference side is done, and what their scores depend on."""

    metrics: MetricCollection
    settings: dict[str, Any]
    """Fingerprint of the scores, but for the number of samples."""
    references: list[Sentence]
    train: list[Sentence] | None
    identity: dict[str, Any] = field(default_factory=dict)
    """Data set and revision, where the references are those of a data set."""
    aligned: list[Sentence] | None = None
    """The own reference of each sample, where the data set has one."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Metrics of the profile that lack something, and what."""
    split_line: Callable[[str], Sentence] = str.split
    """Words of a line of the text that is judged, as those of its references."""
    tokenisation: str = BLANKS
    """Name of its rule."""
    source: str = ""
    """One line on the text of a data set, as its records have it."""

    def fingerprint(self, num_samples: int) -> dict[str, Any]:
        """All that changes a score of ``num_samples`` sentences beside the sentences."""
        return self.settings | {"samples": num_samples}

    def pairs(self, num_samples: int) -> tuple[list[Sentence] | None, dict[str, str]]:
        """The own references of so many samples, or the metrics that lack them and why."""
        if self.aligned is None or len(self.aligned) == num_samples:
            return self.aligned, {}
        reason = (
            f"a rewritten text has a line for each of the {len(self.aligned)} test sentences, not "
            f"{num_samples}"
        )
        metrics = self.metrics.items(copy_state=False)
        return None, {name: reason for name, metric in metrics if is_paired(metric)}


def make_criteria(
    *,
    profile_name: str = DEFAULT,
    references: Path | None = None,
    data: str | None = None,
    data_dir: str | None = None,
    vocabulary: Path | None = None,
    validation: Path | None = None,
    train: Path | None = None,
    encoder: str | None = None,
    extras: Sequence[str] = (),
    tokenised: bool = False,
) -> Criteria:
    """The criteria that ``--data``, or ``--references`` and the files beside them, come to.

    Raises:
        MissingError: a file is missing.
        UserError: a file holds no sentence, an argument does not apply, or there is no such
            profile or data set.
    """
    given = {"vocabulary": vocabulary, "train": train, "validation": validation, "encoder": encoder}
    _check(profile_name, extras, given)
    if data is not None:
        if any(path is not None for path in (vocabulary, validation, train)):
            raise UserError("--data brings its own vocabulary, validation and training text")
        table, module = data_module(data, data_dir, tokenised=tokenised)
        return _criteria_of_data(table, module, profile_name, encoder, extras)
    if references is None or data_dir is not None:
        raise UserError("--data_dir belongs to --data, not to --references")
    if tokenised:
        raise UserError("--tokenised is said of own text; beside --references blanks always split")
    return criteria_of_text(
        read_sentences(references),
        profile_name=profile_name,
        vocabulary=None if vocabulary is None else list(read_lines(vocabulary)),
        validation=None if validation is None else read_sentences(validation),
        train=None if train is None else read_sentences(train),
        encoder=encoder,
        extras=extras,
    )


def criteria_of_text(
    references: list[Sentence],
    *,
    profile_name: str = DEFAULT,
    vocabulary: Iterable[str] | None = None,
    validation: list[Sentence] | None = None,
    train: list[Sentence] | None = None,
    encoder: str | SentenceEncoder | None = None,
    extras: Sequence[str] = (),
) -> Criteria:
    """The criteria of a profile, by texts; scores that need one that is not given are left out.

    Args:
        references: real sentences that the samples are scored against.
        profile_name: definitions of the scores.
        vocabulary: words that the language models know, those of the references if None.
        validation: real sentences that the encoder ``hash128`` is fitted on.
        train: training text of the generator.
        encoder: encoder of FED, or its name; ``hash128`` if there is validation text.
        extras: slower scores, of ``EXTRAS``.

    Raises:
        UserError: an argument does not apply, or there is no such profile.
    """
    given = {"vocabulary": vocabulary, "train": train, "validation": validation, "encoder": encoder}
    _check(profile_name, extras, given)
    words = {word for sentence in references for word in sentence}
    known = _vocabulary(words if vocabulary is None else vocabulary)
    if encoder is None and validation is not None:
        encoder = "hash128"
    embeds = encoders.encoder(encoder, validation or ()) if isinstance(encoder, str) else encoder
    metrics, lacking = build_profile(profile_name, Basis(references, known, train, embeds), extras)
    settings = fingerprint(
        0,
        references,
        known.tokens[PAD + 1 :],
        profile_name=profile_name,
        encoder=embeds,
        encoder_text=validation or (),
        train=train or (),
    )
    return Criteria(MetricCollection(metrics), settings, references, train, left_out=lacking)


def _check(profile_name: str, extras: Sequence[str], given: Mapping[str, object]) -> None:
    """End at an argument, named by its key, that no score of the profile depends on."""
    uses = profile(profile_name).uses
    for name, value in given.items():
        if value is not None and ("encoder" if name == "validation" else name) not in uses:
            raise UserError(f"no score of the profile {profile_name} depends on {name}")
    if extras and profile_name != DEFAULT:
        raise UserError(f"extra scores belong to the profile {DEFAULT}, not to {profile_name}")


def _criteria_of_data(
    table: str,
    data: "TextDataModule",
    profile_name: str,
    encoder: str | None,
    extras: Sequence[str],
) -> Criteria:
    """The criteria of a data set's own runs, or another profile against its test text."""
    data.prepare_data()
    data.setup("test")
    embeds = None if encoder is None else encoders.encoder(encoder, data.sentences("validation"))
    data.judge_by(extras=extras, encoder=embeds)
    references, train = data.sentences("test"), data.sentences("train")
    aligned = None
    if profile_name == DEFAULT:  # with the scores that only this data set has
        metrics, aligned = data.metrics("test"), data.aligned("test")
    else:
        built, _ = build_profile(profile_name, Basis(references, data.vocabulary, train))
        metrics = MetricCollection(built)
    return Criteria(
        metrics,
        data_fingerprint(data, 0, profile_name),
        references,
        train,
        {"data": table, "data_revision": data.revision},
        aligned,
        split_line=data.split_line,
        tokenisation=data.tokenisation,
        source=data.source,
    )


def _vocabulary(words: Iterable[str]) -> Vocabulary:
    """A vocabulary of some words, which may hold a blank, and the unknown one."""
    return Vocabulary((PAD_TOKEN, *sorted((set(words) | {UNKNOWN_TOKEN}) - {PAD_TOKEN, ""})))
