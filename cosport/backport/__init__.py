"""The main job: bring upstream commits to stable branches, in memory, with the reasons, and publish once.

The way of a pick: `request` -> `target` -> `judge` (needed? from which source?) -> `trial` (does it merge? how true is it?)
-> `commit` (message and object) -> `publish` (a ref, by compare-and-swap), or `session` (a conflict, for a person).
`run` walks that way for all branches at once; `plan` and `stream` stop before anything is written.
"""
