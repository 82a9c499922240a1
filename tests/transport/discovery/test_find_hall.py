"""Which hall is spoken to, and which token it is told: what each source may say."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from transport.config import ConfigError, load
from transport.discovery.data_directory import default_data_dir, prepare_data_dir
from transport.discovery.find_hall import Given, find_hall
from transport.discovery.hall import Misused, NotFound, hall_of_id
from transport.discovery.private_directory import NotBelieved
from transport.discovery.server_file import ServerInfo, remove_server_info, write_server_info
from transport.discovery.state_directory import state_directory

INFO = ServerInfo("ws://127.0.0.1:8765/mcp", "http://127.0.0.1:8766", "/run/ws.sock", "/run/http.sock", os.getpid())
ELSEWHERE = "ws://192.0.2.1:8765/mcp"


@pytest.fixture
def here(tmp_path, monkeypatch, make_repository):
    """A repository with a hall whose server runs; its data directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(make_repository(tmp_path / "project"))
    data = prepare_data_dir(None)
    write_server_info(data, INFO)
    (data / "agent.token").write_text("agents")
    (data / "admin.token").write_text("admins")
    return data


NOTHING = Given()


def found(given=NOTHING, **environment):
    return find_hall(given, environment)


def test_the_hall_of_the_repository_is_reached_by_its_sockets_and_told_the_agents_token(here):
    hall = found()
    assert (hall.url, hall.sockets, hall.token, hall.owner) == (None, INFO, "agents", os.geteuid())
    assert found(Given(person=True)).token == "admins"


def test_the_address_of_this_machines_hall_leads_to_its_socket_where_it_can_prove_itself(here):
    assert found(Given(url=INFO.ws)).sockets == INFO
    assert found(MOOTHALL_URL=INFO.ws).token == "agents"
    assert found(MOOTHALL_URL=INFO.http).sockets == INFO


def test_the_token_of_the_private_directory_goes_to_no_other_address(here):
    hall = found(Given(url=ELSEWHERE))
    assert (hall.url, hall.token, hall.sockets) == (ELSEWHERE, None, None)
    assert found(MOOTHALL_URL=ELSEWHERE).token is None


def test_the_token_of_the_environment_goes_where_the_environment_or_the_private_directory_says(here):
    assert found(MOOTHALL_TOKEN="mine").token == "mine"
    assert found(MOOTHALL_TOKEN="mine", MOOTHALL_URL=ELSEWHERE).token == "mine"
    assert found(Given(url=ELSEWHERE), MOOTHALL_TOKEN="mine", MOOTHALL_URL=ELSEWHERE).token == "mine"


def test_the_token_of_the_environment_does_not_go_to_an_address_of_the_command_line(here, tmp_path):
    """A configuration in a repository can name an address; the token is the user's."""
    with pytest.raises(Misused, match="MOOTHALL_URL"):
        found(Given(url="ws://192.0.2.9/mcp"), MOOTHALL_TOKEN="mine", MOOTHALL_URL=ELSEWHERE)
    (tmp_path / "token").write_text("given\n")
    given = Given(url="ws://192.0.2.9/mcp", token_file=tmp_path / "token")
    assert found(given, MOOTHALL_TOKEN="mine").token == "given"


def test_a_token_is_read_from_a_pipe_too_where_the_user_names_one(here, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", 'echo piped > "$0"', str(pipe)])
    assert found(Given(token_file=pipe)).token == "piped"
    assert writer.wait() == 0


def test_a_data_directory_that_each_folder_reads_otherwise_is_refused_in_the_environment(here):
    with pytest.raises(NotBelieved, match="its whole path"):
        found(MOOTHALL_DATA=".moothall")
    with pytest.raises(ConfigError, match="MOOTHALL_DATA"):
        load(None, {"MOOTHALL_DATA": ".moothall"}, {})


def test_a_loop_of_links_and_a_path_that_is_none_are_said(tmp_path, monkeypatch):
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / ".git").symlink_to(tmp_path / "loop" / ".git")
    (tmp_path / "null").mkdir()
    (tmp_path / "null" / ".git").write_bytes(b"gitdir: a\0b\n")
    for name in ("loop", "null"):
        with pytest.raises(NotBelieved):
            default_data_dir(tmp_path / name)


