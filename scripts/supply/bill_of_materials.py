"""`scripts/sbom`: a bill of materials of what is installed, as CycloneDX 1.6 in JSON (ECMA-424).

It says nothing that changes from run to run: two of the same environment are equal, and its serial number is made of
what it says (RFC 9562, version 5).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PRODUCT: Final = "moothall"


def main() -> None:
    """Print the bill of materials of this interpreter's environment."""
    sys.stdout.write(json.dumps(bill_of_materials(PRODUCT), indent=2) + "\n")


def bill_of_materials(product: str) -> dict[str, Any]:
    """Return what is installed of a product and of all that it needs here.

    Args:
        product: The distribution's name.
    """
    found: dict[str, Distribution] = {}
    needs: dict[str, list[str]] = {}
    asked: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(product), "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in asked or (package := _installed(name)) is None:
            continue
        asked.add((name, extra))
        found[name] = package
        required = [*_required(package, extra)]
        needs.setdefault(name, []).extend(canonicalize_name(each.name) for each in required)
        waiting += [(canonicalize_name(each.name), wanted) for each in required for wanted in ("", *each.extras)]
    references = {name: f"pkg:pypi/{name}@{package.version}" for name, package in found.items()}
    own = canonicalize_name(product)
    return _bill(
        {"type": "application", **_component(found[own], references[own])},
        [{"type": "library", **_component(found[name], references[name])} for name in sorted(found) if name != own],
        [
            {"ref": references[name], "dependsOn": sorted({references[each] for each in needs[name] if each in found})}
            for name in sorted(found)
        ],
    )


def _bill(product: dict[str, Any], components: list[dict[str, Any]], needs: list[dict[str, Any]]) -> dict[str, Any]:
    said = json.dumps([product, components, needs], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, said)}",
        "version": 1,
        "metadata": {"component": product},
        "components": components,
        "dependencies": needs,
    }


def _component(package: Distribution, reference: str) -> dict[str, Any]:
    name = canonicalize_name(package.metadata["Name"])
    component: dict[str, Any] = {"bom-ref": reference, "name": name, "version": package.version, "purl": reference}
    if expression := package.metadata.get_all("License-Expression"):
        component["licenses"] = [{"expression": expression[0]}]
    elif names := [*_license_names(package)]:
        component["licenses"] = [{"license": {"name": name}} for name in names]
    return component


def _license_names(package: Distribution) -> Iterable[str]:
    """Return the licences that the classifiers name, as older packages do."""
    classifiers = package.metadata.get_all("Classifier") or []
    return (
        each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ") and each.count("::") > 1
    )


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:  # needed on other platforms alone
        return None


def _required(package: Distribution, extra: str) -> Iterable[Requirement]:
    """Return what a package requires here because of one extra, or without any."""
    for each in map(Requirement, package.requires or ()):
        always = each.marker is None or each.marker.evaluate({"extra": ""})
        if always is not bool(extra) and (each.marker is None or each.marker.evaluate({"extra": extra})):
            yield each


if __name__ == "__main__":
    main()
