"""No secret is readable in the audit: not by its issuer's form, not by its name, not in the reason of a verdict.

The keys here are made up, and put together from parts, so that no scanner takes them for real ones.
"""

from __future__ import annotations

import string
from types import SimpleNamespace

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.desk.gate import Call
from actors.speed_layer.audit.buffer import AUDIT_STREAM, FLUSH_S, Entry
from actors.speed_layer.audit.form_search import MASK, prepare
from actors.speed_layer.audit.secret_forms import KEYS
from actors.speed_layer.audit.secret_masks import BEYOND, MAX_DEPTH, MAX_TEXT, Masked
from actors.speed_layer.audit.stored_inputs import StoredInputs
from actors.speed_layer.audit.verdict_events import VerdictEvents
from actors.speed_layer.call_and_verdict import Verdict
from actors.speed_layer.policy.engine import Policy, PolicySource, packs
from store import MemoryLog, NewEvent

ANY, LOW, HEX = string.ascii_letters + string.digits, string.ascii_lowercase, "0123456789abcdef"


def some(count, letters=ANY):
    """Return so many letters, the same each time: no word, and none of it twice in a row."""
    return "".join(letters[(n * n * 7 + n * 3 + 5) % len(letters)] for n in range(count))


UUID = "-".join(some(n, HEX) for n in (8, 4, 4, 4, 12))
MADE_UP = {
    "1Password": ["ops", "_", "eyJ", some(60)],
    "Adafruit": ["aio", "_", some(28)],
    "age": ["AGE", "-SECRET-KEY-1", some(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")],
    "Airtable": ["pat", some(14), ".", some(64, HEX)],
    "Alibaba Cloud": ["LT", "AI", some(20)],
    "Anthropic": ["sk", "-ant-api03-", some(93), "AA"],
    "Artifactory": ["AK", "Cp", some(69)],
    "Atlassian, API": ["AT", "ATT3x", some(180)],
    "Atlassian, app password": ["AT", "BB", some(32)],
    "AWS, access key": ["AK", "IA", some(16, string.ascii_uppercase)],
    "AWS, session": ["AS", "IA", some(16, string.ascii_uppercase)],
    "Azure, client secret": [some(3), "8", "Q~", some(34)],
    "Azure, shared access": ["https://x.blob.core.windows.net/c?sv=1&", "sig", "=", some(43), "%3D"],
    "Brevo": ["xkey", "sib-", some(64, HEX), "-", some(16)],
    "Buildkite": ["bk", "ua_", some(40, HEX)],
    "CircleCI": ["CCI", "PAT_", some(22), "_", some(40, HEX)],
    "Clojars": ["CLO", "JARS_", some(60, LOW)],
    "Cloudflare, origin CA": ["v1", ".0-", some(24, HEX), "-", some(146, HEX)],
    "Contentful": ["CF", "PAT-", some(43)],
    "crates.io": ["c", "io", some(32)],
    "Databricks": ["da", "pi", some(32, HEX)],
    "Deno": ["dd", "p_", some(36)],
    "DigitalOcean": ["do", "p_v1_", some(64, HEX)],
    "Discord, bot": ["M", some(23), ".", some(6), ".", some(27)],
    "Discord, webhook": ["https://discord.com/api/", "webhooks/", "123456789012345678", "/", some(68)],
    "Docker Hub": ["dckr", "_pat_", some(27)],
    "Doppler": ["dp", ".pt.", some(43)],
    "Duffel": ["duffel", "_live_", some(43)],
    "Dynatrace": ["dt0", "c01.", some(24, string.ascii_uppercase), ".", some(64, string.ascii_uppercase)],
    "EasyPost": ["EZ", "AK", some(54)],
    "Facebook": ["EA", "A", some(120)],
    "Figma": ["fig", "d_", some(40)],
    "Flutterwave": ["FLW", "SECK-", some(32, HEX), "-X"],
    "Fly.io": ["fo", "1_", some(43)],
    "Frame.io": ["fio", "-u-", some(64)],
    "GitHub, personal": ["gh", "p_", some(36)],
    "GitHub, app": ["gh", "s_", some(36)],
    "GitHub, fine-grained": ["github", "_pat_", some(22), "_", some(59)],
    "GitLab, personal": ["gl", "pat-", some(20)],
    "GitLab, runner": ["gl", "rt-", some(20)],
    "Google, API": ["AI", "za", some(35)],
    "Google, client secret": ["GOC", "SPX-", some(28)],
    "Google, access": ["ya", "29.", some(100)],
    "Google, refresh": ["1/", "/0", some(60)],
    "Grafana, service account": ["gl", "sa_", some(32), "_", some(8, HEX)],
    "Groq": ["gs", "k_", some(52)],
    "HashiCorp Terraform": [some(14), ".atlas", "v1.", some(67)],
    "HashiCorp Vault": ["hv", "s.", some(95)],
    "Heroku": ["HR", "KU-AA", some(58)],
    "Hugging Face": ["h", "f_", some(34)],
    "Infracost": ["ic", "o-", some(32)],
    "JSON web token": ["ey", "J", some(20), ".", "ey", "J", some(40), ".", some(43)],
    "LangSmith": ["lsv2", "_pt_", some(32, HEX), "_", some(10, HEX)],
    "LaunchDarkly": ["sd", "k-", UUID],
    "Linear": ["lin", "_api_", some(40)],
    "Mailchimp": [some(32, HEX), "-us", "12"],
    "Mailgun": ["ke", "y-", some(32, HEX)],
    "Mapbox": ["sk", ".eyJ", some(60), ".", some(22)],
    "Netlify": ["nf", "p_", some(36)],
    "New Relic": ["NR", "AK-", some(27, string.ascii_uppercase)],
    "Notion": ["nt", "n_", some(46)],
    "npm": ["np", "m_", some(36)],
    "NuGet": ["oy", "2", some(43, LOW)],
    "NVIDIA": ["nv", "api-", some(64)],
    "Okta": ["SS", "WS ", "00", some(40)],
    "OpenAI": ["sk", "-proj-", some(120)],
    "OpenRouter": ["sk", "-or-v1-", some(64, HEX)],
    "Perplexity": ["pp", "lx-", some(48)],
    "Plaid": ["access", "-production-", UUID],
    "PlanetScale": ["pscale", "_tkn_", some(43)],
    "Postman": ["PM", "AK-", some(24, HEX), "-", some(34, HEX)],
    "Prefect": ["pn", "u_", some(36)],
    "Pulumi": ["pu", "l-", some(40, HEX)],
    "PyPI": ["py", "pi-AgEIcHlwaS5vcmc", some(150)],
    "ReadMe": ["rd", "me_", some(70, LOW)],
    "Replicate": ["r", "8_", some(37)],
    "Resend": ["r", "e_", some(8), "_", some(24)],
    "RubyGems": ["ruby", "gems_", some(48, HEX)],
    "SendGrid": ["S", "G.", some(22), ".", some(43)],
    "Sentry": ["sn", "trys_", some(80)],
    "Shippo": ["shippo", "_live_", some(40, HEX)],
    "Shopify": ["sh", "pat_", some(32, HEX)],
    "Slack, bot": ["xo", "xb-", "123456789012-123456789012-", some(24)],
    "Slack, app": ["xa", "pp-1-", some(60)],
    "Slack, webhook": ["https://hooks.slack", ".com/services/", "T", some(8), "/B", some(8), "/", some(24)],
    "SonarQube": ["sq", "u_", some(40, HEX)],
    "Square": ["sq", "0csp-", some(43)],
    "Stripe": ["sk", "_live_", some(24)],
    "Stripe, restricted": ["rk", "_live_", some(24)],
    "Stripe, webhook": ["wh", "sec_", some(32)],
    "Supabase": ["sb", "p_", some(40, HEX)],
    "Tailscale": ["ts", "key-auth-", some(16), "-", some(32)],
    "Tavily": ["tv", "ly-", some(32)],
    "Telegram, bot": ["1234567890", ":A", "A", some(33)],
    "Tencent Cloud": ["AK", "ID", some(32)],
    "Twilio": ["S", "K", some(32, HEX)],
    "Typeform": ["tf", "p_", some(44)],
    "Vercel": ["vc", "p_", some(50)],
    "WakaTime": ["wa", "ka_", UUID],
    "xAI": ["xa", "i-", some(80)],
    "Yandex Cloud": ["AQ", "VN", some(38)],
}  # fmt: skip


def secret_of(parts):
    """Return the part of a key that is secret: the longest."""
    return max(parts, key=len)


def readable(key, text):
    """Say whether a stretch of a key of eight characters can be read in a text."""
    return any(key[place : place + 8] in text for place in range(len(key) - 7))


def asked(key):
    return {"command": f"curl -H 'X-Thing: {key}' https://example.com/v1"}


def entry_of(calls, reason="r", verdict="ask"):
    verdicts = [Verdict(verdict, reason, None, "p", False, "0" * 32, 1)] * len(calls)
    return Entry("scout", "agent", calls, verdicts, 0.0)


def the_event(entry, mask):
    made = VerdictEvents(StoredInputs(lambda: 0), lambda _rule: "")
    made.add(entry, 0, mask)
    return made.events[0]


def test_seventy_kinds_and_more_are_tried():
    assert len(MADE_UP) >= 70
    assert len(KEYS) >= 70


@pytest.mark.parametrize("parts", MADE_UP.values(), ids=MADE_UP)
def test_no_issuers_key_is_readable_in_a_header_whose_name_says_nothing(parts):
    key = "".join(parts)
    masked = Masked(asked(key))
    assert not readable(secret_of(parts), str(masked.value))
    assert not masked.whole
    assert masked.value["command"].startswith("curl -H 'X-Thing: ")


@pytest.mark.parametrize("parts", MADE_UP.values(), ids=MADE_UP)
def test_what_is_masked_in_an_input_is_masked_in_the_reason(parts):
    key = secret_of(parts)
    call = Call("Bash", {"command": f"frob --token {key}"}, "/w")
    reason = f"no rule covers '{key}'; it was cut short: `frob --token {key[:12]}...`, {key[3:]!r} is no option"
    event = the_event(entry_of([call], reason), lambda: Masked(call.input))
    assert not readable(key, str(event.data))
    assert event.data["reason"].startswith("no rule covers '")


@pytest.mark.parametrize("secret", ["hunter2", "s3cr3t", "correct horse battery", "pw", "a'b\\c\"d-and-more"])
@pytest.mark.parametrize(
    "make",
    [
        lambda secret: {"password": secret},
        lambda secret: {"headers": {"x-api-key": secret}},
        lambda secret: {"options": {"db_password": [secret, {"x": secret}]}},
    ],
)
def test_what_is_secret_by_its_name_is_masked_in_the_reason_too(secret, make):
    masked = Masked(make(secret))
    said = masked.reason(f"no rule covers the tool with {secret} and so on")
    assert secret not in said
    assert said.startswith("no rule covers the tool with MASKED")


def test_a_reason_without_secrets_stays_as_it_is():
    masked = Masked({"command": "frob sync", "token": "hunter2"})
    assert masked.reason("no rule covers 'frob sync'") == "no rule covers 'frob sync'"


NAMES = [
    *("auth_token", "x-api-key", "db_password", "X-Api-Key", "apiKey", "dbPassword", "DB_PASSWORD", "PGPASSWORD"),
    *("clientSecret", "client_secret", "accessKey", "privateKey", "private-key", "aws_secret_access_key", "passwd"),
    *("AUTHORIZATION", "Set-Cookie", "cookie", "bearer", "db_pass", "basicAuth", "connection_string", "AccountKey"),
    *("refreshToken", "githubToken", "secret", "SECRETS", "credentials", "passphrase", "jwt", "otp", "encryption_key"),
    "pa\u017f\u017fword", "API\u212aEY",
]  # fmt: skip
OTHER_NAMES = [
    *("author", "tokenizer", "max_tokens", "key", "keyboard", "path", "file_path", "monkey", "passenger", "secretary"),
    *("compass", "name", "value", "command", "auth_method", "passive", "cookiecutter", "api", "access"),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["hunter2", 31337, ["hunter2", 31337], {"is": "hunter2", "or": [31337]}])
def test_a_field_named_like_a_secret_is_masked_whatever_it_holds(name, value):
    masked = Masked({"options": {name: value}})
    assert "hunter2" not in str(masked.value)
    assert "31337" not in str(masked.value)
    assert not masked.whole


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_field_named_otherwise_is_kept(name):
    given = {"options": {name: ["plain", 4096, None, True]}}
    assert (Masked(given).value, Masked(given).whole) == (given, True)


@pytest.mark.parametrize(
    "listed",
    [
        {"headers": [{"name": "x-api-key", "value": "hunter2"}]},
        {"env": [{"key": "DB_PASSWORD", "value": "hunter2"}]},
        {"headers": [["Authorization", "hunter2"]]},
        {"body": '{"x-api-key": "hunter2"}'},
        {"command": 'curl -d "{\\"db_password\\": \\"hunter2\\"}" https://example.com'},
        {"command": "curl -H 'Authorization: Token hunter2' https://example.com"},
        {"command": "curl -H 'Authorization: hunter2' https://example.com"},
        {"command": "curl -H 'Cookie: a=hunter2; b=hunter2' https://example.com"},
        {"command": "curl -u bob:hunter2 https://example.com"},
        {"command": "curl --user=bob:hunter2 https://example.com"},
        {"command": "sshpass -p hunter2 ssh x"},
        {"command": "mysql -u root -phunter2 db"},
        {"command": "redis-cli -h x -a hunter2 ping"},
        {"command": "DB_PASS=hunter2 MYSQL_PWD=hunter2 ./run"},
        {"command": "psql postgres://bob:hunter2@db/x"},
        {"url": "https://example.com/?a=1&access_token=hunter2&b=2"},
    ],
)
def test_a_secret_is_masked_wherever_its_name_stands(listed):
    masked = Masked(listed)
    assert "hunter2" not in str(masked.value)
    assert not masked.whole


def test_a_key_that_is_the_name_of_a_field_is_masked():
    key = "gh" + "p_" + some(36)
    masked = Masked({key: 1, f"{key}x": 2})
    assert not readable(key, str(masked.value))
    assert sorted(masked.value.values()) == [1, 2]


@pytest.mark.parametrize("parts", MADE_UP.values(), ids=MADE_UP)
@pytest.mark.parametrize("before", [1, 8, 15])
def test_a_key_that_is_cut_in_two_shows_no_half(parts, before):
    key = "".join(parts)
    place = key.index(secret_of(parts))
    text = "x" * (MAX_TEXT - before - place - 1) + " " + key
    kept = Masked({"content": text}).value["content"]
    assert not any(secret_of(parts)[:shown] in kept for shown in range(4, 40))
    assert len(key) <= BEYOND


PIECES = [
    *("a" * 12, "A1" * 12, ".", "-", "_", ":", "@", "/", "=", " ", '"', "'", "\\", "\n", "\u0131", "\u00e9"),
    *("Bearer ", "BASIC ", "ba\u017fic ", "://", "token", "Secret", "pa\u017f\u017fword", "API_KEY", "access\u212aey"),
    *("credential", "eyJ", "-----BEGIN ", "PRIVATE KEY-----", "-----END ", "MASKED", "curl -u ", "?sig=", "Cookie: "),
    *("".join(parts) for parts in MADE_UP.values()),
]  # fmt: skip


@given(text=st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3))).map("".join))
def test_looking_for_all_forms_at_once_first_changes_nothing_that_is_masked(text):
    at_once = Masked({"text": text})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(prepare(), "_set", SimpleNamespace(Match=lambda _text: None))
        each = Masked({"text": text})
    assert (at_once.value, at_once.whole) == (each.value, each.whole)


