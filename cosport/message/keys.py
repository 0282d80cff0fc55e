"""The trailer keys that the kernel world knows, so that prose such as `Note: ...` is not taken for a trailer.

Collected from the kernel's submitting-patches and stable-kernel-rules, git's and Gerrit's own trailers, and the tag
forms of ChromiumOS, SUSE, Ubuntu and RHEL kernels.
"""

from __future__ import annotations

FIELDS = frozenset({
    "BUG", "TEST", "RELEASE_NOTE", "RELEASE_NOTES", "BRANCH", "CQ-DEPEND", "UPSTREAM-TASK", "DISALLOW-RECYCLE-BUILDS",
})  # fmt: skip
"""Keys of `KEY=value` lines. `RELEASE_NOTES` is a misspelling that lint reports."""

_TAGS = frozenset({
    "addresses", "addresses-coverity", "addresses-coverity-id", "android-bug", "base-commit", "buglink", "bugzilla",
    "cc", "change-id", "closes", "cloud-build", "cloud-build-override", "commit-author", "commit-queue",
    "commit-ready", "conflicts", "cos-patch", "cq-cl-tag", "cq-depend", "cq-include-trybots", "cve", "debian-bug",
    "depends-on", "fixes", "fixes-coverity-id", "git-commit", "git-repo", "git-svn-id", "gitlab", "impact", "jira",
    "jirafix", "kconfig-verified", "link", "lkml-reference", "main-branch-verified", "message-id",
    "original-commit", "patch-mainline", "patchwork", "patchwork-id", "presubmit-verified", "references",
    "resolves", "reviewed-on", "sgi-modid", "sgi-pv", "stable-dep-of", "supersedes", "upstream-commit",
    "upstream-diff", "upstream-status", "x-gerrit-change-number", "xref",
})  # fmt: skip

MAIL_HEADERS = frozenset({"from", "to", "subject", "date", "sent", "reply-to", "in-reply-to"})
"""Headers of a quoted mail. A paragraph with one of them is a quotation, also where it has `Cc:` lines."""

_NEVER = frozenset({
    "backtrace", "bug", "caution", "code", "comm", "cpu", "eip", "error", "info", "kasan", "kcsan", "kmsan", "nb",
    "note", "oops", "panic", "pid", "rip", "rsp", "test", "todo", "trace", "ubsan", "warn", "warning",
})  # fmt: skip
"""Words that open a line of a kernel log or a remark: never a trailer, wherever they stand."""


def is_known(key: str) -> bool:
    """Whether `Key:` is a trailer's key by itself: one of the known ones, or any `...-by`."""
    lower = key.lower()
    return lower in _TAGS or lower.endswith("-by")


def is_never(key: str) -> bool:
    """Whether a line `Key: ...` is body text whatever stands around it."""
    return key.lower() in _NEVER
