"""Who gets past the door."""

from pathlib import Path

import pytest

from actors.session.messages import Principal
from transport.access.authentication import LOCAL, Authenticator, Rejected, RequestHead
from transport.access.tokens import Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path)


def head(target: str = "/mcp", host: str = "127.0.0.1:8765", **headers: str) -> RequestHead:
    return RequestHead(target, host, [(name.encode(), value.encode()) for name, value in headers.items()])


def status(authenticator: Authenticator, what: RequestHead) -> int:
    try:
        authenticator.authenticate(what)
    except Rejected as rejected:
        return rejected.status
    return 101


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_a_bearer_token_says_who_comes(tokens: Tokens, scheme: str):
    token = tokens.add("scout", "expert")
    identity = Authenticator(tokens).authenticate(head(authorization=scheme + token))
    assert identity.principal == Principal("scout", "expert")


def test_a_token_in_the_query_says_who_comes(tokens: Tokens):
    token = tokens.add("scout")
    assert Authenticator(tokens).authenticate(head(f"/mcp?x=1&access_token={token}")).principal.agent == "scout"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "Basic abc"}])
def test_no_token_is_401_and_the_answer_says_how_to_send_one(tokens: Tokens, headers: dict[str, str]):
    with pytest.raises(Rejected, match="access_token") as caught:
        Authenticator(tokens).authenticate(head(**headers))
    assert caught.value.status == 401


def test_a_revoked_token_is_401_and_its_entry_is_no_longer_valid(tokens: Tokens):
    token, authenticator = tokens.add("scout"), Authenticator(tokens)
    identity = authenticator.authenticate(head(authorization=f"Bearer {token}"))
    assert authenticator.still_valid(identity)
    tokens.revoke("scout")
    assert not authenticator.still_valid(identity)
    assert status(authenticator, head(authorization=f"Bearer {token}")) == 401


def test_a_token_that_now_means_another_role_ends_its_entries(tokens: Tokens, tmp_path: Path):
    token, authenticator = tokens.add("scout"), Authenticator(tokens)
    identity = authenticator.authenticate(head(authorization=f"Bearer {token}"))
    file = tmp_path / "tokens.json"
    file.write_text(file.read_text().replace('"role": "agent"', '"role": "admin"'))
    assert not authenticator.still_valid(identity)


@pytest.mark.parametrize(
    "target", ["/", "/mcp/", "/MCP", "/mcp/x", "/healthz", "//mcp", "*", "//[", "http://localhost/mcp"]
)
def test_any_other_path_is_404(tokens: Tokens, target: str):
    assert status(Authenticator(tokens), head(target)) == 404


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:9999", "LOCALHOST", "[::1]:8765", "127.0.0.2"])
def test_a_loopback_server_is_called_by_a_loopback_name(host: str):
    assert status(Authenticator(None), head(host=host)) == 101


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "10.0.0.1:8765", "localhost.evil.example", "", "[x"]
)
def test_a_name_that_could_be_rebound_is_421(host: str):
    assert status(Authenticator(None), head(host=host)) == 421


def test_a_server_on_the_network_is_called_by_any_address_or_an_allowed_name(tokens: Tokens):
    authenticator = Authenticator(tokens, "0.0.0.0", hosts=["hall.example"])
    token = tokens.add("scout")
    for host, expected in (("192.0.2.1:8765", 101), ("hall.example", 101), ("evil.example", 421)):
        assert status(authenticator, head(host=host, authorization=f"Bearer {token}")) == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://127.0.0.1:8765", 101),
        ("http://localhost:8765", 101),
        ("http://[::1]:8765", 101),
        ("https://LOCALHOST:8765", 101),
        ("https://app.example", 101),
        ("http://localhost:3000", 403),
        ("http://localhost", 403),
        ("https://evil.example", 403),
        ("http://127.0.0.1:8765.evil.example", 403),
        ("http://evil.example:8765", 403),
        ("file://127.0.0.1:8765", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_a_browser_may_come_from_the_servers_own_origin_or_an_allowed_one(origin: str, expected: int):
    assert status(Authenticator(None, origins=["https://app.example/"]), head(origin=origin)) == expected


def test_the_origin_is_judged_before_the_token(tokens: Tokens):
    assert status(Authenticator(tokens), head(origin="https://evil.example")) == 403


def test_without_tokens_everybody_on_loopback_is_the_local_admin():
    assert Authenticator(None).authenticate(head()).principal == LOCAL == Principal("local", "admin")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "hall.example"])
def test_without_tokens_a_server_stays_on_loopback(host: str):
    with pytest.raises(ValueError, match="loopback"):
        Authenticator(None, host)
