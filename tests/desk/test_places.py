"""Host and Origin are compared to the letter: no stranger's is taken for ours, and nothing in them is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askance.desk.objections import Asked, objection
from askance.desk.places import Places, is_loopback, place
from askance.errors import BadInput

PLACES = Places(8000, ["desk.lan", "https://desk.example.org"])
OURS = {
    b"127.0.0.1:8000": b"http://127.0.0.1:8000",
    b"localhost:8000": b"http://localhost:8000",
    b"[::1]:8000": b"http://[::1]:8000",
    b"desk.lan:8000": b"http://desk.lan:8000",
    b"desk.example.org": b"https://desk.example.org",
    b"desk.example.org:443": b"https://desk.example.org",
}
STRANGE = [
    b"",
    b"evil.example",
    b"evil.example:8000",
    b"127.0.0.1",
    b"127.0.0.1:8001",
    b"localhost:8000.evil.example",
    b"localhost.:8000",
    b"127.0.0.1:8000@evil.example",
    b"evil.example#127.0.0.1:8000",
    b"evil.example, 127.0.0.1:8000",
    b" 127.0.0.1:8000",
    b"127.0.0.1:8000 ",
    b"127.0.0.1:08000",
    b"127.1:8000",
    b"2130706433:8000",
    b"0.0.0.0:8000",
    b"[::ffff:127.0.0.1]:8000",
    b"desk.lan",
    b"desk.example.org:8000",
    b"xdesk.example.org",
    "lοcalhost:8000".encode(),  # a Greek letter
    "localhost：8000".encode(),  # a wide colon
    "ｌocalhost:8000".encode(),
    "loca\u212ahost:8000".encode(),
    b"localhost:8000\0",
    b"\xff\xfe",
]
nearly = st.sampled_from(sorted(OURS)).flatmap(
    lambda ours: st.tuples(st.binary(max_size=3), st.integers(0, len(ours)), st.integers(0, len(ours))).map(
        lambda cut: ours[: min(cut[1:])] + cut[0] + ours[max(cut[1:]) :]
    )
)


@pytest.mark.parametrize("host", sorted(OURS))
def test_every_name_of_ours_is_known_in_any_case(host: bytes) -> None:
    for spelled in (host, host.upper()):
        found = PLACES.of(spelled)
        assert found is not None and found.origin == OURS[host]


@pytest.mark.parametrize("host", STRANGE)
def test_a_strange_host_is_no_place_of_ours(host: bytes) -> None:
    assert PLACES.of(host) is None


@given(st.one_of(st.binary(), st.text().map(str.encode), nearly))
def test_no_host_is_an_error_and_only_ours_are_ours(host: bytes) -> None:
    assert (PLACES.of(host) is not None) == (host.lower() in OURS)


@given(st.sampled_from(sorted(OURS)), st.one_of(st.binary(), st.sampled_from(sorted(OURS.values())), nearly))
def test_no_origin_is_an_error_and_only_the_hosts_own_is_served(host: bytes, origin: bytes) -> None:
    found = objection(Asked("GET", "/", b"", ((b"host", host), (b"origin", origin))), PLACES)
    assert (found is None) == (origin == OURS[host])
    assert found is None or found.what == "origin"


@pytest.mark.parametrize(
    ("name", "origin", "hosts"),
    [
        ("desk.lan", b"http://desk.lan:8000", (b"desk.lan:8000",)),
        ("Desk.LAN:81", b"http://desk.lan:81", (b"desk.lan:81",)),
        ("http://desk.lan", b"http://desk.lan", (b"desk.lan", b"desk.lan:80")),
        ("https://desk.lan:8443", b"https://desk.lan:8443", (b"desk.lan:8443",)),
        ("192.0.2.7", b"http://192.0.2.7:8000", (b"192.0.2.7:8000",)),
        ("2001:DB8::7", b"http://[2001:db8::7]:8000", (b"[2001:db8::7]:8000",)),
        ("[2001:db8::7]:81", b"http://[2001:db8::7]:81", (b"[2001:db8::7]:81",)),
        ("büro.example", b"http://xn--bro-hoa.example:8000", (b"xn--bro-hoa.example:8000",)),
    ],
)
def test_a_name_that_people_give_is_what_browsers_send(name: str, origin: bytes, hosts: tuple[bytes, ...]) -> None:
    found = place(name, 8000)
    assert (found.origin, found.hosts) == (origin, hosts)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "*",
        "*.lan",
        "a b",
        "ftp://desk.lan",
        "https://",
        "desk.lan/",
        "https://desk.lan/x",
        "desk.lan:0",
        "desk.lan:",
        "desk.lan:65536",
        "desk.lan:x",
        "u@desk.lan",
        "-desk",
        "desk..lan",
        "fe80::1%eth0",
        "[127.0.0.1]",
        "a\nb",
        "ü" * 99,
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="is no name for a desk"):
        Places(8000, [name])


@given(st.text())
def test_any_name_makes_a_place_or_is_bad_input(name: str) -> None:
    try:
        found = place(name, 8000)
    except BadInput:
        return
    assert found.origin.startswith((b"http://", b"https://"))
    assert all(host and all(0x20 < sign < 0x7F and sign not in b"/@\\?#" for sign in host) for host in found.hosts)


def test_only_what_this_machine_alone_can_reach_is_loopback() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST"]))
    assert not any(
        map(is_loopback, ["", "0.0.0.0", "::", "192.0.2.7", "localhost.evil.example", "127.0.0.1.nip.example"])
    )
