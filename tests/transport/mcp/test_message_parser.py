"""The message parser accepts every message it should, and refuses what parsers disagree about."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.mcp.message_parser import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    LARGE_BYTES,
    MAX_DEPTH,
    MAX_PARTS,
    PARSE_ERROR,
    Malformed,
    decode,
    parse,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text()
    | st.floats(allow_nan=False).filter(lambda number: number not in {float("inf"), float("-inf")})
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


def request(payload: str = "{}", request_id: str = "7") -> str:
    return f'{{"jsonrpc":"2.0","id":{request_id},"method":"tools/call","params":{payload}}}'


def refusal(text: str) -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse(text)
    return caught.value


@given(st.dictionaries(st.text(), values, max_size=4))
def test_what_a_client_writes_is_what_is_read(payload: dict[str, Any]):
    message = {"jsonrpc": "2.0", "id": 1, "method": "m", "params": payload}
    for text in (
        msgspec.json.encode(message).decode(),
        json.dumps(message),
        json.dumps(message, indent=2, ensure_ascii=False),
    ):
        assert parse(text) == message


@given(st.text(), values, values, st.booleans())
def test_a_key_that_appears_twice_is_refused_at_any_place_and_in_any_spelling(
    key: str, first: Any, second: Any, escaped: bool
):
    spelled = json.dumps(key)
    again = '"' + "".join(f"\\u{unit:04x}" for unit in _utf16(key)) + '"' if escaped else spelled
    pairs = f"{{{spelled}:{json.dumps(first)},{again}:{json.dumps(second)}}}"
    error = refusal(request(f'{{"arguments":[{pairs}]}}'))
    assert (error.code, error.request_id) == (INVALID_REQUEST, 7)


def _utf16(text: str) -> list[int]:
    raw = text.encode("utf-16-le")
    return [int.from_bytes(raw[at : at + 2], "little") for at in range(0, len(raw), 2)]


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Text that was a message once: something cut out, something else put in."""
    message = {"jsonrpc": "2.0", "id": draw(values), "method": draw(values), "params": draw(values)}
    text = json.dumps({key: value for key, value in message.items() if draw(st.booleans())})
    start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    return text[:start] + draw(st.text(alphabet='{}[],:"\\\\0123456789.-+eEnulltrf \ud800', max_size=8)) + text[end:]


@given(st.text() | broken())
def test_whatever_comes_is_a_message_or_a_documented_refusal(text: str):
    try:
        message = parse(text)
    except Malformed as refused:
        assert refused.code in {PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS}
        assert refused.message
    else:
        assert message["jsonrpc"] == "2.0"
        assert json.loads(text) == message


@pytest.mark.parametrize(
    ("text", "code", "request_id"),
    [
        ("", PARSE_ERROR, None),
        ("{", PARSE_ERROR, None),
        ("nonsense", PARSE_ERROR, None),
        ('{"jsonrpc":"2.0","id":7,"method":"m"} trailing', PARSE_ERROR, None),
        ("[" * 100_000, INVALID_REQUEST, None),
        ('{"a":' * 100_000, INVALID_REQUEST, None),
        ("[" * 100_000 + "]" * 100_000, INVALID_REQUEST, None),
        (request('{"a":NaN}'), INVALID_REQUEST, 7),
        (request('{"a":-Infinity}'), INVALID_REQUEST, 7),
        (request('{"a":1e999}'), INVALID_REQUEST, 7),
        (request('{"a":18446744073709551616}'), INVALID_REQUEST, 7),
        (request('{"a":-9223372036854775809}'), INVALID_REQUEST, 7),
        (request('{"a":' + "9" * 5000 + "}"), INVALID_REQUEST, 7),
        (request('{"a":"\\ud800"}'), INVALID_REQUEST, 7),
        (request('{"a":' + "9" * 5000 + ',"b":"' + "x" * LARGE_BYTES + '"}'), INVALID_REQUEST, None),
        (request(request_id="18446744073709551616"), INVALID_REQUEST, None),
        ('{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}', INVALID_REQUEST, None),
        ('[{"jsonrpc":"2.0","id":7,"method":"m"}]', INVALID_REQUEST, None),
        ('[1,{"id":1,"id":2}]', INVALID_REQUEST, None),
        ("[]", INVALID_REQUEST, None),
        ("7", INVALID_REQUEST, None),
        ("null", INVALID_REQUEST, None),
        (request(request_id="null"), INVALID_REQUEST, None),
        (request(request_id="1.5"), INVALID_REQUEST, None),
        (request(request_id="true"), INVALID_REQUEST, None),
        (request(request_id="[]"), INVALID_REQUEST, None),
        ('{"id":7,"method":"m"}', INVALID_REQUEST, 7),
        ('{"jsonrpc":"1.0","id":7,"method":"m"}', INVALID_REQUEST, 7),
        ('{"jsonrpc":"2.0","id":7,"method":1}', INVALID_REQUEST, 7),
        ('{"jsonrpc":"2.0","id":7}', INVALID_REQUEST, 7),
        ('{"jsonrpc":"2.0"}', INVALID_REQUEST, None),
        (request("[1]"), INVALID_PARAMS, 7),
        (request('"x"'), INVALID_PARAMS, 7),
    ],
)
def test_bad_input_is_refused_with_the_id_where_it_can_be_known(text: str, code: int, request_id: int | None):
    error = refusal(text)
    assert (error.code, error.request_id) == (code, request_id)


