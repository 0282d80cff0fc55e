"""`cosport backport` as Typer sees it: its help, its completion, and the spellings that `quick` leaves to it."""

from __future__ import annotations

from typing import Annotated

import typer

from cosport.backport.request import From
from cosport.cli import complete
from cosport.cli.backport import Asked, run
from cosport.cli.options import command
from cosport.cli.session import Session


@command(
    example="""cosport backport da10329cb057 --to cos-5.4 --bug b/123 --test 'booted in QEMU' --release-note None
cosport backport da10329cb057 --all --dry-run
cosport backport da10329cb057 --to cos-5.4 --with-prereqs --with-followups
cosport backport da10329cb057 --to cos-5.4 --push --reviewer maintainer@example.com
cosport backport --status
cosport backport --continue --branch cos-5.4 --note 'kept the old lock'
cosport backport --show
cosport backport --accept --branch cos-5.4"""
)
def backport(
    session: Session,
    sha: Annotated[list[str] | None, typer.Argument(help="Upstream commits; several make one series.")] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to", metavar="BRANCH", help="A branch to pick to (repeat it).", autocompletion=complete.branches
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All configured branches.")] = False,
    bug: Annotated[str | None, typer.Option(metavar="TEXT", help="For BUG=, such as b/123.")] = None,
    test: Annotated[str | None, typer.Option(metavar="TEXT", help="For TEST=: how it was tested.")] = None,
    release_note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="For RELEASE_NOTE=: one line for users, or None.")
    ] = None,
    patch_class: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="bug, security or feature.")
    ] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="What was changed against upstream and why.")] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Message profile: cos, chromeos, stable, plain.", autocompletion=complete.profiles
        ),
    ] = None,
    source: Annotated[
        From, typer.Option("--from", help="Pick from upstream's commit or another branch's.")
    ] = From.AUTO,
    mainline: Annotated[int | None, typer.Option(metavar="N", help="For a merge: the parent to compare with.")] = None,
    introduced_by: Annotated[
        list[str] | None, typer.Option(metavar="SHA", help="What it fixes, instead of its Fixes: tags.")
    ] = None,
    allow_unmerged: Annotated[
        bool, typer.Option("--allow-unmerged", help="Take a commit that upstream lacks, marked FROMGIT.")
    ] = False,
    with_prereqs: Annotated[
        bool, typer.Option("--with-prereqs", help="First pick what a conflicting commit needs.")
    ] = False,
    with_followups: Annotated[
        bool, typer.Option("--with-followups", help="Then pick what upstream later fixed in it.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Pick though not affected, declined or reverted upstream; replace an edited pick."
        ),
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Move the branch itself, not a branch of its own.")
    ] = False,
    edit: Annotated[bool, typer.Option("--edit", help="Edit each message first.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try it, write nothing.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Upload the picks to Gerrit for review.")] = False,
    reviewer: Annotated[list[str] | None, typer.Option(metavar="MAIL", help="Ask for a review (repeat it).")] = None,
    hashtag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Mark the changes (repeat it).")] = None,
    go_on: Annotated[bool, typer.Option("--continue", help="Go on: conflicts are resolved.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Leave the conflicting commit out, go on.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Give the branch up.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Show the conflicts that wait.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show resolved picks against upstream's patch.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Take resolved picks over, having looked at them.")] = False,
    branch: Annotated[
        str | None,
        typer.Option(metavar="BRANCH", help="Only this branch, for the six above.", autocompletion=complete.branches),
    ] = None,
    build: Annotated[bool, typer.Option("--build", help="Compile what a resolved pick touches, in a sandbox.")] = False,
    resolver: Annotated[
        str | None,
        typer.Option(metavar="CMD", help="A command to edit files in conflict that no rule resolves."),
    ] = None,
    max_rung: Annotated[
        int | None, typer.Option("--max-rung", metavar="N", help="The last rung of resolvers of conflicts; 0: none.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option("--min-confidence", metavar="X", help="How sure they must be, 0 to 1.")
    ] = None,
) -> int:
    """Backport upstream commits to stable branches.

    Each branch gets its pick on a branch of its own, backport/BRANCH/SHA; your checkout is never touched. A conflict
    opens a work tree with just the files in conflict, and holds up no other branch; one that a rule resolves stands on
    its branch as `resolved` until you --accept it.
    """
    asked = Asked(
        sha=tuple(sha or ()),
        to=tuple(to or ()),
        every=every,
        bug=bug,
        test=test,
        release_note=release_note,
        patch_class=patch_class,
        note=note,
        profile=profile,
        source=source,
        mainline=mainline,
        introduced_by=tuple(introduced_by or ()),
        allow_unmerged=allow_unmerged,
        with_prereqs=with_prereqs,
        with_followups=with_followups,
        force=force,
        in_place=in_place,
        edit=edit,
        dry_run=dry_run,
        push=push,
        reviewer=tuple(reviewer or ()),
        hashtag=tuple(hashtag or ()),
        go_on=go_on,
        skip=skip,
        abort=abort,
        status=status,
        accept=accept,
        build=build,
        resolver=resolver,
        show=show,
        branch=branch,
        max_rung=max_rung,
        min_confidence=min_confidence,
    )
    return run(session, asked)
