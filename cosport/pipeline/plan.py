"""What a run is made of, and how a job becomes an order: references filled in, commits named, inputs hashed to a key.

The plan of a run is written down when it starts (branches and where they stood, the user's inputs, the file's text), so
that a resumed run does what was started, whatever has changed since.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from cosport import __version__
from cosport.errors import RevisionError
from cosport.model.commit import is_full_sha
from cosport.pipeline import reference
from cosport.pipeline.check import place_of
from cosport.pipeline.document import Place, seconds, size
from cosport.pipeline.graph import Cell, Node
from cosport.pipeline.order import FOLDER, REPO, Order, Tip
from cosport.pipeline.reference import Kind
from cosport.pipeline.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosport.git.objects import ObjectReader
    from cosport.pipeline.document import Scalar
    from cosport.pipeline.reference import Reference

SCHEMA: Final = "cosport.pipeline-run/1"


class Plan(Struct, frozen=True, kw_only=True):
    """A run as it was started. `config` is the text of the configuration, and `config_file` where it came from.

    `fresh`: answers of earlier runs are not taken over.
    """

    schema: str = SCHEMA
    file: str
    text: str
    inputs: dict[str, str]
    cells: tuple[Cell, ...]
    config: str = ""
    config_file: str = ""
    upstream: Tip | None = None
    fresh: bool = False


class Absent(Exception):  # noqa: N818 - it is an answer: there is nothing to do this job with
    """A job that this one refers to gave no such output; the text says which."""


class Orders:
    """Makes the orders of one run."""

    def __init__(self, run: str, plan: Plan, reader: ObjectReader, client: str) -> None:
        self._run = run
        self._plan = plan
        self._reader = reader
        self._client = client

    def order(self, node: Node, outputs: Mapping[str, Mapping[str, str]]) -> Order:
        """The order for a node, given what the other nodes' outputs are; its attempt is not numbered yet.

        Raises Absent, and DashError for a value that would be taken for an option.
        """
        values = _Values(self._plan, node, outputs)
        if node.job.stage:
            argv = self._stage_argv(node, values)
        else:
            argv = tuple(reference.fill(part, values.value) for part in node.job.run)
        return Order(
            run=self._run,
            node=node.name,
            attempt=0,
            argv=argv,
            is_stage=bool(node.job.stage),
            stdout=node.job.stdout,
            seconds=seconds(node.job.time),
            memory=size(node.job.resources.memory),
            qemu=node.job.resources.qemu,
            tips=self._tips(node, values.shas),
            config=self._plan.config.encode() if node.job.stage else b"",
            hash_name=self._reader.repository.hash_name,
            version=__version__,
            client=self._client,
            holds_token=bool(node.job.stage) and STAGES[node.job.stage].holds_token,
        )

    def _stage_argv(self, node: Node, values: _Values) -> tuple[str, ...]:
        stage = STAGES[node.job.stage]
        given: dict[str, Scalar | tuple[str, ...]] = {}
        for name, value in node.job.args.items():
            if isinstance(value, bool):
                given[name] = value
                continue
            texts = value if isinstance(value, tuple) else (str(value),)
            filled = tuple(reference.fill(text, values.value) for text in texts)
            if stage.parameters[name].revision:
                values.shas.update(sha for text in filled for sha in self._commits(text))
            given[name] = filled if isinstance(value, tuple) else filled[0]
        return stage.argv(given)

    def _commits(self, revision: str) -> tuple[str, ...]:
        try:
            return tuple(self._reader.resolve(each).sha for each in revision.split("..") if each)
        except RevisionError:
            return ()  # the stage says so itself, better

    def _tips(self, node: Node, shas: set[str]) -> tuple[Tip, ...]:
        tips = {Tip(sha) for sha in shas}
        if node.cell is not None:
            tips.add(Tip(node.cell.tip, node.cell.ref))
        if node.job.stage and self._plan.upstream is not None:
            tips.add(self._plan.upstream)
        return tuple(sorted(tips, key=lambda tip: (tip.sha, tip.ref)))


class _Values:
    """What references of one node lead to; notes the commits among them."""

    def __init__(self, plan: Plan, node: Node, outputs: Mapping[str, Mapping[str, str]]) -> None:
        self._plan = plan
        self._node = node
        self._outputs = outputs
        self.shas: set[str] = set()

    def value(self, wanted: Reference) -> str:
        found = self._find(wanted)
        if is_full_sha(found):
            self.shas.add(found)
        return found

    def _find(self, wanted: Reference) -> str:
        cell = self._node.cell
        if wanted.kind is Kind.INPUT:
            return self._plan.inputs[wanted.name]
        if wanted.kind is Kind.FOLDER:
            return FOLDER
        if wanted.kind is Kind.REPO:
            return REPO
        if wanted.kind is Kind.OUTPUT:
            outputs = self._outputs.get(f"{wanted.name}@{cell.label}" if cell else wanted.name)
            if outputs is None:
                outputs = self._outputs.get(wanted.name, {})
            if not outputs.get(wanted.output):
                raise Absent(f"{wanted.name} gave no {wanted.output}")
            return outputs[wanted.output]
        assert cell is not None, "references to the cell are checked when the file is read"
        return {Kind.BRANCH: cell.branch, Kind.FIX: cell.fix, Kind.TIP: cell.tip}[wanted.kind]


def key(order: Order, node: Node) -> str:
    """The key of an order's inputs: two orders of one key get the same answer."""
    parts = [
        order.version,
        order.argv,
        [msgspec.to_builtins(tip) for tip in order.tips],
        order.config.decode("utf-8", "surrogateescape"),
        place_of(node.job),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def reusable(node: Node) -> bool:
    """Whether an earlier answer for the same inputs may stand for this job's."""
    if node.job.reuse is not None:
        return node.job.reuse
    return STAGES[node.job.stage].reuse if node.job.stage else place_of(node.job) is Place.WORKER
