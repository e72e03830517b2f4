# ruff: noqa: RUF001 - six scripts are tested
"""Lines read against a phrase expected."""

from __future__ import annotations

import math
import time

import pytest

from judges.text.letters import Rules, key, scripts, unsayable
from judges.text.lines import Line, box_of, dominant_angle, in_reading_order, joined
from judges.text.matching import best_window, cut_off, merged, page
from judges.text.states import settle
from judges.text.windows import difference

IGNORE = Rules()
EXACT = Rules(case="exact", spacing="exact", punctuation="exact", accents="exact")
LATIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 é")


def line(text, left=0.0, top=0.0, *, score=0.95, angle=0.0, width=None, height=20.0):
    """A line of `text` whose top left corner is at (left, top), turned by `angle` degrees."""
    wide = width or 12.0 * len(text)
    turn = math.radians(angle)
    along, across = (math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))
    corners = [(left + x * along[0] + y * across[0], top + x * along[1] + y * across[1])
               for x, y in ((0, 0), (wide, 0), (wide, height), (0, height))]  # fmt: skip
    return Line(text, score, tuple(corners))


def window(phrase, *texts, rules=IGNORE, others=()):
    lines = [text if isinstance(text, Line) else line(text, top=30.0 * index)
             for index, text in enumerate(texts)]  # fmt: skip
    return best_window(phrase, page(in_reading_order(lines), rules, (phrase, *others)), rules)


@pytest.mark.parametrize(
    ("phrase", "texts"),
    [
        pytest.param("Grand Opening", ["Grand Opening"], id="as it is"),
        pytest.param("Grand Opening", ["GRANDOPENING"], id="other case, joined"),
        pytest.param(
            "Grand Opening", ["YAMAHA", "Grand", "Opening", "Tel. 555"], id="among others"
        ),
        pytest.param("don't stop", ["DON’T STOP!"], id="curly apostrophe, mark at the end"),
        pytest.param("50% off", ["Today 50% OFF only"], id="a sign that counts"),
        pytest.param("ＳＡＬＥ", ["SALE"], id="fullwidth"),
        pytest.param("深度学习", ["深度", "学习"], id="Chinese over two lines"),
        pytest.param("深度学习", ["AI 深度学习2024"], id="Chinese beside another script"),
        pytest.param("ΚΑΛΗΜΕΡΑ", ["KAΛHMEPA"], id="Greek read with Latin twins"),
        pytest.param("Καλημέρα", ["ΚΑΛΗΜΕΡΑ"], id="Greek capitals carry no tonos"),
        pytest.param("Straße", ["STRASSE"], id="sharp s"),
        pytest.param("¡Gracias!", ["iGracias!"], id="inverted mark read as i"),
        pytest.param("パン工房", ["パンエ房"], id="kana and Han of one shape"),
    ],
)
def test_a_phrase_is_found(phrase, texts):
    assert window(phrase, *texts).similarity == 1.0


@pytest.mark.parametrize(
    ("phrase", "texts"),
    [
        pytest.param("Grand Opening", ["Gramd Opening"], id="one letter"),
        pytest.param("SALE", ["SALEE"], id="doubled at the end"),
        pytest.param("SALE", ["WHOLESALE"], id="inside a longer word"),
        pytest.param("深度学习", ["深度学习习"], id="doubled Chinese"),
        pytest.param("Keep Calm and Carry On", ["Keep Clam and Carry On"], id="swapped letters"),
        pytest.param("Keep Calm and Carry On", ["Carry Calm and Keep On"], id="words out of order"),
        pytest.param("50% OFF", ["50 OFF"], id="a sign that counts"),
        pytest.param("3.50", ["350"], id="a decimal point"),
        pytest.param("Café", ["Cafe"], id="an accent"),
        pytest.param("МОСКВА", ["МОСЖВА"], id="a letter of another shape"),
    ],
)
def test_a_misspelling_is_not_a_match(phrase, texts):
    found = window(phrase, *texts)

    assert found.similarity < 1.0
    assert settle(phrase, [found]).value < 0.5


@pytest.mark.parametrize(
    ("rule", "phrase", "text"),
    [
        ("case", "SALE", "Sale"),
        ("spacing", "Grand Opening", "GrandOpening"),
        ("punctuation", "Stop!", "Stop"),
        ("accents", "Noël", "Noel"),
    ],
)
def test_each_rule_decides_what_counts(rule, phrase, text):
    strict = Rules(
        **{**dict.fromkeys(("case", "spacing", "punctuation", "accents"), "ignore"), rule: "exact"}
    )
    loose = Rules(case="ignore", spacing="ignore", punctuation="ignore", accents="ignore")

    assert window(phrase, text, rules=strict).similarity < 1.0
    assert window(phrase, text, rules=loose).similarity == 1.0


def test_exact_rules_still_find_the_phrase_among_others():
    assert window("Stop, now!", "Hey", "Stop, now!", "Bus", rules=EXACT).similarity == 1.0


