"""With the key every cipher text is its plain text again, and the published figures hold."""

import gzip
import zipfile
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path

import nltk
import pytest
import torch
from nltk.corpus.reader import TaggedCorpusReader
from torchmetrics import MetricCollection

from datamodules import BrownW200, BrownW200Clean, CharacterCipher, TextData, WordSub
from datamodules.brown import untagged
from datamodules.keys import Key, substitution, vigenere
from datamodules.yelp import STAND_IN
from tests.datamodules.ready import ready
from textgan_bench.errors import UserError
from textgan_bench.evaluation.criteria import Criteria
from textgan_bench.evaluation.scores import score
from textgan_bench.evaluation.text import write_sentences
from textgan_bench.evaluation.text_files import score_file
from textgan_bench.metrics import CorpusBLEU, Diversity, TokenAccuracy
from textgan_bench.tokens import PAD, CipherBatch, TokenBatch, pad_sequences

BROWN, YELP = Path("../shared/data/brown"), Path("../shared/data/yelp")
needs_data = pytest.mark.skipif(not BROWN.is_dir(), reason=f"{BROWN} is not here")

Cipher = BrownW200 | CharacterCipher | WordSub
CIPHERS: dict[str, Callable[[], Cipher]] = {
    "brown-w200": lambda: BrownW200(BROWN),
    "brown-w200-clean": lambda: BrownW200Clean(BROWN),
    "vigenere": lambda: CharacterCipher(BROWN),
    "shift": lambda: CharacterCipher(BROWN, digits=(3,)),
    "wordsub": lambda: WordSub(YELP),
}


@pytest.fixture(scope="module", params=CIPHERS)
def cipher(request: pytest.FixtureRequest) -> Cipher:
    if not BROWN.is_dir() or not YELP.is_dir():
        pytest.skip(f"{BROWN} or {YELP} is not here")
    return CIPHERS[request.param]()


@pytest.fixture(scope="module")
def data(cipher: Cipher) -> TextData:
    return ready(cipher)


@pytest.fixture
def key(cipher: Cipher) -> Key:
    """The exact key."""
    return cipher.key_for(cipher.vocab_size)


def accuracy(deciphered: TokenBatch, plain: TokenBatch) -> float:
    """Mean over sentences of the share of symbols that are right, as CipherGAN measures it."""
    right = ((deciphered.ids == plain.ids) & (plain.ids != PAD)).sum(1)
    return float((right / plain.lengths).mean())


def test_the_key_deciphers_every_held_out_sentence(data: TextData, key: Key) -> None:
    for loader in (data.val_dataloader(), data.test_dataloader()):
        for batch in loader:
            assert isinstance(batch, CipherBatch)
            assert accuracy(key.decipher(batch.cipher), batch.plain) == 1.0
            assert accuracy(batch.cipher, batch.plain) < 0.5


def test_the_key_has_the_best_scores_there_are(data: TextData, key: Key) -> None:
    test = data.encoded.splits["test"]
    assert isinstance(test, CipherBatch)
    paired = MetricCollection([TokenAccuracy(), CorpusBLEU()])
    named = {entry.name for entry in data.corpus.judging.entries}
    assert {type(metric).__name__ for metric in paired.values()} < named
    exact = score(paired, data.encoded.decode(key.decipher(test.cipher)), data.aligned("test"))
    assert exact == pytest.approx({"token_accuracy": 1, "corpus_bleu/4": 1}, abs=1e-12)
    none = score(paired, data.encoded.decode(test.cipher), data.aligned("test"))
    assert max(none.values()) < 0.5
    assert score(MetricCollection([TokenAccuracy(), Diversity()]), [["a"]]).keys() == {
        "distinct_words",
        "distinct_sentences",
    }, "samples without references have no paired score"


@needs_data
def test_a_file_of_decipherments_is_scored_by_line(tmp_path: Path) -> None:
    data = ready(BrownW200(BROWN))
    plain = data.sentences("test")
    wrong = [["the"] * len(words) if place % 2 else words for place, words in enumerate(plain)]
    criteria = Criteria(MetricCollection([TokenAccuracy()]), {}, plain, None, aligned=plain)
    write_sentences(tmp_path / "deciphered.txt", wrong)
    scores = score_file(criteria, tmp_path / "deciphered.txt", len(wrong))
    expected = [words.count("the") / len(words) for words in plain[1::2]] + [1.0] * len(plain[::2])
    assert scores.values["token_accuracy"] == pytest.approx(sum(expected) / len(plain))
    write_sentences(tmp_path / "cut.txt", wrong[:-1])
    scores = score_file(criteria, tmp_path / "cut.txt", len(wrong) - 1)
    assert scores.values == {}
    assert "of the 11468 test sentences, not 11467" in scores.left_out["TokenAccuracy"]


def test_training_sides_are_different_sentences(data: TextData, key: Key) -> None:
    train = data.encoded.splits["train"]
    assert isinstance(train, CipherBatch)
    hidden = key.decipher(train.cipher)
    plain, other = map(tuple, train.ids.tolist()), map(tuple, hidden.ids.tolist())
    same = sum(a == b for a, b in zip(plain, other, strict=True))
    assert same < 0.01 * len(train.ids), "only sentences that are frequent meet by chance"


