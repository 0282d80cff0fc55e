"""The tables of the index, and the codes that stand in them.

A commit is known by its rank: its number in a topological order that never changes, so an ancestor's rank is always
lower than its descendants'. New commits get higher ranks. Nothing here cannot be made anew from git.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

VERSION: Final = 8
"""Raise it with every change of the tables, of `cosport.message.provenance`'s rules, or of what a code means."""


class Kind(IntEnum):
    """What a statement of a commit's message says of `named`."""

    ORIGIN = 1  # it comes from the commit `named` (hex as written); detail: the form
    FIXES = 2  # it fixes the commit `named`; detail: the quoted subject
    REVERTS = 3  # it reverts the commit `named`
    REAPPLIES = 4  # it brings back the commit `named`
    REVERTS_SUBJECT = 5  # its subject is: Revert "<named>"
    CHANGE_ID = 6  # its last Change-Id is `named`
    DEP_OF = 7  # Stable-dep-of: `named`
    CC_STABLE = 8  # it asks for the stable trees; detail: the versions, as written
    BLAMES = 9  # a sentence of it calls the commit `named` the cause of what it repairs


TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE commits (
    rank INTEGER PRIMARY KEY,
    sha BLOB NOT NULL,
    subject BLOB NOT NULL,
    subject_key INTEGER NOT NULL,
    author BLOB NOT NULL,
    authored INTEGER NOT NULL,
    committed INTEGER NOT NULL
);
CREATE TABLE statements (
    rank INTEGER NOT NULL,
    number INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    named BLOB NOT NULL,
    detail BLOB NOT NULL,
    PRIMARY KEY (rank, number)
) WITHOUT ROWID;
CREATE TABLE segments (first INTEGER PRIMARY KEY, parents BLOB NOT NULL, merges BLOB NOT NULL);
CREATE TABLE tips (rank INTEGER PRIMARY KEY);
CREATE TABLE chains (tip INTEGER PRIMARY KEY, used INTEGER NOT NULL, chain BLOB NOT NULL, entries BLOB NOT NULL);
CREATE TABLE paths (rank INTEGER PRIMARY KEY, key INTEGER NOT NULL);
CREATE TABLE patches (rank INTEGER PRIMARY KEY, patch_id TEXT NOT NULL);
CREATE TABLE prepared (tip INTEGER, boundary INTEGER, PRIMARY KEY (tip, boundary)) WITHOUT ROWID;
CREATE INDEX paths_key ON paths (key)
"""

REAL_HISTORY: Final = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": "/dev/null"}
"""What makes git show the commits as they are stored. The shallow boundary stays: nothing lies behind it."""

TABLE_NAMES: Final = ("commits", "statements", "segments", "tips", "chains", "paths", "patches", "prepared", "meta")

INDEXES: Final = {
    # Made after the first filling: sorting once is ten times faster than 200,000 insertions in random order.
    "commits_sha": "UNIQUE INDEX IF NOT EXISTS commits_sha ON commits (sha)",
    "commits_subject": "INDEX IF NOT EXISTS commits_subject ON commits (subject_key)",
    "statements_named": "INDEX IF NOT EXISTS statements_named ON statements (named, kind) WHERE kind < 8",
    "statements_fixed": "INDEX IF NOT EXISTS statements_fixed ON statements (detail) WHERE kind = 2",
}
