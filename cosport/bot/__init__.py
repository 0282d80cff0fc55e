"""The presubmit bot: judges open changes on a Gerrit and votes, with two processes that do not share the token.

poll or events -> round -> clone (fetch) -> tester (a process without the token) -> voter -> one review, one record
"""
