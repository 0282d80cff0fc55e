"""What happens on a worker of a cluster: an order's commits are at hand, it is performed, its results are sent home.

A worker keeps one repository for all jobs, which only ever grows by bundles. Each job gets a repository of its own that
borrows those objects: with the refs that it is to see, and free to write its own.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cosport import __version__
from cosport.errors import CosportError
from cosport.git.repository import Repository
from cosport.pipeline import parcel
from cosport.pipeline.order import Answer
from cosport.pipeline.perform import perform, where
from cosport.pipeline.state import End

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.pipeline.order import Order

VARIABLE: Final = "COSPORT_WORKER"
"""Names the folder of a worker, in its environment: Dask's workers take functions, and these need to find it."""

TOPIC: Final = "cosport-begun"
"""The topic of Dask's events on which workers say that they began with an attempt."""


@dataclass(frozen=True, slots=True)
class _Stock:
    """The repository of all jobs here; `known` are the commits that it was seen to hold, and holds for good."""

    repository: Repository
    known: set[str] = field(default_factory=set)

    def lacking(self, shas: Sequence[str]) -> tuple[str, ...]:
        """Those of these commits that it lacks; where that is none, it holds them from now on."""
        new = [sha for sha in shas if sha not in self.known]
        lacks = _lacking(self.repository, new) if new else ()
        if new and not lacks:
            parcel.hold(self.repository, new)
            self.known.update(new)
        return lacks


@cache
def _stock(folder: Path, hash_name: str) -> _Stock:
    return _Stock(Repository.make(folder / f"objects-{hash_name}.git", hash_name))


def work(order: Order, sent: bytes) -> Answer:
    """Perform an order here; `sent` is a bundle of what this worker lacked, b"" at first. Never raises."""
    try:
        folder = Path(os.environ[VARIABLE])
        if order.version != __version__:
            what = f"the worker's cosport is {__version__}, the run's {order.version}"
            return Answer(end=End.NOT_STARTED, worker=where(), what=what)
        place = folder / "jobs" / order.name.replace("/", "~")
        if not order.needs_repository:
            return _perform(order, None, place)
        stock = _stock(folder.parent, order.hash_name)
        if sent:
            parcel.open_bundle(stock.repository, sent)
        if lacks := stock.lacking([tip.sha for tip in order.tips]):
            what = f"the worker lacks {lacks[0]}, whatever it is sent"
            return Answer(end=End.LACKS, worker=where(), what=what, lacks=lacks, has=parcel.held(stock.repository))
        return _perform(order, stock.repository, place)
    except (CosportError, OSError) as exc:
        return Answer(end=End.BROKEN, worker=where(), what=f"the worker could not do it: {exc}")


def say_begun(order: Order) -> None:
    """Tell the client that this worker begins with an attempt."""
    from distributed import get_worker

    said: dict[str, Any] = {"run": order.run, "node": order.node, "attempt": order.attempt, "place": where()}
    get_worker().log_event(TOPIC, said)


def lend(clone: Repository, folder: Path) -> None:
    """Let a worker's repository in `folder` borrow the objects of a clone, so that little has to be sent."""
    place = folder / f"objects-{clone.hash_name}.git"
    store = Repository.make(place, clone.hash_name, borrow=clone.common_dir / "objects")
    tips = clone.text("for-each-ref", "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname)").splitlines()
    words = [line.split() for line in tips]
    parcel.hold(store, {each[at + 1] for each in words for at in range(0, len(each), 2) if each[at] == "commit"})


def _lacking(store: Repository, shas: list[str]) -> tuple[str, ...]:
    asked = "".join(f"{sha}\n" for sha in shas).encode()
    answers = store.run("cat-file", "--batch-check", stdin=asked).decode("ascii").splitlines()
    return tuple(sha for sha, line in zip(shas, answers, strict=True) if line.endswith(" missing"))


def _perform(order: Order, store: Repository | None, place: Path) -> Answer:
    """Perform the order in a folder that is gone afterwards; where it needs commits, on those in `store`."""
    shutil.rmtree(place, ignore_errors=True)
    try:
        place.mkdir(parents=True)
        repository = _repository(order, store, place / "repo.git") if store is not None else None
        config = place / "cosport.toml"
        config.write_bytes(order.config)
        say_begun(order)
        answer = perform(order, place / "files", place / "repo.git", config if order.config else None)
        if answer.end is not End.EXITED:
            return answer
        answer = msgspec.structs.replace(answer, files=parcel.pack(place / "files"))
        written = parcel.new_refs(repository, order.tips) if repository is not None else ()
        if repository is None or not written:
            return answer
        bundle = parcel.bundle(repository, [each.new for each in written], [tip.sha for tip in order.tips])
        return msgspec.structs.replace(answer, refs=written, bundle=bundle)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _repository(order: Order, store: Repository, place: Path) -> Repository:
    """A repository for one job: with the refs that it is to see, and the history index of all jobs here."""
    repository = store.moment(place)
    if refs := [(tip.ref, tip.sha) for tip in order.tips if tip.ref]:
        parcel.set_refs(repository, refs)
    store.state_dir.mkdir(exist_ok=True)
    repository.state_dir.symlink_to(store.state_dir, target_is_directory=True)
    return repository
