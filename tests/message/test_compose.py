"""What each profile writes, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cosport.errors import UsageError
from cosport.message.compose import PickFields, compose
from cosport.message.parse import parse
from cosport.message.profile import load_profile
from tests.message.strategies import CHANGE_ID, MAIN, UPSTREAM
from tests.support import ROOT, Git

ME = "Kernel Engineer <engineer@example.com>"

SOURCE = """\
virtio-balloon: switch back to OOM handler

Commit 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")
changed the behavior.

BUG: KASAN: this line stays where it is

Fixes: 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")
Signed-off-by: David <david@example.org>
Cc: stable@vger.kernel.org # 5.4
[akpm@example.org: fix build]
Signed-off-by: Linus <linus@example.org>
"""

PICK = PickFields(
    upstream=UPSTREAM,
    source=UPSTREAM,
    change_id=CHANGE_ID,
    signoff=ME,
    bug="b/123",
    test="presubmit",
    release_note="Improve CPU usage",
)
ADAPTED = replace(PICK, adapted=True, conflicts=("drivers/virtio/virtio_balloon.c",), notes=("kept the old locking",))
AGAIN = PickFields(upstream=UPSTREAM, source=MAIN, source_kind="main", change_id=CHANGE_ID, signoff=ME)

BODY = """\
Commit 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")
changed the behavior.

BUG: KASAN: this line stays where it is
"""
TRAILERS = """\
Fixes: 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")
Signed-off-by: David <david@example.org>
Cc: stable@vger.kernel.org # 5.4
[akpm@example.org: fix build]
Signed-off-by: Linus <linus@example.org>
"""
ADAPTATION = """\
Conflicts:
	drivers/virtio/virtio_balloon.c
[Kernel Engineer: kept the old locking]
"""
CLOSING = f"Change-Id: {CHANGE_ID}\nSigned-off-by: {ME}\n"

COS = f"""\
virtio-balloon: switch back to OOM handler

{BODY}
BUG=b/123
TEST=presubmit
RELEASE_NOTE=Improve CPU usage

