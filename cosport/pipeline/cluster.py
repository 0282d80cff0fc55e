"""Dask on our terms: clients, the scheduler and workers of a cluster, its resources, and TLS where others could listen.

Whoever reaches a scheduler can run code on all its workers. So one that listens beyond this machine takes TLS
connections with certificates of the team's own authority, or is not started; and none is spoken to without.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cosport.errors import ToolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distributed import Client
    from distributed.security import Security

MEMORY: Final = "memory"
QEMU: Final = "qemu"
"""The names of the resources that workers announce."""

_SETTINGS: Final = {
    # A dead worker's job comes back to the engine at once: the journal decides whether it is tried again.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,  # jobs take seconds to hours, and steal each other's resources
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.memory.target": False,  # jobs are processes of their own; a worker holds nothing
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.comm.timeouts.tcp": "30s",  # after which a machine that went silent is gone
    "distributed.admin.large-graph-warning-threshold": "10GB",
    "distributed.scheduler.dashboard.status.task-stream-length": 10,
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What one worker has to give: jobs at once, bytes of memory, machines in QEMU."""

    jobs: int
    memory: int
    qemu: int

    @classmethod
    def this(cls, jobs: int | None = None, memory: int | None = None, qemu: int | None = None) -> Machine:
        """This machine, as far as the user does not say otherwise: all cores, all memory, a QEMU for each two cores."""
        cores = os.cpu_count() or 1
        return cls(
            jobs if jobs is not None else cores,
            memory if memory is not None else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            qemu if qemu is not None else max(1, cores // 2),
        )


@dataclass(frozen=True, slots=True)
class Tls:
    """A folder with `ca.pem`, `cert.pem` and `key.pem`: who is trusted, and who we are."""

    folder: Path

    def security(self) -> Security:
        """The same for Dask. Raises UsageError where a file is missing."""
        from distributed.security import Security

        files = {name: self.folder / f"{name}.pem" for name in ("ca", "cert", "key")}
        for file in files.values():
            if not file.is_file():
                raise UsageError(f"{file} is not there", hint="a TLS folder holds ca.pem, cert.pem and key.pem")
        names: dict[str, Any] = {"tls_ca_file": str(files["ca"]), "require_encryption": True}
        for role in ("client", "scheduler", "worker"):
            names |= {f"tls_{role}_cert": str(files["cert"]), f"tls_{role}_key": str(files["key"])}
        return Security(**names)


def configure() -> None:
    """Set Dask up for what we do with it, in this process.

    Its servers of status pages are left out: they speak HTTP without TLS to whoever comes, on a port beside ours, even
    where no dashboard is asked for and the cluster is embedded.
    """
    import logging

    import dask
    from distributed.node import ServerNode

    dask.config.set(_SETTINGS)
    ServerNode.start_http_server = lambda *_, **__: None  # type: ignore[method-assign]
    for name in ("distributed", "distributed.client", "distributed.scheduler", "distributed.worker"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def checked(address: str, tls: Tls | None) -> str:
    """An address that may be used: with its protocol, and on this machine alone unless it is TLS. Raises UsageError."""
    protocol, separator, rest = address.partition("://")
    if not separator:
        protocol, rest = ("tls" if tls is not None else "tcp"), address
    if protocol not in ("tcp", "tls"):
        raise UsageError(
            f"{address}: {protocol} is no protocol of a cluster", hint="tcp://HOST:PORT or tls://HOST:PORT"
        )
    host, _, port = rest.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{address!r} is no address", hint="give one such as tcp://127.0.0.1:8786")
    if (protocol == "tls") != (tls is not None):
        raise UsageError(
            f"{address}: a tls:// address and --tls DIR go together", hint="--tls names the folder of the certificates"
        )
    if tls is None and not is_loopback(host):
        raise UsageError(
            f"{address} is beyond this machine, and whoever reaches a scheduler runs code on its workers",
            hint="use TLS: tls://HOST:PORT and --tls DIR",
        )
    return f"{protocol}://{rest}"


def is_loopback(host: str) -> bool:
    """Whether that host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def connect(address: str, tls: Tls | None, *, wait: float) -> Client:
    """A client of the scheduler at that address, which may take `wait` seconds to come up. Raises ToolError."""
    from distributed import Client

    configure()
    try:
        return Client(
            address,
            security=tls.security() if tls is not None else None,
            timeout=wait,
            set_as_default=False,
            name="cosport",
        )
    except (OSError, TimeoutError, ValueError) as exc:
        raise ToolError(
            f"no scheduler answers at {address}: {exc}",
            hint="start one: cosport pipeline scheduler; a run goes on with resume",
        ) from exc


def embedded(machine: Machine) -> Client:
    """A scheduler and a worker in threads of this process; nothing listens anywhere."""
    from distributed import Client, LocalCluster

    configure()
    cluster = LocalCluster(
        n_workers=1,
        threads_per_worker=machine.jobs,
        processes=False,
        protocol="inproc://",
        dashboard_address=None,
        memory_limit=None,
        resources={MEMORY: machine.memory, QEMU: machine.qemu},
    )
    return Client(cluster, set_as_default=False)


def machines(client: Client) -> dict[str, Machine]:
    """What the workers of a cluster announce, by their addresses. Raises OSError where its scheduler went away."""
    found = client.scheduler_info(n_workers=-1)["workers"]
    return {
        address: Machine(each["nthreads"], int(each["resources"].get(MEMORY, 0)), int(each["resources"].get(QEMU, 0)))
        for address, each in found.items()
    }


def leave(client: Client) -> None:
    """Let go of a cluster; an embedded one ends."""
    inside = client.cluster
    client.close(timeout=2)
    if inside is not None:
        inside.close(timeout=2)


def serve(address: str, tls: Tls | None, ready: Callable[[str], None]) -> None:
    """Be a scheduler until the process is told to end; `ready` is called with the address where it listens."""
    from distributed import Scheduler

    configure()
    protocol, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")

    async def run() -> None:
        async with Scheduler(
            protocol=protocol,
            host=host,
            port=int(port),
            security=tls.security() if tls is not None else None,
            dashboard=False,
        ) as scheduler:
            ready(scheduler.address)
            await scheduler.finished()

    asyncio.run(run())


def join(address: str, tls: Tls | None, machine: Machine, *, folder: Path, ready: Callable[[str], None]) -> None:
    """Be a worker of that scheduler, with these resources, until it goes away or the process is told to end."""
    from distributed import Worker

    configure()

    async def run() -> None:
        async with Worker(
            address,
            nthreads=machine.jobs,
            resources={MEMORY: machine.memory, QEMU: machine.qemu},
            security=tls.security() if tls is not None else None,
            local_directory=str(folder),
            memory_limit=0,
            host=None if tls is not None else "127.0.0.1",
            dashboard=False,
            death_timeout=None,
        ) as worker:
            ready(worker.address)
            await worker.finished()

    asyncio.run(run())