def test_the_command_line_goes_before_the_environment_and_that_before_the_repository(here, tmp_path):
    for name in ("flag", "environment"):
        (tmp_path / name).mkdir(mode=0o700)
        write_server_info(tmp_path / name, INFO._replace(ws_socket=f"/{name}"))
    flag, environment = tmp_path / "flag", str(tmp_path / "environment")
    assert found(Given(data=flag), MOOTHALL_DATA=environment, MOOTHALL_URL=ELSEWHERE).sockets.ws_socket == "/flag"
    assert found(MOOTHALL_DATA=environment).sockets.ws_socket == "/environment"
    assert found(Given(url=ELSEWHERE, data=flag)).url == ELSEWHERE


def test_a_server_whose_process_has_ended_is_not_believed(here):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, 0, -1, 1 << 40):
        write_server_info(here, INFO._replace(pid=pid))
        with pytest.raises(NotFound, match="moothall serve"):
            found()


def test_only_the_server_that_wrote_it_takes_its_file_back(here):
    remove_server_info(here, os.getpid() + 1)
    assert found().sockets == INFO
    remove_server_info(here, os.getpid())
    with pytest.raises(NotFound):
        found()


def test_nothing_in_the_working_tree_is_believed_and_an_old_directory_is_told_of(here):
    old = here.parents[2] / "project" / ".moothall"
    old.mkdir()
    write_server_info(old, INFO._replace(ws_socket="/evil"))
    (old / "agent.token").write_text("evil")
    assert (found().sockets, found().token) == (INFO, "agents")
    remove_server_info(here, os.getpid())
    with pytest.raises(NotFound, match=r"moothall adopt \.moothall"):
        found()


@pytest.mark.parametrize("which", ["all halls", "this one"])
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o750, 0o701])
def test_a_directory_that_others_can_look_into_is_not_believed(here, which, mode):
    folder = here if which == "this one" else here.parent
    folder.chmod(mode)
    for look in (found, lambda: prepare_data_dir(None)):
        with pytest.raises(NotBelieved, match="chmod 700"):
            look()


@pytest.mark.parametrize("which", ["all halls", "this one"])
def test_a_link_in_the_place_of_the_directory_is_not_believed(here, tmp_path, which):
    folder = here if which == "this one" else here.parent
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    for look in (found, lambda: prepare_data_dir(None)):
        with pytest.raises(NotBelieved, match="is a link"):
            look()


def test_a_directory_that_cannot_be_looked_at_is_not_believed(here, monkeypatch):
    def refused(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("transport.discovery.private_directory.os.lstat", refused)
    with pytest.raises(NotBelieved, match="cannot be looked at"):
        found()


def test_a_named_directory_stays_out_of_a_checkout_unless_the_user_says_otherwise(tmp_path):
    assert prepare_data_dir(tmp_path / "named") == tmp_path / "named"
    ignored = tmp_path / "named" / ".gitignore"
    assert ignored.read_text() == "*\n"
    ignored.write_text("my own\n")
    prepare_data_dir(tmp_path / "named")
    assert ignored.read_text() == "my own\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")
def test_a_directory_of_another_user_is_not_believed_and_one_line_says_how_it_came_to_that(here):
    os.chown(here, 12345, -1)
    for look in (found, lambda: prepare_data_dir(None)):
        with pytest.raises(NotBelieved, match="belongs to user 12345, not to root: run it without sudo"):
            look()


def test_a_named_directory_that_others_can_write_to_is_not_believed(here, tmp_path):
    named = tmp_path / "named"
    named.mkdir(mode=0o700)
    write_server_info(named, INFO)
    assert found(Given(data=named)).sockets == INFO
    named.chmod(0o720)
    for look in (lambda: found(Given(data=named)), lambda: prepare_data_dir(named)):
        with pytest.raises(NotBelieved, match="chmod go-w"):
            look()


