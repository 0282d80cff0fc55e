"""Messages as long and as worded as a kernel's: what an index costs depends on how much there is to read.

The numbers are those of recent kernels, roughly: a quarter of the commits bear a `Fixes:` tag, four in ten of those ask
for the stable trees, most have a link, and a few mention a commit in a sentence. A message follows from its number
alone, so nobody keeps a million of them.
"""

from __future__ import annotations

import random
from typing import Final

_SENTENCES: Final = (
    "The value that the firmware leaves there is not the right one for all machines, and nobody looks at it again.",
    "When two threads come here at once, the second one finds the list half built and walks off its end.",
    "Take the lock first, as all the other callers do.",
    "This was seen under memory pressure with a few hundred guests on one host, about once a day.",
    "The buffer is freed in the error path and then used by the timer, which has not been stopped at that time.",
    "Since the device may go away at any time, hold a reference for as long as the work is queued.",
    "Before commit 9a07826f4bb4 this could not happen, because the caller checked the length.",
    "The return value was ignored; hand it on.",
    "While at it, use the helper for what was open-coded here. No functional change is intended by that part.",
    "A revert of the earlier change would bring the old leak back, so keep the check and move it.",
    "Found by code inspection; tested on real hardware and under emulation, with lock debugging switched on.",
    "BUG: KASAN: slab-use-after-free in worker_thread+0x1b2/0x4f0\n Read of size 8 at addr ffff8881 by task kworker",
    "The documentation says that the register keeps its value over a reset, but on older steppings it does not.",
    "No stable user depends on the old behaviour, as far as the lists tell.",
)

_FIRST: Final = ("Ada", "Bo", "Chen", "Dana", "Eun", "Farid", "Greta", "Hiro", "Ines", "Jan", "Kofi", "Lena", "Mei")
_LAST: Final = ("Abel", "Berg", "Costa", "Diallo", "Eriksen", "Fischer", "Gupta", "Horak", "Ito", "Jensen", "Kim")


def author(number: int) -> str:
    """Who wrote the upstream commit of that number: one of some thousands, a few of them very busy."""
    chance = random.Random(number)
    who = int(3000 * chance.random() ** 3)
    name = f"{_FIRST[who % len(_FIRST)]} {_LAST[who // len(_FIRST) % len(_LAST)]}"
    return f"{name} {who} <{name.split(maxsplit=1)[0].lower()}{who}@example.com>"


def body(number: int) -> str:
    """What the upstream commit of that number tells below its subject, wrapped, without its trailers."""
    chance = random.Random(number)
    count = min(40, max(1, int(chance.lognormvariate(1.1, 0.8))))
    return "".join(f"{_wrapped(text)}\n" for text in chance.choices(_SENTENCES, k=count))


def trailers(number: int, *, fixed: tuple[str, str] | None) -> str:
    """The trailers of that commit; `fixed` is the abbreviated name and the subject of what it fixes."""
    chance = random.Random(-number - 1)
    who = author(number)
    lines = []
    if fixed is not None:
        lines.append(f'Fixes: {fixed[0]} ("{fixed[1]}")')
        if chance.random() < 0.4:
            lines.append(f"Cc: stable@vger.kernel.org # {chance.choice(('4.19+', '5.10+', '6.1+', ''))}".rstrip(" #"))
    lines.append(f"Signed-off-by: {who}")
    if chance.random() < 0.7:
        lines.append(f"Link: https://lore.example.com/r/20200101.{number}-1-{who.split('<')[1][:-1]}")
    if chance.random() < 0.5:
        lines.append(f"Reviewed-by: {author(number // 7)}")
    lines.append(f"Signed-off-by: {author(number % 97)}")
    return "".join(f"{line}\n" for line in lines)


def _wrapped(text: str) -> str:
    lines, width = [""], 0
    for word in text.split(" "):
        if width + len(word) > 72:
            lines.append("")
            width = 0
        lines[-1] += (" " if lines[-1] else "") + word
        width = len(lines[-1])
    return "\n".join(lines)
