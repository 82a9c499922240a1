"""Asks the index that pip is configured with for the digests of a package's files, through pip itself."""

from __future__ import annotations

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version
from pip._internal.commands.index import IndexCommand
from pip._internal.index.collector import LinkCollector, parse_links
from pip._internal.models.link import Link


class Index:
    """The indexes that `pip install` would look at here."""

    def __init__(self) -> None:
        command = IndexCommand("index", "")
        options, _ = command.parse_args([])
        self._collector = LinkCollector.create(command._build_session(options), options)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as pip does

    def digests(self, name: str, version: str) -> set[str]:
        """Return the SHA-256 of each file of a version, for every platform.

        Args:
            name: The package's canonical name.
            version: Its version.
        """
        wanted = Version(version)
        found: set[str] = set()
        for url in self._collector.search_scope.get_index_urls_locations(name):
            page = self._collector.fetch_response(Link(url))
            for link in () if page is None else parse_links(page):
                if _version_of(link.filename) == wanted and link.hash_name == "sha256" and link.hash:
                    found.add(link.hash)
        return found


def _version_of(file_name: str) -> Version | None:
    try:
        return parse_wheel_filename(file_name)[1] if file_name.endswith(".whl") else parse_sdist_filename(file_name)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
