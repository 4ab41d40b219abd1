"""Who may look at the page."""

from __future__ import annotations

import pytest

from forecast.errors import UsageError
from forecast.live.access import Access, is_loopback
from forecast.live.server import parse_serve


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_token(host):
    assert is_loopback(host)
    assert Access(host, None).shows_token({}, {})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "camera.lan", "::"])
def test_any_other_address_needs_one(host):
    with pytest.raises(UsageError, match="--token"):
        Access(host, None)
    Access(host, "a-long-secret")


def test_a_short_token_is_refused():
    with pytest.raises(UsageError, match="8 characters"):
        Access("0.0.0.0", "1234")


def test_the_token_may_come_in_the_address_or_as_a_bearer():
    access = Access("0.0.0.0", "a-long-secret")
    assert access.shows_token({"token": "a-long-secret"}, {})
    assert access.shows_token({}, {"authorization": "Bearer a-long-secret"})
    assert access.shows_token({}, {"authorization": "bearer a-long-secret"})
    assert access.shows_token({}, {"authorization": "BEARER  a-long-secret"})
    assert not access.shows_token({}, {"authorization": "Basic a-long-secret"})
    host = {"host": "camera.lan:8000"}
    assert access.shows_token({}, {**host, "cookie": "x=1; forecast_8000=a-long-secret"})
    assert not access.shows_token({}, {**host, "cookie": "forecast_8001=a-long-secret"})
    assert not access.shows_token({"token": "another-one"}, {})
    assert not access.shows_token({}, {})


def test_a_foreign_page_is_told_from_ours():
    access = Access("127.0.0.1", None)
    host = {"host": "127.0.0.1:8000"}
    assert access.is_own_page(host)
    assert access.is_own_page({**host, "origin": "http://127.0.0.1:8000"})
    assert not access.is_own_page({**host, "origin": "http://evil.example"})
    assert not access.is_own_page({**host, "origin": "null"})


def test_a_foreign_name_that_points_here_is_refused():
    access = Access("127.0.0.1", None)
    assert access.knows_host({"host": "localhost:8000"})
    assert not access.knows_host({"host": "evil.example:8000"})


@pytest.mark.parametrize("serve", ["8000", "localhost", ":8000", "host:port", "h:99999"])
def test_a_malformed_address_says_how_it_is_written(serve):
    with pytest.raises(UsageError, match="HOST:PORT"):
        parse_serve(serve)
