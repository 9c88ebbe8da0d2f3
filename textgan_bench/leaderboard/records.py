"""Records of runs, and published numbers: how they are stored, checked and compared."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from reprlib import repr as shown
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from textgan_bench.errors import UserError, one_line
from textgan_bench.files import replace_text

LATER = frozenset(
    {
        "training_updates",
        "training_hours",
        "left_out",
        "phases",
        "passes",
        "paper",
        "samples_hash",
        "sampler",
    }
)
"""Fields that records of before lack; what stands for each there is its default."""

SCHEMA = 1
"""Raised when a field changes its meaning; a record with a larger one is refused."""

LEAST = {
    "schema": 1,
    "seed": 0,
    "num_samples": 1,
    "generator_updates": 0,
    "wall_clock_hours": 0,
    "training_updates": 0,
    "training_hours": 0,
    "passes": 1,
}
"""The smallest value of each number of a record."""

SOURCES = ("run", "anchor", "submitted")

SHA256 = "[0-9a-f]{64}"

KINDS = {int: "a whole number", float: "a finite number", str: "text", dict: "an object"}

LARGEST = 1e150
"""Of a number at most: a deviation over seeds takes its square."""

DEPTH = 100
"""Of objects and lists in a file at most: no recursion over them ends at Python's own limit."""

SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
"""Escape of half a character in JSON, the only way in which a file of UTF-8 can hold one."""

ROOT = Path("leaderboard")


class RecordError(UserError):
    """A file of the leaderboard that cannot be used; the message, one line, names it."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


@dataclass(frozen=True, kw_only=True)
class Record:
    """One scored set of samples and everything its scores depend on."""

    method: str
    """Stem of the recipe (``nagan``), or the name of an anchor (``unigram``)."""
    data: str
    """Folder of the recipe (``hmm``)."""
    seed: int
    budget: str
    """Name of the layer over the paper's setting (``quick``), ``paper`` for none."""
    budget_label: str
    """One line: what the budget changes in the paper's setting."""
    scores: dict[str, float]
    """By keys that say what the number depends on: ``bleu_f/5``, ``fed/hash128``."""
    fingerprint: dict[str, Any]
    """All that changes a score besides the samples: profile, orders, counts of samples and
    references, tokenisation, reference hash, encoder, version of the metrics. Records are
    comparable only if it agrees; see ``disagreement``."""
    data_revision: str
    data_source: str
    num_samples: int
    generator_updates: int
    """Those up to the checkpoint that was tested."""
    wall_clock_hours: float
    """Training time up to that checkpoint, interruptions left out."""
    hardware: str
    config: dict[str, Any]
    """The resolved recipe."""
    commit: str
    """Hash of the code's commit, ``-dirty`` appended if files differed from it."""
    versions: dict[str, str]
    knob: dict[str, float] = field(default_factory=dict)
    """Setting of the quality-diversity knob that drew the samples."""
    source: str = "run"
    """``run``, ``anchor``, or ``submitted``: text that others handed in, which is scored here and
    was not made here. What a submitted record says of its training is what they say."""
    schema: int = SCHEMA
    training_updates: int | None = None
    """Generator updates of the whole training, from which the checkpoint was selected; None in
    records of before."""
    training_hours: float | None = None
    """Time of the whole training, its sessions added up; None in records of before."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Scores that the samples do not determine, and why; records of before have none."""
    phases: dict[str, Any] = field(default_factory=dict)
    """Of each phase of a training that has several, by name: its ``batches``, its ``hours`` and the
    ``scores`` of its last validation."""
    passes: int | None = None
    """Times that a network is run, one after the other, to write the longest sentence; None in
    records of before, and of methods that rewrite."""
    paper: str = ""
    """Of a submitted record: what describes the method, a citation or an address."""
    samples_hash: str = ""
    """Of a submitted record: SHA-256 of the text that was scored, ``text_path`` unpacked."""

    sampler: dict[str, Any] = field(default_factory=dict)
    """How the samples were drawn: rule and type of number of the draw, nucleus, knob, passes, seed
    and commit; empty in records of before, and of text that no method drew."""

    @property
    def cost(self) -> tuple[int, float] | None:
        """Generator updates and hours of the whole training, None where the record does not say."""
        if self.training_updates is not None and self.training_hours is not None:
            return self.training_updates, self.training_hours
        match self.config:
            case {"checkpoint": {"select": None}}:  # the last one is tested
                return self.generator_updates, self.wall_clock_hours
        return None

    @property
    def stem(self) -> str:
        """What its file is called, and what is kept of its run beside it."""
        name = f"{self.method}-{self.budget}-seed{self.seed}"
        if self.source == "anchor":
            name = f"anchor-{self.method}"
        elif self.source == "submitted":
            name = f"submitted-{name}"
        return f"{name}-{self.data_revision}"

    def path(self, root: Path = ROOT) -> Path:
        """Where the record lies below the leaderboard's folder: none of other data is there."""
        return root.joinpath("records", self.data, f"{self.stem}.json")

    def text_path(self, root: Path = ROOT) -> Path:
        """Where the text of a submitted record lies, gzipped."""
        return root / "submitted" / self.data / f"{self.stem}.txt.gz"


