#!/bin/sh
# NLTK's word tokeniser does not leave its own output as it is: a closing quote that it wrote as ''
# is read as an opening one, ``, the next time. A third pass changes nothing more. Text that is
# tokenised once on one side of a comparison and twice on the other therefore never matches at its
# closing quotes, and no bracket or word shows why.
#
# Version: nltk 3.10.4 (NLTKWordTokenizer, which word_tokenize applies to each sentence).
# Seen:
#   once   he said `` yes '' to me .
#   twice  he said `` yes `` to me .
#   thrice he said `` yes `` to me .
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nltk==3.10.4
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from nltk.tokenize import NLTKWordTokenizer

tokenise = NLTKWordTokenizer().tokenize
once = tokenise('he said "yes" to me .')
twice = tokenise(" ".join(once))
thrice = tokenise(" ".join(twice))
for name, words in (("once", once), ("twice", twice), ("thrice", thrice)):
    print(f"{name:<6}", *words)
assert once == ["he", "said", "``", "yes", "''", "to", "me", "."], "the first pass has changed"
assert twice == ["he", "said", "``", "yes", "``", "to", "me", "."], "the second pass has changed"
assert thrice == twice, "a third pass changes something"
PYTHON