@pytest.mark.parametrize("bracket", ["[]", '{"a":}'])
def test_a_message_may_nest_to_the_limit_and_not_deeper(bracket: str):
    opening, closing = bracket[:-1], bracket[-1]

    def nested(depth: int) -> str:
        inner = depth - 2  # the message and its params are two
        return request('{"a":' + opening * inner + ("1" if bracket[0] == "{" else "") + closing * inner + "}")

    assert parse(nested(MAX_DEPTH))["id"] == 7
    error = refusal(nested(MAX_DEPTH + 1))
    assert (error.code, error.request_id) == (INVALID_REQUEST, 7)


def test_a_payload_of_64_levels_fits_into_an_append():
    data = "[" * 64 + "]" * 64
    assert parse(request(f'{{"name":"append_events","arguments":{{"events":[{{"type":"t","data":{data}}}]}}}}'))


def test_brackets_in_strings_are_no_nesting():
    assert parse(request('{"a":"' + "[{" * 10_000 + '"}'))["id"] == 7


def test_absent_and_null_params_are_fine():
    assert parse('{"jsonrpc":"2.0","id":"a","method":"m"}')["id"] == "a"
    assert parse(request("null"))["params"] is None


def test_answers_of_the_client_pass():
    assert parse('{"jsonrpc":"2.0","id":3,"result":{}}')["result"] == {}
    assert parse('{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}')["error"]["code"] == 1


@st.composite
def _spelled(draw: st.DrawFn) -> tuple[str, bool]:
    """An object as strange writers write it, and whether it has a key twice."""
    keys = draw(st.lists(st.sampled_from(["a", ":", '"', "\\", "\\:", '":', "id"]), max_size=6))
    escape = draw(st.sampled_from([json.dumps, _in_escapes]))
    blank = draw(st.sampled_from(["", " ", "\n\t"]))
    members = [f"{escape(key)}{blank}:{escape(draw(st.sampled_from(keys)))}" for key in keys]
    return "{" + ",".join(members) + "}", len(set(keys)) < len(keys)


def _in_escapes(text: str) -> str:
    return '"' + "".join(f"\\u{ord(each):04x}" for each in text) + '"'


@given(_spelled())
def test_a_large_message_with_a_key_twice_is_found_out_however_it_is_spelled(spelled: tuple[str, bool]):
    text, twice = spelled
    large = f'{{"x":{text},"filler":"{"x" * LARGE_BYTES}"}}'
    if twice:
        with pytest.raises(Malformed, match="twice"):
            decode(large)
    else:
        assert decode(large)["x"] == json.loads(text)


@pytest.mark.parametrize("filler", ["x", '"', "\\", "\u00fc"])
def test_what_is_refused_of_a_small_message_is_refused_of_a_large_one(filler: str):
    tail = json.dumps(filler * LARGE_BYTES)
    for body, code in [('"a":1e', PARSE_ERROR), ('"a":' + "9" * 30, INVALID_REQUEST), ('"a":NaN', PARSE_ERROR)]:
        with pytest.raises(Malformed) as caught:
            decode(f'{{"id":1,{body},"filler":{tail}}}')
        assert caught.value.code == code
    assert decode(f'{{"id": 1, "filler": {tail}}}')["id"] == 1


@pytest.mark.parametrize("part", ["[]", "{}", '{"key":0}'])
def test_very_many_arrays_objects_and_keys_are_refused_before_they_are_decoded(part: str):
    with pytest.raises(Malformed, match="split the message"):
        decode("[" + ",".join([part] * MAX_PARTS) + "]")


def test_as_many_keys_as_a_message_may_hold_pass_and_one_more_does_not():
    keys = {f"key {n}": "[{:" for n in range(MAX_PARTS - 1)}
    assert decode(json.dumps(keys)) == keys
    with pytest.raises(Malformed, match="split the message"):
        decode(json.dumps({**keys, "one more": 0}))