@dataclass(frozen=True, kw_only=True)
class Published:
    """One table of a paper, as far as it concerns one data set."""

    data: str
    citation: str
    where: str
    """The paper's own table numbers."""
    note: str
    """Why its numbers are not ours."""
    seeds: int | None
    rows: list[dict[str, Any]]
    """``method``, and ``scores`` as strings: the paper's own digits."""
    page: bool = True
    """Whether it stands on the page of its data set, or in a table of its paper alone."""


def store(record: Record, root: Path = ROOT) -> Path:
    """Store a record; its file is complete or not there at all.

    Raises:
        RecordError: ``load`` would refuse the record.
    """
    path = record.path(root)
    text = json.dumps(asdict(record), indent=2, sort_keys=True) + "\n"
    _check(_parse(text, path), path)
    replace_text(path, text)
    return path


def load(path: Path) -> Record:
    """Read one record.

    Raises:
        RecordError: the file is no JSON, lacks a field, holds what its field cannot be, or stems
            from a newer schema.
    """
    content = read_json(path)
    _check(content, path)
    return Record(**content)


def read_json(path: Path) -> Any:
    """What a file of the leaderboard holds.

    Raises:
        RecordError: it is no regular file, or no JSON.
    """
    if path.exists() and not path.is_file():
        raise RecordError(f"{path}: is no regular file")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise RecordError(f"{path}: cannot be read as JSON ({error})") from error
    return _parse(text, path)


def check_numbers(numbers: Mapping[str, Any], kind: str, path: Path) -> None:
    """Refuse what is no finite number among the scores, or whatever ``kind`` says, of a file.

    Raises:
        RecordError: there is such a one.
    """
    for key, value in numbers.items():
        if not _is(float, value):
            raise RecordError(f"{path}: the {kind} {key} is {shown(value)}")


def load_records(root: Path = ROOT) -> list[Record]:
    """All records, ordered by file name.

    Raises:
        RecordError: one of them cannot be used.
    """
    records, refused = usable_records(root)
    if refused:
        raise refused[0]
    return records


def usable_records(root: Path = ROOT) -> tuple[list[Record], list[RecordError]]:
    """The records that can be used, ordered by file name, and what is wrong with the others."""
    records, refused = [], []
    for path in sorted(root.glob("records/*/*.json")):
        try:
            record = load(path)
            if record.path(root) != path:
                raise RecordError(f"{path}: its content belongs to {record.path(root)}")
            records.append(record)
        except RecordError as error:
            refused.append(error)
    return records, refused


def load_published(root: Path = ROOT) -> dict[str, list[Published]]:
    """The tables taken from each paper, by the stem of its file and in the order of these."""
    return {path.stem: published_tables(path) for path in sorted(root.glob("published/*.json"))}


