"""Addresses: understood, and never shown with their secrets."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import SourceError, UsageError
from forecast.sources.live.address import Kind, parse_address


@pytest.mark.parametrize(
    ("address", "kind", "live"),
    [
        ("rtsp://10.0.0.2/street", Kind.NETWORK, True),
        ("rtmp://10.0.0.2/live", Kind.NETWORK, True),
        ("http://10.0.0.2/video.mjpg", Kind.NETWORK, True),
        ("udp://127.0.0.1:5000", Kind.NETWORK, True),
        ("tcp://127.0.0.1:5000", Kind.NETWORK, True),
        ("-", Kind.STDIN, False),
        ("lavfi:testsrc=size=64x32", Kind.LAVFI, False),
    ],
)
def test_every_kind_of_address_is_understood(address, kind, live):
    parsed = parse_address(address)
    assert (parsed.kind, parsed.is_live) == (kind, live)


def test_a_named_pipe_is_told_from_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.ts")
    (tmp_path / "film.mp4").touch()
    assert parse_address(str(tmp_path / "pipe.ts")).kind is Kind.PIPE
    assert parse_address(str(tmp_path / "film.mp4")).kind is Kind.FILE


@given(
    user=st.from_regex(r"[a-z]{3,8}", fullmatch=True),
    password=st.from_regex(r"[A-Za-z0-9]{6,12}[0-9]{3}", fullmatch=True),
    token=st.from_regex(r"[A-Z0-9]{9,14}", fullmatch=True),
)
def test_no_secret_survives_in_anything_shown(user, password, token):
    address = f"rtsp://{user}:{password}@camera.lan:554/gate?token={token}&channel=1"
    parsed = parse_address(address)
    fault = f"could not open {address}: 401 for {user}:{password} with {token}"
    for shown in (parsed.shown, parsed.clip, repr(parsed), parsed.masked(fault)):
        assert password not in shown
        assert token not in shown
    assert "camera.lan" in parsed.shown
    assert "channel=1" in parsed.shown


def test_a_percent_encoded_password_is_masked_both_ways():
    parsed = parse_address("rtsp://eve:p%40ssw0rd@host/x")
    assert "p@ssw0rd" not in parsed.masked("denied p@ssw0rd")
    assert "p%40ssw0rd" not in parsed.masked("denied p%40ssw0rd")


@pytest.mark.parametrize("address", ["ftp://x/y", "", "lavfi:"])
def test_an_address_of_no_known_kind_says_what_is_known(address):
    with pytest.raises(UsageError, match=r"rtsp|lavfi|give"):
        parse_address(address)


def test_a_missing_device_is_an_error_at_once():
    with pytest.raises(SourceError, match="does not exist"):
        parse_address("/dev/video987")


def test_a_clip_name_is_safe_as_a_file_name():
    clip = parse_address("http://u:pppp@h:80/a b/../c?d=e").clip
    assert clip.replace(".", "").replace("_", "").replace("-", "").isalnum()
