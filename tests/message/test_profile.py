from __future__ import annotations

import pytest

from cosport import resources
from cosport.errors import ToolError, UsageError
from cosport.message.compose import PickFields
from cosport.message.profile import configured, load_profile, profile_names, read_profile


def test_the_profiles_that_ship() -> None:
    assert profile_names() == ("chromeos", "cos", "plain", "stable")


@pytest.mark.parametrize("name", profile_names())
def test_each_profile_is_named_as_its_file_and_says_what_it_is(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.description
    assert resources.path("templates", "message", profile.template).is_file()
    assert profile.origin in ("cherry-picked", "commit-upstream")
    assert not profile.class_key or profile.default_class in profile.classes
    assert {field.holds for field in profile.fields} <= set(PickFields.__dataclass_fields__)


@pytest.mark.parametrize("name", ["", "nosuch", "../cos", "cos.toml", "/etc/passwd"])
def test_an_unknown_profile_is_refused_and_the_known_ones_are_named(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_profile(name)
    assert "chromeos, cos, plain, stable" in caught.value.hint


@pytest.mark.parametrize("text", ["x =", "name = 1", 'name = "x"', 'name="x"\ndescription=""\ntemplate=""\nunknown=1'])
def test_a_damaged_profile_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(ToolError, match="the message profile mine is damaged"):
        read_profile(text, "mine")


def test_a_team_sets_classes_and_defaults() -> None:
    profile = configured(load_profile("cos"), classes=("perf", "fix"), defaults={"TEST": "presubmit"})
    assert (profile.classes, profile.default_class) == (("perf", "fix"), "perf")
    assert [field.default for field in profile.fields] == ["None", "presubmit", "None"]
    assert configured(load_profile("cos"), classes=("security", "bug")).default_class == "bug"
    with pytest.raises(UsageError, match="no field OWNER"):
        configured(load_profile("cos"), defaults={"OWNER": "me"})