def published_tables(path: Path) -> list[Published]:
    """The tables taken from one paper.

    Raises:
        RecordError: the file is damaged.
    """
    content = read_json(path)
    try:
        return [_published(content["citation"], table) for table in content["tables"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path}: not a list of published tables ({error})") from error


def _published(citation: Any, content: Mapping[str, Any]) -> Published:
    table = Published(citation=citation, **content)
    texts = [(name, getattr(table, name)) for name in ("data", "citation", "where", "note")]
    for row in table.rows:
        texts += [("method", row["method"]), *row["scores"].items()]
    for name, text in texts:
        if not isinstance(text, str):
            raise TypeError(f"{name} is {shown(text)}, not text")
    if not isinstance(table.page, bool):
        raise TypeError(f"page is {shown(table.page)}, not true or false")
    return table


def disagreement(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Fields in which two fingerprints differ, and what each says.

    A field that one of them lacks is no difference: none of its scores depends on it, or their keys
    name it. So a record keeps its place when the fingerprint of later ones has a field more.

    >>> disagreement({"samples": 5000, "profile": "nagan"}, {"samples": 100, "encoder": "hash128"})
    {'samples': (5000, 100)}
    """
    shared = sorted(first.keys() & second.keys())
    return {name: (first[name], second[name]) for name in shared if first[name] != second[name]}


def comparable(record: Record, other: Record) -> bool:
    """Whether the scores of two records may stand in one column."""
    return not disagreement(identity(record), identity(other))


def identity(record: Record) -> dict[str, Any]:
    """The fingerprint of a record together with its data set."""
    return {"data": record.data, "data_revision": record.data_revision, **record.fingerprint}


def seeds(record: Record, records: Iterable[Record]) -> list[Record]:
    """The records of the same row, which differ in the seed alone; ``record`` is one of them."""
    return [
        other for other in records if row_of(other) == row_of(record) and comparable(other, record)
    ]


def row_of(record: Record) -> tuple[str, ...]:
    """What the seeds of one row have in common."""
    knob = ", ".join(f"{name} {value:g}" for name, value in sorted(record.knob.items()))
    return (record.source, record.method, record.budget, record.budget_label, knob)


def scores(records: Sequence[Record]) -> dict[str, list[float]]:
    """The scores of several seeds by key, but for those that one of them left out.

    The mean of the others would be of those that went well.
    """
    values: dict[str, list[float]] = {}
    for record in records:
        for key, value in record.scores.items():
            values.setdefault(key, []).append(value)
    left_out = {key for record in records for key in record.left_out}
    return {key: each for key, each in values.items() if key not in left_out}


def _parse(text: str, path: Path) -> Any:
    try:
        content = json.loads(text, object_pairs_hook=_object)
        if SURROGATE.search(text):  # half of a pair is no text
            json.dumps(content, ensure_ascii=False).encode()
        too_deep = _depth(content) > DEPTH
    except RecursionError:
        too_deep = True
    except ValueError as error:
        raise RecordError(f"{path}: cannot be read as JSON ({error})") from error
    if too_deep:
        raise RecordError(f"{path}: cannot be read as JSON (more than {DEPTH} levels)")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of two values of one name, none would be more right than the other."""
    content = dict(pairs)
    if len(content) < len(pairs):
        ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"an object has {name!r} twice")
    return content


def _depth(content: Any) -> int:
    level, depth = [content], 0
    while level:
        depth += 1
        containers = [each for each in level if isinstance(each, dict | list)]
        level = [
            inner
            for each in containers
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth


def _check(content: Any, path: Path) -> None:
    if not isinstance(content, dict):
        raise RecordError(f"{path}: a record is a JSON object")
    schema = content.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise RecordError(f"{path}: schema {shown(schema)} is newer than this version's {SCHEMA}")
    types = _types()
    if missing := sorted(types.keys() - LATER - content.keys()):
        raise RecordError(f"{path}: lacks {', '.join(missing)}")
    if unknown := sorted(content.keys() - types.keys()):
        raise RecordError(f"{path}: has the unknown {', '.join(unknown)}")
    for name, value in content.items():
        if value is None and isinstance(types[name], UnionType):
            continue
        expected = _type(types[name])
        if not _is(expected, value):
            raise RecordError(f"{path}: {name} is {shown(value)}, not {KINDS[expected]}")
        if name in LEAST and value < LEAST[name]:
            raise RecordError(f"{path}: {name} is {shown(value)}, less than {LEAST[name]}")
    if content["source"] not in SOURCES:
        known = f"{', '.join(SOURCES[:-1])} or {SOURCES[-1]}"
        raise RecordError(f"{path}: source is {shown(content['source'])}, not {known}")
    if content["source"] == "submitted":
        if not content.get("paper", "").strip():
            raise RecordError(f"{path}: is submitted, and names no paper")
        if not re.fullmatch(SHA256, content.get("samples_hash", "")):
            raise RecordError(f"{path}: samples_hash is no SHA-256 of the text submitted")
    check_numbers(content["scores"], "score", path)
    check_numbers(content["knob"], "knob", path)
    for key, reason in content.get("left_out", {}).items():
        if not isinstance(reason, str):
            raise RecordError(f"{path}: the reason for no {key} is {shown(reason)}")
    for name, spent in content.get("phases", {}).items():
        counted = isinstance(spent, dict) and {"batches", "hours"} <= spent.keys()
        if not counted or not _is(int, spent["batches"]) or not _is(float, spent["hours"]):
            raise RecordError(f"{path}: the phase {name} is {shown(spent)}, without its batches")
    try:
        json.dumps(content, allow_nan=False)
    except ValueError as error:
        raise RecordError(f"{path}: its config or fingerprint is no JSON ({error})") from error


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Record)


def _is(expected: type, value: Any) -> bool:
    """Whether a value of JSON may stand in a field of that type.

    True is no number, nor is what is not finite or has no square.
    """
    if expected not in (int, float):
        return isinstance(value, expected)
    accepted = (int,) if expected is int else (int, float)
    return type(value) in accepted and abs(value) <= LARGEST


def _type(hint: Any) -> Any:
    """The class of a field: ``dict`` of ``dict[str, int]``, ``int`` of ``int | None``."""
    origin = get_origin(hint)
    return get_args(hint)[0] if origin is UnionType else origin or hint
