"""The main job: bring upstream commits to stable branches, in memory, with the reasons, and publish once.

The way of a pick: `request` -> `target` -> `judge` (needed? from which sources?) -> `trial` (does it merge? how true is
it?) -> `choice` (which source fits best?) -> `commit` (message and object) -> `publish` (a ref, by compare-and-swap).
Where it conflicts: `conflict` (a work tree for a person, with the reasons from `why`) and `session` (its state on disk)
-> `resolution` (what the person left) -> `resume`.
`run` walks that way for all branches at once, with a `series` for each; `plan` and `stream` write nothing.
"""
