"""`cosport show`: all that is known of one upstream commit. It imports no Typer, which takes longer than the answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from cosport.model.commit import looks_like_sha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.cli.output import Text
    from cosport.cli.session import Session
    from cosport.cve.record import Record
    from cosport.git.repository import Repository
    from cosport.history.facts import Facts, Place
    from cosport.history.index import History
    from cosport.model.commit import Sha

SCHEMA: Final = "cosport.show/1"


def run(session: Session, name: str) -> int:
    """Print what is known of the commit `name`; the exit code.

    Raises RevisionError where it leads to no commit, ConfigError where the configuration is wrong.
    """
    from cosport.history.facts import facts
    from cosport.history.index import History

    repository = session.repository
    with History.open(repository) as history:
        branches, configured = branches_of(session, history)
        sha = _resolve(history, repository, name)
        found = facts(history, sha, branches, _under(history, "refs/tags/"), all_named=configured)
        if history.note:
            session.printer.note(history.note)
        if session.json:
            session.printer.json(document(history, found, _cves(session, sha)))
        else:
            _tell(session, history, found, _cves(session, sha))
    return 0


def branches_of(session: Session, history: History) -> tuple[list[tuple[str, Sha]], bool]:
    """The branches to tell of, and whether they are configured; the history learns which commit is upstream's tip."""
    if _is_configured(session):
        config = session.config
        if config.upstream.ref and (tip := _tip(history, config.upstream.ref)) is not None:
            history.upstream = history.rank(tip)
        configured = [(each.name, tip) for each in config.branches if (tip := _tip(history, each.ref)) is not None]
        if configured:
            return configured, True
    remote = [(name, sha) for name, sha in _under(history, "refs/remotes/") if not name.endswith("/HEAD")]
    return [*_under(history, "refs/heads/"), *remote], False


def _under(history: History, folder: str) -> list[tuple[str, Sha]]:
    return [(name.removeprefix(folder), sha) for name, sha in history.refs.items() if name.startswith(folder)]


def _tip(history: History, name: str) -> Sha | None:
    for prefix in ("", "refs/", "refs/heads/", "refs/remotes/", "refs/tags/"):
        if (found := history.refs.get(prefix + name)) is not None:
            return found
    return None


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


def _cves(session: Session, sha: Sha) -> tuple[Record, ...]:
    """The CVEs that the commit fixes, by the configured data."""
    if not _is_configured(session) or not session.config.cve.data:
        return ()
    from cosport.cli.cves import opened

    index = opened(session)
    assert index is not None
    with index:
        return tuple(record for each in index.fixed_by(sha) if (record := index.record(each)) is not None)


def document(history: History, found: Facts, cves: Sequence[Record] = ()) -> dict[str, Any]:
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
        "cves": [{"id": each.id, "title": each.title, "severity": each.severity.value} for each in cves],
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


def _tell(session: Session, history: History, found: Facts, cves: Sequence[Record]) -> None:
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
    for record in cves:
        printer.say(f"  fixes {record.id} ({record.severity.value}): {record.title}")
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
