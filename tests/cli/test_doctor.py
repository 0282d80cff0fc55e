from __future__ import annotations

import http.server
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cosport.cli import doctor, machine
from cosport.cli.machine import State
from cosport.model.elf import is_static
from cosport.regress import accel
from tests.support import Answer, cosport, invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support import Git

needs_qemu = pytest.mark.skipif(shutil.which(accel.QEMU) is None, reason="qemu-system-x86_64 is not installed")


def checks(answer: Answer) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in answer.json()["checks"]}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes long and is tested by itself."""
    for name in ("qemu", "kvm", "compiler"):
        monkeypatch.setattr(machine, name, lambda name=name: machine.Check(name, State.MISSING, "left out"))


@pytest.fixture
def fake_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a shell script of that name first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def make(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)

    return make


def test_a_plain_clone_is_ready_for_backports(git: Git) -> None:
    git.commit({"a": "1\n"}, "one")
    answer = cosport("doctor", "--json", cwd=git.path, check=0)
    found = checks(answer)
    assert answer.json()["ok"] is True
    assert found["git"]["state"] == "ok"
    assert found["identity"]["detail"] == "Kernel Engineer <engineer@example.com>"
    assert found["upstream"]["detail"].startswith("refs/heads/main at ")
    assert git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


@pytest.mark.usefixtures("quick")
def test_text_says_what_a_missing_part_costs(git: Git, seal: Path) -> None:
    git.commit({"a": "1\n"}, "one")
    (seal / "gitconfig").write_text("", encoding="utf-8")
    answer = invoke("doctor", cwd=git.path, check=1)
    assert "missing identity" in answer.out
    assert "costs: no backport can be signed off" in answer.out
    assert "backports do not work here yet: identity" in answer.out


@pytest.mark.usefixtures("quick")
def test_each_configured_branch_must_lead_to_a_commit(git: Git) -> None:
    git.commit({"a": "1\n"}, "one")
    git.branch("cos-5.4")
    (git.path / "c.toml").write_text(
        '[upstream]\nref = "main"\n[[branch]]\nname = "cos-5.4"\n[[branch]]\nname = "gone"\n', encoding="utf-8"
    )
    answer = invoke("doctor", "--json", "--config", "c.toml", cwd=git.path, check=1)
    assert checks(answer)["branch cos-5.4"]["state"] == "ok"
    assert checks(answer)["branch gone"]["state"] == "missing"


@pytest.mark.usefixtures("quick")
def test_a_wrong_configuration_is_one_broken_part(git: Git) -> None:
    git.commit({"a": "1\n"}, "one")
    (git.path / "c.toml").write_text("[upstraem]\n", encoding="utf-8")
    answer = invoke("doctor", "--json", "--config", "c.toml", cwd=git.path, check=1)
    assert checks(answer)["config"]["state"] == "broken"
    assert "upstraem" in checks(answer)["config"]["detail"]


@pytest.mark.usefixtures("quick")
def test_what_the_configuration_names_must_be_there(git: Git) -> None:
    git.commit({"a": "1\n"}, "one")
    (git.path / "c.toml").write_text('[message]\nprofile = "kos"\n[cve]\ndata = "/no/vulns"\n', encoding="utf-8")
    found = checks(invoke("doctor", "--json", "--config", "c.toml", cwd=git.path, check=1))
    assert found["config"]["state"] == "broken"
    assert "no message profile is named 'kos'" in found["config"]["detail"]
    assert found["cve data"]["state"] == "missing"


@pytest.mark.usefixtures("quick")
def test_outside_of_a_repository_it_still_tells_of_the_machine(tmp_path: Path) -> None:
    found = checks(invoke("doctor", "--json", cwd=tmp_path, check=1))
    assert found["git"]["state"] == "ok"
    assert found["repository"]["state"] == "missing"


@pytest.mark.usefixtures("quick")
def test_a_shallow_clone_is_said_to_be_one(git: Git, tmp_path: Path) -> None:
    for subject in ("one", "two"):
        git.commit({"a": subject}, subject)
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{git.path}", str(tmp_path / "shallow")], check=True)
    found = checks(invoke("doctor", "--json", cwd=tmp_path / "shallow"))
    assert found["history"]["state"] == "broken"
    assert "git fetch --unshallow" in found["history"]["costs"]


def test_a_repository_that_cannot_be_written_is_told(git: Git) -> None:
    (git.path / ".git/objects").chmod(0o555)
    found = checks(cosport("doctor", "--json", cwd=git.path, restrained=True))
    (git.path / ".git/objects").chmod(0o755)
    assert found["disk"]["state"] == "broken"


def test_an_old_git_is_told_with_the_version_that_is_needed(fake_tool: Callable[[str, str], None]) -> None:
    fake_tool("git", "echo git version 2.20.1")
    found = machine.git()
    assert found.state is State.BROKEN
    assert "2.20.1 is too old: 2.39 or newer" in found.detail


def test_a_git_whose_merge_fails_is_broken_whatever_its_version(fake_tool: Callable[[str, str], None]) -> None:
    real = shutil.which("git", path="/usr/local/bin:/usr/bin:/bin")
    fake_tool("git", f'case "$*" in *merge-tree*) exit 129;; esac\nexec {real} "$@"')
    found = machine.git()
    assert found.state is State.BROKEN
    assert "status 129" in found.detail


@pytest.mark.parametrize(
    ("script", "state", "says"),
    [
        ("exit 33", State.OK, "usable"),
        ("echo 'failed to set MSR 0x10a' >&2; kill -ABRT $$", State.BROKEN, "failed to set MSR 0x10a"),
        ("sleep 60", State.BROKEN, "hung"),
        ("exit 0", State.BROKEN, "status 0"),
    ],
)
def test_kvm_is_usable_only_if_a_machine_ran_to_its_end(
    script: str, state: State, says: str, fake_tool: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accel, "ROM_SECONDS", 1.0)
    monkeypatch.setattr(accel, "KVM", Path("/dev/null"))
    fake_tool(accel.QEMU, script)
    found = machine.kvm()
    assert found.state is state
    assert says in found.detail
    assert bool(found.costs) is (state is not State.OK)


def test_without_a_kvm_device_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accel, "KVM", Path("/nowhere/kvm"))
    assert machine.kvm().state is State.MISSING


@needs_qemu
def test_the_probe_runs_to_its_end_in_a_real_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accel, "ROM_SECONDS", 60.0)
    assert accel.run_rom("tcg", "qemu64") == ""


@needs_qemu
def test_the_probe_sees_a_machine_that_never_gets_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accel, "ROM_SECONDS", 2.0)
    monkeypatch.setattr(accel, "_JUMP_TO_START", b"\xeb\xfe\x90")  # jmp to itself
    assert "hung" in accel.run_rom("tcg", "qemu64")


def test_static_binaries_are_told_from_dynamic_ones(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    for name, flags in (("dynamic", []), ("static", ["-static", "-nostdlib"])):
        source = "int main(void){return 0;}" if name == "dynamic" else "void _start(void){for(;;);}"
        argv = ["gcc", *flags, "-x", "c", "-o", str(tmp_path / name), "-"]
        subprocess.run(argv, input=source.encode(), check=True)
        assert is_static((tmp_path / name).read_bytes()) is (name == "static")
    assert not is_static(b"#!/bin/sh\n")
    assert not is_static(b"\x7fELF\x02\x01")
    assert not is_static(b"")


class Handler(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b')]}\'\n"3.9"\n')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "state"), [(200, State.OK), (401, State.OK), (502, State.BROKEN)])
def test_gerrit_answers_or_not(
    status: int, state: State, server: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "status", status)
    assert doctor.gerrit(f"http://127.0.0.1:{server.server_port}").state is state


def test_gerrit_that_is_not_there_costs_little_time() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = doctor.gerrit(f"http://127.0.0.1:{closed.getsockname()[1]}", timeout=1.0)
    assert found.state is State.BROKEN
    assert "refused" in found.detail
    assert doctor.gerrit("file:///etc/passwd").state is State.BROKEN


def test_gerrit_that_hangs_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found = doctor.gerrit(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
    assert found.state is State.BROKEN
    assert "timed out" in found.detail
