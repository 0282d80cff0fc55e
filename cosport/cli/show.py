"""`cosport show`: all that is known of one upstream commit. It imports no Typer, which takes longer than the answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cosport.model.commit import Sha, looks_like_sha

if TYPE_CHECKING:
    from cosport.cli.output import Text
    from cosport.cli.session import Session
    from cosport.git.repository import Repository
    from cosport.history.facts import Facts, Place
    from cosport.history.index import History

SCHEMA: Final = "cosport.show/1"


@dataclass(frozen=True, slots=True)
class _Refs:
    """What the repository's refs lead to: full name and commit."""

    all: dict[str, Sha]

    def short(self, folder: str) -> list[tuple[str, Sha]]:
        return [(name.removeprefix(folder), sha) for name, sha in self.all.items() if name.startswith(folder)]

    def named(self, name: str) -> Sha | None:
        for prefix in ("", "refs/", "refs/heads/", "refs/remotes/", "refs/tags/"):
            if (found := self.all.get(prefix + name)) is not None:
                return found
        return None


def run(session: Session, name: str) -> int:
    """Print what is known of the commit `name`; the exit code.

    Raises RevisionError where it leads to no commit, ConfigError where the configuration is wrong.
    """
    from cosport.history.facts import facts
    from cosport.history.index import History

    repository = session.repository
    refs = _refs(repository)
    upstream, branches, configured = _branches(session, refs)
    tips = [*refs.all.values(), *(tip for _, tip in branches)]
    with History.open(repository, tips, upstream=upstream) as history:
        sha = _resolve(history, repository, name)
        found = facts(history, sha, branches, refs.short("refs/tags/"), all_named=configured)
        if history.note:
            session.printer.note(history.note)
        if session.json:
            session.printer.json(document(history, found))
        else:
            _tell(session, history, found)
    return 0


def _refs(repository: Repository) -> _Refs:
    listed = repository.text(
        "for-each-ref", "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)",
        "refs/heads", "refs/remotes", "refs/tags",
    )  # fmt: skip
    found: dict[str, Sha] = {}
    for line in listed.splitlines():
        kind, sha, target, peeled, name = line.split(" ", 4)
        if kind == "commit":
            found[name] = Sha(sha)
        elif target == "commit":
            found[name] = Sha(peeled)
    return _Refs(found)


def _branches(session: Session, refs: _Refs) -> tuple[Sha | None, list[tuple[str, Sha]], bool]:
    """Upstream's tip, the branches to tell of, and whether they are configured."""
    upstream = None
    if _is_configured(session):
        config = session.config
        upstream = refs.named(config.upstream.ref) if config.upstream.ref else None
        configured = [(each.name, tip) for each in config.branches if (tip := refs.named(each.ref)) is not None]
        if configured:
            return upstream, configured, True
    remote = [(name, sha) for name, sha in refs.short("refs/remotes/") if not name.endswith("/HEAD")]
    return upstream, [*refs.short("refs/heads/"), *remote], False


def _is_configured(session: Session) -> bool:
    """Whether there may be a configuration: where there is none, reading it takes as long as the rest of the answer."""
    if session.config_path is not None or "COSPORT_CONFIG" in os.environ:
        return True
    state = session.repository.state_dir / "cosport.toml"
    return state.exists() or (
        session.repository.attempt("rev-parse", "-q", "--verify", "refs/meta/cosport").status == 0
    )


def _resolve(history: History, repository: Repository, name: str) -> Sha:
    if looks_like_sha(name) and len(name) >= 7:
        ranks = history.starting(name.lower())
        if len(ranks) == 1:
            return history.entry(ranks[0]).sha
    from cosport.git.objects import ObjectReader

    with ObjectReader(repository) as reader:
        sha = reader.resolve(name).sha
    history.ensure((sha,))
    return sha


def document(history: History, found: Facts) -> dict[str, Any]:
    """The answer as the JSON document `cosport.show/1`."""
    entry = found.commit
    return {
        "schema": SCHEMA,
        "sha": entry.sha,
        "subject": entry.subject,
        "author": entry.author,
        "authored": entry.authored,
        "committed": entry.committed,
        "origins": list(found.origins),
        "fixes": [
            {"named": each.named, "sha": each.sha, "subject": _subject(history, each.sha), "how": each.how}
            for each in found.fixes
        ],
        "followups": [{"sha": each.sha, "subject": each.subject, "kind": each.kind} for each in found.followups],
        "stable": list(found.wanted),
        "branches": [_branch(each) for each in found.places],
    }


def _branch(place: Place) -> dict[str, Any]:
    evidence = [*place.applied.evidence, *(place.affected.evidence if place.affected is not None else ())]
    return {
        "branch": place.branch,
        "tip": place.tip,
        "applied": place.applied.applied,
        "commit": place.applied.carrier,
        "since": place.since or None,
        "change_id": place.applied.change_id,
        "affected": place.affected.verdict.value if place.affected is not None else None,
        "evidence": [{"kind": each.kind.value, "detail": each.detail} for each in evidence],
    }


def _tell(session: Session, history: History, found: Facts) -> None:
    import time

    entry, printer = found.commit, session.printer
    printer.say(f"commit {entry.sha}")
    printer.say(f"  {entry.subject}")
    printer.say(f"  {entry.author}, {time.strftime('%Y-%m-%d', time.gmtime(entry.authored))}")
    for sha in found.origins:
        printer.say(f"  taken from {_named(history, sha)}")
    for each in found.fixes:
        where = _named(history, each.sha) if each.sha is not None else f"{each.named}, which leads nowhere"
        printer.say(f"  fixes {where}" + (f" ({each.how})" if each.how.startswith("by its subject") else ""))
    for follow in found.followups:
        verb = "fixed by" if follow.kind == "fixes" else "reverted by"
        printer.say(f"  {verb} {_named(history, follow.sha)}")
    for text in found.wanted:
        printer.say(f"  wanted in stable{': ' + text if text else ''}")
    if not found.places:
        printer.say("no branch or tag holds it")
        return
    printer.say("")
    printer.table(("branch", "holds it", "since", "evidence"), [_row(each) for each in found.places])


def _row(place: Place) -> tuple[Text, ...]:
    from cosport.cli.output import Styled

    evidence = "; ".join(each.detail for each in place.applied.evidence)
    if place.applied.applied:
        return place.branch, Styled("yes", "green"), place.since, evidence
    assert place.affected is not None
    needs = {"yes": "no, and is affected", "no": "no, and is not affected"}.get(place.affected.verdict.value, "no")
    if not evidence and place.affected.evidence:
        evidence = place.affected.evidence[0].detail
    return place.branch, Styled(needs, "yellow"), "", evidence


def _named(history: History, sha: Sha) -> str:
    return f'{sha[:12]} ("{_subject(history, sha)}")'


def _subject(history: History, sha: Sha | None) -> str | None:
    return history.entry(history.rank(sha)).subject if sha is not None else None