def test_slanted_words_are_read_along_their_angle():
    words = [line("Keep", 300, 300, angle=-30), line("Calm", 300 + 60 * math.cos(0.52), 300 - 60 * math.sin(0.52), angle=-30),
             line("and", 330, 350, angle=-30), line("Go", 330 + 60 * math.cos(0.52), 350 - 60 * math.sin(0.52), angle=-30)]  # fmt: skip
    ordered = [found.text for found in in_reading_order(words[::-1])]

    assert ordered == ["Keep", "Calm", "and", "Go"]


def test_the_dominant_angle_is_that_of_most_text():
    lines = [line("a long line of text", angle=20), line("x", angle=-70)]

    assert math.degrees(dominant_angle(lines)) == pytest.approx(20)


def test_columns_are_put_together_line_by_line():
    left = [line("GRAND", 0, 0), line("OPENING", 0, 30)]
    right = [line("50%", 300, 0), line("OFF", 300, 30)]

    assert window("GRAND OPENING", *left, *right).similarity == 1.0
    assert window("50% OFF", *left, *right).similarity == 1.0


def test_phrases_run_together_in_one_word_are_told_apart():
    assert window("GRAND OPENING", "GRANDOPENINGTODAY", others=("TODAY",)).similarity == 1.0


def test_a_window_says_where_it_stands():
    found = window("Opening", line("Grand Opening", 100, 50, width=130))
    box = box_of(found.quads, 400, 200)

    assert box == (160, 50, 230, 70)


def test_a_difference_marks_what_is_missing_and_what_is_added():
    assert difference("Delights", "DelighIts", IGNORE) == "Deligh[+I+]ts"
    assert difference("my favourite cup", "MY FAOURITE CUP", IGNORE) == "my fa[-v-]ourite cup"


def test_a_cut_off_reading_is_told_from_a_dropped_letter():
    assert window("Grand Opening", "Opening").partial
    assert not window("Grand Opening", "Grand Openin").partial
    assert not window("Grand Opening", "Grad Opening").partial


def test_letters_joined_to_a_piece_are_told_from_letters_beside_it():
    assert cut_off("Thank You", "TThank You", "Thank You", IGNORE)
    assert not cut_off("Thank You", "x Thank You o", "Thank You", IGNORE)
    assert not cut_off("Thank You", "Thark You", "Thank You", IGNORE)
    assert not cut_off("Fall", "Fallis", "Fall is here", IGNORE)


def test_letters_merged_by_the_reader_are_told_from_other_readings():
    assert merged("Bread Daily", "Bread Daiily", IGNORE)
    assert not merged("Bread Daily", "Bread Dally", IGNORE)
    assert not merged("Bread Daily", "BreadDaily", IGNORE)


def test_a_last_letter_that_stands_once_more_on_the_next_line_is_a_slip():
    assert window("いらっしゃいませ", "いらっしゃいませ", "せ").similarity < 1.0
    assert window("PLAN", "PLAN", "B").similarity == 1.0


def test_any_accent_counts_as_the_one_expected_and_none_does_not():
    assert window("Brûlée", "Brülée").similarity == 1.0
    assert window("Brûlée", "Brulée").similarity < 1.0
    assert window("Brûlée", "Brülée", rules=Rules(accents="exact")).similarity < 1.0
    assert window("がぎぐ", "かきく").similarity < 1.0


def test_boxes_that_touch_on_one_line_are_one():
    left, right = line("GRAND", 0, 0, width=100).corners, line("OPEN", 103, 1, width=80).corners
    far, below = line("TODAY", 260, 0, width=80).corners, line("OPEN", 0, 25, width=80).corners

    assert joined([right, left]) == [(left[0], right[1], right[2], left[3])]
    over = line("DOPEN", 85, 1, width=100).corners

    assert len(joined([left, over])) == 1
    assert len(joined([left, far, below])) == 3


def test_confidence_is_that_of_the_least_sure_line():
    assert (
        window(
            "GRAND OPENING", line("GRAND", score=0.9), line("OPENING", top=40, score=0.7)
        ).confidence
        == 0.7
    )


def test_letters_outside_the_readers_alphabet_are_named():
    assert unsayable("Музей", LATIN, IGNORE) == "Музей"
    assert unsayable("Cafe 24", LATIN, IGNORE) == ""
    assert scripts("Муз한") == "Cyrillic and Hangul"


def test_case_folding_reaches_letters_the_alphabet_holds_in_the_other_case():
    assert unsayable("É", LATIN, IGNORE) == ""
    assert unsayable("É", LATIN, Rules(case="exact")) == "É"


def test_a_key_remembers_where_its_letters_came_from():
    found = key("a-B c", IGNORE)

    assert found.letters == "ABC"
    assert found.origins == (0, 2, 4)


def test_five_thousand_words_are_searched_in_bounded_time():
    lines = [line(" ".join(f"word{n}x{m}" for m in range(32)), top=22.0 * n) for n in range(160)]
    phrase = "some words that are nowhere on this page at all " * 12
    began = time.process_time()
    found = window(phrase.strip(), *lines)

    assert found.similarity < 0.5
    assert time.process_time() - began < 2.0


def test_a_page_of_one_letter_is_searched_in_bounded_time():
    lines = [line("A A " * 100, top=22.0 * n) for n in range(160)]
    began = time.process_time()
    window("A" * 600, *lines)
    window("A", *lines)

    assert time.process_time() - began < 2.0
