"""Which files of a small kernel tree its defconfig does not build; in doubt a file may be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.kbuild import built
from cosport.kbuild.built import Mark, Relevance, relevance
from cosport.kbuild.makefile import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support import File, Git

DEFCONFIG = "arch/x86/configs/small_defconfig"
KCONFIG = """\
source "arch/$(SRCARCH)/Kconfig"
config ON
	bool "on"
config OFF
	bool "off"
config ALSO
	tristate "also off"
"""
BASE: Mapping[str, File] = {
    "Kconfig": KCONFIG,
    "arch/x86/Kconfig": "config X86\n\tdef_bool y\n",
    "arch/x86/Makefile": "core-y += arch/x86/kernel/\ndrivers-$(CONFIG_OFF) += arch/x86/pci/\n",
    "arch/x86/kernel/Makefile": "obj-y += setup.o entry_$(BITS).o\n",
    "Makefile": "drivers-y := drivers/\n",
    "drivers/Makefile": "obj-$(CONFIG_ON) += on/\nobj-$(CONFIG_OFF) += off/\n",
    DEFCONFIG: "CONFIG_ON=y\n",
}


def ask(git: Git, files: Mapping[str, File], *defconfigs: str) -> Relevance:
    git.commit({**BASE, **files}, "a kernel")
    repository = Repository.open(git.path)
    with ObjectReader(repository) as reader:
        return relevance(repository, reader, reader.resolve("main").tree, defconfigs or (DEFCONFIG,))


def out(git: Git, makefile: str, *names: str) -> set[str]:
    """Which of the files `names` in drivers/on/ are not built by this Makefile there."""
    found = ask(git, {"drivers/on/Makefile": makefile, **{f"drivers/on/{name}": "" for name in names}})
    return {path.removeprefix("drivers/on/") for path in found.not_built if path.startswith("drivers/on/")}


def test_an_object_that_depends_on_a_symbol_that_is_off_is_not_built(git: Git) -> None:
    makefile = "obj-y += a.o\nobj-$(CONFIG_OFF) += b.o \\\n\tc.o # c too\nobj-${CONFIG_NOWHERE} += d.o\nobj-m += e.o\n"
    assert out(git, makefile, "a.c", "b.c", "c.S", "d.c", "e.c", "b.h", "unnamed.c") == {"b.c", "c.S", "d.c"}


def test_an_object_that_is_named_twice_is_built_if_one_of_them_is(git: Git) -> None:
    assert out(git, "obj-$(CONFIG_OFF) += a.o b.o\nobj-$(CONFIG_ON) += a.o\n", "a.c", "b.c") == {"b.c"}


def test_parts_of_a_composite_object_are_built_with_it(git: Git) -> None:
    makefile = (
        "obj-$(CONFIG_OFF) += off.o\noff-objs := a.o\noff-y += b.o\n"
        "obj-$(CONFIG_ON) += on.o\non-y := c.o\non-$(CONFIG_OFF) += d.o\n"
        "mystery-y := e.o\n"
    )
    assert out(git, makefile, "a.c", "b.c", "c.c", "d.c", "e.c") == {"a.c", "b.c", "d.c"}


def test_a_list_of_parts_that_another_object_uses_is_built_with_that(git: Git) -> None:
    makefile = "obj-$(CONFIG_OFF) += one.o\none-objs := a.o\nobj-y += two.o\ntwo-objs := b.o $(one-objs)\n"
    assert out(git, makefile, "a.c", "b.c") == set()


def test_a_list_that_is_put_together_by_steps_is_understood(git: Git) -> None:
    makefile = "obj-$(CONFIG_OFF) += x.o\nx-objs-y := a.o\nx-objs-$(CONFIG_ON) += b.o\nx-objs := $(x-objs-y)\n"
    assert out(git, makefile, "a.c", "b.c") == {"a.c", "b.c"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("ifdef CONFIG_OFF", True),
        ("ifeq ($(CONFIG_OFF),y)", True),
        ('ifeq "$(CONFIG_OFF)" "m"', True),
        ("ifneq ($(CONFIG_OFF),)", True),
        ("ifndef CONFIG_OFF", False),
        ("ifneq ($(CONFIG_OFF),y)", False),
        ("ifeq ($(CONFIG_ON),y)", False),
        ("ifneq ($(CONFIG_OFF)$(CONFIG_ON),)", False),
        ("ifeq ($(ARCH),x86)", False),
        ("ifdef CONFIG_OFF\nelse", False),
        ("ifdef CONFIG_ON\nelse ifdef CONFIG_OFF", True),
    ],
)
def test_conditions(git: Git, condition: str, expected: bool) -> None:
    assert ("a.c" in out(git, f"{condition}\nobj-y += a.o\nendif\n", "a.c")) is expected


@pytest.mark.parametrize(
    "line",
    [
        "obj-y += $(addprefix ./,a.o)",
        "obj-y += $(patsubst %.c,%.o,$(wildcard $(src)/*.c))",
        "obj-y += $(foreach n,$(names),$(n).o)",
        "obj-y += $(PREFIX)a.o",
        "obj-y += $(BITS)a.o $(NAME).o",
        "$(obj)/image: $(obj)/a.o",
        "OBJECTS := a.o",
        "obj-$(CONFIG_OFF)$(CONFIG_ON) += a.o",
        "include $(src)/Makefile.more",
    ],
)
def test_what_is_not_understood_may_be_built(git: Git, line: str) -> None:
    assert out(git, f"obj-$(CONFIG_OFF) += a.o\n{line}\n", "a.c") == set()


def test_a_name_with_a_variable_in_it_may_be_any_that_fits(git: Git) -> None:
    makefile = "obj-$(CONFIG_OFF) += a_64.o b_64.o\nobj-y += a_$(BITS).o\n"
    assert out(git, makefile, "a_64.c", "b_64.c") == {"b_64.c"}


def test_a_makefile_of_anybody_s_is_read_in_reasonable_time() -> None:
    brackets = "a" + "()" * 5000 + " b\n$(call x" + "(a)(b)" * 5000 + "\nobj-y += a.o\n$(if X, obj-y) := b.o\n"
    words = f"rule: {'a' * 200_000}\nall: {'a.' * 100_000}\n"
    found = parse(brackets + words, "drivers/Makefile", "x86")
    assert [each.what for each in found.mentions] == ["drivers/a.o", "drivers/b.o"]


def test_flags_for_an_object_do_not_build_it(git: Git) -> None:
    makefile = "obj-$(CONFIG_OFF) += a.o\nCFLAGS_a.o := -DX\ntargets += a.o\n$(obj)/a.o: $(obj)/table.h\n"
    assert out(git, makefile, "a.c") == {"a.c"}


def test_a_symbol_that_a_makefile_sets_may_be_on(git: Git) -> None:
    assert out(git, "CONFIG_OFF := y\nobj-$(CONFIG_OFF) += a.o\n", "a.c") == set()


def test_a_folder_that_make_does_not_go_into_is_not_built_whatever_stands_in_it(git: Git) -> None:
    files = {
        "drivers/off/Makefile": "obj-y += a.o sub/\n",
        "drivers/off/a.c": "",
        "drivers/off/sub/Makefile": "obj-y += b.o\n",
        "drivers/off/sub/b.c": "",
        "drivers/off/unnamed.c": "",
        "drivers/off/a.h": "",
        "arch/x86/pci/Makefile": "obj-y += p.o\n",
        "arch/x86/pci/p.c": "",
        "arch/x86/kernel/setup.c": "",
        "arch/x86/kernel/entry_64.S": "",
        "drivers/nowhere/n.c": "",
    }
    assert ask(git, files).not_built == {
        "drivers/off/a.c", "drivers/off/sub/b.c", "drivers/off/unnamed.c", "arch/x86/pci/p.c",
    }  # fmt: skip


def test_an_object_that_another_folder_builds_may_be_built(git: Git) -> None:
    files = {
        "drivers/off/Makefile": "obj-y += a.o b.o\n",
        "drivers/off/a.c": "",
        "drivers/off/b.c": "",
        "drivers/on/Makefile": "obj-y += ../off/a.o\n",
    }
    assert ask(git, files).not_built == {"drivers/off/b.c"}


def test_other_architectures_are_not_built_unless_this_one_speaks_of_them(git: Git) -> None:
    files = {"arch/arm/mm/a.c": "", "arch/mips/m.c": "", "arch/x86/lib/Makefile": "obj-y += ../../mips/m.o\n"}
    assert ask(git, files).not_built == {"arch/arm/mm/a.c"}


def test_programs_for_the_machine_that_builds_are_never_marked(git: Git) -> None:
    files = {"scripts/Makefile": "obj-$(CONFIG_OFF) += s.o\n", "scripts/s.c": "", "tools/t.c": ""}
    assert ask(git, files).not_built == frozenset()


def test_of_several_configurations_one_that_builds_a_file_suffices(git: Git) -> None:
    other = "arch/x86/configs/other_defconfig"
    files = {
        other: "CONFIG_OFF=y\n",
        "drivers/off/Makefile": "obj-y += a.o\nobj-$(CONFIG_ALSO) += b.o\n",
        "drivers/off/a.c": "",
        "drivers/off/b.c": "",
    }
    assert ask(git, files, DEFCONFIG, other).not_built == {"drivers/off/b.c"}


def test_where_the_answer_is_not_known_nothing_is_marked_and_why_is_said(git: Git) -> None:
    files = {"drivers/off/Makefile": "obj-y += a.o\n", "drivers/off/a.c": ""}
    gone = ask(git, files, "arch/x86/configs/gone_defconfig")
    assert (gone.not_built, gone.remark[:31]) == (frozenset(), "arch/x86/configs/gone_defconfig")
    assert ask(git, {**files, "odd.config": ""}, "odd.config").remark
    assert ask(git, {**files, "Kconfig": 'source "nowhere"\n'}).not_built == frozenset()


def test_an_answer_is_kept_until_what_it_rests_on_changes(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"drivers/off/Makefile": "obj-y += a.o\n", "drivers/off/a.c": ""}
    first = ask(git, files)
    with monkeypatch.context() as patch:
        patch.setattr(built, "Tree", None)  # to read it anew would fail now
        assert ask(git, {**files, "drivers/off/a.c": "changed"}) == first
    more = {**files, "drivers/off/b.c": ""}
    assert ask(git, more).not_built == {"drivers/off/a.c", "drivers/off/b.c"}
    assert ask(git, {**more, "drivers/Makefile": "obj-y += off/\n"}).not_built == frozenset()
    assert ask(git, {**more, "Kconfig": KCONFIG + "config OFF\n\tdef_bool y\n"}).not_built == frozenset()
    assert ask(git, {**more, DEFCONFIG: "CONFIG_OFF=y\n"}).not_built == frozenset()


def test_a_commit_is_marked_by_its_files() -> None:
    known = Relevance(frozenset({"a.c", "b.c"}))
    assert known.of(("a.c", "b.c")) == Mark(("a.c", "b.c"), every=True)
    assert known.of(("a.c", "a.h")) == Mark(("a.c",), every=False)
    assert known.of(("x.c",)) == Mark()
    assert known.of(()) == Mark()
