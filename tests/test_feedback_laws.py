"""Laws of feedback, over generated verdicts, prompts and histories."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from advising import AT_ONCE, EVERY, failed, issue, refused, score, unlike
from hypothesis import given
from hypothesis import strategies as st

from sentinel import feedback
from sentinel.contracts import Brief, Capabilities, Feedback
from sentinel.feedback.composing import ADDED
from sentinel.feedback.tokens import estimate
from sentinel.policy import FeedbackRule

words = st.text("abcOPEN .,!“\"'é東\n", max_size=40)
phrases = st.sampled_from(
    ["a red star", "two cups", "a white background", "x", "a red star above two cups"]
)
unlikes = st.builds(
    unlike,
    phrases,
    phrases,
    st.sampled_from(["missing_object", "wrong_count", "wrong_colour", "wrong_position"]),
)
texts = st.builds(
    lambda text, read: issue("text", "misspelled", f"{text!r} is written {read!r}: …"), words, words
)
strange = st.builds(
    issue, st.sampled_from(["text", "alignment", "face", "color", "logo", "style"]), words, words
)
issues = st.sampled_from(EVERY) | unlikes | texts | strange
scores = st.builds(
    lambda named, value, threshold, weight: score(*named, judge="j", value=value, threshold=threshold, weight=weight),
    st.lists(issues, max_size=4), st.floats(0, 1), st.none() | st.just(0.5), st.floats(0, 3),
)  # fmt: skip
verdicts = st.lists(scores, max_size=4).map(lambda found: failed(*found)) | st.lists(
    issues, max_size=3
).map(lambda found: refused(*found))
sides = st.none() | st.integers(1, 2048)
briefs = st.builds(
    Brief,
    prompt=st.none() | words | st.just("a poster of a red star and two cups on a white background"),
    negative_prompt=st.none() | words, width=sides, height=sides, steps=st.none() | st.integers(1, 60),
    expected_text=st.lists(words, max_size=2).map(tuple),
    palette=st.lists(st.sampled_from(["red", "#123456", "none", "#fff"]), max_size=12).map(tuple),
)  # fmt: skip
capabilities = st.builds(
    Capabilities,
    negative_prompt=st.booleans(), references=st.sampled_from([(), ("face",)]),
    smallest=st.sampled_from([16, 64, 256]), largest=st.sampled_from([512, 1024, 2048]),
    multiple_of=st.sampled_from([1, 8, 16, 64]), max_steps=st.none() | st.integers(1, 60),
    context_tokens=st.none() | st.integers(1, 120),
)  # fmt: skip
stories = st.lists(verdicts, min_size=1, max_size=5)
rules = st.sampled_from([AT_ONCE, FeedbackRule(), FeedbackRule(confirm=("text", "logo"))])


def told(story, asked, can, rule=AT_ONCE) -> list[Feedback]:
    """Feedback on one verdict after the other, each on the brief that the last one made."""
    found: list[Feedback] = []
    for verdict in story:
        sent = found[-1].brief if found else asked
        next_one = feedback.advise(
            verdict, sent, asked=asked, capabilities=can, told=found, rule=rule
        )
        if next_one.changes:
            found.append(next_one)
    return found


@given(stories, briefs, capabilities, rules)
def test_the_prompt_never_exceeds_the_cap_or_the_context(story, asked, can, rule):
    own = asked.prompt or ""
    for each in told(story, asked, can, rule):
        prompt = each.brief.prompt or ""

        assert len(prompt) <= len(own) + ADDED
        assert len(each.brief.negative_prompt or "") <= len(asked.negative_prompt or "") + ADDED
        assert prompt == own or can.context_tokens is None or estimate(prompt) <= can.context_tokens


@given(stories, briefs, capabilities, rules)
def test_every_word_of_the_callers_is_kept(story, asked, can, rule):
    for each in told(story, asked, can, rule):
        assert (asked.prompt or "").strip() in (each.brief.prompt or "")
        assert (asked.negative_prompt or "").strip() in (each.brief.negative_prompt or "")


@given(stories, briefs, capabilities, rules)
def test_a_request_is_never_made_twice(story, asked, can, rule):
    said = Counter(
        part
        for each in told(story, asked, can, rule)
        for change in each.changes
        for part in change.change.split("; ")
        if part.startswith(("put first: ", "added: "))
    )

    assert [part for part, times in said.items() if times > 2] == []
    prompts = [each.brief.prompt for each in told(story, asked, can, rule)]
    for prompt in prompts:
        before, _, after = (prompt or "").partition((asked.prompt or "").strip() or "\0")
        sentences = [part for part in after.split(". ") if len(part) > 20]

        assert len(sentences) == len(set(sentences))
        assert len(before) <= ADDED


@given(stories, verdicts, briefs, capabilities)
def test_the_same_question_gets_the_same_answer_and_its_own_brief_needs_nothing(
    story, verdict, asked, can
):
    before = told(story, asked, can)
    sent = before[-1].brief if before else asked
    ask = partial(
        feedback.advise, verdict, asked=asked, capabilities=can, told=before, rule=AT_ONCE
    )
    one = ask(sent)

    assert one == ask(sent)
    after = ask(one.brief)
    assert (after.brief, after.changes) == (one.brief, ())


@given(st.lists(issues, min_size=1, max_size=5), briefs, capabilities, st.randoms())
def test_the_order_of_judges_and_issues_is_irrelevant(named, asked, can, random):
    def found(ordered):
        verdict = failed(*(score(each, judge="j") for each in ordered))
        return feedback.advise(verdict, asked, asked=asked, capabilities=can)

    one, other = found(named), found(random.sample(named, len(named)))

    assert one == other


@given(verdicts, briefs, capabilities, rules)
def test_the_same_fault_again_and_again_comes_to_an_end(verdict, asked, can, rule):
    assert len(told([verdict] * 40, asked, can, rule)) <= 3 * len(EVERY)


@given(issues, briefs, capabilities)
def test_to_be_confirmed_delays_what_is_told_and_changes_none_of_it(named, asked, can):
    again = [failed(score(named, judge="j"))] * 5
    rule = FeedbackRule(confirm=(named.category,))

    late = [each.brief for each in told(again, asked, can, rule)]

    assert late[1:] == [each.brief for each in told(again, asked, can)]
    assert late[:1] in ([], [asked])


@given(stories, briefs, capabilities)
def test_no_changes_means_the_same_brief_and_changes_another(story, asked, can):
    found = told(story, asked, can)
    sent = [asked, *(each.brief for each in found)]

    assert all(before != each.brief for before, each in zip(sent, found, strict=False))
    assert all(change.change and change.reason for each in found for change in each.changes)
    again = feedback.advise(failed(), asked, asked=asked, capabilities=can)
    assert (again.brief, again.changes) == (asked, ())


@given(stories, briefs, capabilities, rules)
def test_feedback_survives_json(story, asked, can, rule):
    for each in told(story, asked, can, rule):
        assert Feedback.model_validate_json(each.model_dump_json()) == each


@given(stories, briefs, capabilities, rules)
def test_steps_and_sizes_stay_within_what_the_generator_takes(story, asked, can, rule):
    for each in told(story, asked, can, rule):
        brief = each.brief

        assert brief.steps == asked.steps or brief.steps <= (can.max_steps or 0)
        for side, own in ((brief.width, asked.width), (brief.height, asked.height)):
            assert side == own or (
                can.smallest <= side <= can.largest and side % can.multiple_of == 0
            )


@given(briefs, capabilities, st.none() | st.integers(1, 50))
def test_strength_comes_to_an_end_near_where_it_began(asked, can, default):
    sent = asked
    for _ in range(12):
        found = feedback.strengthen(sent, capabilities=can, default_steps=default)
        if not found.changes:
            break
        assert found.brief != sent
        sent = found.brief

    assert found.brief == sent
    assert not found.changes
    assert (sent.prompt, sent.seed) == (asked.prompt, asked.seed)
    if (sent.width, sent.height) != (asked.width, asked.height):
        unit = max(can.multiple_of, max(asked.width, asked.height) / 16.5)
        assert abs(sent.width - asked.width) <= unit
        assert abs(sent.height - asked.height) <= unit
