"""All tools that the hall offers; `transport/mcp/server.py` puts them behind the SDK's server.

A new tool goes into the module of its group, `..._tools.py`, and its schemas into the `..._schemas.py` beside it.
"""

from __future__ import annotations

from typing import Final

from transport.mcp.tools.decision_tools import DECISION_TOOLS
from transport.mcp.tools.gate_tools import GATE_TOOLS
from transport.mcp.tools.hall_tools import HALL_TOOLS, TREE
from transport.mcp.tools.log_tools import LOG_TOOLS

TOOLS: Final = {tool.name: tool for tool in (*HALL_TOOLS, *LOG_TOOLS, *GATE_TOOLS, *DECISION_TOOLS, TREE)}
"""Every tool by name, in the order of `tools/list`."""

ORDERED: Final = frozenset(tool.name for tool in TOOLS.values() if tool.ordered)
"""The tools whose calls keep the order of their arrival, per connection."""
