"""Basic and digest authentication, against the examples of the standards."""

import secrets

import pytest

from edge_agent.mqtt.endpoint import Credentials
from edge_agent.sources.network.login import Login, challenges

# RFC 7616 section 3.9.1.
MUFASA = Credentials("Mufasa", "Circle of Life")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OFFER = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    f'nonce="{NONCE}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
RESPONSES = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


@pytest.mark.parametrize("algorithm", RESPONSES)
def test_a_digest_is_the_standards(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field that its example shows."""
    monkeypatch.setattr(secrets, "token_hex", lambda _: CNONCE)
    login = Login(MUFASA)
    assert login.header("GET", "/dir/index.html") is None
    assert login.learn([OFFER.format(algorithm)])
    said = login.header("GET", "/dir/index.html")
    assert said is not None
    for field in (
        'username="Mufasa"',
        'realm="http-auth@example.org"',
        'uri="/dir/index.html"',
        f"algorithm={algorithm}",
        f'nonce="{NONCE}"',
        "nc=00000001",
        f'cnonce="{CNONCE}"',
        "qop=auth",
        f'response="{RESPONSES[algorithm]}"',
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    ):
        assert field in said.removeprefix("Digest ").split(", ")
    again = login.header("GET", "/dir/index.html")
    assert again is not None
    assert "nc=00000002" in again


def test_a_digest_of_old_servers_counts_nothing() -> None:
    """RFC 2069, as in its section 2.4 with the response of its erratum 749."""
    login = Login(Credentials("Mufasa", "CircleOfLife"))
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert login.learn([f'Digest realm="testrealm@host.com", nonce="{nonce}"'])
    said = login.header("GET", "/dir/index.html")
    assert said is not None
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in said
    assert "nc=" not in said


def test_basic_is_the_standards() -> None:
    """RFC 7617 section 2."""
    login = Login(Credentials("Aladdin", "open sesame"))
    assert login.learn(['Basic realm="WallyWorld"'])
    assert login.header("GET", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_the_best_of_several_challenges_is_answered() -> None:
    """In several headers or in one; what cannot be answered is not."""
    both = 'Basic realm="a, b", ' + OFFER.format("MD5")
    assert [c[""] for c in challenges(both)] == ["basic", "digest"]
    login = Login(MUFASA)
    assert login.learn([both, OFFER.format("SHA-256"), "Negotiate"])
    assert "algorithm=SHA-256" in (login.header("GET", "/") or "")
    assert not login.learn(["Negotiate", 'Digest realm="a", nonce="b", qop="auth-int"'])
    assert not login.learn([])
    assert not Login(None).learn([both])
