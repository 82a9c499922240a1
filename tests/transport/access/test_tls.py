"""TLS on both listeners: every way in speaks it, and who is not to be trusted is not spoken to."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from urllib.request import urlopen

import pytest
import trio
import trustme

from transport.access.tls import client_context, server_context
from transport.client import HallError, connect
from transport.config import Config


class Files:
    """A certificate for the loopback, its key, and the CA's own certificate."""

    def __init__(self, folder):
        self.authority = trustme.CA()
        self.cert, self.key, self.ca = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
        issued = self.authority.issue_cert("127.0.0.1", "localhost")
        self.cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(self.key)
        self.authority.cert_pem.write_to_path(self.ca)

    @property
    def options(self):
        return ("--tls-cert", str(self.cert), "--tls-key", str(self.key))


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
async def secured(checkout, server, files):
    await server.start(*files.options)
    return checkout


HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


@pytest.mark.slow
async def test_a_project_with_tls_works_without_another_word(secured, server):
    assert server.ready["ws"].startswith("wss://127.0.0.1:")
    assert server.ready["http"].startswith("https://127.0.0.1:")
    code, out, err = await secured("events", "append", "note", '{"n": 1}', "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["first_sequence"] > 0
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    code, out, err = await secured("connect", stdin=json.dumps(hello).encode() + b"\n")
    assert (code, err) == (0, "")
    assert json.loads(out)["result"]["serverInfo"]["name"] == "moothall"
    event = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "/work"}
    code, out, _ = await secured("hook", "claude-code", stdin=json.dumps(event).encode())
    assert json.loads(out)["hookSpecificOutput"]["permissionDecision"] == "allow"


@pytest.mark.slow
async def test_the_client_speaks_to_who_it_trusts_alone(secured, server, files):
    token = server.token("scout")
    async with connect(server.ready["ws"], token=token, tls_ca=files.ca) as hall:
        assert (await hall.whoami()).agent == "scout"
    with pytest.raises(HallError) as caught:
        async with connect(server.ready["ws"], token=token):
            pytest.fail("nothing here trusts that certificate")
    assert caught.value.code == "unavailable"
    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.message
    assert "--tls-ca" in caught.value.message
    plain = server.ready["ws"].replace("wss://", "ws://")
    with pytest.raises(HallError, match="wss://"):
        async with connect(plain, token=token):
            pytest.fail("the server speaks TLS alone")
    health = server.ready["http"] + "/healthz"
    answer = await trio.to_thread.run_sync(lambda: urlopen(health, context=client_context(files.ca)).status)
    assert answer == 200


async def test_a_websocket_behind_tls_is_like_any_other(front, raw_client, files):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    context = server_context(str(files.cert), str(files.key))
    async with front(listener=trio.SSLListener(listeners[0], context, https_compatible=True)) as running:
        port = listeners[0].socket.getsockname()[1]
        async with connect(f"wss://localhost:{port}/mcp", token=running.token, tls_ca=files.ca) as hall:
            assert (await hall.append([{"type": "note", "data": "x" * 1_000_000}])).last_sequence == 1
            mute = await trio.open_tcp_stream("127.0.0.1", port)
            with pytest.raises(HallError, match="401"):
                async with connect(f"wss://localhost:{port}/mcp", token="wrong", tls_ca=files.ca):
                    pytest.fail("nobody should get in")
            assert (await hall.health()).connections == 1
            await mute.aclose()
        assert running.crashes == []


@pytest.mark.parametrize("missing", ["tls_cert", "tls_key"])
def test_a_certificate_without_its_key_is_no_use(files, missing):
    config = Config(**({"tls_cert": str(files.cert), "tls_key": str(files.key)} | {missing: None}))
    with pytest.raises(ValueError, match="both files"):
        server_context(config.tls_cert, config.tls_key)


def test_files_that_do_not_fit_are_refused_with_their_names(files, tmp_path):
    other = tmp_path / "other.pem"
    files.authority.issue_cert("localhost").private_key_pem.write_to_path(other)
    with pytest.raises(ValueError, match=r"other\.pem"):
        server_context(str(files.cert), str(other))
    with pytest.raises(ValueError, match=r"nowhere\.pem"):
        client_context("nowhere.pem")


def test_a_key_with_a_pass_phrase_is_refused_and_nobody_is_asked(files, tmp_path):
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(ValueError, match="pass phrase"):
        server_context(str(files.cert), str(locked))


@pytest.mark.slow
async def test_the_flags_need_each_other(checkout, files):
    code, _, err = await checkout("serve", "--port", "0", "--http-port", "0", "--tls-cert", files.cert)
    assert code == 2
    assert "--tls-key" in err


def test_both_sides_agree_on_the_protocol_of_http_and_websockets(files):
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context(files.ca).wrap_bio(back, there, server_hostname="localhost")
    server = server_context(str(files.cert), str(files.key)).wrap_bio(there, back, server_side=True)
    for _ in range(3):
        for side in (client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert client.selected_alpn_protocol() == server.selected_alpn_protocol() == "http/1.1"


def test_old_protocols_are_not_spoken(files):
    context = server_context(str(files.cert), str(files.key))
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