cos-patch: bug
{TRAILERS}(cherry picked from commit {UPSTREAM})
{CLOSING}"""


def composed(name: str, fields: PickFields, source: str = SOURCE) -> str:
    return compose(load_profile(name), source, fields)


def test_cos() -> None:
    assert composed("cos", PICK) == COS


def test_cos_adapted() -> None:
    origin = f"(cherry picked from commit {UPSTREAM})\n"
    assert composed("cos", ADAPTED) == COS.replace(origin, ADAPTATION + origin)


def test_cos_picked_again_keeps_mains_bytes() -> None:
    landed = COS + "Reviewed-by: R <r@example.com>\nTested-by: Cusky Presubmit Bot <bot@example.com>\n"
    added = f"(cherry picked from commit {MAIN})\nSigned-off-by: {ME}\n"
    assert composed("cos", AGAIN, landed) == landed + added
    assert (
        composed("cos", replace(AGAIN, bug="b/9", release_note="other", patch_class="security"), landed)
        == landed + added
    )


def test_cos_picked_again_and_adapted_says_so_above_the_new_origin_line() -> None:
    fields = replace(AGAIN, conflicts=("mm/a.c",), notes=("dropped a hunk",))
    added = f"Conflicts:\n\tmm/a.c\n[Kernel Engineer: dropped a hunk]\n(cherry picked from commit {MAIN})\n"
    assert composed("cos", fields, COS) == COS + added + f"Signed-off-by: {ME}\n"


def test_the_example_picked_again_is_the_example_and_two_lines() -> None:
    example = (ROOT / "tests/data/message/cos-balloon.txt").read_text(encoding="utf-8")
    main = "".join(example.splitlines(keepends=True)[:91])
    again = composed("cos", AGAIN, main)
    assert again == main + f"(cherry picked from commit {MAIN})\nSigned-off-by: {ME}\n"


def test_a_new_generation_replaces_mains_change_id() -> None:
    fields = replace(AGAIN, change_id="I" + "2" * 40)
    again = composed("cos", fields, COS)
    assert again.startswith(COS.replace(CHANGE_ID, "I" + "2" * 40))
    assert len(parse(again).all("Change-Id")) == 1


def test_a_neighbour_in_another_form_is_laid_out_anew_with_both_origins() -> None:
    stable = SOURCE.replace("handler\n\n", f"handler\n\ncommit {UPSTREAM} upstream.\n\n", 1)
    text = composed("cos", replace(PICK, source=MAIN, source_kind="neighbour"), stable)
    assert f"handler\n\ncommit {UPSTREAM} upstream.\n\nCommit" in text
    assert text.endswith(f"<linus@example.org>\n(cherry picked from commit {MAIN})\n{CLOSING}")
    text = composed("cos", replace(PICK, source=MAIN, source_kind="neighbour"))
    assert f"(cherry picked from commit {UPSTREAM})\n(cherry picked from commit {MAIN})\n{CLOSING}" in text


def test_a_neighbour_of_the_same_house_is_kept() -> None:
    text = composed("cos", replace(AGAIN, source_kind="neighbour"), COS)
    assert text == COS + f"(cherry picked from commit {MAIN})\nSigned-off-by: {ME}\n"


def test_what_is_not_given_is_none() -> None:
    text = composed("cos", PickFields(upstream=UPSTREAM, source=UPSTREAM))
    assert "\nBUG=None\nTEST=None\nRELEASE_NOTE=None\n\ncos-patch: bug\n" in text
    assert text.endswith(f"(cherry picked from commit {UPSTREAM})\n")


def test_upstreams_own_change_id_and_fields_become_text() -> None:
    source = SOURCE.replace("Fixes:", "Change-Id: I1234567\nBUG=chromium:1\ncos-patch: security\nFixes:")
    source = source.replace("changed the", "RELEASE_NOTE=evil\nchanged the")
    text = composed("cos", PICK, source)
    assert "\n    Change-Id: I1234567\n    BUG=chromium:1\n    cos-patch: security\n\nBUG=b/123\n" in text
    assert "\n    RELEASE_NOTE=evil\nchanged the" in text
    message = parse(text)
    assert [trailer.value for trailer in message.all("Change-Id")] == [CHANGE_ID]
    assert [trailer.value for trailer in message.all("BUG")] == ["b/123"]
    assert [trailer.value for trailer in message.all("cos-patch")] == ["bug"]


def test_a_later_answer_changes_its_line_alone() -> None:
    assert composed("cos", replace(PICK, bug="b/5,b/6"), COS) == COS.replace("b/123", "b/5,b/6")
    assert composed("cos", replace(PICK, bug=None, test=None, release_note=None), COS) == COS
    assert composed("cos", replace(PICK, patch_class="security"), COS) == COS.replace(
        "cos-patch: bug", "cos-patch: security"
    )


def test_unmerged_commits_are_marked() -> None:
    fields = replace(PICK, unmerged_from="https://git.example.org/x.git for-next")
    text = composed("cos", fields)
    assert text.startswith("FROMGIT: virtio-balloon: ")
    assert f"(cherry picked from commit {UPSTREAM}\n https://git.example.org/x.git for-next)\nChange-Id" in text
    assert composed("chromeos", fields).startswith("FROMGIT: virtio-balloon: ")
    assert composed("chromeos", replace(fields, adapted=True)).startswith("BACKPORT: FROMGIT: virtio-balloon: ")
    assert f"commit {UPSTREAM} upstream." not in composed("stable", fields)


CHROMEOS = f"""\
UPSTREAM: virtio-balloon: switch back to OOM handler

{BODY}
{TRAILERS}(cherry picked from commit {UPSTREAM})

BUG=b/123
TEST=presubmit