def test_where_the_automaton_runs_out_of_memory_each_form_is_looked_for(monkeypatch):
    monkeypatch.setattr(prepare(), "_set", SimpleNamespace(Match=lambda _text: None))
    for parts in MADE_UP.values():
        assert not readable(secret_of(parts), str(Masked(asked("".join(parts))).value))


def test_of_a_text_with_more_secrets_than_are_masked_one_by_one_nothing_is_kept():
    masked = Masked({"first": "password=hunter2", "many": "token hunter2 " * 290, "last": "password=hunter2 " * 230})
    assert (masked.value["first"], masked.value["last"]) == ("password=MASKED", "MASKED")
    assert "hunter2" not in str(masked.value)
    assert masked.reason("no rule covers 'frob'") == "MASKED"
    assert masked.reason("/data/hunter2: r", "r") == "MASKED: r"


def test_half_a_surrogate_pair_hides_no_secret():
    assert "hunter2" not in str(Masked({"text": "\ud800 password=hunter2"}).value)


async def test_forms_are_compiled_for_the_first_verdict_and_not_for_the_start(autojump_clock, make_world, scout):
    prepare.cache_clear()
    ran = []

    async def in_thread(function):
        await trio.sleep(0.01)
        ran.append(function)
        return function()

    async with make_world(run_sync=in_thread).open() as world:
        await trio.sleep(5.0)
        assert prepare.cache_info().currsize == 0
        await world.gate.validate(scout, [Call("Bash", {"command": "ls --token hunter2"}, "/w")])
        await trio.sleep(2 * FLUSH_S)
        (event,) = world.log.query(stream=AUDIT_STREAM).events
    assert prepare in ran
    assert "hunter2" not in str(event.data)


