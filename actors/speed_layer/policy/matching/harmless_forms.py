"""Forms of a command that do nothing, whatever its program does: asking for help, and trying something only."""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.policy.rule_tables import CommandRule

ASKS: Final = frozenset({"--help", "--version"})
SHORTLY: Final = {
    "help": frozenset({"aws"}),
    "-help": frozenset({"terraform", "tofu", "packer", "consul", "nomad", "vault"}),
    "-h": frozenset(
        """
        git gh glab docker podman kubectl oc helm terraform tofu gcloud az cargo uv npm brew gem apt apt-get dnf
        systemctl vagrant fly flyctl doctl minikube
        """.split()  # noqa: SIM905
    ),
}
"""Last words by which some programs are asked about their subcommands; others mean something else by them."""
VERSIONS: Final = frozenset({"-V", "-v"})
SHOW_VERSION: Final = re.compile(
    r"mkfs\.(?:ext[234]|xfs|btrfs|ntfs)|mke2fs|mkswap|fdisk|sfdisk|wipefs|mdadm|cryptsetup|hdparm|parted|dropdb|dropuser"
)
"""Programs that show their version, or refuse, where one of these is all that they are told."""
SUBCOMMAND: Final = re.compile(r"[a-z][a-z0-9-]*\Z")
MAX_SUBCOMMANDS: Final = 3
WITH_SUBCOMMANDS: Final = frozenset(
    """
    git gh glab hg svn docker podman nerdctl kubectl oc helm terraform tofu pulumi gcloud az doctl flyctl fly heroku
    npm pip pip3 pipx poetry uv pdm cargo rustup go brew apt apt-get dnf yum pacman zypper systemctl journalctl
    loginctl vault consul nomad packer vagrant firebase vercel netlify wrangler railway supabase zfs zpool nvme
    cryptsetup virsh lxc incus flatpak snap dotnet gem nix kind minikube k3d eksctl argocd istioctl flux aws sam cdk
    serverless ansible-galaxy moothall
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
"""Programs whose words are subcommands and that answer `SUBCOMMAND --help` with a page about it."""
RUNS: Final = frozenset(
    "run run-script exec x start dlx attach ssh tool shell do eval foreach debug invoke call serve plugin ext".split()  # noqa: SIM905
)
"""Subcommands behind which the words are another program's, which may take `--help` for its own."""
TRIES: Final = frozenset({
    "--dry-run", "--dryrun", "--dry-run=client", "--dry-run=server", "--dry-run=true", "--just-print", "--simulate",
    "--what-if", "--no-act",
})  # fmt: skip


def asks_for_help(words: tuple[str, ...]) -> bool:
    """Return whether a command only prints how it, or one of its subcommands, is used, or which version it is."""
    last = words[-1]
    if last not in ASKS:
        return _asks_shortly(words) if last in SHORTLY or last in VERSIONS or words[1:2] == ("help",) else False
    between = words[1:-1]
    if not between:
        return len(words) > 1
    return last == "--help" and words[0].rpartition("/")[2] in WITH_SUBCOMMANDS and _are_subcommands(between)


def _asks_shortly(words: tuple[str, ...]) -> bool:
    program, between, last = words[0].rpartition("/")[2], words[1:-1], words[-1]
    if last in VERSIONS:
        return len(words) == 2 and SHOW_VERSION.fullmatch(program) is not None  # noqa: PLR2004 - the program and it
    if words[1:2] == ("help",):
        return program in WITH_SUBCOMMANDS and _are_subcommands(words[1:])
    return bool(between) and program in SHORTLY[last] and _are_subcommands(between)


def _are_subcommands(words: tuple[str, ...]) -> bool:
    return (
        len(words) <= MAX_SUBCOMMANDS and all(SUBCOMMAND.match(word) for word in words) and RUNS.isdisjoint(words[:-1])
    )


def only_tries(words: tuple[str, ...], rule: CommandRule) -> bool:
    """Return whether an option says that what a rule is about is only to be tried; a person may then allow it."""
    if rule.fed_by or rule.made_by or rule.text or rule.sql or TRIES.isdisjoint(words):
        return False
    return "--" not in words or not TRIES.isdisjoint(words[: words.index("--")])