def test_vigenere_by_hand() -> None:
    # abc with the key 1-2 over a..d: a becomes d, b becomes d, c becomes b
    key = vigenere((1, 2), 5)
    cipher = key.encipher(pad_sequences([[1, 2, 3], [4]], 4))
    assert cipher.ids.tolist() == [[4, 4, 2, 0], [3, 0, 0, 0]]
    assert key.decipher(cipher).ids.tolist() == [[1, 2, 3, 0], [4, 0, 0, 0]]


@pytest.mark.parametrize("key", [vigenere((3, 4, 5), 202), substitution(202), vigenere((3,), 28)])
def test_a_key_permutes_the_symbols(key: Key) -> None:
    symbols = torch.arange(key.table.shape[1])
    assert (key.table.sort(1).values == symbols).all()
    assert (key.table[:, PAD] == PAD).all()


def test_unknown_words_stay_unknown_under_substitution() -> None:
    table = substitution(100).table
    assert table[0, 1] == 1
    assert (table[0, 2:] == torch.arange(2, 100)).sum() < 5


@needs_data
def test_brown_w200_has_the_published_form() -> None:
    data = ready(BrownW200(BROWN))
    frequent = [line.split("\t") for line in (BROWN / "top200_counts.tsv").read_text().splitlines()]
    assert set(data.vocabulary.tokens[2:]) == {word for word, _ in frequent}
    assert data.vocabulary.tokens[:5] == ("<pad>", "<unk>", "the", "said", "an")
    train, test = data.encoded.splits["train"], data.encoded.splits["test"]
    assert len(train.ids) == 51_606 // 2 == 25_803
    assert len(test.ids) == 11_468
    assert data.max_length == 100
    words = Counter(word for sentence in data.sentences("test") for word in sentence)
    assert words["<unk>"] / words.total() == pytest.approx(0.36, abs=0.005)
    assert isinstance(test, CipherBatch)
    first = test.cipher.ids[0, :3] - 1
    assert first.tolist() == [
        (int(p) - 1 - k) % 201 for p, k in zip(test.ids[0, :3], (3, 4, 5), strict=True)
    ]


@needs_data
def test_wordsub_has_the_published_form() -> None:
    cipher = WordSub(YELP)
    data = ready(cipher)
    sizes = [len(data.encoded.splits[split].ids) for split in ("validation", "test")]
    assert sizes == [5_000, 5_000]
    assert data.vocab_size == 9_378 + 2  # published: 9,445
    assert "<unk>" not in {word for sentence in data.sentences("test") for word in sentence}
    train = data.encoded.splits["train"]
    assert isinstance(train, CipherBatch)
    plain = set(map(tuple, train.ids.tolist()))
    hidden = set(map(tuple, cipher.key_for(data.vocab_size).decipher(train.cipher).ids.tolist()))
    test = set(map(tuple, data.encoded.splits["test"].ids.tolist()))
    assert plain.isdisjoint(hidden)
    assert test.isdisjoint(plain | hidden)


def test_the_tagged_corpus_is_read_as_nltk_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])  # it opens files nowhere else
    tagged = {
        "ca01": "\n\n\tThe/at jury/nn 1/2/cd said/vbd ./.\n\n\tIt/pps did/dod ./.\n",
        "cr09": "\tA/at ``/`` word/nn ''/'' ,/, and/cc so/rb on/rp ./.\n\n",
        "cats.txt": "ca01 news\n",
        "README": "BROWN CORPUS\n",
    }
    (tmp_path / "brown").mkdir()
    with zipfile.ZipFile(tmp_path / "brown.zip", "w") as archive:
        for name, text in tagged.items():
            archive.writestr(f"brown/{name}", text)
            (tmp_path / "brown" / name).write_text(text)
    reader = TaggedCorpusReader(str(tmp_path / "brown"), r"c[a-r]\d\d")
    expected = "".join(f"{' '.join(words)}\n" for words in reader.sents())
    assert untagged(tmp_path / "brown.zip") == expected


def test_letters_of_any_text(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("\n".join(f"Don't {chr(97 + i % 26)}{chr(97 + i // 26)}!" for i in range(600)))
    data = ready(CharacterCipher(path, digits=(1,)))
    sentence = data.sentences("test")[0]
    assert "".join(sentence).startswith("don_t_")
    (batch, *_) = data.test_dataloader()
    assert isinstance(batch, CipherBatch)
    assert data.encoded.decode(batch.cipher)[0][:5] == list("cnm" + "z" + "s")
    with pytest.raises(ValueError, match="at least one digit"):
        CharacterCipher(path, digits=())
    path.write_text("one\n")
    with pytest.raises(ValueError, match="too short: it leaves no sentences for"):
        ready(CharacterCipher(path))


def test_files_that_leave_nothing_to_train_on_are_refused(tmp_path: Path) -> None:
    """Ten letters make a hundred sentences of two, whatever the files hold beside."""
    lines = "".join(f"{a} {b}\n" for a, b in product("abcdefghij", repeat=2))
    for name in STAND_IN:
        path = tmp_path / name
        content = lines.encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    with pytest.raises(UserError, match=r"no sentence a side .* it holds 100 distinct ones"):
        WordSub(tmp_path).read()
