"""Reports in the forms of other tools: JUnit for CI, SARIF for code scanning, a review for Gerrit.

Each takes reports and gives a document; nothing in a report can break out of the place that it is put in.
"""
