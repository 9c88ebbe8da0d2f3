"""What a text is judged by: a data set and its own metrics, or a profile over text files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchmetrics import MetricCollection

from textgan_bench.errors import UserError
from textgan_bench.evaluation.fingerprint import data_fingerprint, fingerprint
from textgan_bench.interfaces import Sentence, TextDataModule
from textgan_bench.metrics import encoders
from textgan_bench.metrics.inputs import is_paired
from textgan_bench.metrics.profiles import DEFAULT, build_extras, build_profile, lacking, profile
from textgan_bench.reading import read_lines, read_sentences
from textgan_bench.recipes import data_module
from textgan_bench.tokens import PAD, PAD_TOKEN, UNKNOWN_TOKEN, Vocabulary


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
        FileNotFoundError: a file is missing.
        UserError: a file holds no sentence, an argument does not apply, or there is no such
            profile or data set.
    """
    uses = profile(profile_name).uses
    for use, given in (
        ("vocabulary", vocabulary),
        ("train", train),
        ("encoder", validation),
        ("encoder", encoder),
    ):
        if given is not None and use not in uses:
            raise UserError(f"no score of the profile {profile_name} depends on {given}")
    if extras and profile_name != DEFAULT:
        raise UserError(f"extra scores belong to the profile {DEFAULT}, not to {profile_name}")
    if data is not None:
        if any(path is not None for path in (vocabulary, validation, train)):
            raise UserError("--data brings its own vocabulary, validation and training text")
        table, module = data_module(data, data_dir, tokenised=tokenised)
        module.extras = extras
        return _criteria_of_data(module, table, profile_name, encoder)
    if references is None or data_dir is not None:
        raise UserError("--data_dir belongs to --data, not to --references")
    if tokenised:
        raise UserError("--tokenised is said of own text; beside --references blanks always split")
    text = read_sentences(references)
    known = _vocabulary(text, vocabulary)
    train_text = None if train is None else read_sentences(train)
    encoder_text = [] if validation is None else read_sentences(validation)
    if encoder is None and validation is not None:
        encoder = "hash128"
    embeds = None if encoder is None else encoders.encoder(encoder, encoder_text)
    return Criteria(
        MetricCollection(
            [
                *build_profile(profile_name, text, known, train=train_text, encoder=embeds),
                *build_extras(extras, text, known, train=train_text, encoder=embeds),
            ]
        ),
        fingerprint(
            0,
            text,
            known.tokens[PAD + 1 :],
            profile_name=profile_name,
            encoder=embeds,
            encoder_text=encoder_text,
            train=train_text or (),
        ),
        text,
        train_text,
        left_out=lacking(
            profile_name, train=train is not None, encoder=encoder is not None, extras=extras
        ),
    )


def _criteria_of_data(
    data: TextDataModule, name: str, profile_name: str, encoder: str | None
) -> Criteria:
    data.prepare_data()
    data.setup("test")
    if encoder is not None:
        data.encoder = encoders.encoder(encoder, data.sentences("validation"))
    references, train = data.sentences("test"), data.sentences("train")
    if profile_name == DEFAULT:  # with the scores that only this data set has
        metrics = data.metrics("test")
    else:
        metrics = MetricCollection(
            build_profile(profile_name, references, data.vocabulary, train=train)
        )
    return Criteria(
        metrics,
        data_fingerprint(data, 0, profile_name),
        references,
        train,
        {"data": name, "data_revision": data.revision},
        data.aligned("test") if profile_name == DEFAULT else None,
        split_line=data.split_line,
    )


def _vocabulary(text: list[Sentence], path: Path | None) -> Vocabulary:
    """Words of a file, one a line, or of the references."""
    if path is None:
        words = {word for sentence in text for word in sentence}
    else:  # an entry may hold a blank
        words = set(read_lines(path)) - {""}
    return Vocabulary((PAD_TOKEN, *sorted((words | {UNKNOWN_TOKEN}) - {PAD_TOKEN})))
