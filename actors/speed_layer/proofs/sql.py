"""Proves that SQL text only reads, in whichever dialect it is read.

The text is read from left to right. Whatever dialects read differently is refused: backslashes, dollar quotes,
prefixed strings, comments but `-- ` to the line's end, `#`, and quotes inside brackets. Only functions known to
compute may be called, and there may be one statement.
"""

from __future__ import annotations

import re
from typing import Final

TOKEN: Final = re.compile(
    r"\s+|--(?=[ \t\n]|\Z)[^\n]*|(?P<string>'(?:[^'\\]|'')*+')|"
    r"(?P<quoted>\"[^\"\\]*\"(?!\")|`[\w $.-]*`|\[[\w ,.*:-]*\])"
    r"|(?P<word>[A-Za-z_]\w*)(?!')|[0-9][\w.]*|(?P<mark>::|\|\||->>?|[(),.;*=<>!+/%:?&~@|^-])"
)
READS: Final = frozenset({"select", "show", "describe", "desc", "explain", "values", "table", "with"})
WRITES: Final = frozenset(
    """
    insert update delete drop truncate alter create grant revoke merge replace call copy into do execute vacuum reindex
    lock attach detach load handler set outfile dumpfile pragma
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
CLIENT: Final = re.compile(
    r"^[ \t]*(?:\.|system\b|source\b|pager\b|tee\b|delimiter\b|edit\b|\\)", re.MULTILINE | re.IGNORECASE
)
BEFORE_PARENTHESIS: Final = frozenset(
    """
    select from where and or not in exists any all some as on using by having when then else case values over filter
    within group union except intersect join limit offset between like ilike is distinct lateral array partition order
    varchar char numeric decimal timestamp time interval materialized explain analyze verbose costs buffers
    """.split()  # noqa: SIM905
)
FUNCTIONS: Final = frozenset(
    """
    count sum avg min max coalesce nullif ifnull isnull iif if lower upper length char_length octet_length substr
    substring trim ltrim rtrim btrim lpad rpad round ceil ceiling floor trunc abs mod power sqrt sign greatest least
    now date datetime strftime julianday date_trunc date_part extract to_char to_date to_timestamp to_number age cast
    convert concat concat_ws string_agg array_agg json_agg jsonb_agg json_object json_array json_extract
    json_array_length
    jsonb_array_length json_build_object jsonb_build_object json_each json_tree jsonb_each jsonb_array_elements
    json_array_elements jsonb_object_keys json_type jsonb_typeof group_concat row_number rank dense_rank lag lead
    first_value last_value ntile total random rand typeof instr printf format left right md5 hex quote split_part
    position unnest array_length generate_series regexp_replace regexp_matches percentile_cont stddev variance bool_and
    bool_or every year month day hour minute second curdate curtime date_format date_add date_sub datediff
    timestampdiff unix_timestamp from_unixtime pg_size_pretty pg_total_relation_size pg_relation_size pg_database_size
    pg_table_size pg_indexes_size current_database current_schema current_setting version database schema user
    pg_get_viewdef pg_get_functiondef pg_get_constraintdef pg_get_indexdef obj_description col_description to_regclass
    pragma_table_info last_insert_rowid changes sqlite_version
    """.split()  # noqa: SIM905
)


def reads_only(text: str) -> str | None:
    """Return why SQL text may do more than read, `None` if it does not."""
    if CLIENT.search(text):
        return "the SQL text holds a command of the client"
    first, last, position = "", "", 0
    ended = False
    while position < len(text):
        token = TOKEN.match(text, position)
        if token is None:
            return f"the SQL text is not understood from {text[position : position + 20]!r}"
        position = token.end()
        if token.lastgroup is None and not token.group()[0].isdigit():
            continue
        word = token.group().lower()
        if ended:
            return "there is more than one SQL statement"
        first = first or word
        why = _refused(word, last, is_word=token.lastgroup == "word")
        if why:
            return why
        ended = word == ";"
        last = word if token.lastgroup in {"word", "quoted"} else ""
    return None if first in READS else "the SQL text may do more than read"


def _refused(word: str, last: str, *, is_word: bool) -> str | None:
    if is_word and word in WRITES:
        return f"the SQL text may do more than read ({word})"
    if word == "(" and last and last not in BEFORE_PARENTHESIS and last not in FUNCTIONS:
        return f"the SQL text calls {last[:40]}"
    return None
