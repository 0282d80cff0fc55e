"""CVE records of every form are indexed by the commits that they name; what cannot be read whole is an error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cosport.cve import index as indexing
from cosport.cve.index import CveIndex
from cosport.cve.record import Pair, Record, Status
from cosport.errors import ConfigError, CveDataError
from cosport.model.commit import Sha
from cosport.model.severity import Severity
from tests.cve import records
from tests.cve.records import FIX, INTRODUCED, write

if TYPE_CHECKING:
    from pathlib import Path

    from cosport.cve.folder import File


OTHER = "60c0c230c6f046da536d3df8b39a20b9a9fd6af0"
FORK = "f718863aca469a109895cb855e6b81fff4827d71"
NAME = "CVE-2024-26581"
BASE = f"cve/published/2024/{NAME}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "vulns"
    folder.mkdir()
    return folder


def opened(data: Path) -> CveIndex:
    return CveIndex.open(str(data), data.parent / "cve.sqlite")


def read(data: Path, name: str = NAME) -> Record:
    with opened(data) as index:
        found = index.record(name)
    assert found is not None
    return found


def test_the_kernel_cna_s_repository(data: Path) -> None:
    records.publish(data, NAME, [(INTRODUCED, OTHER), (INTRODUCED, FIX)], ids=[FIX], score=7.8)
    write(data, f"{BASE}.mbox", "From: nobody\n")
    write(data, "cve/rejected/2023/CVE-2023-53027.json", records.cve("CVE-2023-53027", state="REJECTED"))
    write(data, "cve/rejected/2023/CVE-2023-53027.dyad", records.dyad())
    write(data, "cve/rejected/2023/CVE-2023-52438", "")
    write(data, "cve/reserved/2024/CVE-2024-1000", "")
    write(data, "scripts/CVE-2024-99999.json", "not a record")
    with opened(data) as index:
        assert [each.id for each in index.records()] == ["CVE-2023-52438", "CVE-2023-53027", NAME]
        assert index.fixed_by(Sha(FIX)) == index.fixed_by(Sha(OTHER)) == index.introduced_by(Sha(INTRODUCED)) == (NAME,)
        assert index.introduced_by(Sha(FIX)) == ()
        rejected = index.record("CVE-2023-53027")
    assert rejected is not None
    assert (rejected.status, rejected.pairs) == (Status.REJECTED, ())
    found = read(data)
    assert found.pairs == (Pair(INTRODUCED, OTHER), Pair(INTRODUCED, FIX))
    assert (found.mainline, found.severity, found.score) == ((FIX,), Severity.HIGH, 7.8)


def test_a_folder_of_cve_json_files_with_short_shas(data: Path) -> None:
    write(data, f"cves/2024/26xxx/{NAME}.json", records.cve(NAME, [(INTRODUCED[:12], FIX[:12])]))
    write(data, "cves/2024/26xxx/CVE-2024-26000.json", records.cve("CVE-2024-26000", [], assigner="curl"))
    write(data, "cves/delta.json", "{}")
    with opened(data) as index:
        assert index.fixed_by(Sha(FIX)) == (NAME,)
        assert index.fixed_by(Sha(FIX[:12] + "0" * 28)) == (NAME,)
        assert index.fixed_by(Sha(FIX[:11] + "f" * 29)) == ()
        assert index.count() == 1


def test_osv_entries(data: Path) -> None:
    write(data, f"{NAME}.json", records.osv(NAME, [("", FIX), (FORK, "")], severity="Important"))
    write(data, "UBUNTU-CVE-2024-26582.json", records.osv("UBUNTU-CVE-2024-26582"))
    write(data, "CVE-2024-26583.json", records.osv("CVE-2024-26583", withdrawn=True))
    assert read(data).pairs == (Pair("", FIX), Pair(FORK, ""))
    assert read(data).severity is Severity.HIGH
    assert read(data, "CVE-2024-26582").fixes == (FIX,)
    assert read(data, "CVE-2024-26583").status is Status.REJECTED


def test_both_forms_of_one_record_are_joined_and_nothing_is_lost(data: Path) -> None:
    write(data, f"{BASE}.json", records.cve(NAME, [(INTRODUCED[:12], FIX[:12]), (FORK[:12], OTHER[:12])]))
    write(data, f"{BASE}.dyad", records.dyad([(INTRODUCED, FIX)]))
    assert read(data).pairs == (Pair(INTRODUCED, FIX), Pair(FORK[:12], OTHER[:12]))


def test_a_dyad_without_commits_in_its_head_marks_what_mainline_released(data: Path) -> None:
    text = f"# dyad version: add812a5a978\n5.10:{INTRODUCED}:5.10.227:{OTHER}\n5.10:{INTRODUCED}:6.11:{FIX}\n0:0:0:0\n"
    write(data, f"{BASE}.dyad", text)
    assert read(data).mainline == (FIX,)
    assert Pair("", "") in read(data).pairs


@pytest.mark.parametrize(
    ("name", "contents", "said"),
    [
        (f"{BASE}.json", "", "truncated"),
        (f"{BASE}.json", '{"cveMetadata": {"cveId": "CVE-2024-26581", "state": "PUB', "truncated"),
        (f"{BASE}.json", "{}", "neither a CVE JSON 5 record"),
        (f"{BASE}.json", records.cve("CVE-2024-1111"), "it is of CVE-2024-1111"),
        (f"{BASE}.json", records.cve(NAME, state="RESERVED"), "expected PUBLISHED or REJECTED"),
        (f"{BASE}.json", records.cve(NAME, [(INTRODUCED, "6.8")]), "'6.8' is no commit"),
        (f"{BASE}.json", b"\xff\xfe", "malformed"),
        (f"{BASE}.dyad", "", "it is empty"),
        (f"{BASE}.dyad", records.dyad()[:-1], "in the middle of a line"),
        (f"{BASE}.dyad", records.dyad() + "5.10:abc\n", "line 4 is not version:commit:version:commit"),
        (f"{BASE}.dyad", f"5.10:{INTRODUCED}:5.11:<b>\n", "line 1: '<b>' is no commit"),
        (f"{BASE}.sha1", f"{FIX}\n", "neither CVE-2024-26581.json nor CVE-2024-26581.dyad"),
        (f"{NAME}.json", records.osv("GHSA-1"), "none of its aliases"),
    ],
)
def test_what_cannot_be_read_whole_is_an_error_that_names_the_file(
    data: Path, name: str, contents: str, said: str
) -> None:
    file = write(data, name, contents)
    for _ in range(2):  # it is not remembered as read
        with pytest.raises(CveDataError, match="damaged or half-written") as raised:
            opened(data)
        assert str(file) in raised.value.what
        assert said in raised.value.what.lower() or said in raised.value.what


def test_a_link_to_nothing_is_an_error_that_names_it(data: Path) -> None:
    (data / f"{NAME}.json").symlink_to("nowhere")
    with pytest.raises(CveDataError, match=f"{NAME}.json went away"):
        opened(data)


def test_a_repaired_record_is_read_and_the_others_stand(data: Path) -> None:
    records.publish(data, "CVE-2024-1000", [(INTRODUCED, OTHER)], ids=[OTHER])
    write(data, f"{BASE}.json", "{")
    with pytest.raises(CveDataError):
        opened(data)
    write(data, f"{BASE}.json", records.cve(NAME))
    with opened(data) as index:
        assert index.fixed_by(Sha(FIX)) == (NAME,)
        assert index.fixed_by(Sha(OTHER)) == ("CVE-2024-1000",)


def test_only_what_changed_is_read_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2000, 2010):
        records.publish(data, f"CVE-2024-{number}", [(INTRODUCED, FIX)], ids=[FIX])
    opened(data).close()
    seen: list[str] = []
    original = indexing._read

    def reading(folder: Path, cve: str, group: list[File]) -> Record | None:
        seen.append(cve)
        return original(folder, cve, group)

    monkeypatch.setattr(indexing, "_read", reading)
    opened(data).close()
    assert seen == []
    write(data, "cve/published/2024/CVE-2024-2003.json", records.cve("CVE-2024-2003", title="another title"))
    (data / "cve/published/2024/CVE-2024-2004.json").unlink()
    for ending in ("json", "dyad", "sha1"):
        (data / f"cve/published/2024/CVE-2024-2005.{ending}").unlink()
    opened(data).close()
    assert sorted(seen) == ["CVE-2024-2003", "CVE-2024-2004"]
    assert read(data, "CVE-2024-2003").title == "another title"
    with opened(data) as index:
        assert index.record("CVE-2024-2005") is None
        assert "CVE-2024-2005" not in index.fixed_by(Sha(FIX))


def test_a_file_written_anew_with_the_same_size_and_time_is_seen(data: Path) -> None:
    file = write(data, f"{BASE}.json", records.cve(NAME, title="one"))
    opened(data).close()
    before = file.stat()
    write(data, f"{BASE}.json", records.cve(NAME, title="two"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read(data).title == "two"


def test_another_folder_makes_another_index(data: Path, tmp_path: Path) -> None:
    write(data, f"{BASE}.json", records.cve(NAME))
    assert read(data).id == NAME
    other = tmp_path / "other"
    write(other, "CVE-2020-1000.json", records.cve("CVE-2020-1000"))
    with CveIndex.open(str(other), tmp_path / "cve.sqlite") as index:
        assert [each.id for each in index.records()] == ["CVE-2020-1000"]


def test_a_folder_that_is_missing_or_holds_no_record_is_a_wrong_configuration(data: Path) -> None:
    with pytest.raises(ConfigError, match="holds no CVE record"):
        opened(data)
    with pytest.raises(ConfigError, match="is no folder"):
        CveIndex.open(str(data / "no"), data.parent / "cve.sqlite")


def test_the_digest_names_the_data_wherever_it_lies(data: Path, tmp_path: Path) -> None:
    write(data, f"{BASE}.json", records.cve(NAME))
    with opened(data) as index:
        first = index.digest()
    write(tmp_path / "moved", f"flat/{NAME}.json", records.cve(NAME))
    with CveIndex.open(str(tmp_path / "moved"), tmp_path / "moved.sqlite") as index:
        assert index.digest() == first
    write(data, f"{BASE}.json", records.cve(NAME, title="another"))
    with opened(data) as index:
        assert index.digest() != first
