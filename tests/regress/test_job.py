"""Whole jobs on real kernels in a real QEMU. Each boot takes seconds under emulation, so there are few of them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kcidb_io  # type: ignore[import-untyped]
import msgspec
import pytest
from jsonschema import Draft202012Validator

from cosport import resources
from cosport.cli import schema
from cosport.errors import DiskError
from cosport.model.regress import ArmName
from cosport.regress import admission, output
from cosport.regress import workload as workloads
from tests.regress.results import result, sample
from tests.support import cosport, invoke
from tests.test_process import gone

if TYPE_CHECKING:
    from tests.support import Git

REPEATS = 4 if os.environ.get("COSPORT_SOAK") else 1
BOOT = (resources.path("pipelines", "workloads") / "balloon-boot.yaml").read_text(encoding="utf-8")


def document(folder: Path) -> Any:
    return msgspec.json.decode((folder / "result.json").read_bytes())


def workload(tmp_path: Path, *steps: str) -> str:
    """A workload of these steps, in a file."""
    start, _, rest = BOOT.partition("  - steps:\n")
    file = tmp_path / "mine.yaml"
    listed = "".join(f"      - {{{step}}}\n" for step in steps)
    file.write_text(f"{start}  - steps:\n{listed}{rest[rest.index('judge:') :]}", encoding="utf-8")
    return str(file)


def check_pair(without: Any, with_: Any) -> None:
    """What a boot of each arm must show."""
    assert with_["target_pages"] == 97280
    assert with_["inflated"] <= 1.05 * with_["target_pages"]
    assert with_["reached"]
    assert with_["kept"] == with_["target_pages"]
    assert with_["deflated"] == 0
    assert not without["reached"] or without["inflated"] >= 2 * without["target_pages"]
    assert without["deflated"] > 0


@pytest.mark.soak
def test_the_fix_shows_in_the_guests_counters(tmp_path: Path) -> None:
    """One boot of each arm: enough to see the bug and the fix, too few for a verdict, which is said. Whole: four."""
    out = tmp_path / "out"
    command = ("regress", "run", "balloon", "--mode", "module", "--repeats", str(REPEATS), "--out", str(out))
    answer = cosport(*command, cwd=tmp_path, timeout=180.0 * REPEATS, check=1 if REPEATS < 4 else 0)
    found = document(out)
    for without, with_ in zip(*([run for run in found["runs"] if run["arm"] == arm] for arm in ArmName), strict=True):
        check_pair(without, with_)
    for run in found["runs"]:
        assert run["features"][2] == "1"
        assert run["deflated_whole"] == run["inflated_whole"]  # all pages came back
        assert run["counters"]["balloon_inflate"] == run["inflated"]
        assert "Linux version" in (out / run["console"]).read_text(encoding="utf-8", errors="replace")
    assert found["judgement"]["verdict"] == ("inconclusive" if REPEATS < 4 else "fixes")
    assert REPEATS >= 4 or "--repeats 4" in answer.out
    Draft202012Validator(schema.of("regress")).validate(found)
    kcidb_io.schema.LATEST.validate(msgspec.json.decode((out / "kcidb.json").read_bytes()))
    assert "<svg" in (out / "report.html").read_text(encoding="utf-8")
    assert (out / "series.csv").read_text(encoding="utf-8").count("\n") > 100
    shown = invoke("regress", "show", str(out), "--json", cwd=tmp_path, check=answer.code)
    assert shown.json() == found


def test_a_guest_that_panics_under_load_is_a_result_and_one_that_panics_at_boot_none(tmp_path: Path) -> None:
    mine = workload(tmp_path, "do: inflate, hold: 0, required: true", "do: crash")
    answer = cosport("regress", "run", mine, "--out", "load", cwd=tmp_path, check=1)
    assert "fails" in answer.out
    run = document(tmp_path / "load")["runs"][0]
    assert run["crash"]["failure"] == "panic"
    assert run["under_load"]
    (tmp_path / "p.yaml").write_text(
        "{memory_mib: 256, target_mib: 64, disk_mib: 64, kernel_arguments: [rdinit=/nowhere, init=/nowhere]}",
        encoding="utf-8",
    )
    answer = cosport("regress", "run", "balloon-boot", "--profile", "p.yaml", "--out", "boot", cwd=tmp_path, check=3)
    assert "harness-error" in answer.out
    assert "Kernel panic - not syncing" in answer.out
    bisected = cosport(
        "regress", "run", "balloon-boot", "--profile", "p.yaml", "--bisect-run", "--out", "b", cwd=tmp_path
    )
    assert bisected.code == 125


def test_a_guest_whose_balloon_does_not_probe_is_told(tmp_path: Path) -> None:
    (tmp_path / "none.ko").write_bytes(b"no module")
    answer = cosport("regress", "run", "balloon-boot", "--with", "none.ko", "--out", "out", cwd=tmp_path, check=3)
    assert "the guest has no virtio balloon" in answer.out
    assert "cannot load virtio_balloon.ko" in answer.out


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_qemu_outlives_cosport(tmp_path: Path, number: signal.Signals) -> None:
    runtime = tmp_path / "r"
    runtime.mkdir()
    short = Path("/tmp") / f"cosport-test-{os.getpid()}"  # a socket's path has room for 107 characters
    short.mkdir(mode=0o700)
    try:
        argv = [sys.executable, "-m", "cosport", "regress", "run", "balloon-boot", "--out", str(tmp_path / "out")]
        child = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env={**os.environ, "XDG_RUNTIME_DIR": str(short)})  # fmt: skip
        deadline = time.monotonic() + 120
        pids: list[int] = []
        while not pids and time.monotonic() < deadline:
            time.sleep(0.05)
            pids = [int(file.read_text().split()[0]) for file in short.glob("*/run-*/pid") if file.stat().st_size]
        time.sleep(1.0)
        child.send_signal(number)
        assert child.wait(timeout=60) == (-number if number is signal.SIGKILL else 130)
        assert pids
        assert gone(pids[0])
        found = msgspec.json.decode((tmp_path / "out/result.json").read_bytes())
        assert found["complete"] is False
    finally:
        subprocess.run(["rm", "-rf", str(short)], check=True)


def test_a_host_without_the_memory_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "free_mib", lambda: 300)
    answer = invoke("regress", "run", "balloon", "--repeats", "1", "--out", "out", cwd=tmp_path, check=3)
    assert "a guest of 512 MiB needs 662 MiB, and 240 MiB may be used here" in answer.err


def test_an_output_folder_that_cannot_be_written_stops_it_first(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=0o555)
    answer = cosport(
        "regress", "run", "balloon-boot", "--out", str(place / "out"), cwd=tmp_path, check=3, restrained=True
    )
    assert "Permission denied" in answer.err
    assert "--out" in answer.err
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.tex").touch()
    refused = invoke("regress", "run", "balloon-boot", "--out", str(tmp_path / "full"), cwd=tmp_path, check=2)
    assert "holds other things" in refused.err


def test_a_disk_that_fills_up_is_told_with_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as write(2) fails: without a name

    place = output.Output.make(tmp_path / "out", workloads.find("balloon"))
    monkeypatch.setattr(output, "publish", full)
    with pytest.raises(DiskError) as caught:
        place.save(result(sample()))
    assert caught.value.what == f"{tmp_path / 'out/result.json'}: No space left on device"


@pytest.mark.parametrize("tool", ["qemu-system-x86_64", "gcc", "busybox"])
def test_a_missing_tool_is_named(tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    for folder in ("/usr/bin", "/bin", "/usr/sbin"):
        for file in Path(folder).iterdir():
            if file.name != tool and not (commands / file.name).exists():
                (commands / file.name).symlink_to(file)
    monkeypatch.setenv("PATH", str(commands))
    answer = invoke("regress", "run", "balloon-boot", "--out", "out", cwd=tmp_path, check=3)
    assert tool in answer.err
    assert "install" in answer.err


def test_a_kvm_that_is_demanded_and_broken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cosport.regress import accel

    monkeypatch.setattr(accel, "KVM", Path("/dev/null"))
    monkeypatch.setattr(accel, "run_rom", lambda *_: "failed to set MSR 0x10a")
    answer = invoke("regress", "run", "balloon-boot", "--accel", "kvm", "--out", "out", cwd=tmp_path, check=3)
    assert "failed to set MSR 0x10a" in answer.err
    choice = accel.choose("auto", Path("/dev/null"))
    assert choice.accelerator is accel.Accelerator.TCG
    assert "failed to set MSR 0x10a" in choice.reason
    assert list(Path(os.environ["XDG_CACHE_HOME"]).glob("cosport/kvm/*.json"))  # asked once for each boot of the host


def test_a_pick_is_proved_from_its_commit_and_the_verdict_recorded(tmp_path: Path, git: Git) -> None:
    from cosport.kbuild import archive, patch
    from cosport.kbuild.tree import Archive

    found = archive.find()
    assert found is not None
    source = Archive(found)
    driver = "drivers/virtio/virtio_balloon.c"
    without = patch.first_applied(source.read, resources.path("patches", "balloon").glob("*.patch"))
    assert without is not None
    base = git.commit(
        {"Makefile": source.read("Makefile"), "Kconfig": "mainmenu\n", driver: without[1][driver]}, "base"
    )
    fix = git.commit({driver: source.read(driver)}, "virtio-balloon: switch back to OOM handler")
    git.commit({"other.c": ""}, "something else")
    git.checkout()
    before = git.user_state()
    command = ("regress", "run", "balloon-boot", "--with", fix, "--without", base, "--json")
    answer = cosport(*command, "--out", str(tmp_path / "out"), cwd=git.path, check=1, timeout=300.0)
    assert answer.json()["judgement"]["verdict"] == "not-reproduced"  # a smoke test shows no bug that needs pressure
    assert [arm["commit"] for arm in answer.json()["arms"]] == [base, fix]
    assert git.user_state() == before
    record = cosport("record", "show", fix, "--json", cwd=git.path, check=0).json()["commits"][0]["records"][0]
    assert record["kind"] == "regress"
    assert record["data"]["verdict"] == "not-reproduced"
