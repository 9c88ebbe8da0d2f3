"""What deceives each score, and what finds that out."""

import re
from dataclasses import replace
from pathlib import Path

from tests.leaderboard.site.pages import anchor, page_of, stored
from tests.leaderboard.test_leaderboard import RUN


def test_each_score_says_what_deceives_it_and_what_finds_that_out(tmp_path: Path) -> None:
    real = anchor("real", reverse=4.0, lm=4.0, novel=1.0)
    copy = anchor("memorised", reverse=4.0, lm=4.0, novel=0.0)
    likely = anchor("likeliest", reverse=6.0, lm=4.01, novel=1.0)
    method = replace(
        RUN,
        scores={
            "distinct_sentences": 1.0,
            "reverse_lm/kn4": 4.4,
            "lm_score/kn4": 4.5,
            "novel_by_two": 0.9,
        },
    )
    other = [replace(each, data="cfg") for each in (real, method, copy)]
    page = page_of(stored(tmp_path, real, copy, likely, method, *other))
    section = page.partition('<section id="trust">')[2].partition("</section>")[0]
    lines = {
        re.findall(r"<th[^>]*>([^<]+)<", row)[0]: [
            re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", section.partition("<tbody>")[2])
    }
    assert lines["LM score ≈"] == [
        "memorised on all 2; likeliest on hmm",
        "memorised by Novel by 2; likeliest by Reverse LM",
    ]
    assert lines["Reverse LM ↓"][0] == "memorised on all 2"
    assert lines["Novel by 2 ≈"] == ["likeliest on hmm", "likeliest by Reverse LM"]
    assert page.index('id="trust"') < page.index('id="best"'), "it comes before the answers"
    assert '<section id="trust">' not in page_of(stored(tmp_path / "none", real, method))


def test_a_cheat_that_nothing_finds_out_is_said_to_be(tmp_path: Path) -> None:
    real, copy = (anchor(name, reverse=4.0, lm=4.0) for name in ("real", "memorised"))
    method = replace(RUN, scores={"lm_score/kn4": 4.5, "reverse_lm/kn4": 4.4})
    page = page_of(stored(tmp_path, real, copy, method))
    section = page.partition('<section id="trust">')[2].partition("</section>")[0]
    assert "<b>memorised</b> by no score" in section
