"""Messages as hypothesis makes them: plain noise, and lines of every shape that the parser knows, in any order."""

from __future__ import annotations

from hypothesis import strategies as st

from cosport.model.commit import Sha

UPSTREAM = Sha("da10329cb057e49be7f099eb7864d16f7705f798")
MAIN = Sha("47b0ae241be71d51b875c5f22b0b7950277e67f5")
CHANGE_ID = "I3868a66f701ed594dc4c5f3ee985efea8ac5649e"

_LINES = (
    "", "", "", " ", "\t", "\r", "prose that goes on", "BUG: KASAN: use-after-free in x", "Note: this is prose",
    "Test: x", "foo: bar", "Signed-off-by: A <a@x>", "Signed-off-by: A <a@x>\r",
    "Cc: stable@vger.kernel.org # 5.4", "Acked-by: B <b@x>", "Fixes: 71994620bb25",
    f"(cherry picked from commit {UPSTREAM})", f"(cherry picked from commit {MAIN})",
    f"(cherry picked from commit {MAIN}", " url branch)", f"commit {UPSTREAM} upstream.",
    f"[ Upstream commit {UPSTREAM} ]", "[akpm: a note]", "[akpm: a note", "that goes on]", "[1] http://x",
    "Conflicts:", "# Conflicts:", "#\tmm/oom.c", "\tmm/oom.c", "  indented", "---", "diff --git a/x b/x",
    "BUG=b/1", "BUG=", "TEST=none", "RELEASE_NOTE=text", "RELEASE_NOTES=text", "cos-patch: bug",
    "COS-PATCH: evil", "X=1", "Change-Id: I0123456789012345678901234567890123456789", f"Change-Id: {CHANGE_ID}",
    "change-id: Iabc", " Change-Id: I1", "UPSTREAM: x", "BACKPORT: FROMGIT: x", "From: a", "To: b", "\x00",
    "\x85\u2028\x0b\x0c\x1c", "\udcff\udc80", "]", "[", "(", ":", "=",
)  # fmt: skip

LINES = st.lists(st.sampled_from(_LINES) | st.text(max_size=12), max_size=14)

MESSAGES = LINES.map("\n".join) | st.text(max_size=200)
