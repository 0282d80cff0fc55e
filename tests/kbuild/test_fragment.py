from __future__ import annotations

import pytest

from cosport import resources
from cosport.errors import BuildError
from cosport.kbuild import fragment

WANTED = "CONFIG_VIRTIO_BALLOON=y\n# CONFIG_LOCALVERSION_AUTO is not set\n# a remark\n"


def test_what_kconfig_kept_is_well() -> None:
    fragment.check(fragment.parse(WANTED), fragment.parse("CONFIG_VIRTIO_BALLOON=y\n"), "a kernel")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("", "CONFIG_VIRTIO_BALLOON=y became n"),
        ("CONFIG_VIRTIO_BALLOON=m\n", "CONFIG_VIRTIO_BALLOON=y became m"),
        ("CONFIG_VIRTIO_BALLOON=y\nCONFIG_LOCALVERSION_AUTO=y\n", "CONFIG_LOCALVERSION_AUTO=n became y"),
        ("CONFIG_VIRTIO_BALLOON=y\n# CONFIG_VIRTIO_BALLOON is not set\n", "became n"),
    ],
)
def test_what_kconfig_dropped_is_named(config: str, says: str) -> None:
    with pytest.raises(BuildError) as caught:
        fragment.check(fragment.parse(WANTED), fragment.parse(config), "a kernel")
    assert says in caught.value.what


def test_the_fragment_that_ships_has_what_a_guest_needs() -> None:
    found = fragment.parse(resources.text("pipelines", "kernel", "balloon.config"))
    for name in ("VIRTIO_BALLOON", "VIRTIO_PCI", "VIRTIO_BLK", "VIRTIO_CONSOLE", "BLK_DEV_INITRD", "DEVTMPFS"):
        assert found[f"CONFIG_{name}"] == "y"
