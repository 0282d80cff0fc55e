from __future__ import annotations

from pathlib import Path

import pytest

from cosport.errors import ConfigError, UsageError
from cosport.regress import workload

SHIPPED = workload.all_shipped()
TEXT = Path(__file__).parents[2].joinpath("pipelines/workloads/balloon.yaml").read_text(encoding="utf-8")


def test_all_four_workloads_ship_with_both_profiles() -> None:
    assert {each.name for each in SHIPPED} == {"balloon", "balloon-oom", "balloon-cycle", "balloon-boot"}
    for each in SHIPPED:
        assert set(each.profiles) == {"small", "upstream"}
        for name in each.profiles:
            assert each.profile(name).target_pages > 0


def test_upstreams_profile_is_upstreams_machine() -> None:
    profile = workload.find("balloon").profile("upstream")
    assert (profile.cpus, profile.memory_mib) == (16, 64 << 10)
    assert profile.target_pages == pytest.approx(12_968_539, rel=1e-4)
    assert profile.disk_mib << 20 == pytest.approx(42e9, rel=1e-3)


def test_out_of_memory_is_tried_in_both_settings() -> None:
    assert [case.deflate_on_oom for case in workload.find("balloon-oom").cases] == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("repeats: 4", "repeats: four", "$.repeats"),
        ("repeats: 4", "repeat: 4", "repeat"),
        ("do: stop", "do: rm", "$.cases[0].steps[2]"),
        ("memory_mib: 512", "memory_mib: 0", "memory_mib"),
        ("name: virtio_balloon", 'name: "x; reboot"', "$.module.name"),
        ("amplification: {", "beauty: {", "beauty"),
        ("summary:", "summary: [", "is no YAML"),
    ],
)
def test_a_wrong_file_is_told_by_its_key(old: str, new: str, says: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError) as caught:
        workload.parse(TEXT.replace(old, new, 1).encode(), "mine.yaml")
    assert "mine.yaml" in caught.value.what
    assert says in caught.value.what


def test_a_hog_expects_one_of_two_fates() -> None:
    text = TEXT.replace("{do: stop}", "{do: hog, expect: fame}", 1)
    with pytest.raises(ConfigError, match="fame"):
        workload.parse(text.encode(), "mine.yaml")


def test_a_target_that_leaves_the_guest_no_room_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "profile.yaml"
    file.write_text("{memory_mib: 512, target_mib: 460, disk_mib: 64}", encoding="utf-8")
    with pytest.raises(ConfigError, match="no room"):
        SHIPPED[0].profile(str(file))


def test_own_files_are_read_and_unknown_names_are_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT.replace("name: balloon", "name: mine", 1), encoding="utf-8")
    assert workload.find(str(file)).name == "mine"
    with pytest.raises(UsageError) as caught:
        workload.find("baloon")
    assert "balloon-oom" in caught.value.hint
    with pytest.raises(UsageError, match="no profile"):
        workload.find("balloon").profile("huge")
