"""The user's settings, the environment and the kind of clone change no answer, and no object that is made."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.support import Git, cosport, invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.support import Answer

ODD = 'drivers/t\u00e4st\nfile "x".c'
LINES = "".join(f"line {number}\n" for number in range(40))
LATIN = "J\u00f6rg <joerg@example.org>".encode("latin-1")
CLOCK = re.compile(r'20[2-9]\d-\d\d-\d\dT[0-9:]+Z|"seconds": [0-9.e-]+')

SETTINGS = """\
[alias]
\tlog = log --oneline
\tdiff-tree = diff-tree --stat
\tst = status
[core]
\tquotePath = false
\tabbrev = 5
\tautocrlf = true
\teol = crlf
\tsafecrlf = true
\tfileMode = false
\tsymlinks = false
\tignoreCase = true
\tsparseCheckout = true
\tsparseCheckoutCone = true
\tuntrackedCache = true
\tsplitIndex = true
\tfsmonitor = true
\tcommitGraph = false
\tmultiPackIndex = false
\tpager = false
\teditor = false
\tnotesRef = refs/notes/mine
\tlogAllRefUpdates = false
\twhitespace = cr-at-eol,-trailing-space
\tcommentChar = %
\tdisambiguate = blob
[color]
\tui = always
\tdiff = always
\tbranch = always
[diff]
\trenames = false
\talgorithm = patience
\tnoprefix = true
\tmnemonicPrefix = true
\tcontext = 1
\tinterHunkContext = 20
\tindentHeuristic = false
\torderFile = /dev/null
\texternal = false
\tsubmodule = log
\tignoreSubmodules = all
\tsuppressBlankEmpty = true
\tcolorMoved = zebra
\tcolorMovedWS = ignore-all-space
\twsErrorHighlight = all
\twordRegex = .
\trelative = true
\tstatGraphWidth = 1
[log]
\tshowSignature = true
\tdate = relative
\tdecorate = full
\tfollow = true
\tmailmap = true
\tshowRoot = false
\tdiffMerges = combined
\tabbrevCommit = true
\texcludeDecoration = refs/heads/*
[format]
\tpretty = oneline
\tnotes = true
\tsignOff = true
\tattach = mine
\tnumbered = false
\tcoverLetter = true
\tsubjectPrefix = MINE
\tsuffix = .mine
\tencodeEmailHeaders = false
[i18n]
\tlogOutputEncoding = ISO-8859-1
\tcommitEncoding = ISO-8859-1
[merge]
\tconflictStyle = zdiff3
\trenames = false
\tdirectoryRenames = true
\trenameLimit = 1
\trenormalize = true
\tdefault = mine
\tlog = true
\tff = false
\tverbosity = 5
[merge "mine"]
\tdriver = false
[notes]
\tdisplayRef = refs/notes/*
\trewriteRef = refs/notes/*
[grep]
\tpatternType = fixed
\tlineNumber = true
\tfullName = true
\tcolumn = true
[blame]
\tignoreRevsFile = /nonexistent
\tshowEmail = true
\tdate = relative
\tblankBoundary = true
[apply]
\twhitespace = fix
\tignoreWhitespace = change
[rerere]
\tenabled = true
\tautoUpdate = true
[index]
\tversion = 4
\tsparse = true
[feature]
\tmanyFiles = true
[extensions]
\tworktreeConfig = true
[worktree]
\tguessRemote = true
[checkout]
\tdefaultRemote = upstream
\tworkers = 3
[status]
\tshort = true
[tag]
\tsort = -creatordate
[branch]
\tsort = -committerdate
\tautoSetupMerge = always
[fetch]
\tprune = true
[push]
\tdefault = nothing
\tgpgSign = true
[commit]
\tgpgSign = true
\tverbose = true
\ttemplate = /nonexistent
[trailer]
\tseparators = "#"
\tifexists = replace
[interactive]
\tdiffFilter = false
[versionsort]
\tsuffix = -rc
[uploadpack]
\tallowFilter = true
[init]
\ttemplateDir = /nonexistent
\tdefaultObjectFormat = sha256
[safe]
\tbareRepository = explicit
[attr]
\ttree = refs/heads/main
[submodule]
\trecurse = true
"""
"""Whatever a setting could do to an answer; `blame.ignoreRevsFile` and `core.notesRef` name what is not there."""

VARIABLES = {
    "GIT_DIR": "/nonexistent",
    "GIT_WORK_TREE": "/nonexistent",
    "GIT_INDEX_FILE": "/nonexistent",
    "GIT_OBJECT_DIRECTORY": "/nonexistent",
    "GIT_COMMON_DIR": "/nonexistent",
    "GIT_NAMESPACE": "elsewhere",
    "GIT_PREFIX": "drivers/",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "merge.conflictStyle",
    "GIT_CONFIG_VALUE_0": "zdiff3",
    "GIT_CONFIG_PARAMETERS": "'diff.context'='0'",
    "GIT_CONFIG": "/nonexistent",
    "GIT_DIFF_OPTS": "-u0",
    "GIT_EXTERNAL_DIFF": "false",
    "GIT_ATTR_SOURCE": "refs/heads/main",
    "GIT_NOTES_REF": "refs/notes/mine",
    "GIT_NOTES_DISPLAY_REF": "refs/notes/*",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ICASE_PATHSPECS": "1",
    "GIT_REPLACE_REF_BASE": "refs/mine/",
    "GIT_SHALLOW_FILE": "/nonexistent",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_MERGE_VERBOSITY": "5",
    "GIT_REFLOG_ACTION": "mine",
    "GIT_TRACE": "2",
    "GIT_TRACE2_EVENT": "2",
    "GIT_FLUSH": "1",
    "GIT_REDIRECT_STDERR": "off",
    "GIT_QUARANTINE_PATH": "/nonexistent",
    "GIT_OPTIONAL_LOCKS": "1",
    "LC_ALL": "C.UTF-8",
    "LANG": "de_DE.UTF-8",
    "LANGUAGE": "de",
    "TZ": "Asia/Kathmandu",
    "COLUMNS": "30",
    "PAGER": "false",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "latin-1",
    "POSIXLY_CORRECT": "1",
    "CDPATH": "/",
}
"""What a hook, a shell or a habit leaves in the environment. `--repo` names the repository, as a hook must."""

ASKED = (
    ("plan", "FIX", "--json"),
    ("plan", "SHAPE", "LATIN", "LINK", "--json"),
    ("plan", "--missing", "--json"),
    ("missing", "--branch", "cos-5.4", "--json"),
    ("show", "FIX", "--json"),
    ("backport", "FIX", "--all", "--json"),
    ("backport", "SHAPE", "--to", "cos-5.4", "--json"),
    ("backport", "LATIN", "--to", "cos-5.4", "--json"),
    ("backport", "LINK", "--to", "cos-5.4", "--json"),
    ("backport", "--status", "--json"),
    ("backport", "--continue", "--note", "by hand", "--json"),
    ("presubmit", "A..B", "--format", "json"),
    ("presubmit", "C..D", "--format", "json"),
    ("notes", "A..B", "--format", "json"),
    ("notes", "A..B", "--format", "md"),
    ("export", "LATIN_PICK", "--out", "OUT", "--json"),
    ("record", "show", "PICK", "--json"),
    ("message", "parse", "LATIN", "--json"),
)


CONFIG = """\
[upstream]
ref = "refs/heads/upstream"
[message]
profile = "cos"
[[branch]]
name = "cos-5.4"
[[branch]]
name = "cos-5.10"
"""


def build(path: Path) -> Git:
    """A repository in which fixes apply, conflict, follow a rename, and touch what settings speak of."""
    git = Git.init(path)
    files = {"drivers/old.c": LINES, "crlf.txt": "a\r\nb\r\nc\r\n", ODD: "int odd;\n", "word.txt": "one\n\ntwo\n"}
    base = git.commit({**files, ".gitattributes": "*.c merge=mine\n"}, "drivers: start", branch="upstream")
    bug = git.commit({"drivers/bug.c": LINES}, "drivers: a bug", branch="upstream")
    git.branch("cos-5.4", bug)
    git.branch("cos-5.10", bug)
    five, ours = LINES.replace("line 5\n", "line five\n"), LINES.replace("line 5\n", "LINE 5\n")
    moved = {"drivers/old.c": None, "drivers/new.c": LINES, "drivers/bug.c": five}
    git.commit(moved, "drivers: rename", branch="upstream")
    git.commit({"drivers/bug.c": ours}, "CHROMIUM: start", branch="cos-5.10")
    git.commit({"drivers/bug.c": five}, "CHROMIUM: start", branch="cos-5.4")
    fixed = five.replace("five\n", "five\nline five and a half\n").replace("line 30\n", "line thirty\n")
    message = f'drivers: fix the bug\n\nIt was bad.\n\nFixes: {bug[:12]} ("drivers: a bug")\n'
    seven = {"drivers/new.c": LINES.replace("7\n", "seven\n"), ODD: "int odd = 1;\n", "crlf.txt": "a\r\nB\r\nc\r\n"}
    new = {"link": ("120000", "word.txt"), "run.sh": ("100755", "#!/bin/sh\n"), "module": ("160000", base)}
    latin = "drivers: caf\u00e9\n\nna\u00efve\n\nSigned-off-by: J\u00f6rg <joerg@example.org>\n".encode("latin-1")
    named = {
        "FIX": git.commit({"drivers/bug.c": fixed}, message, branch="upstream"),
        "SHAPE": git.commit(seven, "drivers: change files of all shapes", branch="upstream"),
        "LATIN": git.commit(
            {"word.txt": "one\n\nTWO\n"}, latin, branch="upstream", author=LATIN, encoding="ISO-8859-1"
        ),
        "LINK": git.commit(new, "scripts: a link, a program and a submodule", branch="upstream"),
    }
    for name, sha in named.items():
        git("update-ref", f"refs/tags/{name}", sha)
    git("update-ref", f"refs/replace/{base}", bug)
    git.branch("main", "upstream")
    return git


def furnish(folder: Path) -> None:
    """Put cosport's configuration into a git directory, and attributes of the user's own."""
    (folder / "info" / "attributes").write_text("*.c merge=mine diff=mine -text\n* text=auto eol=crlf\n")
    (folder / "cosport").mkdir()
    (folder / "cosport" / "cosport.toml").write_text(CONFIG)


def answers(run: Callable[..., Answer], git: Git, out: Path) -> dict[str, object]:
    """All answers and all that was made, with the names of places and times taken out."""
    common = git("rev-parse", "--path-format=absolute", "--git-common-dir")
    fix, latin = git.sha("FIX")[:12], git.sha("LATIN")[:12]
    words = {"OUT": str(out), "LATIN_PICK": f"backport/cos-5.4/{latin}", "PICK": f"backport/cos-5.4/{fix}"}
    words |= {"A..B": f"cos-5.4..{words['PICK']}", "C..D": f"cos-5.10..backport/cos-5.10/{fix}"}
    found: dict[str, object] = {}

    def plain(text: str) -> str:
        return CLOCK.sub("WHEN", text.replace(common, "GIT").replace(str(git.path), "TOP").replace(str(out), "OUT"))

    for args in ASKED:
        if "--continue" in args:
            file = git.path / common / "cosport" / "worktrees" / "cos-5.10" / "drivers" / "bug.c"
            found["conflict"] = file.read_text()
            file.write_text(LINES.replace("line 5\n", "LINE 5\nline five and a half\n"))
        said = run(*(words.get(arg, arg) for arg in args))
        found[" ".join(args)] = (said.code, plain(said.out), plain(said.err))
    found["refs"] = {name: sha for name, sha in git.refs().items() if name != "refs/notes/cosport"}
    found["files"] = {file.name: file.read_bytes() for file in out.iterdir()}
    return found


def compare(found: Mapping[str, object], expected: Mapping[str, object]) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == value, key


@cache
def expected(folder: Path) -> dict[str, object]:
    """The answers in a plain clone with plain settings."""
    git = build(folder / "kernel")
    furnish(git.path / ".git")
    found = answers(lambda *args: invoke(*args, cwd=git.path), git, folder / "out")
    codes = {key: value[0] for key, value in found.items() if isinstance(value, tuple)}
    assert set(codes.values()) == {0, 1}, codes
    return found


@pytest.fixture
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """As `expected`, made once: it needs the seal of a test."""
    return expected(tmp_path_factory.getbasetemp() / "plain")


@pytest.mark.parametrize("scope", ["global", "local"])
def test_settings_change_no_answer(
    plain: dict[str, object], scope: str, tmp_path: Path, seal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = build(tmp_path / "kernel")
    furnish(git.path / ".git")
    file = {"global": seal / "gitconfig", "local": git.path / ".git" / "config"}[scope]
    with file.open("a", encoding="utf-8") as config:
        config.write(SETTINGS)
    compare(answers(lambda *args: invoke(*args, cwd=git.path), git, tmp_path / "out"), plain)


def test_the_environment_changes_no_answer(plain: dict[str, object], tmp_path: Path) -> None:
    git = build(tmp_path / "kernel")
    furnish(git.path / ".git")

    def run(*args: str) -> Answer:
        return cosport(*args, "--repo", str(git.path), cwd=tmp_path, env=VARIABLES)

    compare(answers(run, git, tmp_path / "out"), plain)


def test_a_linked_work_tree_gives_the_same_answers(plain: dict[str, object], tmp_path: Path) -> None:
    git = build(tmp_path / "kernel")
    furnish(git.path / ".git")
    git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "cos-5.4")
    linked = Git(tmp_path / "linked")
    before = linked("status", "--porcelain"), linked.sha()
    compare(answers(lambda *args: invoke(*args, cwd=linked.path), linked, tmp_path / "out"), plain)
    assert (linked("status", "--porcelain"), linked.sha()) == before


@pytest.mark.parametrize("how", [("--mirror",), ("--mirror", "--filter=blob:none"), ("--mirror", "--filter=tree:0")])
def test_a_bare_and_a_partial_clone_give_the_same_answers(
    plain: dict[str, object], how: tuple[str, ...], tmp_path: Path
) -> None:
    source = build(tmp_path / "source")
    source("config", "uploadpack.allowFilter", "true")
    source("config", "uploadpack.allowAnySHA1InWant", "true")
    source("clone", "-q", *how, source.path.as_uri(), str(tmp_path / "bare"))
    bare = Git(tmp_path / "bare")
    furnish(bare.path)
    compare(answers(lambda *args: invoke(*args, cwd=bare.path), bare, tmp_path / "out"), plain)
