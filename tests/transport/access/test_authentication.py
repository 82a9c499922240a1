"""Who gets past the door."""

from pathlib import Path

import pytest

from actors.session.messages import Principal
from transport.access.authentication import LOCAL, Door, Knock, Rejected
from transport.access.tokens import Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path)


def knock(target: str = "/mcp", host: str = "127.0.0.1:8765", **headers: str) -> Knock:
    return Knock(target, host, [(name.encode(), value.encode()) for name, value in headers.items()])


def status(door: Door, what: Knock) -> int:
    try:
        door.enter(what)
    except Rejected as rejected:
        return rejected.status
    return 101


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_a_bearer_token_says_who_comes(tokens: Tokens, scheme: str):
    token = tokens.add("scout", "expert")
    entry = Door(tokens).enter(knock(authorization=scheme + token))
    assert entry.principal == Principal("scout", "expert")


def test_a_token_in_the_query_says_who_comes(tokens: Tokens):
    token = tokens.add("scout")
    assert Door(tokens).enter(knock(f"/mcp?x=1&access_token={token}")).principal.agent == "scout"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "Basic abc"}])
def test_no_token_is_401_and_the_answer_says_how_to_send_one(tokens: Tokens, headers: dict[str, str]):
    with pytest.raises(Rejected, match="access_token") as caught:
        Door(tokens).enter(knock(**headers))
    assert caught.value.status == 401


def test_a_revoked_token_is_401_and_its_entry_is_no_longer_valid(tokens: Tokens):
    token, door = tokens.add("scout"), Door(tokens)
    entry = door.enter(knock(authorization=f"Bearer {token}"))
    assert door.still_valid(entry)
    tokens.revoke("scout")
    assert not door.still_valid(entry)
    assert status(door, knock(authorization=f"Bearer {token}")) == 401


def test_a_token_that_now_means_another_role_ends_its_entries(tokens: Tokens, tmp_path: Path):
    token, door = tokens.add("scout"), Door(tokens)
    entry = door.enter(knock(authorization=f"Bearer {token}"))
    file = tmp_path / "tokens.json"
    file.write_text(file.read_text().replace('"role": "agent"', '"role": "admin"'))
    assert not door.still_valid(entry)


@pytest.mark.parametrize(
    "target", ["/", "/mcp/", "/MCP", "/mcp/x", "/healthz", "//mcp", "*", "//[", "http://localhost/mcp"]
)
def test_any_other_path_is_404(tokens: Tokens, target: str):
    assert status(Door(tokens), knock(target)) == 404


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:9999", "LOCALHOST", "[::1]:8765", "127.0.0.2"])
def test_a_loopback_server_is_called_by_a_loopback_name(host: str):
    assert status(Door(None), knock(host=host)) == 101


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "10.0.0.1:8765", "localhost.evil.example", "", "[x"]
)
def test_a_name_that_could_be_rebound_is_421(host: str):
    assert status(Door(None), knock(host=host)) == 421


def test_a_server_on_the_network_is_called_by_any_address_or_an_allowed_name(tokens: Tokens):
    door = Door(tokens, "0.0.0.0", hosts=["hall.example"])
    token = tokens.add("scout")
    for host, expected in (("192.0.2.1:8765", 101), ("hall.example", 101), ("evil.example", 421)):
        assert status(door, knock(host=host, authorization=f"Bearer {token}")) == expected


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
    assert status(Door(None, origins=["https://app.example/"]), knock(origin=origin)) == expected


def test_the_origin_is_judged_before_the_token(tokens: Tokens):
    assert status(Door(tokens), knock(origin="https://evil.example")) == 403


def test_without_tokens_everybody_on_loopback_is_the_local_admin():
    assert Door(None).enter(knock()).principal == LOCAL == Principal("local", "admin")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "hall.example"])
def test_without_tokens_a_server_stays_on_loopback(host: str):
    with pytest.raises(ValueError, match="loopback"):
        Door(None, host)
