"""Builds kernels: a full build once, then only what an arm changes; what was built before is not built again."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from cosport.errors import BuildError, DiskError
from cosport.kbuild import fragment, sandbox, toolchain
from cosport.kbuild.cache import cache_folder, held, key, publish
from cosport.kbuild.module import Built
from cosport.kbuild.sandbox import Mount, Trust
from cosport.kbuild.tree import require_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosport.kbuild.tree import Tree

TINY: Final = "tinyconfig"
_IMAGE: Final = "arch/x86/boot/bzImage"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a kernel is configured from: a make target or a defconfig file of the tree, and a fragment on top of it."""

    base: str
    fragment: str

    @property
    def wanted(self) -> dict[str, str]:
        """The fragment's symbols."""
        return fragment.parse(self.fragment)


def build(tree: Tree, configuration: Configuration, trust: Trust = Trust.OWN) -> Built:
    """The bzImage of a tree, built where its `trust` allows it.

    Raises BuildError where it cannot be built, ToolError without a compiler or a sandbox that is needed.
    """
    toolchain.require(toolchain.FOR_KERNEL)
    compiler = toolchain.compiler()
    boxed = () if trust is Trust.OWN else ("boxed",)
    about = (configuration.base, configuration.fragment, compiler, *boxed)
    kept = cache_folder() / "kernels" / key("kernel", tree.identity, *about) / "bzImage"
    if kept.is_file():
        return Built(kept, 0.0, cached=True)
    begun = monotonic()
    try:
        with held(cache_folder() / "build" / key(tree.source.place, *about)) as place:
            publish(kept, _build(tree, configuration, place, trust))
    except OSError as exc:
        hint = f"a kernel build takes about 2 GiB in {cache_folder()}; XDG_CACHE_HOME moves it"
        raise DiskError(f"{exc.filename or cache_folder()}: {exc.strerror}", hint=hint) from exc
    return Built(kept, monotonic() - begun, cached=False)


def _build(tree: Tree, configuration: Configuration, place: Path, trust: Trust) -> bytes:
    """Lay the tree out, configure, compile: in one folder for all trees of a place, so that make finds its work."""
    source, out = place / "src", place / "out"
    tree.lay_out(source)
    out.mkdir(exist_ok=True)
    what = f"the kernel of {tree.title}"
    with sandbox.output(out, trust) as written:
        mounts = None if trust is Trust.OWN else (Mount(source, str(source)), Mount(written, str(out), writable=True))
        _configure(tree, configuration, source, out, what=what, written=written, mounts=mounts)
        # Old trees warn under new compilers, and make some warnings errors.
        toolchain.make("-s", "KCFLAGS=-Wno-error", "bzImage", folder=out, what=what, mounts=mounts)
        if not (written / _IMAGE).is_file():
            raise BuildError(f"{what}: make said nothing and left no {_IMAGE}", hint="is it a kernel tree for x86?")
        return sandbox.read(written, _IMAGE)


def _configure(
    tree: Tree,
    configuration: Configuration,
    source: Path,
    out: Path,
    *,
    what: str,
    written: Path,
    mounts: Sequence[Mount] | None,
) -> None:
    """Write the .config, and see that it holds all of the fragment; unless it was made of the very same already.

    `written` is where the build's `out` lies. It holds nothing of a foreign tree yet.
    """
    config, made_of = written / ".config", written / ".cosport-config"
    # What an arm replaces changes no configuration, unless it is a Kconfig file.
    kconfig = key(*(part for path, data in sorted(tree.replaced.items()) if "Kconfig" in path for part in (path, data)))
    now = key(tree.source.identity, configuration.base, configuration.fragment, kconfig)
    if config.is_file() and made_of.is_file() and made_of.read_text(encoding="ascii") == now:
        return
    made_of.unlink(missing_ok=True)

    def make(target: str) -> None:
        try:
            toolchain.make("-s", "-C", str(source), f"O={out}", target, folder=out, what=what, mounts=mounts)
        except BuildError:
            require_whole(source, "x86", tree.title)
            raise

    if "/" in configuration.base:
        start = tree.read(configuration.base).decode("utf-8", "replace")
    else:
        make(configuration.base)
        start = _text(written)
    config.write_text(f"{start}\n{configuration.fragment}", encoding="utf-8")
    make("olddefconfig")
    fragment.check(configuration.wanted, fragment.parse(_text(written)), what)
    publish(made_of, now.encode("ascii"))


def _text(written: Path) -> str:
    return sandbox.read(written, ".config").decode("utf-8", "replace")
