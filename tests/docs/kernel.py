"""The small repository that the README's session runs in: the same shas on every machine, so the page can show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import Git

if TYPE_CHECKING:
    from pathlib import Path

DRIVER = "drivers/virtio/virtio_balloon.c"
UPSTREAM = "refs/remotes/upstream/master"
ENGINEER = "Ada Upstream <ada@example.org>"

BASE = """\
static int virtballoon_probe(struct virtio_device *vdev)
{
	struct virtio_balloon *vb;
	int err;

	vb = kzalloc(sizeof(*vb), GFP_KERNEL);
	if (!vb)
		return -ENOMEM;
	err = init_vqs(vb);
	if (err) {
		kfree(vb);
		return err;
	}
	virtio_device_ready(vdev);
	return 0;
}
"""

SHRINKER = BASE.replace(
    """\
	virtio_device_ready(vdev);
""",
    """\
	err = virtio_balloon_register_shrinker(vb);
	if (err) {
		kfree(vb);
		return err;
	}
	virtio_device_ready(vdev);
""",
)

LADDER = SHRINKER.replace(
    """\
	if (err) {
		kfree(vb);
		return err;
	}
""",
    """\
	if (err)
		goto out_free_vb;
""",
).replace(
    """\
	return 0;
}
""",
    """\
	return 0;

out_free_vb:
	kfree(vb);
	return err;
}
""",
)

FIX = LADDER.replace(
    """\
	err = virtio_balloon_register_shrinker(vb);
	if (err)
		goto out_free_vb;
""",
    """\
	err = virtio_balloon_register_shrinker(vb);
	if (err)
		goto out_del_vqs;
""",
).replace(
    """\
out_free_vb:
""",
    """\
out_del_vqs:
	vdev->config->del_vqs(vdev);
out_free_vb:
""",
)

RESOLVED = SHRINKER.replace(
    """\
	err = virtio_balloon_register_shrinker(vb);
	if (err) {
		kfree(vb);
""",
    """\
	err = virtio_balloon_register_shrinker(vb);
	if (err) {
		vdev->config->del_vqs(vdev);
		kfree(vb);
""",
)
"""What a person makes of the conflict on cos-5.10."""


def build(path: Path) -> Git:
    """A clone with stable branches: one takes upstream's fix, one conflicts, one never had the bug, and a release."""
    git = Git.init(path)
    base = git.commit({DRIVER: BASE}, "virtio_balloon: probe the device", branch=UPSTREAM, author=ENGINEER)
    git.branch("cos-5.4", base)
    shrinker = git.commit(
        {DRIVER: SHRINKER}, "virtio_balloon: replace oom notifier with shrinker", branch=UPSTREAM, author=ENGINEER
    )
    git.branch("cos-5.10", shrinker)
    git.commit({DRIVER: LADDER}, "virtio_balloon: use a goto ladder in probe", branch=UPSTREAM, author=ENGINEER)
    git.branch("cos-6.1", UPSTREAM)
    git.branch("release-R113", UPSTREAM)
    git.commit(
        {DRIVER: FIX},
        "virtio_balloon: delete the queues when the shrinker fails\n\n"
        "Probe leaves the virtqueues behind when the shrinker cannot be\n"
        "registered, and the next probe of the device fails.\n\n"
        f'Fixes: {shrinker[:12]} ("virtio_balloon: replace oom notifier with shrinker")\n'
        "Cc: stable@vger.kernel.org\n"
        f"Signed-off-by: {ENGINEER}\n",
        branch=UPSTREAM,
        author=ENGINEER,
    )
    for branch in ("cos-5.4", "cos-5.10", "cos-6.1"):
        git.commit({f"{branch}.config": f"# {branch}\n"}, f"CHROMIUM: config: start {branch}", branch=branch)
    git.branch("main", UPSTREAM)
    git.checkout("main")
    return git
