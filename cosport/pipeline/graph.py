"""A pipeline and its matrix become a graph: one node for each job in each cell, and the nodes that each waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct

from cosport.pipeline.state import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosport.pipeline.document import Document, Job


class Cell(Struct, frozen=True):
    """One cell of the matrix: a branch and where it stood when the run began; its missing fix where it is about one."""

    branch: str
    ref: str
    tip: str
    fix: str = ""

    @property
    def label(self) -> str:
        """How the cell is called in tables and names."""
        return f"{self.branch}:{self.fix[:12]}" if self.fix else self.branch


@dataclass(frozen=True, slots=True)
class Node:
    """One job of a run. `needs` are names of nodes."""

    name: str
    job_name: str
    job: Job
    cell: Cell | None
    needs: tuple[str, ...]


def build(document: Document, cells: tuple[Cell, ...]) -> dict[str, Node]:
    """All nodes by name, in the file's order; a pipeline without a matrix has no cells, and one node for each job."""
    nodes: dict[str, Node] = {}
    for name, job in document.jobs.items():
        for cell in _cells(document, job, cells):
            needs = tuple(
                _name(need, other)
                for need in job.needs
                for other in _cells(document, document.jobs[need], cells)
                if cell is None or other is None or other == cell
            )
            nodes[_name(name, cell)] = Node(_name(name, cell), name, job, cell, needs)
    return nodes


def resting_on_nothing(nodes: Mapping[str, Node], states: Mapping[str, State]) -> tuple[str, ...]:
    """The jobs with an answer that need, directly or through others, one without: a report on what is not there yet."""
    shaky = {name for name, state in states.items() if not state.answered and state is not State.SKIPPED}
    while more := {name for name, node in nodes.items() if name not in shaky and not shaky.isdisjoint(node.needs)}:
        shaky |= more
    return tuple(name for name in nodes if name in shaky and states[name].answered)


def _cells(document: Document, job: Job, cells: tuple[Cell, ...]) -> tuple[Cell | None, ...]:
    return (None,) if document.matrix is None or job.once else cells


def _name(job: str, cell: Cell | None) -> str:
    return job if cell is None else f"{job}@{cell.label}"
