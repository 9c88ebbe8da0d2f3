"""The most probable sentences of an n-gram model, found exactly.

A back-off model is an automaton: a state is the longest listed end of the words so far, a listed
n-gram is an arc with a word, and a word that is not listed is reached by backing off. Where backing
off is open to any word, the best completion of a state by k more words follows from that by k - 1
(Viterbi, 1967). It may be too good, so it bounds what a prefix can come to, as the heuristic of
Hart et al. (1968) does. A first pass keeps the most promising prefixes of each length. If one that
it left out could have come to more than the last sentence it found, a second pass keeps every
prefix that can come to as much as that sentence.
"""

import math
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgan_bench.errors import UserError
from textgan_bench.functional.kneser_ney import BEGIN, END, MARKS, NGramModel

CANDIDATES = 2**20
"""Longer prefixes that are looked at together, which bounds the memory."""

MANY = 64
"""Arcs of a state from which on they are ranked, so that most need no look."""

SLACK = 1e-4
"""Nats by which a bound in single precision may lie below what it stands for."""

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def likeliest_sentences(
    model: NGramModel, wanted: Mapping[int, int], leave_out: Collection[str] = ()
) -> dict[int, list[list[str]]]:
    """The most probable sentences of each length, the best first.

    Exact but for sentences whose probabilities agree to six digits. Takes 4 bytes for each listed
    context and each length up to the longest.

    Args:
        model: an interpolated model.
        wanted: number of sentences by their length in words.
        leave_out: words that no sentence may have.

    Returns:
        Sentences by their length; fewer than wanted where there are no more.

    Raises:
        UserError: a length or a number is below 1.

    >>> import warnings
    >>> from textgan_bench.functional.kneser_ney import estimate
    >>> with warnings.catch_warnings(action="ignore"):
    ...     model = estimate([["a", "cat"]] * 3 + [["a", "dog"]], ["a", "cat", "dog"], 2)
    >>> likeliest_sentences(model, {2: 2})
    {2: [['a', 'cat'], ['a', 'dog']]}
    """
    for length, number in wanted.items():
        if length < 1 or number < 1:
            raise UserError(f"{number} sentences of {length} words were asked for")
    automaton = _Automaton(model, leave_out)
    best = automaton.completions(max(wanted, default=0))
    found = _search(automaton, best, dict(sorted(wanted.items())))
    return {
        length: [[model.words[word] for word in sentence] for sentence in sentences.tolist()]
        for length, sentences in found.items()
    }


class _Prefixes(NamedTuple):
    """Beginnings of sentences, P of them after t words, the most promising first."""

    words: Places
    """(P, t)."""
    state: Places
    """(P,)."""
    log_prob: Floats
    """(P,) nats."""


class _Limit(NamedTuple):
    """Which prefixes are kept: so many of the most promising, and none that promises less."""

    number: int
    promise: float


