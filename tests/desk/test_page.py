"""The labeling page in a real browser: keys, answers that are never lost, views, and people who use no mouse."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake import Desk, served

from askance.project.names import looks_like
from benchmarks.browser import PROGRAM, Browser, Page, browser
from benchmarks.page import harm

AXE = Path(sys.prefix) / "page" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on the PATH: install chromium to test the page"),
]

ITEM = "(document.querySelector('#about .id')?.textContent ?? '')"
HOSTILE = [
    "<script>hacked = 1</script>",
    '<img src=x onerror="hacked = 2">',
    '"><svg onload=hacked=3>',
    "<iframe srcdoc='<script>parent.hacked = 4</script>'></iframe>",
    "javascript:hacked=5",
    "</div></article><style>*{display:none}</style>",
    "${hacked = 6} {{hacked = 7}} <%= hacked %>",
    "&lt;b&gt; &amp; <b>bold</b>",
    "\u202egnirts eht nrut\u202c \u0000 \ud83d\ude00 \u200b",
    "<a href='javascript:hacked=8' autofocus onfocus='hacked=9'>x</a>",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as ours:
        yield ours


@contextmanager
def opened(chromium: Browser, desk: Desk, wide: int = 1280, high: int = 800, first: bool = True) -> Iterator[Page]:
    """The page of a desk, which must not complain; with `first`, an item is shown."""
    with served(desk) as url, chromium.page(wide, high) as page:
        page.open(url)
        if first:
            page.until(ITEM)
        yield page
        assert page.complaints() == []


def answers(desk: Desk) -> list[dict[str, Any]]:
    return [body for method, path, body in desk.seen if path == "/api/answer"]


def wait(true: Any, patience: float = 20.0) -> None:
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def shown(page: Page, id: str) -> None:
    page.until(f"{ITEM} === {json.dumps(id)}")


def test_number_keys_answer_one_item_after_the_other(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.press("1", "3", "2")
        shown(page, desk.items[3].id)
        wait(lambda: len(answers(desk)) == 3)
    kept = answers(desk)
    assert [(one["id"], one["value"]) for one in kept] == [
        (desk.items[0].id, "billing"),
        (desk.items[1].id, "access"),
        (desk.items[2].id, "delivery"),
    ]
    assert {(one["kind"], one["how"]) for one in kept} == {("label", "key")}
    assert len({one["once"] for one in kept}) == 3
    assert all(0 <= one["seconds"] < 60 for one in kept)


def test_a_click_answers_and_says_so(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.click(".choice[data-name=returns]")
        shown(page, desk.items[1].id)
        page.press(" ")  # the button must not have kept the focus
        shown(page, desk.items[2].id)
        wait(lambda: answers(desk) and desk.order[-1] == desk.items[1].id)  # skipped to the end
    assert [(one["value"], one["how"]) for one in answers(desk)] == [("returns", "click")]


def test_a_key_that_is_held_answers_once(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        said = {"key": "1", "code": "Digit1", "windowsVirtualKeyCode": 49, "text": "1"}
        for repeat in (False, True, True, True):
            page.send("Input.dispatchKeyEvent", type="keyDown", autoRepeat=repeat, **said)
        page.send("Input.dispatchKeyEvent", type="keyUp", **said)
        wait(lambda: answers(desk))
        shown(page, desk.items[1].id)
    assert len(answers(desk)) == 1


@pytest.mark.parametrize("reads", ["text", "image", "table"])
def test_the_next_item_does_not_wait_for_the_server(chromium: Browser, reads: str) -> None:
    desk = Desk(reads)
    with opened(chromium, desk) as page:
        page.until("document.querySelector('#stage').childElementCount")
        desk.delay = 4.0
        page.press("1")
        shown(page, desk.items[1].id)
        assert not desk.log  # nothing is saved yet
        desk.delay = 0.0
        wait(lambda: desk.log)


def test_what_a_text_must_not_do_is_noticed(chromium: Browser) -> None:
    with opened(chromium, Desk()) as page:
        assert harm(page) == []
        page.run("document.querySelector('#stage').innerHTML = '<img src=/x><iframe></iframe>'")
        page.run("window.hacked = 1; Object.prototype.polluted = 1")
        assert [said.partition(" (")[0] for said in harm(page)] == [
            "a script ran",
            "an element was loaded",
            "markup became elements",
            "an object changed",
        ]


def test_answers_wait_while_the_server_is_away_and_are_saved_once_and_in_order(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.until("navigator.onLine")
        time.sleep(0.4)  # the next items are at hand
        page.offline(True)
        page.press("1", "2", "3")
        page.until("document.querySelector('#banners').innerText.includes('3 answers wait to be saved')")
        assert "3 waiting" in page.text("#saved")
        assert answers(desk) == []
        desk.fault = "away"
        page.offline(False)
        page.send("Page.reload")
        time.sleep(0.5)
        assert answers(desk) == []
        desk.fault = "deaf"  # what arrives is done, but the page does not learn of it
        wait(lambda: len(answers(desk)) >= 2)
        desk.fault = ""
        wait(lambda: len({one["id"] for one in answers(desk)}) == 3)
        shown(page, desk.items[3].id)
        page.until("document.querySelector('#saved').innerText.includes('All saved')")
        assert page.text("#banners") == ""
        assert page.run("Object.keys(localStorage).filter(key => key.startsWith('askance:out'))") == []
    first_seen = list(dict.fromkeys(one["id"] for one in answers(desk)))
    assert first_seen == [item.id for item in desk.items[:3]]
    assert [(id, by) for by, id, _ in desk.log] == [(item.id, "ann") for item in desk.items[:3]]


def test_a_full_disk_is_said_and_answers_are_kept(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        desk.fault = "disk"
        page.press("1")
        page.until("document.querySelector('.banner[data-level=error]')?.innerText.includes('disk is full')")
        desk.fault = ""
        page.until("!document.querySelector('.banner')")
        wait(lambda: answers(desk))


def test_what_another_person_left_is_not_sent_under_my_name(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        desk.fault = "disk"
        page.press("1")
        page.until("document.querySelector('.banner')")
        desk.fault, desk.person = "", "ben"
        page.send("Page.reload")
        page.until("document.querySelector('#banners').innerText.includes('of ann wait')")
        assert answers(desk) == []
        desk.person = "ann"
        wait(lambda: len(answers(desk)) == 1)


@pytest.mark.parametrize(("status", "sentence"), [(409, "Ben was first."), (422, "This class is closed.")])
def test_a_refused_answer_comes_back_with_its_reason(chromium: Browser, status: int, sentence: str) -> None:
    desk = Desk()
    desk.refuse[desk.items[0].id] = (status, "no", sentence)
    with opened(chromium, desk) as page:
        page.press("1")
        page.until("document.querySelector('#toasts').innerText.includes('could not be saved')")
        page.press("2")
        shown(page, desk.items[0].id)
        assert sentence in page.text("#notice") and "billing" in page.text("#notice")
        page.send("Page.reload")
        page.until(f"document.querySelector('#notice')?.innerText.includes({json.dumps(sentence)})")
        page.press("3")
        wait(lambda: desk.items[0].answers)
        page.until("document.querySelector('#notice').innerText === ''")
    assert desk.items[0].answers["ann"]["value"] == "access"
    assert desk.items[1].answers["ann"]["value"] == "delivery"


def test_a_refused_answer_is_let_go(chromium: Browser) -> None:
    desk = Desk()
    desk.refuse[desk.items[0].id] = (409, "first", "Ben was first.")
    with opened(chromium, desk) as page:
        page.press("1")
        page.until("document.querySelector('#toasts').innerText.includes('could not be saved')")
        page.press("2")
        page.until("document.querySelector('#notice').innerText.includes('Ben was first.')")
        page.click("#notice .small")
        page.until("document.querySelector('#notice').innerText === ''")
        page.until("document.querySelector('#saved').innerText.includes('All saved')")
        assert page.run("Object.keys(localStorage).filter(key => key.startsWith('askance:out'))") == []
    assert not desk.items[0].answers and desk.order[-1] == desk.items[0].id


@pytest.mark.parametrize("key", ["Backspace", "Control+z"])
def test_undo_brings_an_item_back_also_after_a_reload(chromium: Browser, key: str) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.press("1", "2")
        shown(page, desk.items[2].id)
        wait(lambda: len(answers(desk)) == 2)
        page.press(key)
        shown(page, desk.items[1].id)
        assert page.run("document.querySelector('.choice.given').dataset.name") == "delivery"
        wait(lambda: not desk.items[1].answers)
        page.until("document.querySelector('#saved').innerText.includes('All saved')")
        page.send("Page.reload")
        page.until("document.querySelector('#last').innerText === ''")
        page.until(ITEM)
        page.press(key)
        shown(page, desk.items[0].id)
        page.press("5")
        wait(lambda: desk.items[0].answers.get("ann", {}).get("value") == "praise")
        shown(page, desk.items[1].id)


def test_keys_that_follow_an_undo_are_meant_for_what_comes_back(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.press("1")
        wait(lambda: answers(desk))
        desk.delay = 0.3
        page.press("Backspace", "4")
        wait(lambda: len(answers(desk)) == 2)
    assert desk.items[0].answers["ann"]["value"] == "returns"
    assert not desk.items[1].answers


def test_an_answer_that_was_not_sent_is_undone_without_the_server(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        desk.fault = "away"
        page.press("1", "2")
        page.until("document.querySelector('#banners').innerText.includes('2 answers wait')")
        page.press("Backspace")
        shown(page, desk.items[1].id)
        desk.fault = ""
        wait(lambda: answers(desk))
        page.until("document.querySelector('#saved').innerText.includes('All saved')")
    assert [one["id"] for one in answers(desk)] == [desk.items[0].id]


def test_an_answer_whose_reply_was_lost_is_undone_at_the_server(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        desk.fault = "deaf"
        page.press("1")
        wait(lambda: desk.items[0].answers)
        page.press("Backspace")
        shown(page, desk.items[0].id)  # at once, though nothing is heard of the server
        page.press("Shift+u")
        desk.fault = ""
        wait(lambda: desk.items[0].answers.get("ann", {}).get("kind") == "unsure")
        page.until("document.querySelector('#saved').innerText.includes('All saved')")
    paths = [path for _, path, _ in desk.seen if path in ("/api/answer", "/api/undo")]
    assert list(dict.fromkeys(paths)) == ["/api/answer", "/api/undo"] and paths[-1] == "/api/answer"
    assert [(by, id) for by, id, _ in desk.log] == [("ann", desk.items[0].id)]


def test_a_skip_is_undone_too(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.press(" ")
        shown(page, desk.items[1].id)
        page.press("Backspace")
        shown(page, desk.items[0].id)


def test_answers_that_are_no_label(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.press("Shift+u", "Shift+n", "Shift+b", "Shift+f")
        page.until("document.querySelector('[data-action=flag]').getAttribute('aria-pressed') === 'true'")
        page.press("Shift+c")
        page.until("document.querySelector('#comment')")
        page.type("odd")
        page.press("Control+Enter")
        wait(lambda: desk.items[3].comment == "odd" and desk.items[3].flag)
        assert "odd" in page.text("#about")
    assert [one["kind"] for one in answers(desk)] == ["unsure", "none-of-these", "broken"]
    assert all(one["value"] is None for one in answers(desk))


def test_a_letter_searches_and_enter_takes_what_is_marked(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.type("ret")
        page.until("document.querySelector('#palette[open] [aria-selected=true]')?.innerText === 'returns'")
        page.press("Enter")
        shown(page, desk.items[1].id)
        page.press("/")
        page.until("document.querySelector('#palette[open]')")
        page.press("ArrowDown", "Enter")
        wait(lambda: len(answers(desk)) == 2)
        page.type("b")
        page.press("Escape")
        page.until("!document.querySelector('#palette[open]')")
        shown(page, desk.items[2].id)
    assert [one["value"] for one in answers(desk)] == ["returns", "delivery"]


def test_an_unknown_name_becomes_a_class_unless_it_looks_like_one(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.type("refund")
        page.press("Enter")
        page.until("document.querySelector('.choice[data-name=refund]')")
        wait(lambda: "refund" in desk.names)
        page.type("biling")
        page.until("document.querySelector('#palette').innerText.includes(\"looks like 'billing'?\")")
        page.press("Enter")
        wait(lambda: len(answers(desk)) == 2)
        page.type("biling")
        page.press("Control+Enter")
        wait(lambda: "biling" in desk.names)
    assert [one["value"] for one in answers(desk)] == ["refund", "billing", "biling"]


def test_letters_right_after_an_answer_are_not_lost(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        for word in ("access", "praise", "returns", "delivery"):
            page.press(*word, "Enter")
        wait(lambda: len(answers(desk)) == 4)
    assert [one["value"] for one in answers(desk)] == ["access", "praise", "returns", "delivery"]


def test_slips_are_judged_as_the_server_judges_them(chromium: Browser) -> None:
    names = [
        "billing",
        "Billing ",
        "biling",
        "bililng",
        "filling",
        "class 1",
        "class 2",
        "A",
        "A+",
        "01",
        "1",
        "male",
        "female",
        "relevant",
        "irrelevant",
        "legal",
        "regal",
        "eglal",
        "delivery",
        "delviery",
        "dlivery",
        "délivery",
    ]
    with opened(chromium, Desk()) as page:
        ours = page.run(
            "import('/static/names.js').then(({lookalike}) => { const names = " + json.dumps(names) + ";"
            "return names.flatMap(a => names.filter(b => a !== b).map(b => lookalike([b], a) !== '')) })"
        )
    assert ours == [looks_like(one, two) for one in names for two in names if one != two]


def test_several_labels_are_switched_and_saved(chromium: Browser) -> None:
    desk = Desk(kind="labels")
    with opened(chromium, desk) as page:
        page.press("1", "3", "2", "3")
        assert page.run("[...document.querySelectorAll('[aria-pressed=true].choice')].map(e => e.dataset.name)") == [
            "billing",
            "delivery",
        ]
        page.press("/")
        page.type("urgent")
        page.press("Enter", "Escape")
        time.sleep(3.5)  # the state is asked for meanwhile, and does not know the new label
        page.press("Enter")
        wait(lambda: answers(desk))
        shown(page, desk.items[1].id)
        assert not page.run("document.querySelector('[aria-pressed=true].choice')")
    assert answers(desk)[0]["value"] == ["billing", "delivery", "urgent"]


def test_an_item_without_any_of_the_labels_is_answered_so(chromium: Browser) -> None:
    desk = Desk(kind="labels", taught=20)
    does = "document.querySelector('.save .does').innerText"
    first, second, third, fourth = [one.id for one in desk.items if not one.answers][:4]
    with opened(chromium, desk) as page:
        shown(page, first)
        assert page.run(does) == "No label applies"
        page.press("Enter")
        shown(page, second)
        page.press("1")
        assert page.run(does) == "Save"
        page.press("1")  # thought better of
        assert page.run(does) == "No label applies"
        page.press("Enter")
        shown(page, third)
        desk.suggest = "before"
        page.until("document.querySelector('.choice.suggested')")
        assert page.run(does) == "Take the suggestion"
        page.click(".without")
        shown(page, fourth)
        page.press("Enter")
        wait(lambda: len(answers(desk)) == 4)
    kept = [(one["value"], one["kind"], one["how"]) for one in answers(desk)]
    assert kept[:3] == [([], "label", "key"), ([], "label", "key"), ([], "label", "click")]
    assert kept[3][0] and kept[3][2] == "suggestion"


def test_numbers_are_typed(chromium: Browser) -> None:
    desk = Desk(kind="number")
    with opened(chromium, desk) as page:
        page.type("3,5")
        page.press("Enter")
        shown(page, desk.items[1].id)
        page.type("-.")
        page.press("Enter")
        page.until("document.querySelector('#number-hint').innerText.includes('is no number')")
        page.press("Backspace", "Backspace", "Backspace")  # the third is for undo: there is nothing to delete
        shown(page, desk.items[0].id)
        page.press(" ")
        shown(page, desk.items[1].id)
        page.type("40")
        page.press("Enter")
        wait(lambda: len(answers(desk)) == 2)
    assert [one["value"] for one in answers(desk)] == [3.5, 40]


def test_a_guess_after_the_answer_says_whether_it_agrees(chromium: Browser) -> None:
    desk = Desk(taught=40, suggest="after")
    with opened(chromium, desk) as page:
        guess = page.run("fetch('/api/item/k0040').then(r => r.json()).then(i => i.guess.value)")
        other = next(name for name in desk.names if name != guess)
        assert not page.run("document.querySelector('.suggested')")
        page.press(str(1 + desk.names.index(guess)))
        page.until("document.querySelector('#last').innerText.includes('guessed the same')")
        page.press("Backspace")
        shown(page, desk.items[40].id)
        page.press(str(1 + desk.names.index(other)))
        page.until(f"document.querySelector('#last').innerText.includes(\"guessed '{guess}'\")")
        wait(lambda: len(desk.items[40].answers) == 1)
    assert answers(desk)[-1]["saw"] == {"guess": guess, "mode": "after"}


def test_a_guess_before_the_answer_is_taken_by_enter(chromium: Browser) -> None:
    desk = Desk(taught=40, suggest="before")
    with opened(chromium, desk) as page:
        guess = page.run("document.querySelector('.suggested').dataset.name")
        page.press("Enter")
        wait(lambda: answers(desk))
    assert answers(desk)[0]["value"] == guess
    assert answers(desk)[0]["how"] == "suggestion"
    assert answers(desk)[0]["saw"] == {"guess": guess, "mode": "before"}


def test_a_guess_that_is_never_shown_is_nowhere_to_be_seen(chromium: Browser) -> None:
    desk = Desk(taught=40, suggest="never")
    with opened(chromium, desk) as page:
        page.press("Enter", "Shift+w")
        page.until("document.querySelector('.why .headline')")
        assert not page.run(
            "document.querySelector('.suggested') || document.querySelector('.why .bars')?.checkVisibility()"
        )
        page.press("1")
        wait(lambda: answers(desk))
    assert answers(desk)[0]["saw"] is None
    assert answers(desk)[0]["id"] == desk.items[40].id  # Enter took nothing


def test_an_old_guess_says_so(chromium: Browser) -> None:
    with opened(chromium, Desk(taught=39, suggest="before")) as page:
        assert "older than the last 19 labels" in page.text("#about")


def test_a_first_run_asks_who_what_and_the_first_class(chromium: Browser) -> None:
    desk = Desk(person="", unset=True, names=())
    with opened(chromium, desk, first=False) as page:
        page.until("document.activeElement?.id === 'my-name'")
        page.type("Zoë")
        page.press("Enter")
        page.until("document.querySelectorAll('.stage .kind').length === 3")
        page.click(".stage .kind")
        page.until(ITEM)
        page.type("billing")
        page.press("Enter")
        wait(lambda: answers(desk))
        page.until("document.querySelector('.choice[data-name=billing]')")
        page.press("1")
        wait(lambda: len(answers(desk)) == 2)
    assert desk.person == "Zoë" and desk.kind == "classes" and not desk.unset
    assert [one["value"] for one in answers(desk)] == ["billing", "billing"]


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (lambda: Desk(n=0), "moment"),
        (lambda: Desk(n=6, taught=6), "All items are answered"),
    ],
)
def test_an_empty_page_says_why(chromium: Browser, make: Any, title: str) -> None:
    with opened(chromium, make(), first=False) as page:
        page.until(f"document.querySelector('#stage').innerText.includes({json.dumps(title)})")


def test_items_that_others_hold_come_when_they_are_free(chromium: Browser) -> None:
    desk = Desk(n=2)
    desk.leases = {item.id: "ben" for item in desk.items}
    with opened(chromium, desk, first=False) as page:
        page.until("document.querySelector('#stage').innerText.includes('Others hold the open items')")
        desk.leases = {}
        shown(page, desk.items[0].id)


def test_the_first_items_are_waited_for(chromium: Browser) -> None:
    desk = Desk()
    desk.doing = "encoding"
    with opened(chromium, desk, first=False) as page:
        page.until("document.querySelector('#stage').innerText.includes('The first items come in a moment')")
        assert "40 of 240 items read" in page.text("#stage")
        desk.doing = "idle"
        page.until(ITEM)


@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_hostile_texts_are_only_texts(chromium: Browser, kind: str) -> None:
    desk = Desk(kind=kind, texts=HOSTILE, names=tuple(HOSTILE), taught=3, person=HOSTILE[1], suggest="before")
    desk.banner = {"level": "info", "text": HOSTILE[2]}
    desk.items[3].comment = HOSTILE[0]
    with opened(chromium, desk) as page:
        page.run("addEventListener('securitypolicyviolation', event => { hacked = event.violatedDirective })")
        for view in ("overview", "why", "map", "history", "classes"):
            page.run(f"document.querySelector('[data-view={view}].tab:not([aria-current])')?.click()")
            time.sleep(0.3)
        for text in HOSTILE[3:]:
            page.until(f"document.querySelector('.prose')?.textContent === {json.dumps(text)}")
            page.press("1", *(["Enter"] if kind == "labels" else []))
        page.press("Shift+h")
        page.until("document.querySelectorAll('.answers li').length >= 7 || document.querySelector('.answers')")
        assert HOSTILE[0] in page.run("document.body.textContent")
        assert page.run("typeof hacked") == "undefined"
        assert page.run("document.querySelectorAll('iframe, .prose *, .choice script, .choice img').length") == 0


def test_a_view_explains_the_item(chromium: Browser) -> None:
    with opened(chromium, Desk(taught=60, suggest="before")) as page:
        page.press("1", "Shift+w")
        page.until("document.querySelector('.why .headline')?.innerText.startsWith('Asked ')")
        assert page.run("document.querySelectorAll('.why .near li').length") == 5
        assert "unlabeled items have this one as the nearest" in page.text(".why")
        said = page.text(".why")
        page.press("2")
        page.until(f"document.querySelector('.why').innerText !== {json.dumps(said)}")


def test_the_overview_shows_the_proof(chromium: Browser) -> None:
    with opened(chromium, Desk(taught=134)) as page:
        page.until("document.querySelectorAll('.chart .stroke').length === 2")
        said = page.text("#panel")
        assert "Asking helps" in said and "6.1 points" in said and "74 more labels" in said
        assert "Learned from 120 labels, 14 came since" in said
        assert page.run("document.querySelectorAll('details tbody tr').length") == 12


def test_an_answer_is_corrected_from_the_history(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.press("1", "2", "Shift+h")
        page.until("document.querySelectorAll('.answers .answer').length === 2")
        page.click(".answers li:nth-child(2) .answer")
        shown(page, desk.items[0].id)
        assert "You answered billing" in page.text("#notice")
        page.press("4")
        shown(page, desk.items[2].id)
        wait(lambda: desk.items[0].answers["ann"]["value"] == "returns")


def test_classes_are_added_renamed_and_merged(chromium: Browser) -> None:
    desk = Desk(taught=40)
    with opened(chromium, desk) as page:
        page.press("Shift+l")
        page.click("#new-class")
        page.type("refunds")
        page.press("Enter")
        page.until("document.querySelector('.classes [data-name=refunds]')")
        page.click("[aria-label='Rename refunds']")
        page.type("money")
        page.press("Enter")
        page.until("document.querySelector('.classes [data-name=money]')")
        page.click("[aria-label='Merge praise into another class']")
        page.press("Tab", "Enter")  # into the first
        page.until("!document.querySelector('.classes [data-name=praise]')")
        page.until("!document.querySelector('.choice[data-name=praise]')")
    assert desk.names == ["billing", "delivery", "access", "returns", "money"]
    assert not any(answer["value"] == "praise" for one in desk.items for answer in one.answers.values())


def test_a_loop_on_the_map_labels_many(chromium: Browser) -> None:
    desk = Desk(taught=20)
    with opened(chromium, desk) as page:
        page.press("Shift+m")
        page.until("document.querySelector('.legend.keys li')")
        x, y, wide, high = page.run(
            "(b => [b.x, b.y, b.width, b.height])(document.querySelector('canvas').getBoundingClientRect())"
        )
        corners = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98)]
        page.mouse("mousePressed", x + wide * 0.02, y + high * 0.02)
        for across, down in corners:
            page.mouse("mouseMoved", x + wide * across, y + high * down, buttons=1)
        page.mouse("mouseReleased", x + wide * 0.02, y + high * 0.98)
        page.until("document.querySelector('.caught strong')")
        count = int(page.text(".caught strong").split()[0])
        assert count == desk.state()["progress"]["unlabeled"]
        page.click(".caught .save")
        page.type("praise")
        page.press("Enter")
        page.until(f"document.querySelector('#toasts').innerText.includes(\"{count} items labeled as 'praise'\")")
        wait(lambda: [body for _, path, body in desk.seen if path == "/api/answers"])
    (sent,) = [body for _, path, body in desk.seen if path == "/api/answers"]
    assert len(sent["ids"]) == count and sent["value"] == "praise" and sent["how"] == "lasso"


def lassoed(page: Page) -> None:
    """Label what is around the middle of the map."""

    def caught() -> bool:
        page.press(" ")
        return bool(page.run("Boolean(document.querySelector('.caught strong'))"))

    page.press("Shift+m")
    page.until("document.querySelector('.legend.keys li')")
    page.run("document.querySelector('canvas').focus()")
    page.press(*"++++++")
    wait(caught)  # once the map knows which items have no label
    page.press("Enter")
    page.until("document.querySelector('#palette[open]')")
    page.press("Enter")
    page.until("document.querySelector('#last').innerText.includes('for ')")


def test_a_lasso_is_undone_whole_and_nothing_else_with_it(chromium: Browser) -> None:
    desk = Desk()

    def many() -> list[str]:
        return [id for _, id, once in desk.log if once.startswith("lasso")]

    with opened(chromium, desk) as page:
        page.press("1")
        wait(lambda: answers(desk))
        shown(page, desk.items[1].id)
        lassoed(page)
        wait(lambda: len(many()) > 1)
        page.press("Control+z")
        wait(lambda: not many())
        page.until("document.querySelector('#toasts').innerText.includes('given on the map')")
        shown(page, desk.items[1].id)  # what was on the screen stays
        assert desk.items[0].answers["ann"]["value"] == "billing"
        page.press("Control+z")
        shown(page, desk.items[0].id)
        wait(lambda: not desk.log)

        page.run("document.activeElement.blur()")
        page.press("1", "Shift+m")  # the map is closed, to be opened again
        lassoed(page)
        wait(many)
        page.until("document.querySelector('#saved').innerText.includes('All saved')")
        page.send("Page.reload")
        page.until("document.querySelector('#last').innerText === ''")
        page.until(ITEM)
        page.press("Control+z")  # a page that was reloaded asks the server what was last
        wait(lambda: not many())
        assert desk.items[0].answers["ann"]["value"] == "billing"


def test_the_map_is_used_without_a_mouse(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.press("Shift+m")
        page.until("document.querySelector('.legend.keys li')")
        page.run("document.querySelector('canvas').focus()")
        page.press("ArrowLeft", *"++++", " ")
        page.until("document.querySelector('.caught strong')")
        page.until("document.querySelector('.hover:not([hidden])')?.innerText.length > 20")
        page.press("Enter")
        page.until("document.querySelector('#palette[open]')")
        page.press("Enter")
        wait(lambda: [body for _, path, body in desk.seen if path == "/api/answers"])


def test_a_picture_is_zoomed_moved_and_seen_whole_again(chromium: Browser) -> None:
    with opened(chromium, Desk("image")) as page:
        page.until("document.querySelector('#stage img')?.naturalWidth")
        box = page.run(
            "(b => [b.x + b.width / 2, b.y + b.height / 2])(document.querySelector('.frame').getBoundingClientRect())"
        )
        page.mouse("mouseWheel", *box, deltaX=0, deltaY=-600)
        page.until("/scale\\(2/.test(document.querySelector('#stage img').style.transform)")
        page.mouse("mousePressed", *box)
        page.mouse("mouseMoved", box[0] + 40, box[1] + 30, buttons=1)
        page.mouse("mouseReleased", box[0] + 40, box[1] + 30)
        page.until(
            "document.querySelector('#stage img').style.transform.match(/translate\\(4[01][.\\dpx]*, 30[.\\dpx]*\\)/)"
        )
        page.press("0")
        page.until("document.querySelector('#stage img').style.transform.includes('scale(1)')")


def test_a_picture_that_cannot_be_read_is_said(chromium: Browser) -> None:
    desk = Desk("image", n=3)
    desk.items[0].picture = b"no picture"
    with opened(chromium, desk) as page:
        page.until("document.querySelector('.failed')?.innerText.includes('cannot be shown')")


def test_long_cells_are_folded_and_long_texts_scroll_inside(chromium: Browser) -> None:
    with opened(chromium, Desk("table")) as page:
        page.click(".cells .more")
        assert page.text(".cells .more") == "Show less"
    long = "word " * 100_000
    with opened(chromium, Desk(texts=[long])) as page:
        assert page.run("document.querySelector('#stage').scrollHeight > document.querySelector('#stage').clientHeight")
        page.press("PageDown")
        page.until("document.querySelector('#stage').scrollTop > 100")
        page.run("document.querySelector('.more').click()")
        assert page.run("document.querySelector('.prose').textContent.length") == len(long)


def test_keys_are_changed_and_kept(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.press("?")
        page.click("[data-action=skip] .small")
        page.press(".")
        page.until("document.querySelector('[data-action=skip] .keycap').innerText === '.'")
        page.press("Escape")
        page.send("Page.reload")
        page.until(ITEM)
        assert page.run("document.querySelector('.action[data-action=skip]').getAttribute('aria-keyshortcuts')") == "."
        page.press(".")
        shown(page, desk.items[1].id)


def test_single_keys_can_be_turned_off(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk) as page:
        page.click("#settings-open")
        page.click("[name=single]")
        page.press("Escape")
        page.press("1", "x")
        time.sleep(0.2)
        assert not page.run("document.querySelector('dialog[open]')")
        assert page.run("document.querySelectorAll('.choice .keycap:not(.enter)').length") == 0
        shown(page, desk.items[0].id)


def test_the_wish_for_guesses_is_told_to_the_server(chromium: Browser) -> None:
    desk = Desk(taught=40)
    with opened(chromium, desk) as page:
        page.click("#settings-open")
        page.click("[name=suggest][value=before]")
        page.until("document.querySelector('.choice.suggested')")
    assert desk.suggest == "before"


def test_a_lost_sign_in_asks_for_the_password_and_loses_nothing(chromium: Browser) -> None:
    desk = Desk()
    desk.password = "sesame"
    with opened(chromium, desk) as page:
        desk.fault = "door"
        page.press("1")
        page.until("document.activeElement?.id === 'password'")
        page.type("wrong")
        page.press("Enter")
        page.until("document.querySelector('#sheet .wrong').innerText.includes('not the password')")
        page.run("document.querySelector('#password').value = ''")
        page.type("sesame")
        page.press("Enter")
        wait(lambda: answers(desk))
        page.until("!document.querySelector('dialog[open]')")


def test_answers_are_exported(chromium: Browser, tmp_path: Path) -> None:
    with opened(chromium, Desk(taught=5)) as page:
        page.downloads(tmp_path)
        page.click("#export-open")
        page.click("#sheet .kind")
        wait(lambda: (tmp_path / "answers.csv").exists() and (tmp_path / "answers.csv").stat().st_size)
    assert (tmp_path / "answers.csv").read_text().startswith("id,label\n")


@pytest.mark.parametrize("reads", ["text", "image", "table"])
def test_a_narrow_phone_shows_all_without_scrolling_sideways(chromium: Browser, reads: str) -> None:
    with opened(chromium, Desk(reads, taught=134), 360, 640) as page:
        page.size(360, 640, touch=True)
        for view in ("label", "overview", "why", "map", "history", "classes"):
            page.run(f"document.querySelector('.tab[data-view={view}]').click()")
            time.sleep(0.3)
            wide = page.run(
                "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility()"
                " && !e.closest('.actions, .symbols, .unseen, .stage img') && e.getBoundingClientRect().right > 361)"
                ".map(e => e.className || e.tagName)"
            )
            assert wide == [], view
        small = page.run(
            "[...document.querySelectorAll('.choice, .tab')]"
            ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).length"
        )
        assert small == 0


def test_a_swipe_to_the_left_skips(chromium: Browser) -> None:
    desk = Desk()
    with opened(chromium, desk, 360, 640) as page:
        page.size(360, 640, touch=True)
        page.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": 300, "y": 250}])
        page.send("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": 150, "y": 255}])
        page.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        shown(page, desk.items[1].id)


def test_everything_is_reached_by_tab_and_seen_when_it_is(chromium: Browser) -> None:
    with opened(chromium, Desk(taught=134)) as page:
        page.until("document.querySelector('.chart')")
        wanted = page.run(
            "[...document.querySelectorAll('button, a[href], input, select, textarea, summary, [tabindex=\"0\"]')]"
            ".filter(e => e.checkVisibility() && !e.disabled && !e.closest('dialog')).length"
        )
        reached, bare = set(), []
        for _ in range(wanted + 2):
            page.press("Tab")
            name, outline = page.run(
                "(e => [e.tagName + e.className + (e.id || e.innerText), getComputedStyle(e).outlineStyle])"
                "(document.activeElement)"
            )
            reached.add(name)
            bare += [name] if outline == "none" and not name.startswith("BODY") else []
        assert bare == []
        assert len(reached - {name for name in reached if name.startswith("BODY")}) >= wanted


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: make page")
@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "desk", "before"),
    [
        ("text", lambda: Desk(taught=134, suggest="before"), []),
        ("table", lambda: Desk("table", taught=39, suggest="before"), ["Shift+l"]),
        ("image", lambda: Desk("image", taught=60), ["Shift+m"]),
        ("why", lambda: Desk(taught=134, suggest="before"), ["Shift+w"]),
        ("history", lambda: Desk(taught=60), ["1", "Shift+h"]),
        ("labels", lambda: Desk(kind="labels", taught=40), ["1", "3", "Shift+f"]),
        ("number", lambda: Desk(kind="number"), ["x"]),
        ("palette", lambda: Desk(), ["b", "i", "l", "i"]),
        ("help", lambda: Desk(), ["?"]),
        ("comment", lambda: Desk(), ["Shift+c"]),
        ("first", lambda: Desk(names=()), []),
        ("welcome", lambda: Desk(person=""), None),
        ("done", lambda: Desk(n=6, taught=6), None),
    ],
)
@pytest.mark.parametrize("wide", [1280, 360])
def test_axe_finds_no_barrier(
    chromium: Browser, name: str, desk: Any, before: list[str] | None, colors: str, wide: int
) -> None:
    with opened(chromium, desk(), wide, 800, first=before is not None) as page:
        page.prefers(color_scheme=colors, reduced_motion="reduce")
        time.sleep(0.3)
        page.press(*(before or []))
        time.sleep(0.5)
        page.run(AXE.read_text())
        found = page.run(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r =>"
            " r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.any.map(a => a.message))))"
        )
        assert found == []
