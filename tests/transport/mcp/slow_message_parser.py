"""What the message parser promises, slowly: RFC 8259, a character at a time, noting what the message parser refuses.

It is what `mcp/message_parser.py` is compared with. Nothing here is clever: no second parser, no counting of
characters, no shortcut for text that looks simple.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

DIGITS = "0123456789"
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
NO_ID = object()


class NotJson(Exception):  # noqa: N818 - states a fact about a text
    pass


class Judgement(NamedTuple):
    """What may become of a text.

    `codes` are the errors that it may be refused with, none if it has to pass; `ids` whom the refusal may be addressed
    to; `value` what it holds.
    """

    codes: set[int]
    ids: list[Any]
    value: Any = None


class Slow:
    """Parses one text. `faults` is what RFC 8259 lets pass and we refuse; `ids` all ids of the message."""

    def __init__(self, text: str, *, depth: int, parts: int) -> None:
        self.text = text
        self.at = 0
        self.level = 0
        self.depth = depth
        self.parts = parts
        self.faults: set[str] = set()
        self.ids: list[Any] = []

    def whole(self) -> Any:
        value = self.value()
        self.blanks()
        if self.at != len(self.text):
            raise NotJson
        return value

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        if self.at == len(self.text):
            raise NotJson
        self.at += 1
        return self.text[self.at - 1]

    def expect(self, word: str) -> None:
        for each in word:
            if self.next() != each:
                raise NotJson

    def blanks(self) -> None:
        while self.peek() and self.peek() in " \t\r\n":
            self.at += 1

    def value(self) -> Any:  # noqa: PLR0911 - one kind of value after the other
        self.blanks()
        match self.peek():
            case "{":
                return self.within(self.object)
            case "[":
                return self.within(self.array)
            case '"':
                return self.string()
            case "t":
                self.expect("true")
                return True
            case "f":
                self.expect("false")
                return False
            case "n":
                self.expect("null")
                return None
            case _:
                return self.number()

    def within(self, parse: Any) -> Any:
        self.level += 1
        if self.level > self.depth:
            self.faults.add("deep")
        self.count()
        value = parse()
        self.level -= 1
        return value

    def count(self) -> None:
        self.parts -= 1
        if self.parts < 0:
            self.faults.add("many")

    def object(self) -> dict[str, Any]:
        self.expect("{")
        found: dict[str, Any] = {}
        self.blanks()
        if self.peek() == "}":
            self.at += 1
            return found
        while True:
            self.blanks()
            key = self.string()
            self.blanks()
            self.expect(":")
            self.count()
            value = self.value()
            if key in found:
                self.faults.add("twice")
            found[key] = value
            if self.level == 1 and key == "id":
                self.ids.append(value)
            self.blanks()
            match self.next():
                case ",":
                    continue
                case "}":
                    return found
                case _:
                    raise NotJson

    def array(self) -> list[Any]:
        self.expect("[")
        found: list[Any] = []
        self.blanks()
        if self.peek() == "]":
            self.at += 1
            return found
        while True:
            found.append(self.value())
            self.blanks()
            match self.next():
                case ",":
                    continue
                case "]":
                    return found
                case _:
                    raise NotJson

    def string(self) -> str:
        self.expect('"')
        units: list[str] = []
        while (char := self.next()) != '"':
            if char < " ":
                raise NotJson
            units.append(self.escape() if char == "\\" else char)
        found = "".join(units).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if any("\ud800" <= each <= "\udfff" for each in found):
            self.faults.add("surrogate")
        return found

    def escape(self) -> str:
        char = self.next()
        if char != "u":
            if char not in ESCAPES:
                raise NotJson
            return ESCAPES[char]
        digits = "".join(self.next() for _ in range(4))
        if any(each not in "0123456789abcdefABCDEF" for each in digits):
            raise NotJson
        return chr(int(digits, 16))

    def number(self) -> int | float:
        begin = self.at
        if self.peek() == "-":
            self.at += 1
        if self.peek() == "0":
            self.at += 1
        else:
            self.digits()
        whole = True
        if self.peek() == ".":
            whole = False
            self.at += 1
            self.digits()
        if self.peek() and self.peek() in "eE":
            whole = False
            self.at += 1
            if self.peek() and self.peek() in "+-":
                self.at += 1
            self.digits()
        said = self.text[begin : self.at]
        if whole:
            if len(said) > 4000:  # more digits than Python takes
                self.faults.add("integer")
                return 0
            if not -(2**63) <= int(said) < 2**64:
                self.faults.add("integer")
            return int(said)
        if math.isinf(float(said)):
            self.faults.add("infinite")
        return float(said)

    def digits(self) -> None:
        begin = self.at
        while self.peek() and self.peek() in DIGITS:
            self.at += 1
        if begin == self.at:
            raise NotJson


def judge(text: str, *, depth: int, parts: int) -> Judgement:
    """Say what may become of a text as a message."""
    if any("\ud800" <= each <= "\udfff" for each in text):
        return Judgement({-32700}, [])
    slow = Slow(text, depth=depth, parts=parts)
    try:
        value = slow.whole()
    except (NotJson, RecursionError):
        # NaN and the like are no JSON, and have an answer of their own; so has what is too much to look at.
        many = text.count("[") + text.count("{") + text.count(":") > parts
        more = {-32600} if many or "NaN" in text or "Infinity" in text or slow.faults else set()
        return Judgement({-32700, *more}, slow.ids)
    if slow.faults:
        # An infinite number and half a character are JSON to some parsers only.
        more = {-32700} if slow.faults & {"infinite", "surrogate"} else set()
        return Judgement({-32600, *more}, slow.ids)
    codes = envelope(value)
    return Judgement(codes, slow.ids, value)


def envelope(value: Any) -> set[int]:
    """Return the errors that a message's outermost object is refused with."""
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        return {-32600}
    given = value.get("id", NO_ID)
    if given is not NO_ID and (isinstance(given, bool) or not isinstance(given, int | str)) and "error" not in value:
        return {-32600}
    if "method" not in value:
        return set() if given is not NO_ID and ("result" in value or "error" in value) else {-32600}
    if not isinstance(value["method"], str):
        return {-32600}
    return set() if isinstance(value.get("params"), dict | None) else {-32602}


def same(one: Any, other: Any) -> bool:
    """Say whether two values are the same to the last bit, an integer being no float."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)
