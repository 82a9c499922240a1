"""The version of the distribution, in one place."""

from importlib.metadata import version

VERSION = version("moothall")
