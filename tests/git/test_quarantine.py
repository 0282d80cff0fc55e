"""Trials leave nothing behind, accepting moves what is needed, and a disk that refuses is an error with a hint."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cosport.git import refs, scratch, trees
from cosport.git.merge import Merge, merge_trees
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from tests.support import Git

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "".join(f"line {number}\n" for number in range(30))
ODD_FOLDERS = (
    "plain",
    "co:lon",
    'quo"te',
    '"led',
    "spa ce",
    "ümlaut",
    "back\\slash",
    "new\\nline",
    "#hash",
    "l\udce4tin",
)


def setting(git: Git) -> Merge:
    base = git.commit({"d/f": TEXT, "g": "g\n"}, branch="base")
    ours = git.commit({"d/f": TEXT.replace("line 2\n", "A\n")}, branch="ours", parents=[base])
    theirs = git.commit({"d/f": TEXT.replace("line 20\n", "B\n"), "new/h": "h\n"}, branch="theirs", parents=[base])
    return Merge(*(Sha(git.tree(name)) for name in (base, ours, theirs)))


def files_of(git: Git) -> set[str]:
    folder = Path(git("rev-parse", "--path-format=absolute", "--git-common-dir"))
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def pick(git: Git, merge: Merge) -> tuple[str, str]:
    """Merge, commit on top of `ours`, accept and put on a ref; the commit and its tree."""
    home = Repository.open(git.path)
    with quarantine(home) as place, ObjectReader(home) as reader:
        [merged] = merge_trees(place, [merge])
        raw = f"tree {merged.tree}\nparent {git.sha('ours')}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"
        name = place.write("commit", raw.encode())
        assert place.write("commit", raw.encode()) == name
        place.accept([*trees.new_objects(place, reader, merge.ours, merged.tree), name])
    refs.update(home, "refs/heads/picked", name, None, why="test")
    return name, merged.tree


@pytest.mark.parametrize("sha256", [False, True], ids=["sha1", "sha256"])
def test_a_trial_leaves_nothing(make_git: Callable[..., Git], *, sha256: bool) -> None:
    git = make_git(sha256=sha256)
    merge = setting(git)
    before = files_of(git)
    with quarantine(Repository.open(git.path)) as place:
        [merged] = merge_trees(place, [merge])
        assert place.repository.run("cat-file", "-t", merged.tree) == b"tree\n"
    assert files_of(git) == before
    assert git.attempt("cat-file", "-e", merged.tree).returncode != 0


def test_a_trial_that_fails_leaves_nothing(git: Git) -> None:
    merge = setting(git)
    before = files_of(git)

    def fail() -> None:
        with quarantine(Repository.open(git.path)) as place:
            merge_trees(place, [merge])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert files_of(git) == before


@pytest.mark.parametrize("sha256", [False, True], ids=["sha1", "sha256"])
def test_accepting_moves_exactly_what_is_needed(make_git: Callable[..., Git], *, sha256: bool) -> None:
    git = make_git(sha256=sha256)
    merge = setting(git)
    before = set(git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())
    name, _ = pick(git, merge)
    after = set(git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())
    reachable = set(git("rev-list", "--objects", "--no-object-names", "picked", "^ours").split())
    assert after - before == reachable - before
    assert name in after
    git.fsck()
    assert "cosport" not in git("fsck", "--unreachable", "--no-reflogs")


@pytest.mark.parametrize("folder", ODD_FOLDERS)
@pytest.mark.parametrize("bare", [False, True], ids=["work tree", "bare"])
def test_any_place_will_do(make_git: Callable[..., Git], folder: str, *, bare: bool) -> None:
    git = make_git(folder, bare=bare)
    name, tree = pick(git, setting(git))
    assert git.tree("picked") == tree
    assert git.sha("picked") == name
    git.fsck()


def test_objects_that_lie_in_another_repository(make_git: Callable[..., Git]) -> None:
    lender = make_git("len:der")
    merge = setting(lender)
    git = make_git("borrower")
    (git.path / ".git/objects/info/alternates").write_text(f"{lender.path}/.git/objects\n")
    for name in ("base", "ours", "theirs"):
        git("update-ref", f"refs/heads/{name}", lender.sha(name))
    before = files_of(lender)
    pick(git, merge)
    git.fsck()
    assert files_of(lender) == before


def test_from_a_linked_work_tree(git: Git, tmp_path: Path) -> None:
    merge = setting(git)
    git("worktree", "add", "-q", str(tmp_path / "linked"), "ours")
    linked = Git(tmp_path / "linked")
    pick(linked, merge)
    git.fsck()


def test_a_shared_repository_stays_shared(git: Git) -> None:
    shutil.rmtree(git.path / ".git")
    git("init", "-q", "-b", "main", "--shared=group")
    merge = setting(git)
    old = os.umask(0o077)
    try:
        name, _ = pick(git, merge)
    finally:
        os.umask(old)
    path = git.path / ".git/objects" / name[:2] / name[2:]
    assert path.parent.stat().st_mode & 0o070 == 0o070
    assert path.stat().st_mode & 0o777 == 0o444 & (git.path / ".git/objects").stat().st_mode


def test_git_sweeps_what_a_killed_process_left(git: Git) -> None:
    setting(git)
    code = f"""
import os, signal
from pathlib import Path
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
with quarantine(Repository.open(Path({str(git.path)!r}))) as place:
    place.write("blob", b"x"); os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list((git.path / ".git/objects").glob("tmp_objdir-cosport-*"))
    git("prune", "--expire=now")
    assert not list((git.path / ".git/objects").glob("tmp_objdir-cosport-*"))


