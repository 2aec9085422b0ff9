"""Who may come in: the link, the password and the cookie do what they should, and nothing else does."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type
from desks import PASSWORD, POST, TOKEN, Desk, ask
from hypothesis import given
from hypothesis import strategies as st

from askance.desk.door import Door, check_address, take_password
from askance.errors import BadInput


def cookie_of(answer: object) -> SimpleCookie:
    return SimpleCookie(answer.headers["set-cookie"])  # type: ignore[attr-defined]


def test_the_link_signs_in_and_leads_to_an_address_without_the_token(here: Desk) -> None:
    browser = here.browser()
    answer = browser.get(f"/?token={TOKEN}")
    assert answer.status_code == 303 and answer.headers["location"] == "/" and answer.content == b""
    assert browser.get("/").text == "<!doctype html><p>the desk</p>"
    assert here.browser().get(f"/?token={TOKEN}").status_code == 303, "the link may be opened again"


def test_the_cookie_is_for_http_alone_strict_and_named_after_the_port(make: Callable[..., Desk]) -> None:
    cookie = cookie_of(make().browser().get(f"/?token={TOKEN}"))["askance-8000"]
    assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/"
    assert cookie["max-age"] == str(30 * 86_400) and not cookie["secure"] and not cookie["domain"]
    other = make(port=8001, base="http://127.0.0.1:8001").browser().get(f"/?token={TOKEN}")
    assert list(cookie_of(other)) == ["askance-8001"]


def test_behind_https_the_cookie_goes_over_https_alone(make: Callable[..., Desk]) -> None:
    desk = make(names=["https://desk.example.org"], base="https://desk.example.org")
    browser = desk.browser()
    (cookie,) = cookie_of(browser.get(f"/?token={TOKEN}")).values()
    assert cookie.key == "__Host-askance-8000" and cookie["secure"] and cookie["httponly"]
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "token", ["", "~", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "%00", "é", "%ED%A0%80", "ａ" + TOKEN[1:], "~" * 9000]
)
def test_another_token_lets_nobody_in(here: Desk, token: str) -> None:
    answer = here.browser().get(f"/?token={token}")
    assert answer.status_code == 401 and "set-cookie" not in answer.headers
    assert not token or token not in answer.text


@given(st.text())
def test_a_token_fits_only_itself_and_none_is_an_error(given: str) -> None:
    door = Door.__new__(Door)
    door._token = TOKEN
    assert door.token_fits(given) == (given == TOKEN)


def test_tokens_are_compared_in_a_time_that_says_nothing(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", watched)
    assert here.browser().get("/?token=wrong").status_code == 401
    assert compared == [(b"wrong", TOKEN.encode())]


def test_a_token_is_random_and_long_unless_it_is_given(make: Callable[..., Desk]) -> None:
    links = {make(token=None).door.link for _ in range(3)}
    assert len(links) == 3 and all(len(link) == len("/?token=") + 43 for link in links)


def test_an_id_that_somebody_planted_is_never_made_a_session(here: Desk) -> None:
    planted = "A" * 43
    browser = here.browser(cookies={"askance-8000": planted})
    assert browser.get("/api/state").status_code == 401
    answer = browser.get(f"/?token={TOKEN}")
    assert planted not in answer.headers["set-cookie"]
    assert here.sessions.find(planted) is None


def test_signing_in_ends_the_session_before_and_keeps_its_name(here: Desk) -> None:
    browser = here.signed_in()
    browser.post("/api/person", json={"name": "ann"}, headers=POST)
    before = browser.cookies["askance-8000"]
    assert browser.get(f"/?token={TOKEN}").status_code == 303
    assert browser.cookies["askance-8000"] != before and here.sessions.find(before) is None
    assert browser.get("/api/state").json() == {"person": "ann"}


def test_a_cookie_that_a_page_at_another_port_put_before_ours_locks_nobody_out(here: Desk) -> None:
    id = here.sessions.start("ann")
    planted = "; ".join([f"askance-8000={'B' * 43}", "askance-8000=", f"askance-8000={id}"])
    assert here.browser(headers={"Cookie": planted}).get("/api/state").json() == {"person": "ann"}


def test_the_cookie_of_another_desk_is_worth_nothing_here(here: Desk) -> None:
    id = here.sessions.start("ann")
    assert here.browser(cookies={"askance-8001": id}).get("/api/state").status_code == 401
    assert here.browser(cookies={"xaskance-8000": id}).get("/api/state").status_code == 401


def test_an_old_link_is_refused_but_not_to_those_who_are_signed_in(here: Desk, make: Callable[..., Desk]) -> None:
    signed_in = dict(here.signed_in().cookies)
    again = make(token="another-start")
    assert again.browser().get(f"/?token={TOKEN}").status_code == 401
    browser = again.browser(cookies=signed_in)
    assert browser.get("/api/state").status_code == 200, "a restart keeps people signed in"
    assert browser.get(f"/?token={TOKEN}").headers["location"] == "/"


def test_a_head_request_of_a_program_that_looks_at_links_signs_nobody_in(here: Desk) -> None:
    answer = here.browser().head(f"/?token={TOKEN}")
    assert answer.status_code == 401 and "set-cookie" not in answer.headers


def test_the_password_signs_in_and_another_does_not(make: Callable[..., Desk]) -> None:
    browser = make(password=PASSWORD, token="").browser()
    assert browser.get("/").status_code == 401
    assert browser.get("/?again").headers["location"] == "/login"
    assert browser.get("/login").status_code == 200
    wrong = browser.post("/api/login", json={"password": "five words"}, headers=POST)
    assert (wrong.status_code, wrong.json()["what"]) == (401, "password") and "set-cookie" not in wrong.headers
    right = browser.post("/api/login", json={"password": PASSWORD}, headers=POST)
    assert right.json() == {"signed_in": True} and browser.get("/").status_code == 200


def test_a_password_is_the_same_however_a_keyboard_composes_it(make: Callable[..., Desk]) -> None:
    door = make(password="Grüße aus Köln").door
    assert door.password_fits("Gru\u0308ße aus Ko\u0308ln")
    assert not door.password_fits("Grusse aus Koln") and not door.password_fits("\ud800") and not door.password_fits("")


def test_of_the_password_only_an_argon2id_hash_is_kept(make: Callable[..., Desk], tmp_path: Path) -> None:
    desk = make(password=PASSWORD)
    kept = desk.sessions.kept("password")
    assert kept is not None and extract_parameters(kept.decode()).type is Type.ID
    assert extract_parameters(kept.decode()).memory_cost >= 65_536
    desk.close()
    assert not any(PASSWORD.encode() in file.read_bytes() for file in tmp_path.iterdir())


def test_the_same_password_keeps_people_signed_in_and_another_signs_all_out(make: Callable[..., Desk]) -> None:
    id = make(password=PASSWORD).sessions.start("ann")
    assert make(password=PASSWORD).sessions.find(id) is not None
    assert make(password=PASSWORD + "!").sessions.find(id) is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"password": 7}', b'{"passwort": "x"}', b"\xff", b"[" * 4000, b'{"a":' * 800]
)
def test_a_sign_in_that_is_none_is_refused_with_words(make: Callable[..., Desk], body: bytes) -> None:
    answer = make(password=PASSWORD).browser().post("/api/login", content=body, headers=POST)
    assert (answer.status_code, answer.json()["what"]) == (422, "fields")


def test_after_five_wrong_passwords_even_the_right_one_waits_a_minute(make: Callable[..., Desk]) -> None:
    browser = make(password=PASSWORD).browser()
    for number in range(5):
        assert browser.post("/api/login", json={"password": f"guess {number}"}, headers=POST).status_code == 401
    answer = browser.post("/api/login", json={"password": PASSWORD}, headers=POST)
    assert answer.status_code == 429 and 55 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["what"] == "too-fast" and "set-cookie" not in answer.headers


def test_who_guesses_from_one_address_does_not_lock_out_another(make: Callable[..., Desk]) -> None:
    guard = make(password=PASSWORD).guard
    headers = [(b"host", b"127.0.0.1:8000"), (b"x-askance", b"1"), (b"content-type", b"application/json")]
    guess, right = [b'{"password": "guess"}'], [b'{"password": "%s"}' % PASSWORD.encode()]
    for _ in range(5):
        ask(guard, "POST", "/api/login", headers, body=guess, client="192.0.2.1")
    assert ask(guard, "POST", "/api/login", headers, body=right, client="192.0.2.1").status == 429
    assert ask(guard, "POST", "/api/login", headers, body=right, client="192.0.2.2").status == 200
    forwarded = [*headers, (b"x-forwarded-for", b"192.0.2.9")]
    assert ask(guard, "POST", "/api/login", forwarded, body=right, client="192.0.2.1").status == 429


def test_a_desk_without_a_password_has_no_sign_in(here: Desk) -> None:
    answer = here.browser().post("/api/login", json={"password": ""}, headers=POST)
    assert (answer.status_code, answer.json()["what"]) == (404, "no-password")


def test_a_door_that_nobody_could_pass_is_refused(here: Desk) -> None:
    with pytest.raises(BadInput, match="Nobody could sign in"):
        Door(here.sessions, 8000, token="")


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.7", "desk.lan"])
def test_others_than_this_machine_are_served_only_with_a_password(host: str) -> None:
    with pytest.raises(BadInput, match="it has no password"):
        check_address(host, "")
    with pytest.raises(BadInput, match="has 5 characters"):
        check_address(host, "short")
    check_address(host, PASSWORD)


def test_this_machine_needs_no_password() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        check_address(host, "")


def test_the_password_comes_from_the_environment_and_goes_no_further() -> None:
    environment = {"ASKANCE_PASSWORD": PASSWORD, "HOME": "/"}
    assert take_password(environment) == PASSWORD and environment == {"HOME": "/"}
    assert take_password({}) == ""


def test_a_password_that_is_typed_is_typed_twice() -> None:
    typed = iter([PASSWORD, PASSWORD, PASSWORD, "another", ""])
    assert take_password({}, lambda _: next(typed)) == PASSWORD
    with pytest.raises(BadInput, match="differ"):
        take_password({}, lambda _: next(typed))
    assert take_password({}, lambda _: next(typed)) == ""
