"""Addresses: understood, and never shown with their secrets."""

from __future__ import annotations

import os

import pytest

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


_FORMS = [
    "rtsp://{user}:{secret}@camera.lan:554/gate?channel=1",
    "rtsp://{user}:a@{secret}@camera.lan/gate",
    "rtsp://{user}:12/{secret}@camera.lan",
    "rtsp://camera.lan/user={user}&password={secret}&channel=1",
    "rtsp://camera.lan/user={user}_password={secret}_channel=1_stream=0.sdp",
    "rtsp://camera.lan/channel=1_password={secret}",
    "http://camera.lan/video?loginuse={user}&loginpas={secret}",
    "http://camera.lan/video?usr={user}&pwd={secret}",
    "http://camera.lan/video?passphrase=two words {secret}&channel=1",
    "http://camera.lan/video?pass%77ord={secret}",
    "http://camera.lan/live/abcd-12ef-{secret}/index.m3u8",
    "rtmp://camera.lan/live/x9y8-7f6e-{secret}",
    "udp://camera.lan:5000?key={secret}",
    "lavfi:movie=rtsp://{user}:{secret}@camera.lan/x,scale=64:32",
    "lavfi:movie=rtsp\\\\://{user}\\:{secret}@camera.lan/x[a];[a]scale=64:32",
    "lavfi:movie=http\\\\://camera.lan/x?token={secret}",
] + [
    f"http://camera.lan/video{sign}{key}={{secret}}"
    for sign in ("?", ";", "?x=1&", "/", "#")
    for key in ("pw", "p", "PW", "pass", "passwd", "jwt", "token", "access_token", "sig", "apikey")
]


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("secret", ["zq7wKx", "Zq7-wKx.12"])
def test_no_secret_survives_in_anything_shown(form, secret):
    address = form.format(user="jolanda", secret=secret)
    parsed = parse_address(address)
    fault = parsed.masked(f"could not open {address}: 401 for jolanda")
    for shown in (parsed.shown, parsed.clip, repr(parsed), fault.removesuffix("jolanda")):
        assert secret not in shown
        assert "jolanda" not in shown
    assert "camera.lan" in parsed.shown
    assert "channel=1" in parsed.shown or "&channel=1" not in form


@pytest.mark.parametrize(
    "address",
    ["rtsp://jolanda:zq7wKx@h/x", "rtsp://h/user=jolanda&password=zq7wKx", "http://h/x?p=zq7wKx"],
)
def test_a_secret_that_a_message_repeats_alone_is_masked(address):
    assert parse_address(address).masked("401 for zq7wKx\n!") == "401 for *** !"


@pytest.mark.parametrize("sign", "/?#[]")
def test_a_sign_that_must_be_encoded_is_one_line_that_says_how(sign):
    with pytest.raises(UsageError, match="%2F") as caught:
        parse_address(f"rtsp://jolanda:pa{sign}zq7wKx@camera.lan/gate")
    assert "zq7wKx" not in str(caught.value)
    assert "jolanda" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mistyped", ["rtsp:/eve:zq7wKx@camera.lan", "eve:zq7wKx@camera.lan/x"])
def test_an_address_that_is_taken_for_a_file_is_not_shown_with_its_password(mistyped):
    with pytest.raises(SourceError, match="does not exist") as caught:
        parse_address(mistyped)
    assert "zq7wKx" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["rtsp://host:99999/x", "rtsp://host:0/x", "rtsp://host:x/y", "rtsp://", "rtsp:///x", "udp://"],
)
def test_a_bad_port_or_no_host_is_final_at_once(address):
    with pytest.raises(UsageError, match="is no address"):
        parse_address(address)


@pytest.mark.parametrize("address", ["udp://@239.0.0.1:1234", "udp://:5000", "http://[::1]:80/a"])
def test_forms_that_only_look_odd_are_understood(address):
    assert parse_address(address).shown == address


def test_an_unknown_container_is_final_at_once():
    with pytest.raises(UsageError, match=r"mpegtz.*no format"):
        parse_address("udp://127.0.0.1:5000", container="mpegtz")


def test_no_name_is_taken_from_the_path():
    assert parse_address("rtsp://u:p@camera.lan:8554/street/1").clip == "rtsp_camera.lan_8554"
    assert parse_address("lavfi:testsrc=size=64x32:rate=25").clip == "lavfi_testsrc"


def test_a_percent_encoded_password_is_masked_both_ways():
    parsed = parse_address("rtsp://eve:p%40ssw0rd@host/x")
    assert "p@ssw0rd" not in parsed.masked("denied p@ssw0rd")
    assert "p%40ssw0rd" not in parsed.masked("denied p%40ssw0rd")


@pytest.mark.parametrize("address", ["ftp://x/y", "srt://x:1", "rtp://x:1", "", " ", "lavfi:"])
def test_an_address_of_no_known_kind_says_what_is_known(address):
    with pytest.raises(UsageError, match=r"rtsp|lavfi|give"):
        parse_address(address)


def test_a_missing_device_is_an_error_at_once():
    with pytest.raises(SourceError, match="does not exist"):
        parse_address("/dev/video987")


def test_a_clip_name_is_safe_as_a_file_name():
    clip = parse_address("http://u:pppp@h:80/a b/../c?d=e").clip
    assert clip.replace(".", "").replace("_", "").replace("-", "").isalnum()
