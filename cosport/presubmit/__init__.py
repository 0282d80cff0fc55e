"""The presubmit checks: one library for the command line, the git hooks and the Gerrit bot.

commit -> Change (what is known of it, asked for once) -> kind -> checks -> Report
"""