{CLOSING}"""


def test_chromeos() -> None:
    assert composed("chromeos", PICK) == CHROMEOS


def test_chromeos_adapted() -> None:
    text = composed("chromeos", ADAPTED)
    assert text.startswith("BACKPORT: virtio-balloon: ")
    assert ADAPTATION + f"(cherry picked from commit {UPSTREAM})\n\nBUG=" in text


@pytest.mark.parametrize(
    "label", ["UPSTREAM: ", "BACKPORT: ", "FROMGIT: ", "BACKPORT: FROMGIT: ", "UPSTREAM: UPSTREAM: "]
)
def test_chromeos_never_labels_twice(label: str) -> None:
    assert composed("chromeos", PICK, label + SOURCE).startswith("UPSTREAM: virtio-balloon: ")
    assert composed("chromeos", ADAPTED, label + SOURCE).startswith("BACKPORT: virtio-balloon: ")


def test_chromeos_picked_again_keeps_its_label_until_it_is_adapted() -> None:
    assert (
        composed("chromeos", AGAIN, CHROMEOS) == CHROMEOS + f"(cherry picked from commit {MAIN})\nSigned-off-by: {ME}\n"
    )
    assert composed("chromeos", replace(AGAIN, adapted=True), CHROMEOS).startswith("BACKPORT: virtio-balloon: ")


def test_stable() -> None:
    expected = f"virtio-balloon: switch back to OOM handler\n\ncommit {UPSTREAM} upstream.\n\n{BODY}\n{TRAILERS}"
    assert composed("stable", PICK) == expected + f"Signed-off-by: {ME}\n"
    assert composed("stable", ADAPTED) == expected + ADAPTATION + f"Signed-off-by: {ME}\n"


def test_stable_dependencies_are_named_before_the_signoff() -> None:
    text = composed("stable", replace(PICK, stable_dep_of=("71994620bb25", "virtio_balloon: replace it")))
    dependency = 'Stable-dep-of: 71994620bb25 ("virtio_balloon: replace it")\n'
    assert text.endswith(f"<linus@example.org>\n{dependency}Signed-off-by: {ME}\n")


def test_plain_is_what_git_cherry_pick_x_writes(git: Git) -> None:
    git.commit({"a": "1\n"}, "start")
    git.branch("stable")
    fix = git.commit({"a": "2\n"}, SOURCE)
    git.checkout("stable")
    git("cherry-pick", "-x", "-s", fix)
    fields = PickFields(upstream=UPSTREAM, source=UPSTREAM, signoff=ME)
    assert composed("plain", fields).replace(UPSTREAM, fix) == git.message().decode()


@pytest.mark.parametrize(
    "source", ["", "\n\n", "subject", "subject\n\nbody", "Signed-off-by: A <a@x>\n", "s\n\n\n\nb\r\n\r\n"]
)
@pytest.mark.parametrize("name", ["cos", "chromeos", "stable", "plain"])
def test_odd_sources_give_a_whole_message(name: str, source: str) -> None:
    text = composed(name, PICK, source)
    assert parse(text).subject
    assert text.endswith(f"Signed-off-by: {ME}\n")
    assert not text.endswith("\n\n")
    assert parse(text).closing[-1].has_key("Signed-off-by")


def test_git_reads_the_closing_trailers_of_a_cos_message(git: Git) -> None:
    git.commit({"a": "1\n"}, composed("cos", ADAPTED))
    assert git("log", "-1", "--format=%(trailers:key=Change-Id,valueonly)").strip() == CHANGE_ID
    assert git("log", "-1", "--format=%(trailers:key=Fixes,valueonly)").startswith("71994620bb25")


def test_crlf_text_is_kept() -> None:
    text = composed("cos", PICK, SOURCE.replace("\n", "\r\n"))
    assert "changed the behavior.\r\n\r\nBUG: KASAN: this line stays where it is\r\n\nBUG=b/123\n" in text
    assert "Signed-off-by: Linus <linus@example.org>\r\n(cherry picked" in text


@pytest.mark.parametrize("fields", [
    replace(PICK, change_id="I123"),
    replace(PICK, patch_class="evil"),
    replace(PICK, signoff="no mail"),
    replace(PICK, signoff="A <a@x>\nTested-by: B <b@x>"),
    replace(PICK, bug="b/1\x1b[2J"),
    replace(PICK, notes=("hidden \u202e text",)),
    replace(PICK, unmerged_from="x\0y"),
])  # fmt: skip
def test_values_that_a_message_must_not_hold_are_refused(fields: PickFields) -> None:
    with pytest.raises(UsageError) as caught:
        composed("cos", fields)
    assert caught.value.hint


def test_templates_in_values_are_text() -> None:
    text = composed("cos", replace(PICK, bug="{{ 7 * 7 }}"), "{% raw %} {{ config }}\n\n{# no #}\n")
    assert text.startswith("{% raw %} {{ config }}\n\n{# no #}\n\nBUG={{ 7 * 7 }}\n")
