r"""What a name looks like, so that none passes for one of the hall's own. Pure.

This is the skeleton of UTS #39 (Unicode Security Mechanisms, section 4), bounded to what it is for: the hall's own
names are of twelve characters, so only what looks like one of those is mapped. All of Unicode's table would be 6,500
rows in each process, of a library that nobody has touched for years. Case and compatibility forms are folded first
(NFKC), so that each row stands for many characters.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

UNSEEN: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xFFF0, 0xFFF9),
            *range(0xE0000, 0xE1000),
        ),
    )
)
"""What nobody sees beside format characters: fillers, and selectors of variants (Unicode's Default_Ignorable)."""

_LIKE: Final = {
    ".": "\u0660\u06f0\u0701\u0702\ua4f8\ua60e\U00010a50\U0001d16d",
    "/": "\u1735\u2041\u2044\u2215\u2571\u27cb\u29f8\u2cc7\u3033\u30ce\u31d3\u4e3f\U0001d23a",
    "a": "\u0251\u03b1\u0430\u13aa\u15c5\u237a\ua4ee\U000102a0\U00016f40\U0001ccd6",
    "c": "\u0441\u1004\u105a\u13df\u1d04\u2ca5\ua4da\U000102a2\U00010302\U0001043d\U0001051c\U000118e9\U000118f2"
    "\U0001ccd8\U0001f74c",
    "e": "\u03b5\u0435\u04bd\u13ac\u212e\u22ff\u2d39\ua4f0\uab32\U00010286\U000118c6\U000118ce\U0001ccda",
    "g": "\u018d\u0261\u050d\u0581\u13c0\u13f3\u1d83\ua4d6\U0001ccdc",
    "h": "\u03b7\u043d\u04bb\u0570\u13bb\u13c2\u157c\u2c8f\ua4e7\U000102cf\U0001ccdd",
    "l": "1i|\u0131\u01c0\u0269\u026a\u03b9\u0456\u04cf\u0582\u05c0\u05d5\u05df\u0627\u0661\u06f1\u07ca\u13a5\u13de"
    "\u14aa\u16c1\u2223\u2373\u23fd\u2502\u2c93\u2cd1\u2d4f\ua4e1\ua4f2\ua647\U0001028a\U00010309\U00010320\U00010443"
    "\U00010526\U000118c3\U000118d2\U00011dda\U00011de1\U00016eaa\U00016f16\U00016f28\U0001ccde\U0001cce1\U0001ccf1"
    "\U0001d22a\U0001e8c7",
    "m": "\u03bc\u03fb\u043c\u13b7\u15f0\u16d6\u2c99\ua4df\U000102b0\U00010311\U00011700\U000118e3\U0001cce2",
    "n": "\u03bd\u0578\u057c\u2c9b\ua4e0\U00010513\U0001cce3",
    "o": "0\u03bf\u03c3\u03ed\u043e\u0585\u05e1\u0647\u0665\u06be\u06c1\u06d5\u06f5\u07c0\u0966\u09e6\u0a66\u0ae6\u0b20"
    "\u0b66\u0be6\u0c02\u0c66\u0c82\u0ce6\u0d02\u0d20\u0d66\u0d82\u0e50\u0ed0\u101d\u1040\u10ff\u12d0\u17e0\u1d0f\u1d11"
    "\u2c9f\u2d54\u3007\ua4f3\uab3d\U00010292\U000102ab\U0001042c\U000104ea\U00010516\U000114d0\U000118c8\U000118d5"
    "\U000118d7\U000118e0\U00011de0\U0001cce4\U0001ccf0",
    "t": "\u03c4\u0442\u13a2\u22a4\u27d9\u2ca7\ua4d4\U00010297\U000102b1\U00010315\U000118dc\U00016f0a\U0001cce9"
    "\U0001f768",
    "ll": "\u01c1\u05f0\u2016\u2225",
    "oo": "\u221e\ua699\ua74f",
    "//": "\u2afd",
}
"""What looks like the letters of the hall's own names, by those letters: from Unicode's confusables.txt, 17.0.0."""

_LETTER_OF: Final = str.maketrans({each: letters for letters, like in _LIKE.items() for each in like})
_MIXED_WITH_LATIN: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})


@lru_cache(maxsize=1024)
def folded(name: str) -> str:
    """Return what a name looks like: names that are folded alike may pass for each other.

    For comparing with the hall's own names, and with an agent's; not for showing.
    """
    if name.isascii():
        return _like_ours(name.strip().lower())
    seen = "".join(each for each in name if not is_unseen(each))
    return _like_ours(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold()).strip())


def _like_ours(name: str) -> str:
    return name.translate(_LETTER_OF).replace("rn", "m")


def is_unseen(character: str) -> bool:
    """Say whether nobody sees a character: it is ignorable, a control, or a space other than the usual one."""
    return character in UNSEEN or (character != " " and not character.isprintable())


def mixes_scripts(name: str) -> bool:
    """Say whether a name has letters of two scripts that no language writes together.

    That is the level "highly restrictive" of UTS #39: the scripts of East Asia are written with Latin letters.
    """
    letters = [each for each in unicodedata.normalize("NFKC", name) if each.isalpha()]
    scripts = {unicodedata.name(each, "UNKNOWN").split(" ", 1)[0] for each in letters} - _MIXED_WITH_LATIN
    return len(scripts) > 1
