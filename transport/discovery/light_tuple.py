"""Named tuples for what a hook imports: `typing`, whose `NamedTuple` this stands for, takes 4 ms of a hook's 25.

Type checkers are told that it is `typing.NamedTuple`; the fields and defaults of a class are the same at run time.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:

    class _Fields(type):
        def __new__(cls, name: str, _bases: tuple[type, ...], body: dict[str, Any]) -> type:
            fields = body.get("__annotations__", {})
            if not fields:
                return super().__new__(cls, name, (), body)
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024 - see above
            own = {key: value for key, value in body.items() if key not in fields and not key.startswith("__")}
            return type(
                name, (made,), {"__slots__": (), "__doc__": body.get("__doc__"), "__module__": made.__module__, **own}
            )

    class NamedTuple(metaclass=_Fields):
        """As `typing.NamedTuple`, for annotations that are texts."""


__all__ = ["NamedTuple"]