def looks_at(named):
    return lambda: found(Given(data=named)), lambda: prepare_data_dir(named)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_named_directory_that_others_could_swap_for_another_one_is_not_believed(here, tmp_path, depth):
    named = tmp_path / "a" / "b" / "named"
    named.mkdir(mode=0o700, parents=True)
    parent = named.parents[depth - 1]
    write_server_info(named, INFO)
    for mode in (0o757, 0o777):
        parent.chmod(mode)
        for look in looks_at(named):
            with pytest.raises(NotBelieved, match=f"chmod go-w {parent}`"):
                look()
    for mode in (0o1777, 0o755):  # where it is sticky, as /tmp is, only owners rename what is theirs
        parent.chmod(mode)
        for look in looks_at(named):
            look()


@pytest.mark.parametrize("name", ["own", "staff"])
@pytest.mark.parametrize("members", [[], ["own"], ["own", "other"]])
def test_the_group_that_a_user_is_alone_in_may_write_to_what_leads_there(here, tmp_path, monkeypatch, name, members):
    named = tmp_path / "a" / "named"
    named.mkdir(mode=0o700, parents=True)
    named.parent.chmod(0o775)
    write_server_info(named, INFO)
    gid = named.parent.stat().st_gid
    monkeypatch.setattr("grp.getgrgid", lambda _: grp.struct_group((name, "x", gid, members)))
    monkeypatch.setattr("pwd.getpwuid", lambda _: pwd.struct_passwd(("own", "x", 0, gid, "", "/", "/bin/sh")))
    for look in looks_at(named):
        if name == "own" and "other" not in members:
            look()
        else:
            with pytest.raises(NotBelieved, match="chmod go-w"):
                look()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")
def test_a_named_directory_below_another_users_is_not_believed_but_where_both_are_theirs(here, tmp_path):
    named = tmp_path / "a" / "named"
    named.mkdir(mode=0o700, parents=True)
    os.chown(named.parent, 54321, -1)
    for look in looks_at(named):
        with pytest.raises(NotBelieved, match="user 54321, who can put"):
            look()
    os.chown(named, 54321, -1)
    write_server_info(named, INFO)
    assert found(Given(data=named)).owner == 54321


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_not_waited_for(here, kind):
    for name in ("server.json", "agent.token"):
        (here / name).unlink()
        os.mkfifo(here / name) if kind == "pipe" else (here / name).mkdir()
    with pytest.raises(NotFound):
        found()


def test_outside_of_every_repository_there_is_a_hall_too(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_data_dir(tmp_path) == tmp_path / "moothall" / "default"


@pytest.mark.parametrize("state", [None, "", " ", "/state", "/state/", " /state ", "relative", "~/state"])
@pytest.mark.parametrize("home", ["/home/dev", "/home/dev/", "/", None])
def test_the_folder_of_all_halls_is_the_one_that_platformdirs_names(monkeypatch, state, home):
    for name, value in (("XDG_STATE_HOME", state), ("HOME", home)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Path(state_directory()) == Path(platformdirs.user_state_dir("moothall", appauthor=False))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs says it")
@pytest.mark.parametrize("state", ["", "/elsewhere"])
def test_what_a_hook_needs_to_find_a_hall_is_not_all_of_platformdirs(monkeypatch, state):
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("HOME", "/home/dev")
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert state_directory() == f"{state or '/home/dev/.local/state'}/moothall"


def test_a_hall_is_found_by_its_id_from_anywhere(here, tmp_path, monkeypatch, make_repository):
    monkeypatch.chdir(make_repository(tmp_path / "made by an agent"))
    hall = hall_of_id(here.name, {})
    assert (hall.sockets, hall.token, hall.owner) == (INFO, "agents", os.geteuid())
    assert hall_of_id(here.name, {"MOOTHALL_TOKEN": "mine"}).token == "mine"
    with pytest.raises(NotFound, match="there is no hall"):
        hall_of_id("another", {})
    for name in ("a", "a" * 255):
        with pytest.raises(NotFound, match="there is no hall"):
            hall_of_id(name, {})
    for name in ("", "..", "a/b", "/etc", ".hidden", "-x", "a b", "a" * 256):
        with pytest.raises(Misused):
            hall_of_id(name, {})
    here.chmod(0o755)
    with pytest.raises(NotBelieved):
        hall_of_id(here.name, {})
