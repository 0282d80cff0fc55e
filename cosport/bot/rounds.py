"""One round of the bot: look at the open changes, judge those that need it, make their votes what they should be.

A round assumes nothing of the one before: it reads everything that matters anew, so events may come twice, late or not
at all, and a bot that was killed goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.bot import commands, tester
from cosport.bot.commands import Verb
from cosport.bot.journal import Judgement
from cosport.bot.judges import judge
from cosport.bot.protocol import Job, Waiver, key_of
from cosport.bot.summary import code
from cosport.bot.tally import Line, Tally
from cosport.bot.voter import Case, Voted
from cosport.errors import CosportError, DiskError, GerritError, GerritUnreachable, Interrupted, ToolError
from cosport.gerrit import changes
from cosport.model.commit import is_full_sha
from cosport.presubmit.report import Verdict
from cosport.workflow.cherrypick import cherrypick

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from cosport.bot.clone import Clone
    from cosport.bot.confine import Hold
    from cosport.bot.journal import Journal
    from cosport.bot.protocol import Answer
    from cosport.bot.voter import Voter
    from cosport.config import Config
    from cosport.gerrit.model import Change

_HOUR: Final = 3600.0
_HOPELESS: Final = 5
"""So many patch sets in a row that cannot be judged are told of it; then it is the bot that is in trouble."""
_LATELY: Final = "3d"
"""How long after landing a change's comments are still read, as Gerrit's `age:` has it."""


@dataclass(frozen=True, slots=True)
class Bot:
    """All that a round works with.

    `operator` is the configuration of whoever runs the bot: its server, its group of commanders; `config_file` the same
    as a file where it also says how commits are judged, None where refs/meta/cosport does. `log` takes an event's name
    and its values; `hold` is how testers are started.
    """

    clone: Clone
    journal: Journal
    voter: Voter
    operator: Config
    config_file: Path | None
    clock: Callable[[], float]
    log: Callable[..., None]
    hold: Hold

    def round(self, only: Collection[int] | None = None) -> Tally:
        """Go over all open changes, or `only` these. Raises GerritError, GitError where the server gives no answer."""
        tally = Tally()
        config = self._refreshed()
        branches = {each.served_as: each.name for each in config.branches}
        allowed = self._allowed(self.operator.bot.group)
        world = self.clone.world(config, tester.declined(self.clone.repository, self.config_file))
        found = self._open(only, branches)
        tally.open = len(found)
        if not self.voter.dry_run:
            for change in (*found, *(self._landed(branches) if only is None and allowed else ())):
                self._obey(config, change, allowed)
        jobs: list[Job] = []
        for change in found:
            waivers = commands.waivers(change, self.voter.account, allowed)
            job = self._job(change, branches[change.branch], waivers, world)
            if isinstance(job, Judgement):
                self._vote(tally, Case(job.report, waivers, job.made, change))
            elif job is not None:
                jobs.append(job)
        seen = {change.number: change for change in found}
        self._judge(tally, jobs, seen, world)
        if only is None:
            self.journal.forget(seen)
            self.clone.forget(set(seen))
        return tally

    def _judge(self, tally: Tally, jobs: list[Job], seen: Mapping[int, Change], world: str) -> None:
        """Have patch sets judged, and vote. Raises ToolError where every one fails: that is no patch set's fault."""
        self._fetch([seen[job.change] for job in jobs])
        failures = 0
        patience = self.operator.bot.patience
        for job, answer in judge(self.hold, self.config_file, jobs, patience=patience):
            if answer.trouble and failures >= _HOPELESS:
                raise ToolError(f"the tester fails on one patch set after the other: {answer.trouble}")
            failures = failures + 1 if answer.trouble else 0
            self._take(tally, job, answer, seen[job.change], world)

    def _refreshed(self) -> Config:
        """The trusted configuration, after everything that it may lie in or name was fetched."""
        self.clone.refresh()
        config = tester.trusted(self.clone.repository, self.config_file)
        if config.upstream.url:
            self.clone.refresh_upstream(config.upstream.url)
        return config

    def _open(self, only: Collection[int] | None, branches: Collection[str]) -> list[Change]:
        if only is None:
            text = f"project:{changes.quoted(self.clone.server.project)} status:open"
            listed: Iterable[Change | None] = changes.query(self.voter.client, text)
        else:
            listed = (changes.get(self.voter.client, number) for number in sorted(only))
        return [
            change
            for change in listed
            if change is not None and change.is_open and is_full_sha(change.current)
            and change.project == self.clone.server.project and change.branch in branches
        ]  # fmt: skip

    def _landed(self, branches: Collection[str]) -> list[Change]:
        """What has landed lately: picks to release branches may have waited for that."""
        text = f"project:{changes.quoted(self.clone.server.project)} status:merged -age:{_LATELY}"
        found = changes.query(self.voter.client, text)
        return [change for change in found if change.branch in branches and is_full_sha(change.current)]

    def _allowed(self, group: str) -> frozenset[int]:
        """Who may give commands. Where the group cannot be read, nobody may."""
        if not group:
            return frozenset()
        try:
            return changes.members(self.voter.client, group)
        except GerritUnreachable:
            raise
        except GerritError as error:
            self.log("group-unreadable", group=group, why=error.what)
            return frozenset()

    def _job(self, change: Change, branch: str, waivers: tuple[Waiver, ...], world: str) -> Job | Judgement | None:
        """What a change needs: a job, or a judgement that holds still; None where it must wait."""
        trouble = self.journal.trouble(change.number)
        if trouble is not None and trouble.revision == change.current and trouble.next > self.clock():
            return None
        known = self.journal.judgement(change.number)
        if known is None or known.revision != change.current or trouble is not None:
            return Job(change.number, change.current, branch, waivers)
        if known.key != key_of(known.revision, known.report, waivers) or known.report.branch != branch:
            return Job(change.number, change.current, branch, waivers)
        if known.world != world:
            return Job(change.number, change.current, branch, waivers, known.report.inputs)
        return known

    def _fetch(self, wanted: list[Change]) -> None:
        refs = [(each.number, each.patch_set.number, each.patch_set.ref) for each in wanted]
        self.clone.fetch([each for each in refs if each[2].startswith("refs/changes/")])

    def _take(self, tally: Tally, job: Job, answer: Answer, change: Change, world: str) -> None:
        """Act on a tester's answer."""
        if answer.unchanged:
            known = self.journal.judgement(job.change)
            if known is not None:
                self.journal.holds(job.change, world)
                self._vote(tally, Case(known.report, job.waivers, known.made, change))
            return
        if answer.report is None:
            self._trouble(tally, job, answer.trouble)
            return
        tally.judged += 1
        report = answer.report
        self.journal.judged(job.change, key_of(job.revision, report, job.waivers), world, report)
        self._vote(tally, Case(report, job.waivers, self.clock(), change))
        if Verdict.INCOMPLETE in report.labels.values():  # a check had no answer: look again later
            self.journal.failed(job.change, job.revision, "a check had no answer")

    def _vote(self, tally: Tally, case: Case) -> None:
        number, report = case.change.number, case.report
        try:
            outcome, votes = self.voter.vote(case)
        except (GerritError, DiskError) as error:
            self.log("vote-failed", change=number, revision=report.commit, why=error.what)
            tally.lines.append(Line(number, report.commit, "failed", why=error.what))
            return
        if outcome in (Voted.POSTED, Voted.WITHHELD):
            tally.posted += 1
            self.log("vote", change=number, revision=report.commit, outcome=outcome.value, **votes)
        tally.lines.append(Line(number, report.commit, outcome.value, votes))

    def _trouble(self, tally: Tally, job: Job, why: str) -> None:
        """No vote: the infrastructure failed, not the change. It is said once, and tried again later."""
        found = self.journal.failed(job.change, job.revision, why)
        self.log("no-judgement", change=job.change, revision=job.revision, tries=found.tries, why=why)
        tally.lines.append(Line(job.change, job.revision, "trouble", why=why))
        try:
            self.voter.tell(job.change, job.revision, why)
        except GerritError as error:
            self.log("tell-failed", change=job.change, why=error.what)

    def _obey(self, config: Config, change: Change, allowed: Collection[int]) -> None:
        """Carry out the commands in a change's comments that were not yet; of a landed one, what waited for that."""
        for command in commands.commands(change, self.voter.account):
            if command.author not in allowed or (not change.is_open and command.verb is not Verb.CHERRYPICK):
                continue
            if not self._is_due(change, command.id):
                continue
            try:
                self._carry_out(config, change, command)
            except Interrupted:
                raise
            except GerritUnreachable as error:  # it is carried out in another round
                self.log("command-waits", change=change.number, why=error.what)
            except CosportError as error:  # the answer was refused: that must not keep others from theirs
                self.log("command-failed", change=change.number, why=error.what)
                self.journal.done(command.id)

    def _is_due(self, change: Change, command: str) -> bool:
        """Whether a command is to be carried out now. An answer on Gerrit outlives the journal, and what it forgets."""
        if self.voter.answered(change, command) or (change.is_open and self.voter.answered(change, _waiting(command))):
            return False
        return self.journal.begun(command, change.number, landed=not change.is_open)

    def _answer(self, change: Change, command: str, text: str, *, waits: bool = False) -> None:
        self.voter.reply(change.number, _waiting(command) if waits else command, text)
        self.journal.done(command, waits=waits)

    def _carry_out(self, config: Config, change: Change, command: commands.Command) -> None:
        """Carry one command out, and answer it. Raises GerritError where the answer does not get there."""
        waits = False
        text = commands.complaint(command, [each.name for each in config.branches])
        if self.journal.commands_since(change.number, self.clock() - _HOUR) > self.operator.bot.hourly:
            self.log("too-many-commands", change=change.number, author=command.author)
            text = "that was not carried out: there were too many commands in the last hour"
        else:
            self.log("command", change=change.number, verb=command.verb, author=command.author)
        if not text and command.verb is Verb.RECHECK:
            self.journal.again(change.number)
            text = "it is judged anew"
        elif not text and command.verb is Verb.SKIP:
            text = f"{command.words[0]} is put aside for patch set {command.patch_set}"
        elif not text:
            text, waits = self._picked(config, change, command)
        self._answer(change, command.id, text, waits=waits)

    def _picked(self, config: Config, change: Change, command: commands.Command) -> tuple[str, bool]:
        """What came of a wish for picks, and whether it waits. Raises GerritUnreachable: then it is tried again."""
        try:
            picked = cherrypick(self.clone.server, self.clone.repository, config, change, command.words)
        except (Interrupted, GerritUnreachable):
            raise
        except CosportError as error:
            self.log("command-failed", change=change.number, why=error.what)
            return f"that did not work: {code(f'{error.what} {error.hint}'.strip())}", False
        return code(picked.told), picked.waits and change.is_open


def _waiting(command: str) -> str:
    """What is answered where a command waits until its change has landed: it is answered again then."""
    return f"{command}, waits"
