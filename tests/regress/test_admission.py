from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from cosport import lasting
from cosport.errors import DiskError, NoRoomError
from cosport.regress import admission
from cosport.regress.admission import admitted, free_mib

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Places of this test's own: other tests boot guests meanwhile."""
    folder = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr(admission, "_LONGEST", 200)
    return folder


def host(root: Path, available_kib: int, cgroup: str = "0::/\n") -> Path:
    """A host's files as proc(5) and cgroups(7) describe them."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(
        f"MemTotal:  9999999 kB\nMemFree: 1 kB\nMemAvailable: {available_kib} kB\n", encoding="ascii"
    )
    (root / "proc/self/cgroup").write_text(cgroup, encoding="ascii")
    return root


def limit(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="ascii")


def test_without_limits_all_that_the_kernel_calls_available_counts(tmp_path: Path) -> None:
    assert free_mib(host(tmp_path, 2048 * 1024)) == 2048


def test_the_tightest_cgroup_above_us_counts(tmp_path: Path) -> None:
    host(tmp_path, 4096 * 1024, "0::/outer/inner\n")
    base = tmp_path / "sys/fs/cgroup"
    limit(base / "outer/inner", memory__max="max\n", memory__current="5\n")
    limit(
        base / "outer",
        memory__max=f"{1000 << 20}\n",
        memory__current=f"{900 << 20}\n",
        memory__stat=f"inactive_file {200 << 20}\n",
    )
    assert free_mib(tmp_path) == 300


def test_the_first_version_of_cgroups_counts_too(tmp_path: Path) -> None:
    host(tmp_path, 4096 * 1024, "5:cpu,cpuacct:/\n4:memory:/job\n")
    limit(
        tmp_path / "sys/fs/cgroup/memory/job",
        memory__limit_in_bytes=f"{500 << 20}\n",
        memory__usage_in_bytes=f"{100 << 20}\n",
    )
    assert free_mib(tmp_path) == 400


def test_a_guest_that_does_not_fit_is_refused_with_the_figures() -> None:
    with pytest.raises(NoRoomError) as caught, admitted(512, free=lambda: 300):
        pass
    assert "needs 662 MiB, and 240 MiB may be used" in caught.value.what
    assert caught.value.exit_code == 3


def test_guests_that_run_already_count_and_are_waited_for(runtime: Path) -> None:
    said: list[str] = []
    with admitted(512, free=lambda: 1000):
        with (
            pytest.raises(NoRoomError, match="other jobs hold"),
            admitted(512, free=lambda: 1000, wait=0.2, told=said.append),
        ):
            pass
        assert len(said) == 1
    with admitted(512, free=lambda: 1000):
        pass
    assert not list(runtime.glob("*/run-*"))


def test_what_a_dead_owner_left_is_ended_and_removed(runtime: Path) -> None:
    with admitted(100, free=lambda: 10000) as place:
        base = place.folder.parent
    left = base / "run-left"
    left.mkdir()
    (left / "owner").touch()
    (base / "run-torn").mkdir()  # killed before it had an owner
    child = lasting.start(["sleep", "600"], pidfile=left / "pid", output=runtime / "log")
    while not (left / "pid").exists():
        time.sleep(0.01)
    with admitted(100, free=lambda: 10000) as place:
        assert list(base.glob("run-*")) == [place.folder]
    assert child.wait(timeout=10) == -signal.SIGKILL


def test_a_folder_that_others_may_write_is_refused(runtime: Path) -> None:
    with admitted(1, free=lambda: 10000):
        pass
    next(runtime.iterdir()).chmod(0o777)
    with pytest.raises(DiskError, match="not this user's alone"), admitted(1, free=lambda: 10000):
        pass