async def test_no_verdict_enters_the_log_before_its_secrets_can_be_masked(autojump_clock, make_world, scout):
    prepare.cache_clear()
    held = trio.Event()

    async def slow(function):
        if function is prepare:
            await held.wait()
        await trio.lowlevel.checkpoint()
        return function()

    async with make_world(run_sync=slow).open() as world:
        await world.gate.validate(scout, [Call("Bash", {"command": "ls --token hunter2"}, "/w")])
        await trio.sleep(5.0)
        assert world.log.query(stream=AUDIT_STREAM).events == []
        held.set()
        await trio.sleep(2 * FLUSH_S)
        (event,) = world.log.query(stream=AUDIT_STREAM).events
    assert event.data["input"] == {"command": "ls --token MASKED"}


DURABLE = '[[command]]\nid = "mine.frob"\nreason = "r"\nverdict = "allow"\nargv = ["frob"]\naudit = "durable"\n'


async def test_a_durable_record_is_masked_too(autojump_clock, make_world, scout):
    world = make_world()
    text = f'{DURABLE}options = "*"\nargs = "any*"\n'
    world.hall._policy = Policy.load([*packs(), PolicySource("mine.toml", text)], check_examples=False)
    async with world.open():
        await world.gate.validate(scout, [Call("Bash", {"command": "frob --token hunter2"}, "/w")])
        (event,) = world.log.query(stream=AUDIT_STREAM).events
    assert "hunter2" not in str(event.data)


def nested(levels, inmost):
    value = inmost
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [8, MAX_DEPTH, 62, 63, 64, 70, 5000])
def test_what_is_kept_of_an_input_is_never_too_deep_for_the_log(levels):
    masked = Masked({"command": "cat plan", "d": nested(levels, {"a": 1})})
    log = MemoryLog()
    log.append([NewEvent(type="t", data={"input": masked.value})], stream="s", agent="a")
    assert masked.value["command"] == "cat plan"
    assert masked.whole == (levels < MAX_DEPTH)


@pytest.mark.parametrize("name", ["token0", "my token2", "X-Amz-Security-Token1", "dbpassword2", "apikey1", "pw1"])
def test_a_number_behind_a_name_does_not_make_it_harmless(name):
    assert Masked({name: "hunter2"}).value == {name: MASK}
