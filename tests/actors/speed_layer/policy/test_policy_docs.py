"""What docs/policy.md shows is what happens."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[4] / "docs" / "policy.md"


def test_the_page_does_what_it_shows():
    page = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    runner = doctest.DocTestRunner()
    runner.run(doctest.DocTestParser().get_doctest(page, {"__name__": "policy_page"}, "policy.md", str(PAGE), 0))
    assert runner.tries > 10
    assert runner.failures == 0
