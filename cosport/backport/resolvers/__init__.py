"""The ladder of conflict resolvers: rules that place a change of upstream's where git's merge could not, and say why.

Each rule is a small module that states when it holds. `ground` is what they look at (three texts, aligned), `ladder`
tries them in order of trust and refuses where none holds, `doubts` are what speaks against a place that one found.
Nothing here knows git or disks: lines in, lines out.
"""
