"""Where a webhook leads: to public addresses alone, judged as they are connected to, and to whom TLS proves it is."""

import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from tests.publishers.receiver import PATH, SECRET, ZONE, Receiver
from txtproof.adapters.public_addresses import is_public
from txtproof.adapters.publishers.webhook import call as webhook_call
from txtproof.adapters.publishers.webhook.call import check_webhook_url
from txtproof.adapters.publishers.webhook.publisher import WebhookOptions, check_webhook_secret
from txtproof.core.observations import Blocked, PublishAnswer, Published, Unreachable
from txtproof.core.reasons import Reason

NAME = f"_verify.{ZONE}"
PUBLIC = "127.0.0.2"
"""Stands for the internet, since tests go nowhere else."""
HOST = "hooks.example.test"

_watching: list[set[str]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        for seen in _watching:
            seen.add(arguments[1][0])


sys.addaudithook(_hook)


@contextmanager
def connections() -> Iterator[set[str]]:
    """Note every address that this process connects to."""
    seen: set[str] = set()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_call, "is_public", lambda address: address == PUBLIC or is_public(address))


async def told(url: str, *, allow_private: bool = False, seconds: float = 20) -> PublishAnswer:
    publisher = WebhookOptions(
        "platform", (ZONE,), url, SecretStr(SECRET), allow_private, timedelta(seconds=seconds)
    ).open()
    try:
        return await publisher.ensure_txt(ZONE, NAME, b"code", 60)
    finally:
        await publisher.aclose()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fd00::1]",
        "[fe80::1]",
    ],
)
async def test_no_address_outside_the_public_internet_is_connected_to(host: str) -> None:
    with connections() as seen:
        said = await told(f"https://{host}/")
    assert seen == set()
    assert isinstance(said, Blocked)
    assert said.reason is Reason.PUBLISHER_REFUSED
    assert said.detail.endswith("has no public address: it is not called unless allow_private is true")


class Resolver:
    """What the system's resolver says of one name, each time anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int, *answers: list[str]) -> None:
        self.asked = 0
        self._answers = answers
        self._port = port
        self._really = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in (HOST, HOST.encode()):
            return self._really(host, port, *args, **kwargs)
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or self._port)) for address in answer]


@contextmanager
def silent(address: str) -> Iterator[int]:
    """Listen, and take no connection from the queue; return the port."""
    with socket.create_server((address, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.usefixtures("internet")
async def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: were the name looked up again to connect, the second answer would lead inside."""
    with silent(PUBLIC) as port:
        resolver = Resolver(monkeypatch, port, [PUBLIC], ["127.0.0.1"])
        with connections() as seen:
            await told(f"https://{HOST}:{port}/", seconds=0.5)
        assert (seen, resolver.asked) == ({PUBLIC}, 1)
        with connections() as seen:
            assert isinstance(await told(f"https://{HOST}:{port}/"), Blocked)
        assert (seen, resolver.asked) == (set(), 2)


@pytest.mark.usefixtures("internet")
async def test_among_others_only_the_public_addresses_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent(PUBLIC) as port:
        Resolver(monkeypatch, port, ["127.0.0.1", "10.0.0.1", PUBLIC, "127.0.0.3"])
        with connections() as seen:
            await told(f"https://{HOST}:{port}/", seconds=0.5)
    assert seen == {PUBLIC}


async def test_an_address_that_takes_no_connection_is_followed_by_the_next(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    port = int(receiver.url.split(":")[2].partition("/")[0])
    Resolver(monkeypatch, port, ["127.0.0.4", "127.0.0.1"])
    with connections() as seen:
        assert await told(f"http://{HOST}:{port}{PATH}", allow_private=True) == Published()
    assert seen == {"127.0.0.4", "127.0.0.1"}
    assert receiver.told[0].headers["host"] == f"{HOST}:{port}"


async def test_a_receiver_proves_by_tls_that_it_is_the_host(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for certificate, detail in [
        (authority.issue_cert("localhost"), None),
        (authority.issue_cert("other.test"), "Hostname mismatch"),
        (stranger.issue_cert("localhost"), "unable to get local issuer certificate"),
    ]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        with Receiver(tls=context).running() as secured:
            said = await told(secured.url.replace("127.0.0.1", "localhost"), allow_private=True)
            if detail is None:
                assert said == Published()
            else:
                assert isinstance(said, Unreachable)
                assert detail in said.detail
                assert secured.told == []


@pytest.mark.parametrize(
    ("url", "private", "says"),
    [
        ("http://hooks.example.com/", False, "allow_private"),
        ("ftp://hooks.example.com/", True, "https://HOST/PATH"),
        ("hooks.example.com", False, "https://HOST/PATH"),
        ("https:///path", False, "https://HOST/PATH"),
        ("https://user:pass@hooks.example.com/", False, "no user or password"),
        ("https://hooks.example.com/#part", False, "fragment"),
        ("https://hooks.example.com/ x", False, "blanks"),
        ("https://hooks.example.com\\@evil.test/", False, "blanks"),
        ("https://hooks.example.com:99999/", False, "https://HOST/PATH"),
        ("https://hooks.example.com:0/", False, "https://HOST/PATH"),
        ("https://a..b/", False, "https://HOST/PATH"),
        ("https://b\u00fccher.test/", False, "ASCII"),
        ("https://[::1/", False, "https://HOST/PATH"),
        ("https://0177.0.0.1/", False, "https://HOST/PATH"),
    ],
)
def test_a_url_that_cannot_work_is_refused_at_once(url: str, private: bool, says: str) -> None:
    with pytest.raises(ValueError, match=r"URL|http") as caught:
        check_webhook_url(url, allow_private=private)
    assert says in str(caught.value)
    assert "example.com" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://hooks.example.com/a/b?token=c", False),
        ("https://hooks.example.com:8443", False),
        ("http://127.0.0.1:8080/", True),
        ("https://[2001:db8::1]:8443/", False),
    ],
)
def test_a_url_that_can_work_stays_as_it_is(url: str, private: bool) -> None:
    assert str(check_webhook_url(url, allow_private=private)) == url


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("c2VjcmV0LW9mLXRoZS1wbGF0Zm9ybS10ZWFt", "must begin with whsec_"),
        ("whsec_%%%", "not base64"),
        ("whsec_c2hvcnQ=", "has 5 bytes: 24 to 64"),
        ("whsec_" + "QUFB" * 22, "has 66 bytes: 24 to 64"),
        ("whsec_", "has 0 bytes"),
    ],
)
def test_a_secret_that_cannot_be_one_is_refused_and_not_shown(secret: str, says: str) -> None:
    with pytest.raises(ValueError, match="the secret") as caught:
        check_webhook_secret(SecretStr(secret))
    assert says in str(caught.value)
    assert secret == "whsec_" or secret not in str(caught.value)