class _Automaton:
    """States are numbered by order: 0 is without context, then all listed words, and so on."""

    def __init__(self, model: NGramModel, leave_out: Collection[str]) -> None:
        tables = model.tables
        contexts = tables[:-1]  # what has as many words as the longest n-gram is no context
        first = np.cumsum([0, 1, *(len(table.word) for table in contexts)])
        self.blocks = list(zip(first[:-1].tolist(), first[1:].tolist(), strict=True))
        """States of each order: the first, and the one behind the last."""
        self.begin = int(first[1]) + MARKS.index(BEGIN)
        nats = math.log(10)
        back, weight = [np.zeros(1, np.int64)], [np.zeros(1)]
        source, word, log_prob, target = [], [], [], []
        tail = np.zeros(1, np.int64)  # of each n-gram of the order below, a state
        for n, table in enumerate(tables):
            context = table.context.astype(np.int64) + first[n]
            # The end of an n-gram is the n-gram of its context's end and its last word.
            tail = self._ends(
                model, n, tail, context - first[n], table.word.astype(np.int64), first
            )
            listed = n < len(contexts)
            source.append(context)
            word.append(table.word.astype(np.int64))
            log_prob.append(nats * table.log10_prob)
            target.append(first[n + 1] + np.arange(len(table.word)) if listed else tail)
            if listed:
                back.append(tail)
                weight.append(nats * table.log10_backoff)
        self.back, self.back_off = np.concatenate(back), np.concatenate(weight)
        arcs = [np.concatenate(part) for part in (source, word, log_prob, target)]
        self.end = self._end_probabilities(*arcs[:3])
        barred = [MARKS.index(BEGIN), MARKS.index(END)]
        barred += [row for row, each in enumerate(model.words) if each in leave_out]
        written = ~np.isin(arcs[1], barred)
        self.source, self.word, self.log_prob, self.target = (part[written] for part in arcs)
        self.first_arc = np.searchsorted(self.source, np.arange(first[-1] + 1))
        self.has_many = np.diff(self.first_arc) > MANY
        self.size = len(model.words)
        self.keys = self.source * self.size + self.word  # in increasing order, as the tables are

    def lists(self, state: Places, word: Places) -> NDArray[np.bool_]:
        """Whether each state has an arc with the word; state -1 has none."""
        asked = state * self.size + word
        place = np.searchsorted(self.keys, asked).clip(max=len(self.keys) - 1)
        return self.keys[place] == asked

    @staticmethod
    def _ends(
        model: NGramModel, n: int, tail: Places, context: Places, word: Places, first: Places
    ) -> Places:
        """The state of all words but the first of each n-gram of n + 1 words."""
        if n == 0:
            return np.zeros(len(word), np.int64)
        shorter, size = model.tables[n - 1], len(model.words)
        # Rows of a table increase by context and word, so one integer a row is sorted.
        keys = shorter.context.astype(np.int64) * size + shorter.word
        ending = (tail[context] - first[n - 1]) * size + word
        return first[n] + np.searchsorted(keys, ending)

    def _end_probabilities(self, source: Places, word: Places, log_prob: Floats) -> Floats:
        """(S,) log probability of the end mark after each state."""
        end = np.full(len(self.back), -np.inf)
        listed = word == MARKS.index(END)
        end[source[listed]] = log_prob[listed]
        for start, stop in self.blocks[1:]:
            backed = self.back_off[start:stop] + end[self.back[start:stop]]
            end[start:stop] = np.maximum(end[start:stop], backed)
        return end

    def completions(self, longest: int) -> NDArray[np.float32]:
        """(T + 1, S) log probability of the best completion of a state by k words and the end."""
        best = np.empty((longest + 1, len(self.end)), np.float32)
        best[0] = self.end
        for k in range(1, longest + 1):
            value = self.log_prob + best[k - 1, self.target]
            for order, (start, stop) in enumerate(self.blocks):
                now = np.full(stop - start, -np.inf)
                arcs = self.first_arc[start : stop + 1]
                having = np.flatnonzero(np.diff(arcs))
                if len(having):
                    part = value[arcs[0] : arcs[-1]]
                    now[having] = np.maximum.reduceat(part, arcs[having] - arcs[0])
                if order:
                    backed = self.back_off[start:stop] + best[k, self.back[start:stop]]
                    now = np.maximum(now, backed)
                best[k, start:stop] = now
        return best


class _Ranked:
    """Arcs by what they can come to, those of a state with many from the best one down."""

    def __init__(self, automaton: _Automaton, best: NDArray[np.float32]) -> None:
        self._first, self._has_many = automaton.first_arc, automaton.has_many
        worth = automaton.log_prob + best[automaton.target]
        self._arc = np.arange(len(worth))
        many = np.flatnonzero(self._has_many[automaton.source])
        # One increasing number an arc: a state's arcs lie between its own and the next one's.
        step = 1 + 2 * float(-worth[many].min(initial=0.0))
        rank = automaton.source[many] * step - worth[many]
        order = np.argsort(rank)
        self._arc[many] = many[order]
        self._rank, self._step = rank[order], step
        self._before = np.cumsum(np.where(self._has_many, np.diff(self._first), 0))

    def promising(self, state: Places, least: Floats) -> tuple[Places, Places]:
        """Rows of ``state``, and arcs of those states: all that can come to ``least``, and more."""
        start = self._first[state]
        number = self._first[state + 1] - start
        many = self._has_many[state]
        asked = state[many]
        end = np.searchsorted(self._rank, asked * self._step - least[many], side="right")
        begin = self._before[asked] - number[many]
        number[many] = np.clip(end - begin, 0, number[many])
        row = np.repeat(np.arange(len(state)), number)
        place = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
        return row, self._arc[place + start[row]]