def as_nobody(git: Git, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python without root's power to write everywhere: in a user that owns nothing here."""
    for path in (git.path, *git.path.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222 | 0o444 | (0o111 if path.is_dir() else 0))
    parent = git.path.parent
    opened = []
    while parent != parent.parent and not parent.stat().st_mode & 0o001:
        opened.append((parent, parent.stat().st_mode))
        parent.chmod(parent.stat().st_mode | 0o001)
        parent = parent.parent
    # As root another user is needed; anybody else has lost the right to write by chmod already.
    user = 65534 if os.geteuid() == 0 else None
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "HOME": "/"}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"}
    prelude = "import os, sys\nfrom pathlib import Path\nfrom cosport import errors\n" + imports
    if user is not None:  # imports first: where the interpreter lives may be closed to that user
        prelude += f"os.setgroups([]); os.setgid({user}); os.setuid({user})\n"
    try:
        return subprocess.run(
            [sys.executable, "-c", prelude + code], env=env, capture_output=True, text=True, check=False, cwd="/"
        )
    finally:
        for path, mode in opened:
            path.chmod(mode)
        for path in (git.path, *git.path.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)


imports = """
import hashlib, shutil, tempfile, zlib, subprocess, select, selectors, encodings.idna
from cosport import process
from cosport.git import merge, objects, pack, quarantine, refs, repository, trees
from cosport.model.commit import Sha
"""


def home_code(git: Git) -> str:
    common = f"Path({str(git.path / '.git')!r})"
    return f"home = repository.Repository({common}, {common}, 'sha1', False, False)\n"


def test_a_read_only_repository_can_be_tried_in_but_not_written(git: Git) -> None:
    merge = setting(git)
    before = files_of(git)
    code = (
        home_code(git)
        + f"""
with quarantine.quarantine(home) as place:
    [merged] = merge.merge_trees(place, [merge.Merge({merge.base!r}, {merge.ours!r}, {merge.theirs!r})])
    assert merged.clean, merged
    print(merged.tree)
    try:
        place.accept(trees.new_objects(place, objects.ObjectReader(home), Sha({merge.ours!r}), merged.tree))
    except errors.DiskError as error:
        print(error, '|', error.hint)
    else:
        raise AssertionError("accepted")
try:
    refs.update(home, "refs/heads/x", Sha({git.sha("ours")!r}), None, why="test")
except errors.DiskError as error:
    print(error)
"""
    )
    done = as_nobody(git, code)
    assert done.returncode == 0, done.stderr
    tree, accepted, ref = done.stdout.splitlines()
    assert len(tree) == 40
    assert accepted.startswith("cannot write objects to")
    assert "nothing was changed" in accepted
    assert "Permission denied" in ref
    assert files_of(git) == before


@pytest.mark.parametrize("room", [0, 64, 200, 100_000])
def test_a_full_disk_is_an_error_and_damages_nothing(git: Git, room: int) -> None:
    """The kernel refuses to let any file grow past `room` bytes, as a full disk does."""
    big = "".join(f"{number * 7919 % 65537}\n" for number in range(60000))
    base = git.commit({"f": big}, branch="base")
    ours = git.commit({"f": "A\n" + big}, branch="ours", parents=[base])
    theirs = git.commit({"f": big + "B\n"}, branch="theirs", parents=[base])
    trees = tuple(git.tree(name) for name in (base, ours, theirs))
    before = files_of(git)
    code = (
        imports
        + "from pathlib import Path\nfrom cosport import errors\nimport sys\n"
        + home_code(git)
        + f"""
try:
    with quarantine.quarantine(home) as place:
        merge.merge_trees(place, [merge.Merge(*{trees!r})])
except errors.DiskError as error:
    print(error)
    sys.exit(error.exit_code)
"""
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "File too large" in done.stdout
    assert files_of(git) == before
    git.fsck()


def test_a_trial_of_which_nothing_is_kept_touches_no_disk(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = setting(git)
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(scratch, "MEMORY", memory)
    monkeypatch.setattr(scratch, "ROOM", 0)
    before = files_of(git)
    home = Repository.open(git.path)
    with quarantine(home) as there:
        [expected] = merge_trees(there, [merge])
    with quarantine(home, kept=False) as place:
        assert merge_trees(place, [merge]) == [expected]
        assert place.folder.parent.parent == memory
        assert files_of(git) == before
    assert list(memory.iterdir()) == []
    monkeypatch.setattr(scratch, "ROOM", 1 << 62)
    with quarantine(home, kept=False) as place:
        assert place.folder.parent == git.path / ".git/objects"
        assert merge_trees(place, [merge]) == [expected]
    assert files_of(git) == before


def test_folders_in_memory_without_an_owner_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MEMORY", tmp_path)
    monkeypatch.setattr(scratch, "ROOM", 0)
    code = f"""
import os, signal, sys
from pathlib import Path
from cosport.git import scratch
scratch.MEMORY, scratch.ROOM = Path({str(tmp_path)!r}), 0
with scratch.in_memory() as folder:
    print(folder, flush=True)
    sys.stdin.read(1)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    owner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    folder = Path(owner.stdout.readline().strip())
    old = folder.stat().st_mtime - 3600

    def seen_by_another() -> bool:
        os.utime(folder, (old, old))
        with scratch.in_memory():
            return folder.exists()

    assert seen_by_another()
    owner.communicate("x", timeout=60)
    assert folder.exists()
    assert not seen_by_another()


def test_a_repository_without_a_configuration_file_will_do(git: Git) -> None:
    (git.path / ".git/config").unlink()
    with quarantine(Repository.open(git.path)) as place:
        assert place.repository.text("cat-file", "-t", place.write("blob", b"x")) == "blob"