def _search(
    automaton: _Automaton, best: NDArray[np.float32], wanted: Mapping[int, int]
) -> dict[int, Places]:
    """(N, T) words of the likeliest sentences of each length T."""
    limits = {length: _Limit(number, -np.inf) for length, number in wanted.items()}
    found: dict[int, Places] = {}
    while limits:
        again: dict[int, _Limit] = {}
        for length, (prefixes, lost) in _pass(automaton, best, limits).items():
            total = prefixes.log_prob + automaton.end[prefixes.state]
            found[length] = prefixes.words[np.argsort(-total, kind="stable")[: wanted[length]]]
            if limits[length].promise == -np.inf and lost > total.min() - SLACK:
                again[length] = _Limit(sys.maxsize, float(total.min()))
        limits = again
    return found


def _pass(
    automaton: _Automaton, best: NDArray[np.float32], limits: Mapping[int, _Limit]
) -> dict[int, tuple[_Prefixes, float]]:
    """Sentences of each length, and what the best prefix that was left out promised."""
    begin = _Prefixes(np.zeros((1, 0), np.int64), np.array([automaton.begin]), np.zeros(1))
    reached = dict.fromkeys(limits, (begin, -np.inf))
    for left in range(max(limits) - 1, -1, -1):  # words that follow the next one
        ranked = _Ranked(automaton, best[left])
        for length, (prefixes, lost) in reached.items():
            if length > left:
                longer, dropped = _longer(
                    automaton, ranked, best[left : left + 2], prefixes, limits[length]
                )
                reached[length] = longer, max(lost, dropped)
    return reached


def _longer(
    automaton: _Automaton,
    ranked: _Ranked,
    best: NDArray[np.float32],
    prefixes: _Prefixes,
    limit: _Limit,
) -> tuple[_Prefixes, float]:
    """The prefixes of one word more that are kept, and what the best of the others promised.

    Args:
        automaton: the model.
        ranked: its arcs by what they come to by the first row of ``best``.
        best: (2, S) best completions of a prefix of one word more, and of one as long as these.
        prefixes: those that were kept.
        limit: which ones are.
    """
    arcs = parents = np.zeros(0, np.int64)
    log_prob = promise = np.zeros(0)
    lost = -np.inf
    parent, state, reached = np.arange(len(prefixes.state)), prefixes.state, prefixes.log_prob
    before = np.full_like(state, -1)  # the state backed off from, whose words are taken
    while len(parent):
        bound = reached + best[1, state]
        for chosen in _chunks(automaton, state, np.argsort(-bound, kind="stable")):
            full = len(promise) >= limit.number
            least = max(limit.promise, promise[-1] if full else -np.inf) - SLACK
            lost = max(lost, float(bound[chosen].max(initial=-np.inf, where=bound[chosen] < least)))
            chosen = chosen[bound[chosen] >= least]
            if not len(chosen):
                break
            row, arc = ranked.promising(state[chosen], least - reached[chosen])
            come = reached[chosen][row] + automaton.log_prob[arc]
            able = come + best[0, automaton.target[arc]] >= least
            able[able] = ~automaton.lists(before[chosen][row[able]], automaton.word[arc[able]])
            row, arc, come = row[able], arc[able], come[able]
            arcs, parents = np.append(arcs, arc), np.append(parents, parent[chosen][row])
            log_prob = np.append(log_prob, come)
            promise = np.append(promise, come + best[0, automaton.target[arc]])
            order = np.argsort(-promise, kind="stable")
            if limit.number < len(order):
                lost = max(lost, float(promise[order[limit.number]]))
                order = order[: limit.number]
            arcs, parents = arcs[order], parents[order]
            log_prob, promise = log_prob[order], promise[order]
            if full:  # what was passed over promised less than what was kept last
                lost = max(lost, float(promise[-1]) - SLACK)
        able = state != 0
        parent, before, reached = parent[able], state[able], reached[able]
        reached, state = reached + automaton.back_off[before], automaton.back[before]
    words = np.column_stack([prefixes.words[parents], automaton.word[arcs]])
    return _Prefixes(words, automaton.target[arcs], log_prob), lost


def _chunks(automaton: _Automaton, state: Places, order: Places) -> Iterator[Places]:
    """``order`` in parts whose states have at most ``CANDIDATES`` arcs, or one state."""
    arcs = np.cumsum(np.diff(automaton.first_arc)[state[order]])
    begin = 0
    while begin < len(order):
        done = arcs[begin - 1] if begin else 0
        stop = max(begin + 1, int(np.searchsorted(arcs, done + CANDIDATES, side="right")))
        yield order[begin:stop]
        begin = stop
